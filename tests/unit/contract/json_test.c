// SPDX-License-Identifier: EUPL-1.2
//
// The proto3 JSON mapping, case by case.
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

struct good {
	const char *type;
	const char *text;
	const char *written; // NULL: the same
};

// Reads and writes again.
static void check_good(const struct contract *contract, const struct good *cases, size_t count,
		       const struct json_options *options)
{
	struct buffer out;
	buffer_init(&out, 1 << 20);
	for (size_t i = 0; i < count; i++) {
		struct arena arena;
		struct fault fault = { 0 };
		ProtobufCMessage *message = NULL;
		arena_init(&arena, 1 << 20);
		buffer_clear(&out);
		const char *wanted = cases[i].written ? cases[i].written : cases[i].text;
		result r = json_read(type_of(contract, cases[i].type), slice_text(cases[i].text), options, &arena,
				     &message, &fault);
		if (r == OK) {
			r = json_write(message, options, &out, &fault);
		}
		if (r != OK || strcmp(buffer_text(&out), wanted) != 0) {
			print_error("%s %s\n  wanted %s\n  got    %s %s\n", cases[i].type, cases[i].text, wanted,
				    buffer_text(&out), r == OK ? "" : fault.text);
			fail();
		}
		arena_release(&arena);
	}
	buffer_release(&out);
}

