// SPDX-License-Identifier: EUPL-1.2
//
// JSON that is refused, with the place and the reason in words, and without a word of its content.
#include "support.h"

static int setup(void **state)
{
	*state = load_rich();
	return 0;
}

static int teardown(void **state)
{
	contract_free(*state);
	return 0;
}

struct bad {
	const char *type;
	const char *text;
	const char *words;
};

static const struct bad not_json[] = {
	{ "Scalars", "", "line 1, column 1: expected a value" },
	{ "Scalars", "{", "expected a key" },
	{ "Scalars", "{\"a", "ends inside a string" },
	{ "Scalars", "{\"a\\", "ends inside a string" },
	{ "Scalars", "{\"anInt32\"}", "expected \":\"" },
	{ "Scalars", "{\"anInt32\":1,}", "expected a key" },
	{ "Scalars", "{\"anInt32\":1 \"b\"}", "expected \",\" or \"}\"" },
	{ "Scalars", "{anInt32:1}", "expected a key" },
	{ "Scalars", "{'anInt32':1}", "expected a key" },
	{ "Scalars", "{} {}", "expected nothing after" },
	{ "Scalars", "\n {\n  \"anInt32\": tru\n}", "line 3, column 14: expected a value" },
	{ "Scalars", "{\"anInt32\":01}", "not a number" },
	{ "Scalars", "{\"anInt32\":+1}", "expected a value" },
	{ "Scalars", "{\"anInt32\":1.}", "not a number" },
	{ "Scalars", "{\"anInt32\":.1}", "expected a value" },
	{ "Scalars", "{\"anInt32\":1e}", "not a number" },
	{ "Scalars", "{\"anInt32\":--1}", "not a number" },
	{ "Scalars", "{\"aDouble\":NaN}", "expected a value" },
	{ "Scalars", "{\"aDouble\":-Infinity}", "not a number" },
	{ "Scalars", "{\"aString\":\"\\x\"}", "unknown escape" },
	{ "Scalars", "{\"aString\":\"\\u12\"}", "four hexadecimal" },
	{ "Scalars", "{\"aString\":\"\\ud800\"}", "lone surrogate" },
	{ "Scalars", "{\"aString\":\"\\ud800\\u0041\"}", "lone surrogate" },
	{ "Scalars", "{\"aString\":\"\\udc00\\ud800\"}", "lone surrogate" },
	{ "Scalars", "{\"aString\":\"\\u0000\"}", "NUL" },
	{ "Scalars", "{\"aString\":\"a\nb\"}", "control character" },
	{ "Scalars", "{\"aString\":\"\xff\"}", "not UTF-8" },
	{ "Scalars", "\xef\xbb\xbf{}", "expected a value" },
	{ "Scalars", "{\"anInt32\":1,\"anInt32\":1}", "has a key twice" },
	{ "Scalars", "{\"anInt32\":1,\"\\u0061nInt32\":1}", "has a key twice" },
	{ "Known", "{\"structure\":{\"1\":1,\"2\":1,\"3\":1,\"4\":1,\"5\":1,\"6\":1,\"7\":1,\"8\":1,\"9\":1,\"5\":1}}",
	  "has a key twice" },
};

