// SPDX-License-Identifier: EUPL-1.2
#include "supervisor/preflight.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/text.h"
#include "contract/contract.h"
#include "crypto/certificate.h"
#include "directory/directory.h"
#include "net/address.h"
#include "net/tls.h"

static const struct edition_gateway *find_gateway(const struct directory *directory, const char *member_id,
						  const char *gateway_id)
{
	const struct edition_member *member = directory_member(directory, slice_text(member_id));
	for (size_t i = 0; member && i < member->gateways.count; i++) {
		if (slice_is(member->gateways.items[i].id, gateway_id)) {
			return &member->gateways.items[i];
		}
	}
	return NULL;
}

// ---- keys and certificates -----------------------------------------------------------------------------------------

static result check_tls(const struct settings_member *member, const struct edition_gateway *listed, struct fault *fault)
{
	const struct tls_config config = { .certificate_path = member->tls_certificate, .key_path = member->tls_key };
	struct tls_context *context = NULL;
	struct certificate *chain[CERTIFICATE_CHAIN_MAX] = { NULL };
	size_t count = 0;
	result code = tls_context_new(TLS_SERVER, &config, &context, fault);
	if (code == OK) {
		code = certificate_load(member->tls_certificate, CERTIFICATE_CHAIN_MAX, chain, &count, fault);
	}
	if (code == OK && !directory_gateway_has_tls(listed, certificate_fingerprint(chain[0]))) {
		code = fault_set(fault, ERR_CONFIG,
				 "%s is not a TLS certificate that the directory lists for this gateway",
				 member->tls_certificate);
	}
	int64_t now = clock_wall_us();
	if (code == OK && (now < certificate_not_before_us(chain[0]) || now > certificate_not_after_us(chain[0]))) {
		code = fault_set(fault, ERR_CERTIFICATE_EXPIRED, "%s is outside its period of validity",
				 member->tls_certificate);
	}
	for (size_t i = 0; i < count; i++) {
		certificate_free(chain[i]);
	}
	tls_context_free(context);
	return code;
}

static result check_seal(const struct settings_member *member, const struct edition_gateway *listed,
			 struct fault *fault)
{
	struct certificate *chain[CERTIFICATE_CHAIN_MAX] = { NULL };
	size_t count = 0;
	struct key_private *seal = NULL;
	struct key_private *publishing = NULL;
	result code = certificate_load(member->seal_certificate, CERTIFICATE_CHAIN_MAX, chain, &count, fault);
	if (code == OK) {
		code = key_load(member->seal_key, &seal, fault);
	}
	if (code == OK) {
		code = key_load(member->ed25519_key, &publishing, fault);
	}
	const struct edition_ledger *ledger = listed->ledgers.count ? &listed->ledgers.items[0] : NULL;
	if (code == OK &&
	    (!certificate_key(chain[0]) || !key_public_equal(certificate_key(chain[0]), key_public_of(seal)))) {
		code =
		    fault_set(fault, ERR_CONFIG, "%s is not the key of %s", member->seal_key, member->seal_certificate);
	}
	if (code == OK && (!ledger || !slice_equal(ledger->seal_certificate, certificate_der(chain[0])))) {
		code = fault_set(fault, ERR_CONFIG, "%s is not the seal certificate that the directory lists",
				 member->seal_certificate);
	}
	if (code == OK && !slice_equal(ledger->ed25519_key, key_public_ed25519(key_public_of(publishing)))) {
		code = fault_set(fault, ERR_CONFIG, "%s is not the ledger key that the directory lists",
				 member->ed25519_key);
	}
	for (size_t i = 0; i < count; i++) {
		certificate_free(chain[i]);
	}
	key_private_free(seal);
	key_private_free(publishing);
	return code;
}

// Every shard must be listed: a request names the ledger that shall record it.
static result check_shards(const struct settings *settings, const struct settings_member *member,
			   const struct directory *directory, struct fault *fault)
{
	for (size_t i = 0; i < member->shard_count; i++) {
		char origin[IDENTIFIER_ORIGIN_MAX + 1];
		snprintf(origin, sizeof origin, "besa/%s/%s/%s", member->id, settings->gateway, member->shards[i]);
		if (!directory_ledger(directory, slice_text(origin))) {
			return fault_set(fault, ERR_CONFIG, "the directory does not list the ledger %s", origin);
		}
	}
	return OK;
}

// ---- services ------------------------------------------------------------------------------------------------------

static result check_service(const struct settings *settings, const struct settings_service *service,
			    const struct directory *directory, struct fault *fault)
{
	const struct edition_service *listed =
	    directory_service(directory, slice_text(service->subsystem), slice_text(service->name));
	if (!listed) {
		return fault_set(fault, ERR_CONFIG, "the directory lists no service %s of %s", service->name,
				 service->subsystem);
	}
	char hex[2 * CONTRACT_DIGEST_SIZE + 1];
	char path[PATH_MAX];
	text_hex(listed->contract_digest.data, CONTRACT_DIGEST_SIZE, hex);
	snprintf(path, sizeof path, "%s/%s.binpb", settings->contracts, hex);
	struct contract *contract = NULL;
	result code = contract_load_file(path, &contract, fault);
	if (code == OK && memcmp(contract_digest(contract), listed->contract_digest.data, CONTRACT_DIGEST_SIZE) != 0) {
		code = fault_set(fault, ERR_TAMPERED, "%s is not the contract that its name says", path);
	}
	if (code == OK && !contract_find_service(contract, slice_text(service->name))) {
		code = fault_set(fault, ERR_CONFIG, "%s holds no service %s", path, service->name);
	}
	contract_free(contract);
	return code;
}

