// SPDX-License-Identifier: EUPL-1.2
#include "support.h"

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

static void services_and_methods(void **state)
{
	const struct contract *contract = *state;
	assert_int_equal(contract_service_count(contract), 2);
	const struct contract_service *service = contract_find_service(contract, slice_text("besa.test.rich.Register"));
	assert_non_null(service);
	assert_ptr_equal(service, contract_service_at(contract, 0));
	assert_int_equal(service->method_count, 4);
	assert_null(contract_find_service(contract, slice_text("besa.test.rich.Person")));
	assert_null(contract_find_service(contract, slice_text("")));

	const struct contract_method *get = contract_find_method(service, slice_text("Get"));
	assert_non_null(get);
	assert_string_equal(get->path, "/besa.test.rich.Register/Get");
	assert_string_equal(get->input->name, "besa.test.rich.Person");
	assert_string_equal(get->output->name, "besa.test.rich.Everything");
	assert_int_equal(get->idempotency, CONTRACT_NO_SIDE_EFFECTS);
	assert_false(get->client_streaming || get->server_streaming || get->deprecated);
	struct slice rule;
	assert_true(contract_option(get->options, 50003, &rule));
	struct slice path;
	assert_true(contract_option(rule, 1, &path));
	assert_true(slice_is(path, "/v1/persons"));

	const struct contract_method *put = contract_find_method(service, slice_text("Put"));
	assert_int_equal(put->idempotency, CONTRACT_IDEMPOTENT);
	assert_true(put->deprecated);
	assert_true(contract_find_method(service, slice_text("Follow"))->server_streaming);
	assert_true(contract_find_method(service, slice_text("Send"))->client_streaming);
	assert_null(contract_find_method(service, slice_text("Ge")));
	assert_null(contract_find_method(service, slice_text("Gett")));
}

static void paths(void **state)
{
	const struct contract *contract = *state;
	assert_non_null(contract_find_path(contract, slice_text("/besa.test.rich.Register/Send")));
	static const char *const none[] = { "",
					    "/",
					    "//",
					    "/besa.test.rich.Register",
					    "/besa.test.rich.Register/",
					    "/besa.test.rich.Register/Send/",
					    "besa.test.rich.Register/Send",
					    "/besa.test.rich.Empty/Send" };
	for (size_t i = 0; i < sizeof none / sizeof none[0]; i++) {
		assert_null(contract_find_path(contract, slice_text(none[i])));
	}
}

static void files_and_symbols(void **state)
{
	const struct contract *contract = *state;
	const struct contract_file *rich = contract_find_file(contract, slice_text("rich.proto"));
	assert_non_null(rich);
	assert_ptr_equal(contract_file_of_symbol(contract, slice_text("besa.test.rich.Register")), rich);
	assert_ptr_equal(contract_file_of_symbol(contract, slice_text("besa.test.rich.Register.Get")), rich);
	assert_ptr_equal(contract_file_of_symbol(contract, slice_text("besa.test.rich.Person.Address.Kind")), rich);
	assert_non_null(contract_file_of_symbol(contract, slice_text("google.protobuf.FieldOptions")));
	assert_null(contract_find_message(contract, slice_text("google.protobuf.FieldOptions")));
	assert_null(contract_file_of_symbol(contract, slice_text("nobody")));
	size_t total = 0;
	for (size_t i = 0; i < contract_file_count(contract); i++) {
		total += contract_file_at(contract, i)->descriptor.size;
	}
	assert_true(total < contract_bytes(contract).size);
	assert_true(contract_memory(contract) > contract_bytes(contract).size);
}

