// SPDX-License-Identifier: EUPL-1.2
#include "exchange/settings.h"

#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/text.h"
#include "base/yaml.h"

enum { SETTINGS_MEMORY_MAX = 32 * 1024 * 1024 };

static const int64_t second_us = 1000000;

// What the reading functions share.
struct reader {
	struct yaml *yaml;
	struct settings *settings;
};

// A copy in the settings' arena; NULL stays NULL.
static const char *keep(struct reader *reader, const char *text)
{
	return text ? arena_copy(&reader->settings->arena, slice_text(text)) : NULL;
}

static const char *take_subsystem(struct reader *reader, const struct yaml_node *node, const char *key,
				  enum yaml_need need, const char *member)
{
	const char *text = yaml_take_text(reader->yaml, node, key, need, NULL);
	if (!text) {
		return NULL;
	}
	if (!identifier_is_subsystem(slice_text(text))) {
		yaml_error(reader->yaml, node, "%s: \"%s\" is no subsystem id (instance/class/member/subsystem)", key,
			   text);
	} else if (member && !identifier_subsystem_belongs(slice_text(text), slice_text(member))) {
		yaml_error(reader->yaml, node, "%s: %s is no subsystem of the member %s", key, text, member);
	}
	return keep(reader, text);
}

static const char *take_address(struct reader *reader, const struct yaml_node *node, const char *key,
				enum yaml_need need)
{
	const char *text = yaml_take_text(reader->yaml, node, key, need, NULL);
	if (!text) {
		return NULL;
	}
	static const char unix_prefix[] = "unix:";
	if (strncmp(text, unix_prefix, sizeof unix_prefix - 1) == 0) {
		char *path = file_beside(yaml_path(reader->yaml), text + sizeof unix_prefix - 1);
		char *address = path ? arena_alloc(&reader->settings->arena, strlen(path) + sizeof unix_prefix) : NULL;
		if (address) {
			memcpy(address, unix_prefix, sizeof unix_prefix - 1);
			memcpy(address + sizeof unix_prefix - 1, path, strlen(path) + 1);
		}
		free(path);
		return address;
	}
	const char *colon = strrchr(text, ':');
	uint64_t port = 0;
	if (!colon || colon == text || text_decimal(slice_text(colon + 1), 65535, &port) != OK || port == 0) {
		yaml_error(reader->yaml, node, "%s: \"%s\" is no address (host:port or unix:path)", key, text);
	}
	return keep(reader, text);
}

static void read_client(struct reader *reader, const struct yaml_node *node, const char *member, bool tls,
			struct settings_client *client)
{
	client->subsystem = take_subsystem(reader, node, "subsystem", YAML_REQUIRED, member);
	const char *certificate = yaml_take_text(reader->yaml, node, "certificate", YAML_OPTIONAL, NULL);
	int64_t uid = yaml_take_integer(reader->yaml, node, "uid", YAML_OPTIONAL, 0, UINT32_MAX, -1);
	if (certificate) {
		client->by_certificate = true;
		if (text_unhex(slice_text(certificate), client->certificate, DIGEST_SIZE) != OK) {
			yaml_error(reader->yaml, node,
				   "certificate: expected the SHA-256 of the certificate, 64 hexadecimal digits "
				   "(openssl x509 -fingerprint -sha256, without the colons)");
		}
	}
	if (uid >= 0) {
		client->by_uid = true;
		client->uid = (uint32_t)uid;
	}
	if (client->by_certificate == client->by_uid) {
		yaml_error(reader->yaml, node, "a client needs either certificate (TLS) or uid (unix socket)");
	} else if (client->by_certificate != tls) {
		yaml_error(reader->yaml, node, "%s",
			   tls ? "a client of a TLS listener is known by its certificate"
			       : "a client of a unix socket is known by its uid");
	}
}

static void read_listener(struct reader *reader, const struct yaml_node *node, const char *member,
			  struct settings_listener *listener)
{
	struct yaml *yaml = reader->yaml;
	listener->address = take_address(reader, node, "address", YAML_REQUIRED);
	bool is_unix = listener->address && strncmp(listener->address, "unix:", 5) == 0;
	listener->tls = yaml_take_bool(yaml, node, "tls", YAML_OPTIONAL, !is_unix);
	listener->subsystem = take_subsystem(reader, node, "subsystem", YAML_OPTIONAL, member);
	const struct yaml_node *clients = yaml_take_sequence(yaml, node, "clients", YAML_OPTIONAL);
	if ((listener->subsystem != NULL) == (clients != NULL)) {
		yaml_error(yaml, node, "a listener needs either subsystem (everyone on it) or clients");
		return;
	}
	if (listener->subsystem && listener->tls) {
		yaml_error(yaml, node, "a TLS listener knows its callers by certificate: list them under clients");
	}
	if (!clients) {
		return;
	}
	size_t count = yaml_count(clients);
	if (count > SETTINGS_CLIENTS_MAX) {
		yaml_error(yaml, clients, "at most %d clients fit one listener", SETTINGS_CLIENTS_MAX);
		return;
	}
	struct settings_client *list = arena_zalloc(&reader->settings->arena, count * sizeof *list);
	for (size_t i = 0; list && i < count; i++) {
		read_client(reader, yaml_item(clients, i), member, listener->tls, &list[i]);
	}
	listener->clients = list;
	listener->client_count = list ? count : 0;
}

