// SPDX-License-Identifier: EUPL-1.2
//
// Reads the plan. Each function takes one level of the file; what is wrong is noted with its line and reading goes on,
// so that an operator sees all mistakes at once.
#include "cli/plan.h"

#include "base/buffer.h"
#include "base/file.h"
#include "base/identifier.h"

#include <stdlib.h>
#include <string.h>

static const int64_t DAY_US = 86400LL * 1000000;
static const int64_t SECOND_US = 1000000;

enum { ERRORS_TEXT_MAX = 64 * 1024 };

struct reader {
	struct plan *plan;
	struct yaml *yaml;
	bool out_of_memory;
};

static void *take_memory(struct reader *reader, size_t count, size_t size)
{
	void *memory = arena_zalloc(&reader->plan->arena, (count ? count : 1) * size);
	reader->out_of_memory |= memory == NULL;
	return memory;
}

// A list of texts. Absent: empty, or an error if it is required. The entries are the document's.
static const char **take_texts(struct reader *reader, const struct yaml_node *node, const char *key,
			       enum yaml_need need, size_t *ret_count)
{
	const struct yaml_node *list = yaml_take_sequence(reader->yaml, node, key, need);
	size_t count = list ? yaml_count(list) : 0;
	*ret_count = 0;
	if (list && (count == 0 || count > PLAN_LIST_MAX)) {
		yaml_error(reader->yaml, list, "%s: 1 to %d entries are expected", key, PLAN_LIST_MAX);
		return NULL;
	}
	const char **texts = take_memory(reader, count, sizeof *texts);
	for (size_t i = 0; texts && i < count; i++) {
		const char *text = yaml_text(yaml_item(list, i));
		if (!text || !*text) {
			yaml_error(reader->yaml, yaml_item(list, i), "%s: a text is expected", key);
			continue;
		}
		texts[(*ret_count)++] = text;
	}
	return texts;
}

static void take_names(struct reader *reader, const struct yaml_node *node, struct plan_names *names)
{
	const struct yaml_node *mapping = yaml_take_mapping(reader->yaml, node, "names", YAML_REQUIRED);
	if (mapping) {
		names->sq = yaml_take_text(reader->yaml, mapping, "sq", YAML_REQUIRED, "");
		names->sr = yaml_take_text(reader->yaml, mapping, "sr", YAML_REQUIRED, "");
		names->en = yaml_take_text(reader->yaml, mapping, "en", YAML_REQUIRED, "");
	}
}

static void take_digest(struct reader *reader, const struct yaml_node *node, struct plan_service *service)
{
	struct buffer content;
	struct fault fault = { 0 };
	buffer_init(&content, PLAN_CONTRACT_MAX);
	if (file_read(service->contract, &content, &fault) != OK) {
		yaml_error(reader->yaml, node, "contract: %s", fault.text);
	} else if (content.size == 0) {
		yaml_error(reader->yaml, node, "contract: %s is empty", service->contract);
	} else {
		digest_sha256(buffer_slice(&content), service->digest);
	}
	buffer_release(&content);
}

static void take_service(struct reader *reader, const struct yaml_node *node, struct plan_service *service)
{
	service->name = yaml_take_text(reader->yaml, node, "name", YAML_REQUIRED, "");
	service->contract = yaml_take_path(reader->yaml, node, "contract", YAML_REQUIRED, NULL);
	service->idempotent = take_texts(reader, node, "idempotent", YAML_OPTIONAL, &service->idempotent_count);
	if (service->contract) {
		take_digest(reader, node, service);
	}
}

