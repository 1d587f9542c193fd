// SPDX-License-Identifier: EUPL-1.2
//
// Names of members, subsystems and exchanges.
//
// Member `XK/GOV/ARC` = instance/class/member; subsystem `XK/GOV/ARC/population`. Each part has
// 1 to 64 characters of A-Z a-z 0-9 - _ . and does not start with a dot: the set that needs no escaping in a
// ledger origin, a certificate's URI, a file name and a command line. Ledger origin
// `besa/XK/GOV/ARC/gw1/2026` = "besa" / member / gateway / shard.
// An exchange id is a UUIDv7 (RFC 9562 section 5.7): its first 48 bits are milliseconds of UTC.
#ifndef BESA_BASE_IDENTIFIER_H
#define BESA_BASE_IDENTIFIER_H

#include "base/result.h"
#include "base/slice.h"

enum {
	IDENTIFIER_PART_MAX = 64,
	IDENTIFIER_MAX = 4 * IDENTIFIER_PART_MAX + 3,            // a subsystem
	IDENTIFIER_ORIGIN_MAX = 5 + 5 * IDENTIFIER_PART_MAX + 4, // "besa/" and five parts
	IDENTIFIER_UUID_SIZE = 16,
	IDENTIFIER_UUID_TEXT_SIZE = 37, // with terminator
};

// Whether the text is one legal part, a member id, a subsystem id, a ledger origin.
bool identifier_is_part(struct slice text);
bool identifier_is_member(struct slice text);
bool identifier_is_subsystem(struct slice text);
bool identifier_is_origin(struct slice text);

// The member of a subsystem id or of an origin, as a slice of the argument; empty if the
// argument is no subsystem id (origin).
struct slice identifier_member_of_subsystem(struct slice subsystem);
struct slice identifier_member_of_origin(struct slice origin);

// The origin without its shard, `besa/XK/GOV/ARC/gw1`: what a seal certificate names. Empty if
// the argument is no origin.
struct slice identifier_ledger_of_origin(struct slice origin);

// Whether the subsystem belongs to the member.
bool identifier_subsystem_belongs(struct slice subsystem, struct slice member);

// A new UUIDv7 of the present millisecond.
void identifier_new_uuid(uint8_t uuid[IDENTIFIER_UUID_SIZE]);

// Whether 16 bytes have the version 7 and variant bits.
bool identifier_is_uuid7(struct slice uuid);

// The time inside a UUIDv7, microseconds of UTC (whole milliseconds).
int64_t identifier_uuid_time_us(const uint8_t uuid[IDENTIFIER_UUID_SIZE]);

// "0198c0de-…" and back; parsing takes lower and upper case, ERR_FORMAT otherwise.
void identifier_uuid_text(const uint8_t uuid[IDENTIFIER_UUID_SIZE], char text[IDENTIFIER_UUID_TEXT_SIZE]);
result identifier_parse_uuid(struct slice text, uint8_t uuid[IDENTIFIER_UUID_SIZE]);

#endif
