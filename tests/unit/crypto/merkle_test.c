// SPDX-License-Identifier: EUPL-1.2
//
// The tree against a recursive transcription of RFC 6962 section 2.1, and against the test tree of
// Certificate Transparency.
// clang-format off
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
// clang-format on

#include "base/random.h"
#include "base/text.h"
#include "crypto/merkle.h"

#include <stdlib.h>

enum { LEAVES = 420 };

typedef uint8_t hash_bytes[DIGEST_SIZE];

static hash_bytes leaves[LEAVES];

// ---- the reference: RFC 6962 section 2.1, word for word ----

static size_t largest_power_below(size_t n)
{
	size_t k = 1;
	while (k * 2 < n) {
		k *= 2;
	}
	return k;
}

static void reference_root(size_t start, size_t end, uint8_t *root)
{
	if (start == end) {
		merkle_empty_root(root);
	} else if (end - start == 1) {
		memcpy(root, leaves[start], DIGEST_SIZE);
	} else {
		size_t k = largest_power_below(end - start);
		hash_bytes left;
		hash_bytes right;
		reference_root(start, start + k, left);
		reference_root(start + k, end, right);
		merkle_node_hash(left, right, root);
	}
}

static void reference_path(size_t index, size_t start, size_t end, struct buffer *path)
{
	if (end - start == 1) {
		return;
	}
	size_t k = largest_power_below(end - start);
	hash_bytes other;
	if (index < start + k) {
		reference_path(index, start, start + k, path);
		reference_root(start + k, end, other);
	} else {
		reference_path(index, start + k, end, path);
		reference_root(start, start + k, other);
	}
	buffer_append(path, other, DIGEST_SIZE);
}

static void reference_subproof(size_t m, size_t start, size_t end, bool whole, struct buffer *proof)
{
	hash_bytes hash;
	if (m == end) {
		if (!whole) {
			reference_root(start, end, hash);
			buffer_append(proof, hash, DIGEST_SIZE);
		}
		return;
	}
	size_t k = largest_power_below(end - start);
	if (m <= start + k) {
		reference_subproof(m, start, start + k, whole, proof);
		reference_root(start + k, end, hash);
	} else {
		reference_subproof(m, start + k, end, false, proof);
		reference_root(start, start + k, hash);
	}
	buffer_append(proof, hash, DIGEST_SIZE);
}

static int make_leaves(void **state)
{
	(void)state;
	for (size_t i = 0; i < LEAVES; i++) {
		merkle_leaf_hash(slice_of(&i, sizeof i), leaves[i]);
	}
	return 0;
}

static void frontier_of(size_t size, struct merkle_frontier *frontier)
{
	merkle_frontier_init(frontier);
	for (size_t i = 0; i < size; i++) {
		merkle_frontier_append(frontier, leaves[i]);
	}
}

// Stored nodes are computed from the reference; counts how many were asked for.
struct store {
	size_t size;
	size_t reads;
	result failure;
};

static result read_node(void *context, unsigned level, uint64_t index, uint8_t hash[DIGEST_SIZE])
{
	struct store *store = context;
	store->reads++;
	assert_true((index + 1) << level <= store->size); // complete nodes only
	reference_root((size_t)index << level, (size_t)(index + 1) << level, hash);
	return store->failure;
}

// ---- tests ----

static void test_certificate_transparency_tree(void **state)
{
	(void)state;
	static const char *const inputs[] = {
		"", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f",
	};
	static const char *const roots[] = {
		"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
		"6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
		"fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
		"aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
		"d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
		"4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
		"76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
		"ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
		"5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
	};
	struct merkle_frontier frontier;
	merkle_frontier_init(&frontier);
	for (size_t i = 0;; i++) {
		hash_bytes root;
		char text[2 * DIGEST_SIZE + 1];
		merkle_frontier_root(&frontier, root);
		text_hex(root, DIGEST_SIZE, text);
		assert_string_equal(text, roots[i]);
		if (i == 8) {
			break;
		}
		uint8_t leaf[16];
		size_t size = strlen(inputs[i]) / 2;
		hash_bytes hash;
		assert_int_equal(text_unhex(slice_text(inputs[i]), leaf, size), OK);
		merkle_leaf_hash(slice_of(leaf, size), hash);
		merkle_frontier_append(&frontier, hash);
	}
}

