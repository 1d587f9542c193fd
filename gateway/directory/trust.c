// SPDX-License-Identifier: EUPL-1.2
#include "directory/trust.h"

#include "base/file.h"
#include "base/text.h"
#include "crypto/certificate.h"

static const char magic[] = "besa-trust/v1";

void trust_init(struct trust *trust)
{
	*trust = (struct trust){ 0 };
	buffer_init(&trust->der, TRUST_ROOTS_MAX * TRUST_ROOT_MAX);
}

void trust_release(struct trust *trust)
{
	buffer_release(&trust->der);
	trust_init(trust);
}

// ---- writing ----

// An origin is a ledger and a shard: so a ledger is legal if it makes a legal origin.
static bool is_ledger(const char *ledger)
{
	char origin[IDENTIFIER_ORIGIN_MAX + 3];
	size_t size = strlen(ledger);
	if (size > IDENTIFIER_ORIGIN_MAX) {
		return false;
	}
	memcpy(origin, ledger, size);
	memcpy(origin + size, "/0", 3);
	return identifier_is_origin(slice_text(origin));
}

result trust_write(struct buffer *buffer, const char *instance, const char *ledger, const struct slice *roots,
		   size_t root_count, struct fault *fault)
{
	if (!identifier_is_part(slice_text(instance))) {
		return fault_set(fault, ERR_ARGUMENT, "the instance is not legal");
	}
	if (!is_ledger(ledger)) {
		return fault_set(fault, ERR_ARGUMENT, "the ledger is not of the form besa/XK/GOV/ASHI/central");
	}
	size_t instance_size = strlen(instance);
	if (strncmp(ledger + 5, instance, instance_size) != 0 || ledger[5 + instance_size] != '/') {
		return fault_set(fault, ERR_ARGUMENT, "the ledger is of another instance");
	}
	if (root_count == 0 || root_count > TRUST_ROOTS_MAX) {
		return fault_set(fault, ERR_ARGUMENT, "%zu roots, expected 1 to %d", root_count, TRUST_ROOTS_MAX);
	}
	buffer_append_format(buffer, "%s\ninstance %s\nledger %s\n", magic, instance, ledger);
	for (size_t i = 0; i < root_count; i++) {
		if (roots[i].size > TRUST_ROOT_MAX) {
			return fault_set(fault, ERR_ARGUMENT, "a root of %zu bytes", roots[i].size);
		}
		buffer_append_text(buffer, "root ");
		text_base64_append(buffer, roots[i]);
		buffer_append_byte(buffer, '\n');
	}
	return buffer_result(buffer);
}

// ---- reading ----

// The rest of the next line if it begins with `word` and a space.
static bool take_line(struct slice *rest, const char *word, struct slice *ret_value)
{
	const uint8_t *end = rest->size ? memchr(rest->data, '\n', rest->size) : NULL;
	struct slice front = slice_text(word);
	if (!end || !slice_starts_with(*rest, front)) {
		return false;
	}
	struct slice line = slice_of(rest->data, (size_t)(end - rest->data));
	*rest = slice_skip(*rest, line.size + 1);
	*ret_value = slice_skip(line, front.size);
	return true;
}

static result take_name(struct slice *rest, const char *word, char *name, size_t room, int line, struct fault *fault)
{
	struct slice value;
	if (!take_line(rest, word, &value) || value.size >= room || memchr(value.data, 0, value.size)) {
		return fault_set(fault, ERR_FORMAT, "trust bundle line %d: expected `%s…`", line, word);
	}
	memcpy(name, value.data, value.size);
	name[value.size] = '\0';
	return OK;
}

static result take_roots(struct trust *trust, struct slice rest, struct fault *fault)
{
	size_t starts[TRUST_ROOTS_MAX + 1] = { 0 };
	for (int line = 4; rest.size != 0; line++) {
		struct slice value;
		if (trust->root_count == TRUST_ROOTS_MAX || !take_line(&rest, "root ", &value) || value.size == 0 ||
		    text_unbase64_append(&trust->der, value) != OK) {
			return fault_set(fault, ERR_FORMAT, "trust bundle line %d: expected `root <base64>`", line);
		}
		starts[++trust->root_count] = trust->der.size;
		struct slice der = slice_skip(buffer_slice(&trust->der), starts[trust->root_count - 1]);
		struct certificate *certificate = NULL;
		result code = certificate_parse(der, &certificate, fault);
		certificate_free(certificate);
		if (code != OK) {
			return fault_prefix(fault, ERR_FORMAT, "trust bundle line %d", line);
		}
	}
	for (size_t i = 0; i < trust->root_count; i++) { // the buffer does not move any more
		trust->roots[i] = slice_of(trust->der.data + starts[i], starts[i + 1] - starts[i]);
	}
	return OK;
}

// The reader is forgiving in small things; the writer knows only one spelling, and that is the one that counts.
static result check_spelling(const struct trust *trust, struct slice text, struct fault *fault)
{
	struct buffer again;
	buffer_init(&again, TRUST_FILE_MAX);
	result code = trust_write(&again, trust->instance, trust->ledger, trust->roots, trust->root_count, fault);
	if (code == ERR_ARGUMENT) {
		code = fault_prefix(fault, ERR_FORMAT, "trust bundle");
	} else if (code == OK && !slice_equal(buffer_slice(&again), text)) {
		code = fault_set(fault, ERR_FORMAT, "trust bundle: not in its one spelling");
	}
	buffer_release(&again);
	return code;
}

result trust_parse(struct slice text, struct trust *ret_trust, struct fault *fault)
{
	struct trust trust;
	trust_init(&trust);
	struct slice rest = text;
	struct slice version;
	result code = OK;
	if (text.size > TRUST_FILE_MAX || !take_line(&rest, magic, &version) || version.size != 0) {
		code = fault_set(fault, ERR_FORMAT, "trust bundle line 1: expected `%s`", magic);
	}
	if (code == OK) {
		code = take_name(&rest, "instance ", trust.instance, sizeof trust.instance, 2, fault);
	}
	if (code == OK) {
		code = take_name(&rest, "ledger ", trust.ledger, sizeof trust.ledger, 3, fault);
	}
	if (code == OK) {
		code = take_roots(&trust, rest, fault);
	}
	if (code == OK) {
		code = check_spelling(&trust, text, fault);
	}
	if (code != OK) {
		trust_release(&trust);
		return code;
	}
	digest_sha256(text, trust.fingerprint);
	*ret_trust = trust;
	return OK;
}

result trust_load(const char *path, struct trust *ret_trust, struct fault *fault)
{
	struct buffer text;
	buffer_init(&text, TRUST_FILE_MAX);
	result code = file_read(path, &text, fault);
	if (code == OK) {
		code = trust_parse(buffer_slice(&text), ret_trust, fault);
		if (code != OK) {
			code = fault_prefix(fault, code, "%s", path);
		}
	}
	buffer_release(&text);
	return code;
}
