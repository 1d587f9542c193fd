// SPDX-License-Identifier: EUPL-1.2
//
// The frames between a worker and its notary, over a SOCK_SEQPACKET unix socket pair (AF_UNIX keeps packet boundaries
// and order). The supervisor makes the pair and keeps both ends, so either side may be restarted without losing the
// socket.
//
// One packet carries many frames. Both sides read a packet whole or not at all: every length is bounded and must add up
// exactly, every unused bit is zero, every result code known (the notary trusts no worker).
//
// Who is speaking. Each process draws a random epoch at its start. A packet names its sender's epoch and the epoch of
// the receiver that it was written for (0: not known yet).
//   - A packet written for another epoch than the receiver's is dropped whole; only its HELLO frames are
//     read. So requests queued for a notary that died are not executed by its successor, and replies to a dead worker
//     do not reach its successor.
//   - A packet from an epoch not seen before says that the process at the other end is a new one. The worker then
//   treats all its
//     outstanding requests as void (whether they were recorded shows an APPEND that is answered ERR_EXISTS, or a
//     LOOKUP); the notary seals the dead worker's open exchanges as interrupted or unanswered.
//   - At its start each side sends HELLO, and answers a HELLO of a new epoch, unless that HELLO was written for its
//     own epoch, with one of its own. A worker sends no other frame before it has had the notary's HELLO.
//
// Integers are little-endian: both ends are on one machine. Hashes are 32 bytes.
//
// packet    u32 magic "BNF1", u16 kind (1 worker, 2 notary), u16 0, u64 epoch, u64 to_epoch, u32 frames, u32 shared
// size, shared, frames shared    (notary) u16 hashes of the upper path, u16 0, u32 note size, upper path, note frame
// u32 size of the whole frame, u8 kind, u8 flags, u16 code, u64 token, then by kind:
//   HELLO      u32 version, u64 shard size, origin                       (origin and size only from the notary)
//   STATUS     the same as HELLO, pushed when code, origin or shard changed
//   APPEND     u8 type, 3 × 0, u32 body size, u32 attachment size, u32 private size, u32 salt size; these bytes
//   APPENDED   u64 index, i64 time, 16 bytes blinder, u32 path hashes, u32 report size; path, report
//   LOOKUP     16 bytes exchange id, client member (empty: an exchange of our own)
//   LOOKED_UP  report
//   ERASE      16 bytes exchange id, client member; flags say which parts
//   ERASED     u32 parts that were erased
//   GRANTS_CHANGED  u64 leaves of the shard that the grants file covers
#ifndef BESA_WIRE_NOTARY_FRAME_H
#define BESA_WIRE_NOTARY_FRAME_H

#include "base/identifier.h"
#include "wire/envelope.h"
#include "wire/statement.h"

enum {
	// One packet. Below the kernel's default socket buffer of 208 KiB; a worker cannot make the notary read more at
	// once.
	NOTARY_PACKET_MAX = 128 * 1024,
	NOTARY_PACKET_HEADER_SIZE = 32,
	NOTARY_FRAME_HEADER_SIZE = 16,
	NOTARY_FRAME_VERSION = 1,
	NOTARY_BLINDER_SIZE = STATEMENT_BLINDER_SIZE,
	// What stands beside a record: the foreign statement and its seal, as the first two fields of
	// besa.evidence.v1.SealedStatement (the same bytes as in an envelope).
	NOTARY_ATTACHMENT_MAX = STATEMENT_LEAF_MAX + ENVELOPE_SEAL_MAX + 16,
	// The largest stored report that is handed back.
	NOTARY_REPORT_MAX = 100 * 1024,
	NOTARY_PATH_MAX = ENVELOPE_PATH_MAX,
};

enum notary_sender { NOTARY_FROM_WORKER = 1, NOTARY_FROM_NOTARY = 2 };

enum notary_frame_kind {
	NOTARY_HELLO = 1,
	NOTARY_APPEND = 2,
	NOTARY_LOOKUP = 3,
	NOTARY_ERASE = 4,
	NOTARY_APPENDED = 65,
	NOTARY_LOOKED_UP = 66,
	NOTARY_ERASED = 67,
	NOTARY_GRANTS_CHANGED = 68,
	NOTARY_STATUS = 69,
};

