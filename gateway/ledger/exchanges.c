// SPDX-License-Identifier: EUPL-1.2
#include "ledger/exchanges.h"

#include "base/random.h"

#include <stdlib.h>

enum { CAPACITY_LEAST = 64 };

result exchanges_init(struct exchanges *exchanges, int64_t window_us, int64_t skew_us)
{
	*exchanges = (struct exchanges){ 0 };
	if (window_us < EXCHANGES_PER_WINDOW || skew_us < 0 || skew_us > window_us / 2) {
		return ERR_CONFIG;
	}
	exchanges->window_us = window_us;
	exchanges->skew_us = skew_us;
	exchanges->span_us = (window_us + EXCHANGES_PER_WINDOW - 1) / EXCHANGES_PER_WINDOW;
	for (int i = 0; i < EXCHANGES_BUCKETS; i++) {
		exchanges->buckets[i].epoch = -1;
	}
	random_bytes(exchanges->keys, sizeof exchanges->keys);
	return OK;
}

void exchanges_release(struct exchanges *exchanges)
{
	for (int i = 0; i < EXCHANGES_BUCKETS; i++) {
		free(exchanges->buckets[i].slots);
	}
	free(exchanges->orphans);
	*exchanges = (struct exchanges){ 0 };
}

// ---- hashing ----

