// SPDX-License-Identifier: EUPL-1.2
//
// The tables of a directory: arrays in the order of the document (or sorted where several entries share a name) and
// hash indexes into them.
#include "directory/directory_internal.h"

#include <stdlib.h>

// ---- building ----

struct totals {
	size_t gateways;
	size_t subsystems;
	size_t ledgers;
	size_t services;
	size_t pins;
};

static struct totals count_all(const struct edition_document *document)
{
	struct totals totals = { 0 };
	for (size_t m = 0; m < document->members.count; m++) {
		const struct edition_member *member = &document->members.items[m];
		totals.subsystems += member->subsystems.count;
		totals.gateways += member->gateways.count;
		for (size_t i = 0; i < member->subsystems.count; i++) {
			totals.services += member->subsystems.items[i].services.count;
		}
		for (size_t i = 0; i < member->gateways.count; i++) {
			totals.ledgers += member->gateways.items[i].ledgers.count;
			totals.pins += member->gateways.items[i].tls_certificates.count;
		}
	}
	return totals;
}

static void *array(struct directory *directory, size_t count, size_t size)
{
	return arena_zalloc(&directory->arena, count * size);
}

static result allocate(struct directory *directory, const struct totals *totals)
{
	struct directory_tables *tables = &directory->tables;
	tables->member_gateways =
	    array(directory, directory->document.members.count, sizeof tables->member_gateways[0]);
	tables->gateways = array(directory, totals->gateways, sizeof tables->gateways[0]);
	tables->subsystems = array(directory, totals->subsystems, sizeof tables->subsystems[0]);
	tables->ledgers = array(directory, totals->ledgers, sizeof tables->ledgers[0]);
	tables->providers = array(directory, totals->services, sizeof tables->providers[0]);
	tables->service_runs = array(directory, totals->services, sizeof tables->service_runs[0]);
	tables->peers = array(directory, totals->pins, sizeof tables->peers[0]);
	tables->peer_fingerprints = array(directory, totals->pins, sizeof tables->peer_fingerprints[0]);
	tables->peer_runs = array(directory, totals->pins, sizeof tables->peer_runs[0]);
	directory->keys = array(directory, totals->ledgers, sizeof directory->keys[0]);
	if (!tables->member_gateways || !tables->gateways || !tables->subsystems || !tables->ledgers ||
	    !tables->providers || !tables->service_runs || !tables->peers || !tables->peer_fingerprints ||
	    !tables->peer_runs || !directory->keys) {
		return ERR_LIMIT;
	}
	struct {
		struct index *index;
		size_t count;
	} indexes[] = {
		{ &tables->members, directory->document.members.count },
		{ &tables->subsystem_ids, totals->subsystems },
		{ &tables->origins, totals->ledgers },
		{ &tables->services, totals->services },
		{ &tables->offers, totals->services },
		{ &tables->pins, totals->pins },
	};
	for (size_t i = 0; i < sizeof indexes / sizeof indexes[0]; i++) {
		result code = index_init(indexes[i].index, indexes[i].count);
		if (code != OK) {
			return code;
		}
	}
	return OK;
}

static result refuse_twice(struct fault *fault, const char *what, struct slice name)
{
	return fault_set(fault, ERR_EDITION_INVALID, "%s %.*s stands twice", what, (int)name.size, name.data);
}

static result add_subsystem(struct directory_tables *tables, const struct directory *directory,
			    const struct edition_member *member, const struct edition_subsystem *subsystem,
			    struct fault *fault)
{
	if (directory_subsystem(directory, subsystem->id)) {
		return refuse_twice(fault, "subsystem", subsystem->id);
	}
	size_t at = tables->subsystem_count++;
	tables->subsystems[at] = (struct directory_subsystem){ .member = member, .subsystem = subsystem };
	index_add(&tables->subsystem_ids, index_hash(subsystem->id), (uint32_t)at);
	for (size_t i = 0; i < subsystem->services.count; i++) {
		tables->providers[tables->provider_count++] = (struct directory_provider){
			.member = member, .subsystem = subsystem, .service = &subsystem->services.items[i]
		};
	}
	return OK;
}

static result add_ledgers(struct directory_tables *tables, const struct directory *directory,
			  const struct edition_member *member, const struct edition_gateway *gateway,
			  struct fault *fault)
{
	for (size_t i = 0; i < gateway->ledgers.count; i++) {
		const struct edition_ledger *ledger = &gateway->ledgers.items[i];
		if (directory_ledger(directory, ledger->origin)) {
			return refuse_twice(fault, "ledger", ledger->origin);
		}
		size_t at = tables->ledger_count++;
		tables->ledgers[at] =
		    (struct directory_ledger){ .member = member, .gateway = gateway, .ledger = ledger };
		index_add(&tables->origins, index_hash(ledger->origin), (uint32_t)at);
	}
	return OK;
}