static void read_service(struct reader *reader, const struct yaml_node *node, const char *member,
			 struct settings_service *service)
{
	service->subsystem = take_subsystem(reader, node, "subsystem", YAML_REQUIRED, member);
	service->name = keep(reader, yaml_take_text(reader->yaml, node, "service", YAML_REQUIRED, NULL));
	service->adapter = take_address(reader, node, "adapter", YAML_REQUIRED);
	service->timeout_us =
	    yaml_take_duration_us(reader->yaml, node, "timeout", YAML_OPTIONAL, 1000, 3600 * second_us, 30 * second_us);
}

static const char *take_file(struct reader *reader, const struct yaml_node *node, const char *key, enum yaml_need need)
{
	return keep(reader, yaml_take_path(reader->yaml, node, key, need, NULL));
}

static void read_shards(struct reader *reader, const struct yaml_node *node, struct settings_member *member)
{
	const struct yaml_node *shards = yaml_take_sequence(reader->yaml, node, "shards", YAML_REQUIRED);
	if (!shards) {
		return;
	}
	size_t count = yaml_count(shards);
	if (count == 0 || count > SETTINGS_SHARDS_MAX) {
		yaml_error(reader->yaml, shards, "shards: list 1 to %d, the present one first", SETTINGS_SHARDS_MAX);
		return;
	}
	for (size_t i = 0; i < count; i++) {
		const char *shard = yaml_text(yaml_item(shards, i));
		if (!shard || !identifier_is_part(slice_text(shard))) {
			yaml_error(reader->yaml, yaml_item(shards, i),
				   "a shard is named by letters, digits and - _ . only");
			return;
		}
		member->shards[i] = keep(reader, shard);
	}
	member->shard_count = count;
}

static void read_keys(struct reader *reader, const struct yaml_node *node, struct settings_member *member)
{
	const struct yaml_node *keys = yaml_take_mapping(reader->yaml, node, "keys", YAML_REQUIRED);
	if (!keys) {
		return;
	}
	member->tls_key = take_file(reader, keys, "tls_key", YAML_REQUIRED);
	member->tls_certificate = take_file(reader, keys, "tls_certificate", YAML_REQUIRED);
	member->seal_key = take_file(reader, keys, "seal_key", YAML_REQUIRED);
	member->seal_certificate = take_file(reader, keys, "seal_certificate", YAML_REQUIRED);
	member->ed25519_key = take_file(reader, keys, "ed25519_key", YAML_REQUIRED);
}

static void read_listeners(struct reader *reader, const struct yaml_node *node, struct settings_member *member)
{
	const struct yaml_node *list = yaml_take_sequence(reader->yaml, node, "listeners", YAML_OPTIONAL);
	size_t count = list ? yaml_count(list) : 0;
	struct settings_listener *listeners = arena_zalloc(&reader->settings->arena, count * sizeof *listeners);
	for (size_t i = 0; listeners && i < count; i++) {
		read_listener(reader, yaml_item(list, i), member->id, &listeners[i]);
	}
	member->listeners = listeners;
	member->listener_count = listeners ? count : 0;
}

static void read_services(struct reader *reader, const struct yaml_node *node, struct settings_member *member)
{
	const struct yaml_node *list = yaml_take_sequence(reader->yaml, node, "services", YAML_OPTIONAL);
	size_t count = list ? yaml_count(list) : 0;
	if (count > SETTINGS_SERVICES_MAX) {
		yaml_error(reader->yaml, list, "at most %d services fit one member", SETTINGS_SERVICES_MAX);
		return;
	}
	struct settings_service *services = arena_zalloc(&reader->settings->arena, count * sizeof *services);
	for (size_t i = 0; services && i < count; i++) {
		const struct yaml_node *item = yaml_item(list, i);
		read_service(reader, item, member->id, &services[i]);
		for (size_t j = 0; j < i; j++) {
			if (services[i].name && services[j].name && services[i].subsystem && services[j].subsystem &&
			    strcmp(services[i].name, services[j].name) == 0 &&
			    strcmp(services[i].subsystem, services[j].subsystem) == 0) {
				yaml_error(reader->yaml, item, "%s of %s is listed twice", services[i].name,
					   services[i].subsystem);
			}
		}
	}
	member->services = services;
	member->service_count = services ? count : 0;
	if (count > 0 && !member->peer) {
		yaml_error(reader->yaml, list, "a member with services needs a peer address");
	}
}