static void test_frontier(void **state)
{
	(void)state;
	struct merkle_frontier frontier;
	struct buffer bytes;
	buffer_init(&bytes, MERKLE_FRONTIER_SIZE_MAX);
	for (size_t size = 0; size <= 300; size++) {
		hash_bytes root;
		hash_bytes expected;
		frontier_of(size, &frontier);
		merkle_frontier_root(&frontier, root);
		reference_root(0, size, expected);
		assert_memory_equal(root, expected, DIGEST_SIZE);

		buffer_clear(&bytes);
		merkle_frontier_serialise(&frontier, &bytes);
		struct merkle_frontier again;
		assert_int_equal(merkle_frontier_parse(buffer_slice(&bytes), &again), OK);
		merkle_frontier_root(&again, root);
		assert_memory_equal(root, expected, DIGEST_SIZE);
		assert_int_equal(again.size, size);
		buffer_append_byte(&bytes, 0);
		assert_int_equal(merkle_frontier_parse(buffer_slice(&bytes), &again), ERR_FORMAT);
		assert_int_equal(merkle_frontier_parse(slice_of(bytes.data, bytes.size - 2), &again), ERR_FORMAT);
	}
	uint8_t huge[8 + 64 * DIGEST_SIZE];
	memset(huge, 0xff, sizeof huge);
	assert_int_equal(merkle_frontier_parse(slice_of(huge, sizeof huge), &frontier), ERR_FORMAT);
	assert_int_equal(merkle_frontier_parse(slice_of(huge, 7), &frontier), ERR_FORMAT);
	buffer_release(&bytes);
}

static void check_batch_levels(const struct merkle_batch *batch)
{
	for (unsigned level = 0; level < MERKLE_LEVELS; level++) {
		uint64_t index;
		const uint8_t(*hashes)[DIGEST_SIZE];
		size_t count = merkle_batch_level(batch, level, &index, &hashes);
		assert_int_equal(index, batch->first >> level);
		assert_int_equal(count, (batch->size >> level) - (batch->first >> level));
		for (size_t i = 0; i < count; i++) {
			hash_bytes expected;
			reference_root((size_t)(index + i) << level, (size_t)(index + i + 1) << level, expected);
			assert_memory_equal(hashes[i], expected, DIGEST_SIZE);
		}
	}
}

static void check_batch(struct merkle_batch *batch, size_t before, size_t count)
{
	struct merkle_frontier frontier;
	struct merkle_frontier after;
	uint8_t(*place)[DIGEST_SIZE];
	frontier_of(before, &frontier);
	assert_int_equal(merkle_batch_begin(batch, count, &place), OK);
	memcpy(place, leaves + before, count * DIGEST_SIZE);
	merkle_batch_run(batch, &frontier, &after);
	size_t size = before + count;
	hash_bytes expected;
	hash_bytes root;
	reference_root(0, size, expected);
	assert_memory_equal(batch->root, expected, DIGEST_SIZE);
	assert_int_equal(batch->first, before);
	assert_int_equal(batch->size, size);
	assert_int_equal(after.size, size);
	assert_int_equal(frontier.size, before);
	merkle_frontier_root(&after, root);
	assert_memory_equal(root, expected, DIGEST_SIZE);
	check_batch_levels(batch);

	struct buffer path;
	buffer_init(&path, MERKLE_PATH_SIZE_MAX);
	struct slice upper = merkle_batch_upper(batch);
	for (size_t i = 0; i < count; i++) {
		uint8_t lower[MERKLE_PATH_MAX][DIGEST_SIZE];
		size_t lower_size = merkle_batch_lower(batch, i, lower) * DIGEST_SIZE;
		buffer_clear(&path);
		reference_path(before + i, 0, size, &path);
		assert_int_equal(path.size, lower_size + upper.size);
		assert_memory_equal(path.data, lower, lower_size);
		if (upper.size > 0) {
			assert_memory_equal(path.data + lower_size, upper.data, upper.size);
		}
	}
	buffer_release(&path);
}