static uint64_t mix(uint64_t a, uint64_t b)
{
	__extension__ unsigned __int128 product = (unsigned __int128)(a | 1) * (b | 1);
	return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static uint64_t word(const uint8_t *bytes)
{
	uint64_t value;
	memcpy(&value, bytes, sizeof value);
	return value;
}

static uint64_t hash_of(const struct exchanges *exchanges, const uint8_t id[IDENTIFIER_UUID_SIZE])
{
	uint64_t half = mix(word(id) ^ exchanges->keys[0], UINT64_C(0x9e3779b97f4a7c15));
	return mix(half ^ word(id + 8), exchanges->keys[1]);
}

uint64_t exchanges_client(const struct exchanges *exchanges, struct slice member)
{
	uint64_t hash = exchanges->keys[0] ^ member.size;
	for (size_t i = 0; i < member.size; i += 8) {
		uint8_t part[8] = { 0 };
		size_t size = member.size - i < 8 ? member.size - i : 8;
		memcpy(part, member.data + i, size);
		hash = mix(hash ^ word(part), exchanges->keys[1]);
	}
	return hash | 2; // neither of the two constants
}

// ---- buckets ----

static int64_t epoch_of(const struct exchanges *exchanges, const uint8_t id[IDENTIFIER_UUID_SIZE])
{
	return identifier_uuid_time_us(id) / exchanges->span_us;
}

static const struct exchanges_bucket *bucket_of(const struct exchanges *exchanges,
						const uint8_t id[IDENTIFIER_UUID_SIZE])
{
	int64_t epoch = epoch_of(exchanges, id);
	const struct exchanges_bucket *bucket = &exchanges->buckets[epoch % EXCHANGES_BUCKETS];
	return bucket->epoch == epoch ? bucket : NULL;
}

result exchanges_in_window(const struct exchanges *exchanges, const uint8_t id[IDENTIFIER_UUID_SIZE], int64_t now_us)
{
	int64_t time_us = identifier_uuid_time_us(id);
	if (time_us < now_us - exchanges->window_us) {
		return ERR_EXPIRED;
	}
	return time_us > now_us + exchanges->skew_us ? ERR_CLOCK_SKEW : OK;
}

struct exchange *exchanges_find(const struct exchanges *exchanges, const uint8_t id[IDENTIFIER_UUID_SIZE],
				uint64_t client)
{
	const struct exchanges_bucket *bucket = bucket_of(exchanges, id);
	if (!bucket || bucket->capacity == 0) {
		return NULL;
	}
	size_t mask = bucket->capacity - 1;
	for (size_t at = hash_of(exchanges, id) & mask; bucket->slots[at].used; at = (at + 1) & mask) {
		struct exchange *entry = &bucket->slots[at];
		if (entry->client == client && memcmp(entry->id, id, IDENTIFIER_UUID_SIZE) == 0) {
			return entry;
		}
	}
	return NULL;
}

struct exchange *exchanges_find_request(const struct exchanges *exchanges, const uint8_t id[IDENTIFIER_UUID_SIZE],
					const uint8_t *request_hash)
{
	const struct exchanges_bucket *bucket = bucket_of(exchanges, id);
	if (!bucket || bucket->capacity == 0) {
		return NULL;
	}
	size_t mask = bucket->capacity - 1;
	for (size_t at = hash_of(exchanges, id) & mask; bucket->slots[at].used; at = (at + 1) & mask) {
		struct exchange *entry = &bucket->slots[at];
		if (entry->client != EXCHANGES_OWN && memcmp(entry->id, id, IDENTIFIER_UUID_SIZE) == 0 &&
		    memcmp(entry->request_hash, request_hash, EXCHANGES_HASH_SIZE) == 0) {
			return entry;
		}
	}
	return NULL;
}

static void place(const struct exchanges *exchanges, struct exchange *slots, size_t capacity,
		  const struct exchange *entry)
{
	size_t mask = capacity - 1;
	size_t at = hash_of(exchanges, entry->id) & mask;
	while (slots[at].used) {
		at = (at + 1) & mask;
	}
	slots[at] = *entry;
	slots[at].used = true;
}

static result grow(const struct exchanges *exchanges, struct exchanges_bucket *bucket, size_t capacity)
{
	struct exchange *slots = calloc(capacity, sizeof *slots);
	if (!slots) {
		return ERR_MEMORY;
	}
	for (size_t i = 0; i < bucket->capacity; i++) {
		if (bucket->slots[i].used) {
			place(exchanges, slots, capacity, &bucket->slots[i]);
		}
	}
	free(bucket->slots);
	bucket->slots = slots;
	bucket->capacity = capacity;
	return OK;
}

// A bucket begins with the room that the one before it came to need, so that under steady load none has to grow.
static size_t first_capacity(const struct exchanges *exchanges, int64_t epoch)
{
	const struct exchanges_bucket *before = &exchanges->buckets[(epoch - 1) % EXCHANGES_BUCKETS];
	size_t capacity = CAPACITY_LEAST;
	while (before->epoch == epoch - 1 && capacity < before->count * 2) {
		capacity *= 2;
	}
	return capacity;
}

result exchanges_insert(struct exchanges *exchanges, const struct exchange *entry)
{
	int64_t epoch = epoch_of(exchanges, entry->id);
	struct exchanges_bucket *bucket = &exchanges->buckets[epoch % EXCHANGES_BUCKETS];
	if (bucket->epoch != epoch) {
		if (bucket->count > 0 || (bucket->epoch > epoch && bucket->epoch != -1)) {
			return ERR_EXPIRED;
		}
		bucket->epoch = epoch;
	}
	if (exchanges->count >= EXCHANGES_MAX) {
		return ERR_BUSY;
	}
	if ((bucket->count + 1) * 4 > bucket->capacity * 3) {
		size_t capacity = bucket->capacity > 0 ? bucket->capacity * 2 : first_capacity(exchanges, epoch);
		result code = grow(exchanges, bucket, capacity);
		if (code != OK) {
			return code;
		}
	}
	place(exchanges, bucket->slots, bucket->capacity, entry);
	bucket->count++;
	exchanges->count++;
	return OK;
}

// ---- what is left open ----

static result add_orphan(struct exchanges *exchanges, const struct exchange *entry)
{
	if (exchanges->orphan_count == exchanges->orphan_capacity) {
		size_t capacity = exchanges->orphan_capacity > 0 ? exchanges->orphan_capacity * 2 : CAPACITY_LEAST;
		struct exchange *orphans = realloc(exchanges->orphans, capacity * sizeof *orphans);
		if (!orphans) {
			return ERR_MEMORY;
		}
		exchanges->orphans = orphans;
		exchanges->orphan_capacity = capacity;
	}
	exchanges->orphans[exchanges->orphan_count++] = *entry;
	return OK;
}

static result drop(struct exchanges *exchanges, struct exchanges_bucket *bucket)
{
	for (size_t i = 0; i < bucket->capacity; i++) {
		struct exchange *entry = &bucket->slots[i];
		if (entry->used && entry->open) {
			result code = add_orphan(exchanges, entry);
			if (code != OK) {
				return code;
			}
			entry->open = false;
		}
	}
	exchanges->count -= bucket->count;
	free(bucket->slots);
	*bucket = (struct exchanges_bucket){ .epoch = -1 };
	return OK;
}

result exchanges_advance(struct exchanges *exchanges, int64_t now_us)
{
	for (int i = 0; i < EXCHANGES_BUCKETS; i++) {
		struct exchanges_bucket *bucket = &exchanges->buckets[i];
		if (bucket->epoch < 0 || (bucket->epoch + 1) * exchanges->span_us > now_us - exchanges->window_us) {
			continue;
		}
		result code = drop(exchanges, bucket);
		if (code != OK) {
			return code;
		}
	}
	return OK;
}

result exchanges_orphan(struct exchanges *exchanges, uint8_t owner)
{
	for (int i = 0; i < EXCHANGES_BUCKETS; i++) {
		struct exchanges_bucket *bucket = &exchanges->buckets[i];
		for (size_t at = 0; at < bucket->capacity; at++) {
			struct exchange *entry = &bucket->slots[at];
			if (!entry->used || !entry->open || (owner != EXCHANGES_OWNER_NONE && entry->owner != owner)) {
				continue;
			}
			result code = add_orphan(exchanges, entry);
			if (code != OK) {
				return code;
			}
			// Not found again for this owner; still open.
			entry->owner = EXCHANGES_OWNER_NONE;
		}
	}
	return OK;
}

void exchanges_forget_orphan(struct exchanges *exchanges, const uint8_t id[IDENTIFIER_UUID_SIZE],
			     const uint8_t *request_hash)
{
	for (size_t i = 0; i < exchanges->orphan_count; i++) {
		struct exchange *orphan = &exchanges->orphans[i];
		if (memcmp(orphan->id, id, IDENTIFIER_UUID_SIZE) == 0 &&
		    memcmp(orphan->request_hash, request_hash, EXCHANGES_HASH_SIZE) == 0) {
			*orphan = exchanges->orphans[--exchanges->orphan_count];
			return;
		}
	}
}

bool exchanges_next_orphan(struct exchanges *exchanges, struct exchange *ret_entry)
{
	while (exchanges->orphan_count > 0) {
		struct exchange orphan = exchanges->orphans[--exchanges->orphan_count];
		const struct exchange *entry = exchanges_find(exchanges, orphan.id, orphan.client);
		// Dropped with its bucket: nobody can have closed it since. Otherwise its owner may have, at the last
		// moment.
		if (!entry || (entry->open && entry->request == orphan.request)) {
			*ret_entry = orphan;
			return true;
		}
	}
	return false;
}

void exchanges_return_orphan(struct exchanges *exchanges, const struct exchange *entry)
{
	assert_always(exchanges->orphan_count < exchanges->orphan_capacity);
	exchanges->orphans[exchanges->orphan_count++] = *entry;
}
