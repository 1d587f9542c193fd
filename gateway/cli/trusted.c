// SPDX-License-Identifier: EUPL-1.2
//
// An edition that has run out is refused where somebody wants to act on it, and taken where somebody looks back:
// evidence is checked years later.
#include "cli/trusted.h"

#include "base/clock.h"
#include "base/file.h"

#include <stdlib.h>

// Opens an expired edition as of its last valid moment. Everything but its age is verified as always.
static result open_expired(struct slice file, const struct trust *trust, struct directory **ret_directory,
			   struct fault *fault)
{
	struct envelope_sealed sealed;
	struct edition_document document;
	struct arena arena;
	arena_init(&arena, EDITION_ARENA_MAX);
	result r = envelope_decode_sealed(file, &sealed, fault);
	if (r == OK) {
		r = edition_decode(sealed.payload, &arena, &document, fault);
	}
	if (r == OK) {
		r = directory_open(file, trust, document.valid_until_us, ret_directory, fault);
	}
	arena_release(&arena);
	return r;
}

static result load_edition(const char *path, enum trusted_age age, struct trusted *trusted, struct fault *fault)
{
	struct buffer file;
	buffer_init(&file, EDITION_FILE_MAX);
	result r = file_read(path, &file, fault);
	if (r != OK) {
		goto out;
	}
	int64_t now_us = clock_wall_us();
	r = directory_open(buffer_slice(&file), &trusted->trust, now_us, &trusted->directory, fault);
	bool expired = r == ERR_EDITION_EXPIRED || r == ERR_CERTIFICATE_EXPIRED;
	if (expired && age == TRUSTED_ANY_AGE) {
		r = open_expired(buffer_slice(&file), &trusted->trust, &trusted->directory, fault);
		trusted->expired = r == OK;
	}
	if (r != OK) {
		r = fault_prefix(fault, r, "%s", path);
	}
out:
	buffer_release(&file);
	return r;
}

result trusted_load(const char *trust, const char *edition, enum trusted_age age, struct trusted *ret_trusted,
		    struct fault *fault)
{
	struct trusted trusted = { 0 };
	trust = trust ? trust : getenv("BESA_TRUST");
	edition = edition ? edition : getenv("BESA_EDITION");
	if (!trust) {
		return fault_set(
		    fault, ERR_ARGUMENT,
		    "no trust bundle: give --trust FILE or set BESA_TRUST; without it nothing can be proven");
	}
	result r = trust_load(trust, &trusted.trust, fault);
	if (r != OK) {
		return r;
	}
	trusted.has_trust = true;
	if (edition) {
		r = load_edition(edition, age, &trusted, fault);
	}
	if (r == OK) {
		*ret_trusted = trusted;
	} else {
		trusted_release(&trusted);
	}
	return r;
}

void trusted_release(struct trusted *trusted)
{
	directory_unref(trusted->directory);
	if (trusted->has_trust) {
		trust_release(&trusted->trust);
	}
	*trusted = (struct trusted){ 0 };
}
