// SPDX-License-Identifier: EUPL-1.2
//
// The promise of the pre-scan, held against protobuf-c itself: what it accepts unpacks within the memory it named, in
// an arena of just that size.
#include "support.h"

#include "build_set.h"
#include "contract/allocator.h"
#include "contract/field.h"
#include "generate.h"

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

static result scan(const ProtobufCMessageDescriptor *type, struct slice bytes, struct prescan_cost *cost,
		   struct fault *fault)
{
	return prescan_check(type, bytes, &prescan_default_limits, cost, fault);
}

// Unpacks accepted bytes with exactly the memory the pre-scan named. The bytes are copied to a block of their own, so
// that the sanitizer sees a read beyond them.
static bool holds(const ProtobufCMessageDescriptor *type, struct slice bytes)
{
	uint8_t *copy = malloc(bytes.size + 1);
	assert_non_null(copy);
	if (bytes.size > 0) {
		memcpy(copy, bytes.data, bytes.size);
	}
	struct prescan_cost cost = { 0 };
	struct fault fault = { 0 };
	bool accepted = scan(type, slice_of(copy, bytes.size), &cost, &fault) == OK;
	if (accepted) {
		struct arena arena;
		arena_init(&arena, cost.memory);
		ProtobufCAllocator allocator = allocator_of(&arena);
		ProtobufCMessage *message = protobuf_c_message_unpack(type, &allocator, bytes.size, copy);
		assert_non_null(message);
		// Not wildly above either: an estimate of many times the need would refuse what is harmless.
		assert_true(cost.memory <= 2 * arena.used + 4096);
		arena_release(&arena);
	} else {
		assert_true(fault.text[0] != '\0');
	}
	free(copy);
	return accepted;
}

static void put_tag(struct buffer *out, unsigned number, unsigned type)
{
	buffer_append_varint(out, (uint64_t)number << 3 | type);
}