static const struct bad not_of_the_type[] = {
	{ "Scalars", "[]", "$: expected an object" },
	{ "Scalars", "null", "$: expected an object" },
	{ "Scalars", "{\"nobody\":1}", "$: besa.test.rich.Scalars has no field \"nobody\"" },
	{ "Scalars", "{\"anInt32\":1,\"an_int32\":1}", "$.anInt32: is there twice" },
	{ "Scalars", "{\"anInt32\":0.5}", "$.anInt32: expected a whole number" },
	{ "Scalars", "{\"anInt32\":1e-1}", "expected a whole number" },
	{ "Scalars", "{\"anInt32\":\"\"}", "expected a whole number" },
	{ "Scalars", "{\"anInt32\":\" 1\"}", "expected a whole number" },
	{ "Scalars", "{\"anInt32\":\"1 \"}", "expected a whole number" },
	{ "Scalars", "{\"anInt32\":\"0x1\"}", "expected a whole number" },
	{ "Scalars", "{\"anInt32\":true}", "expected a whole number" },
	{ "Scalars", "{\"anInt32\":2147483648}", "out of the range of 32 bits" },
	{ "Scalars", "{\"anInt32\":-2147483649}", "out of the range" },
	{ "Scalars", "{\"anInt32\":1e99999999999999}", "out of the range" },
	{ "Scalars", "{\"anInt64\":9223372036854775808}", "out of the range of 64 bits" },
	{ "Scalars", "{\"aUint32\":-1}", "out of the range of unsigned 32 bits" },
	{ "Scalars", "{\"aUint64\":18446744073709551616}", "out of the range" },
	{ "Scalars", "{\"aUint64\":1e20}", "out of the range" },
	{ "Scalars", "{\"aDouble\":1e309}", "out of the range" },
	{ "Scalars", "{\"aDouble\":\"1.89769e+308\"}", "out of the range" },
	{ "Scalars", "{\"aDouble\":\"\"}", "expected a number" },
	{ "Scalars", "{\"aDouble\":\"inf\"}", "expected a number" },
	{ "Scalars", "{\"aDouble\":\"0x1p3\"}", "expected a number" },
	{ "Scalars", "{\"aDouble\":[]}", "expected a number" },
	{ "Scalars", "{\"aFloat\":3.502823e+38}", "out of the range" },
	{ "Scalars", "{\"aBool\":1}", "expected true or false" },
	{ "Scalars", "{\"aBool\":\"true\"}", "expected true or false" },
	{ "Scalars", "{\"aString\":1}", "expected text" },
	{ "Scalars", "{\"someBytes\":\"!\"}", "expected bytes as base64" },
	{ "Scalars", "{\"someBytes\":\"A\"}", "expected bytes" },
	{ "Scalars", "{\"someBytes\":\"AQ=\"}", "expected bytes" },
	{ "Scalars", "{\"someBytes\":\"A===\"}", "expected bytes" },
	{ "Scalars", "{\"someBytes\":\"AQ==AQ==\"}", "expected bytes" },
	{ "Scalars", "{\"sex\":\"NOBODY\"}", "$.sex: besa.test.rich.Sex has no value of this name" },
	{ "Scalars", "{\"sex\":\"\"}", "no value of this name" },
	{ "Scalars", "{\"sex\":0.5}", "expected a whole number" },
	{ "Scalars", "{\"sex\":true}", "expected a value of besa.test.rich.Sex" },
	{ "Choice", "{\"aBool\":true,\"aString\":\"x\"}", "$.aString: another member of \"kind\" is set" },
	{ "Choice", "{\"nothing\":null,\"aString\":\"x\"}", "another member" },
	{ "Repeateds", "{\"doubles\":1}", "$.doubles: expected an array" },
	{ "Repeateds", "{\"doubles\":[1,null]}", "$.doubles[1]: an array holds no null" },
	{ "Repeateds", "{\"scalarses\":[{},{\"anInt32\":\"x\"}]}", "$.scalarses[1].anInt32: expected a whole number" },
	{ "Repeateds", "{\"scalarses\":[null]}", "holds no null" },
	{ "Maps", "{\"byString\":[]}", "$.byString: expected an object" },
	{ "Maps", "{\"byString\":{\"a\":null}}", "$.byString[0]: a map holds no null" },
	{ "Maps", "{\"byInt32\":{\"a\":1}}", "a key that is a whole number" },
	{ "Maps", "{\"byInt32\":{\"1.0\":1}}", "a key that is a whole number" },
	{ "Maps", "{\"byInt32\":{\"01\":1}}", "expected a whole number" },
	{ "Maps", "{\"byInt32\":{\"-0\":1}}", "a key that is a whole number" },
	{ "Maps", "{\"byInt32\":{\"\":1}}", "expected a whole number" },
	{ "Maps", "{\"byInt32\":{\"2147483648\":1}}", "out of the range" },
	{ "Maps", "{\"byBool\":{\"1\":true}}", "a key \"true\" or \"false\"" },
	{ "Maps", "{\"messages\":{\"secret\":{\"anInt32\":[]}}}", "$.messages[0].anInt32: expected" },
};