static const struct good scalars_cases[] = {
	{ "Scalars", "{}", NULL },
	{ "Scalars", " \t\r\n{ } ", "{}" },
	// integers: numbers or text, with a fraction or exponent that leaves a whole
	{ "Scalars", "{\"anInt32\":1}", NULL },
	{ "Scalars", "{\"an_int32\":1}", "{\"anInt32\":1}" },
	{ "Scalars", "{\"anInt32\":\"1\"}", "{\"anInt32\":1}" },
	{ "Scalars", "{\"anInt32\":2147483647}", NULL },
	{ "Scalars", "{\"anInt32\":-2147483648}", NULL },
	{ "Scalars", "{\"anInt32\":1.0}", "{\"anInt32\":1}" },
	{ "Scalars", "{\"anInt32\":1e5}", "{\"anInt32\":100000}" },
	{ "Scalars", "{\"anInt32\":1.5e1}", "{\"anInt32\":15}" },
	{ "Scalars", "{\"anInt32\":150E-1}", "{\"anInt32\":15}" },
	{ "Scalars", "{\"anInt32\":\"1e5\"}", "{\"anInt32\":100000}" },
	{ "Scalars", "{\"anInt32\":-0}", "{}" },
	{ "Scalars", "{\"anInt32\":0e9999999999}", "{}" },
	{ "Scalars", "{\"anInt64\":9223372036854775807}", "{\"anInt64\":\"9223372036854775807\"}" },
	{ "Scalars", "{\"anInt64\":\"-9223372036854775808\"}", NULL },
	{ "Scalars", "{\"aUint32\":4294967295}", NULL },
	{ "Scalars", "{\"aUint64\":18446744073709551615}", "{\"aUint64\":\"18446744073709551615\"}" },
	{ "Scalars", "{\"aUint64\":\"18446744073709551615\"}", NULL },
	{ "Scalars", "{\"aUint64\":1.8446744073709551615e19}", "{\"aUint64\":\"18446744073709551615\"}" },
	{ "Scalars", "{\"aSint32\":-1}", NULL },
	{ "Scalars", "{\"aSint64\":\"-1\"}", NULL },
	{ "Scalars", "{\"aFixed32\":1}", NULL },
	{ "Scalars", "{\"aFixed64\":\"1\"}", NULL },
	{ "Scalars", "{\"aSfixed32\":-1}", NULL },
	{ "Scalars", "{\"aSfixed64\":\"-1\"}", NULL },
	// floating point
	{ "Scalars", "{\"aDouble\":0.1}", NULL },
	{ "Scalars", "{\"aDouble\":\"0.1\"}", "{\"aDouble\":0.1}" },
	{ "Scalars", "{\"aDouble\":1}", NULL },
	{ "Scalars", "{\"aDouble\":100000000000000000000}", "{\"aDouble\":1e+20}" },
	{ "Scalars", "{\"aDouble\":1.7976931348623157e308}", "{\"aDouble\":1.7976931348623157e+308}" },
	{ "Scalars", "{\"aDouble\":5e-324}", "{\"aDouble\":4.94065645841247e-324}" },
	{ "Scalars", "{\"aDouble\":1e-999}", "{}" },
	{ "Scalars", "{\"aDouble\":-0.0}", "{\"aDouble\":-0}" },
	{ "Scalars", "{\"aDouble\":\"NaN\"}", NULL },
	{ "Scalars", "{\"aDouble\":\"Infinity\"}", NULL },
	{ "Scalars", "{\"aDouble\":\"-Infinity\"}", NULL },
	{ "Scalars", "{\"aFloat\":0.1}", NULL },
	{ "Scalars", "{\"aFloat\":3.402823e+38}", "{\"aFloat\":3.402823e+38}" },
	{ "Scalars", "{\"aFloat\":16777216}", "{\"aFloat\":16777216}" },
	{ "Scalars", "{\"aFloat\":\"-Infinity\"}", NULL },
	{ "Scalars", "{\"aFloat\":\"NaN\"}", NULL },
	{ "Scalars", "{\"aBool\":true}", NULL },
	{ "Scalars", "{\"aBool\":false}", "{}" },
	// text
	{ "Scalars", "{\"aString\":\"\"}", "{}" },
	{ "Scalars", "{\"aString\":\"Gjakovë\"}", NULL },
	{ "Scalars", "{\"aString\":\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"}", "{\"aString\":\"\\\"\\\\/\\b\\f\\n\\r\\t\"}" },
	{ "Scalars", "{\"aString\":\"\\u00eb\\u4e2d\\ud800\\udf48\\u0001\"}", "{\"aString\":\"ë中𐍈\\u0001\"}" },
	{ "Scalars", "{\"aString\":\"\xe2\x80\xa8\xe2\x80\xa9\x7f\"}", "{\"aString\":\"\\u2028\\u2029\\u007f\"}" },
	{ "Scalars", "{\"\\u0061String\":\"x\"}", "{\"aString\":\"x\"}" },
	// bytes
	{ "Scalars", "{\"someBytes\":\"AQI=\"}", NULL },
	{ "Scalars", "{\"someBytes\":\"AQI\"}", "{\"someBytes\":\"AQI=\"}" },
	{ "Scalars", "{\"someBytes\":\"-_\"}", "{\"someBytes\":\"+w==\"}" },
	{ "Scalars", "{\"someBytes\":\"+/8=\"}", NULL },
	{ "Scalars", "{\"someBytes\":\"\"}", "{}" },
	// enums
	{ "Scalars", "{\"sex\":\"SEX_FEMALE\"}", NULL },
	{ "Scalars", "{\"sex\":1}", "{\"sex\":\"SEX_FEMALE\"}" },
	{ "Scalars", "{\"sex\":1.0}", "{\"sex\":\"SEX_FEMALE\"}" },
	{ "Scalars", "{\"sex\":9}", NULL },
	{ "Scalars", "{\"sex\":\"SEX_UNSPECIFIED\"}", "{}" },
	{ "Scalars", "{\"colour\":\"COLOUR_GRAY\"}", "{\"colour\":\"COLOUR_GREY\"}" },
	{ "Scalars", "{\"colour\":-2147483648}", "{\"colour\":\"COLOUR_FIRST\"}" },
	// null is unset
	{ "Scalars", "{\"aDouble\":null,\"anInt32\":null,\"aString\":null,\"someBytes\":null,\"sex\":null}", "{}" },
	// names
	{ "Named",
	  "{\"swapped\":1,\"other\":2,\"withTwo\":3,\"UpperCase\":4,\"Leading\":5,\"digit1x\":6,"
	  "\"@odd \\\"name\\\"\":7,\"far\":8}",
	  NULL },
	{ "Named", "{\"plain\":1,\"with__two\":3,\"_leading\":5,\"at\":7}",
	  "{\"swapped\":1,\"withTwo\":3,\"Leading\":5,\"@odd \\\"name\\\"\":7}" },
};

