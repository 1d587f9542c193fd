// SPDX-License-Identifier: EUPL-1.2
//
// Looking back: what is on record about an exchange, with fresh seals; proofs of old leaves; erasing.
//
// Nothing read back is believed: records are checked against their crc, and a path made from stored nodes must lead to
// the root before it leaves.
#include "base/clock.h"
#include "ledger/ledger_state.h"
#include "wire/envelope.h"

static const uint64_t within_shard = (UINT64_C(1) << 56) - 1;

// ---- records ----

static size_t ordinal_of(uint64_t position)
{
	return (size_t)(position >> 56);
}

static bool is_present(const struct ledger *ledger, uint64_t position)
{
	return ordinal_of(position) == ledger->shard_count - 1;
}

static result open_shard(const struct ledger *ledger, size_t ordinal, struct disk **ret_disk)
{
	char path[sizeof ledger->shard_path];
	ledger_shard_path_of(ledger, ordinal, path);
	return disk_open(path, false, ret_disk, NULL);
}

static result read_into(struct ledger *ledger, uint64_t position, struct buffer *memory,
			struct journal_record *ret_record)
{
	if (is_present(ledger, position)) {
		return journal_read(&ledger->journal, position & within_shard, memory, ret_record, NULL, NULL);
	}
	struct disk *disk = NULL;
	result code = open_shard(ledger, ordinal_of(position), &disk);
	if (code == OK) {
		struct journal earlier = { .disk = disk };
		code = journal_read(&earlier, position & within_shard, memory, ret_record, NULL, NULL);
		journal_release(&earlier);
	}
	disk_close(disk);
	return code;
}

result ledger_read_record(struct ledger *ledger, uint64_t position, struct journal_record *ret_record)
{
	return read_into(ledger, position, &ledger->record_memory, ret_record);
}

// ---- proofs ----

static result prove(struct nodes *nodes, uint64_t index, uint64_t size, const uint8_t root[DIGEST_SIZE],
		    struct buffer *path)
{
	struct merkle_reader reader = nodes_reader(nodes);
	uint8_t leaf[DIGEST_SIZE];
	uint8_t reached[DIGEST_SIZE];
	size_t before = path->size;
	result code = reader.read(reader.context, 0, index, leaf);
	if (code == OK) {
		code = merkle_prove_inclusion(&reader, index, size, path);
	}
	if (code == OK) {
		struct slice made = slice_skip(buffer_slice(path), before);
		code = merkle_path_root(index, size, leaf, made, reached);
	}
	if (code == OK) {
		return memcmp(reached, root, DIGEST_SIZE) == 0 ? OK : ERR_LEDGER_DAMAGED;
	}
	return code == ERR_NOT_FOUND || code == ERR_FORMAT ? ERR_LEDGER_DAMAGED : code;
}

result ledger_prove_inclusion(struct ledger *ledger, uint64_t index, uint64_t size, struct buffer *path)
{
	struct merkle_reader reader = nodes_reader(&ledger->nodes);
	struct merkle_frontier frontier;
	uint8_t root[DIGEST_SIZE];
	if (size > ledger->frontier.size || index >= size) {
		return ERR_ARGUMENT;
	}
	if (size == ledger->frontier.size) {
		return prove(&ledger->nodes, index, size, ledger->root_hash, path);
	}
	result code = merkle_read_frontier(&reader, size, &frontier);
	if (code != OK) {
		return ERR_LEDGER_DAMAGED;
	}
	merkle_frontier_root(&frontier, root);
	return prove(&ledger->nodes, index, size, root, path);
}

