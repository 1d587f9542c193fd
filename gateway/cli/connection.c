// SPDX-License-Identifier: EUPL-1.2
//
// Options win over the profile; options of one kind (address; how the gateway is known) replace the profile's choice as
// a whole, so that a --pin never meets a profile's CA.
#include "cli/connection.h"

#include "base/identifier.h"

#include <stdlib.h>
#include <string.h>

struct profile {
	const char *gateway, *pin, *ca, *certificate, *key, *contracts, *from;
	bool plain;
};

static result load_profile(const char *path, struct connection *connection, struct profile *profile,
			   struct fault *fault)
{
	result r = yaml_load_file(path, &connection->profile);
	if (r != OK) {
		return r;
	}
	struct yaml *yaml = connection->profile;
	const struct yaml_node *root = yaml_root(yaml);
	profile->gateway = yaml_take_text(yaml, root, "gateway", YAML_REQUIRED, NULL);
	profile->plain = yaml_take_bool(yaml, root, "plain", YAML_OPTIONAL, false);
	const char *pinned = yaml_take_path(yaml, root, "gateway_certificate", YAML_OPTIONAL, NULL);
	const char *fingerprint = yaml_take_text(yaml, root, "gateway_fingerprint", YAML_OPTIONAL, NULL);
	profile->pin = pinned ? pinned : fingerprint;
	profile->ca = yaml_take_path(yaml, root, "ca", YAML_OPTIONAL, NULL);
	if (!!pinned + !!fingerprint + !!profile->ca > 1) {
		yaml_error(yaml, root, "gateway_certificate, gateway_fingerprint and ca exclude each other");
	}
	profile->certificate = yaml_take_path(yaml, root, "certificate", YAML_OPTIONAL, NULL);
	profile->key = yaml_take_path(yaml, root, "key", YAML_OPTIONAL, NULL);
	profile->contracts = yaml_take_path(yaml, root, "contracts", YAML_OPTIONAL, NULL);
	profile->from = yaml_take_text(yaml, root, "from", YAML_OPTIONAL, NULL);
	yaml_finish(yaml);
	if (yaml_error_count(yaml)) {
		return fault_set(fault, ERR_CONFIG, "%s", yaml_error_text(yaml, 0));
	}
	return OK;
}

static const char *first(const char *a, const char *b)
{
	return a ? a : b;
}

static result choose_address(const struct connection_options *options, const struct profile *profile,
			     struct connection *connection, struct fault *fault)
{
	struct remote_target *target = &connection->target;
	if (options->gateway && options->unix_path) {
		return fault_set(fault, ERR_ARGUMENT, "--gateway and --unix exclude each other");
	}
	target->plain = options->plain || (!options->gateway && profile->plain);
	if (options->unix_path) {
		size_t size = strlen(options->unix_path) + sizeof "unix:";
		char *text = malloc(size);
		if (!text) {
			return ERR_MEMORY;
		}
		snprintf(text, size, "unix:%s", options->unix_path);
		connection->address = text;
		target->address = text;
		return OK;
	}
	target->address = first(options->gateway, profile->gateway);
	if (!target->address) {
		return fault_set(fault, ERR_ARGUMENT, "no gateway: give --profile, --gateway or --unix");
	}
	return OK;
}

static result choose_identity(const struct connection_options *options, const struct profile *profile,
			      struct connection *connection, struct fault *fault)
{
	struct remote_target *target = &connection->target;
	if (options->pin && options->ca) {
		return fault_set(fault, ERR_ARGUMENT, "--pin and --ca exclude each other");
	}
	bool given = options->pin || options->ca;
	target->pin = given ? options->pin : profile->pin;
	target->ca = given ? options->ca : profile->ca;
	target->certificate = first(options->certificate, profile->certificate);
	target->key = first(options->key, profile->key);
	if (!target->certificate != !target->key) {
		return fault_set(fault, ERR_ARGUMENT, "a certificate and its key go together");
	}
	connection->from = first(options->from, profile->from);
	connection->contracts = profile->contracts;
	if (connection->from) {
		target->member = identifier_member_of_subsystem(slice_text(connection->from));
		if (target->member.size == 0) {
			return fault_set(fault, ERR_ARGUMENT, "%s is no subsystem (expected XK/CLASS/MEMBER/SUBSYSTEM)",
					 connection->from);
		}
	} else if (target->ca) {
		return fault_set(fault, ERR_ARGUMENT, "with a CA the own member must be known: give --from");
	}
	return OK;
}

result connection_prepare(const struct connection_options *options, struct connection *connection, struct fault *fault)
{
	*connection = (struct connection){ 0 };
	struct profile profile = { 0 };
	const char *path = options->profile ? options->profile : getenv("BESA_PROFILE");
	if (path) {
		result r = load_profile(path, connection, &profile, fault);
		if (r != OK) {
			return r;
		}
	}
	result r = choose_address(options, &profile, connection, fault);
	return r == OK ? choose_identity(options, &profile, connection, fault) : r;
}

void connection_release(struct connection *connection)
{
	yaml_free(connection->profile);
	free(connection->address);
	*connection = (struct connection){ 0 };
}