static void scalars(void **state)
{
	check_good(*state, scalars_cases, sizeof scalars_cases / sizeof scalars_cases[0], NULL);
}

static const struct good presence_cases[] = {
	{ "Optionals",
	  "{\"aDouble\":0,\"anInt32\":0,\"anInt64\":\"0\",\"aBool\":false,\"aString\":\"\",\"someBytes\":\"\","
	  "\"sex\":\"SEX_UNSPECIFIED\",\"scalars\":{}}",
	  NULL },
	{ "Optionals", "{\"aDouble\":null,\"aString\":null,\"scalars\":null}", "{}" },
	{ "Choice", "{\"aBool\":false}", NULL },
	{ "Choice", "{\"anInt64\":\"0\"}", NULL },
	{ "Choice", "{\"aString\":\"\"}", NULL },
	{ "Choice", "{\"someBytes\":\"\"}", NULL },
	{ "Choice", "{\"sex\":\"SEX_UNSPECIFIED\"}", NULL },
	{ "Choice", "{\"scalars\":{}}", NULL },
	{ "Choice", "{\"deeper\":{\"deeper\":{\"aBool\":true}},\"beside\":\"x\",\"aFloat\":0}", NULL },
	{ "Choice", "{\"nothing\":null}", NULL },
	{ "Choice", "{\"nothing\":\"NULL_VALUE\"}", "{\"nothing\":null}" },
	{ "Choice", "{\"anyValue\":null}", NULL },
	{ "Choice", "{\"aBool\":null,\"aString\":\"x\"}", "{\"aString\":\"x\"}" },
};

static void presence(void **state)
{
	check_good(*state, presence_cases, sizeof presence_cases / sizeof presence_cases[0], NULL);
}

static const struct good repeated_and_maps_cases[] = {
	{ "Repeateds",
	  "{\"doubles\":[1,\"NaN\",0.5],\"int64s\":[\"1\",2],\"bools\":[true,false],\"strings\":[\"\",\"a\"]}",
	  "{\"doubles\":[1,\"NaN\",0.5],\"int64s\":[\"1\",\"2\"],\"bools\":[true,false],\"strings\":[\"\","
	  "\"a\"]}" },
	{ "Repeateds", "{\"byteses\":[\"\",\"AQ==\"],\"sexes\":[\"SEX_MALE\",0],\"scalarses\":[{},{\"aBool\":true}]}",
	  "{\"byteses\":[\"\",\"AQ==\"],\"sexes\":[\"SEX_MALE\",\"SEX_UNSPECIFIED\"],\"scalarses\":[{},{"
	  "\"aBool\":true}]}" },
	{ "Repeateds", "{\"doubles\":[],\"strings\":null}", "{}" },
	{ "Maps", "{\"byString\":{\"b\":\"2\",\"\":\"1\",\"a\\\"\":\"\"}}",
	  "{\"byString\":{\"\":\"1\",\"a\\\"\":\"\",\"b\":\"2\"}}" },
	{ "Maps", "{\"byInt32\":{\"-1\":1,\"2\":0,\"0\":5}}", "{\"byInt32\":{\"-1\":1,\"0\":5,\"2\":0}}" },
	{ "Maps", "{\"byInt64\":{\"-9223372036854775808\":\"1\",\"3\":2}}",
	  "{\"byInt64\":{\"-9223372036854775808\":\"1\",\"3\":\"2\"}}" },
	{ "Maps", "{\"byUint32\":{\"4294967295\":1}}", NULL },
	{ "Maps", "{\"byUint64\":{\"2\":\"3\",\"18446744073709551615\":\"1\"}}", NULL },
	{ "Maps", "{\"byFixed32\":{\"1\":1.5},\"byFixed64\":{\"1\":\"NaN\"},\"bySfixed32\":{\"-1\":\"AA==\"}}", NULL },
	{ "Maps", "{\"bySfixed64\":{\"-1\":\"SEX_MALE\"},\"byBool\":{\"true\":false,\"false\":true}}",
	  "{\"bySfixed64\":{\"-1\":\"SEX_MALE\"},\"byBool\":{\"false\":true,\"true\":false}}" },
	{ "Maps", "{\"messages\":{\"a\":{},\"b\":{\"anInt32\":1}},\"times\":{\"t\":\"1970-01-01T00:00:00Z\"}}", NULL },
	{ "Maps", "{\"values\":{\"n\":null,\"o\":{\"x\":[]}},\"byString\":{}}",
	  "{\"values\":{\"n\":null,\"o\":{\"x\":[]}}}" },
};