static void test_batch_all_sizes(void **state)
{
	(void)state;
	static const size_t counts[] = { 0, 1, 2, 3, 4, 5, 7, 8, 9, 16, 31, 33, 64, 100 };
	struct merkle_batch batch;
	merkle_batch_init(&batch);
	for (size_t before = 0; before <= 300; before++) {
		for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
			if (counts[i] < 31 || before % 7 < 2) { // the long ones for two sizes of seven
				check_batch(&batch, before, counts[i]);
			}
		}
	}
	merkle_batch_release(&batch);
}

// The frontier may advance in place, batch upon batch.
static void test_batch_in_place(void **state)
{
	(void)state;
	struct merkle_batch batch;
	struct merkle_frontier frontier;
	merkle_batch_init(&batch);
	for (int round = 0; round < 200; round++) {
		merkle_frontier_init(&frontier);
		while (frontier.size < LEAVES) {
			size_t count = 1 + (size_t)rand() % 40;
			if (count > LEAVES - frontier.size) {
				count = LEAVES - frontier.size;
			}
			uint8_t(*place)[DIGEST_SIZE];
			assert_int_equal(merkle_batch_begin(&batch, count, &place), OK);
			memcpy(place, leaves + frontier.size, count * DIGEST_SIZE);
			merkle_batch_run(&batch, &frontier, &frontier);
		}
		hash_bytes expected;
		reference_root(0, LEAVES, expected);
		assert_memory_equal(batch.root, expected, DIGEST_SIZE);
	}
	merkle_batch_release(&batch);
}

// Far up the tree, where the reference cannot go: a ledger near its largest size, all old nodes invented.
static void test_batch_near_the_limit(void **state)
{
	(void)state;
	struct merkle_batch batch;
	merkle_batch_init(&batch);
	for (int round = 0; round < 50; round++) {
		struct merkle_frontier frontier;
		random_bytes(&frontier, sizeof frontier);
		size_t count = 1 + (size_t)rand() % 70;
		frontier.size = round == 0 ? MERKLE_SIZE_MAX - count : frontier.size % (MERKLE_SIZE_MAX - count);
		struct merkle_frontier after;
		uint8_t(*place)[DIGEST_SIZE];
		assert_int_equal(merkle_batch_begin(&batch, count, &place), OK);
		memcpy(place, leaves, count * DIGEST_SIZE);
		merkle_batch_run(&batch, &frontier, &after);
		for (size_t i = 0; i < count; i++) {
			merkle_frontier_append(&frontier, leaves[i]);
		}
		hash_bytes root;
		merkle_frontier_root(&frontier, root);
		assert_memory_equal(root, batch.root, DIGEST_SIZE);
		struct merkle_path_cache cache;
		merkle_path_cache_init(&cache, batch.size, batch.root);
		for (size_t i = 0; i < count; i++) {
			uint8_t path[MERKLE_PATH_MAX][DIGEST_SIZE];
			size_t lower = merkle_batch_lower(&batch, i, path);
			struct slice upper = merkle_batch_upper(&batch);
			memcpy(path[lower], upper.data, upper.size);
			struct slice whole = slice_of(path, lower * DIGEST_SIZE + upper.size);
			assert_int_equal(merkle_path_root(batch.first + i, batch.size, leaves[i], whole, root), OK);
			assert_memory_equal(root, batch.root, DIGEST_SIZE);
			assert_int_equal(merkle_path_cache_verify(&cache, batch.first + i, leaves[i], whole), OK);
		}
	}
	merkle_batch_release(&batch);
}

