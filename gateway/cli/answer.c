// SPDX-License-Identifier: EUPL-1.2
//
// Words for what went wrong. The reason code is the stable part; its words come from the table in base/result.h.
#include "cli/answer.h"

#include "cli/output.h"
#include "exchange/metadata.h"

#include <string.h>

const char *answer_hint(result reason)
{
	switch (reason) {
	case ERR_GRANT_MISSING:
		return "ask the provider for a grant; its operator gives it with \"besa grant add\"";
	case ERR_CLIENT_UNKNOWN:
		return "the listener must know your certificate, and --from must be a subsystem it stands for";
	case ERR_SERVICE_UNKNOWN:
	case ERR_SERVICE_AMBIGUOUS:
		return "\"besa directory show\" lists who offers what; name one with --to";
	case ERR_METHOD_UNKNOWN:
	case ERR_CONTRACT_MISMATCH:
		return "fetch the provider's present contract and try again";
	case ERR_EXPIRED:
	case ERR_TIMEOUT:
		return "allow more time with --timeout; \"besa outcome\" tells what became of it";
	case ERR_PEER_LOST:
	case ERR_INTERRUPTED:
	case ERR_UNANSWERED:
		return "it may have run; \"besa outcome\" with the exchange id tells what is on record";
	case ERR_CLOCK_SKEW:
		return "check the time synchronisation of both gateways";
	case ERR_DISK_FULL:
	case ERR_LEDGER_CLOSED:
		return "nothing passes without a record; the gateway's operator must look at its ledger";
	case ERR_EDITION_EXPIRED:
		return "the gateway needs a fresh directory edition";
	default:
		return result_retryable(reason) ? "the same call may succeed later" : NULL;
	}
}

static result reason_of(const struct remote_answer *answer)
{
	struct slice reason = remote_field(answer, METADATA_REASON);
	if (reason.size) {
		return result_from_wire_name((const char *)reason.data, reason.size);
	}
	return answer->from_peer ? OK : answer->cause;
}

static json_t *failure_json(const struct remote_answer *answer, const char *hint)
{
	return json_pack("{s:s,s:o,s:o,s:o,s:o,s:s?,s:b}", "status", result_grpc_name((int)answer->status), "message",
			 output_json_text(answer->status_message), "reason",
			 output_json_text(remote_field(answer, METADATA_REASON)), "node",
			 output_json_text(remote_field(answer, METADATA_NODE)), "exchange",
			 output_json_text(remote_field(answer, METADATA_EXCHANGE_ID)), "hint", hint, "from_gateway",
			 answer->from_peer);
}

static void print_line(const struct cli *cli, struct arena *arena, const char *label, struct slice value)
{
	const char *text = output_safe(arena, value);
	if (text && *text) {
		fprintf(cli->err, "  %s%-9s%s %s\n", output_style(cli->err_colour, STYLE_DIM), label,
			output_style(cli->err_colour, STYLE_PLAIN), text);
	}
}

enum cli_exit answer_failed(const struct cli *cli, const struct remote_target *target,
			    const struct remote_answer *answer)
{
	enum { ARENA_MAX = 256 * 1024 };
	enum cli_exit exit = answer->from_peer ? CLI_NEGATIVE : CLI_UNREACHABLE;
	result reason = reason_of(answer);
	const char *hint = answer_hint(reason);
	struct arena arena;
	arena_init(&arena, ARENA_MAX);
	const char *message = output_safe(&arena, answer->status_message);
	message = message && *message ? message : result_text(reason);
	fprintf(cli->err, "%sbesa:%s %s: %s\n", output_style(cli->err_colour, STYLE_BAD),
		output_style(cli->err_colour, STYLE_PLAIN),
		answer->from_peer ? result_grpc_name((int)answer->status) : target->address, message);
	struct slice code = remote_field(answer, METADATA_REASON);
	print_line(cli, &arena, "reason", code);
	if (code.size && strcmp(message, result_text(reason)) != 0) {
		print_line(cli, &arena, "", slice_text(result_text(reason)));
	}
	print_line(cli, &arena, "node", remote_field(answer, METADATA_NODE));
	print_line(cli, &arena, "exchange", remote_field(answer, METADATA_EXCHANGE_ID));
	print_line(cli, &arena, "hint", slice_text(hint));
	arena_release(&arena);
	if (cli->json && output_json(cli, failure_json(answer, hint)) != OK) {
		return CLI_UNREACHABLE;
	}
	return exit;
}