static result add_member(struct directory *directory, size_t m, struct directory_pin *pins, size_t *pin_count,
			 struct fault *fault)
{
	struct directory_tables *tables = &directory->tables;
	const struct edition_member *member = &directory->document.members.items[m];
	index_add(&tables->members, index_hash(member->id), (uint32_t)m);
	for (size_t i = 0; i < member->subsystems.count; i++) {
		result code = add_subsystem(tables, directory, member, &member->subsystems.items[i], fault);
		if (code != OK) {
			return code;
		}
	}
	struct directory_run *run = &tables->member_gateways[m];
	run->first = (uint32_t)tables->gateway_count;
	for (size_t i = 0; i < member->gateways.count; i++) {
		const struct edition_gateway *gateway = &member->gateways.items[i];
		const struct directory_gateway pair = { .member = member, .gateway = gateway };
		if (gateway->addresses.count != 0 && gateway->ledgers.count != 0) {
			tables->gateways[tables->gateway_count++] = pair;
			run->count++;
		}
		for (size_t k = 0; k < gateway->tls_certificates.count; k++) {
			pins[(*pin_count)++] =
			    (struct directory_pin){ .fingerprint = gateway->tls_certificates.items[k],
						    .gateway = pair };
		}
		result code = add_ledgers(tables, directory, member, gateway, fault);
		if (code != OK) {
			return code;
		}
	}
	return OK;
}

// Pointers into one array (the members; the subsystems of one member; …) compare as the document's order does.
static int compare_pins(const void *left, const void *right)
{
	const struct directory_pin *a = left;
	const struct directory_pin *b = right;
	int order = memcmp(a->fingerprint.data, b->fingerprint.data, STATEMENT_HASH_SIZE);
	if (order != 0) {
		return order;
	}
	return a->gateway.member < b->gateway.member ? -1 : a->gateway.member > b->gateway.member;
}

static void group_pins(struct directory_tables *tables, struct directory_pin *pins, size_t count)
{
	qsort(pins, count, sizeof pins[0], compare_pins);
	for (size_t i = 0; i < count; i++) {
		bool same = i > 0 && slice_equal(pins[i - 1].fingerprint, pins[i].fingerprint);
		if (!same) {
			index_add(&tables->pins, index_hash(pins[i].fingerprint), (uint32_t)tables->peer_run_count);
			tables->peer_runs[tables->peer_run_count++] = (struct directory_run){ .first = (uint32_t)i };
		}
		tables->peer_runs[tables->peer_run_count - 1].count++;
		tables->peers[i] = pins[i].gateway;
		tables->peer_fingerprints[i] = pins[i].fingerprint;
	}
	tables->peer_count = count;
}

static int compare_providers(const void *left, const void *right)
{
	const struct directory_provider *a = left;
	const struct directory_provider *b = right;
	int order = edition_compare_ids(a->service->name, b->service->name);
	if (order != 0) {
		return order;
	}
	if (a->member != b->member) {
		return a->member < b->member ? -1 : 1;
	}
	if (a->subsystem != b->subsystem) {
		return a->subsystem < b->subsystem ? -1 : 1;
	}
	return a->service < b->service ? -1 : a->service > b->service;
}

static result group_providers(struct directory *directory, struct fault *fault)
{
	struct directory_tables *tables = &directory->tables;
	struct directory_provider *providers = tables->providers;
	qsort(providers, tables->provider_count, sizeof providers[0], compare_providers);
	for (size_t i = 0; i < tables->provider_count; i++) {
		struct slice name = providers[i].service->name;
		struct slice id = providers[i].subsystem->id;
		if (i == 0 || !slice_equal(providers[i - 1].service->name, name)) {
			index_add(&tables->services, index_hash(name), (uint32_t)tables->service_run_count);
			tables->service_runs[tables->service_run_count++] =
			    (struct directory_run){ .first = (uint32_t)i };
		}
		tables->service_runs[tables->service_run_count - 1].count++;
		if (directory_service(directory, id, name)) {
			return refuse_twice(fault, "service", name);
		}
		index_add(&tables->offers, index_hash_pair(id, name), (uint32_t)i);
	}
	return OK;
}

result directory_tables_build(struct directory *directory, struct fault *fault)
{
	struct totals totals = count_all(&directory->document);
	struct directory_pin *pins = calloc(totals.pins + 1, sizeof *pins);
	size_t pin_count = 0;
	result code = pins ? allocate(directory, &totals) : ERR_MEMORY;
	for (size_t m = 0; code == OK && m < directory->document.members.count; m++) {
		code = add_member(directory, m, pins, &pin_count, fault);
	}
	if (code == OK) {
		group_pins(&directory->tables, pins, pin_count);
		code = group_providers(directory, fault);
	}
	free(pins);
	return code;
}

void directory_tables_release(struct directory_tables *tables)
{
	index_release(&tables->members);
	index_release(&tables->subsystem_ids);
	index_release(&tables->origins);
	index_release(&tables->services);
	index_release(&tables->offers);
	index_release(&tables->pins);
}

