// SPDX-License-Identifier: EUPL-1.2
//
// Options by table. getopt_long would read the same syntax, but it prints by itself, permutes argv and
// cannot say which option was meant.
#include "cli/options.h"

#include "base/text.h"

#include <stdlib.h>
#include <string.h>

enum {
	WORD_MAX = 48, // of a word that is compared for likeness
	DURATION_DAYS_MAX = 400,
};

static size_t smaller(size_t a, size_t b)
{
	return a < b ? a : b;
}

// Levenshtein's distance with two rows. Words longer than WORD_MAX are never alike.
static size_t distance(const char *a, const char *b)
{
	size_t rows[2][WORD_MAX + 1];
	size_t a_size = strlen(a);
	size_t b_size = strlen(b);
	if (a_size > WORD_MAX || b_size > WORD_MAX) {
		return SIZE_MAX;
	}
	for (size_t j = 0; j <= b_size; j++) {
		rows[0][j] = j;
	}
	for (size_t i = 1; i <= a_size; i++) {
		size_t *above = rows[(i - 1) & 1];
		size_t *row = rows[i & 1];
		row[0] = i;
		for (size_t j = 1; j <= b_size; j++) {
			size_t replaced = above[j - 1] + (a[i - 1] != b[j - 1]);
			row[j] = smaller(replaced, smaller(above[j], row[j - 1]) + 1);
		}
	}
	return rows[a_size & 1][b_size];
}

const char *options_nearest(const char *typed, const char *const *candidates, size_t count)
{
	const char *best = NULL;
	size_t best_distance = SIZE_MAX;
	for (size_t i = 0; i < count; i++) {
		size_t far = distance(typed, candidates[i]);
		size_t allowed = smaller(3, (strlen(candidates[i]) + 2) / 3);
		if (far <= allowed && far < best_distance) {
			best = candidates[i];
			best_distance = far;
		}
	}
	return best;
}

result options_duration(const char *text, int64_t *ret_us)
{
	static const struct {
		const char *name;
		int64_t us;
	} units[] = { { "ms", 1000 },
		      { "s", 1000000 },
		      { "m", 60LL * 1000000 },
		      { "h", 3600LL * 1000000 },
		      { "d", 86400LL * 1000000 } };
	static const int64_t most = DURATION_DAYS_MAX * 86400LL * 1000000;
	size_t digits = strspn(text, "0123456789");
	uint64_t value = 0;
	if (text_decimal(slice_of(text, digits), (uint64_t)most, &value) != OK || value == 0) {
		return ERR_ARGUMENT;
	}
	for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
		if (strcmp(text + digits, units[i].name) == 0) {
			if ((int64_t)value > most / units[i].us) {
				return ERR_ARGUMENT;
			}
			*ret_us = (int64_t)value * units[i].us;
			return OK;
		}
	}
	return ERR_ARGUMENT;
}

static result unknown_option(const struct command *command, const char *name, struct fault *fault)
{
	const char *candidates[64] = { "json", "lang", "help" };
	size_t count = 3;
	for (size_t i = 0; i < command->option_count && count < 64; i++) {
		candidates[count++] = command->options[i].name;
	}
	const char *nearest = options_nearest(name, candidates, count);
	if (nearest) {
		return fault_set(fault, ERR_ARGUMENT, "there is no option --%s; did you mean --%s?", name, nearest);
	}
	return fault_set(fault, ERR_ARGUMENT, "there is no option --%s", name);
}

// Stores one option's value. The kinds that hold one value refuse a second.
static result store(const struct command_option *option, void *options, const char *value, struct fault *fault)
{
	char *place = (char *)options + option->offset;
	switch (option->kind) {
	case OPTION_FLAG:
		*(bool *)(void *)place = true;
		return OK;
	case OPTION_TEXT: {
		const char **text = (const char **)(void *)place;
		if (*text) {
			return fault_set(fault, ERR_ARGUMENT, "--%s is given twice", option->name);
		}
		*text = value;
		return OK;
	}
	case OPTION_LIST: {
		struct option_list *list = (struct option_list *)(void *)place;
		if (list->count == OPTION_LIST_MAX) {
			return fault_set(fault, ERR_ARGUMENT, "--%s is given more than %d times", option->name,
					 OPTION_LIST_MAX);
		}
		list->items[list->count++] = value;
		return OK;
	}
	case OPTION_NUMBER: {
		struct option_number *number = (struct option_number *)(void *)place;
		if (number->given) {
			return fault_set(fault, ERR_ARGUMENT, "--%s is given twice", option->name);
		}
		if (text_decimal(slice_text(value), INT64_MAX, &number->value) != OK) {
			return fault_set(fault, ERR_ARGUMENT, "--%s takes a whole number, not \"%s\"", option->name,
					 value);
		}
		number->given = true;
		return OK;
	}
	case OPTION_DURATION: {
		int64_t *us = (int64_t *)(void *)place;
		if (*us) {
			return fault_set(fault, ERR_ARGUMENT, "--%s is given twice", option->name);
		}
		if (options_duration(value, us) != OK) {
			return fault_set(fault, ERR_ARGUMENT,
					 "--%s takes a duration such as 500ms, 5s or 2m, not \"%s\"", option->name,
					 value);
		}
		return OK;
	}
	}
	return ERR_INTERNAL;
}