result ledger_prove_consistency(struct ledger *ledger, uint64_t first, uint64_t second, struct buffer *proof)
{
	struct merkle_reader reader = nodes_reader(&ledger->nodes);
	struct merkle_frontier frontiers[2];
	uint8_t roots[2][DIGEST_SIZE];
	uint64_t sizes[2] = { first, second };
	if (first > second || second > ledger->frontier.size) {
		return ERR_ARGUMENT;
	}
	for (int i = 0; i < 2; i++) {
		if (merkle_read_frontier(&reader, sizes[i], &frontiers[i]) != OK) {
			return ERR_LEDGER_DAMAGED;
		}
		merkle_frontier_root(&frontiers[i], roots[i]);
	}
	bool whole = second != ledger->frontier.size || memcmp(roots[1], ledger->root_hash, DIGEST_SIZE) == 0;
	size_t before = proof->size;
	result code = merkle_prove_consistency(&reader, first, second, proof);
	if (code == OK) {
		struct slice made = slice_skip(buffer_slice(proof), before);
		code = merkle_consistency_verify(first, roots[0], second, roots[1], made);
		return whole && code == OK ? OK : ERR_LEDGER_DAMAGED;
	}
	return code == ERR_NOT_FOUND ? ERR_LEDGER_DAMAGED : code;
}

static result encode_seal(const char *origin, uint64_t index, struct slice path, struct slice note, struct buffer *seal)
{
	struct envelope_seal made = {
		.origin = slice_text(origin),
		.index = index,
		.path = path,
		.checkpoint = note,
	};
	return envelope_encode_seal(&made, seal, NULL);
}

static result seal_present(struct ledger *ledger, uint64_t index, struct buffer *seal)
{
	struct buffer path;
	buffer_init(&path, MERKLE_PATH_SIZE_MAX);
	result code = ledger_sign(ledger, ledger->frontier.size, ledger->root_hash);
	if (code == OK) {
		code = prove(&ledger->nodes, index, ledger->frontier.size, ledger->root_hash, &path);
	}
	if (code == OK) {
		code = encode_seal(ledger->origin, index, buffer_slice(&path), buffer_slice(&ledger->note), seal);
	}
	buffer_release(&path);
	return code;
}

// A leaf of an earlier shard is sealed by the head that this shard published last.
static result seal_earlier(struct ledger *ledger, size_t ordinal, uint64_t index, struct buffer *seal)
{
	struct disk *disk = NULL;
	struct nodes nodes = { 0 };
	struct buffer note;
	struct buffer path;
	struct note_view view;
	struct checkpoint checkpoint;
	uint64_t covered = 0;
	char origin[IDENTIFIER_ORIGIN_MAX + 1];
	buffer_init(&note, JOURNAL_NOTE_MAX);
	buffer_init(&path, MERKLE_PATH_SIZE_MAX);
	result code = open_shard(ledger, ordinal, &disk);
	if (code == OK) {
		code = ledger_read_file(disk, "checkpoint", &note);
	}
	if (code == OK) {
		code = note_parse(buffer_slice(&note), &view, NULL);
	}
	if (code == OK) {
		code = checkpoint_parse(view.text, &checkpoint, NULL);
	}
	if (code == OK && (index >= checkpoint.size || checkpoint.origin.size > IDENTIFIER_ORIGIN_MAX)) {
		code = ERR_NOT_FOUND;
	}
	if (code == OK) {
		code = nodes_open(&nodes, disk, &covered);
	}
	if (code == OK) {
		nodes_continue(&nodes, covered);
		memcpy(origin, checkpoint.origin.data, checkpoint.origin.size);
		origin[checkpoint.origin.size] = '\0';
		code = prove(&nodes, index, checkpoint.size, checkpoint.root, &path);
		nodes_close(&nodes);
	}
	if (code == OK) {
		code = encode_seal(origin, index, buffer_slice(&path), buffer_slice(&note), seal);
	}
	disk_close(disk);
	buffer_release(&note);
	buffer_release(&path);
	return code;
}

// ---- reports ----

// A record of the report and its seal, held until the report is encoded.
struct part {
	struct buffer memory;
	struct buffer seal;
	struct journal_record record;
	bool there;
};

static void part_init(struct part *part)
{
	*part = (struct part){ 0 };
	buffer_init(&part->memory, JOURNAL_BATCH_MAX);
	buffer_init(&part->seal, ENVELOPE_SEAL_MAX);
}

static void part_release(struct part *part)
{
	buffer_release(&part->memory);
	buffer_release(&part->seal);
}

