// SPDX-License-Identifier: EUPL-1.2
//
// A loop that lives for one call.
#include "cli/remote.h"

#include "base/clock.h"
#include "base/text.h"
#include "crypto/certificate.h"
#include "net/grpc_unary.h"

#include <string.h>

enum {
	// Evidence comes in a trailer; nghttp2 itself takes header blocks of up to 64 KiB.
	REMOTE_HEADER_BYTES_MAX = 60 * 1024,
	AUTHORITIES_MAX = CERTIFICATE_CHAIN_MAX,
};

struct remote {
	const struct remote_target *target;
	bool has_pin;
	uint8_t pin[DIGEST_SIZE];
	struct certificate *authorities[AUTHORITIES_MAX];
	size_t authority_count;
	struct loop *loop;
	struct tls_context *tls;
	struct h2_client *client;
	struct remote_answer *answer;
	result outcome;
	bool refused; // by accept_gateway
	struct fault refusal;
};

// ---- who is the gateway -----------------------------------------------------------------------------------------

// The pin's fingerprint: from hexadecimal digits, or of the first certificate of a file.
static result load_pin(struct remote *remote, const char *pin, struct fault *fault)
{
	struct certificate *chain[CERTIFICATE_CHAIN_MAX];
	size_t count = 0;
	if (text_unhex(slice_text(pin), remote->pin, DIGEST_SIZE) == OK) {
		remote->has_pin = true;
		return OK;
	}
	result r = certificate_load(pin, CERTIFICATE_CHAIN_MAX, chain, &count, fault);
	if (r != OK) {
		return r;
	}
	memcpy(remote->pin, certificate_fingerprint(chain[0]), DIGEST_SIZE);
	remote->has_pin = true;
	for (size_t i = 0; i < count; i++) {
		certificate_free(chain[i]);
	}
	return OK;
}

// Tries each authority of the file as root; the others may stand between. certificate_verify() takes as root
// only what signs itself or is pinned by its bytes, and checks the rest of the chain.
static result verify_gateway(const struct remote *remote, const struct certificate *certificate, struct fault *fault)
{
	struct certificate_verified verified;
	const struct certificate *const *authorities = (const struct certificate *const *)remote->authorities;
	result r = certificate_verify(certificate, CERTIFICATE_GATEWAY_TLS, authorities, remote->authority_count,
				      authorities, remote->authority_count, clock_wall_us(), &verified, fault);
	if (r != OK || remote->target->member.size == 0) {
		return r;
	}
	struct slice speaks = certificate_uri(certificate); // "besa:XK/GOV/ASHI/gw1"
	struct slice prefix = slice_text("besa:");
	struct slice member = identifier_member_of_subsystem(slice_skip(speaks, prefix.size));
	if (!slice_starts_with(speaks, prefix) || !slice_equal(member, remote->target->member)) {
		return fault_set(fault, ERR_CERTIFICATE_INVALID, "it is a gateway of another member (%.*s)",
				 (int)speaks.size, (const char *)speaks.data);
	}
	return OK;
}

static bool accept_gateway(void *context, const uint8_t fingerprint[TLS_FINGERPRINT_SIZE], struct slice der)
{
	struct remote *remote = context;
	struct certificate *certificate = NULL;
	result r = OK;
	if (remote->has_pin) {
		if (!digest_equal(fingerprint, remote->pin)) {
			r = fault_set(&remote->refusal, ERR_CERTIFICATE_INVALID,
				      "it shows another certificate than the pinned one");
		}
	} else {
		r = certificate_parse(der, &certificate, &remote->refusal);
		if (r == OK) {
			r = verify_gateway(remote, certificate, &remote->refusal);
		}
	}
	certificate_free(certificate);
	remote->refused = r != OK;
	return r == OK;
}

static result prepare_tls(struct remote *remote, struct fault *fault)
{
	const struct remote_target *target = remote->target;
	result r = OK;
	if (target->pin) {
		r = load_pin(remote, target->pin, fault);
	} else if (target->ca) {
		r = certificate_load(target->ca, AUTHORITIES_MAX, remote->authorities, &remote->authority_count, fault);
	} else {
		r = fault_set(fault, ERR_ARGUMENT, "how the gateway is known is missing: --pin or --ca");
	}
	if (r != OK) {
		return r;
	}
	struct tls_config config = { .certificate_path = target->certificate, .key_path = target->key };
	return tls_context_new(TLS_CLIENT, &config, &remote->tls, fault);
}

// ---- the call ---------------------------------------------------------------------------------------------------

static result keep_fields(struct remote_answer *answer, struct h2_headers headers)
{
	for (size_t i = 0; i < headers.count; i++) {
		struct remote_field *field = &answer->metadata[answer->metadata_count++];
		struct slice value = headers.items[i].value;
		char *copy = arena_copy(&answer->arena, value);
		field->name = arena_copy(&answer->arena, headers.items[i].name);
		field->value = slice_of(copy, value.size);
		if (!field->name || !copy) {
			return ERR_MEMORY;
		}
	}
	return OK;
}

