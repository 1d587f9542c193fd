// SPDX-License-Identifier: EUPL-1.2
#include "adapters/sql/sql_fill.h"

#include <float.h>

#include "base/text.h"
#include "contract/field.h"

static const char *kind_name(int kind)
{
	switch (kind) {
	case SQLITE_INTEGER:
		return "an integer";
	case SQLITE_FLOAT:
		return "a real number";
	case SQLITE_TEXT:
		return "text";
	case SQLITE_BLOB:
		return "a blob";
	default:
		return "NULL";
	}
}

struct cell {
	const struct sql_column *column;
	const ProtobufCFieldDescriptor *field;
	sqlite3_stmt *statement;
	int i;
	int kind; // SQLITE_INTEGER …
	struct arena *arena;
	struct fault *fault;
};

static result misfit(const struct cell *cell, const char *why)
{
	return fault_set(cell->fault, ERR_INTERNAL, "column %s holds %s%s%s, the field is %s", cell->column->name,
			 kind_name(cell->kind), why ? " " : "", why ? why : "", sql_path_type_name(cell->field));
}

static result no_room(const struct cell *cell)
{
	return fault_set(cell->fault, ERR_LIMIT, "the answer takes more than %zu bytes of memory", cell->arena->limit);
}

// The column's bytes, valid until the next step.
static struct slice bytes_of(const struct cell *cell)
{
	const void *bytes = cell->kind == SQLITE_TEXT ? (const void *)sqlite3_column_text(cell->statement, cell->i)
						      : sqlite3_column_blob(cell->statement, cell->i);
	return slice_of(bytes, (size_t)sqlite3_column_bytes(cell->statement, cell->i));
}

static result fill_text(const struct cell *cell, void *place)
{
	if (cell->kind != SQLITE_TEXT) {
		return misfit(cell, NULL);
	}
	struct slice bytes = bytes_of(cell);
	if (!text_is_utf8(bytes) || (bytes.size && memchr(bytes.data, '\0', bytes.size))) {
		return misfit(cell, "that is not UTF-8 or holds NUL");
	}
	char *copy = arena_copy(cell->arena, bytes);
	if (!copy) {
		return no_room(cell);
	}
	*(char **)place = copy;
	return OK;
}

static result fill_bytes(const struct cell *cell, void *place)
{
	if (cell->kind != SQLITE_TEXT && cell->kind != SQLITE_BLOB) {
		return misfit(cell, NULL);
	}
	struct slice bytes = bytes_of(cell);
	uint8_t *copy = (uint8_t *)arena_copy(cell->arena, bytes);
	if (!copy) {
		return no_room(cell);
	}
	*(ProtobufCBinaryData *)place = (ProtobufCBinaryData){ .len = bytes.size, .data = copy };
	return OK;
}

static result fill_enum(const struct cell *cell, void *place)
{
	const ProtobufCEnumDescriptor *type = cell->field->descriptor;
	const ProtobufCEnumValue *value = NULL;
	if (cell->kind == SQLITE_TEXT) {
		value = field_enum_by_name(type, bytes_of(cell));
	} else if (cell->kind == SQLITE_INTEGER) {
		int64_t number = sqlite3_column_int64(cell->statement, cell->i);
		bool fits = number >= INT32_MIN && number <= INT32_MAX;
		value = fits ? field_enum_by_number(type, (int32_t)number) : NULL;
	}
	if (!value) {
		return misfit(cell, "that is none of the enum's values");
	}
	*(int32_t *)place = value->value;
	return OK;
}

static result fill_real(const struct cell *cell, void *place)
{
	if (cell->kind != SQLITE_FLOAT && cell->kind != SQLITE_INTEGER) {
		return misfit(cell, NULL);
	}
	double value = sqlite3_column_double(cell->statement, cell->i);
	if (cell->field->type == PROTOBUF_C_TYPE_DOUBLE) {
		*(double *)place = value;
	} else if (value > (double)FLT_MAX || value < -(double)FLT_MAX) {
		return misfit(cell, "beyond the field's range");
	} else {
		*(float *)place = (float)value;
	}
	return OK;
}

static result fill_integer(const struct cell *cell, void *place)
{
	if (cell->kind != SQLITE_INTEGER) {
		return misfit(cell, NULL);
	}
	int64_t value = sqlite3_column_int64(cell->statement, cell->i);
	bool fits = true;
	switch (cell->field->type) {
	case PROTOBUF_C_TYPE_BOOL:
		fits = value == 0 || value == 1;
		*(protobuf_c_boolean *)place = (protobuf_c_boolean)(value != 0);
		break;
	case PROTOBUF_C_TYPE_UINT32:
	case PROTOBUF_C_TYPE_FIXED32:
		fits = value >= 0 && value <= UINT32_MAX;
		*(uint32_t *)place = (uint32_t)value;
		break;
	case PROTOBUF_C_TYPE_UINT64:
	case PROTOBUF_C_TYPE_FIXED64:
		fits = value >= 0;
		*(uint64_t *)place = (uint64_t)value;
		break;
	case PROTOBUF_C_TYPE_INT64:
	case PROTOBUF_C_TYPE_SINT64:
	case PROTOBUF_C_TYPE_SFIXED64:
		*(int64_t *)place = value;
		break;
	default:
		fits = value >= INT32_MIN && value <= INT32_MAX;
		*(int32_t *)place = (int32_t)value;
		break;
	}
	return fits ? OK : misfit(cell, "beyond the field's range");
}

result sql_fill_value(const struct sql_column *column, const ProtobufCFieldDescriptor *field, sqlite3_stmt *statement,
		      int i, void *place, struct arena *arena, struct fault *fault)
{
	const struct cell cell = { .column = column,
				   .field = field,
				   .statement = statement,
				   .i = i,
				   .kind = sqlite3_column_type(statement, i),
				   .arena = arena,
				   .fault = fault };
	switch (field->type) {
	case PROTOBUF_C_TYPE_STRING:
		return fill_text(&cell, place);
	case PROTOBUF_C_TYPE_BYTES:
		return fill_bytes(&cell, place);
	case PROTOBUF_C_TYPE_ENUM:
		return fill_enum(&cell, place);
	case PROTOBUF_C_TYPE_FLOAT:
	case PROTOBUF_C_TYPE_DOUBLE:
		return fill_real(&cell, place);
	default:
		return fill_integer(&cell, place);
	}
}

result sql_fill_row(const struct sql_query *query, sqlite3_stmt *statement, ProtobufCMessage *row, struct arena *arena,
		    struct fault *fault)
{
	for (size_t i = 0; i < query->column_count; i++) {
		const struct sql_column *column = &query->columns[i];
		if (!column->fills || sqlite3_column_type(statement, (int)i) == SQLITE_NULL) {
			continue;
		}
		// The value first, its place second: a string's place must not stay NULL.
		const ProtobufCFieldDescriptor *field = sql_path_last(&column->path);
		uint64_t value[(sizeof(ProtobufCBinaryData) + 7) / 8] = { 0 };
		result code = sql_fill_value(column, field, statement, (int)i, value, arena, fault);
		if (code != OK) {
			return code;
		}
		ProtobufCMessage *holder = sql_path_make(row, &column->path, column->path.count - 1, arena);
		if (!holder) {
			return fault_set(fault, ERR_LIMIT, "the answer takes more than %zu bytes of memory",
					 arena->limit);
		}
		memcpy(field_set(holder, field), value, field_value_size(field->type));
	}
	return OK;
}
