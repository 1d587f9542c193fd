// SPDX-License-Identifier: EUPL-1.2
//
// The operating system's disk. A durable file has three descriptors: a plain one, and two that bypass the page cache,
// with and without waiting for the device. The first write the file system refuses to take that way ends the attempt
// for the file.
#include "base/disk.h"

#include "base/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	FILE_MODE = 0600,
	// Plain writes of this size and more go to the device at once: the sync that follows some day then finds little
	// left to do, and nobody waits for 16 MiB.
	BULK_LEAST = 64 * 1024,
};

struct disk {
	int directory;
};

struct disk_file {
	int fd;
	int direct; // O_DIRECT | O_DSYNC, or -1
	int bulk;   // O_DIRECT, or -1
};

result disk_open(const char *path, bool create, struct disk **ret_disk, struct fault *fault)
{
	if (create) {
		result code = file_make_directory(path, fault);
		if (code != OK) {
			return code;
		}
	}
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0) {
		return fault_set(fault, file_errno_result(errno), "cannot open directory %s: %s", path,
				 strerror(errno));
	}
	struct disk *disk = malloc(sizeof *disk);
	if (!disk) {
		close(fd);
		return fault_set(fault, ERR_MEMORY, "out of memory");
	}
	disk->directory = fd;
	*ret_disk = disk;
	return OK;
}

void disk_close(struct disk *disk)
{
	if (disk) {
		close(disk->directory);
		free(disk);
	}
}

result disk_lock(struct disk *disk)
{
	if (flock(disk->directory, LOCK_EX | LOCK_NB) == 0) {
		return OK;
	}
	return errno == EWOULDBLOCK ? ERR_BUSY : file_errno_result(errno);
}

static result open_file(struct disk *disk, const char *name, enum disk_mode mode, int flags,
			struct disk_file **ret_file)
{
	int access = mode == DISK_READ ? O_RDONLY : O_RDWR;
	int fd = openat(disk->directory, name, access | flags | O_CLOEXEC | O_NOFOLLOW, FILE_MODE);
	if (fd < 0) {
		return file_errno_result(errno);
	}
	struct disk_file *file = malloc(sizeof *file);
	if (!file) {
		close(fd);
		return ERR_MEMORY;
	}
	file->fd = fd;
	file->direct = -1;
	file->bulk = -1;
	if (mode == DISK_DURABLE) {
		// Refused by some file systems (tmpfs, overlays): then write and sync.
		file->direct = openat(disk->directory, name, O_WRONLY | O_DIRECT | O_DSYNC | O_CLOEXEC | O_NOFOLLOW);
		file->bulk = openat(disk->directory, name, O_WRONLY | O_DIRECT | O_CLOEXEC | O_NOFOLLOW);
	}
	*ret_file = file;
	return OK;
}

result disk_open_file(struct disk *disk, const char *name, enum disk_mode mode, struct disk_file **ret_file)
{
	return open_file(disk, name, mode, 0, ret_file);
}

result disk_create(struct disk *disk, const char *name, enum disk_mode mode, struct disk_file **ret_file)
{
	return open_file(disk, name, mode, O_CREAT | O_TRUNC, ret_file);
}

static void leave_cache_bypass(struct disk_file *file)
{
	if (file->direct >= 0) {
		close(file->direct);
	}
	if (file->bulk >= 0) {
		close(file->bulk);
	}
	file->direct = -1;
	file->bulk = -1;
}

void disk_close_file(struct disk_file *file)
{
	if (!file) {
		return;
	}
	leave_cache_bypass(file);
	close(file->fd);
	free(file);
}

result disk_read(struct disk_file *file, uint64_t offset, void *data, size_t size, size_t *ret_got)
{
	size_t got = 0;
	while (got < size) {
		ssize_t count = pread(file->fd, (uint8_t *)data + got, size - got, (off_t)(offset + got));
		if (count < 0 && errno == EINTR) {
			continue;
		}
		if (count < 0) {
			return file_errno_result(errno);
		}
		if (count == 0) {
			break;
		}
		got += (size_t)count;
	}
	*ret_got = got;
	return OK;
}

// 0, or the errno of the failure.
static int write_all(int fd, uint64_t offset, const void *data, size_t size)
{
	size_t put = 0;
	while (put < size) {
		ssize_t count = pwrite(fd, (const uint8_t *)data + put, size - put, (off_t)(offset + put));
		if (count < 0 && errno == EINTR) {
			continue;
		}
		if (count < 0) {
			return errno;
		}
		put += (size_t)count;
	}
	return 0;
}

// A failure to write that is not lack of space leaves the range unknown.
static result write_result(int error)
{
	return error == ENOSPC || error == EDQUOT ? ERR_DISK_FULL : ERR_IO;
}

static bool is_aligned(uint64_t offset, const void *data, size_t size)
{
	return offset % DISK_BLOCK_SIZE == 0 && size % DISK_BLOCK_SIZE == 0 && (uintptr_t)data % DISK_BLOCK_SIZE == 0;
}

result disk_write(struct disk_file *file, uint64_t offset, const void *data, size_t size)
{
	if (file->bulk >= 0 && size >= BULK_LEAST && is_aligned(offset, data, size)) {
		int error = write_all(file->bulk, offset, data, size);
		if (error != EINVAL) {
			return error == 0 ? OK : write_result(error);
		}
		leave_cache_bypass(file);
	}
	int error = write_all(file->fd, offset, data, size);
	return error == 0 ? OK : write_result(error);
}

result disk_write_durable(struct disk_file *file, uint64_t offset, const void *data, size_t size)
{
	if (file->direct >= 0) {
		int error = write_all(file->direct, offset, data, size);
		if (error != EINVAL) {
			return error == 0 ? OK : write_result(error);
		}
		// The device wants another alignment than ours: never again for this file.
		leave_cache_bypass(file);
	}
	int error = write_all(file->fd, offset, data, size);
	if (error != 0) {
		return write_result(error);
	}
	return disk_sync(file);
}

result disk_sync(struct disk_file *file)
{
	return fdatasync(file->fd) == 0 ? OK : ERR_IO;
}

result disk_size(struct disk_file *file, uint64_t *ret_size)
{
	struct stat status;
	if (fstat(file->fd, &status) != 0) {
		return file_errno_result(errno);
	}
	*ret_size = (uint64_t)status.st_size;
	return OK;
}

result disk_truncate(struct disk_file *file, uint64_t size)
{
	return ftruncate(file->fd, (off_t)size) == 0 ? OK : file_errno_result(errno);
}

result disk_rename(struct disk *disk, const char *from, const char *to)
{
	return renameat(disk->directory, from, disk->directory, to) == 0 ? OK : file_errno_result(errno);
}

result disk_remove(struct disk *disk, const char *name)
{
	return unlinkat(disk->directory, name, 0) == 0 ? OK : file_errno_result(errno);
}

result disk_sync_names(struct disk *disk)
{
	return fsync(disk->directory) == 0 ? OK : ERR_IO;
}

result disk_list(struct disk *disk, result (*each)(void *context, const char *name), void *context)
{
	int fd = openat(disk->directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *directory = fd >= 0 ? fdopendir(fd) : NULL;
	if (!directory) {
		result code = file_errno_result(errno);
		if (fd >= 0) {
			close(fd);
		}
		return code;
	}
	result code = OK;
	for (struct dirent *entry = readdir(directory); entry && code == OK; entry = readdir(directory)) {
		if (entry->d_name[0] != '.') {
			code = each(context, entry->d_name);
		}
	}
	closedir(directory);
	return code;
}