static void take_subsystem(struct reader *reader, const struct yaml_node *node, const char *member,
			   struct plan_subsystem *subsystem)
{
	subsystem->id = yaml_take_text(reader->yaml, node, "id", YAML_REQUIRED, "");
	if (*subsystem->id && (!identifier_is_subsystem(slice_text(subsystem->id)) ||
			       !identifier_subsystem_belongs(slice_text(subsystem->id), slice_text(member)))) {
		yaml_error(reader->yaml, node, "id: %s is no subsystem of %s (expected %s/NAME)", subsystem->id, member,
			   member);
	}
	take_names(reader, node, &subsystem->names);
	const struct yaml_node *list = yaml_take_sequence(reader->yaml, node, "services", YAML_OPTIONAL);
	size_t count = list ? yaml_count(list) : 0;
	if (count > PLAN_LIST_MAX) {
		yaml_error(reader->yaml, list, "services: at most %d", PLAN_LIST_MAX);
		return;
	}
	struct plan_service *services = take_memory(reader, count, sizeof *services);
	for (size_t i = 0; services && i < count; i++) {
		take_service(reader, yaml_item(list, i), &services[i]);
		for (size_t j = 0; j < i; j++) {
			if (strcmp(services[j].name, services[i].name) == 0) {
				yaml_error(reader->yaml, yaml_item(list, i), "name: %s is listed twice",
					   services[i].name);
			}
		}
	}
	subsystem->services = services;
	subsystem->service_count = services ? count : 0;
}

static void take_gateway(struct reader *reader, const struct yaml_node *node, struct plan_gateway *gateway)
{
	gateway->id = yaml_take_text(reader->yaml, node, "id", YAML_REQUIRED, "");
	if (*gateway->id && !identifier_is_part(slice_text(gateway->id))) {
		yaml_error(reader->yaml, node, "id: \"%s\" is not a legal name (A-Z a-z 0-9 - _ ., up to 64)",
			   gateway->id);
	}
	gateway->addresses = take_texts(reader, node, "addresses", YAML_REQUIRED, &gateway->address_count);
	gateway->hosts = take_texts(reader, node, "hosts", YAML_REQUIRED, &gateway->host_count);
	gateway->shards = take_texts(reader, node, "shards", YAML_REQUIRED, &gateway->shard_count);
	for (size_t i = 0; i < gateway->shard_count; i++) {
		if (!identifier_is_part(slice_text(gateway->shards[i]))) {
			yaml_error(reader->yaml, node, "shards: \"%s\" is not a legal name", gateway->shards[i]);
		}
		for (size_t j = 0; j < i; j++) {
			if (strcmp(gateway->shards[j], gateway->shards[i]) == 0) {
				yaml_error(reader->yaml, node, "shards: %s is listed twice", gateway->shards[i]);
			}
		}
	}
}

static void take_subsystems(struct reader *reader, const struct yaml_node *node, struct plan_member *member)
{
	const struct yaml_node *list = yaml_take_sequence(reader->yaml, node, "subsystems", YAML_OPTIONAL);
	size_t count = list ? yaml_count(list) : 0;
	if (count > PLAN_LIST_MAX) {
		yaml_error(reader->yaml, list, "subsystems: at most %d", PLAN_LIST_MAX);
		return;
	}
	struct plan_subsystem *subsystems = take_memory(reader, count, sizeof *subsystems);
	for (size_t i = 0; subsystems && i < count; i++) {
		take_subsystem(reader, yaml_item(list, i), member->id, &subsystems[i]);
		for (size_t j = 0; j < i; j++) {
			if (strcmp(subsystems[j].id, subsystems[i].id) == 0) {
				yaml_error(reader->yaml, yaml_item(list, i), "id: %s is listed twice",
					   subsystems[i].id);
			}
		}
	}
	member->subsystems = subsystems;
	member->subsystem_count = subsystems ? count : 0;
}

static void take_gateways(struct reader *reader, const struct yaml_node *node, struct plan_member *member)
{
	const struct yaml_node *list = yaml_take_sequence(reader->yaml, node, "gateways", YAML_OPTIONAL);
	size_t count = list ? yaml_count(list) : 0;
	if (count > PLAN_LIST_MAX) {
		yaml_error(reader->yaml, list, "gateways: at most %d", PLAN_LIST_MAX);
		return;
	}
	struct plan_gateway *gateways = take_memory(reader, count, sizeof *gateways);
	const struct plan *plan = reader->plan;
	for (size_t i = 0; gateways && i < count; i++) {
		take_gateway(reader, yaml_item(list, i), &gateways[i]);
		// The central ledger's name is its seal certificate's name: a gateway of that name could sign editions.
		if (strcmp(member->id, plan->central_member) == 0 &&
		    strcmp(gateways[i].id, plan->central_gateway) == 0) {
			yaml_error(reader->yaml, yaml_item(list, i), "id: %s is the central ledger's name",
				   gateways[i].id);
		}
		for (size_t j = 0; j < i; j++) {
			if (strcmp(gateways[j].id, gateways[i].id) == 0) {
				yaml_error(reader->yaml, yaml_item(list, i), "id: %s is listed twice", gateways[i].id);
			}
		}
	}
	member->gateways = gateways;
	member->gateway_count = gateways ? count : 0;
}