static void repeated_and_maps(void **state)
{
	check_good(*state, repeated_and_maps_cases, sizeof repeated_and_maps_cases / sizeof repeated_and_maps_cases[0],
		   NULL);
}

static const struct good known_types_cases[] = {
	{ "Known", "{\"timestamp\":\"2026-11-21T09:30:00Z\"}", NULL },
	{ "Known", "{\"timestamp\":\"2026-11-21T09:30:00.5Z\"}", "{\"timestamp\":\"2026-11-21T09:30:00.500Z\"}" },
	{ "Known", "{\"timestamp\":\"2026-11-21T09:30:00.000001Z\"}", NULL },
	{ "Known", "{\"timestamp\":\"2026-11-21T09:30:00.123456789Z\"}", NULL },
	{ "Known", "{\"timestamp\":\"2026-11-21T10:30:00+01:00\"}", "{\"timestamp\":\"2026-11-21T09:30:00Z\"}" },
	{ "Known", "{\"timestamp\":\"2026-11-20T23:30:00-10:00\"}", "{\"timestamp\":\"2026-11-21T09:30:00Z\"}" },
	{ "Known", "{\"timestamp\":\"0001-01-01T00:00:00Z\"}", NULL },
	{ "Known", "{\"timestamp\":\"9999-12-31T23:59:59.999999999Z\"}", NULL },
	{ "Known", "{\"timestamp\":\"1969-12-31T23:59:59.900Z\"}", NULL },
	{ "Known", "{\"timestamp\":\"2000-02-29T00:00:00Z\"}", NULL },
	{ "Known", "{\"timestamp\":\"2024-02-29T12:00:00Z\"}", NULL },
	{ "Known", "{\"duration\":\"0s\"}", NULL },
	{ "Known", "{\"duration\":\"1.5s\"}", "{\"duration\":\"1.500s\"}" },
	{ "Known", "{\"duration\":\"-0.000000001s\"}", NULL },
	{ "Known", "{\"duration\":\"-315576000000s\"}", NULL },
	{ "Known", "{\"duration\":\"315576000000s\"}", NULL },
	{ "Known", "{\"mask\":\"givenName,address.street\"}", NULL },
	{ "Known", "{\"mask\":\"\"}", NULL },
	{ "Known", "{\"structure\":{\"b\":[1,\"x\",true,null,{}],\"a\":{\"n\":-0.5}}}",
	  "{\"structure\":{\"a\":{\"n\":-0.5},\"b\":[1,\"x\",true,null,{}]}}" },
	{ "Known", "{\"value\":null}", NULL },
	{ "Known", "{\"value\":[[],[null]]}", NULL },
	{ "Known", "{\"value\":\"\"}", NULL },
	{ "Known", "{\"value\":0}", NULL },
	{ "Known", "{\"value\":false}", NULL },
	{ "Known", "{\"values\":[null,1,\"a\"]}", NULL },
	{ "Known", "{\"list\":[]}", NULL },
	{ "Known", "{\"list\":null,\"structure\":null,\"timestamp\":null,\"any\":null}", "{}" },
	{ "Known", "{\"empty\":{}}", NULL },
	{ "Known",
	  "{\"doubleValue\":0,\"floatValue\":0.5,\"int64Value\":\"0\",\"uint64Value\":\"1\",\"int32Value\":-1,"
	  "\"uint32Value\":1,\"boolValue\":false,\"stringValue\":\"\",\"bytesValue\":\"\"}",
	  NULL },
	{ "Known", "{\"doubleValue\":null,\"stringValue\":null}", "{}" },
	{ "Known", "{\"int64Values\":[1,\"2\"]}", "{\"int64Values\":[\"1\",\"2\"]}" },
	{ "Known", "{\"nullValue\":null}", "{}" },
	{ "Known", "{\"any\":{}}", NULL },
	{ "Known", "{\"any\":{\"@type\":\"type.googleapis.com/besa.test.rich.Scalars\",\"anInt32\":1}}", NULL },
	{ "Known", "{\"any\":{\"anInt32\":1,\"@type\":\"x/besa.test.rich.Scalars\"}}",
	  "{\"any\":{\"@type\":\"x/besa.test.rich.Scalars\",\"anInt32\":1}}" },
	{ "Known", "{\"any\":{\"@type\":\"type.googleapis.com/google.protobuf.Duration\",\"value\":\"1s\"}}", NULL },
	{ "Known", "{\"any\":{\"@type\":\"a/b/google.protobuf.Int32Value\",\"value\":7}}", NULL },
	{ "Known", "{\"any\":{\"@type\":\"/google.protobuf.Value\",\"value\":null}}", NULL },
	{ "Known", "{\"any\":{\"@type\":\"/google.protobuf.Empty\"}}", NULL },
	{ "Known", "{\"any\":{\"@type\":\"/google.protobuf.Any\",\"value\":{\"@type\":\"/besa.test.rich.Nothing\"}}}",
	  NULL },
	// at the top
	{ "google.protobuf.Timestamp", "\"1970-01-01T00:00:00Z\"", NULL },
	{ "google.protobuf.Value", "null", NULL },
	{ "google.protobuf.Value", "[1,{\"a\":null}]", NULL },
	{ "google.protobuf.Int64Value", "5", "\"5\"" },
	{ "google.protobuf.ListValue", "[true]", NULL },
	{ "google.protobuf.Struct", "{\"a\":1}", NULL },
};