// ---- look-ups ----

const struct edition_member *directory_member(const struct directory *directory, struct slice id)
{
	size_t cursor = SIZE_MAX;
	uint32_t at;
	while ((at = index_next(&directory->tables.members, index_hash(id), &cursor)) != INDEX_NONE) {
		if (slice_equal(directory->document.members.items[at].id, id)) {
			return &directory->document.members.items[at];
		}
	}
	return NULL;
}

const struct directory_subsystem *directory_subsystem(const struct directory *directory, struct slice id)
{
	const struct directory_tables *tables = &directory->tables;
	size_t cursor = SIZE_MAX;
	uint32_t at;
	while ((at = index_next(&tables->subsystem_ids, index_hash(id), &cursor)) != INDEX_NONE) {
		if (slice_equal(tables->subsystems[at].subsystem->id, id)) {
			return &tables->subsystems[at];
		}
	}
	return NULL;
}

const struct directory_ledger *directory_ledger(const struct directory *directory, struct slice origin)
{
	const struct directory_tables *tables = &directory->tables;
	size_t cursor = SIZE_MAX;
	uint32_t at;
	while ((at = index_next(&tables->origins, index_hash(origin), &cursor)) != INDEX_NONE) {
		if (slice_equal(tables->ledgers[at].ledger->origin, origin)) {
			return &tables->ledgers[at];
		}
	}
	return NULL;
}

const struct edition_service *directory_service(const struct directory *directory, struct slice subsystem,
						struct slice service)
{
	const struct directory_tables *tables = &directory->tables;
	size_t cursor = SIZE_MAX;
	uint32_t at;
	while ((at = index_next(&tables->offers, index_hash_pair(subsystem, service), &cursor)) != INDEX_NONE) {
		const struct directory_provider *provider = &tables->providers[at];
		if (slice_equal(provider->subsystem->id, subsystem) && slice_equal(provider->service->name, service)) {
			return provider->service;
		}
	}
	return NULL;
}

size_t directory_providers(const struct directory *directory, struct slice service,
			   const struct directory_provider **ret_first)
{
	const struct directory_tables *tables = &directory->tables;
	size_t cursor = SIZE_MAX;
	uint32_t at;
	while ((at = index_next(&tables->services, index_hash(service), &cursor)) != INDEX_NONE) {
		const struct directory_run *run = &tables->service_runs[at];
		if (slice_equal(tables->providers[run->first].service->name, service)) {
			*ret_first = &tables->providers[run->first];
			return run->count;
		}
	}
	*ret_first = NULL;
	return 0;
}

size_t directory_peers(const struct directory *directory, const uint8_t tls_fingerprint[STATEMENT_HASH_SIZE],
		       const struct directory_gateway **ret_first)
{
	const struct directory_tables *tables = &directory->tables;
	struct slice fingerprint = slice_of(tls_fingerprint, STATEMENT_HASH_SIZE);
	size_t cursor = SIZE_MAX;
	uint32_t at;
	while ((at = index_next(&tables->pins, index_hash(fingerprint), &cursor)) != INDEX_NONE) {
		const struct directory_run *run = &tables->peer_runs[at];
		if (slice_equal(tables->peer_fingerprints[run->first], fingerprint)) {
			*ret_first = &tables->peers[run->first];
			return run->count;
		}
	}
	*ret_first = NULL;
	return 0;
}

bool directory_peer_hosts(const struct directory *directory, const uint8_t tls_fingerprint[STATEMENT_HASH_SIZE],
			  struct slice member)
{
	const struct directory_gateway *peers;
	size_t count = directory_peers(directory, tls_fingerprint, &peers);
	for (size_t i = 0; i < count; i++) {
		if (slice_equal(peers[i].member->id, member)) {
			return true;
		}
	}
	return false;
}

bool directory_gateway_has_tls(const struct edition_gateway *gateway,
			       const uint8_t tls_fingerprint[STATEMENT_HASH_SIZE])
{
	for (size_t i = 0; i < gateway->tls_certificates.count; i++) {
		if (slice_equal(gateway->tls_certificates.items[i], slice_of(tls_fingerprint, STATEMENT_HASH_SIZE))) {
			return true;
		}
	}
	return false;
}

size_t directory_gateways(const struct directory *directory, struct slice subsystem,
			  const struct directory_gateway **ret_first)
{
	const struct directory_subsystem *found = directory_subsystem(directory, subsystem);
	if (!found) {
		*ret_first = NULL;
		return 0;
	}
	size_t m = (size_t)(found->member - directory->document.members.items);
	const struct directory_run *run = &directory->tables.member_gateways[m];
	*ret_first = &directory->tables.gateways[run->first];
	return run->count;
}

bool directory_method_is_idempotent(const struct edition_service *service, struct slice method)
{
	for (size_t i = 0; i < service->idempotent_methods.count; i++) {
		if (slice_equal(service->idempotent_methods.items[i], method)) {
			return true;
		}
	}
	return false;
}
