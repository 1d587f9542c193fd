// SPDX-License-Identifier: EUPL-1.2
//
// Runs cross_check.py over tables and random messages: the .proto files and the reference implementation of
// protobuf are the judge. Tests run in the top directory of the tree.
#ifndef BESA_TESTS_WIRE_CROSS_CHECK_H
#define BESA_TESTS_WIRE_CROSS_CHECK_H

#include "tests/unit/wire/random_message.h"

#include <ftw.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/text.h"

struct cross_check_root {
	const char *name; // full name in the .proto files
	const struct codec_message *message;
};

static char cross_check_directory[] = "/tmp/besa-wire-XXXXXX";

static inline int cross_check_remove(const char *path, const struct stat *status, int kind, struct FTW *ftw)
{
	(void)status, (void)kind, (void)ftw;
	return remove(path);
}

static inline int cross_check_run(const char *const arguments[], const char *input)
{
	pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		if (input && !freopen(input, "r", stdin)) {
			_exit(126);
		}
		execvp(arguments[0], (char *const *)arguments);
		_exit(127);
	}
	int status;
	assert_int_equal(waitpid(child, &status, 0), child);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

static inline void cross_check_write_fields(FILE *lines, const char *root, const char *path,
					    const struct codec_message *message)
{
	static const char *const kinds[] = {
		[CODEC_BYTES] = "bytes",   [CODEC_TEXT] = "text",       [CODEC_UINT32] = "uint32",
		[CODEC_UINT64] = "uint64", [CODEC_ENUM] = "enum",       [CODEC_BOOL] = "bool",
		[CODEC_TIME] = "time",     [CODEC_MESSAGE] = "message", [CODEC_CHOICE] = "message",
	};
	for (size_t i = 0; i < message->count; i++) {
		const struct codec_field *field = &message->fields[i];
		struct buffer path_here;
		buffer_init(&path_here, 64);
		buffer_append_format(&path_here, "%s%s%u", path, path[0] ? "." : "", field->number);
		const char *longer = buffer_text(&path_here);
		fprintf(lines, "field %s %s %s %s %s\n", root, longer, field->name, kinds[field->kind],
			field->repeated ? "repeated" : "singular");
		if (field->kind == CODEC_ENUM) {
			fprintf(lines, "most %llu\n", (unsigned long long)field->most);
		}
		if (field->message) {
			cross_check_write_fields(lines, root, longer, field->message);
		}
		buffer_release(&path_here);
	}
}

static inline void cross_check_write_bytes(FILE *lines, const struct cross_check_root *root, uint64_t seed)
{
	struct arena arena;
	struct buffer buffer;
	arena_init(&arena, 1 << 20);
	buffer_init(&buffer, 1 << 20);
	struct random_message random = { .state = seed, .arena = &arena };
	uint8_t *from = calloc(1, root->message->size);
	struct fault fault = { .text = "" };
	random_message_fill(&random, root->message, from);
	if (codec_encode(root->message, from, &buffer, &fault) != OK) {
		fail_msg("%s: %s", root->name, fault.text);
	}
	char *hex = malloc(2 * buffer.size + 1);
	text_hex(buffer.data, buffer.size, hex);
	fprintf(lines, "bytes %s %s\n", root->name, hex);
	free(hex);
	free(from);
	buffer_release(&buffer);
	arena_release(&arena);
}

static inline void cross_check(const struct cross_check_root *roots, size_t count, uint64_t seeds)
{
	assert_non_null(mkdtemp(cross_check_directory));
	char path[64];
	char out[64];
	snprintf(path, sizeof path, "%s/lines", cross_check_directory);
	snprintf(out, sizeof out, "--python_out=%s", cross_check_directory);
	FILE *lines = fopen(path, "w");
	assert_non_null(lines);
	for (size_t i = 0; i < count; i++) {
		cross_check_write_fields(lines, roots[i].name, "", roots[i].message);
		for (uint64_t seed = 1; seed <= seeds; seed++) {
			cross_check_write_bytes(lines, &roots[i], seed);
		}
	}
	fclose(lines);
	const char *const protoc[] = { "protoc",
				       "-Iproto",
				       out,
				       "besa/statement/v1/statement.proto",
				       "besa/evidence/v1/evidence.proto",
				       "besa/exchange/v1/exchange.proto",
				       "besa/gateway/v1/gateway.proto",
				       "besa/directory/v1/directory.proto",
				       NULL };
	const char *const python[] = { "/usr/bin/python3", "tests/unit/wire/cross_check.py", cross_check_directory,
				       NULL };
	int made = cross_check_run(protoc, NULL);
	int checked = cross_check_run(python, path);
	nftw(cross_check_directory, cross_check_remove, 16, FTW_DEPTH | FTW_PHYS);
	assert_int_equal(made, 0);
	assert_int_equal(checked, 0);
}

#endif
