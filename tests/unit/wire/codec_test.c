// SPDX-License-Identifier: EUPL-1.2
//
// Every rule of the strict form, one by one, on a small message; random messages round trip; whatever decodes
// encodes to the same bytes.
#include "tests/unit/wire/random_message.h"

#include "wire/admin.h"

// message Inner { bytes key = 1; uint64 count = 2; }
struct inner {
	struct slice key;
	uint64_t count;
};

// message Toy { bytes data = 1; string text = 2; uint32 small = 3; uint64 large = 4; Kind kind = 5; bool flag = 6;
// fixed64 time = 7;
//               Inner inner = 8; repeated string names = 9; repeated Inner inners = 10;
//               oneof choice { Inner left = 20; Inner right = 21; } }
struct toy {
	struct slice data;
	struct slice text;
	uint32_t small;
	uint64_t large;
	uint32_t kind;
	bool flag;
	int64_t time;
	bool has_inner;
	struct inner inner;
	struct slice_list names;
	struct {
		struct inner *items;
		size_t count;
	} inners;
	uint32_t choice;
	struct inner chosen;
};

static const struct codec_field inner_fields[] = {
	{ 1, CODEC_BYTES, .name = "key", .required = true, .offset = offsetof(struct inner, key), .most = 4 },
	{ 2, CODEC_UINT64, .name = "count", .offset = offsetof(struct inner, count) },
};
static const struct codec_message inner_message = { "Inner", sizeof(struct inner), inner_fields, 2 };

static const struct codec_field toy_fields[] = {
	{ 1, CODEC_BYTES, .name = "data", .offset = offsetof(struct toy, data), .least = 2, .most = 200 },
	{ 2, CODEC_TEXT, .name = "text", .offset = offsetof(struct toy, text) },
	{ 3, CODEC_UINT32, .name = "small", .offset = offsetof(struct toy, small) },
	{ 4, CODEC_UINT64, .name = "large", .offset = offsetof(struct toy, large) },
	{ 5, CODEC_ENUM, .name = "kind", .offset = offsetof(struct toy, kind), .most = 3 },
	{ 6, CODEC_BOOL, .name = "flag", .offset = offsetof(struct toy, flag) },
	{ 7, CODEC_TIME, .name = "time", .offset = offsetof(struct toy, time) },
	{ 8, CODEC_MESSAGE, .name = "inner", .offset = offsetof(struct toy, inner),
	  .presence = offsetof(struct toy, has_inner), .message = &inner_message },
	{ 9, CODEC_TEXT, .name = "names", .repeated = true, .offset = offsetof(struct toy, names), .count = 3 },
	{ 10, CODEC_MESSAGE, .name = "inners", .repeated = true, .offset = offsetof(struct toy, inners), .count = 3,
	  .message = &inner_message },
	{ 20, CODEC_CHOICE, .name = "left", .offset = offsetof(struct toy, chosen),
	  .presence = offsetof(struct toy, choice), .message = &inner_message },
	{ 21, CODEC_CHOICE, .name = "right", .offset = offsetof(struct toy, chosen),
	  .presence = offsetof(struct toy, choice), .message = &inner_message },
};
static const struct codec_message toy_message = { "Toy", sizeof(struct toy), toy_fields,
						  sizeof toy_fields / sizeof toy_fields[0] };

struct fixture {
	struct arena arena;
	struct toy toy;
	struct fault fault;
};

static int setup(void **state)
{
	struct fixture *fixture = calloc(1, sizeof *fixture);
	arena_init(&fixture->arena, 1 << 20);
	*state = fixture;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *fixture = *state;
	arena_release(&fixture->arena);
	free(fixture);
	return 0;
}

struct example {
	const char *bytes;
	size_t size;
	const char *words; // NULL: decodes
};
#define EXAMPLE(text, words)                 \
	{                                    \
		text, sizeof text - 1, words \
	}

static result decode(struct fixture *fixture, enum codec_mode mode, const struct example *example)
{
	arena_clear(&fixture->arena);
	fixture->fault.text[0] = '\0';
	// exactly as long as it is, so that a sanitizer sees a step beyond
	uint8_t *exact = arena_alloc(&fixture->arena, example->size ? example->size : 1);
	memcpy(exact, example->bytes, example->size);
	return codec_decode(&toy_message, mode, slice_of(exact, example->size), &fixture->arena, &fixture->toy,
			    &fixture->fault);
}

