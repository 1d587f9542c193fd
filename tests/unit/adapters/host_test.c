// SPDX-License-Identifier: EUPL-1.2
//
// The host's small parts: loading of binding and contract, the health messages, the echo engine.
#include "adapters/host/binding.h"
#include "adapters/host/echo.h"
#include "adapters/host/health.h"
#include "library.h"

static const char echo_contract[] = "build/test/echo.binpb";
static const char civil_contract[] = "build/test/civil.binpb";

static result load(const char *text, const char *contract, struct binding **binding, struct buffer *problems)
{
	char path[] = "/tmp/besa_host_XXXXXX";
	int fd = mkstemp(path);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
	result code = binding_load(path, contract, binding, problems);
	unlink(path);
	return code;
}

static void expect_problems(const char *text, const char *contract, const char *expected)
{
	struct binding *binding = NULL;
	struct buffer problems;
	buffer_init(&problems, BINDING_PROBLEMS_MAX);
	assert_int_equal(load(text, contract, &binding, &problems), ERR_CONFIG);
	assert_null(binding);
	const char *words = buffer_text(&problems);
	assert_non_null(strchr(words, ':'));
	assert_string_equal(strchr(words, ':') + 1, expected);
	buffer_release(&problems);
}

static void test_binding_problems(void **state)
{
	(void)state;
	expect_problems("engine: ehco\nservice: rks.echo.v1.Echo\n", echo_contract,
			"1: there is no engine \"ehco\"; there are: sql, echo\n");
	expect_problems("engine: echo\nservice: rks.echo.v1.Eccho\n", echo_contract,
			"2: the contract has no service \"rks.echo.v1.Eccho\"; it has: rks.echo.v1.Echo\n");
	expect_problems("engine: echo\n", echo_contract, "1: \"service\" is missing\n");
	expect_problems("engine: echo\nservice: rks.echo.v1.Echo\nspeed: 9\n", echo_contract,
			"3: unknown key \"speed\"; known here: engine, service\n");
	expect_problems("", echo_contract, "1: the file is empty\n");
	expect_problems("engine: echo\nservice: rks.echo.v1.Echo\n", "/nonexistent.binpb",
			" cannot open /nonexistent.binpb: No such file or directory\n");
	struct binding *binding = NULL;
	struct buffer problems;
	buffer_init(&problems, BINDING_PROBLEMS_MAX);
	assert_int_equal(
	    load("engine: echo\nservice: rks.civil.v1.CivilRegistry\n", civil_contract, &binding, &problems),
	    ERR_CONFIG);
	assert_non_null(
	    strstr(buffer_text(&problems),
		   "GetPerson cannot be echoed: rks.civil.v1.GetPersonRequest and rks.civil.v1.GetPersonResponse "
		   "have different fields"));
	buffer_release(&problems);
}

// The binding that the tree ships is in order.
static void test_civil_binding(void **state)
{
	(void)state;
	struct binding *binding = NULL;
	struct buffer problems;
	buffer_init(&problems, BINDING_PROBLEMS_MAX);
	if (binding_load("adapters/civil/binding.yaml", civil_contract, &binding, &problems) != OK) {
		fail_msg("%s", buffer_text(&problems));
	}
	assert_string_equal(binding->service->name, "rks.civil.v1.CivilRegistry");
	for (size_t i = 0; i < binding->service->method_count; i++) {
		assert_int_equal(binding->service->methods[i].idempotency, CONTRACT_NO_SIDE_EFFECTS);
	}
	binding_free(binding);
	binding_free(NULL);
	buffer_release(&problems);
}

static void test_health(void **state)
{
	(void)state;
	struct slice service;
	assert_int_equal(health_parse_request(slice_text(""), &service), OK);
	assert_int_equal(service.size, 0);
	assert_int_equal(health_parse_request(slice_of("\x0a\x03"
						       "a.b",
						       5),
					      &service),
			 OK);
	assert_true(slice_is(service, "a.b"));
	static const struct {
		const char *bytes;
		size_t size;
	} bad[] = { { "\x0a", 1 },
		    { "\x0a\x04"
		      "a.b",
		      5 },
		    { "\x0a\x02"
		      "a.b",
		      5 },
		    { "\x12\x03"
		      "a.b",
		      5 },
		    { "\x0a\x01\xff", 3 } };
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		assert_int_equal(health_parse_request(slice_of(bad[i].bytes, bad[i].size), &service), ERR_FORMAT);
	}
	assert_true(slice_equal(health_response(true), slice_of("\x08\x01", 2)));
	assert_true(slice_equal(health_response(false), slice_of("\x08\x02", 2)));
}

struct heard {
	struct loop *loop;
	const uint8_t *sent;
	result code;
	unsigned answers;
};

static void on_echo(void *context, const struct engine_answer *answer)
{
	struct heard *heard = context;
	heard->answers++;
	heard->code = answer->code;
	if (answer->code == OK) {
		assert_ptr_equal(answer->message, heard->sent); // not even copied
	}
	free(answer->message);
	loop_stop(heard->loop);
}

static void test_echo(void **state)
{
	(void)state;
	struct binding *binding = NULL;
	struct buffer problems;
	struct fault fault;
	struct heard heard = { 0 };
	struct engine_backend *backend = NULL;
	struct engine_call *call = NULL;
	buffer_init(&problems, BINDING_PROBLEMS_MAX);
	assert_int_equal(load("engine: echo\nservice: rks.echo.v1.Echo\n", echo_contract, &binding, &problems), OK);
	assert_int_equal(loop_new(&heard.loop, &fault), OK);
	assert_int_equal(echo_engine.open(binding->engine_binding, heard.loop, 1, &backend, &fault), OK);
	assert_true(echo_engine.is_serving(backend));
	static const struct {
		const char *bytes;
		result code;
	} messages[] = { { "\x0a\x02hi", OK }, { "\x0a\x09hi", ERR_PAYLOAD_INVALID } };
	for (size_t i = 0; i < 2; i++) {
		uint8_t *message = (uint8_t *)strdup(messages[i].bytes);
		heard.sent = message;
		assert_int_equal(echo_engine.start(backend, &binding->service->methods[0], message, 4, INT64_MAX,
						   on_echo, &heard, &call),
				 OK);
		assert_int_equal(heard.answers, i); // never before start returns
		loop_run(heard.loop);
		assert_int_equal(heard.code, messages[i].code);
	}
	uint8_t *message = (uint8_t *)strdup("\x0a\x02hi");
	assert_int_equal(
	    echo_engine.start(backend, &binding->service->methods[0], message, 4, INT64_MAX, on_echo, &heard, &call),
	    OK);
	echo_engine.cancel(call);
	assert_int_equal(heard.answers, 2);
	echo_engine.close(backend);
	loop_free(heard.loop);
	binding_free(binding);
	buffer_release(&problems);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_binding_problems),
		cmocka_unit_test(test_civil_binding),
		cmocka_unit_test(test_health),
		cmocka_unit_test(test_echo),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
