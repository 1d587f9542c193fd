// SPDX-License-Identifier: EUPL-1.2
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

result file_errno_result(int error)
{
	switch (error) {
	case ENOENT:
	case ENOTDIR:
		return ERR_NOT_FOUND;
	case EACCES:
	case EPERM:
	case EROFS:
		return ERR_PERMISSION;
	case ENOSPC:
	case EDQUOT:
		return ERR_DISK_FULL;
	case EEXIST:
		return ERR_EXISTS;
	case ENOMEM:
		return ERR_MEMORY;
	default:
		return ERR_IO;
	}
}

static result failed(struct fault *fault, const char *verb, const char *path, int error)
{
	return fault_set(fault, file_errno_result(error), "cannot %s %s: %s", verb, path, strerror(error));
}

result file_read(const char *path, struct buffer *content, struct fault *fault)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0) {
		return failed(fault, "open", path, errno);
	}
	result code = OK;
	uint8_t chunk[16384];
	for (;;) {
		ssize_t got = read(fd, chunk, sizeof chunk);
		if (got < 0 && errno == EINTR) {
			continue;
		}
		if (got < 0) {
			code = failed(fault, "read", path, errno);
			break;
		}
		if (got == 0) {
			break;
		}
		buffer_append(content, chunk, (size_t)got);
		code = buffer_result(content);
		if (code != OK) {
			code = fault_set(fault, code, "%s is larger than %zu bytes", path, content->limit);
			break;
		}
	}
	close(fd);
	return code;
}

static result write_all(int fd, struct slice content)
{
	while (content.size > 0) {
		ssize_t put = write(fd, content.data, content.size);
		if (put < 0 && errno == EINTR) {
			continue;
		}
		if (put < 0) {
			return file_errno_result(errno);
		}
		content = slice_skip(content, (size_t)put);
	}
	return OK;
}

static result sync_directory_of(const char *path)
{
	char copy[PATH_MAX];
	if (snprintf(copy, sizeof copy, "%s", path) >= (int)sizeof copy) {
		return ERR_LIMIT;
	}
	int fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0) {
		return file_errno_result(errno);
	}
	result code = fsync(fd) == 0 ? OK : file_errno_result(errno);
	close(fd);
	return code;
}

result file_replace(const char *path, struct slice content, unsigned mode, struct fault *fault)
{
	char fresh[PATH_MAX];
	if (snprintf(fresh, sizeof fresh, "%s.new", path) >= (int)sizeof fresh) {
		return fault_set(fault, ERR_LIMIT, "the path %s is too long", path);
	}
	unlink(fresh); // a leftover may have another mode
	int fd = open(fresh, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
	if (fd < 0) {
		return failed(fault, "create", fresh, errno);
	}
	result code = write_all(fd, content);
	if (code == OK && fsync(fd) != 0) {
		code = file_errno_result(errno);
	}
	if (close(fd) != 0 && code == OK) {
		code = file_errno_result(errno);
	}
	if (code == OK && rename(fresh, path) != 0) {
		code = file_errno_result(errno);
	}
	if (code == OK) {
		code = sync_directory_of(path);
	}
	if (code != OK) {
		unlink(fresh);
		return fault_set(fault, code, "cannot write %s: %s", path, result_text(code));
	}
	return OK;
}

result file_make_directory(const char *path, struct fault *fault)
{
	char part[PATH_MAX];
	int size = snprintf(part, sizeof part, "%s", path);
	if (size < 0 || (size_t)size >= sizeof part) {
		return fault_set(fault, ERR_LIMIT, "the path %s is too long", path);
	}
	for (char *slash = part + 1; *slash; slash++) {
		if (*slash != '/') {
			continue;
		}
		*slash = '\0';
		if (mkdir(part, 0700) != 0 && errno != EEXIST) {
			return failed(fault, "make directory", part, errno);
		}
		*slash = '/';
	}
	if (mkdir(part, 0700) != 0 && errno != EEXIST) {
		return failed(fault, "make directory", part, errno);
	}
	return OK;
}

char *file_beside(const char *base, const char *relative)
{
	const char *slash = strrchr(base, '/');
	if (relative[0] == '/' || !slash) {
		return strdup(relative);
	}
	size_t directory = (size_t)(slash - base) + 1;
	size_t size = strlen(relative);
	char *path = malloc(directory + size + 1);
	if (path) {
		memcpy(path, base, directory);
		memcpy(path + directory, relative, size + 1);
	}
	return path;
}
