// SPDX-License-Identifier: EUPL-1.2
#include "wire/admin.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define TABLE(title, type, rows)                                                                 \
	{                                                                                        \
		.name = title, .size = sizeof(struct type), .fields = rows, .count = COUNT(rows) \
	}
#define GRANT(type)                                                                                                 \
	{                                                                                                           \
		1, CODEC_MESSAGE, .required = true, .name = "grant", .offset = offsetof(struct type, grant),        \
				  .presence = offsetof(struct type, has_grant), .message = &statement_grant_message \
	}

static const struct codec_field add_grant_fields[] = { GRANT(admin_add_grant) };
static const struct codec_message add_grant = TABLE("AddGrantRequest", admin_add_grant, add_grant_fields);

static const struct codec_field remove_grant_fields[] = {
	{ 1, CODEC_TEXT, .required = true, .name = "id", .offset = offsetof(struct admin_remove_grant, id),
	  .most = IDENTIFIER_PART_MAX, .legal = identifier_is_part },
	{ 2, CODEC_TEXT, .name = "operator", .offset = offsetof(struct admin_remove_grant, operator_name),
	  .most = STATEMENT_TEXT_MAX, .legal = statement_is_line },
};
static const struct codec_message remove_grant = TABLE("RemoveGrantRequest", admin_remove_grant, remove_grant_fields);

static const struct codec_field grant_reply_fields[] = {
	GRANT(admin_grant_reply),
	{ 2, CODEC_UINT64, .name = "index", .offset = offsetof(struct admin_grant_reply, index) },
};
static const struct codec_message grant_reply = TABLE("GrantReply", admin_grant_reply, grant_reply_fields);

static const struct codec_field list_reply_fields[] = {
	{ 1, CODEC_MESSAGE, .repeated = true, .name = "grants",
	  .offset = offsetof(struct admin_list_grants_reply, grants), .count = ADMIN_GRANTS_MAX,
	  .message = &grant_reply },
};
static const struct codec_message list_reply = TABLE("ListGrantsReply", admin_list_grants_reply, list_reply_fields);

const struct codec_message *const admin_messages[] = { &add_grant, &remove_grant, &grant_reply, &list_reply, NULL };

result admin_encode_add_grant(const struct admin_add_grant *request, struct buffer *buffer, struct fault *fault)
{
	return codec_encode(&add_grant, request, buffer, fault);
}

result admin_decode_add_grant(struct slice bytes, struct arena *arena, struct admin_add_grant *ret_request,
			      struct fault *fault)
{
	return codec_decode(&add_grant, CODEC_LENIENT, bytes, arena, ret_request, fault);
}

result admin_encode_remove_grant(const struct admin_remove_grant *request, struct buffer *buffer, struct fault *fault)
{
	return codec_encode(&remove_grant, request, buffer, fault);
}

result admin_decode_remove_grant(struct slice bytes, struct admin_remove_grant *ret_request, struct fault *fault)
{
	return codec_decode(&remove_grant, CODEC_LENIENT, bytes, NULL, ret_request, fault);
}

result admin_encode_grant_reply(const struct admin_grant_reply *reply, struct buffer *buffer, struct fault *fault)
{
	return codec_encode(&grant_reply, reply, buffer, fault);
}

result admin_decode_grant_reply(struct slice bytes, struct arena *arena, struct admin_grant_reply *ret_reply,
				struct fault *fault)
{
	return codec_decode(&grant_reply, CODEC_LENIENT, bytes, arena, ret_reply, fault);
}

result admin_encode_list_grants_reply(const struct admin_list_grants_reply *reply, struct buffer *buffer,
				      struct fault *fault)
{
	return codec_encode(&list_reply, reply, buffer, fault);
}

result admin_decode_list_grants_reply(struct slice bytes, struct arena *arena,
				      struct admin_list_grants_reply *ret_reply, struct fault *fault)
{
	return codec_decode(&list_reply, CODEC_LENIENT, bytes, arena, ret_reply, fault);
}