// The value of the option at *i: behind its "=", or the next word.
static result take_value(int argc, char **argv, int *i, const char *equals, const char *name, const char **ret_value,
			 struct fault *fault)
{
	if (equals) {
		*ret_value = equals + 1;
	} else if (*i + 1 < argc) {
		*ret_value = argv[++*i];
	} else {
		return fault_set(fault, ERR_ARGUMENT, "--%s needs a value", name);
	}
	if (**ret_value == '\0') {
		return fault_set(fault, ERR_ARGUMENT, "--%s has an empty value", name);
	}
	return OK;
}

static const struct command_option *find_option(const struct command *command, const char *name)
{
	for (size_t i = 0; i < command->option_count; i++) {
		if (strcmp(command->options[i].name, name) == 0) {
			return &command->options[i];
		}
	}
	return NULL;
}

// One word that starts with "--".
static result parse_long(const struct command *command, int argc, char **argv, int *i, void *options,
			 struct options_result *parsed, struct fault *fault)
{
	char name[WORD_MAX + 1];
	const char *word = argv[*i] + 2;
	const char *equals = strchr(word, '=');
	size_t size = equals ? (size_t)(equals - word) : strlen(word);
	if (size > WORD_MAX) {
		return fault_set(fault, ERR_ARGUMENT, "there is no option --%.*s…", 20, word);
	}
	memcpy(name, word, size);
	name[size] = '\0';

	const struct command_option *option = find_option(command, name);
	bool is_json = !option && strcmp(name, "json") == 0;
	bool is_help = !option && strcmp(name, "help") == 0;
	bool is_language = !option && strcmp(name, "lang") == 0;
	if (!option && !is_json && !is_help && !is_language) {
		return unknown_option(command, name, fault);
	}
	if (is_json || is_help || (option && option->kind == OPTION_FLAG)) {
		if (equals) {
			return fault_set(fault, ERR_ARGUMENT, "--%s takes no value", name);
		}
		parsed->json |= is_json;
		parsed->help |= is_help;
		return option ? store(option, options, NULL, fault) : OK;
	}
	const char *value = NULL;
	result r = take_value(argc, argv, i, equals, name, &value, fault);
	if (r != OK) {
		return r;
	}
	if (option) {
		return store(option, options, value, fault);
	}
	if (!messages_language(value, &parsed->language)) {
		return fault_set(fault, ERR_ARGUMENT, "--lang takes sq, sr or en, not \"%s\"", value);
	}
	parsed->language_given = true;
	return OK;
}

static bool asks_for_help(int argc, char **argv)
{
	for (int i = 0; i < argc && strcmp(argv[i], "--") != 0; i++) {
		if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
			return true;
		}
	}
	return false;
}

result options_parse(const struct command *command, int argc, char **argv, void *options,
		     struct options_result *ret_result, struct fault *fault)
{
	struct options_result parsed = { 0 };
	if (asks_for_help(argc, argv)) {
		parsed.help = true;
		*ret_result = parsed;
		return OK;
	}
	bool ended = false;
	for (int i = 0; i < argc; i++) {
		if (!ended && strcmp(argv[i], "--") == 0) {
			ended = true;
		} else if (!ended && strncmp(argv[i], "--", 2) == 0) {
			result r = parse_long(command, argc, argv, &i, options, &parsed, fault);
			if (r != OK) {
				return r;
			}
		} else if (!ended && argv[i][0] == '-' && argv[i][1] != '\0') {
			return fault_set(fault, ERR_ARGUMENT, "there is no option %s; options begin with --", argv[i]);
		} else if (parsed.argument_count == command->most || parsed.argument_count == CLI_ARGUMENTS_MAX) {
			return fault_set(fault, ERR_ARGUMENT, "\"%s\" is one argument too many", argv[i]);
		} else {
			parsed.arguments[parsed.argument_count++] = argv[i];
		}
	}
	if (parsed.argument_count < command->least) {
		return fault_set(fault, ERR_ARGUMENT, "an argument is missing: %s", command->arguments);
	}
	*ret_result = parsed;
	return OK;
}