static void check_examples(struct fixture *fixture, enum codec_mode mode, const struct example *examples, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		result code = decode(fixture, mode, &examples[i]);
		if (!examples[i].words) {
			assert_int_equal(code, OK);
			continue;
		}
		if (code != ERR_FORMAT || !strstr(fixture->fault.text, examples[i].words)) {
			fail_msg("example %zu: %s: \"%s\", expected \"%s\"", i, result_wire_name(code),
				 fixture->fault.text, examples[i].words);
		}
	}
}

static void test_strict_rules(void **state)
{
	static const struct example examples[] = {
		EXAMPLE("", NULL),
		EXAMPLE("\x0a\x02xy", NULL),
		EXAMPLE("\x12\x01t\x18\x01\x20\x01\x28\x03\x30\x01\x39\x01\0\0\0\0\0\0\0\x42\x03\x0a\x01k", NULL),
		// order and repetition
		EXAMPLE("\x12\x01t\x0a\x02xy", "field 1 is out of order"),
		EXAMPLE("\x0a\x02xy\x0a\x02xy", "field 1 stands twice"),
		EXAMPLE("\x4a\x01x\x52\x03\x0a\x01k\x4a\x01x", "field 9 is out of order"),
		EXAMPLE("\x02\x01x", "field 0 is out of order"),
		// unknown fields, also beyond and between known ones, and unknown wire types
		EXAMPLE("\xfa\x01\x01x", "field 31 is unknown"),
		EXAMPLE("\x5a\x01x", "field 11 is unknown"),
		EXAMPLE("\x0b\x0c", "wrong wire type"),
		// wire types
		EXAMPLE("\x08\x01", "Toy.data: wrong wire type"),
		EXAMPLE("\x1a\x01x", "Toy.small: wrong wire type"),
		EXAMPLE("\x38\x01", "Toy.time: wrong wire type"),
		EXAMPLE("\x40\x01", "Toy.inner: wrong wire type"),
		// varints: tag, length, value
		EXAMPLE("\x8a\x00\x02xy", "a tag is malformed"),
		EXAMPLE("\x0a\x82\x00xy", "Toy.data: truncated"),
		EXAMPLE("\x18\x81\x00", "not the shortest varint"),
		EXAMPLE("\x20\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02", "not the shortest varint"),
		EXAMPLE("\x20\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", NULL),
		EXAMPLE("\xff\xff\xff\xff\x7f", "a tag is malformed"),
		EXAMPLE("\x80", "a tag is malformed"),
		// default values
		EXAMPLE("\x0a\x00", "Toy.data: a default value"),
		EXAMPLE("\x12\x00", "Toy.text: a default value"),
		EXAMPLE("\x18\x00", "Toy.small: a default value"),
		EXAMPLE("\x30\x00", "Toy.flag: a default value"),
		EXAMPLE("\x39\0\0\0\0\0\0\0\0", "Toy.time: a default value"),
		// values
		EXAMPLE("\x18\x80\x80\x80\x80\x10", "Toy.small: 4294967296 is out of range"),
		EXAMPLE("\x18\xff\xff\xff\xff\x0f", NULL),
		EXAMPLE("\x28\x04", "Toy.kind: 4 is out of range"),
		EXAMPLE("\x30\x02", "Toy.flag: 2 is out of range"),
		EXAMPLE("\x39\xff\xff\xff\xff\xff\xff\xff\xff", "Toy.time: 18446744073709551615 is out of range"),
		EXAMPLE("\x39\xff\x5f\x73\xcc\x0c\x44\x84\x03", NULL), // CODEC_TIME_MAX
		EXAMPLE("\x39\x00\x60\x73\xcc\x0c\x44\x84\x03", "Toy.time: 253402300800000000 is out of range"),
		EXAMPLE("\x0a\x01x", "Toy.data: 1 bytes, expected 2 to 200"),
		// UTF-8: bare continuation, overlong, surrogate, cut
		EXAMPLE("\x12\x01\x80", "Toy.text: not valid UTF-8"),
		EXAMPLE("\x12\x02\xc0\x80", "Toy.text: not valid UTF-8"),
		EXAMPLE("\x12\x03\xed\xa0\x80", "Toy.text: not valid UTF-8"),
		EXAMPLE("\x4a\x02\xc3\xab\x4a\x01\xc3", "Toy.names: not valid UTF-8"),
		// truncation
		EXAMPLE("\x0a", "Toy.data: truncated"),
		EXAMPLE("\x0a\x03xy", "Toy.data: truncated"),
		EXAMPLE("\x39\1\2\3", "Toy.time: truncated"),
		EXAMPLE("\x4a\x01x\x4a\x05x", "Toy.names: truncated"),
		// nested messages obey the same rules
		EXAMPLE("\x42\x00", "Inner.key: missing"),
		EXAMPLE("\x42\x02\x10\x01", "Inner.key: missing"),
		EXAMPLE("\x42\x05\x0a\x01k\x10\x00", "Inner.count: a default value"),
		EXAMPLE("\x42\x06\x0a\x01k\x18\x01x", "Inner: field 3 is unknown"),
		EXAMPLE("\x42\x07\x0a\x05klmno", "Inner.key: 5 bytes"),
		EXAMPLE("\x52\x00", "Inner.key: missing"),
		// too many elements; an empty element is allowed, it has presence
		EXAMPLE("\x4a\x00\x4a\x01x\x4a\x01y", NULL),
		EXAMPLE("\x4a\x01w\x4a\x01x\x4a\x01y\x4a\x01z", "Toy.names: more than 3 elements"),
		// a oneof holds one
		EXAMPLE("\xa2\x01\x03\x0a\x01k", NULL),
		EXAMPLE("\xa2\x01\x03\x0a\x01k\xaa\x01\x03\x0a\x01k", "Toy.right: a second field of a oneof"),
		EXAMPLE("\xa2\x01\x03\x0a\x01k\xa2\x01\x03\x0a\x01k", "field 20 stands twice"),
	};
	check_examples(*state, CODEC_STRICT, examples, sizeof examples / sizeof examples[0]);
}

