// SPDX-License-Identifier: EUPL-1.2
#include "exchange/node.h"

#include <limits.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/log.h"
#include "exchange/consumer.h"
#include "exchange/peers.h"
#include "exchange/provider.h"
#include "exchange/refusals.h"
#include "exchange/services.h"

static result load_directory(const struct settings *settings, const struct directory *older,
			     struct directory **ret_directory, struct fault *fault)
{
	struct trust trust;
	trust_init(&trust);
	struct directory *directory = NULL;
	result code = trust_load(settings->trust, &trust, fault);
	if (code == OK) {
		code = directory_load(settings->edition, &trust, clock_wall_us(), &directory, fault);
	}
	if (code == OK) {
		code = directory_replaces(directory, older, fault);
	}
	trust_release(&trust);
	if (code != OK) {
		directory_unref(directory);
		return fault_prefix(fault, code, "%s", settings->edition);
	}
	*ret_directory = directory;
	return OK;
}

// That the directory knows this gateway of this member: otherwise no peer would believe it.
static result check_listed(const struct node *node, const struct directory *directory, struct fault *fault)
{
	const struct edition_member *member = directory_member(directory, node->member_id);
	for (size_t i = 0; member && i < member->gateways.count; i++) {
		if (slice_is(member->gateways.items[i].id, node->settings->gateway)) {
			return OK;
		}
	}
	return fault_set(fault, ERR_CONFIG, "the directory edition lists no gateway %s of %s", node->settings->gateway,
			 node->member->id);
}

static result load_grants(const struct node *node, struct grants **ret_grants, struct fault *fault)
{
	char path[PATH_MAX];
	if (snprintf(path, sizeof path, "%s/grants.besa", node->member->ledger) >= (int)sizeof path) {
		return fault_set(fault, ERR_LIMIT, "the path %s is too long", node->member->ledger);
	}
	result code = grants_load(path, node->member_id, ret_grants, fault);
	return code == ERR_NOT_FOUND ? grants_new(node->member_id, ret_grants) : code;
}

static result load_credentials(const struct node *node, struct tls_context **ret_server,
			       struct tls_context **ret_client, struct fault *fault)
{
	const struct tls_config config = {
		.certificate_path = node->member->tls_certificate,
		.key_path = node->member->tls_key,
	};
	struct tls_context *server = NULL;
	result code = tls_context_new(TLS_SERVER, &config, &server, fault);
	if (code == OK) {
		code = tls_context_new(TLS_CLIENT, &config, ret_client, fault);
	}
	if (code != OK) {
		tls_context_free(server);
		return code;
	}
	*ret_server = server;
	return OK;
}

static const int64_t grants_retry_us = 1000000;

// Closed on failure: while the file cannot be read, nobody is granted anything, and it is tried again.
static void on_grants(void *context)
{
	struct node *node = context;
	struct grants *fresh = NULL;
	struct fault fault = { "" };
	result code = load_grants(node, &fresh, &fault);
	if (code != OK) {
		log_event(LOG_LEVEL_ERROR, "grants_unreadable", "text=\"%s; nobody has access until it is read\"",
			  fault.text);
		loop_timer_start(&node->grants_retry, grants_retry_us, 0);
		if (grants_new(node->member_id, &fresh) != OK) {
			return;
		}
	}
	grants_free(node->grants);
	node->grants = fresh;
	log_event(LOG_LEVEL_INFO, "grants_loaded", "count=%zu", grants_count(fresh));
}

static void on_status(void *context)
{
	struct node *node = context;
	result state = notary_client_state(node->notary);
	struct slice origin = notary_client_origin(node->notary);
	log_event(state == OK ? LOG_LEVEL_INFO : LOG_LEVEL_ERROR, "ledger_state", "origin=%.*s code=%s text=\"%s\"",
		  (int)origin.size, (const char *)origin.data, result_wire_name(state), result_text(state));
	if (state == OK) {
		// A notary that came up may have put changes into the file that its predecessor recorded and did not
		// tell.
		on_grants(node);
	}
}