static void test_inclusion(void **state)
{
	(void)state;
	struct store store = { .failure = OK };
	struct merkle_reader reader = { .read = read_node, .context = &store };
	struct buffer path;
	struct buffer expected;
	buffer_init(&path, MERKLE_PATH_SIZE_MAX);
	buffer_init(&expected, MERKLE_PATH_SIZE_MAX);
	for (size_t size = 1; size <= 130; size++) {
		store.size = size;
		hash_bytes root;
		reference_root(0, size, root);
		struct merkle_frontier frontier;
		assert_int_equal(merkle_read_frontier(&reader, size, &frontier), OK);
		hash_bytes computed;
		merkle_frontier_root(&frontier, computed);
		assert_memory_equal(root, computed, DIGEST_SIZE);
		for (size_t index = 0; index < size; index++) {
			buffer_clear(&path);
			buffer_clear(&expected);
			assert_int_equal(merkle_prove_inclusion(&reader, index, size, &path), OK);
			reference_path(index, 0, size, &expected);
			assert_true(slice_equal(buffer_slice(&path), buffer_slice(&expected)));
			assert_int_equal(path.size, merkle_path_length(index, size) * DIGEST_SIZE);
			struct slice proof = buffer_slice(&path);
			assert_int_equal(merkle_path_root(index, size, leaves[index], proof, computed), OK);
			assert_memory_equal(root, computed, DIGEST_SIZE);
			// shorter, longer, and any other size
			if (path.size > 0) {
				struct slice shorter = slice_of(path.data, path.size - DIGEST_SIZE);
				assert_int_equal(merkle_path_root(index, size, leaves[index], shorter, computed),
						 ERR_FORMAT);
				struct slice torn = slice_of(path.data, path.size - 1);
				assert_int_equal(merkle_path_root(index, size, leaves[index], torn, computed),
						 ERR_FORMAT);
			}
			buffer_append(&path, root, DIGEST_SIZE);
			assert_int_equal(merkle_path_root(index, size, leaves[index], buffer_slice(&path), computed),
					 ERR_FORMAT);
		}
		assert_int_equal(merkle_prove_inclusion(&reader, size, size, &path), ERR_ARGUMENT);
		assert_int_equal(merkle_path_root(size, size, leaves[0], slice_of(NULL, 0), root), ERR_FORMAT);
	}
	assert_int_equal(merkle_path_root(0, MERKLE_SIZE_MAX + 1, leaves[0], slice_of(NULL, 0), path.data), ERR_FORMAT);
	store.failure = ERR_LEDGER_DAMAGED;
	assert_int_equal(merkle_prove_inclusion(&reader, 3, 130, &path), ERR_LEDGER_DAMAGED);
	assert_int_equal(merkle_prove_consistency(&reader, 3, 130, &path), ERR_LEDGER_DAMAGED);
	buffer_release(&path);
	buffer_release(&expected);
}

static void test_inclusion_tampered(void **state)
{
	(void)state;
	struct buffer path;
	buffer_init(&path, MERKLE_PATH_SIZE_MAX);
	for (size_t size = 1; size <= 40; size++) {
		hash_bytes root;
		hash_bytes computed;
		reference_root(0, size, root);
		for (size_t index = 0; index < size; index++) {
			buffer_clear(&path);
			reference_path(index, 0, size, &path);
			for (size_t i = 0; i < path.size; i++) {
				path.data[i] ^= (uint8_t)(1 << rand() % 8);
				assert_int_equal(
				    merkle_path_root(index, size, leaves[index], buffer_slice(&path), computed), OK);
				assert_memory_not_equal(root, computed, DIGEST_SIZE);
				buffer_clear(&path);
				reference_path(index, 0, size, &path);
			}
			for (size_t other = 0; other < size; other++) { // the leaf at no other place
				result code =
				    merkle_path_root(other, size, leaves[index], buffer_slice(&path), computed);
				bool accepted = code == OK && memcmp(root, computed, DIGEST_SIZE) == 0;
				assert_int_equal(accepted, other == index);
			}
		}
	}
	buffer_release(&path);
}

