// SPDX-License-Identifier: EUPL-1.2
//
// Hostile descriptor sets: none crashes, none loads that no protoc makes, and the words name the fault.
#include "support.h"

#include "build_set.h"

static void expect(struct parts *parts, result wanted, const char *words)
{
	struct contract *contract = NULL;
	struct fault fault = { 0 };
	result r = contract_load(buffer_slice(&parts->set), &contract, &fault);
	if (r != wanted || (wanted != OK && !strstr(fault.text, words))) {
		print_error("got %s \"%s\", wanted %s \"%s\"\n", result_wire_name(r), fault.text,
			    result_wire_name(wanted), words);
	}
	assert_int_equal(r, wanted);
	if (wanted != OK) {
		assert_null(contract);
		assert_non_null(strstr(fault.text, words));
	}
	contract_free(contract);
	parts_release(parts);
}

// A file with one message M that `fill` completes.
static void check_message(void (*fill)(struct parts *), result wanted, const char *words)
{
	struct parts parts;
	parts_init(&parts);
	begin_file(&parts, "a.proto");
	put_text(&parts.type, 1, "M");
	fill(&parts);
	put_inner(&parts.file, 4, &parts.type);
	end_file(&parts);
	expect(&parts, wanted, words);
}

static void good_field(struct parts *p)
{
	add_field(p, "a", 1, 1, 5, NULL);
	add_field(p, "m", 2, 1, 11, ".p.M");
}
static void number_zero(struct parts *p)
{
	add_field(p, "a", 0, 1, 5, NULL);
}
static void number_huge(struct parts *p)
{
	add_field(p, "a", 536870912, 1, 5, NULL);
}
static void number_negative(struct parts *p)
{
	add_field(p, "a", UINT64_MAX, 1, 5, NULL);
}
static void type_unknown(struct parts *p)
{
	add_field(p, "a", 1, 1, 19, NULL);
}
static void type_zero(struct parts *p)
{
	add_field(p, "a", 1, 1, 0, NULL);
}
static void type_huge(struct parts *p)
{
	add_field(p, "a", 1, 1, UINT64_MAX, NULL);
}
static void type_group(struct parts *p)
{
	add_field(p, "a", 1, 1, 10, ".p.M");
}
static void required(struct parts *p)
{
	add_field(p, "a", 1, 2, 5, NULL);
}
static void number_taken(struct parts *p)
{
	add_field(p, "a", 1, 1, 5, NULL);
	add_field(p, "b", 1, 1, 5, NULL);
}
static void name_taken(struct parts *p)
{
	add_field(p, "a", 1, 1, 5, NULL);
	add_field(p, "a", 2, 1, 5, NULL);
}
static void json_name_taken(struct parts *p)
{
	add_field(p, "a_b", 1, 1, 5, NULL);
	add_field(p, "aB", 2, 1, 5, NULL);
}
static void name_bad(struct parts *p)
{
	add_field(p, "a b", 1, 1, 5, NULL);
}
static void name_empty(struct parts *p)
{
	add_field(p, "", 1, 1, 5, NULL);
}
static void reference_unknown(struct parts *p)
{
	add_field(p, "a", 1, 1, 11, ".p.Nobody");
}
static void reference_relative(struct parts *p)
{
	add_field(p, "a", 1, 1, 11, "M");
}
static void reference_missing(struct parts *p)
{
	add_field(p, "a", 1, 1, 11, NULL);
}
static void reference_kind(struct parts *p)
{
	add_field(p, "a", 1, 1, 14, ".p.M");
}
static void oneof_missing(struct parts *p)
{
	put_number(&p->inner, 9, 3);
	add_field(p, "a", 1, 1, 5, NULL);
}
static void oneof_repeated(struct parts *p)
{
	put_text(&p->inner, 1, "choice");
	put_inner(&p->type, 8, &p->inner);
	put_number(&p->inner, 9, 0);
	add_field(p, "a", 1, 3, 5, NULL);
}
static void optional_alone(struct parts *p)
{
	put_number(&p->inner, 17, 1);
	add_field(p, "a", 1, 1, 5, NULL);
}
static void json_name_nul(struct parts *p)
{
	put_bytes(&p->inner, 10, slice_of("a\0b", 3));
	add_field(p, "a", 1, 1, 5, NULL);
}
static void entry_without_fields(struct parts *p)
{
	put_number(&p->inner, 7, 1);
	put_inner(&p->type, 7, &p->inner);
}
static void message_set(struct parts *p)
{
	put_number(&p->inner, 1, 1);
	put_inner(&p->type, 7, &p->inner);
}
static void too_many_fields(struct parts *p)
{
	for (unsigned i = 0; i <= CONTRACT_FIELDS_MAX; i++) {
		char name[20];
		snprintf(name, sizeof name, "f%u", i);
		add_field(p, name, i + 1, 1, 5, NULL);
	}
}
static void nested_twice(struct parts *p)
{
	for (int i = 0; i < 2; i++) {
		put_text(&p->inner, 1, "N");
		put_inner(&p->type, 3, &p->inner);
	}
}

