// SPDX-License-Identifier: EUPL-1.2
#include "adapters/sql/sql_parameter.h"

#include "adapters/sql/sql_check.h"
#include "adapters/sql/sql_fold.h"
#include "contract/field.h"

enum { NAME_MAX_SIZE = 64, PATTERN_MAX = 500 };

// --- reading the binding

static bool is_whole_number(const ProtobufCFieldDescriptor *field)
{
	return strcmp(sql_path_type_name(field), "a whole number") == 0;
}

static bool is_text(const ProtobufCFieldDescriptor *field)
{
	return field->type == PROTOBUF_C_TYPE_STRING;
}

static bool is_good_name(const char *name)
{
	size_t good = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_");
	return name[0] >= 'a' && name[0] <= 'z' && name[good] == '\0' && good < NAME_MAX_SIZE &&
	       strncmp(name, "row_", 4) != 0 && strcmp(name, "call_seconds") != 0;
}

static void read_field(struct sql_check *check, const struct sql_method *method, struct sql_parameter *parameter,
		       const struct yaml_node *node)
{
	const ProtobufCMessageDescriptor *request = method->contract->input;
	struct fault fault;
	parameter->field_text =
	    sql_check_text(check, yaml_take_text(check->yaml, node, "field", YAML_OPTIONAL, parameter->name));
	if (!parameter->field_text) {
		return;
	}
	if (sql_path_parse(request, parameter->field_text, &parameter->field, &fault) != OK) {
		yaml_error(check->yaml, node, "parameter %s: \"%s\": %s", parameter->name, parameter->field_text,
			   fault.text);
		return;
	}
	const ProtobufCFieldDescriptor *field = sql_path_last(&parameter->field);
	if (field->label == PROTOBUF_C_LABEL_REPEATED || field->type == PROTOBUF_C_TYPE_MESSAGE) {
		yaml_error(check->yaml, node, "parameter %s: \"%s\" is %s; a parameter is a single value",
			   parameter->name, parameter->field_text,
			   field->label == PROTOBUF_C_LABEL_REPEATED ? "a repeated field" : "a message");
		parameter->field.count = 0;
	}
}

static void read_pattern(struct sql_check *check, struct sql_parameter *parameter, const struct yaml_node *node,
			 const ProtobufCFieldDescriptor *field)
{
	const char *pattern = yaml_take_text(check->yaml, node, "pattern", YAML_OPTIONAL, NULL);
	parameter->expected =
	    sql_check_text(check, yaml_take_text(check->yaml, node, "expected", pattern ? YAML_REQUIRED : YAML_OPTIONAL,
						 "another value"));
	if (!pattern) {
		return;
	}
	if (!is_text(field)) {
		yaml_error(check->yaml, node, "parameter %s: a pattern is for text, and %s is %s", parameter->name,
			   parameter->field_text, sql_path_type_name(field));
		return;
	}
	// Back references make matching exponential; everything else POSIX matches in linear time.
	for (const char *c = pattern; *c; c++) {
		if (*c == '\\' && c[1] >= '0' && c[1] <= '9') {
			yaml_error(check->yaml, node,
				   "parameter %s: back references (\\1) are not allowed in a pattern", parameter->name);
			return;
		}
		c += *c == '\\' && c[1];
	}
	int error = strlen(pattern) > PATTERN_MAX ? REG_ESPACE
						  : regcomp(&parameter->pattern, pattern, REG_EXTENDED | REG_NOSUB);
	if (error) {
		char words[128] = "too long";
		if (strlen(pattern) <= PATTERN_MAX) {
			regerror(error, &parameter->pattern, words, sizeof words);
		}
		yaml_error(check->yaml, node, "parameter %s: the pattern is no POSIX extended expression: %s",
			   parameter->name, words);
		return;
	}
	parameter->has_pattern = true;
}

static void read_range(struct sql_check *check, struct sql_parameter *parameter, const struct yaml_node *node,
		       const ProtobufCFieldDescriptor *field)
{
	struct yaml *yaml = check->yaml;
	const struct yaml_node *characters = yaml_take_mapping(yaml, node, "characters", YAML_OPTIONAL);
	const struct yaml_node *range = node;
	int64_t lowest = INT64_MIN, highest = INT64_MAX;
	parameter->least = INT64_MIN;
	parameter->most = INT64_MAX;
	if (is_text(field)) {
		range = characters;
		lowest = 0;
		highest = SQL_CHARACTERS_MAX;
		parameter->least = 0;
		parameter->most = SQL_CHARACTERS_MAX;
	} else if (characters) {
		yaml_take_all(characters);
		yaml_error(yaml, characters, "parameter %s: characters are counted in text, and %s is %s",
			   parameter->name, parameter->field_text, sql_path_type_name(field));
	} else if (!is_whole_number(field)) {
		return; // least and most stay untaken: unknown here
	}
	parameter->least = yaml_take_integer(yaml, range, "least", YAML_OPTIONAL, lowest, highest, parameter->least);
	parameter->most = yaml_take_integer(yaml, range, "most", YAML_OPTIONAL, lowest, highest, parameter->most);
	if (parameter->least > parameter->most) {
		yaml_error(yaml, range, "parameter %s: the least is more than the most", parameter->name);
	}
}

