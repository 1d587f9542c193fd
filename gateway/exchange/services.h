// SPDX-License-Identifier: EUPL-1.2
//
// The services that this member provides: for each, the contract that the directory publishes and the adapter in front
// of the register. Also the contracts of services that others provide, loaded when first called, for the pre-scan.
//
// A reload makes a new set. A service is counted: exchanges under way keep the one they were dispatched to.
#ifndef BESA_EXCHANGE_SERVICES_H
#define BESA_EXCHANGE_SERVICES_H

#include "contract/contract.h"
#include "exchange/node.h"

enum { SERVICES_FOREIGN_MAX = 1024 }; // contracts of others kept: bounds memory

struct service {
	char subsystem[IDENTIFIER_MAX + 1];
	const char *name;
	struct contract *contract;
	struct h2_client *adapter;
	int64_t timeout_us;
	size_t references;
	struct loop_call burial; // the adapter's client is not freed within one of its own callbacks
};

struct services;

// Loads every service of the member: contract from <contracts>/<digest>.binpb, digest as the directory says.
// ERR_SERVICE_UNKNOWN (the directory does not list it for the subsystem), ERR_NOT_FOUND, ERR_FORMAT, ERR_TAMPERED (the
// file is not what the digest says), with words.
result services_new(struct node *node, struct services **ret_services, struct fault *fault);
void services_free(struct services *services);

// The same at the end of the process, when the loop turns no more: what exchanges still hold goes too.
void services_close(struct services *services);

// The service of a subsystem of ours; NULL if it offers none of that name.
struct service *services_find(const struct services *services, struct slice subsystem, struct slice name);
struct service *services_hold(struct service *service);
void services_drop(struct service *service);

// The contract with a digest, ours or foreign; NULL if its file is not at hand (then the provider's gateway checks
// alone).
const struct contract *services_contract(struct services *services, struct slice digest);

// Whether the payload is a well-formed, bounded message of the method's input (contract/prescan.h).
// ERR_PAYLOAD_INVALID.
result services_check_payload(const struct contract_method *method, struct slice payload, struct fault *fault);

#endif