static bool is_member_of(const char *id, const char *instance)
{
	size_t size = strlen(instance);
	return identifier_is_member(slice_text(id)) && strncmp(id, instance, size) == 0 && id[size] == '/';
}

static void take_member(struct reader *reader, const struct yaml_node *node, struct plan_member *member)
{
	const struct plan *plan = reader->plan;
	member->id = yaml_take_text(reader->yaml, node, "id", YAML_REQUIRED, "");
	if (*member->id && !is_member_of(member->id, plan->instance)) {
		yaml_error(reader->yaml, node, "id: %s is no member of %s (expected %s/CLASS/NAME)", member->id,
			   plan->instance, plan->instance);
	}
	take_names(reader, node, &member->names);
	take_subsystems(reader, node, member);
	take_gateways(reader, node, member);
}

static int compare_members(const void *a, const void *b)
{
	return strcmp(((const struct plan_member *)a)->id, ((const struct plan_member *)b)->id);
}

static void take_members(struct reader *reader, const struct yaml_node *root)
{
	struct plan *plan = reader->plan;
	const struct yaml_node *list = yaml_take_sequence(reader->yaml, root, "members", YAML_REQUIRED);
	size_t count = list ? yaml_count(list) : 0;
	if (count > PLAN_MEMBERS_MAX) {
		yaml_error(reader->yaml, list, "members: at most %d", PLAN_MEMBERS_MAX);
		return;
	}
	plan->members = take_memory(reader, count, sizeof *plan->members);
	if (!plan->members) {
		return;
	}
	bool has_central = false;
	for (size_t i = 0; i < count; i++) {
		take_member(reader, yaml_item(list, i), &plan->members[i]);
		has_central |= strcmp(plan->members[i].id, plan->central_member) == 0;
	}
	plan->member_count = count;
	qsort(plan->members, count, sizeof *plan->members, compare_members);
	for (size_t i = 1; i < count; i++) {
		if (strcmp(plan->members[i - 1].id, plan->members[i].id) == 0) {
			yaml_error(reader->yaml, list, "members: %s is listed twice", plan->members[i].id);
		}
	}
	if (list && !has_central) {
		yaml_error(reader->yaml, list, "members: the central member %s is missing", plan->central_member);
	}
}

static void take_central(struct reader *reader, const struct yaml_node *root)
{
	struct plan *plan = reader->plan;
	plan->instance = yaml_take_text(reader->yaml, root, "instance", YAML_REQUIRED, "");
	if (*plan->instance && !identifier_is_part(slice_text(plan->instance))) {
		yaml_error(reader->yaml, root, "instance: \"%s\" is not a legal name", plan->instance);
	}
	const struct yaml_node *central = yaml_take_mapping(reader->yaml, root, "central", YAML_REQUIRED);
	plan->central_member = yaml_take_text(reader->yaml, central, "member", YAML_REQUIRED, "");
	plan->central_gateway = yaml_take_text(reader->yaml, central, "ledger", YAML_OPTIONAL, "central");
	plan->central_shard = yaml_take_text(reader->yaml, central, "shard", YAML_REQUIRED, "");
	if (*plan->central_member && !is_member_of(plan->central_member, plan->instance)) {
		yaml_error(reader->yaml, central, "member: %s is no member of %s", plan->central_member,
			   plan->instance);
	}
	if (!identifier_is_part(slice_text(plan->central_gateway))) {
		yaml_error(reader->yaml, central, "ledger: \"%s\" is not a legal name", plan->central_gateway);
	}
	if (*plan->central_shard && !identifier_is_part(slice_text(plan->central_shard))) {
		yaml_error(reader->yaml, central, "shard: \"%s\" is not a legal name", plan->central_shard);
	}
}