// ---- addresses -----------------------------------------------------------------------------------------------------

static result check_free(const char *address_text, struct fault *fault)
{
	struct address address;
	const struct address_listen alone = { .share_port = false };
	int fd = -1;
	result code = address_text ? address_parse(slice_text(address_text), &address, fault) : OK;
	if (!address_text || code != OK || address.kind == ADDRESS_UNIX) {
		return code; // a unix socket that is in use is found when the worker opens it
	}
	code = address_listen(&address, &alone, &fd, fault);
	if (code == OK) {
		close(fd);
	}
	return code;
}

static result check_addresses(const struct settings_member *member, struct fault *fault)
{
	result code = check_free(member->peer, fault);
	for (size_t i = 0; code == OK && i < member->listener_count; i++) {
		code = check_free(member->listeners[i].address, fault);
	}
	return code;
}

// ---- all of it -----------------------------------------------------------------------------------------------------

static result check_member(const struct settings *settings, const struct settings_member *member,
			   const struct directory *directory, enum preflight_occasion occasion, struct fault *fault)
{
	const struct edition_gateway *listed = find_gateway(directory, member->id, settings->gateway);
	if (!listed) {
		return fault_set(fault, ERR_CONFIG, "the directory lists no gateway %s of %s", settings->gateway,
				 member->id);
	}
	result code = check_tls(member, listed, fault);
	if (code == OK) {
		code = check_seal(member, listed, fault);
	}
	if (code == OK) {
		code = check_shards(settings, member, directory, fault);
	}
	for (size_t i = 0; code == OK && i < member->service_count; i++) {
		code = check_service(settings, &member->services[i], directory, fault);
	}
	if (code == OK && occasion == PREFLIGHT_START) {
		code = check_addresses(member, fault);
	}
	return code;
}

static result check_all(const struct settings *settings, enum preflight_occasion occasion,
			struct preflight_times *ret_times, struct fault *fault)
{
	struct trust trust;
	struct directory *directory = NULL;
	trust_init(&trust);
	result code = trust_load(settings->trust, &trust, fault);
	if (code != OK) {
		return code;
	}
	code = directory_load(settings->edition, &trust, clock_wall_us(), &directory, fault);
	if (code != OK) {
		code = fault_prefix(fault, code, "%s", settings->edition);
	}
	for (size_t i = 0; code == OK && i < settings->member_count; i++) {
		code = check_member(settings, &settings->members[i], directory, occasion, fault);
		if (code != OK) {
			code = fault_prefix(fault, code, "%s", settings->members[i].id);
		}
	}
	if (code == OK) {
		const struct edition_parameters *parameters = &directory_document(directory)->parameters;
		ret_times->longest_deadline_us = (int64_t)parameters->longest_deadline_us;
		ret_times->clock_skew_us = (int64_t)parameters->clock_skew_us;
	}
	directory_unref(directory);
	trust_release(&trust);
	return code;
}

// What the child says through the pipe.
struct verdict {
	result code;
	struct preflight_times times;
	struct fault fault;
};

static void judge(const struct settings *settings, enum preflight_occasion occasion, int fd)
{
	struct verdict verdict = { .fault = { "" } };
	verdict.code = check_all(settings, occasion, &verdict.times, &verdict.fault);
	ssize_t written = write(fd, &verdict, sizeof verdict);
	_exit(written == sizeof verdict ? 0 : 1);
}

result preflight_check(const struct settings *settings, enum preflight_occasion occasion,
		       struct preflight_times *ret_times, struct fault *fault)
{
	int pipe_fds[2];
	if (pipe2(pipe_fds, O_CLOEXEC) != 0) {
		return fault_set(fault, file_errno_result(errno), "cannot make a pipe: %s", strerror(errno));
	}
	pid_t pid = fork();
	if (pid < 0) {
		close(pipe_fds[0]);
		close(pipe_fds[1]);
		return fault_set(fault, file_errno_result(errno), "cannot fork: %s", strerror(errno));
	}
	if (pid == 0) {
		judge(settings, occasion, pipe_fds[1]);
	}
	close(pipe_fds[1]);
	struct verdict verdict;
	ssize_t got = read(pipe_fds[0], &verdict, sizeof verdict);
	close(pipe_fds[0]);
	waitpid(pid, NULL, 0);
	if (got != sizeof verdict) {
		return fault_set(fault, ERR_INTERNAL, "the check of the configuration ended without an answer");
	}
	verdict.fault.text[FAULT_TEXT_MAX - 1] = '\0';
	if (verdict.code != OK) {
		return fault_set(fault, verdict.code, "%s", verdict.fault.text);
	}
	*ret_times = verdict.times;
	return OK;
}
