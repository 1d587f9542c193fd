// SPDX-License-Identifier: EUPL-1.2
//
// From the bytes of an edition file to a directory that counts. The order of the checks is the order of trust: the
// statement's form, the document it holds the digest of, the certificate that document lists for the central ledger
// (which counts only because it leads to the trust bundle's root), the seal by that certificate's key, the time.
#include "directory/directory.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/file.h"
#include "directory/directory_internal.h"

static void free_directory(struct directory *directory)
{
	if (!directory) {
		return;
	}
	directory_keys_release(directory);
	directory_tables_release(&directory->tables);
	arena_release(&directory->arena);
	buffer_release(&directory->sealed_statement);
	buffer_release(&directory->bytes);
	free(directory);
}

struct directory *directory_ref(struct directory *directory)
{
	directory->references++;
	return directory;
}

void directory_unref(struct directory *directory)
{
	if (directory && --directory->references == 0) {
		free_directory(directory);
	}
}

// ---- opening ----

// What is wrong with a part is wrong with the edition; lack of memory and certificates keep their codes.
static result as_edition(result code, struct fault *fault, const char *part)
{
	switch (code) {
	case OK:
		return OK;
	case ERR_FORMAT:
	case ERR_STATEMENT_INVALID:
	case ERR_MEMBER_MISMATCH:
	case ERR_SEAL_INVALID:
	case ERR_CHECKPOINT_INVALID:
	case ERR_NOT_FOUND:
		code = ERR_EDITION_INVALID;
		break;
	default:
		break;
	}
	return fault_prefix(fault, code, "%s", part);
}

// Takes the file apart and copies what stays.
static result read_file(struct directory *directory, struct slice file, struct slice *ret_leaf, struct slice *ret_seal,
			struct slice *ret_document, struct fault *fault)
{
	struct envelope_sealed sealed;
	if (file.size > EDITION_FILE_MAX) {
		return fault_set(fault, ERR_LIMIT, "the file is larger than %d bytes", EDITION_FILE_MAX);
	}
	result code = as_edition(envelope_decode_sealed(file, &sealed, fault), fault, "edition file");
	if (code != OK) {
		return code;
	}
	if (!sealed.has_payload || sealed.private_part.size || sealed.salt.size || sealed.metadata.size) {
		return fault_set(fault, ERR_EDITION_INVALID,
				 "edition file: expected statement, seal and document only");
	}
	buffer_append_slice(&directory->bytes, sealed.statement);
	buffer_append_slice(&directory->bytes, sealed.seal);
	buffer_append_slice(&directory->bytes, sealed.payload);
	code = buffer_result(&directory->bytes);
	if (code != OK) {
		return code;
	}
	const uint8_t *at = directory->bytes.data;
	*ret_leaf = slice_of(at, sealed.statement.size);
	*ret_seal = slice_of(at + sealed.statement.size, sealed.seal.size);
	*ret_document = slice_of(at + sealed.statement.size + sealed.seal.size, sealed.payload.size);
	const struct envelope_sealed proof = { .statement = *ret_leaf, .seal = *ret_seal };
	return as_edition(envelope_encode_sealed(&proof, &directory->sealed_statement, fault), fault, "edition file");
}

// The statement speaks of exactly this document.
static result check_statement(const struct statement *statement, struct slice bytes,
			      const struct edition_document *document, struct fault *fault)
{
	const struct statement_edition *said = &statement->body.edition;
	if (!slice_equal(said->instance, document->instance) || said->version != document->version ||
	    said->issued_at_us != document->issued_at_us || said->valid_until_us != document->valid_until_us ||
	    said->size != bytes.size) {
		return fault_set(fault, ERR_EDITION_INVALID, "the document is not the one its statement describes");
	}
	return OK;
}

static result read_document(struct directory *directory, const struct trust *trust, struct slice leaf,
			    struct slice document, struct statement *ret_statement, struct fault *fault)
{
	struct statement statement;
	result code =
	    as_edition(statement_parse(leaf, &directory->arena, &statement, fault), fault, "edition statement");
	if (code != OK) {
		return code;
	}
	if (statement.type != STATEMENT_EDITION) {
		return fault_set(fault, ERR_EDITION_INVALID, "the sealed statement is of type %s, expected edition",
				 statement_type_name(statement.type));
	}
	uint8_t digest[DIGEST_SIZE];
	digest_sha256(document, digest);
	if (!slice_equal(statement.body.edition.digest, slice_of(digest, sizeof digest))) {
		return fault_set(fault, ERR_EDITION_INVALID, "the document does not match the digest in its statement");
	}
	code = edition_decode(document, &directory->arena, &directory->document, fault);
	if (code == OK) {
		code = check_statement(&statement, document, &directory->document, fault);
	}
	if (code != OK) {
		return code;
	}
	if (!slice_is(directory->document.instance, trust->instance)) {
		return fault_set(fault, ERR_EDITION_INVALID, "the edition is of instance %.*s, the trust bundle of %s",
				 (int)directory->document.instance.size, directory->document.instance.data,
				 trust->instance);
	}
	*ret_statement = statement;
	return OK;
}