static void read_member(struct reader *reader, const struct yaml_node *node, struct settings_member *member)
{
	struct yaml *yaml = reader->yaml;
	const char *id = yaml_take_text(yaml, node, "id", YAML_REQUIRED, NULL);
	if (id && !identifier_is_member(slice_text(id))) {
		yaml_error(yaml, node, "id: \"%s\" is no member id (instance/class/member)", id);
	}
	member->id = keep(reader, id);
	member->user = keep(reader, yaml_take_text(yaml, node, "user", YAML_OPTIONAL, NULL));
	member->notary_user = keep(reader, yaml_take_text(yaml, node, "notary_user", YAML_OPTIONAL, NULL));
	member->ledger = take_file(reader, node, "ledger", YAML_REQUIRED);
	read_shards(reader, node, member);
	member->workers = (size_t)yaml_take_integer(yaml, node, "workers", YAML_OPTIONAL, 1, SETTINGS_WORKERS_MAX, 1);
	read_keys(reader, node, member);
	member->peer = take_address(reader, node, "peer", YAML_OPTIONAL);
	member->admin = take_address(reader, node, "admin", YAML_OPTIONAL);
	if (member->admin && strncmp(member->admin, "unix:", 5) != 0) {
		yaml_error(yaml, node, "admin: the operator's socket is a unix socket (unix:path)");
	}
	read_listeners(reader, node, member);
	read_services(reader, node, member);
}

static void read_limits(struct reader *reader, const struct yaml_node *root)
{
	struct yaml *yaml = reader->yaml;
	const struct yaml_node *node = yaml_take_mapping(yaml, root, "limits", YAML_OPTIONAL);
	struct settings_limits *limits = &reader->settings->limits;
	limits->payload_max = yaml_take_size(yaml, node, "payload", YAML_OPTIONAL, 1024, 64 << 20, 4 << 20);
	limits->exchanges_max = yaml_take_integer(yaml, node, "exchanges", YAML_OPTIONAL, 1, 1000000, 10000);
	limits->deadline_default_us =
	    yaml_take_duration_us(yaml, node, "deadline", YAML_OPTIONAL, 1000, 3600 * second_us, 30 * second_us);
	limits->deadline_max_us =
	    yaml_take_duration_us(yaml, node, "deadline_max", YAML_OPTIONAL, 1000, 3600 * second_us, 300 * second_us);
	limits->drain_us =
	    yaml_take_duration_us(yaml, node, "drain", YAML_OPTIONAL, 0, 3600 * second_us, 30 * second_us);
	limits->refusals_per_minute =
	    yaml_take_integer(yaml, node, "refusals_per_minute", YAML_OPTIONAL, 1, 1000000, 100);
	if (limits->deadline_default_us > limits->deadline_max_us) {
		yaml_error(yaml, node, "limits: deadline is longer than deadline_max");
	}
}

static void read_members(struct reader *reader, const struct yaml_node *root)
{
	const struct yaml_node *list = yaml_take_sequence(reader->yaml, root, "members", YAML_REQUIRED);
	size_t count = list ? yaml_count(list) : 0;
	if (list && (count == 0 || count > SETTINGS_MEMBERS_MAX)) {
		yaml_error(reader->yaml, list, "members: list 1 to %d", SETTINGS_MEMBERS_MAX);
		return;
	}
	struct settings_member *members = arena_zalloc(&reader->settings->arena, count * sizeof *members);
	for (size_t i = 0; members && i < count; i++) {
		const struct yaml_node *item = yaml_item(list, i);
		read_member(reader, item, &members[i]);
		for (size_t j = 0; j < i; j++) {
			if (members[i].id && members[j].id && strcmp(members[i].id, members[j].id) == 0) {
				yaml_error(reader->yaml, item, "the member %s is listed twice", members[i].id);
			}
			// Members on one gateway are kept apart: no shared ledger.
			if (members[i].ledger && members[j].ledger &&
			    strcmp(members[i].ledger, members[j].ledger) == 0) {
				yaml_error(reader->yaml, item, "%s and %s share the ledger directory %s", members[j].id,
					   members[i].id, members[i].ledger);
			}
		}
	}
	reader->settings->members = members;
	reader->settings->member_count = members ? count : 0;
}