static void fields(void **state)
{
	const struct contract *contract = *state;
	const ProtobufCMessageDescriptor *person = type_of(contract, "Person");
	const ProtobufCFieldDescriptor *number = field_by_name(person, slice_text("personal_number"));
	assert_non_null(number);
	assert_ptr_equal(number, field_by_number(person, 1));
	assert_string_equal(contract_field_of(person, number)->json_name, "personalNumber");
	struct slice mark;
	assert_true(contract_option(contract_field_of(person, number)->options, 50001, &mark));
	assert_int_equal(mark.size, 1);
	assert_int_equal(mark.data[0], 1);
	assert_true(contract_option(contract_field_of(person, number)->options, 50002, &mark));
	assert_true(slice_is(mark, "Numri personal"));
	assert_null(field_by_number(person, 0));
	assert_null(field_by_number(person, 99));
	const ProtobufCFieldDescriptor *spouse = field_by_name(person, slice_text("spouse"));
	assert_ptr_equal(spouse->descriptor, person);

	const ProtobufCMessageDescriptor *optionals = type_of(contract, "Optionals");
	const ProtobufCFieldDescriptor *optional = field_by_number(optionals, 3);
	assert_int_equal(optional->label, PROTOBUF_C_LABEL_OPTIONAL);
	assert_true(contract_field_of(optionals, optional)->has_presence);
	assert_null(contract_field_of(optionals, optional)->oneof);
	const ProtobufCMessageDescriptor *choice = type_of(contract, "Choice");
	assert_string_equal(contract_field_of(choice, field_by_number(choice, 8))->oneof, "kind");
	const ProtobufCMessageDescriptor *repeateds = type_of(contract, "Repeateds");
	assert_true(field_by_number(repeateds, 3)->flags & PROTOBUF_C_FIELD_FLAG_PACKED);
	assert_false(field_by_number(repeateds, 18)->flags & PROTOBUF_C_FIELD_FLAG_PACKED);
	assert_false(field_by_number(repeateds, 14)->flags & PROTOBUF_C_FIELD_FLAG_PACKED);
	const ProtobufCMessageDescriptor *maps = type_of(contract, "Maps");
	assert_true(contract_field_of(maps, field_by_number(maps, 1))->is_map);
	assert_false(contract_field_of(repeateds, field_by_number(repeateds, 17))->is_map);
}

static void json_names(void **state)
{
	const ProtobufCMessageDescriptor *named = type_of(*state, "Named");
	static const struct {
		const char *name;
		uint32_t number;
	} cases[] = {
		{ "swapped", 1 },   { "plain", 1 },     { "other", 2 },    { "withTwo", 3 }, { "with__two", 3 },
		{ "UpperCase", 4 }, { "Leading", 5 },   { "_leading", 5 }, { "digit1x", 6 }, { "@odd \"name\"", 7 },
		{ "at", 7 },        { "upperCase", 0 }, { "", 0 },
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		const ProtobufCFieldDescriptor *field = contract_field_by_json_name(named, slice_text(cases[i].name));
		assert_int_equal(field ? field->id : 0, cases[i].number);
	}
}

static void enums(void **state)
{
	const ProtobufCEnumDescriptor *colour = contract_find_enum(*state, slice_text("besa.test.rich.Colour"));
	assert_non_null(colour);
	assert_int_equal(colour->n_values, 5);
	assert_int_equal(colour->n_value_names, 6);
	assert_string_equal(field_enum_by_number(colour, 7)->name, "COLOUR_GREY"); // the first of two aliases
	assert_int_equal(field_enum_by_name(colour, slice_text("COLOUR_GRAY"))->value, 7);
	assert_int_equal(field_enum_by_name(colour, slice_text("COLOUR_FIRST"))->value, INT32_MIN);
	assert_string_equal(field_enum_by_number(colour, INT32_MAX)->name, "COLOUR_LAST");
	assert_null(field_enum_by_number(colour, 1));
	assert_null(field_enum_by_name(colour, slice_text("COLOUR")));
	// protobuf-c's own search works on the same tables.
	assert_int_equal(protobuf_c_enum_descriptor_get_value_by_name(colour, "COLOUR_DEBT")->value, -3);
	assert_string_equal(protobuf_c_enum_descriptor_get_value(colour, -3)->name, "COLOUR_DEBT");
}

