// SPDX-License-Identifier: EUPL-1.2
//
// The dispatcher. Help goes to standard output and ends with 0 when it was asked for; when a command line is wrong, one
// line on standard error says what is wrong and where to read on.
#include "cli/dispatch.h"

#include "cli/options.h"
#include "cli/output.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { NAMES_MAX = 64 };

static bool in_group(const struct command *command, const char *group)
{
	return command->group && strcmp(command->group, group) == 0;
}

// The first command of the group or the plain command of that name: what the word may stand for.
static const struct command *find_word(const struct command *const *commands, const char *word)
{
	for (size_t i = 0; commands[i]; i++) {
		const char *first = commands[i]->group ? commands[i]->group : commands[i]->name;
		if (strcmp(first, word) == 0) {
			return commands[i];
		}
	}
	return NULL;
}

static const struct command *find_verb(const struct command *const *commands, const char *group, const char *verb)
{
	for (size_t i = 0; commands[i]; i++) {
		if (in_group(commands[i], group) && strcmp(commands[i]->name, verb) == 0) {
			return commands[i];
		}
	}
	return NULL;
}

static void print_list(const struct cli *cli, const struct command *const *commands, const char *group)
{
	for (size_t i = 0; commands[i]; i++) {
		if (!group || in_group(commands[i], group)) {
			char name[64];
			snprintf(name, sizeof name, "%s%s%s", commands[i]->group ? commands[i]->group : "",
				 commands[i]->group ? " " : "", commands[i]->name);
			fprintf(cli->out, "  %-18s %s\n", name, commands[i]->summary);
		}
	}
}

static void print_heading(const struct cli *cli, const char *text)
{
	fprintf(cli->out, "%s%s%s\n", output_style(cli->colour, STYLE_BOLD), text,
		output_style(cli->colour, STYLE_PLAIN));
}

static enum cli_exit print_overview(const struct cli *cli, const struct command *const *commands)
{
	fputs("besa - the command line of the Besa message bus\n\n", cli->out);
	print_heading(cli, "Usage");
	fputs("  besa COMMAND [OPTION …] [ARGUMENT …]\n"
	      "  besa help COMMAND\n\n",
	      cli->out);
	print_heading(cli, "Commands");
	print_list(cli, commands, NULL);
	fputc('\n', cli->out);
	print_heading(cli, "Every command");
	fputs("  --json             print one JSON document for programs\n"
	      "  --lang sq|sr|en    language of the sentences (default: the environment's)\n"
	      "  --help             explain the command, with examples\n\n",
	      cli->out);
	print_heading(cli, "Exit codes");
	fputs("  0  it worked, every check held\n"
	      "  1  a check failed, or the answer is no\n"
	      "  2  the command line or a file given on it makes no sense\n"
	      "  3  something could not be reached, read or written\n",
	      cli->out);
	return CLI_OK;
}

static void print_option(const struct cli *cli, const struct command_option *option)
{
	char left[64];
	snprintf(left, sizeof left, "--%s%s%s", option->name, option->value ? " " : "",
		 option->value ? option->value : "");
	fprintf(cli->out, "  %-26s %s\n", left, option->help);
}

void dispatch_help(const struct cli *cli, const struct command *command)
{
	fprintf(cli->out, "besa %s%s%s - %s\n\n", command->group ? command->group : "", command->group ? " " : "",
		command->name, command->summary);
	print_heading(cli, "Usage");
	fprintf(cli->out, "  besa %s%s%s%s%s [OPTION …]\n\n", command->group ? command->group : "",
		command->group ? " " : "", command->name, command->arguments ? " " : "",
		command->arguments ? command->arguments : "");
	if (command->description) {
		fprintf(cli->out, "%s\n\n", command->description);
	}
	print_heading(cli, "Options");
	for (size_t i = 0; i < command->option_count; i++) {
		print_option(cli, &command->options[i]);
	}
	static const struct command_option common[] = {
		{ .name = "json", .help = "print one JSON document for programs" },
		{ .name = "lang", .value = "sq|sr|en", .help = "language of the sentences" },
		{ .name = "help", .help = "this page" },
	};
	for (size_t i = 0; i < sizeof common / sizeof common[0]; i++) {
		print_option(cli, &common[i]);
	}
	if (command->examples) {
		fputc('\n', cli->out);
		print_heading(cli, "Examples");
		fprintf(cli->out, "%s\n", command->examples);
	}
}