// Position 0 is none.
static result part_read(struct ledger *ledger, uint64_t position, struct part *part)
{
	if (position == 0) {
		return OK;
	}
	result code = read_into(ledger, position, &part->memory, &part->record);
	if (code != OK) {
		return code;
	}
	part->there = true;
	if (is_present(ledger, position)) {
		return seal_present(ledger, part->record.index, &part->seal);
	}
	// A closed shard may have published no head over its last leaves: then the leaf stands without a seal.
	if (seal_earlier(ledger, ordinal_of(position), part->record.index, &part->seal) != OK) {
		buffer_clear(&part->seal);
	}
	return OK;
}

static bool put_own(const struct part *part, struct envelope_sealed *ret_sealed)
{
	*ret_sealed = (struct envelope_sealed){ 0 };
	if (part->there) {
		ret_sealed->statement = part->record.leaf;
		ret_sealed->seal = buffer_slice(&part->seal);
	}
	return part->there;
}

// The foreign statement and seal beside a record; content that a worker may have put with it is not handed on.
static bool put_foreign(const struct part *part, struct envelope_sealed *ret_sealed)
{
	struct envelope_sealed sealed;
	*ret_sealed = (struct envelope_sealed){ 0 };
	if (!part->there || envelope_decode_sealed(part->record.attachment, &sealed, NULL) != OK) {
		return false;
	}
	ret_sealed->statement = sealed.statement;
	ret_sealed->seal = sealed.seal;
	return true;
}

static result report_exchange(struct ledger *ledger, const struct exchange *exchange, struct buffer *bytes)
{
	struct part request;
	struct part outcome;
	struct part given_up;
	part_init(&request);
	part_init(&outcome);
	part_init(&given_up);
	result code = part_read(ledger, exchange->request, &request);
	if (code == OK) {
		code = part_read(ledger, exchange->outcome, &outcome);
	}
	if (code == OK) {
		code = part_read(ledger, exchange->given_up, &given_up);
	}
	if (code == OK) {
		struct envelope_outcome_report report = { 0 };
		if (exchange->client == EXCHANGES_OWN) {
			report.has_request = put_own(&request, &report.request);
			report.has_received = put_own(&outcome, &report.received);
			report.has_outcome = put_own(&given_up, &report.outcome);
			report.has_foreign_outcome = put_foreign(&outcome, &report.foreign_outcome);
		} else {
			report.has_request = put_foreign(&request, &report.request);
			report.has_received = put_own(&request, &report.received);
			report.has_outcome = put_own(&outcome, &report.outcome);
		}
		code = envelope_encode_outcome_report(&report, bytes, NULL);
	}
	part_release(&request);
	part_release(&outcome);
	part_release(&given_up);
	return code;
}

// ---- beyond the window ----

// Notes a statement of the exchange that is looked for.
static void note_found(const struct ledger *ledger, const struct statement *statement, uint64_t position,
		       uint64_t client, struct exchange *found)
{
	const union statement_body *body = &statement->body;
	bool own = client == EXCHANGES_OWN;
	uint8_t hash[DIGEST_SIZE];
	if (statement->type == STATEMENT_REQUEST && own && memcmp(body->request.exchange_id.data, found->id, 16) == 0) {
		merkle_leaf_hash(statement->leaf, hash);
		memcpy(found->request_hash, hash, sizeof found->request_hash);
		found->request = position;
	}
	if (statement->type == STATEMENT_RECEIVED && memcmp(body->received.exchange_id.data, found->id, 16) == 0) {
		struct slice member = identifier_member_of_origin(body->received.origin);
		if (own && body->received.type == STATEMENT_RESPONSE) {
			found->outcome = position;
		} else if (!own && body->received.type == STATEMENT_REQUEST &&
			   exchanges_client(&ledger->exchanges, member) == client) {
			memcpy(found->request_hash, body->received.statement_hash.data, sizeof found->request_hash);
			found->request = position;
		}
	}
	if (statement->type == STATEMENT_RESPONSE && !own &&
	    memcmp(body->response.exchange_id.data, found->id, 16) == 0 &&
	    memcmp(body->response.request_hash.data, found->request_hash, sizeof found->request_hash) == 0) {
		found->outcome = position;
	}
	if (statement->type == STATEMENT_UNANSWERED && own &&
	    memcmp(body->unanswered.exchange_id.data, found->id, 16) == 0) {
		found->given_up = position;
	}
}