static void messages(void **state)
{
	(void)state;
	check_message(good_field, OK, "");
	check_message(number_zero, ERR_FORMAT, "p.M.a\": the number is not in");
	check_message(number_huge, ERR_FORMAT, "the number is not in");
	check_message(number_negative, ERR_FORMAT, "the number is not in");
	check_message(type_unknown, ERR_FORMAT, "unknown type");
	check_message(type_zero, ERR_FORMAT, "unknown type");
	check_message(type_huge, ERR_FORMAT, "unknown type");
	check_message(type_group, ERR_UNSUPPORTED, "groups");
	check_message(required, ERR_FORMAT, "no required fields");
	check_message(number_taken, ERR_FORMAT, "number is taken");
	check_message(name_taken, ERR_FORMAT, "its name is taken");
	check_message(json_name_taken, ERR_FORMAT, "the JSON name \"aB\"");
	check_message(name_bad, ERR_FORMAT, "no usable name");
	check_message(name_empty, ERR_FORMAT, "no usable name");
	check_message(reference_unknown, ERR_FORMAT, "does not declare");
	check_message(reference_relative, ERR_FORMAT, "full name");
	check_message(reference_missing, ERR_FORMAT, "full name");
	check_message(reference_kind, ERR_FORMAT, "of another kind");
	check_message(oneof_missing, ERR_FORMAT, "oneof");
	check_message(oneof_repeated, ERR_FORMAT, "oneof");
	check_message(optional_alone, ERR_FORMAT, "synthetic oneof");
	check_message(json_name_nul, ERR_FORMAT, "JSON name is not usable");
	check_message(entry_without_fields, ERR_FORMAT, "map entry");
	check_message(message_set, ERR_UNSUPPORTED, "message sets");
	check_message(too_many_fields, ERR_LIMIT, "more than 4096 fields");
	check_message(nested_twice, ERR_FORMAT, "\"p.M.N\" is declared twice");
}

static void add_value(struct parts *parts, const char *name, uint64_t number)
{
	put_text(&parts->inner, 1, name);
	put_number(&parts->inner, 2, number);
	put_inner(&parts->type, 2, &parts->inner);
}

static void check_enum(int which, result wanted, const char *words)
{
	struct parts parts;
	parts_init(&parts);
	begin_file(&parts, "a.proto");
	put_text(&parts.type, 1, "E");
	switch (which) {
	case 1:
		add_value(&parts, "A", 1); // no zero first
		add_value(&parts, "B", 0);
		break;
	case 2:
		add_value(&parts, "A", 0);
		add_value(&parts, "B", 0);
		break;
	case 3:
		add_value(&parts, "A", 0);
		add_value(&parts, "A", 1);
		break;
	case 4:
		for (unsigned i = 0; i <= CONTRACT_VALUES_MAX; i++) {
			char name[20];
			snprintf(name, sizeof name, "V%u", i);
			add_value(&parts, name, i);
		}
		break;
	default:
		break;
	}
	put_inner(&parts.file, 5, &parts.type);
	end_file(&parts);
	expect(&parts, wanted, words);
}

static void enums(void **state)
{
	(void)state;
	check_enum(0, ERR_FORMAT, "without a value");
	check_enum(1, ERR_FORMAT, "first value is not 0");
	check_enum(2, ERR_FORMAT, "two names without allow_alias");
	check_enum(3, ERR_FORMAT, "\"A\" is declared twice");
	check_enum(4, ERR_LIMIT, "more than 16384 values");
}