static result keep_answer(struct remote *remote, const struct grpc_unary_result *unary)
{
	struct remote_answer *answer = remote->answer;
	struct slice words = unary->status_message;
	if (remote->refused) {
		words = slice_text(remote->refusal.text);
	}
	size_t count = unary->metadata.count + unary->trailers.count;
	const char *message = arena_copy(&answer->arena, words);
	answer->metadata = arena_zalloc(&answer->arena, (count + 1) * sizeof *answer->metadata);
	if (!message || !answer->metadata) {
		return ERR_MEMORY;
	}
	answer->status = unary->status;
	answer->from_peer = unary->from_peer;
	answer->cause = unary->cause;
	answer->status_message = slice_of(message, words.size);
	result r = keep_fields(answer, unary->metadata);
	if (r == OK) {
		r = keep_fields(answer, unary->trailers);
	}
	buffer_append(&answer->message, unary->message, unary->message_size);
	return r == OK ? buffer_result(&answer->message) : r;
}

static void on_done(void *context, const struct grpc_unary_result *unary, bool *keep_message)
{
	struct remote *remote = context;
	(void)keep_message;
	remote->outcome = keep_answer(remote, unary);
	loop_stop(remote->loop);
}

static result start(struct remote *remote, const struct remote_request *request)
{
	struct h2_header headers[REMOTE_METADATA_MAX];
	for (size_t i = 0; i < request->metadata_count; i++) {
		headers[i] = (struct h2_header){ .name = slice_text(request->metadata[i].name),
						 .value = request->metadata[i].value };
	}
	const char *address = remote->target->address;
	bool is_unix = strncmp(address, "unix:", 5) == 0;
	struct grpc_unary_request unary = {
		.path = slice_text(request->path),
		.authority = slice_text(is_unix ? "localhost" : address),
		.metadata = headers,
		.metadata_count = request->metadata_count,
		.deadline_us = loop_now_us(remote->loop) + request->timeout_us,
		.payload = request->message,
		.response_max = REMOTE_ANSWER_MAX,
	};
	return grpc_unary_start(remote->loop, remote->client, &unary, on_done, remote) ? OK : ERR_MEMORY;
}

static result connect_and_call(struct remote *remote, const struct remote_request *request, struct fault *fault)
{
	struct h2_client_config config = {
		.check = { .accept = accept_gateway, .context = remote },
		.settings = { .header_bytes_max = REMOTE_HEADER_BYTES_MAX },
		.connect_us = request->timeout_us,
	};
	result r = address_parse(slice_text(remote->target->address), &config.address, fault);
	if (r != OK) {
		return fault_prefix(fault, ERR_ARGUMENT, "%s", remote->target->address);
	}
	if (config.address.kind == ADDRESS_TCP && !remote->target->plain) {
		r = prepare_tls(remote, fault);
		config.tls = remote->tls;
		config.server_name = config.address.numeric ? NULL : config.address.host;
	}
	if (r == OK) {
		r = loop_new(&remote->loop, fault);
	}
	if (r == OK) {
		r = h2_client_new(remote->loop, &config, &remote->client);
	}
	if (r == OK) {
		r = start(remote, request);
	}
	if (r == OK) {
		loop_run(remote->loop);
		r = remote->outcome;
	}
	return r;
}

result remote_call(const struct remote_target *target, const struct remote_request *request,
		   struct remote_answer *ret_answer, struct fault *fault)
{
	struct remote_answer answer = { 0 };
	struct remote remote = { .target = target, .answer = &answer };
	arena_init(&answer.arena, REMOTE_ARENA_MAX);
	buffer_init(&answer.message, REMOTE_ANSWER_MAX);
	result r = connect_and_call(&remote, request, fault);
	h2_client_free(remote.client);
	tls_context_free(remote.tls);
	loop_free(remote.loop);
	for (size_t i = 0; i < remote.authority_count; i++) {
		certificate_free(remote.authorities[i]);
	}
	if (r == OK) {
		*ret_answer = answer;
	} else {
		remote_release(&answer);
	}
	return r;
}

void remote_release(struct remote_answer *answer)
{
	arena_release(&answer->arena);
	buffer_release(&answer->message);
}

struct slice remote_field(const struct remote_answer *answer, const char *name)
{
	for (size_t i = 0; i < answer->metadata_count; i++) {
		if (strcmp(answer->metadata[i].name, name) == 0) {
			return answer->metadata[i].value;
		}
	}
	return (struct slice){ 0 };
}

void remote_add(struct remote_request *request, const char *name, const char *value)
{
	assert_always(request->metadata_count < REMOTE_METADATA_MAX);
	if (value) {
		request->metadata[request->metadata_count++] =
		    (struct remote_field){ .name = name, .value = slice_text(value) };
	}
}
