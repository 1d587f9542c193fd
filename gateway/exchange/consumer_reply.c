// SPDX-License-Identifier: EUPL-1.2
//
// What the caller hears of a verified answer that is on record.
#include "exchange/consumer_state.h"
#include "exchange/handout.h"
#include "exchange/metadata.h"
#include "exchange/reply.h"

static result append_evidence(struct consumer *consumer, struct buffer *text)
{
	struct envelope_seal own;
	result code = envelope_decode_seal(buffer_slice(&consumer->request.seal), &own, NULL);
	if (code != OK) {
		return code;
	}
	const struct handout handout = {
		.directory = consumer->directory,
		.own_origin = own.origin,
		.request = { .statement = buffer_slice(&consumer->request.leaf),
			     .seal = buffer_slice(&consumer->request.seal),
			     .private_part = buffer_slice(&consumer->private_part),
			     .salt = slice_of(consumer->salt, sizeof consumer->salt),
			     .metadata = buffer_slice(&consumer->metadata) },
		.response = { .statement = consumer->envelope.statement,
			      .seal = consumer->envelope.seal,
			      .salt = consumer->envelope.salt,
			      .metadata = consumer->envelope.metadata },
		.response_origin = consumer->verified.origin,
		.received = buffer_slice(&consumer->received.leaf),
		.received_index = consumer->received.index,
	};
	return handout_encode(&handout, text);
}

// The adapter's answer, as if the caller had called it directly.
static void reply_answer(struct consumer *consumer, const struct content_response_metadata *metadata,
			 struct h2_header *trailers, size_t trailer_count)
{
	struct h2_header initial[METADATA_ENTRIES_MAX];
	size_t initial_count = metadata_headers(&metadata->initial, initial, METADATA_ENTRIES_MAX);
	const struct h2_chunk part = {
		.bytes = consumer->envelope.payload,
		.release = reply_release,
		.context = consumer->answer_bytes,
	};
	const struct grpc_reply answer = {
		.metadata = initial,
		.metadata_count = initial_count,
		.parts = &part,
		.part_count = 1,
		.trailers = trailers,
		.trailer_count = trailer_count,
	};
	consumer->answer_bytes = NULL; // the reply's now
	grpc_call_reply(consumer->call, &answer);
}

// Values that differ on every call stay out of the compression tables: they would only displace what recurs.
static size_t add_trailer(struct h2_header *trailers, size_t count, const char *name, struct slice value)
{
	trailers[count] = (struct h2_header){ .name = slice_text(name), .value = value, .flags = H2_HEADER_SECRET };
	return count + 1;
}

// An outcome without a message: its status, and whose reason it is.
static void reply_outcome(struct consumer *consumer, const struct content_response_metadata *metadata,
			  struct h2_header *trailers, size_t count)
{
	const struct statement_response *response = &consumer->response.body.response;
	struct slice reason = response->reason;
	enum grpc_status status = (enum grpc_status)response->grpc_status;
	if (status == GRPC_OK) { // a repeated request: answered before, and its content is not kept
		reason = slice_text(result_wire_name(ERR_REPLAYED));
		status = result_grpc_status(ERR_REPLAYED);
	}
	if (reason.size) {
		count = add_trailer(trailers, count, METADATA_REASON, reason);
		count = add_trailer(trailers, count, METADATA_NODE, slice_text(consumer->peer_ledger));
	}
	struct slice message = metadata->grpc_message.size ? metadata->grpc_message : consumer->envelope.detail;
	grpc_call_fail(consumer->call, status, message, trailers, count);
}

result consumer_reply(struct consumer *consumer, struct fault *fault)
{
	const struct statement_response *response = &consumer->response.body.response;
	struct content_response_metadata metadata = { 0 };
	result code = OK;
	if (consumer->envelope.metadata.size) {
		code =
		    content_decode_response_metadata(consumer->envelope.metadata, &consumer->arena, &metadata, fault);
	}
	if (code != OK) {
		return ERR_PROTOCOL;
	}
	struct h2_header trailers[H2_HEADER_SEND_MAX];
	size_t count = metadata_headers(&metadata.trailing, trailers, METADATA_ENTRIES_MAX);
	count = add_trailer(trailers, count, METADATA_EXCHANGE_ID, slice_text(consumer->exchange_text));
	struct buffer evidence;
	buffer_init(&evidence, HANDOUT_TEXT_MAX);
	if (consumer->wants_evidence && append_evidence(consumer, &evidence) == OK) {
		count = add_trailer(trailers, count, METADATA_EVIDENCE_OUT, buffer_slice(&evidence));
	}
	bool has_answer = response->outcome == STATEMENT_OUTCOME_ANSWERED && response->grpc_status == GRPC_OK;
	if (has_answer && !consumer->envelope.repeated_request) {
		reply_answer(consumer, &metadata, trailers, count);
	} else {
		reply_outcome(consumer, &metadata, trailers, count);
	}
	consumer->call = NULL;
	buffer_release(&evidence);
	return OK;
}