// The last segment that begins before a time.
static uint64_t segment_at(struct journal_walk *walk, int64_t time_us)
{
	uint64_t from = 1;
	uint64_t to = walk->segments;
	while (from < to) {
		uint64_t middle = (from + to + 1) / 2;
		struct journal_segment_head head;
		if (journal_walk_head(walk, middle, &head) == OK && head.time_us < time_us) {
			from = middle;
		} else {
			to = middle - 1;
		}
	}
	return from;
}

static result scan(struct ledger *ledger, uint64_t client, struct exchange *found)
{
	int64_t now_us = clock_monotonic_us();
	if (ledger->scanned_at_us != 0 && now_us - ledger->scanned_at_us < LEDGER_SCAN_INTERVAL_US) {
		return ERR_BUSY;
	}
	ledger->scanned_at_us = now_us;
	struct journal_walk walk;
	struct journal_batch batch;
	result code = journal_walk_open(&walk, ledger->disk, NULL);
	int64_t time_us = identifier_uuid_time_us(found->id) - ledger->exchanges.skew_us;
	uint64_t first = code == OK ? segment_at(&walk, time_us) : 0;
	if (code == OK) {
		code = journal_walk_seek(&walk, first, NULL);
	}
	while (code == OK && walk.number < first + LEDGER_SCAN_SEGMENTS) {
		code = journal_walk_next(&walk, &batch, NULL);
		uint32_t cursor = 0;
		struct journal_record record;
		while (code == OK && journal_next_record(&batch, &cursor, &record)) {
			struct statement statement;
			if (record.kind != JOURNAL_LEAF ||
			    !memmem(record.leaf.data, record.leaf.size, found->id, sizeof found->id)) {
				continue;
			}
			arena_clear(&ledger->arena);
			if (statement_parse(record.leaf, &ledger->arena, &statement, NULL) == OK) {
				uint64_t base = journal_position(walk.number, walk.offset - batch.size);
				note_found(ledger, &statement, ledger_position(ledger, base + record.offset), client,
					   found);
			}
		}
	}
	journal_walk_close(&walk);
	return code == OK || code == ERR_NOT_FOUND ? (found->request != 0 ? OK : ERR_NOT_FOUND) : code;
}

static result find(struct ledger *ledger, const uint8_t exchange_id[IDENTIFIER_UUID_SIZE], struct slice client,
		   struct exchange *ret_exchange)
{
	if (!identifier_is_uuid7(slice_of(exchange_id, IDENTIFIER_UUID_SIZE))) {
		return ERR_NOT_FOUND;
	}
	uint64_t key = client.size == 0 ? EXCHANGES_OWN : exchanges_client(&ledger->exchanges, client);
	const struct exchange *entry = exchanges_find(&ledger->exchanges, exchange_id, key);
	if (entry) {
		*ret_exchange = *entry;
		return OK;
	}
	result in_window = exchanges_in_window(&ledger->exchanges, exchange_id, clock_wall_us());
	if (in_window != ERR_EXPIRED) {
		return ERR_NOT_FOUND;
	}
	struct exchange found = { .client = key };
	memcpy(found.id, exchange_id, sizeof found.id);
	result code = scan(ledger, key, &found);
	if (code == OK) {
		*ret_exchange = found;
	}
	return code;
}

result ledger_report(struct ledger *ledger, const uint8_t exchange_id[IDENTIFIER_UUID_SIZE], struct slice client,
		     struct buffer *report)
{
	struct exchange exchange;
	if (ledger->state != OK) {
		return ledger->state;
	}
	result code = find(ledger, exchange_id, client, &exchange);
	return code == OK ? report_exchange(ledger, &exchange, report) : code;
}

