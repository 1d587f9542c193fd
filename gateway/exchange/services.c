// SPDX-License-Identifier: EUPL-1.2
#include "exchange/services.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/text.h"
#include "contract/prescan.h"

// Calls that wait for one adapter: a dead one must not collect all exchanges of the worker.
enum { SERVICES_ADAPTER_QUEUE_MAX = 4096 };

struct foreign_contract {
	uint8_t digest[CONTRACT_DIGEST_SIZE];
	struct contract *contract; // NULL: looked for and not at hand
};

struct services {
	struct node *node;
	struct service **list;
	size_t count;
	struct foreign_contract *foreign;
	size_t foreign_count;
};

static result load_contract(const struct node *node, struct slice digest, struct contract **ret_contract,
			    struct fault *fault)
{
	char hex[2 * CONTRACT_DIGEST_SIZE + 1];
	text_hex(digest.data, CONTRACT_DIGEST_SIZE, hex);
	char path[PATH_MAX];
	if (snprintf(path, sizeof path, "%s/%s.binpb", node->settings->contracts, hex) >= (int)sizeof path) {
		return fault_set(fault, ERR_LIMIT, "the path of the contracts is too long");
	}
	struct contract *contract = NULL;
	result code = contract_load_file(path, &contract, fault);
	if (code != OK) {
		return code;
	}
	if (memcmp(contract_digest(contract), digest.data, CONTRACT_DIGEST_SIZE) != 0) {
		contract_free(contract);
		return fault_set(fault, ERR_TAMPERED, "%s is not the contract that its name says", path);
	}
	*ret_contract = contract;
	return OK;
}

static result open_adapter(struct node *node, const struct settings_service *settings, struct service *service,
			   struct fault *fault)
{
	struct h2_client_config config = { .queue_max = SERVICES_ADAPTER_QUEUE_MAX };
	result code = address_parse(slice_text(settings->adapter), &config.address, fault);
	if (code == OK) {
		code = h2_client_new(node->loop, &config, &service->adapter);
	}
	return code;
}

static void free_service(struct service *service)
{
	if (service) {
		loop_call_cancel(&service->burial);
		h2_client_free(service->adapter);
		contract_free(service->contract);
		free(service);
	}
}

static void bury(void *context)
{
	free_service(context);
}

static result make_service(struct node *node, const struct settings_service *settings, struct service **ret_service,
			   struct fault *fault)
{
	const struct edition_service *listed =
	    directory_service(node->directory, slice_text(settings->subsystem), slice_text(settings->name));
	if (!listed) {
		return fault_set(fault, ERR_SERVICE_UNKNOWN, "the directory lists no service %s of %s", settings->name,
				 settings->subsystem);
	}
	struct service *service = calloc(1, sizeof *service);
	if (!service) {
		return fault_set(fault, ERR_MEMORY, "out of memory");
	}
	service->references = 1;
	loop_defer_init(&service->burial, node->loop, bury, service);
	service->timeout_us = settings->timeout_us;
	snprintf(service->subsystem, sizeof service->subsystem, "%s", settings->subsystem);
	result code = load_contract(node, listed->contract_digest, &service->contract, fault);
	if (code == OK) {
		const struct contract_service *found =
		    contract_find_service(service->contract, slice_text(settings->name));
		service->name = found ? found->name : NULL;
		code = found
			   ? OK
			   : fault_set(fault, ERR_SERVICE_UNKNOWN, "the contract holds no service %s", settings->name);
	}
	if (code == OK) {
		code = open_adapter(node, settings, service, fault);
	}
	if (code != OK) {
		free_service(service);
		return fault_prefix(fault, code, "service %s of %s", settings->name, settings->subsystem);
	}
	*ret_service = service;
	return OK;
}

result services_new(struct node *node, struct services **ret_services, struct fault *fault)
{
	struct services *services = calloc(1, sizeof *services);
	if (!services) {
		return fault_set(fault, ERR_MEMORY, "out of memory");
	}
	services->node = node;
	services->list = calloc(node->member->service_count + 1, sizeof(struct service *));
	services->foreign = calloc(SERVICES_FOREIGN_MAX, sizeof *services->foreign);
	result code = services->list && services->foreign ? OK : fault_set(fault, ERR_MEMORY, "out of memory");
	for (size_t i = 0; code == OK && i < node->member->service_count; i++) {
		code = make_service(node, &node->member->services[i], &services->list[i], fault);
		services->count += code == OK;
	}
	if (code != OK) {
		services_free(services);
		return code;
	}
	*ret_services = services;
	return OK;
}

void services_free(struct services *services)
{
	if (!services) {
		return;
	}
	for (size_t i = 0; i < services->count; i++) {
		services_drop(services->list[i]);
	}
	for (size_t i = 0; i < services->foreign_count; i++) {
		contract_free(services->foreign[i].contract);
	}
	free(services->foreign);
	free(services->list);
	free(services);
}

void services_close(struct services *services)
{
	for (size_t i = 0; services && i < services->count; i++) {
		free_service(services->list[i]);
	}
	if (services) {
		services->count = 0;
	}
	services_free(services);
}

struct service *services_find(const struct services *services, struct slice subsystem, struct slice name)
{
	for (size_t i = 0; i < services->count; i++) {
		struct service *service = services->list[i];
		if (slice_is(subsystem, service->subsystem) && slice_is(name, service->name)) {
			return service;
		}
	}
	return NULL;
}

struct service *services_hold(struct service *service)
{
	service->references++;
	return service;
}

void services_drop(struct service *service)
{
	if (service && --service->references == 0) {
		loop_defer(&service->burial);
	}
}

const struct contract *services_contract(struct services *services, struct slice digest)
{
	for (size_t i = 0; i < services->count; i++) {
		const struct contract *own = services->list[i]->contract;
		if (slice_equal(slice_of(contract_digest(own), CONTRACT_DIGEST_SIZE), digest)) {
			return own;
		}
	}
	for (size_t i = 0; i < services->foreign_count; i++) {
		if (slice_equal(slice_of(services->foreign[i].digest, CONTRACT_DIGEST_SIZE), digest)) {
			return services->foreign[i].contract;
		}
	}
	if (services->foreign_count == SERVICES_FOREIGN_MAX || digest.size != CONTRACT_DIGEST_SIZE) {
		return NULL;
	}
	struct foreign_contract *entry = &services->foreign[services->foreign_count++];
	memcpy(entry->digest, digest.data, CONTRACT_DIGEST_SIZE);
	struct fault fault = { "" };
	if (load_contract(services->node, digest, &entry->contract, &fault) != OK) {
		log_event(LOG_LEVEL_WARNING, "contract_missing", "text=\"%s\"", fault.text);
	}
	return entry->contract;
}

result services_check_payload(const struct contract_method *method, struct slice payload, struct fault *fault)
{
	result code = prescan_check(method->input, payload, &prescan_default_limits, NULL, fault);
	return code == OK ? OK : ERR_PAYLOAD_INVALID;
}