// Every place of every struct lies inside it, aligned, and overlaps none but those of its own oneof.
static void layout(void **state)
{
	static const char *const names[] = { "Scalars", "Optionals", "Repeateds", "Maps",       "Choice",
					     "Known",   "Person",    "Named",     "Everything", "Nothing" };
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		const ProtobufCMessageDescriptor *type = type_of(*state, names[i]);
		static uint8_t used[65536];
		memset(used, 0, sizeof used);
		assert_true(type->sizeof_message < sizeof used && type->sizeof_message % 8 == 0);
		for (unsigned f = 0; f < type->n_fields; f++) {
			const ProtobufCFieldDescriptor *field = &type->fields[f];
			bool repeated = field->label == PROTOBUF_C_LABEL_REPEATED;
			bool oneof = field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF;
			size_t size = repeated ? sizeof(void *) : field_value_size(field->type);
			assert_true(field->offset >= sizeof(ProtobufCMessage));
			assert_int_equal(field->offset % (size > 8 ? 8 : size), 0);
			assert_true(field->offset + size <= type->sizeof_message);
			for (size_t b = 0; b < size && !oneof; b++) {
				assert_int_equal(used[field->offset + b]++, 0);
			}
			size_t quantifier = field->quantifier_offset == 0 ? 0 : repeated ? 8 : 4;
			for (size_t b = 0; b < quantifier && !oneof; b++) {
				assert_int_equal(used[field->quantifier_offset + b]++, 0);
			}
		}
	}
}

static void unset_fields_read_as_defaults(void **state)
{
	struct arena arena;
	arena_init(&arena, 65536);
	ProtobufCMessage *message = NULL;
	assert_int_equal(message_unpack(type_of(*state, "Scalars"), slice_text(""), NULL, &arena, &message, NULL), OK);
	for (unsigned i = 0; i < message->descriptor->n_fields; i++) {
		assert_int_equal(field_count(message, &message->descriptor->fields[i]), 0);
	}
	const ProtobufCFieldDescriptor *text = field_by_number(message->descriptor, 14);
	assert_string_equal(*(const char *const *)field_value(message, text, 0), "");
	arena_release(&arena);
}

// What is packed reads back as the same bytes: layout, presence and oneofs work in protobuf-c.
static void random_messages_survive(void **state)
{
	struct arena arena;
	arena_init(&arena, 256 * 1024 * 1024);
	struct buffer first;
	struct buffer second;
	buffer_init(&first, 64 * 1024 * 1024);
	buffer_init(&second, 64 * 1024 * 1024);
	for (uint64_t seed = 1; seed <= 300; seed++) {
		struct generate g = { .state = seed, .arena = &arena, .contract = *state };
		const ProtobufCMessage *message = generate_message(&g, type_of(*state, "Everything"));
		assert_true(protobuf_c_message_check(message));
		assert_int_equal(message_pack(message, &first), OK);
		ProtobufCMessage *again = NULL;
		struct fault fault = { 0 };
		result r = message_unpack(message->descriptor, buffer_slice(&first), NULL, &arena, &again, &fault);
		if (r != OK) {
			print_error("seed %d: %s\n", (int)seed, fault.text);
		}
		assert_int_equal(r, OK);
		assert_int_equal(message_pack(again, &second), OK);
		assert_true(slice_equal(buffer_slice(&first), buffer_slice(&second)));
		assert_int_equal(again->n_unknown_fields, 0);
		buffer_clear(&first);
		buffer_clear(&second);
		arena_clear(&arena);
	}
	buffer_release(&first);
	buffer_release(&second);
	arena_release(&arena);
}

static void bytes_and_digest(void **state)
{
	const struct contract *contract = *state;
	struct contract *again = NULL;
	assert_int_equal(contract_load(contract_bytes(contract), &again, NULL), OK);
	assert_memory_equal(contract_digest(contract), contract_digest(again), CONTRACT_DIGEST_SIZE);
	contract_free(again);
	contract_free(NULL);
}

static void missing_file(void **state)
{
	(void)state;
	struct contract *contract = NULL;
	struct fault fault = { 0 };
	assert_int_equal(contract_load_file("build/vectors/contract/none", &contract, &fault), ERR_NOT_FOUND);
	assert_null(contract);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(services_and_methods),
		cmocka_unit_test(paths),
		cmocka_unit_test(files_and_symbols),
		cmocka_unit_test(fields),
		cmocka_unit_test(json_names),
		cmocka_unit_test(enums),
		cmocka_unit_test(layout),
		cmocka_unit_test(unset_fields_read_as_defaults),
		cmocka_unit_test(random_messages_survive),
		cmocka_unit_test(bytes_and_digest),
		cmocka_unit_test(missing_file),
	};
	return cmocka_run_group_tests_name("contract", tests, setup, teardown);
}