static result check_seal(struct directory *directory, const struct trust *trust, const struct statement *statement,
			 struct slice seal_bytes, int64_t now_us, struct fault *fault)
{
	struct envelope_seal seal;
	result code = as_edition(envelope_decode_seal(seal_bytes, &seal, fault), fault, "edition seal");
	if (code != OK) {
		return code;
	}
	if (!slice_is(identifier_ledger_of_origin(seal.origin), trust->ledger)) {
		return fault_set(fault, ERR_EDITION_INVALID, "sealed in ledger %.*s, the trust bundle names %s",
				 (int)seal.origin.size, seal.origin.data, trust->ledger);
	}
	const struct seal_key *key;
	code = as_edition(directory_seal_key(directory, seal.origin, now_us, &key, fault), fault, "edition seal");
	if (code != OK) {
		return code;
	}
	struct seal_verifier *verifier = NULL;
	struct seal_verified verified;
	code = seal_verifier_new(1, &verifier);
	if (code == OK) {
		code = seal_verify(verifier, key, statement->leaf, &seal, &verified, fault);
	}
	if (code == OK) {
		code = seal_check_member(&verified, statement, fault);
	}
	seal_verifier_free(verifier);
	if (code != OK) {
		return as_edition(code, fault, "edition seal");
	}
	directory->head = (struct directory_head){
		.size = verified.size,
		.origin = verified.origin,
		.sealed_statement = buffer_slice(&directory->sealed_statement),
	};
	memcpy(directory->head.root, verified.root, STATEMENT_HASH_SIZE);
	memcpy(directory->head.leaf_hash, verified.leaf_hash, STATEMENT_HASH_SIZE);
	directory->previous = statement->body.edition.previous;
	return OK;
}

static result open_directory(struct directory *directory, struct slice file, const struct trust *trust, int64_t now_us,
			     struct fault *fault)
{
	struct slice leaf;
	struct slice seal;
	struct slice document;
	struct statement statement;
	result code = read_file(directory, file, &leaf, &seal, &document, fault);
	if (code == OK) {
		code = read_document(directory, trust, leaf, document, &statement, fault);
	}
	if (code == OK) {
		code = directory_tables_build(directory, fault);
	}
	if (code == OK) {
		code = directory_keys_init(directory, trust, fault);
	}
	if (code == OK) {
		code = check_seal(directory, trust, &statement, seal, now_us, fault);
	}
	if (code == OK) {
		code = directory_check_fresh(directory, now_us, fault);
	}
	return code;
}

result directory_open(struct slice file, const struct trust *trust, int64_t now_us, struct directory **ret_directory,
		      struct fault *fault)
{
	struct directory *directory = calloc(1, sizeof *directory);
	if (!directory) {
		return fault_set(fault, ERR_MEMORY, "no memory for a directory");
	}
	directory->references = 1;
	buffer_init(&directory->bytes, EDITION_FILE_MAX);
	buffer_init(&directory->sealed_statement, STATEMENT_LEAF_MAX + ENVELOPE_SEAL_MAX + 64);
	arena_init(&directory->arena, EDITION_ARENA_MAX);
	result code = open_directory(directory, file, trust, now_us, fault);
	if (code != OK) {
		free_directory(directory);
		return code;
	}
	*ret_directory = directory;
	return OK;
}

result directory_load(const char *path, const struct trust *trust, int64_t now_us, struct directory **ret_directory,
		      struct fault *fault)
{
	struct buffer file;
	buffer_init(&file, EDITION_FILE_MAX);
	result code = file_read(path, &file, fault);
	if (code == OK) {
		code = directory_open(buffer_slice(&file), trust, now_us, ret_directory, fault);
		if (code != OK) {
			code = fault_prefix(fault, code, "%s", path);
		}
	}
	buffer_release(&file);
	return code;
}

// ---- versions and time ----

result directory_replaces(const struct directory *newer, const struct directory *older, struct fault *fault)
{
	if (!older) {
		return OK;
	}
	const struct edition_document *new_document = &newer->document;
	const struct edition_document *old_document = &older->document;
	if (!slice_equal(new_document->instance, old_document->instance)) {
		return fault_set(fault, ERR_EDITION_INVALID, "the edition is of another instance");
	}
	if (new_document->version < old_document->version) {
		return fault_set(fault, ERR_EDITION_INVALID, "edition %" PRIu64 " is older than %" PRIu64 " in use",
				 new_document->version, old_document->version);
	}
	struct slice old_leaf = slice_of(older->head.leaf_hash, STATEMENT_HASH_SIZE);
	struct slice new_leaf = slice_of(newer->head.leaf_hash, STATEMENT_HASH_SIZE);
	if (new_document->version == old_document->version && !slice_equal(new_leaf, old_leaf)) {
		return fault_set(fault, ERR_EDITION_INVALID, "two different editions %" PRIu64, new_document->version);
	}
	if (new_document->version - old_document->version == 1 && newer->previous.size != 0 &&
	    !slice_equal(newer->previous, old_leaf)) {
		return fault_set(fault, ERR_EDITION_INVALID, "edition %" PRIu64 " does not follow the one in use",
				 new_document->version);
	}
	return OK;
}

result directory_check_fresh(const struct directory *directory, int64_t now_us, struct fault *fault)
{
	const struct edition_document *document = &directory->document;
	char text[CLOCK_TEXT_SIZE];
	if (now_us < document->issued_at_us - (int64_t)document->parameters.clock_skew_us) {
		clock_format(document->issued_at_us, text);
		return fault_set(fault, ERR_EDITION_EXPIRED,
				 "the edition was issued at %s, after the time of this clock", text);
	}
	if (now_us > document->valid_until_us + (int64_t)document->parameters.outage_budget_us) {
		clock_format(document->valid_until_us, text);
		return fault_set(fault, ERR_EDITION_EXPIRED,
				 "the edition was valid until %s and the outage budget is used up", text);
	}
	return OK;
}

const struct edition_document *directory_document(const struct directory *directory)
{
	return &directory->document;
}

const struct directory_head *directory_head(const struct directory *directory)
{
	return &directory->head;
}
