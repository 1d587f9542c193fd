// SPDX-License-Identifier: EUPL-1.2
//
// From the plan to what the directory lists. The central ledger is listed as a gateway of the central member that has
// no address: so its key is found the way every other ledger's is.
#include "cli/central.h"

#include "base/text.h"

#include <stdlib.h>
#include <string.h>

// "XK/GOV/ARC" as a folder's name, "XK-GOV-ARC".
static const char *dashed(struct pki *pki, const char *id)
{
	char *copy = arena_copy(&pki->arena, slice_text(id));
	for (char *c = copy; c && *c; c++) {
		if (*c == '/') {
			*c = '-';
		}
	}
	return copy;
}

static result issue_seal(struct pki *pki, const char *folder, const char *ledger, int64_t validity_us,
			 struct central_gateway *keys, struct fault *fault)
{
	struct certificate_order order = { .profile = CERTIFICATE_SEAL, .ledger = ledger };
	result r = pki_issue(pki, folder, "seal", &order, ledger, validity_us, &keys->seal, fault);
	return r == OK ? pki_make_ed25519(pki, folder, keys->ed25519, fault) : r;
}

result central_issue_own(const struct plan *plan, struct pki *pki, struct central_gateway *ret_keys,
			 struct fault *fault)
{
	const char *ledger = pki_format(pki, "besa/%s/%s", plan->central_member, plan->central_gateway);
	return ledger ? issue_seal(pki, "central", ledger, plan->certificate_us, ret_keys, fault) : ERR_MEMORY;
}

static result issue_gateway(const struct plan *plan, struct pki *pki, const struct plan_member *member,
			    const struct plan_gateway *gateway, struct central_gateway *keys, struct fault *fault)
{
	const char *name = dashed(pki, member->id);
	const char *folder = name ? pki_format(pki, "gateways/%s-%s", name, gateway->id) : NULL;
	const char *ledger = pki_format(pki, "besa/%s/%s", member->id, gateway->id);
	if (!folder || !ledger) {
		return ERR_MEMORY;
	}
	struct certificate_order order = {
		.profile = CERTIFICATE_GATEWAY_TLS,
		.organisation = member->id,
		.common_name = gateway->id,
		.ledger = ledger,
		.names = gateway->hosts,
		.name_count = gateway->host_count,
	};
	const struct certificate *tls = NULL;
	result r = pki_issue(pki, folder, "tls", &order, ledger, plan->certificate_us, &tls, fault);
	if (r != OK) {
		return fault_prefix(fault, r, "%s, gateway %s", member->id, gateway->id);
	}
	memcpy(keys->tls, certificate_fingerprint(tls), DIGEST_SIZE);
	return issue_seal(pki, folder, ledger, plan->certificate_us, keys, fault);
}

static size_t count_gateways(const struct plan *plan)
{
	size_t count = 0;
	for (size_t i = 0; i < plan->member_count; i++) {
		count += plan->members[i].gateway_count;
	}
	return count;
}

result central_issue_gateways(const struct plan *plan, struct pki *pki, const struct central_gateway **ret_keys,
			      struct fault *fault)
{
	struct central_gateway *keys = arena_zalloc(&pki->arena, count_gateways(plan) * sizeof *keys);
	if (!keys) {
		return ERR_MEMORY;
	}
	struct central_gateway *next = keys;
	for (size_t i = 0; i < plan->member_count; i++) {
		const struct plan_member *member = &plan->members[i];
		for (size_t j = 0; j < member->gateway_count; j++) {
			result r = issue_gateway(plan, pki, member, &member->gateways[j], next++, fault);
			if (r != OK) {
				return r;
			}
		}
	}
	*ret_keys = keys;
	return OK;
}

