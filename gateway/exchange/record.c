// SPDX-License-Identifier: EUPL-1.2
#include "exchange/record.h"

void record_init(struct record *record)
{
	*record = (struct record){ 0 };
	buffer_init(&record->leaf, STATEMENT_LEAF_MAX);
	buffer_init(&record->seal, ENVELOPE_SEAL_MAX);
}

void record_release(struct record *record)
{
	buffer_release(&record->leaf);
	buffer_release(&record->seal);
}

// The first line of a checkpoint is the ledger's origin (C2SP tlog-checkpoint).
static struct slice origin_of_note(struct slice note)
{
	const uint8_t *end = note.size ? memchr(note.data, '\n', note.size) : NULL;
	return end ? slice_of(note.data, (size_t)(end - note.data)) : slice_of(NULL, 0);
}

static result take_seal(struct record *record, const struct notary_answer *answer)
{
	uint8_t path[ENVELOPE_PATH_MAX];
	if (answer->path.size + answer->upper.size > sizeof path) {
		return ERR_LIMIT;
	}
	if (answer->path.size) {
		memcpy(path, answer->path.data, answer->path.size);
	}
	if (answer->upper.size) {
		memcpy(path + answer->path.size, answer->upper.data, answer->upper.size);
	}
	const struct envelope_seal seal = {
		.origin = origin_of_note(answer->note),
		.index = answer->index,
		.path = slice_of(path, answer->path.size + answer->upper.size),
		.checkpoint = answer->note,
	};
	if (seal.origin.size == 0) {
		return ERR_CHECKPOINT_INVALID;
	}
	return envelope_encode_seal(&seal, &record->seal, NULL);
}

result record_take(struct record *record, enum statement_type type, struct slice member, struct slice body,
		   const struct notary_answer *answer)
{
	buffer_clear(&record->leaf);
	buffer_clear(&record->seal);
	statement_append_leaf(&record->leaf, type, member, answer->time_us, answer->blinder, body);
	result code = buffer_result(&record->leaf);
	if (code != OK) {
		return code;
	}
	record->index = answer->index;
	statement_leaf_hash(buffer_slice(&record->leaf), record->leaf_hash);
	return answer->note.size ? take_seal(record, answer) : OK;
}

struct slice record_attachment(struct slice statement, struct slice seal)
{
	size_t head = 1; // tag of field 1, then the length
	for (size_t size = statement.size; head == 1 || size; size >>= 7) {
		head++;
	}
	const uint8_t *start = statement.data - head;
	return slice_of(start, (size_t)(seal.data + seal.size - start));
}
