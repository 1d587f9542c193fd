// SPDX-License-Identifier: EUPL-1.2
//
// For the tests of crypto: a directory that goes with the process, and the openssl command as a second opinion.
#ifndef BESA_TESTS_CRYPTO_SCRATCH_H
#define BESA_TESTS_CRYPTO_SCRATCH_H

#include "base/file.h"

#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static char scratch_directory[64];

static int scratch_remove_one(const char *path, const struct stat *status, int kind, struct FTW *ftw)
{
	(void)status, (void)kind, (void)ftw;
	return remove(path);
}

static inline int scratch_open(void **state)
{
	(void)state;
	snprintf(scratch_directory, sizeof scratch_directory, "/tmp/besa-crypto-XXXXXX");
	return mkdtemp(scratch_directory) ? 0 : -1;
}

static inline int scratch_close(void **state)
{
	(void)state;
	return nftw(scratch_directory, scratch_remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

// A path in the directory; one of many static texts, so that a test can hold several.
static inline const char *scratch_path(const char *name)
{
	static char paths[128][128];
	static unsigned next;
	char *path = paths[next++ % 128];
	snprintf(path, sizeof paths[0], "%s/%s", scratch_directory, name);
	return path;
}

static inline const char *scratch_write(const char *name, struct slice content)
{
	const char *path = scratch_path(name);
	return file_replace(path, content, 0600, NULL) == OK ? path : NULL;
}

// Runs openssl with the arguments (NULL at the end), its output to the file `output` of the directory. Returns its
// exit status.
static inline int scratch_openssl(const char *const arguments[])
{
	pid_t child = fork();
	if (child == 0) {
		int out = open(scratch_path("output"), O_WRONLY | O_CREAT | O_TRUNC, 0600);
		dup2(out, 1);
		dup2(out, 2);
		execvp("openssl", (char *const *)(uintptr_t)arguments);
		_exit(127);
	}
	int status = -1;
	return child > 0 && waitpid(child, &status, 0) == child && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

#endif