static void known_types(void **state)
{
	check_good(*state, known_types_cases, sizeof known_types_cases / sizeof known_types_cases[0], NULL);
}

static void options(void **state)
{
	static const struct good defaults[] = {
		{ "Person", "{}",
		  "{\"personalNumber\":\"\",\"givenName\":\"\",\"birthDate\":\"\",\"sex\":\"SEX_UNSPECIFIED\","
		  "\"children\":[]}" },
		{ "Choice", "{}", "{\"beside\":\"\"}" },
		{ "Optionals", "{}", "{}" },
		{ "google.protobuf.Int32Value", "0", NULL },
		{ "besa.test.rich.Person.Address", "{}", "{\"street\":\"\",\"kind\":\"KIND_UNSPECIFIED\"}" },
	};
	check_good(*state, defaults, sizeof defaults / sizeof defaults[0],
		   &(struct json_options){ .emit_defaults = true });

	static const struct good original[] = { { "Person", "{\"personal_number\":\"1\",\"birth_date\":\"x\"}",
						  NULL } };
	check_good(*state, original, 1, &(struct json_options){ .original_names = true });

	static const struct good numbers[] = { { "Scalars", "{\"sex\":\"SEX_MALE\"}", "{\"sex\":2}" } };
	check_good(*state, numbers, 1, &(struct json_options){ .enum_numbers = true });

	static const struct good unknown[] = {
		{ "Scalars", "{\"nobody\":{\"a\":[1]},\"anInt32\":1}", "{\"anInt32\":1}" },
		{ "Scalars", "{\"sex\":\"NOBODY\"}", "{}" },
		{ "Repeateds", "{\"sexes\":[\"NOBODY\",\"SEX_MALE\",\"NOBODY\"]}", "{\"sexes\":[\"SEX_MALE\"]}" },
		{ "Maps", "{\"bySfixed64\":{\"1\":\"NOBODY\",\"2\":\"SEX_MALE\"}}",
		  "{\"bySfixed64\":{\"2\":\"SEX_MALE\"}}" },
		{ "Choice", "{\"sex\":\"NOBODY\",\"aBool\":true}", "{\"aBool\":true}" },
		{ "Known", "{\"any\":{\"@type\":\"/google.protobuf.Duration\",\"value\":\"1s\",\"more\":1}}",
		  "{\"any\":{\"@type\":\"/google.protobuf.Duration\",\"value\":\"1s\"}}" },
	};
	check_good(*state, unknown, sizeof unknown / sizeof unknown[0],
		   &(struct json_options){ .ignore_unknown = true });

	static const struct good indented[] = {
		{ "Person", "{\"givenName\":\"a\",\"address\":{},\"children\":[{},{\"givenName\":\"b\"}]}",
		  "{\n  \"givenName\": \"a\",\n  \"address\": {},\n  \"children\": [\n    {},\n    {\n      "
		  "\"givenName\": \"b\"\n    }\n  ]\n}" }
	};
	check_good(*state, indented, 1, &(struct json_options){ .indent = true });
}