static void test_lenient_skips_unknown_fields_only(void **state)
{
	struct fixture *fixture = *state;
	static const struct example examples[] = {
		EXAMPLE("\x0a\x02xy\x5a\x01x\xa2\x01\x03\x0a\x01k\xf8\x01\x00", NULL),
		EXAMPLE("\x59\1\2\3\4\5\6\7\x08\x65\1\2\3\4", NULL), // fixed64 and fixed32
		EXAMPLE("\x42\x06\x0a\x01k\x1a\x01x", NULL),         // inside a nested message too
		EXAMPLE("\x59\1\2", "field 11 is unknown"),          // truncated
		EXAMPLE("\x5b\x5c", "field 11 is unknown"),          // a group
		EXAMPLE("\x5a\x01x\x5a\x01x", "field 11 stands twice"),
		EXAMPLE("\x0a\x02xy\x0a\x02xy", "field 1 stands twice"),
		EXAMPLE("\x12\x01t\x0a\x02xy", "field 1 is out of order"),
		EXAMPLE("\x12\x00", "Toy.text: a default value"),
	};
	check_examples(fixture, CODEC_LENIENT, examples, sizeof examples / sizeof examples[0]);
	assert_int_equal(decode(fixture, CODEC_LENIENT, &examples[0]), OK);
	assert_true(slice_is(fixture->toy.data, "xy"));
	assert_int_equal(fixture->toy.choice, 20);
	assert_true(slice_is(fixture->toy.chosen.key, "k"));
}

static void test_encode_refuses_what_decode_would(void **state)
{
	struct fixture *fixture = *state;
	struct slice many[] = { slice_text("a"), slice_text("b"), slice_text("c"), slice_text("d") };
	const struct toy toys[] = {
		{ .data = slice_text("x") },
		{ .text = slice_text("\x80") },
		{ .kind = 4 },
		{ .time = -1 },
		{ .time = CODEC_TIME_MAX + 1 },
		{ .has_inner = true },
		{ .choice = 21, .chosen = { .key = slice_text("too long") } },
		{ .names = { many, 4 } },
	};
	for (size_t i = 0; i < sizeof toys / sizeof toys[0]; i++) {
		struct buffer buffer;
		buffer_init(&buffer, 1000);
		assert_int_equal(codec_encode(&toy_message, &toys[i], &buffer, &fixture->fault), ERR_FORMAT);
		assert_int_equal(buffer.size, 0);
		buffer_release(&buffer);
	}
}

static void test_limits(void **state)
{
	struct fixture *fixture = *state;
	struct slice bytes = slice_text("\x4a\x01x");
	assert_int_equal(codec_decode(&toy_message, CODEC_STRICT, bytes, NULL, &fixture->toy, &fixture->fault),
			 ERR_LIMIT);
	struct arena small;
	arena_init(&small, 15);
	assert_int_equal(codec_decode(&toy_message, CODEC_STRICT, bytes, &small, &fixture->toy, &fixture->fault),
			 ERR_LIMIT);
	arena_release(&small);

	struct toy toy = { .data = slice_text("0123456789") };
	struct buffer buffer;
	buffer_init(&buffer, 11);
	assert_int_equal(codec_encode(&toy_message, &toy, &buffer, &fixture->fault), ERR_LIMIT);
	buffer_release(&buffer);
}