static void take_periods(struct reader *reader, const struct yaml_node *root)
{
	struct plan *plan = reader->plan;
	struct yaml *yaml = reader->yaml;
	const struct yaml_node *validity = yaml_take_mapping(yaml, root, "validity", YAML_OPTIONAL);
	int64_t most = 9000 * DAY_US; // 24 years: no date passes 2049, where X.509 changes its form of time
	plan->root_us = yaml_take_duration_us(yaml, validity, "root", YAML_OPTIONAL, DAY_US, most, 7300 * DAY_US);
	plan->issuing_us = yaml_take_duration_us(yaml, validity, "issuing", YAML_OPTIONAL, DAY_US, most, 3650 * DAY_US);
	plan->certificate_us =
	    yaml_take_duration_us(yaml, validity, "certificates", YAML_OPTIONAL, 3600 * SECOND_US, most, 730 * DAY_US);
	plan->edition_us =
	    yaml_take_duration_us(yaml, validity, "edition", YAML_OPTIONAL, 60 * SECOND_US, 3650 * DAY_US, 30 * DAY_US);
	if (plan->certificate_us > plan->issuing_us || plan->issuing_us > plan->root_us) {
		yaml_error(yaml, validity, "validity: a certificate must not outlive its issuer");
	}
	const struct yaml_node *parameters = yaml_take_mapping(yaml, root, "parameters", YAML_OPTIONAL);
	plan->clock_skew_us = yaml_take_duration_us(yaml, parameters, "clock_skew", YAML_OPTIONAL, SECOND_US,
						    3600 * SECOND_US, 60 * SECOND_US);
	plan->longest_deadline_us = yaml_take_duration_us(yaml, parameters, "longest_deadline", YAML_OPTIONAL,
							  SECOND_US, 3600 * SECOND_US, 60 * SECOND_US);
	plan->outage_budget_us = yaml_take_duration_us(yaml, parameters, "outage_budget", YAML_OPTIONAL, 60 * SECOND_US,
						       30 * DAY_US, DAY_US);
}

// The errors, one a line.
static char *join_errors(const struct yaml *yaml)
{
	struct buffer text;
	buffer_init(&text, ERRORS_TEXT_MAX);
	for (size_t i = 0; i < yaml_error_count(yaml); i++) {
		buffer_append_format(&text, "%s%s", i ? "\n" : "", yaml_error_text(yaml, i));
	}
	char *copy = strdup(buffer_text(&text));
	buffer_release(&text);
	return copy;
}

result plan_load(const char *path, struct plan **ret_plan, char **ret_errors)
{
	result r = ERR_MEMORY;
	struct plan *plan = calloc(1, sizeof *plan);
	if (!plan) {
		return r;
	}
	arena_init(&plan->arena, PLAN_ARENA_MAX);
	r = yaml_load_file(path, &plan->yaml);
	if (r != OK) {
		goto out;
	}
	struct reader reader = { .plan = plan, .yaml = plan->yaml };
	const struct yaml_node *root = yaml_root(plan->yaml);
	if (root) {
		take_central(&reader, root);
		take_periods(&reader, root);
		take_members(&reader, root);
		yaml_finish(plan->yaml);
	} else if (yaml_error_count(plan->yaml) == 0) {
		yaml_error(plan->yaml, NULL, "the plan is empty");
	}
	if (yaml_error_count(plan->yaml)) {
		char *errors = join_errors(plan->yaml);
		if (errors) {
			*ret_errors = errors;
		}
		r = errors ? ERR_CONFIG : ERR_MEMORY;
		goto out;
	}
	if (reader.out_of_memory) {
		r = ERR_MEMORY;
		goto out;
	}
	*ret_plan = plan;
	return OK;
out:
	plan_free(plan);
	return r;
}

void plan_free(struct plan *plan)
{
	if (plan) {
		arena_release(&plan->arena);
		yaml_free(plan->yaml);
		free(plan);
	}
}