static void read_all(struct reader *reader)
{
	struct yaml *yaml = reader->yaml;
	const struct yaml_node *root = yaml_root(yaml);
	if (!root) {
		if (yaml_error_count(yaml) == 0) {
			yaml_error(yaml, NULL, "the file is empty; besa-gateway(8) shows an example");
		}
		return;
	}
	struct settings *settings = reader->settings;
	const char *gateway = yaml_take_text(yaml, root, "gateway", YAML_REQUIRED, NULL);
	if (gateway && !identifier_is_part(slice_text(gateway))) {
		yaml_error(yaml, root, "gateway: \"%s\" is no gateway id (letters, digits and - _ .)", gateway);
	}
	settings->gateway = keep(reader, gateway);
	const struct yaml_node *directory = yaml_take_mapping(yaml, root, "directory", YAML_REQUIRED);
	if (directory) {
		settings->trust = take_file(reader, directory, "trust", YAML_REQUIRED);
		settings->edition = take_file(reader, directory, "edition", YAML_REQUIRED);
	}
	settings->contracts = take_file(reader, root, "contracts", YAML_REQUIRED);
	read_limits(reader, root);
	read_members(reader, root);
}

static char *join_errors(const struct yaml *yaml)
{
	struct buffer text;
	buffer_init(&text, SETTINGS_ERRORS_TEXT_MAX);
	for (size_t i = 0; i < yaml_error_count(yaml); i++) {
		buffer_append_format(&text, "%s\n", yaml_error_text(yaml, i));
	}
	char *joined = strdup(buffer_text(&text));
	buffer_release(&text);
	return joined;
}

result settings_load(const char *path, struct settings **ret_settings, char **ret_errors)
{
	*ret_errors = NULL;
	struct yaml *yaml = NULL;
	struct settings *settings = calloc(1, sizeof *settings);
	result code = settings ? yaml_load_file(path, &yaml) : ERR_MEMORY;
	if (code != OK) {
		goto out;
	}
	arena_init(&settings->arena, SETTINGS_MEMORY_MAX);
	struct reader reader = { .yaml = yaml, .settings = settings };
	settings->path = keep(&reader, path);
	read_all(&reader);
	yaml_finish(yaml);
	if (yaml_error_count(yaml) > 0) {
		*ret_errors = join_errors(yaml);
		code = *ret_errors ? ERR_CONFIG : ERR_MEMORY;
		goto out;
	}
	*ret_settings = settings;
	settings = NULL;
out:
	yaml_free(yaml);
	settings_free(settings);
	return code;
}

void settings_free(struct settings *settings)
{
	if (settings) {
		arena_release(&settings->arena);
		free(settings);
	}
}

const struct settings_member *settings_find_member(const struct settings *settings, const char *id)
{
	for (size_t i = 0; i < settings->member_count; i++) {
		if (strcmp(settings->members[i].id, id) == 0) {
			return &settings->members[i];
		}
	}
	return NULL;
}

static bool same_text(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}

static result same_member(const struct settings_member *old, const struct settings_member *fresh, struct fault *fault)
{
	const char *what = NULL;
	if (old->workers != fresh->workers) {
		what = "workers";
	} else if (!same_text(old->user, fresh->user)) {
		what = "user";
	} else if (!same_text(old->notary_user, fresh->notary_user)) {
		what = "notary_user";
	} else if (!same_text(old->ledger, fresh->ledger)) {
		what = "ledger";
	} else if (!same_text(old->peer, fresh->peer)) {
		what = "peer";
	} else if (!same_text(old->admin, fresh->admin)) {
		what = "admin";
	} else if (old->listener_count != fresh->listener_count) {
		what = "listeners";
	}
	for (size_t i = 0; !what && i < old->listener_count; i++) {
		if (!same_text(old->listeners[i].address, fresh->listeners[i].address) ||
		    old->listeners[i].tls != fresh->listeners[i].tls) {
			what = "listeners";
		}
	}
	return what ? fault_set(fault, ERR_STATE, "%s of %s changed, which needs a restart", what, old->id) : OK;
}

result settings_compatible(const struct settings *old, const struct settings *fresh, struct fault *fault)
{
	if (!same_text(old->gateway, fresh->gateway)) {
		return fault_set(fault, ERR_STATE, "gateway changed, which needs a restart");
	}
	if (old->member_count != fresh->member_count) {
		return fault_set(fault, ERR_STATE, "the list of members changed, which needs a restart");
	}
	for (size_t i = 0; i < old->member_count; i++) {
		const struct settings_member *other = settings_find_member(fresh, old->members[i].id);
		if (!other) {
			return fault_set(fault, ERR_STATE, "the member %s is gone, which needs a restart",
					 old->members[i].id);
		}
		result code = same_member(&old->members[i], other, fault);
		if (code != OK) {
			return code;
		}
	}
	return OK;
}
