// SPDX-License-Identifier: EUPL-1.2
//
// The file form of a set of grants (header of grants.h). A file that does not read whole is worth nothing: the
// caller then starts from an empty set and applies the ledger.
#include "base/file.h"
#include "crypto/digest.h"
#include "directory/grants_internal.h"

static const char magic[] = "besa-grants/v1\n";

enum {
	MAGIC_SIZE = sizeof magic - 1,
	HEAD_SIZE = MAGIC_SIZE + 8 + 4,
	RECORD_HEAD_SIZE = 8 + 4,
	FILE_MODE = 0640, // the gateway's workers read it
};

result grants_encode(const struct grants *grants, struct buffer *buffer)
{
	size_t start = buffer->size;
	buffer_append(buffer, magic, MAGIC_SIZE);
	buffer_append_le64(buffer, grants->next_index);
	buffer_append_le32(buffer, (uint32_t)grants->count);
	for (size_t i = 0; i < grants->count; i++) {
		const struct grants_entry *entry = &grants->nodes[i]->entry;
		buffer_append_le64(buffer, entry->index);
		buffer_append_le32(buffer, (uint32_t)entry->leaf.size);
		buffer_append_slice(buffer, entry->leaf);
	}
	result code = buffer_result(buffer);
	if (code != OK) {
		return code;
	}
	uint8_t hash[DIGEST_SIZE];
	digest_sha256(slice_skip(buffer_slice(buffer), start), hash);
	buffer_append(buffer, hash, sizeof hash);
	return buffer_result(buffer);
}

static uint64_t load_le(const uint8_t *bytes, size_t width)
{
	uint64_t value = 0;
	for (size_t i = 0; i < width; i++) {
		value |= (uint64_t)bytes[i] << (8 * i);
	}
	return value;
}

// Only what stands is in the file: grants being added, in ascending order, all before next_index.
static result take_record(struct grants *grants, struct slice *rest, uint64_t next_index, struct fault *fault)
{
	if (rest->size < RECORD_HEAD_SIZE) {
		return fault_set(fault, ERR_FORMAT, "grants file: truncated");
	}
	uint64_t index = load_le(rest->data, 8);
	size_t size = load_le(rest->data + 8, 4);
	*rest = slice_skip(*rest, RECORD_HEAD_SIZE);
	if (size > rest->size) {
		return fault_set(fault, ERR_FORMAT, "grants file: truncated");
	}
	struct slice leaf = slice_of(rest->data, size);
	*rest = slice_skip(*rest, size);
	if (index >= next_index || index < grants->next_index) {
		return fault_set(fault, ERR_FORMAT, "grants file: records are out of order");
	}
	size_t before = grants->count;
	result code = grants_apply(grants, index, leaf, fault);
	if (code == OK && grants->count != before + 1) {
		code = fault_set(fault, ERR_FORMAT, "grants file: a record adds no grant");
	}
	return code;
}

static result take_records(struct grants *grants, struct slice bytes, struct fault *fault)
{
	uint64_t next_index = load_le(bytes.data + MAGIC_SIZE, 8);
	uint64_t count = load_le(bytes.data + MAGIC_SIZE + 8, 4);
	struct slice rest = slice_skip(bytes, HEAD_SIZE);
	for (uint64_t i = 0; i < count; i++) {
		result code = take_record(grants, &rest, next_index, fault);
		if (code != OK) {
			return code;
		}
	}
	if (rest.size != 0) {
		return fault_set(fault, ERR_FORMAT, "grants file: bytes after the last record");
	}
	grants->next_index = next_index;
	return OK;
}

result grants_decode(struct slice bytes, struct slice member, struct grants **ret_grants, struct fault *fault)
{
	if (bytes.size < HEAD_SIZE + DIGEST_SIZE || memcmp(bytes.data, magic, MAGIC_SIZE) != 0) {
		return fault_set(fault, ERR_FORMAT, "not a grants file");
	}
	struct slice body = slice_of(bytes.data, bytes.size - DIGEST_SIZE);
	uint8_t hash[DIGEST_SIZE];
	digest_sha256(body, hash);
	if (!digest_equal(hash, bytes.data + body.size)) {
		return fault_set(fault, ERR_TAMPERED, "grants file: the digest at its end does not match");
	}
	struct grants *grants = NULL;
	result code = grants_new(member, &grants);
	if (code != OK) {
		return fault_set(fault, code, "grants file: %s", result_text(code));
	}
	code = take_records(grants, body, fault);
	if (code != OK) {
		grants_free(grants);
		return code;
	}
	*ret_grants = grants;
	return OK;
}

result grants_save(const struct grants *grants, const char *path, struct fault *fault)
{
	struct buffer content;
	buffer_init(&content, GRANTS_FILE_MAX);
	result code = grants_encode(grants, &content);
	if (code == OK) {
		code = file_replace(path, buffer_slice(&content), FILE_MODE, fault);
	} else {
		code = fault_set(fault, code, "%s: %s", path, result_text(code));
	}
	buffer_release(&content);
	return code;
}

result grants_load(const char *path, struct slice member, struct grants **ret_grants, struct fault *fault)
{
	struct buffer content;
	buffer_init(&content, GRANTS_FILE_MAX);
	result code = file_read(path, &content, fault);
	if (code == OK) {
		code = grants_decode(buffer_slice(&content), member, ret_grants, fault);
		if (code != OK) {
			code = fault_prefix(fault, code, "%s", path);
		}
	}
	buffer_release(&content);
	return code;
}