static result issue_client(const struct plan *plan, struct pki *pki, const struct plan_member *member,
			   const struct plan_subsystem *subsystem, struct fault *fault)
{
	const char *name = dashed(pki, subsystem->id);
	const char *folder = name ? pki_format(pki, "clients/%s", name) : NULL;
	const char *fingerprint_path = folder ? pki_format(pki, "%s/client.fingerprint", folder) : NULL;
	if (!fingerprint_path) {
		return ERR_MEMORY;
	}
	struct certificate_order order = {
		.profile = CERTIFICATE_CLIENT,
		.organisation = member->id,
		.common_name = strrchr(subsystem->id, '/') + 1, // a subsystem's id has four parts
		.subsystem = subsystem->id,
	};
	const struct certificate *certificate = NULL;
	result r = pki_issue(pki, folder, "client", &order, subsystem->id, plan->certificate_us, &certificate, fault);
	if (r != OK) {
		return fault_prefix(fault, r, "%s", subsystem->id);
	}
	char line[2 * DIGEST_SIZE + 2];
	text_hex(certificate_fingerprint(certificate), DIGEST_SIZE, line);
	line[2 * DIGEST_SIZE] = '\n';
	return pki_write(pki, fingerprint_path, slice_of(line, 2 * DIGEST_SIZE + 1), 0644, fault);
}

result central_issue_clients(const struct plan *plan, struct pki *pki, struct fault *fault)
{
	for (size_t i = 0; i < plan->member_count; i++) {
		const struct plan_member *member = &plan->members[i];
		for (size_t j = 0; j < member->subsystem_count; j++) {
			result r = issue_client(plan, pki, member, &member->subsystems[j], fault);
			if (r != OK) {
				return r;
			}
		}
	}
	return OK;
}

// ---- the document -------------------------------------------------------------------------------------------------

static struct edition_names names_of(const struct plan_names *names)
{
	return (struct edition_names){
		.sq = slice_text(names->sq),
		.sr = slice_text(names->sr),
		.en = slice_text(names->en),
	};
}

static result texts_of(struct arena *arena, const char *const *texts, size_t count, struct slice_list *ret_list)
{
	struct slice *items = arena_alloc(arena, (count ? count : 1) * sizeof *items);
	if (!items) {
		return ERR_MEMORY;
	}
	for (size_t i = 0; i < count; i++) {
		items[i] = slice_text(texts[i]);
	}
	*ret_list = (struct slice_list){ .items = items, .count = count };
	return OK;
}

static result list_ledgers(struct pki *pki, const char *member, const char *gateway, const char *const *shards,
			   size_t count, const struct central_gateway *keys, struct edition_gateway *entry)
{
	struct edition_ledger *ledgers = arena_zalloc(&pki->arena, count * sizeof *ledgers);
	if (!ledgers) {
		return ERR_MEMORY;
	}
	for (size_t i = 0; i < count; i++) {
		const char *origin = pki_format(pki, "besa/%s/%s/%s", member, gateway, shards[i]);
		if (!origin) {
			return ERR_MEMORY;
		}
		ledgers[i] = (struct edition_ledger){
			.origin = slice_text(origin),
			.seal_certificate = certificate_der(keys->seal),
			.ed25519_key = slice_of(keys->ed25519, sizeof keys->ed25519),
		};
	}
	entry->ledgers.items = ledgers;
	entry->ledgers.count = count;
	return OK;
}

static result list_gateway(struct pki *pki, const struct plan_member *member, const struct plan_gateway *gateway,
			   const struct central_gateway *keys, struct edition_gateway *entry)
{
	struct slice *tls = arena_alloc(&pki->arena, sizeof *tls);
	if (!tls) {
		return ERR_MEMORY;
	}
	*tls = slice_of(keys->tls, sizeof keys->tls);
	entry->id = slice_text(gateway->id);
	entry->tls_certificates = (struct slice_list){ .items = tls, .count = 1 };
	result r = texts_of(&pki->arena, gateway->addresses, gateway->address_count, &entry->addresses);
	if (r == OK) {
		r = list_ledgers(pki, member->id, gateway->id, gateway->shards, gateway->shard_count, keys, entry);
	}
	return r;
}

static result list_services(struct pki *pki, const struct plan_subsystem *subsystem, struct edition_subsystem *entry)
{
	struct edition_service *services = arena_zalloc(&pki->arena, (subsystem->service_count + 1) * sizeof *services);
	if (!services) {
		return ERR_MEMORY;
	}
	for (size_t i = 0; i < subsystem->service_count; i++) {
		const struct plan_service *service = &subsystem->services[i];
		services[i].name = slice_text(service->name);
		services[i].contract_digest = slice_of(service->digest, sizeof service->digest);
		result r = texts_of(&pki->arena, service->idempotent, service->idempotent_count,
				    &services[i].idempotent_methods);
		if (r != OK) {
			return r;
		}
	}
	entry->services.items = services;
	entry->services.count = subsystem->service_count;
	return OK;
}