static void test_consistency(void **state)
{
	(void)state;
	struct store store = { .failure = OK };
	struct merkle_reader reader = { .read = read_node, .context = &store };
	struct buffer proof;
	struct buffer expected;
	buffer_init(&proof, MERKLE_PROOF_SIZE_MAX);
	buffer_init(&expected, MERKLE_PROOF_SIZE_MAX);
	for (size_t second = 0; second <= 70; second++) {
		hash_bytes second_root;
		reference_root(0, second, second_root);
		store.size = second;
		for (size_t first = 0; first <= second; first++) {
			hash_bytes first_root;
			reference_root(0, first, first_root);
			buffer_clear(&proof);
			buffer_clear(&expected);
			assert_int_equal(merkle_prove_consistency(&reader, first, second, &proof), OK);
			if (first > 0) {
				reference_subproof(first, 0, second, true, &expected);
			}
			assert_true(slice_equal(buffer_slice(&proof), buffer_slice(&expected)));
			struct slice good = buffer_slice(&proof);
			assert_int_equal(merkle_consistency_verify(first, first_root, second, second_root, good), OK);

			for (size_t i = 0; i < proof.size; i += 5) {
				proof.data[i] ^= 1;
				assert_int_equal(
				    merkle_consistency_verify(first, first_root, second, second_root, good),
				    ERR_DIGEST_MISMATCH);
				proof.data[i] ^= 1;
			}
			first_root[second % DIGEST_SIZE] ^= 0x10;
			assert_int_equal(merkle_consistency_verify(first, first_root, second, second_root, good),
					 ERR_DIGEST_MISMATCH);
			first_root[second % DIGEST_SIZE] ^= 0x10;
			if (first > 0) { // every tree has the empty one as its beginning
				second_root[first % DIGEST_SIZE] ^= 0x10;
				assert_int_equal(
				    merkle_consistency_verify(first, first_root, second, second_root, good),
				    ERR_DIGEST_MISMATCH);
				second_root[first % DIGEST_SIZE] ^= 0x10;
			}
			if (proof.size > 0) {
				struct slice shorter = slice_of(proof.data, proof.size - DIGEST_SIZE);
				assert_int_equal(
				    merkle_consistency_verify(first, first_root, second, second_root, shorter),
				    ERR_FORMAT);
			}
			buffer_append(&proof, first_root, DIGEST_SIZE);
			assert_int_equal(
			    merkle_consistency_verify(first, first_root, second, second_root, buffer_slice(&proof)),
			    ERR_FORMAT);
		}
	}
	assert_int_equal(merkle_prove_consistency(&reader, 5, 4, &proof), ERR_ARGUMENT);
	assert_int_equal(merkle_consistency_verify(5, leaves[0], 4, leaves[0], slice_of(NULL, 0)), ERR_FORMAT);
	buffer_release(&proof);
	buffer_release(&expected);
}

// What the plain verification says.
static bool plainly_accepted(size_t size, const uint8_t *root, uint64_t index, const uint8_t *leaf, struct slice path)
{
	hash_bytes computed;
	return merkle_path_root(index, size, leaf, path, computed) == OK && memcmp(root, computed, DIGEST_SIZE) == 0;
}