// The table's entry that a record belongs to.
static const struct exchange *entry_of(const struct ledger *ledger, const struct statement *statement)
{
	const union statement_body *body = &statement->body;
	const struct exchanges *exchanges = &ledger->exchanges;
	switch (statement->type) {
	case STATEMENT_REQUEST:
		return exchanges_find(exchanges, body->request.exchange_id.data, EXCHANGES_OWN);
	case STATEMENT_UNANSWERED:
		return exchanges_find(exchanges, body->unanswered.exchange_id.data, EXCHANGES_OWN);
	case STATEMENT_RESPONSE:
		return exchanges_find_request(exchanges, body->response.exchange_id.data,
					      body->response.request_hash.data);
	case STATEMENT_RECEIVED:
		if (body->received.type == STATEMENT_RESPONSE) {
			return exchanges_find(exchanges, body->received.exchange_id.data, EXCHANGES_OWN);
		}
		return exchanges_find_request(exchanges, body->received.exchange_id.data,
					      body->received.statement_hash.data);
	default:
		return NULL;
	}
}

result ledger_report_existing(struct ledger *ledger, const struct ledger_record *record, struct buffer *report)
{
	struct journal_record stored;
	struct statement statement;
	if (ledger->state != OK) {
		return ledger->state;
	}
	if (record->existing == 0) {
		return ERR_NOT_FOUND;
	}
	result code = ledger_read_record(ledger, record->existing, &stored);
	if (code == OK) {
		arena_clear(&ledger->arena);
		code = statement_parse(stored.leaf, &ledger->arena, &statement, NULL);
	}
	const struct exchange *entry = code == OK ? entry_of(ledger, &statement) : NULL;
	if (!entry) {
		return code == OK ? ERR_NOT_FOUND : code;
	}
	struct exchange exchange = *entry;
	return report_exchange(ledger, &exchange, report);
}

// ---- erasing ----

result ledger_erase_record(struct ledger *ledger, uint64_t position, unsigned parts, uint32_t *ret_erased)
{
	if (is_present(ledger, position)) {
		return journal_erase(&ledger->journal, position & within_shard, parts, ret_erased);
	}
	struct disk *disk = NULL;
	result code = open_shard(ledger, ordinal_of(position), &disk);
	if (code == OK) {
		struct journal earlier = { .disk = disk };
		code = journal_erase(&earlier, position & within_shard, parts, ret_erased);
		journal_release(&earlier);
	}
	disk_close(disk);
	return code;
}

// First the mark, then the zeros: an erasure that was cut off is completed by recovery.
static result erase_one(struct ledger *ledger, uint64_t position, unsigned parts, uint32_t *erased)
{
	struct journal_record record;
	uint32_t count = 0;
	if (position == 0) {
		return OK;
	}
	result code = ledger_read_record(ledger, position, &record);
	if (code != OK) {
		return code;
	}
	unsigned there = (record.private_size > 0 ? JOURNAL_PRIVATE : 0) | (record.salt_size > 0 ? JOURNAL_SALT : 0);
	if ((parts & there) == 0) {
		return OK;
	}
	code = ledger_write_mark(ledger, 0, slice_of(NULL, 0), position, parts & there);
	if (code == OK) {
		code = ledger_erase_record(ledger, position, parts & there, &count);
		if (code == ERR_IO) {
			code = ledger_stop(ledger, code, "cannot erase a part of a record");
		}
	}
	*erased += count;
	return code;
}

result ledger_erase(struct ledger *ledger, const uint8_t exchange_id[IDENTIFIER_UUID_SIZE], struct slice client,
		    unsigned parts, uint32_t *ret_erased)
{
	struct exchange exchange;
	uint32_t erased = 0;
	if (ledger->state != OK) {
		return ledger->state;
	}
	result code = find(ledger, exchange_id, client, &exchange);
	if (code == OK) {
		code = erase_one(ledger, exchange.request, parts, &erased);
	}
	if (code == OK) {
		code = erase_one(ledger, exchange.outcome, parts, &erased);
	}
	if (code == OK) {
		code = erase_one(ledger, exchange.given_up, parts, &erased);
	}
	if (code == OK) {
		*ret_erased = erased;
	}
	return code;
}