// Messages from the wire that JSON has no form for.
static void unwritable(void **state)
{
	static const struct {
		const char *type;
		const char *bytes;
		size_t size;
		const char *words;
	} cases[] = {
		{ "Known", "\x12\x08\x08\x80\xdc\xb9\x9a\xd2\x9b\x02", 10, "$.timestamp: the time is out" },
		{ "Known", "\x12\x06\x10\x80\x94\xeb\xdc\x03", 8, "$.timestamp: the time is out" },
		{ "Known", "\x1a\x0d\x08\x01\x10\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 15,
		  "$.duration: the time is out" },
		{ "Known",
		  "\x22\x04\x0a\x02"
		  "aB",
		  6, "no lowerCamelCase form" },
		{ "Known",
		  "\x22\x05\x0a\x03"
		  "a_1",
		  7, "no lowerCamelCase form" },
		{ "Known",
		  "\x22\x05\x0a\x03"
		  "a,b",
		  7, "no lowerCamelCase form" },
		{ "Known",
		  "\x22\x04\x0a\x02"
		  "a_",
		  6, "no lowerCamelCase form" },
		{ "Known", "\x32\x09\x11\x00\x00\x00\x00\x00\x00\xf8\x7f", 11, "$.value: the number has no JSON form" },
		{ "Known",
		  "\x0a\x06\x0a\x04"
		  "a/b.",
		  8, "$.any: the contract has no message" },
		{ "Known", "\x0a\x03\x12\x01x", 5, "$.any: the contract has no message" },
		{ "Known", "\x0a\x1e\x0a\x19/google.protobuf.Duration\x12\x01\x08", 32,
		  "does not hold a message of its type" },
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct arena arena;
		struct buffer out;
		struct fault fault = { 0 };
		ProtobufCMessage *message = NULL;
		arena_init(&arena, 1 << 20);
		buffer_init(&out, 1 << 20);
		buffer_append_text(&out, "before");
		assert_int_equal(message_unpack(type_of(*state, cases[i].type), slice_of(cases[i].bytes, cases[i].size),
						NULL, &arena, &message, NULL),
				 OK);
		result r = json_write(message, NULL, &out, &fault);
		if (r != ERR_FORMAT || !strstr(fault.text, cases[i].words)) {
			print_error("case %zu: %s \"%s\" \"%s\"\n", i, result_wire_name(r), fault.text,
				    buffer_text(&out));
			fail();
		}
		assert_string_equal(buffer_text(&out), "before");
		buffer_release(&out);
		arena_release(&arena);
	}
}

