// SPDX-License-Identifier: EUPL-1.2
#include "ledger/nodes.h"

static const char file_name[] = "nodes";

// Completing a leaf with the binary number i completes as many subtrees as i has trailing ones: a tree of n leaves has
// n + n/2 + n/4 + … complete subtrees.
uint64_t nodes_count(uint64_t size)
{
	uint64_t count = 0;
	for (; size > 0; size >>= 1) {
		count += size;
	}
	return count;
}

// The subtree (level, index) is complete with its last leaf, and stands `level` places after that leaf's hash.
static uint64_t place(unsigned level, uint64_t index)
{
	uint64_t last_leaf = ((index + 1) << level) - 1;
	return nodes_count(last_leaf) + level;
}

// The largest tree whose nodes are among the first `count` hashes.
static uint64_t covered(uint64_t count)
{
	uint64_t size = 0;
	for (int bit = MERKLE_LEVELS - 1; bit >= 0; bit--) {
		uint64_t more = size | UINT64_C(1) << bit;
		if (nodes_count(more) <= count) {
			size = more;
		}
	}
	return size;
}

result nodes_open(struct nodes *nodes, struct disk *disk, uint64_t *ret_covered)
{
	*nodes = (struct nodes){ 0 };
	buffer_init(&nodes->pending, NODES_PENDING_MAX);
	result code = disk_open_file(disk, file_name, DISK_WRITE, &nodes->file);
	if (code == ERR_NOT_FOUND) {
		code = disk_create(disk, file_name, DISK_WRITE, &nodes->file);
	}
	uint64_t bytes = 0;
	if (code == OK) {
		code = disk_size(nodes->file, &bytes);
	}
	if (code != OK) {
		nodes_close(nodes);
		return code;
	}
	*ret_covered = covered(bytes / DIGEST_SIZE);
	return OK;
}

void nodes_close(struct nodes *nodes)
{
	disk_close_file(nodes->file);
	nodes->file = NULL;
	buffer_release(&nodes->pending);
}

void nodes_continue(struct nodes *nodes, uint64_t size)
{
	nodes->size = size;
	nodes->written = nodes_count(size);
	buffer_clear(&nodes->pending);
}

result nodes_reach_beyond(struct nodes *nodes, uint64_t size, bool *ret_beyond)
{
	uint8_t hash[DIGEST_SIZE] = { 0 };
	size_t got = 0;
	result code = disk_read(nodes->file, nodes_count(size) * DIGEST_SIZE, hash, sizeof hash, &got);
	if (code != OK) {
		return code;
	}
	static const uint8_t nothing[DIGEST_SIZE];
	*ret_beyond = got == DIGEST_SIZE && memcmp(hash, nothing, DIGEST_SIZE) != 0;
	return OK;
}

result nodes_cut(struct nodes *nodes)
{
	uint64_t bytes = 0;
	result code = disk_size(nodes->file, &bytes);
	uint64_t keep = nodes->written * DIGEST_SIZE;
	return code == OK && bytes > keep ? disk_truncate(nodes->file, keep) : code;
}

result nodes_add(struct nodes *nodes, const struct merkle_batch *batch)
{
	assert_always(batch->first == nodes->size);
	const uint8_t(*levels[MERKLE_LEVELS])[DIGEST_SIZE];
	uint64_t first[MERKLE_LEVELS];
	for (unsigned level = 0; level < MERKLE_LEVELS; level++) {
		levels[level] = NULL;
		first[level] = 0;
		merkle_batch_level(batch, level, &first[level], &levels[level]);
	}
	size_t before = nodes->pending.size;
	uint64_t hashes = nodes_count(batch->size) - nodes_count(batch->first);
	uint8_t *to = hashes > 0 ? buffer_reserve(&nodes->pending, hashes * DIGEST_SIZE) : NULL;
	if (hashes > 0 && !to) {
		// The buffer must go on working for what it holds already.
		result code = buffer_result(&nodes->pending);
		nodes->pending.sticky = OK;
		nodes->pending.size = before;
		return code;
	}
	for (uint64_t leaf = batch->first; leaf < batch->size; leaf++) {
		uint64_t index = leaf;
		for (unsigned level = 0;; level++) {
			memcpy(to, levels[level][index - first[level]], DIGEST_SIZE);
			to += DIGEST_SIZE;
			if ((index & 1) == 0) {
				break;
			}
			index >>= 1;
		}
	}
	nodes->size = batch->size;
	return OK;
}

result nodes_flush(struct nodes *nodes)
{
	if (nodes->pending.size == 0) {
		return OK;
	}
	result code = disk_write(nodes->file, nodes->written * DIGEST_SIZE, nodes->pending.data, nodes->pending.size);
	if (code == OK) {
		nodes->written += nodes->pending.size / DIGEST_SIZE;
		buffer_clear(&nodes->pending);
	}
	return code;
}

result nodes_sync(struct nodes *nodes)
{
	result code = nodes_flush(nodes);
	if (code == OK) {
		code = disk_sync(nodes->file);
	}
	if (code == OK) {
		nodes->synced = nodes->size;
	}
	return code;
}

static result read_node(void *context, unsigned level, uint64_t index, uint8_t hash[DIGEST_SIZE])
{
	struct nodes *nodes = context;
	uint64_t at = place(level, index);
	if (at >= nodes->written) {
		uint64_t offset = (at - nodes->written) * DIGEST_SIZE;
		if (offset + DIGEST_SIZE > nodes->pending.size) {
			return ERR_NOT_FOUND;
		}
		memcpy(hash, nodes->pending.data + offset, DIGEST_SIZE);
		return OK;
	}
	size_t got = 0;
	result code = disk_read(nodes->file, at * DIGEST_SIZE, hash, DIGEST_SIZE, &got);
	return code == OK && got < DIGEST_SIZE ? ERR_NOT_FOUND : code;
}

struct merkle_reader nodes_reader(struct nodes *nodes)
{
	return (struct merkle_reader){ .read = read_node, .context = nodes };
}