// Flags of an APPEND frame: answer with a seal; without it durability is all the worker waits for.
enum { NOTARY_WANT_SEAL = 1 };

// Flags of an ERASE frame.
enum { NOTARY_ERASE_PRIVATE = 1, NOTARY_ERASE_SALT = 2 };

// The head of a packet, and what its frames share.
struct notary_packet {
	enum notary_sender sender;
	uint64_t epoch;
	uint64_t to_epoch;
	uint32_t frame_count;
	// Notary only: the checkpoint of the APPENDED frames that have code OK and wanted a seal, and the part that
	// their audit paths have in common (what follows each frame's own path). Empty when nothing was sealed.
	struct slice note;
	struct slice upper;
};

// A frame; which fields count depends on the kind. Slices point into the packet.
struct notary_frame {
	enum notary_frame_kind kind;
	uint8_t flags;
	result code;    // of replies and STATUS, HELLO (OK: the ledger takes records)
	uint64_t token; // chosen by the worker, given back unchanged

	// HELLO, STATUS
	uint32_t version;
	uint64_t size;       // leaves; also GRANTS_CHANGED
	struct slice origin; // of the shard that takes records, "besa/XK/GOV/ARC/gw1/2026"; empty from a worker

	// APPEND
	enum statement_type type;
	struct slice body;         // the statement's body; the notary adds member, time and blinder
	struct slice attachment;   // RECEIVED and similar: foreign statement and seal; empty otherwise
	struct slice private_part; // kept beside the record, erasable
	struct slice salt;         // of the payload's digest if the content is kept, erasable

	// APPENDED: leaf = statement_append_leaf(type, member, time_us, blinder, body); audit path = path ‖ packet's
	// upper
	uint64_t index;
	int64_t time_us;
	const uint8_t *blinder; // NOTARY_BLINDER_SIZE bytes
	struct slice path;
	// APPENDED with ERR_REPLAYED or ERR_EXISTS, LOOKED_UP: bytes of a besa.exchange.v1.OutcomeReport, may be empty
	struct slice report;

	// LOOKUP, ERASE
	const uint8_t *exchange_id; // IDENTIFIER_UUID_SIZE bytes
	struct slice client;        // member that asked; empty: the exchange is one of our own requests

	// ERASED
	uint32_t erased;
};

// ---- reading ----

struct notary_reader {
	struct slice rest;
	uint32_t left;
	enum notary_sender sender;
};

// Checks the head of a packet that `sender` must have made, and starts reading its frames. ERR_PROTOCOL, ERR_LIMIT.
result notary_packet_parse(struct slice packet, enum notary_sender sender, struct notary_packet *ret_packet,
			   struct notary_reader *ret_reader);

// The next frame; ERR_NOT_FOUND after the last one, ERR_PROTOCOL when the bytes are not what they must be (then nothing
// more of the packet may be used).
result notary_frame_next(struct notary_reader *reader, struct notary_frame *ret_frame);

// ---- writing ----
//
// A packet is built in caller's memory of NOTARY_PACKET_MAX bytes: begin, put frames until one does not fit, end,
// send, begin again. Nothing is allocated.
struct notary_writer {
	uint8_t *data;
	size_t size; // 0: not begun
	uint32_t frame_count;
};

// Starts a packet. `note` and `upper` are empty from a worker and where nothing is sealed.
void notary_writer_begin(struct notary_writer *writer, uint8_t data[NOTARY_PACKET_MAX],
			 const struct notary_packet *head);

// Adds a frame of the packet's sender. ERR_BUSY: no room, end and send this packet, then begin another; ERR_LIMIT: too
// large for any packet; ERR_ARGUMENT: a field outside its bounds. The packet is unchanged after an error.
result notary_writer_put(struct notary_writer *writer, const struct notary_frame *frame);

// Finishes the packet; its bytes, empty if it has no frame. Begin before the next put.
struct slice notary_writer_end(struct notary_writer *writer);

#endif