static int compare_subsystems(const void *a, const void *b)
{
	return edition_compare_ids(((const struct edition_subsystem *)a)->id,
				   ((const struct edition_subsystem *)b)->id);
}

static result list_subsystems(struct pki *pki, const struct plan_member *member, struct edition_member *entry)
{
	struct edition_subsystem *subsystems =
	    arena_zalloc(&pki->arena, (member->subsystem_count + 1) * sizeof *subsystems);
	if (!subsystems) {
		return ERR_MEMORY;
	}
	for (size_t i = 0; i < member->subsystem_count; i++) {
		subsystems[i].id = slice_text(member->subsystems[i].id);
		subsystems[i].has_names = true;
		subsystems[i].names = names_of(&member->subsystems[i].names);
		result r = list_services(pki, &member->subsystems[i], &subsystems[i]);
		if (r != OK) {
			return r;
		}
	}
	qsort(subsystems, member->subsystem_count, sizeof *subsystems, compare_subsystems);
	entry->subsystems.items = subsystems;
	entry->subsystems.count = member->subsystem_count;
	return OK;
}

// One member. `*next` walks over the gateways' keys.
static result list_member(const struct plan *plan, struct pki *pki, const struct plan_member *member,
			  const struct central_gateway *central, const struct central_gateway **next,
			  struct edition_member *entry)
{
	bool is_central = strcmp(member->id, plan->central_member) == 0;
	size_t count = member->gateway_count + is_central;
	entry->id = slice_text(member->id);
	entry->has_names = true;
	entry->names = names_of(&member->names);
	entry->gateways.items = arena_zalloc(&pki->arena, (count + 1) * sizeof *entry->gateways.items);
	entry->gateways.count = count;
	if (!entry->gateways.items) {
		return ERR_MEMORY;
	}
	for (size_t i = 0; i < member->gateway_count; i++) {
		result r = list_gateway(pki, member, &member->gateways[i], (*next)++, &entry->gateways.items[i]);
		if (r != OK) {
			return r;
		}
	}
	if (is_central) {
		struct edition_gateway *own = &entry->gateways.items[member->gateway_count];
		own->id = slice_text(plan->central_gateway);
		result r = list_ledgers(pki, member->id, plan->central_gateway, &plan->central_shard, 1, central, own);
		if (r != OK) {
			return r;
		}
	}
	return list_subsystems(pki, member, entry);
}

result central_edition(const struct plan *plan, struct pki *pki, const struct central_gateway *central,
		       const struct central_gateway *gateways, int64_t now_us, struct buffer *document,
		       struct edition_document *ret_document, struct fault *fault)
{
	struct edition_member *members = arena_zalloc(&pki->arena, plan->member_count * sizeof *members);
	struct slice *authority = arena_alloc(&pki->arena, sizeof *authority);
	if (!members || !authority) {
		return ERR_MEMORY;
	}
	*authority = certificate_der(pki->issuing);
	const struct central_gateway *next = gateways;
	for (size_t i = 0; i < plan->member_count; i++) {
		result r = list_member(plan, pki, &plan->members[i], central, &next, &members[i]);
		if (r != OK) {
			return r;
		}
	}
	struct edition_document edition = {
		.instance = slice_text(plan->instance),
		.version = 1,
		.issued_at_us = now_us,
		.valid_until_us = now_us + plan->edition_us,
		.authorities = { .items = authority, .count = 1 },
		.has_parameters = true,
		.parameters = { .clock_skew_us = (uint64_t)plan->clock_skew_us,
				.longest_deadline_us = (uint64_t)plan->longest_deadline_us,
				.outage_budget_us = (uint64_t)plan->outage_budget_us },
		.members = { .items = members, .count = plan->member_count },
	};
	result r = edition_encode(&edition, document, fault);
	if (r == OK) {
		*ret_document = edition;
	}
	return r;
}