// Of two map entries with one key the later counts, as everywhere in protobuf; and an entry may lack its value.
static void map_entries_from_the_wire(void **state)
{
	struct arena arena;
	struct buffer out;
	ProtobufCMessage *message = NULL;
	arena_init(&arena, 1 << 20);
	buffer_init(&out, 1 << 20);
	static const char bytes[] = "\x0a\x06\x0a\x01"
				    "k\x12\x01"
				    "1"
				    "\x0a\x06\x0a\x01"
				    "k\x12\x01"
				    "2"
				    "\x6a\x03\x0a\x01"
				    "m"
				    "\x72\x03\x0a\x01"
				    "t"
				    "\x7a\x03\x0a\x01"
				    "v";
	assert_int_equal(
	    message_unpack(type_of(*state, "Maps"), slice_of(bytes, sizeof bytes - 1), NULL, &arena, &message, NULL),
	    OK);
	assert_int_equal(json_write(message, NULL, &out, NULL), OK);
	assert_string_equal(buffer_text(&out), "{\"byString\":{\"k\":\"2\"},\"messages\":{\"m\":{}},"
					       "\"times\":{\"t\":\"1970-01-01T00:00:00Z\"},\"values\":{\"v\":null}}");
	buffer_release(&out);
	arena_release(&arena);
}

static void output_limit(void **state)
{
	struct arena arena;
	struct buffer out;
	struct fault fault = { 0 };
	ProtobufCMessage *message = NULL;
	arena_init(&arena, 1 << 20);
	buffer_init(&out, 20);
	assert_int_equal(json_read(type_of(*state, "Person"), slice_text("{\"givenName\":\"a long name, too long\"}"),
				   NULL, &arena, &message, NULL),
			 OK);
	assert_int_equal(json_write(message, NULL, &out, &fault), ERR_LIMIT);
	assert_int_equal(out.size, 0);
	buffer_release(&out);
	arena_release(&arena);
}

static void jansson_values(void **state)
{
	struct arena arena;
	struct fault fault = { 0 };
	ProtobufCMessage *message = NULL;
	arena_init(&arena, 1 << 20);
	json_t *value = json_pack("{s:s, s:i, s:f, s:[i,i]}", "aString", "ë", "anInt64", 7, "aDouble", 0.1, "x", 1, 2);
	assert_int_equal(json_object_del(value, "x"), 0);
	const ProtobufCMessageDescriptor *type = type_of(*state, "Scalars");
	assert_int_equal(json_read_value(type, value, NULL, &arena, &message, &fault), OK);
	json_t *again = NULL;
	assert_int_equal(json_write_value(message, NULL, &again, &fault), OK);
	assert_string_equal(json_string_value(json_object_get(again, "aString")), "ë");
	assert_string_equal(json_string_value(json_object_get(again, "anInt64")), "7");
	assert_true(json_real_value(json_object_get(again, "aDouble")) == 0.1);
	json_decref(again);
	json_decref(value);
	json_t *wrong = json_string("x");
	assert_int_equal(json_read_value(type, wrong, NULL, &arena, &message, &fault), ERR_FORMAT);
	json_decref(wrong);
	arena_release(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(scalars),
		cmocka_unit_test(presence),
		cmocka_unit_test(repeated_and_maps),
		cmocka_unit_test(known_types),
		cmocka_unit_test(options),
		cmocka_unit_test(unwritable),
		cmocka_unit_test(map_entries_from_the_wire),
		cmocka_unit_test(output_limit),
		cmocka_unit_test(jansson_values),
	};
	return cmocka_run_group_tests_name("json", tests, setup, teardown);
}