static const struct {
	const char *type;
	const char *bytes;
	size_t size;
	const char *words; // NULL: accepted
} malformed_cases[] = {
	{ "Scalars", "", 0, NULL },
	{ "Scalars", "\x18\x05", 2, NULL },
	{ "Scalars", "\x18", 1, "cut off" },
	{ "Scalars", "\x18\x85", 2, "cut off" },
	{ "Scalars", "\x18\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 11, NULL },
	{ "Scalars", "\x18\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 12, "cut off" },
	{ "Scalars", "\x00\x05", 2, "field number 0" },
	{ "Scalars", "\x80", 1, "tag is malformed" },
	{ "Scalars", "\xff\xff\xff\xff\xff\x01\x05", 7, "tag is malformed" },
	{ "Scalars", "\xff\xff\xff\xff\x1f\x05", 6, "tag is malformed" },
	{ "Scalars", "\x98\x80\x00\x05", 4, NULL },        // a longer spelling of the tag 3
	{ "Scalars", "\x1b\x1c", 2, "unknown wire type" }, // a group
	{ "Scalars", "\x1c", 1, "unknown wire type" },
	{ "Scalars", "\x1e", 1, "unknown wire type" },
	{ "Scalars", "\x1f\x00", 2, "unknown wire type" },
	{ "Scalars", "\x1d\x00\x00\x00\x00", 5, "wire type is not" },
	{ "Scalars", "\x1a\x01\x05", 3, "wire type is not" },         // packed, but the field is single
	{ "Scalars", "\x6d\x00\x00\x00\x00", 5, "wire type is not" }, // bool as fixed32: protobuf-c takes it
	{ "Scalars", "\x09\x00\x00\x00\x00\x00\x00\x00", 8, "cut off" },
	{ "Scalars", "\x15\x00\x00\x00", 4, "cut off" },
	{ "Scalars", "\x72\x02\xc3\xab", 4, NULL },
	{ "Scalars", "\x72\x01\xc3", 3, "not UTF-8" },
	{ "Scalars", "\x72\x03\xed\xa0\x80", 5, "not UTF-8" }, // a surrogate
	{ "Scalars", "\x72\x02\xc0\x80", 4, "not UTF-8" },     // an overlong NUL
	{ "Scalars",
	  "\x72\x03"
	  "a\0b",
	  5, "NUL" },
	{ "Scalars",
	  "\x72\x0b"
	  "abcdefgh\0ij",
	  13, "NUL" },
	{ "Scalars",
	  "\x72\x0a"
	  "abcdefgh\xc3\xab",
	  12, NULL },
	{ "Scalars",
	  "\x7a\x03"
	  "a\0\xff",
	  5, NULL }, // bytes are bytes
	{ "Scalars",
	  "\x72\x05"
	  "abc",
	  5, "cut off" },
	{ "Scalars",
	  "\x72\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"
	  "abc",
	  14, "cut off" },
	{ "Scalars",
	  "\x72\x83\x80\x80\x80\x80\x00"
	  "abc",
	  10, "cut off" },                      // a length in six bytes
	{ "Scalars", "\xa0\x06\x01", 3, NULL }, // unknown field 100
	{ "Repeateds", "\x1a\x03\x01\x02\x03", 5, NULL },
	{ "Repeateds", "\x18\x01\x1a\x02\x02\x03\x18\x04", 8, NULL }, // packed and unpacked mixed
	{ "Repeateds", "\x1a\x00", 2, NULL },
	{ "Repeateds", "\x1a\x02\x01\x82", 4, "packed values are cut off" },
	{ "Repeateds", "\x1a\x0b\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 13, "packed values are cut off" },
	{ "Repeateds", "\x4a\x03\x01\x02\x03", 5, "packed values are cut off" },
	{ "Repeateds", "\x0a\x07\x01\x02\x03\x04\x05\x06\x07", 9, "packed values are cut off" },
	{ "Repeateds", "\x70\x01", 2, "wire type is not" },
	{ "Person", "\x2a\x00\x2a\x00", 4, "occurs again" },
	{ "Person", "\x2a\x02\x0a\x00", 4, NULL },
	{ "Person", "\x2a\x02\x0a\x05", 4, "cut off" }, // inside the inner message
	{ "Person", "\x32\x00\x32\x00", 4, NULL },      // repeated
	{ "Choice", "\x3a\x00\x42\x00", 4, NULL },      // one member of a oneof after the other
	{ "Choice", "\x3a\x00\x42\x00\x3a\x00", 6, "occurs again" },
	{ "Choice",
	  "\x08\x01\x22\x01"
	  "a\x2a\x01"
	  "b\x08\x00",
	  10, NULL },
};

static void malformed(void **state)
{
	for (size_t i = 0; i < sizeof malformed_cases / sizeof malformed_cases[0]; i++) {
		const ProtobufCMessageDescriptor *type = type_of(*state, malformed_cases[i].type);
		struct fault fault = { 0 };
		result r = scan(type, slice_of(malformed_cases[i].bytes, malformed_cases[i].size), NULL, &fault);
		if ((r == OK) != (malformed_cases[i].words == NULL) ||
		    (r != OK && !strstr(fault.text, malformed_cases[i].words))) {
			print_error("case %zu: %s \"%s\"\n", i, result_wire_name(r), fault.text);
			fail();
		}
		if (r != OK) {
			assert_int_equal(r, ERR_PAYLOAD_INVALID);
		}
		holds(type, slice_of(malformed_cases[i].bytes, malformed_cases[i].size));
	}
}

static void fault_names_type_and_field(void **state)
{
	struct fault fault = { 0 };
	struct slice bytes = slice_of("\x2a\x02\x0a\x05", 4);
	assert_int_equal(scan(type_of(*state, "Person"), bytes, NULL, &fault), ERR_PAYLOAD_INVALID);
	assert_non_null(strstr(fault.text, "besa.test.rich.Person.Address, field 1"));
}

// `levels` persons inside each other, as spouses.
static void nest(struct buffer *out, int levels)
{
	struct buffer inner;
	buffer_init(&inner, 1 << 20);
	for (int i = 1; i < levels; i++) {
		buffer_clear(&inner);
		put_bytes(&inner, 7, buffer_slice(out));
		struct buffer swap = *out;
		*out = inner;
		inner = swap;
	}
	buffer_release(&inner);
}

static void depth(void **state)
{
	const ProtobufCMessageDescriptor *person = type_of(*state, "Person");
	struct prescan_limits limits = prescan_default_limits;
	limits.depth = 1000; // more than the stack has: PRESCAN_DEPTH_MAX counts
	for (int levels = PRESCAN_DEPTH_MAX - 1; levels <= PRESCAN_DEPTH_MAX + 1; levels++) {
		struct buffer bytes;
		struct prescan_cost cost = { 0 };
		buffer_init(&bytes, 1 << 20);
		nest(&bytes, levels);
		result r = prescan_check(person, buffer_slice(&bytes), &limits, &cost, NULL);
		assert_int_equal(r, levels > PRESCAN_DEPTH_MAX ? ERR_LIMIT : OK);
		if (r == OK) {
			assert_int_equal(cost.depth, levels);
		}
		buffer_release(&bytes);
	}
	struct buffer bytes; // a million levels: refused at the limit, not on an exhausted stack
	buffer_init(&bytes, 1 << 24);
	for (int i = 0; i < 1000000; i++) {
		buffer_append(&bytes, "\x3a\xff\xff\xff\x03", 5);
	}
	struct fault fault;
	assert_int_not_equal(scan(person, buffer_slice(&bytes), NULL, &fault), OK);
	buffer_release(&bytes);
}

static void limits_on_fields_and_memory(void **state)
{
	struct buffer bytes;
	buffer_init(&bytes, 1 << 24);
	for (int i = 0; i < 1000; i++) {
		put_bytes(&bytes, 17, slice_text("")); // Repeateds.scalarses: two or three bytes make a whole struct
	}
	const ProtobufCMessageDescriptor *type = type_of(*state, "Repeateds");
	struct prescan_limits limits = prescan_default_limits;
	struct prescan_cost cost = { 0 };
	struct fault fault = { 0 };
	assert_int_equal(prescan_check(type, buffer_slice(&bytes), &limits, &cost, &fault), OK);
	assert_int_equal(cost.fields, 1000);
	assert_true(cost.memory > 1000 * type_of(*state, "Scalars")->sizeof_message);
	assert_true(holds(type, buffer_slice(&bytes)));
	limits.fields = 999;
	assert_int_equal(prescan_check(type, buffer_slice(&bytes), &limits, &cost, &fault), ERR_LIMIT);
	assert_non_null(strstr(fault.text, "999 fields"));
	limits.fields = 1000;
	limits.memory = cost.memory;
	assert_int_equal(prescan_check(type, buffer_slice(&bytes), &limits, &cost, &fault), OK);
	limits.memory = cost.memory - 1;
	assert_int_equal(prescan_check(type, buffer_slice(&bytes), &limits, &cost, &fault), ERR_LIMIT);
	assert_non_null(strstr(fault.text, "bytes of memory"));
	// Elements of a packed field count too.
	buffer_clear(&bytes);
	static const uint8_t ones[2000];
	put_bytes(&bytes, 3, slice_of(ones, sizeof ones));
	limits = prescan_default_limits;
	limits.fields = 1999;
	assert_int_equal(prescan_check(type, buffer_slice(&bytes), &limits, &cost, NULL), ERR_LIMIT);
	buffer_release(&bytes);
}

// Sizes around the places where protobuf-c takes another block for its notes.
static void wide_messages(void **state)
{
	struct buffer bytes;
	buffer_init(&bytes, 1 << 24);
	const ProtobufCMessageDescriptor *type = type_of(*state, "Repeateds");
	static const int counts[] = { 1, 15, 16, 17, 47, 48, 49, 111, 112, 113, 1000, 5000, 16368, 16369 };
	for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
		for (unsigned field = 1; field <= 18; field++) {
			buffer_clear(&bytes);
			for (int n = 0; n < counts[i]; n++) {
				bool text = field >= 14 && field <= 15;
				bool wide = field == 1 || field == 10 || field == 12;
				bool narrow = field == 2 || field == 9 || field == 11;
				put_tag(&bytes, field, text || field == 17 ? 2 : wide ? 1 : narrow ? 5 : 0);
				buffer_append(&bytes, "\0\0\0\0\0\0\0\0", wide ? 8 : narrow ? 4 : 1);
			}
			assert_true(holds(type, buffer_slice(&bytes)));
		}
		buffer_clear(&bytes); // packed bools in two bytes each: protobuf-c reserves an element a byte
		put_tag(&bytes, 13, 2);
		buffer_append_varint(&bytes, 2 * (uint64_t)counts[i]);
		for (int n = 0; n < counts[i]; n++) {
			buffer_append(&bytes, "\x81\x00", 2);
		}
		assert_true(holds(type, buffer_slice(&bytes)));
		buffer_clear(&bytes); // unknown fields
		for (int n = 0; n < counts[i]; n++) {
			put_tag(&bytes, 100, 0);
			buffer_append_byte(&bytes, 1);
		}
		assert_true(holds(type, buffer_slice(&bytes)));
	}
	buffer_release(&bytes);
}

// A type of many fields, each a message of the type: protobuf-c keeps a bitmap for such, and the pre-scan's own has
// room for 512.
static struct contract *load_wide(void)
{
	struct parts parts;
	struct contract *contract = NULL;
	parts_init(&parts);
	begin_file(&parts, "wide.proto");
	put_text(&parts.type, 1, "Wide");
	for (unsigned i = 1; i <= 600; i++) {
		char name[20];
		snprintf(name, sizeof name, "f%u", i);
		add_field(&parts, name, i, 1, 11, ".p.Wide");
	}
	put_inner(&parts.file, 4, &parts.type);
	end_file(&parts);
	assert_int_equal(contract_load(buffer_slice(&parts.set), &contract, NULL), OK);
	parts_release(&parts);
	return contract;
}

static void types_of_many_fields(void **state)
{
	(void)state;
	static const struct {
		unsigned fields[4];
		bool accepted;
	} cases[] = {
		{ { 1, 2, 511, 512 }, true },  { { 1, 600, 2, 599 }, false }, // beyond 512 only in order
		{ { 513, 600, 1, 2 }, true },  { { 512, 513, 512, 0 }, false },
		{ { 600, 600, 0, 0 }, false }, { { 512, 511, 1, 600 }, true },
	};
	struct contract *contract = load_wide();
	struct buffer bytes;
	buffer_init(&bytes, 1 << 16);
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		buffer_clear(&bytes);
		for (size_t f = 0; f < 4 && cases[i].fields[f] != 0; f++) {
			put_bytes(&bytes, cases[i].fields[f], slice_text(""));
		}
		assert_int_equal(holds(type_of(contract, "p.Wide"), buffer_slice(&bytes)), cases[i].accepted);
	}
	buffer_release(&bytes);
	contract_free(contract);
}

// Flips, cuts, doubles and moves bytes; most results are refused, some are not.
static void mutate(struct generate *g, struct buffer *bytes)
{
	uint64_t times = 1 + generate_below(g, 4);
	for (uint64_t i = 0; i < times && bytes->size > 0; i++) {
		size_t at = generate_below(g, bytes->size);
		size_t size = generate_below(g, 16) % (bytes->size - at);
		switch (generate_below(g, 5)) {
		case 0:
			bytes->data[at] ^= (uint8_t)(1 << generate_below(g, 8));
			break;
		case 1:
			bytes->data[at] = (uint8_t)generate_number(g);
			break;
		case 2:
			bytes->size = at;
			break;
		case 3:
			memmove(bytes->data + at, bytes->data + at + size, bytes->size - at - size);
			bytes->size -= size;
			break;
		default: {
			struct slice rest = slice_of(bytes->data + at, size);
			uint8_t copy[16];
			memcpy(copy, rest.data, rest.size);
			buffer_append(bytes, copy, rest.size);
		}
		}
	}
}

static void random_and_altered_messages(void **state)
{
	static const char *const types[] = { "Scalars", "Optionals", "Repeateds", "Maps",
					     "Choice",  "Known",     "Person",    "Everything" };
	struct arena arena;
	struct buffer bytes;
	arena_init(&arena, 256 * 1024 * 1024);
	buffer_init(&bytes, 64 * 1024 * 1024);
	size_t accepted = 0;
	size_t refused = 0;
	for (uint64_t seed = 1; seed <= 4000; seed++) {
		struct generate g = { .state = seed, .arena = &arena, .contract = *state };
		const ProtobufCMessageDescriptor *type =
		    type_of(*state, types[seed % (sizeof types / sizeof types[0])]);
		g.depth = seed % 8 == 7 ? 3 : 0;
		assert_int_equal(message_pack(generate_message(&g, type), &bytes), OK);
		assert_true(holds(type, buffer_slice(&bytes)));
		for (int i = 0; i < 10; i++) {
			mutate(&g, &bytes);
			*(holds(type, buffer_slice(&bytes)) ? &accepted : &refused) += 1;
		}
		buffer_clear(&bytes);
		arena_clear(&arena);
	}
	assert_true(accepted > 1000 && refused > 1000);
	buffer_release(&bytes);
	arena_release(&arena);
}

static void unpack_into_small_arena(void **state)
{
	struct arena arena;
	arena_init(&arena, 64);
	ProtobufCMessage *message = NULL;
	struct fault fault = { 0 };
	struct slice bytes = slice_of("\x0a\x01"
				      "1",
				      3);
	assert_int_equal(message_unpack(type_of(*state, "Person"), bytes, NULL, &arena, &message, &fault), ERR_LIMIT);
	assert_null(message);
	arena_release(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(malformed),
		cmocka_unit_test(fault_names_type_and_field),
		cmocka_unit_test(depth),
		cmocka_unit_test(limits_on_fields_and_memory),
		cmocka_unit_test(wide_messages),
		cmocka_unit_test(types_of_many_fields),
		cmocka_unit_test(random_and_altered_messages),
		cmocka_unit_test(unpack_into_small_arena),
	};
	return cmocka_run_group_tests_name("prescan", tests, setup, teardown);
}