static void files(void **state)
{
	(void)state;
	struct parts parts;

	parts_init(&parts); // imports itself
	begin_file(&parts, "a.proto");
	put_text(&parts.file, 3, "a.proto");
	end_file(&parts);
	expect(&parts, ERR_FORMAT, "not in the set before it");

	parts_init(&parts); // a cycle
	begin_file(&parts, "a.proto");
	put_text(&parts.file, 3, "b.proto");
	end_file(&parts);
	begin_file(&parts, "b.proto");
	put_text(&parts.file, 3, "a.proto");
	end_file(&parts);
	expect(&parts, ERR_FORMAT, "not in the set before it");

	parts_init(&parts);
	begin_file(&parts, "a.proto");
	end_file(&parts);
	begin_file(&parts, "a.proto");
	end_file(&parts);
	expect(&parts, ERR_FORMAT, "in the set twice");

	parts_init(&parts); // without a name
	put_text(&parts.file, 12, "proto3");
	end_file(&parts);
	expect(&parts, ERR_FORMAT, "no usable name");

	parts_init(&parts);
	put_text(&parts.file, 1, "a.proto");
	put_text(&parts.file, 12, "editions");
	end_file(&parts);
	expect(&parts, ERR_UNSUPPORTED, "neither proto3 nor proto2");

	static const char *const packages[] = { ".", "a.", ".a", "a..b", "1a", "a b" };
	for (size_t i = 0; i < sizeof packages / sizeof packages[0]; i++) {
		parts_init(&parts);
		put_text(&parts.file, 1, "a.proto");
		put_text(&parts.file, 2, packages[i]);
		put_text(&parts.file, 12, "proto3");
		end_file(&parts);
		expect(&parts, ERR_FORMAT, "dotted name");
	}

	parts_init(&parts); // nothing at all
	expect(&parts, ERR_FORMAT, "not a FileDescriptorSet");

	parts_init(&parts); // more bytes than may be
	assert_non_null(buffer_reserve(&parts.set, CONTRACT_SET_MAX + 1));
	expect(&parts, ERR_LIMIT, "larger than");
}

static void duplicate_across_files(void **state)
{
	(void)state;
	struct parts parts;
	parts_init(&parts);
	for (int i = 0; i < 2; i++) {
		begin_file(&parts, i ? "a.proto" : "b.proto");
		put_text(&parts.type, 1, "M");
		put_inner(&parts.file, 4, &parts.type);
		end_file(&parts);
	}
	expect(&parts, ERR_FORMAT, "\"p.M\" is declared twice");
}

static void proto2_types_in_use(void **state)
{
	(void)state;
	struct parts parts;
	parts_init(&parts);
	put_text(&parts.file, 1, "old.proto"); // no syntax: proto2
	put_text(&parts.type, 1, "Old");
	put_inner(&parts.file, 4, &parts.type);
	end_file(&parts);
	begin_file(&parts, "a.proto");
	put_text(&parts.file, 3, "old.proto");
	put_text(&parts.type, 1, "M");
	add_field(&parts, "a", 1, 1, 11, ".Old");
	put_inner(&parts.file, 4, &parts.type);
	end_file(&parts);
	expect(&parts, ERR_UNSUPPORTED, "\"Old\", a type of a proto2 file");
}

static void services(void **state)
{
	(void)state;
	static const struct {
		const char *input;
		const char *words;
	} cases[] = { { ".p.Nobody", "p.S.Get" }, { ".p.S", "not a message" }, { "", "full name" } };
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct parts parts;
		parts_init(&parts);
		begin_file(&parts, "a.proto");
		put_text(&parts.type, 1, "S");
		put_text(&parts.inner, 1, "Get");
		put_text(&parts.inner, 2, cases[i].input);
		put_text(&parts.inner, 3, cases[i].input);
		put_inner(&parts.type, 2, &parts.inner);
		put_inner(&parts.file, 6, &parts.type);
		end_file(&parts);
		expect(&parts, ERR_FORMAT, cases[i].words);
	}
}

// A known name on a message of another shape would make the JSON code read past its struct.
static void impostors(void **state)
{
	(void)state;
	static const char *const names[] = { "Any",   "Timestamp", "Duration",   "FieldMask", "Struct",
					     "Value", "ListValue", "Int64Value", "BytesValue" };
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		struct parts parts;
		parts_init(&parts);
		put_text(&parts.file, 1, "google/protobuf/fake.proto");
		put_text(&parts.file, 2, "google.protobuf");
		put_text(&parts.file, 12, "proto3");
		put_text(&parts.type, 1, names[i]);
		add_field(&parts, "a", 1, 1, 8, NULL);
		put_inner(&parts.file, 4, &parts.type);
		end_file(&parts);
		expect(&parts, ERR_FORMAT, "has not the fields");
	}
}

// The right fields, but one refers to a type of another shape.
static void impostor_behind(void **state)
{
	(void)state;
	struct parts parts;
	parts_init(&parts);
	put_text(&parts.file, 1, "google/protobuf/fake.proto");
	put_text(&parts.file, 2, "google.protobuf");
	put_text(&parts.file, 12, "proto3");
	put_text(&parts.type, 1, "ListValue");
	add_field(&parts, "values", 1, 3, 11, ".google.protobuf.Other");
	put_inner(&parts.file, 4, &parts.type);
	put_text(&parts.type, 1, "Other");
	put_inner(&parts.file, 4, &parts.type);
	end_file(&parts);
	expect(&parts, ERR_FORMAT, "has not the fields");
}

