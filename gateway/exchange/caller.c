// SPDX-License-Identifier: EUPL-1.2
#include "exchange/caller.h"

static bool matches(const struct settings_client *client, const struct h2_peer *peer)
{
	if (client->by_certificate) {
		return peer->has_certificate && memcmp(peer->fingerprint, client->certificate, DIGEST_SIZE) == 0;
	}
	return client->by_uid && peer->has_credentials && peer->uid == (uid_t)client->uid;
}

result caller_identify(const struct settings_listener *listener, const struct h2_peer *peer, struct slice named,
		       const char **ret_subsystem, struct fault *fault)
{
	const char *found = listener->subsystem;
	bool known = found != NULL;
	if (found && named.size && !slice_is(named, found)) {
		found = NULL;
	}
	for (size_t i = 0; i < listener->client_count && !found; i++) {
		const struct settings_client *client = &listener->clients[i];
		if (matches(client, peer)) {
			known = true;
			if (named.size == 0 || slice_is(named, client->subsystem)) {
				found = client->subsystem;
			}
		}
	}
	if (found) {
		*ret_subsystem = found;
		return OK;
	}
	if (!known) {
		return fault_set(fault, ERR_CLIENT_UNKNOWN, "the caller at %s is no client of this gateway",
				 peer->address);
	}
	return fault_set(fault, ERR_PERMISSION, "the caller at %s may not speak for %.*s", peer->address,
			 (int)named.size, (const char *)named.data);
}