result node_open(struct node *node, struct loop *loop, struct settings *settings, const char *member_id,
		 unsigned worker, int notary_fd, struct fault *fault)
{
	*node = (struct node){ .loop = loop, .settings = settings, .worker = worker };
	loop_timer_init(&node->grants_retry, loop, on_grants, node);
	node->member = settings_find_member(settings, member_id);
	if (!node->member) {
		return fault_set(fault, ERR_CONFIG, "the configuration hosts no member %s", member_id);
	}
	node->member_id = slice_text(node->member->id);
	snprintf(node->ledger, sizeof node->ledger, "besa/%s/%s", node->member->id, settings->gateway);
	const struct notary_client_events events = { .on_status = on_status, .on_grants = on_grants, .context = node };
	result code = load_directory(settings, NULL, &node->directory, fault);
	if (code == OK) {
		code = check_listed(node, node->directory, fault);
	}
	if (code == OK) {
		code = load_grants(node, &node->grants, fault);
	}
	if (code == OK) {
		code = load_credentials(node, &node->tls_server, &node->tls_client, fault);
	}
	if (code == OK) {
		code = services_new(node, &node->services, fault);
	}
	if (code == OK) {
		code = peers_new(node, &node->peers);
	}
	if (code == OK) {
		code = refusals_new(node, &node->refusals);
	}
	if (code == OK) {
		code = seal_verifier_new(NODE_CHECKPOINTS_MAX, &node->seals);
	}
	if (code == OK) {
		code = notary_client_new(loop, notary_fd, &events, &node->notary, fault);
	}
	if (code != OK) {
		node_close(node);
	}
	return code;
}

result node_reload(struct node *node, struct settings *fresh, struct fault *fault)
{
	struct node next = *node;
	next.settings = fresh;
	next.member = settings_find_member(fresh, node->member->id);
	next.directory = NULL;
	next.tls_server = NULL;
	next.tls_client = NULL;
	next.services = NULL;
	if (!next.member) {
		return fault_set(fault, ERR_CONFIG, "the configuration hosts no member %s any more", node->member->id);
	}
	next.member_id = slice_text(next.member->id);
	result code = load_directory(fresh, node->directory, &next.directory, fault);
	if (code == OK) {
		code = check_listed(&next, next.directory, fault);
	}
	if (code == OK) {
		code = load_credentials(&next, &next.tls_server, &next.tls_client, fault);
	}
	struct node old = *node;
	if (code == OK) {
		*node = next; // services keep a pointer to the node, so they are made in place
		code = services_new(node, &next.services, fault);
	}
	if (code != OK) {
		*node = old;
		directory_unref(next.directory);
		tls_context_free(next.tls_server);
		tls_context_free(next.tls_client);
		return code;
	}
	node->services = next.services;
	peers_refresh(node->peers);
	services_free(old.services);
	tls_context_free(old.tls_server);
	tls_context_free(old.tls_client);
	directory_unref(old.directory);
	settings_free(old.settings);
	return OK;
}

void node_close(struct node *node)
{
	loop_timer_stop(&node->grants_retry);
	peers_free(node->peers);
	services_close(node->services);
	refusals_free(node->refusals);
	consumer_free_idle(node);
	provider_free_idle(node);
	notary_client_free(node->notary);
	seal_verifier_free(node->seals);
	grants_free(node->grants);
	tls_context_free(node->tls_server);
	tls_context_free(node->tls_client);
	directory_unref(node->directory);
	node->peers = NULL;
	node->services = NULL;
	node->refusals = NULL;
	node->notary = NULL;
	node->seals = NULL;
	node->grants = NULL;
	node->tls_server = NULL;
	node->tls_client = NULL;
	node->directory = NULL;
}

result node_ready(const struct node *node, size_t under_way, struct fault *fault)
{
	if (node->draining) {
		return ERR_DRAINING;
	}
	if (under_way > (size_t)node->settings->limits.exchanges_max) {
		return ERR_OVERLOADED;
	}
	result state = notary_client_state(node->notary);
	if (state != OK) {
		return state;
	}
	return directory_check_fresh(node->directory, clock_wall_us(), fault);
}

result node_hold(struct node *node, size_t size)
{
	if (size > NODE_HELD_MAX - node->held) {
		return ERR_OVERLOADED;
	}
	node->held += size;
	return OK;
}

void node_let_go(struct node *node, size_t size)
{
	node->held -= size;
}
