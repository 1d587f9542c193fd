// SPDX-License-Identifier: EUPL-1.2
//
// Edition files, edition documents and trust bundles from outside. Under the bundle below, whose keys nobody has, the
// only edition that ever opens is the seed's.
#include "base/text.h"
#include "directory/directory.h"

static const char trust_text[] = "besa-trust/v1\n"
				 "instance XK\n"
				 "ledger besa/XK/GOV/ASHI/central\n"
				 "root "
				 "MIIBezCCASKgAwIBAgIQREnwSXQKQh3LeNSTQx3rNjAKBggqhkjOPQQDAjAeMQ0wCwYDVQQKDARCZXNhMQ0wC"
				 "wYDVQQDDARSb290MB4XDTI2MTEwMTA5MzAwMFoXDTM1MDIwNzA5MzAwMFowHjENMAsGA1UECgwEQmVzYTENMA"
				 "sGA1UEAwwEUm9vdDBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABIeFaWI9sNz81/4Oa2ZcN1/"
				 "o5Kaa1H6HbmL1iMSMAtmpnlxtw6LUCqeKMf28j3KUKWRDRCYLLvWeJFB0n+nQo6+"
				 "jQjBAMB0GA1UdDgQWBBSlwQXs+EqegSHP+QhAJKYJd1VinzAPBgNVHRMBAf8EBTADAQH/MA4GA1UdDwEB/"
				 "wQEAwIBBjAKBggqhkjOPQQDAgNHADBEAiAtJQu81g2ohYL7frtN+"
				 "vHn0eK68wzzwdscX1wHHEDiKAIgSScFggRrLNoKnBUr4oe8Vef2R3n7gpBhHMpshVKCvGU=\n";
static const char document_hex[] = "bc9114b07e74ea488683fe65030c326b0309759dae3ac1f466125114560756f5";
static const int64_t now_us = 1795253400000000; // 2026-11-21T09:30:00Z

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_file(struct slice bytes)
{
	static struct trust trust;
	if (trust.root_count == 0) {
		assert_always(trust_parse(slice_text(trust_text), &trust, NULL) == OK);
	}
	struct directory *directory = NULL;
	struct fault fault;
	if (directory_open(bytes, &trust, now_us, &directory, &fault) != OK) {
		return;
	}
	struct envelope_sealed sealed;
	uint8_t expected[DIGEST_SIZE];
	uint8_t digest[DIGEST_SIZE];
	assert_always(envelope_decode_sealed(bytes, &sealed, NULL) == OK);
	assert_always(text_unhex(slice_text(document_hex), expected, sizeof expected) == OK);
	digest_sha256(sealed.payload, digest);
	assert_always(memcmp(digest, expected, sizeof expected) == 0);
	directory_unref(directory);
}

static void check_document(struct slice bytes)
{
	struct arena arena;
	struct edition_document document;
	struct buffer again;
	struct fault fault;
	arena_init(&arena, 8 << 20);
	buffer_init(&again, 1 << 20);
	if (edition_decode(bytes, &arena, &document, &fault) == OK) {
		assert_always(edition_encode(&document, &again, &fault) == OK);
		assert_always(edition_decode(buffer_slice(&again), &arena, &document, &fault) == OK);
	}
	buffer_release(&again);
	arena_release(&arena);
}

static void check_trust(struct slice bytes)
{
	struct trust trust;
	struct buffer again;
	struct fault fault;
	buffer_init(&again, TRUST_FILE_MAX);
	if (trust_parse(bytes, &trust, &fault) == OK) {
		assert_always(
		    trust_write(&again, trust.instance, trust.ledger, trust.roots, trust.root_count, &fault) == OK);
		assert_always(slice_equal(buffer_slice(&again), bytes));
		trust_release(&trust);
	}
	buffer_release(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice bytes = slice_of(data, size);
	check_file(bytes);
	check_document(bytes);
	check_trust(bytes);
	return 0;
}