// "besa: there is no command `verfy`; did you mean `verify`?"
static enum cli_exit unknown_word(const struct cli *cli, const struct command *const *commands, const char *group,
				  const char *word)
{
	const char *names[NAMES_MAX];
	size_t count = 0;
	for (size_t i = 0; commands[i] && count < NAMES_MAX; i++) {
		if (!group) {
			names[count++] = commands[i]->group ? commands[i]->group : commands[i]->name;
		} else if (in_group(commands[i], group)) {
			names[count++] = commands[i]->name;
		}
	}
	const char *nearest = options_nearest(word, names, count);
	const char *gap = group ? " " : "";
	group = group ? group : "";
	if (nearest) {
		return output_error(cli, CLI_USAGE, "there is no command \"%s%s%s\"; did you mean \"%s%s%s\"?", group,
				    gap, word, group, gap, nearest);
	}
	return output_error(cli, CLI_USAGE, "there is no command \"%s%s%s\"; besa --help lists them", group, gap, word);
}

static enum cli_exit run_command(struct cli *cli, const struct command *command, int argc, char **argv)
{
	struct options_result parsed;
	struct fault fault = { 0 };
	void *options = calloc(1, command->options_size ? command->options_size : 1);
	if (!options) {
		return output_error(cli, CLI_UNREACHABLE, "out of memory");
	}
	enum cli_exit exit = CLI_OK;
	if (options_parse(command, argc, argv, options, &parsed, &fault) != OK) {
		exit = output_error(cli, CLI_USAGE, "%s (besa help %s%s%s)", fault.text,
				    command->group ? command->group : "", command->group ? " " : "", command->name);
	} else if (parsed.help) {
		dispatch_help(cli, command);
	} else {
		cli->json = parsed.json;
		if (parsed.language_given) {
			cli->language = parsed.language;
		}
		exit = command->run(cli, options, parsed.argument_count, parsed.arguments);
	}
	free(options);
	return exit;
}

// `besa log`, `besa log --help`, `besa help log`: the commands of the group.
static enum cli_exit print_group(const struct cli *cli, const struct command *const *commands, const char *group)
{
	print_heading(cli, "Commands");
	print_list(cli, commands, group);
	fprintf(cli->out, "\nbesa help %s COMMAND explains one.\n", group);
	return CLI_OK;
}

static enum cli_exit dispatch_words(struct cli *cli, const struct command *const *commands, int argc, char **argv)
{
	bool help = argc > 0 && strcmp(argv[0], "help") == 0;
	if (help) {
		argc--;
		argv++;
	}
	if (argc == 0) {
		print_overview(cli, commands);
		return help ? CLI_OK : CLI_USAGE;
	}
	if (strcmp(argv[0], "--help") == 0 || strcmp(argv[0], "-h") == 0) {
		return print_overview(cli, commands);
	}
	const struct command *command = find_word(commands, argv[0]);
	if (!command) {
		return unknown_word(cli, commands, NULL, argv[0]);
	}
	int words = 1;
	if (command->group) {
		if (argc == 1 || argv[1][0] == '-') {
			print_group(cli, commands, command->group);
			bool asked = help || (argc > 1 && strcmp(argv[1], "--help") == 0);
			return asked ? CLI_OK : CLI_USAGE;
		}
		command = find_verb(commands, argv[0], argv[1]);
		if (!command) {
			return unknown_word(cli, commands, argv[0], argv[1]);
		}
		words = 2;
	}
	if (help) {
		dispatch_help(cli, command);
		return CLI_OK;
	}
	return run_command(cli, command, argc - words, argv + words);
}

static bool colour_for(FILE *stream)
{
	const char *no_colour = getenv("NO_COLOR"); // no-color.org: present and not empty
	const char *terminal = getenv("TERM");
	return isatty(fileno(stream)) && !(no_colour && *no_colour) && !(terminal && strcmp(terminal, "dumb") == 0);
}

enum cli_exit dispatch_run(const struct command *const *commands, int argc, char **argv, FILE *out, FILE *err)
{
	struct cli cli = {
		.out = out,
		.err = err,
		.colour = colour_for(out),
		.err_colour = colour_for(err),
		.progress = isatty(fileno(err)),
		.language = messages_environment_language(),
	};
	enum cli_exit exit = dispatch_words(&cli, commands, argc - 1, argv + 1);
	// A full disk or a closed pipe must not look like success.
	if ((fflush(out) == EOF || ferror(out)) && exit == CLI_OK) {
		return output_error(&cli, CLI_UNREACHABLE, "the output cannot be written");
	}
	return exit;
}