static void test_varints(void **state)
{
	(void)state;
	for (unsigned shift = 0; shift < 64; shift++) {
		for (int more = -1; more <= 1; more++) {
			uint64_t value = (UINT64_C(1) << shift) + (uint64_t)more;
			struct buffer buffer;
			buffer_init(&buffer, 20);
			buffer_append_varint(&buffer, value);
			struct slice rest = buffer_slice(&buffer);
			uint64_t read = ~value;
			assert_true(codec_take_varint(&rest, &read));
			assert_true(read == value && rest.size == 0);
			for (size_t cut = 0; cut < buffer.size; cut++) {
				rest = slice_of(buffer.data, cut);
				assert_false(codec_take_varint(&rest, &read));
			}
			buffer_release(&buffer);
		}
	}
}

// ---- properties, over every message there is ----

static void check_round_trip(const struct codec_message *message, uint64_t seed)
{
	struct arena made;
	struct arena read;
	arena_init(&made, 1 << 20);
	arena_init(&read, 1 << 20);
	struct random_message random = { .state = seed, .arena = &made };
	uint8_t *first = calloc(1, message->size);
	uint8_t *second = calloc(1, message->size);
	struct fault fault = { .text = "" };
	random_message_fill(&random, message, first);
	struct buffer buffer;
	struct buffer again;
	buffer_init(&buffer, 1 << 20);
	buffer_init(&again, 1 << 20);
	if (codec_encode(message, first, &buffer, &fault) != OK ||
	    codec_decode(message, CODEC_STRICT, buffer_slice(&buffer), &read, second, &fault) != OK) {
		fail_msg("%s, seed %llu: %s", message->name, (unsigned long long)seed, fault.text);
	}
	assert_int_equal(codec_size(message, first), buffer.size);
	assert_true(random_message_equal(message, first, second));

	// Any change is refused, or decodes to something that says otherwise and has just this spelling.
	for (int i = 0; i < 40 && buffer.size != 0; i++) {
		uint8_t mask = (uint8_t)(1 + random_message_below(&random, 255));
		uint8_t *byte = &buffer.data[random_message_below(&random, buffer.size)];
		*byte ^= mask;
		arena_clear(&read);
		if (codec_decode(message, CODEC_STRICT, buffer_slice(&buffer), &read, second, &fault) == OK) {
			assert_false(random_message_equal(message, first, second));
			buffer_clear(&again);
			assert_int_equal(codec_encode(message, second, &again, &fault), OK);
			assert_true(slice_equal(buffer_slice(&again), buffer_slice(&buffer)));
		}
		*byte ^= mask;
	}
	// A cut is refused, or cuts off whole fields at the end.
	for (size_t size = 0; size < buffer.size; size++) {
		uint8_t *exact = malloc(size + 1);
		memcpy(exact, buffer.data, size);
		arena_clear(&read);
		if (codec_decode(message, CODEC_STRICT, slice_of(exact, size), &read, second, NULL) == OK) {
			assert_int_equal(codec_size(message, second), size);
		}
		free(exact);
	}
	buffer_release(&again);
	buffer_release(&buffer);
	free(second);
	free(first);
	arena_release(&read);
	arena_release(&made);
}

static void test_round_trips(void **state)
{
	(void)state;
	const struct codec_message *const *const lists[] = { content_messages, envelope_messages, admin_messages };
	for (uint64_t seed = 1; seed <= 60; seed++) {
		check_round_trip(&toy_message, seed);
		check_round_trip(&statement_message, seed);
		for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++) {
			for (size_t k = 0; lists[i][k]; k++) {
				check_round_trip(lists[i][k], seed);
			}
		}
	}
	for (int type = 1; type < STATEMENT_TYPE_COUNT; type++) {
		for (uint64_t seed = 1; seed <= 60; seed++) {
			check_round_trip(statement_body_message(type), seed);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_strict_rules, setup, teardown),
		cmocka_unit_test_setup_teardown(test_lenient_skips_unknown_fields_only, setup, teardown),
		cmocka_unit_test_setup_teardown(test_encode_refuses_what_decode_would, setup, teardown),
		cmocka_unit_test_setup_teardown(test_limits, setup, teardown),
		cmocka_unit_test(test_varints),
		cmocka_unit_test(test_round_trips),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
