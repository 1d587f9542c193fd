// SPDX-License-Identifier: EUPL-1.2
//
// Whole small files: configuration, keys, editions, evidence. The ledger's files go through disk.h.
#ifndef BESA_BASE_FILE_H
#define BESA_BASE_FILE_H

#include "base/buffer.h"

// Appends a file's content. ERR_NOT_FOUND, ERR_PERMISSION, ERR_LIMIT (buffer's limit), ERR_IO;
// the fault names the path and the reason.
result file_read(const char *path, struct buffer *content, struct fault *fault);

// Replaces a file in one step: writes `path`.new with the given mode (0600 for secrets), syncs it,
// renames it over `path`, syncs the directory. After OK the content survives a power cut; after
// a failure the old file stands. ERR_DISK_FULL, ERR_PERMISSION, ERR_IO.
result file_replace(const char *path, struct slice content, unsigned mode, struct fault *fault);

// Makes a directory and its parents (mode 0700 for the new ones); OK if it stands already.
result file_make_directory(const char *path, struct fault *fault);

// The result that a failed system call's errno stands for.
result file_errno_result(int error);

// `relative` seen from the directory of `base` (a file), or `relative` itself if it is absolute; malloced,
// NULL when out of memory.
char *file_beside(const char *base, const char *relative);

#endif