static void read_default(struct sql_check *check, struct sql_parameter *parameter, const struct yaml_node *node,
			 const ProtobufCFieldDescriptor *field)
{
	struct sql_value *fallback = &parameter->fallback;
	parameter->required = yaml_take_bool(check->yaml, node, "required", YAML_OPTIONAL, false);
	if (is_text(field)) {
		parameter->fold = yaml_take_bool(check->yaml, node, "fold", YAML_OPTIONAL, false);
		const char *text = yaml_take_text(check->yaml, node, "default", YAML_OPTIONAL, NULL);
		if (text) {
			const char *kept = sql_check_text(check, text);
			*fallback = (struct sql_value){ .type = SQL_TEXT, .bytes = slice_text(kept) };
		}
	} else if (is_whole_number(field)) {
		int64_t value = yaml_take_integer(check->yaml, node, "default", YAML_OPTIONAL, parameter->least,
						  parameter->most, INT64_MIN);
		if (value != INT64_MIN) {
			*fallback = (struct sql_value){ .type = SQL_INTEGER, .integer = value };
		}
	}
	if (parameter->required && fallback->type != SQL_NULL) {
		yaml_error(check->yaml, node, "parameter %s: it is required and has a default; it cannot be both",
			   parameter->name);
	}
}

static void read_one(struct sql_check *check, const struct sql_method *method, struct sql_parameter *parameter,
		     const char *name, const struct yaml_node *node)
{
	if (!is_good_name(name)) {
		yaml_error(
		    check->yaml, node,
		    "parameter \"%s\": a name has letters a-z, digits and _, at most %d; row_… and call_seconds have a "
		    "meaning of their own",
		    name, NAME_MAX_SIZE - 1);
	}
	parameter->name = sql_check_text(check, name);
	read_field(check, method, parameter, node);
	const ProtobufCFieldDescriptor *field = sql_path_last(&parameter->field);
	if (!field) { // said already; what else is written there depends on the field
		if (yaml_kind_of(node) == YAML_MAPPING) {
			yaml_take_all(node);
		}
		return;
	}
	read_pattern(check, parameter, node, field);
	read_range(check, parameter, node, field);
	read_default(check, parameter, node, field);
}

void sql_parameter_read(struct sql_check *check, struct sql_method *method, const struct yaml_node *parameters)
{
	size_t count = parameters ? yaml_count(parameters) : 0;
	if (count > SQL_PARAMETERS_MAX) {
		yaml_error(check->yaml, parameters, "more than %d parameters", SQL_PARAMETERS_MAX);
		count = SQL_PARAMETERS_MAX;
	}
	method->parameters = sql_check_alloc(check, count, sizeof *method->parameters);
	if (!method->parameters) {
		return;
	}
	if (parameters) {
		yaml_take_all(parameters);
	}
	for (size_t i = 0; i < count && !check->out_of_memory; i++) {
		read_one(check, method, &method->parameters[i], yaml_key(parameters, i), yaml_value(parameters, i));
		method->parameter_count = i + 1;
	}
}

void sql_parameter_release(struct sql_parameter *parameter)
{
	if (parameter->has_pattern) {
		regfree(&parameter->pattern);
		parameter->has_pattern = false;
	}
}

// --- from a request to values