static const struct bad not_of_a_known_type[] = {
	{ "Scalars", "{\"a\\nb\":1}", "$: besa.test.rich.Scalars has no field of this name" },
	{ "Scalars", "{\"0123456789012345678901234567890123456789012345678901234567890123\":1}",
	  "no field of this name" },
	{ "Known", "{\"timestamp\":1}", "expected a time like" },
	{ "Known", "{\"timestamp\":\"2026-11-21\"}", "expected a time" },
	{ "Known", "{\"timestamp\":\"2026-11-21T09:30:00\"}", "expected a time" },
	{ "Known", "{\"timestamp\":\"2026-11-21t09:30:00Z\"}", "expected a time" },
	{ "Known", "{\"timestamp\":\"2026-11-21T09:30:00z\"}", "expected a time" },
	{ "Known", "{\"timestamp\":\"2026-11-21T09:30:00.Z\"}", "expected a time" },
	{ "Known", "{\"timestamp\":\"2026-11-21T09:30:00.1234567890Z\"}", "expected a time" },
	{ "Known", "{\"timestamp\":\"2026-13-21T09:30:00Z\"}", "expected a time" },
	{ "Known", "{\"timestamp\":\"2026-02-29T09:30:00Z\"}", "expected a time" },
	{ "Known", "{\"timestamp\":\"1900-02-29T09:30:00Z\"}", "expected a time" },
	{ "Known", "{\"timestamp\":\"2026-11-21T24:30:00Z\"}", "expected a time" },
	{ "Known", "{\"timestamp\":\"2026-11-21T09:30:60Z\"}", "expected a time" },
	{ "Known", "{\"timestamp\":\"2026-11-21T09:30:00+24:00\"}", "expected a time" },
	{ "Known", "{\"timestamp\":\"0000-01-01T00:00:00Z\"}", "out of range" },
	{ "Known", "{\"timestamp\":\"9999-12-31T23:59:59-00:01\"}", "out of range" },
	{ "Known", "{\"timestamp\":\"10000-01-01T00:00:00Z\"}", "expected a time" },
	{ "Known", "{\"duration\":\"1\"}", "expected a duration" },
	{ "Known", "{\"duration\":\"s\"}", "expected a duration" },
	{ "Known", "{\"duration\":\"1.s\"}", "expected a duration" },
	{ "Known", "{\"duration\":\"+1s\"}", "expected a duration" },
	{ "Known", "{\"duration\":\"315576000001s\"}", "out of range" },
	{ "Known", "{\"duration\":\"315576000000.1s\"}", "out of range" },
	{ "Known", "{\"mask\":\"given_name\"}", "lowerCamelCase" },
	{ "Known", "{\"mask\":\"a,,b\"}", "lowerCamelCase" },
	{ "Known", "{\"structure\":[]}", "$.structure: expected an object" },
	{ "Known", "{\"list\":{}}", "$.list: expected an array" },
	{ "Known", "{\"empty\":1}", "expected an object" },
	{ "Known", "{\"empty\":{\"a\":1}}", "google.protobuf.Empty has no field \"a\"" },
	{ "Known", "{\"int32Value\":{}}", "expected a whole number" },
	{ "Known", "{\"int64Values\":[null]}", "holds no null" },
	{ "Known", "{\"nullValue\":\"x\"}", "no value of this name" },
	{ "Known", "{\"any\":{\"anInt32\":1}}", "an object with \"@type\"" },
	{ "Known", "{\"any\":{\"@type\":1}}", "an object with \"@type\"" },
	{ "Known", "{\"any\":{\"@type\":\"besa.test.rich.Scalars\"}}", "has no message of this" },
	{ "Known", "{\"any\":{\"@type\":\"/besa.test.rich.Nobody\"}}", "has no message of this" },
	{ "Known", "{\"any\":{\"@type\":\"/besa.test.rich.Scalars\",\"anInt32\":\"x\"}}", "$.any.anInt32: expected" },
	{ "Known", "{\"any\":{\"@type\":\"/besa.test.rich.Scalars\",\"value\":{}}}", "no field \"value\"" },
	{ "Known", "{\"any\":{\"@type\":\"/google.protobuf.Duration\"}}", "\"@type\" and \"value\"" },
	{ "Known", "{\"any\":{\"@type\":\"/google.protobuf.Duration\",\"value\":\"1s\",\"more\":1}}",
	  "\"@type\" and \"value\"" },
	{ "Known", "{\"any\":{\"@type\":\"/google.protobuf.Duration\",\"value\":1}}",
	  "$.any.value: expected a duration" },
};