static void nesting(void **state)
{
	(void)state;
	for (int levels = CONTRACT_NESTING_MAX; levels <= CONTRACT_NESTING_MAX + 1; levels++) {
		struct parts parts;
		parts_init(&parts);
		begin_file(&parts, "a.proto");
		put_text(&parts.type, 1, "M");
		for (int i = 1; i < levels; i++) {
			put_text(&parts.inner, 1, "M");
			put_inner(&parts.inner, 3, &parts.type);
			struct buffer swap = parts.type;
			parts.type = parts.inner;
			parts.inner = swap;
		}
		put_inner(&parts.file, 4, &parts.type);
		end_file(&parts);
		expect(&parts, levels > CONTRACT_NESTING_MAX ? ERR_LIMIT : OK, "inside each other");
	}
}

// Many small declarations in few bytes: memory is bounded, not only size.
static void memory_bomb(void **state)
{
	(void)state;
	struct parts parts;
	parts_init(&parts);
	begin_file(&parts, "a.proto");
	for (int m = 0; m < 250; m++) {
		char name[20];
		snprintf(name, sizeof name, "M%d", m);
		put_text(&parts.type, 1, name);
		for (int f = 0; f < 4000; f++) {
			snprintf(name, sizeof name, "f%d", f);
			add_field(&parts, name, (uint64_t)f + 1, 1, 5, NULL);
		}
		put_inner(&parts.file, 4, &parts.type);
	}
	end_file(&parts);
	assert_int_equal(buffer_result(&parts.set), OK);
	expect(&parts, ERR_LIMIT, "of memory");
}

// Whatever loads must be usable: every message can be made, and JSON written.
static void use(const struct contract *contract)
{
	struct arena arena;
	struct buffer text;
	arena_init(&arena, 16 * 1024 * 1024);
	buffer_init(&text, 1024 * 1024);
	for (size_t i = 0; i < contract_service_count(contract); i++) {
		const struct contract_service *service = contract_service_at(contract, i);
		for (size_t m = 0; m < service->method_count; m++) {
			const ProtobufCMessage *message = message_new(service->methods[m].input, &arena);
			assert_non_null(message);
			assert_int_equal(
			    json_write(message, &(struct json_options){ .emit_defaults = true }, &text, NULL), OK);
			buffer_clear(&text);
			assert_ptr_equal(contract_find_path(contract, slice_text(service->methods[m].path)),
					 &service->methods[m]);
		}
	}
	buffer_release(&text);
	arena_release(&arena);
}

static void read_rich(struct buffer *content)
{
	buffer_init(content, CONTRACT_SET_MAX);
	assert_int_equal(file_read(rich_path, content, NULL), OK);
}

static void truncated_at_each_byte(void **state)
{
	(void)state;
	struct buffer content;
	read_rich(&content);
	size_t loaded = 0;
	for (size_t size = 0; size < content.size; size++) {
		struct contract *contract = NULL;
		// A copy of exactly that size: a read beyond it is seen by the sanitizer.
		uint8_t *bytes = malloc(size ? size : 1);
		assert_non_null(bytes);
		memcpy(bytes, content.data, size);
		if (contract_load(slice_of(bytes, size), &contract, NULL) == OK) {
			loaded++; // ends between two files
		}
		contract_free(contract);
		free(bytes);
	}
	assert_true(loaded < 20);
	buffer_release(&content);
}

static void altered_bytes(void **state)
{
	(void)state;
	struct buffer content;
	read_rich(&content);
	uint64_t seed = 7;
	for (int round = 0; round < 6000; round++) {
		struct contract *contract = NULL;
		uint8_t kept[4];
		size_t places[4];
		for (int i = 0; i < 4; i++) {
			seed = seed * 6364136223846793005 + 1442695040888963407;
			places[i] = (size_t)(seed >> 33) % content.size;
			kept[i] = content.data[places[i]];
			if (i <= round % 4) {
				content.data[places[i]] =
				    (uint8_t)(round % 2 ? seed >> 20 : kept[i] ^ (uint64_t)1 << (seed >> 61));
			}
		}
		if (contract_load(buffer_slice(&content), &contract, NULL) == OK) {
			use(contract);
		}
		contract_free(contract);
		for (int i = 3; i >= 0; i--) {
			content.data[places[i]] = kept[i];
		}
	}
	buffer_release(&content);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(messages),
		cmocka_unit_test(enums),
		cmocka_unit_test(files),
		cmocka_unit_test(duplicate_across_files),
		cmocka_unit_test(proto2_types_in_use),
		cmocka_unit_test(services),
		cmocka_unit_test(impostors),
		cmocka_unit_test(impostor_behind),
		cmocka_unit_test(nesting),
		cmocka_unit_test(memory_bomb),
		cmocka_unit_test(truncated_at_each_byte),
		cmocka_unit_test(altered_bytes),
	};
	return cmocka_run_group_tests_name("contract_load", tests, NULL, NULL);
}