// Reads a set singular field. False for an integer that SQL has no room for.
static bool read_value(const ProtobufCFieldDescriptor *field, const void *place, struct sql_value *value)
{
	value->type = SQL_INTEGER;
	switch (field->type) {
	case PROTOBUF_C_TYPE_INT32:
	case PROTOBUF_C_TYPE_SINT32:
	case PROTOBUF_C_TYPE_SFIXED32:
	case PROTOBUF_C_TYPE_ENUM:
		value->integer = *(const int32_t *)place;
		return true;
	case PROTOBUF_C_TYPE_UINT32:
	case PROTOBUF_C_TYPE_FIXED32:
		value->integer = *(const uint32_t *)place;
		return true;
	case PROTOBUF_C_TYPE_INT64:
	case PROTOBUF_C_TYPE_SINT64:
	case PROTOBUF_C_TYPE_SFIXED64:
		value->integer = *(const int64_t *)place;
		return true;
	case PROTOBUF_C_TYPE_UINT64:
	case PROTOBUF_C_TYPE_FIXED64:
		value->integer = *(const int64_t *)place;
		return value->integer >= 0;
	case PROTOBUF_C_TYPE_BOOL:
		value->integer = *(const protobuf_c_boolean *)place ? 1 : 0;
		return true;
	case PROTOBUF_C_TYPE_FLOAT:
	case PROTOBUF_C_TYPE_DOUBLE:
		value->type = SQL_REAL;
		value->real =
		    field->type == PROTOBUF_C_TYPE_FLOAT ? (double)*(const float *)place : *(const double *)place;
		return true;
	case PROTOBUF_C_TYPE_STRING:
		value->type = SQL_TEXT;
		value->bytes = slice_text(*(const char *const *)place);
		return true;
	case PROTOBUF_C_TYPE_BYTES: {
		const ProtobufCBinaryData *bytes = place;
		value->type = SQL_BLOB;
		value->bytes = slice_of(bytes->data, bytes->len);
		return true;
	}
	default:
		return false; // messages: refused when the binding was checked
	}
}

static int64_t characters(struct slice text)
{
	int64_t count = 0;
	for (size_t i = 0; i < text.size; i++) {
		count += (text.data[i] & 0xc0) != 0x80;
	}
	return count;
}

static result refuse_number(const struct sql_parameter *parameter, struct fault *fault)
{
	if (parameter->least == INT64_MIN && parameter->most == INT64_MAX) {
		return fault_set(fault, ERR_ARGUMENT, "%s: the number is too large", parameter->field_text);
	}
	return fault_set(fault, ERR_ARGUMENT, "%s: expected a whole number from %lld to %lld", parameter->field_text,
			 (long long)parameter->least, (long long)parameter->most);
}

static result check_value(const struct sql_parameter *parameter, const struct sql_value *value, struct fault *fault)
{
	if (value->type == SQL_INTEGER) {
		bool fits = value->integer >= parameter->least && value->integer <= parameter->most;
		return fits ? OK : refuse_number(parameter, fault);
	}
	if (value->type != SQL_TEXT) {
		return OK;
	}
	int64_t length = characters(value->bytes);
	if (length > parameter->most || length < parameter->least) {
		return fault_set(fault, ERR_ARGUMENT, "%s: expected %lld to %lld characters", parameter->field_text,
				 (long long)parameter->least, (long long)parameter->most);
	}
	// The request's text is terminated and holds no NUL: the pre-scan saw to it.
	if (parameter->has_pattern && regexec(&parameter->pattern, (const char *)value->bytes.data, 0, NULL, 0) != 0) {
		return fault_set(fault, ERR_ARGUMENT, "%s: expected %s", parameter->field_text, parameter->expected);
	}
	return OK;
}

static result one_value(const struct sql_parameter *parameter, const ProtobufCMessage *request, struct arena *arena,
			struct sql_value *value, bool *given, struct fault *fault)
{
	const ProtobufCFieldDescriptor *field = sql_path_last(&parameter->field);
	const ProtobufCMessage *holder = sql_path_find(request, &parameter->field);
	*given = holder && field_count(holder, field) > 0;
	if (!*given) {
		*value = parameter->fallback;
		return parameter->required ? fault_set(fault, ERR_ARGUMENT, "%s: it is required", parameter->field_text)
					   : OK;
	}
	*value = (struct sql_value){ 0 };
	if (!read_value(field, field_value(holder, field, 0), value)) {
		return refuse_number(parameter, fault);
	}
	result code = check_value(parameter, value, fault);
	if (code == OK && parameter->fold) {
		value->bytes = sql_fold(value->bytes, arena);
		code = value->bytes.data ? OK : fault_set(fault, ERR_LIMIT, "the request is too large");
	}
	return code;
}

result sql_parameter_values(const struct sql_method *method, const ProtobufCMessage *request, struct arena *arena,
			    struct sql_value values[], struct fault *fault)
{
	bool given[SQL_PARAMETERS_MAX];
	for (size_t i = 0; i < method->parameter_count; i++) {
		result code = one_value(&method->parameters[i], request, arena, &values[i], &given[i], fault);
		if (code != OK) {
			return code;
		}
	}
	for (size_t i = 0; i < method->one_of_count; i++) {
		if (given[method->one_of[i]]) {
			return OK;
		}
	}
	return method->one_of_count
		   ? fault_set(fault, ERR_ARGUMENT, "at least one is required of %s", method->one_of_text)
		   : OK;
}
