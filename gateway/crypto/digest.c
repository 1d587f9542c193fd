// SPDX-License-Identifier: EUPL-1.2
#define OPENSSL_SUPPRESS_DEPRECATED // the point of this file, see digest.h
#include "crypto/digest.h"

#include "crypto/openssl.h"

#if defined(OPENSSL_NO_DEPRECATED_3_0) || defined(BESA_DIGEST_EVP)
#define DIGEST_LOW_LEVEL 0
#else
#define DIGEST_LOW_LEVEL 1
#endif

#if DIGEST_LOW_LEVEL

_Static_assert(sizeof(SHA256_CTX) <= sizeof(struct digest), "a hash state fits");

static SHA256_CTX *context_of(struct digest *digest)
{
	return (SHA256_CTX *)digest->state;
}

void digest_init(struct digest *digest)
{
	SHA256_Init(context_of(digest));
}

void digest_update(struct digest *digest, struct slice bytes)
{
	SHA256_Update(context_of(digest), bytes.data, bytes.size);
}

void digest_final(struct digest *digest, uint8_t hash[DIGEST_SIZE])
{
	SHA256_Final(hash, context_of(digest));
}

void digest_release(struct digest *digest)
{
	OPENSSL_cleanse(digest, sizeof *digest);
}

void digest_prefixed_pair(uint8_t prefix, const uint8_t left[DIGEST_SIZE], const uint8_t right[DIGEST_SIZE],
			  uint8_t hash[DIGEST_SIZE])
{
	// The 65 bytes with their padding are two blocks. Handing them over padded spares the copy into the context's
	// buffer and the second call of the compression function that SHA256_Final would make.
	enum { BLOCKS = 2 * DIGEST_BLOCK_SIZE, BITS = 8 * (1 + 2 * DIGEST_SIZE) };
	uint8_t padded[BLOCKS] = { prefix };
	memcpy(padded + 1, left, DIGEST_SIZE);
	memcpy(padded + 1 + DIGEST_SIZE, right, DIGEST_SIZE);
	padded[1 + 2 * DIGEST_SIZE] = 0x80;
	padded[BLOCKS - 2] = BITS >> 8;
	padded[BLOCKS - 1] = BITS & 0xff;
	SHA256_CTX context;
	SHA256_Init(&context);
	SHA256_Update(&context, padded, sizeof padded);
	for (size_t i = 0; i < DIGEST_SIZE / 4; i++) {
		uint32_t word = __builtin_bswap32((uint32_t)context.h[i]);
		memcpy(hash + 4 * i, &word, 4);
	}
}

#else // the ordinary interface: a context per hash under way, one kept for the short ones

static EVP_MD_CTX **context_of(struct digest *digest)
{
	return (EVP_MD_CTX **)digest->state;
}

static const EVP_MD *algorithm(void)
{
	static EVP_MD *sha256;
	if (!sha256) {
		sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
		assert_always(sha256);
	}
	return sha256;
}

void digest_init(struct digest *digest)
{
	*digest = (struct digest){ 0 };
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	assert_always(context && EVP_DigestInit_ex2(context, algorithm(), NULL));
	*context_of(digest) = context;
}

void digest_update(struct digest *digest, struct slice bytes)
{
	assert_always(EVP_DigestUpdate(*context_of(digest), bytes.data, bytes.size));
}

void digest_final(struct digest *digest, uint8_t hash[DIGEST_SIZE])
{
	assert_always(EVP_DigestFinal_ex(*context_of(digest), hash, NULL));
	digest_release(digest);
}

void digest_release(struct digest *digest)
{
	EVP_MD_CTX_free(*context_of(digest));
	*digest = (struct digest){ 0 };
}

void digest_prefixed_pair(uint8_t prefix, const uint8_t left[DIGEST_SIZE], const uint8_t right[DIGEST_SIZE],
			  uint8_t hash[DIGEST_SIZE])
{
	static EVP_MD_CTX *context;
	uint8_t joined[1 + 2 * DIGEST_SIZE] = { prefix };
	memcpy(joined + 1, left, DIGEST_SIZE);
	memcpy(joined + 1 + DIGEST_SIZE, right, DIGEST_SIZE);
	bool again = context;
	if (!context) {
		context = EVP_MD_CTX_new();
		assert_always(context);
	}
	assert_always(EVP_DigestInit_ex2(context, again ? NULL : algorithm(), NULL));
	assert_always(EVP_DigestUpdate(context, joined, sizeof joined));
	assert_always(EVP_DigestFinal_ex(context, hash, NULL));
}

#endif

void digest_sha256(struct slice bytes, uint8_t hash[DIGEST_SIZE])
{
	struct digest digest;
	digest_init(&digest);
	digest_update(&digest, bytes);
	digest_final(&digest, hash);
}

void digest_hmac_init(struct digest_hmac *hmac, struct slice key)
{
	uint8_t block[DIGEST_BLOCK_SIZE] = { 0 };
	if (key.size > sizeof block) {
		digest_sha256(key, block);
	} else if (key.size > 0) {
		memcpy(block, key.data, key.size);
	}
	for (size_t i = 0; i < sizeof block; i++) {
		block[i] ^= 0x36;
	}
	digest_init(&hmac->inner);
	digest_update(&hmac->inner, slice_of(block, sizeof block));
	for (size_t i = 0; i < sizeof block; i++) {
		block[i] ^= 0x36 ^ 0x5c;
	}
	digest_init(&hmac->outer);
	digest_update(&hmac->outer, slice_of(block, sizeof block));
	OPENSSL_cleanse(block, sizeof block);
}

void digest_hmac_update(struct digest_hmac *hmac, struct slice bytes)
{
	digest_update(&hmac->inner, bytes);
}

void digest_hmac_final(struct digest_hmac *hmac, uint8_t mac[DIGEST_SIZE])
{
	uint8_t inner[DIGEST_SIZE];
	digest_final(&hmac->inner, inner);
	digest_update(&hmac->outer, slice_of(inner, sizeof inner));
	digest_final(&hmac->outer, mac);
}

void digest_hmac_release(struct digest_hmac *hmac)
{
	digest_release(&hmac->inner);
	digest_release(&hmac->outer);
}

void digest_hmac_prefixed(struct slice key, struct slice prefix, struct slice bytes, uint8_t mac[DIGEST_SIZE])
{
	struct digest_hmac hmac;
	digest_hmac_init(&hmac, key);
	digest_hmac_update(&hmac, prefix);
	digest_hmac_update(&hmac, bytes);
	digest_hmac_final(&hmac, mac);
}

void digest_hmac(struct slice key, struct slice bytes, uint8_t mac[DIGEST_SIZE])
{
	digest_hmac_prefixed(key, slice_of(NULL, 0), bytes, mac);
}

bool digest_equal(const uint8_t a[DIGEST_SIZE], const uint8_t b[DIGEST_SIZE])
{
	return CRYPTO_memcmp(a, b, DIGEST_SIZE) == 0;
}

void digest_wipe(void *secret, size_t size)
{
	OPENSSL_cleanse(secret, size);
}
