// SPDX-License-Identifier: EUPL-1.2
//
// The .proto files are the contract: names, numbers, types and bytes of every message agree with them, as the reference
// implementation of protobuf reads and writes them.
#include "tests/unit/wire/cross_check.h"

#include "wire/admin.h"

static void test_tables_and_bytes_agree_with_the_proto_files(void **state)
{
	(void)state;
	const struct cross_check_root roots[] = {
		{ "besa.statement.v1.Statement", &statement_message },
		{ "besa.statement.v1.Request", statement_body_message(STATEMENT_REQUEST) },
		{ "besa.statement.v1.Response", statement_body_message(STATEMENT_RESPONSE) },
		{ "besa.statement.v1.Received", statement_body_message(STATEMENT_RECEIVED) },
		{ "besa.statement.v1.Key", statement_body_message(STATEMENT_KEY) },
		{ "besa.statement.v1.Grant", &statement_grant_message },
		{ "besa.statement.v1.PrivatePart", content_messages[0] },
		{ "besa.statement.v1.Metadata", content_messages[1] },
		{ "besa.statement.v1.ResponseMetadata", content_messages[2] },
		{ "besa.evidence.v1.Seal", envelope_messages[0] },
		{ "besa.evidence.v1.SealedStatement", envelope_messages[1] },
		{ "besa.evidence.v1.Evidence", envelope_messages[2] },
		{ "besa.exchange.v1.RequestEnvelope", envelope_messages[3] },
		{ "besa.exchange.v1.ResponseEnvelope", envelope_messages[4] },
		{ "besa.exchange.v1.OutcomeQuery", envelope_messages[5] },
		{ "besa.exchange.v1.OutcomeReport", envelope_messages[6] },
		{ "besa.gateway.v1.AddGrantRequest", admin_messages[0] },
		{ "besa.gateway.v1.RemoveGrantRequest", admin_messages[1] },
		{ "besa.gateway.v1.GrantReply", admin_messages[2] },
		{ "besa.gateway.v1.ListGrantsReply", admin_messages[3] },
	};
	cross_check(roots, sizeof roots / sizeof roots[0], 40);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_tables_and_bytes_agree_with_the_proto_files) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