// Damages leaf, index or path in one of the ways a liar might.
static void corrupt(size_t size, uint64_t *index, uint8_t *leaf, struct buffer *path)
{
	switch (rand() % 6) {
	case 0:
		leaf[rand() % DIGEST_SIZE] ^= (uint8_t)(1 << rand() % 8);
		break;
	case 1:
		*index = (uint64_t)rand() % (size + 2);
		break;
	case 2:
		memcpy(leaf, leaves[(size_t)rand() % size], DIGEST_SIZE);
		break;
	case 3: // another leaf's path
		buffer_clear(path);
		reference_path((size_t)rand() % size, 0, size, path);
		break;
	case 4:
		if (path->size > 0) {
			path->size -= DIGEST_SIZE;
		}
		break;
	default:
		if (path->size > 0) {
			path->data[(size_t)rand() % path->size] ^= (uint8_t)(1 << rand() % 8);
		}
	}
}

static void test_cache_agrees_with_plain(void **state)
{
	(void)state;
	struct buffer path;
	buffer_init(&path, MERKLE_PATH_SIZE_MAX);
	size_t accepted = 0;
	size_t refused = 0;
	for (int round = 0; round < 400; round++) {
		size_t size = 1 + (size_t)rand() % (round % 2 ? 20 : LEAVES);
		hash_bytes root;
		reference_root(0, size, root);
		struct merkle_path_cache cache;
		merkle_path_cache_init(&cache, size, root);
		uint64_t near = (uint64_t)rand() % size;
		for (int step = 0; step < 60; step++) {
			uint64_t index = rand() % 3 ? (near + (uint64_t)rand() % 4) % size : (uint64_t)rand() % size;
			near = index;
			hash_bytes leaf;
			memcpy(leaf, leaves[index], DIGEST_SIZE);
			buffer_clear(&path);
			reference_path((size_t)index, 0, size, &path);
			if (rand() % 2) {
				corrupt(size, &index, leaf, &path);
			}
			struct slice proof = buffer_slice(&path);
			bool plain = plainly_accepted(size, root, index, leaf, proof);
			bool cached = merkle_path_cache_verify(&cache, index, leaf, proof) == OK;
			assert_int_equal(plain, cached);
			accepted += cached;
			refused += !cached;
		}
	}
	assert_true(accepted > 5000 && refused > 5000);
	buffer_release(&path);
}

// Every single bit of a path, right after its neighbour was accepted.
static void test_cache_tampered(void **state)
{
	(void)state;
	enum { SIZE = 100 };
	struct buffer path;
	buffer_init(&path, MERKLE_PATH_SIZE_MAX);
	hash_bytes root;
	reference_root(0, SIZE, root);
	for (size_t index = 1; index < SIZE; index++) {
		struct merkle_path_cache cache;
		merkle_path_cache_init(&cache, SIZE, root);
		buffer_clear(&path);
		reference_path(index - 1, 0, SIZE, &path);
		assert_int_equal(merkle_path_cache_verify(&cache, index - 1, leaves[index - 1], buffer_slice(&path)),
				 OK);
		buffer_clear(&path);
		reference_path(index, 0, SIZE, &path);
		for (size_t i = 0; i < path.size; i++) {
			path.data[i] ^= (uint8_t)(1 << i % 8);
			assert_int_equal(merkle_path_cache_verify(&cache, index, leaves[index], buffer_slice(&path)),
					 ERR_DIGEST_MISMATCH);
			path.data[i] ^= (uint8_t)(1 << i % 8);
		}
		assert_int_equal(merkle_path_cache_verify(&cache, index, leaves[index], buffer_slice(&path)), OK);
	}
	buffer_release(&path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_certificate_transparency_tree),
		cmocka_unit_test(test_frontier),
		cmocka_unit_test(test_batch_all_sizes),
		cmocka_unit_test(test_batch_in_place),
		cmocka_unit_test(test_batch_near_the_limit),
		cmocka_unit_test(test_inclusion),
		cmocka_unit_test(test_inclusion_tampered),
		cmocka_unit_test(test_consistency),
		cmocka_unit_test(test_cache_agrees_with_plain),
		cmocka_unit_test(test_cache_tampered),
	};
	return cmocka_run_group_tests(tests, make_leaves, NULL);
}