static void check_bad(const struct contract *contract, const struct bad *cases, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct arena arena;
		struct fault fault = { 0 };
		ProtobufCMessage *message = NULL;
		arena_init(&arena, 1 << 20);
		result r = json_read(type_of(contract, cases[i].type), slice_text(cases[i].text), NULL, &arena,
				     &message, &fault);
		if (r != ERR_FORMAT || !strstr(fault.text, cases[i].words)) {
			print_error("%s\n  wanted \"%s\"\n  got %s \"%s\"\n", cases[i].text, cases[i].words,
				    result_wire_name(r), fault.text);
			fail();
		}
		assert_null(message);
		assert_null(strstr(fault.text, "secret")); // keys of maps are content
		arena_release(&arena);
	}
}

static void refused(void **state)
{
	check_bad(*state, not_json, sizeof not_json / sizeof not_json[0]);
	check_bad(*state, not_of_the_type, sizeof not_of_the_type / sizeof not_of_the_type[0]);
	check_bad(*state, not_of_a_known_type, sizeof not_of_a_known_type / sizeof not_of_a_known_type[0]);
}

static void nul_byte(void **state)
{
	struct arena arena;
	ProtobufCMessage *message = NULL;
	arena_init(&arena, 1 << 20);
	struct slice text = slice_of("{\"aString\":\"a\0b\"}", 17);
	assert_int_equal(json_read(type_of(*state, "Scalars"), text, NULL, &arena, &message, NULL), ERR_FORMAT);
	arena_release(&arena);
}

static void depth_and_memory(void **state)
{
	struct arena arena;
	struct fault fault = { 0 };
	ProtobufCMessage *message = NULL;
	struct buffer text;
	buffer_init(&text, 1 << 24);
	const ProtobufCMessageDescriptor *value = type_of(*state, "google.protobuf.Value");
	for (int levels = JSON_DEPTH_MAX; levels <= JSON_DEPTH_MAX + 1; levels++) {
		arena_init(&arena, 1 << 20);
		buffer_clear(&text);
		for (int i = 0; i < 2 * levels; i++) {
			buffer_append_byte(&text, i < levels ? '[' : ']');
		}
		result r = json_read(value, buffer_slice(&text), NULL, &arena, &message, &fault);
		assert_int_equal(r, levels > JSON_DEPTH_MAX ? ERR_LIMIT : OK);
		arena_release(&arena);
	}
	buffer_clear(&text);
	for (int i = 0; i < 1000000; i++) {
		buffer_append_byte(&text, '[');
	}
	arena_init(&arena, 1 << 20);
	assert_int_equal(json_read(value, buffer_slice(&text), NULL, &arena, &message, &fault), ERR_LIMIT);
	assert_non_null(strstr(fault.text, "inside each other"));
	buffer_clear(&text);
	buffer_append_byte(&text, '[');
	for (int i = 0; i < 1000000; i++) {
		buffer_append_text(&text, "0,");
	}
	buffer_append_text(&text, "0]");
	assert_int_equal(json_read(value, buffer_slice(&text), NULL, &arena, &message, &fault), ERR_LIMIT);
	assert_non_null(strstr(fault.text, "memory"));
	arena_release(&arena);
	buffer_release(&text);
}

static void path_of_a_long_way(void **state)
{
	struct arena arena;
	struct fault fault = { 0 };
	ProtobufCMessage *message = NULL;
	struct buffer text;
	buffer_init(&text, 1 << 20);
	for (int i = 0; i < 90; i++) {
		buffer_append_text(&text, "{\"spouse\":");
	}
	buffer_append_text(&text, "1");
	for (int i = 0; i < 90; i++) {
		buffer_append_text(&text, "}");
	}
	arena_init(&arena, 1 << 20);
	assert_int_equal(json_read(type_of(*state, "Person"), buffer_slice(&text), NULL, &arena, &message, &fault),
			 ERR_FORMAT);
	assert_non_null(strstr(fault.text, ".spouse.spouse: expected an object"));
	arena_release(&arena);
	buffer_release(&text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refused),
		cmocka_unit_test(nul_byte),
		cmocka_unit_test(depth_and_memory),
		cmocka_unit_test(path_of_a_long_way),
	};
	return cmocka_run_group_tests_name("json_refused", tests, setup, teardown);
}
