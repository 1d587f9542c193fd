// SPDX-License-Identifier: EUPL-1.2
//
// The disk under a ledger, behind a seam: programs link disk.c (the operating system), seeded tests link the simulated
// twin tests/sim/disk_sim.c, which loses, tears and reorders what was not synced.
//
// A disk is one directory of plain named files. What each call promises after a power cut:
//   disk_write_durable   the bytes stand when it returns OK; after a failure or a cut in between, each 512-byte
//                        sector of the range is either old or as written
//   disk_write           nothing, until disk_sync returns OK
//   disk_create, disk_rename, disk_remove   nothing, until disk_sync_names returns OK
// Durable writes into space that was written before are O_DIRECT|O_DSYNC where the file system allows it (33 µs and 10
// µs of CPU against 57 and 19 for write and fdatasync), write and fdatasync otherwise.
#ifndef BESA_BASE_DISK_H
#define BESA_BASE_DISK_H

#include "base/result.h"

#include <stdint.h>

// Offsets, sizes and memory of durable writes are multiples of this.
enum { DISK_BLOCK_SIZE = 4096, DISK_NAME_MAX = 64 };

struct disk;
struct disk_file;

// Opens a directory; made with its parents (mode 0700) if `create`. ERR_NOT_FOUND, ERR_PERMISSION, ERR_IO, ERR_MEMORY,
// with words.
result disk_open(const char *path, bool create, struct disk **ret_disk, struct fault *fault);

// Closes the directory and gives up its lock. Its files must be closed. NULL is fine.
void disk_close(struct disk *disk);

// Claims the directory for this process until disk_close or the process ends. ERR_BUSY if another has it.
result disk_lock(struct disk *disk);

// How a file is opened. For DISK_DURABLE both kinds of write are allowed.
enum disk_mode { DISK_READ, DISK_WRITE, DISK_DURABLE };

// Opens a file that exists. ERR_NOT_FOUND, ERR_PERMISSION, ERR_IO, ERR_MEMORY.
result disk_open_file(struct disk *disk, const char *name, enum disk_mode mode, struct disk_file **ret_file);

// Makes an empty file; an old one of that name loses its content. ERR_DISK_FULL, ERR_PERMISSION, ERR_IO, ERR_MEMORY.
result disk_create(struct disk *disk, const char *name, enum disk_mode mode, struct disk_file **ret_file);

void disk_close_file(struct disk_file *file); // NULL is fine

// Reads up to `size` bytes; *ret_got is less only at the end of the file. ERR_IO.
result disk_read(struct disk_file *file, uint64_t offset, void *data, size_t size, size_t *ret_got);

// Writes without a promise. ERR_DISK_FULL, ERR_IO.
result disk_write(struct disk_file *file, uint64_t offset, const void *data, size_t size);

// Writes and makes durable, see above. ERR_DISK_FULL: refused for lack of space before the sync, part of the range may
// be written; ERR_IO: nothing is known about the range, and about nothing else that was not synced before.
result disk_write_durable(struct disk_file *file, uint64_t offset, const void *data, size_t size);

// Makes durable what was written to the file. ERR_IO: what was written since the last sync may be lost, for ever.
result disk_sync(struct disk_file *file);

result disk_size(struct disk_file *file, uint64_t *ret_size);

// Cuts the file to a size that it has at least.
result disk_truncate(struct disk_file *file, uint64_t size);

// Names. Rename replaces. Removing what is not there is ERR_NOT_FOUND.
result disk_rename(struct disk *disk, const char *from, const char *to);
result disk_remove(struct disk *disk, const char *name);
result disk_sync_names(struct disk *disk);

// Calls `each` with every file name, in no order, until it returns an error, which is passed on.
result disk_list(struct disk *disk, result (*each)(void *context, const char *name), void *context);

#endif
