// SPDX-License-Identifier: EUPL-1.2
//
// A disk in memory that keeps only what it promised (base/disk.h).
//
// Each file has what a reader sees and what the medium holds; sectors of 512 bytes that differ are dirty. A sync makes
// them durable; a power cut keeps or loses each by the dice, so writes are torn and reordered. A sync that fails marks
// them clean without making them durable (as Linux does): a later sync does not bring them back. Names are durable
// after disk_sync_names; a power cut keeps some first part of what was done to them since.
#include "base/disk.h"

#include "tests/sim/sim.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SECTOR = 512, FILES_MAX = 4096, DIRECTORIES_MAX = 64, NAMES_MAX = 256, PATH_SIZE = 256 };

struct content {
	uint8_t *seen;
	uint8_t *medium;
	uint8_t *dirty; // a byte per sector
	uint64_t size, medium_size, capacity;
};

struct name {
	char text[DISK_NAME_MAX];
	struct content *content;
};

enum name_operation { NAME_SET, NAME_REMOVE };

struct name_change {
	enum name_operation operation;
	struct name name;
};

struct directory {
	char path[PATH_SIZE];
	struct name names[NAMES_MAX];
	size_t name_count;
	struct name durable[NAMES_MAX];
	size_t durable_count;
	struct name_change *changes;
	size_t change_count;
	bool locked;
};

struct disk {
	struct directory *directory;
	bool locked;
};

struct disk_file {
	struct content *content;
};

static struct directory *directories[DIRECTORIES_MAX];
static size_t directory_count;
static struct content *contents[FILES_MAX];
static size_t content_count;

static enum sim_fault fault;
static uint64_t fault_at, operations;
static bool faulted, dead, direct = true;
static uint64_t space = UINT64_MAX;

// ---- controls ----

void sim_disk_reset(void)
{
	for (size_t i = 0; i < directory_count; i++) {
		free(directories[i]->changes);
		free(directories[i]);
	}
	for (size_t i = 0; i < content_count; i++) {
		free(contents[i]->seen);
		free(contents[i]->medium);
		free(contents[i]->dirty);
		free(contents[i]);
	}
	directory_count = content_count = 0;
	fault = SIM_NONE;
	faulted = dead = false;
	operations = fault_at = 0;
	space = UINT64_MAX;
}

void sim_disk_fault(enum sim_fault what, uint64_t n)
{
	fault = what;
	fault_at = operations + n;
	faulted = false;
}

uint64_t sim_disk_operations(void)
{
	return operations;
}

bool sim_disk_faulted(void)
{
	return faulted;
}

void sim_disk_space(uint64_t bytes)
{
	space = bytes;
}

uint64_t sim_disk_used(void)
{
	uint64_t used = 0;
	for (size_t i = 0; i < content_count; i++) {
		used += contents[i]->size;
	}
	return used;
}

void sim_disk_direct(bool on)
{
	direct = on;
}

static void unlock_all(void)
{
	for (size_t i = 0; i < directory_count; i++) {
		directories[i]->locked = false;
	}
}

void sim_disk_process_ended(void)
{
	dead = false;
	fault = SIM_NONE;
	unlock_all();
}

static struct name *find_name(struct name *names, size_t count, const char *text)
{
	for (size_t i = 0; i < count; i++) {
		if (strcmp(names[i].text, text) == 0) {
			return &names[i];
		}
	}
	return NULL;
}

static void change_names(struct name *names, size_t *count, const struct name_change *change)
{
	struct name *name = find_name(names, *count, change->name.text);
	if (change->operation == NAME_REMOVE) {
		if (name) {
			*name = names[--*count];
		}
	} else if (name) {
		*name = change->name;
	} else {
		assert_always(*count < NAMES_MAX);
		names[(*count)++] = change->name;
	}
}

static void keep_sector(struct content *content, uint64_t sector)
{
	memcpy(content->medium + sector * SECTOR, content->seen + sector * SECTOR, SECTOR);
	content->dirty[sector] = 0;
}

void sim_disk_power_on(void)
{
	for (size_t i = 0; i < content_count; i++) {
		struct content *content = contents[i];
		if (content->capacity == 0) {
			continue;
		}
		if (content->size != content->medium_size && sim_dice(2) == 0) {
			content->medium_size = content->size;
		}
		for (uint64_t sector = 0; sector < content->capacity / SECTOR; sector++) {
			if (content->dirty[sector] && sim_dice(2) == 0) {
				keep_sector(content, sector);
			}
		}
		memset(content->dirty, 0, content->capacity / SECTOR);
		memset(content->medium + content->medium_size, 0, content->capacity - content->medium_size);
		memcpy(content->seen, content->medium, content->capacity);
		content->size = content->medium_size;
	}
	for (size_t i = 0; i < directory_count; i++) {
		struct directory *directory = directories[i];
		size_t kept = directory->change_count > 0 ? sim_dice(directory->change_count + 1) : 0;
		for (size_t change = 0; change < kept; change++) {
			change_names(directory->durable, &directory->durable_count, &directory->changes[change]);
		}
		directory->change_count = 0;
		memcpy(directory->names, directory->durable, sizeof directory->names);
		directory->name_count = directory->durable_count;
	}
	sim_disk_process_ended();
}

// Counts an operation; what is to go wrong with it.
static enum sim_fault next_operation(void)
{
	if (dead) {
		return SIM_POWER_CUT;
	}
	operations++;
	if (fault == SIM_NONE || operations < fault_at) {
		return SIM_NONE;
	}
	enum sim_fault happens = fault;
	fault = SIM_NONE;
	faulted = true;
	dead = happens == SIM_POWER_CUT;
	return happens;
}

// ---- directories ----

static struct directory *find_directory(const char *path)
{
	for (size_t i = 0; i < directory_count; i++) {
		if (strcmp(directories[i]->path, path) == 0) {
			return directories[i];
		}
	}
	return NULL;
}

result disk_open(const char *path, bool create, struct disk **ret_disk, struct fault *words)
{
	struct directory *directory = find_directory(path);
	if (dead) {
		return fault_set(words, ERR_IO, "the power is off");
	}
	if (!directory && !create) {
		return fault_set(words, ERR_NOT_FOUND, "no directory %s", path);
	}
	if (!directory) {
		assert_always(directory_count < DIRECTORIES_MAX);
		directory = calloc(1, sizeof *directory);
		assert_always(directory);
		snprintf(directory->path, sizeof directory->path, "%s", path);
		directories[directory_count++] = directory;
	}
	struct disk *disk = calloc(1, sizeof *disk);
	assert_always(disk);
	disk->directory = directory;
	*ret_disk = disk;
	return OK;
}

void disk_close(struct disk *disk)
{
	if (disk) {
		if (disk->locked) {
			disk->directory->locked = false;
		}
		free(disk);
	}
}

result disk_lock(struct disk *disk)
{
	if (disk->directory->locked) {
		return ERR_BUSY;
	}
	disk->directory->locked = disk->locked = true;
	return OK;
}

static void name_changed(struct directory *directory, enum name_operation operation, const char *text,
			 struct content *content)
{
	struct name_change change = { .operation = operation, .name.content = content };
	snprintf(change.name.text, sizeof change.name.text, "%s", text);
	change_names(directory->names, &directory->name_count, &change);
	directory->changes = realloc(directory->changes, (directory->change_count + 1) * sizeof *directory->changes);
	assert_always(directory->changes);
	directory->changes[directory->change_count++] = change;
}

result disk_rename(struct disk *disk, const char *from, const char *to)
{
	struct directory *directory = disk->directory;
	if (next_operation() != SIM_NONE) {
		return ERR_IO;
	}
	struct name *name = find_name(directory->names, directory->name_count, from);
	if (!name) {
		return ERR_NOT_FOUND;
	}
	// One step: no power cut shows half of it. Setting the new name last would lose the file in between.
	struct content *content = name->content;
	name_changed(directory, NAME_SET, to, content);
	name_changed(directory, NAME_REMOVE, from, NULL);
	return OK;
}

result disk_remove(struct disk *disk, const char *name)
{
	if (next_operation() != SIM_NONE) {
		return ERR_IO;
	}
	if (!find_name(disk->directory->names, disk->directory->name_count, name)) {
		return ERR_NOT_FOUND;
	}
	name_changed(disk->directory, NAME_REMOVE, name, NULL);
	return OK;
}

result disk_sync_names(struct disk *disk)
{
	struct directory *directory = disk->directory;
	if (next_operation() != SIM_NONE) {
		return ERR_IO;
	}
	memcpy(directory->durable, directory->names, sizeof directory->durable);
	directory->durable_count = directory->name_count;
	directory->change_count = 0;
	return OK;
}

result disk_list(struct disk *disk, result (*each)(void *context, const char *name), void *context)
{
	result code = dead ? ERR_IO : OK;
	for (size_t i = 0; code == OK && i < disk->directory->name_count; i++) {
		code = each(context, disk->directory->names[i].text);
	}
	return code;
}

uint8_t *sim_disk_file(const char *path, const char *name, size_t *ret_size)
{
	struct directory *directory = find_directory(path);
	struct name *found = directory ? find_name(directory->names, directory->name_count, name) : NULL;
	*ret_size = found ? found->content->size : 0;
	return found ? found->content->seen : NULL;
}

// ---- files ----

static result open_content(struct content *content, struct disk_file **ret_file)
{
	struct disk_file *file = malloc(sizeof *file);
	assert_always(file);
	file->content = content;
	*ret_file = file;
	return OK;
}

result disk_open_file(struct disk *disk, const char *name, enum disk_mode mode, struct disk_file **ret_file)
{
	(void)mode;
	struct name *found = find_name(disk->directory->names, disk->directory->name_count, name);
	if (dead) {
		return ERR_IO;
	}
	return found ? open_content(found->content, ret_file) : ERR_NOT_FOUND;
}

result disk_create(struct disk *disk, const char *name, enum disk_mode mode, struct disk_file **ret_file)
{
	(void)mode;
	if (next_operation() != SIM_NONE) {
		return ERR_IO;
	}
	assert_always(content_count < FILES_MAX);
	struct content *content = calloc(1, sizeof *content);
	assert_always(content);
	contents[content_count++] = content;
	name_changed(disk->directory, NAME_SET, name, content);
	return open_content(content, ret_file);
}

void disk_close_file(struct disk_file *file)
{
	free(file);
}

result disk_read(struct disk_file *file, uint64_t offset, void *data, size_t size, size_t *ret_got)
{
	const struct content *content = file->content;
	if (dead) {
		return ERR_IO;
	}
	uint64_t left = offset < content->size ? content->size - offset : 0;
	*ret_got = size < left ? size : left;
	if (*ret_got > 0) {
		memcpy(data, content->seen + offset, *ret_got);
	}
	return OK;
}

static void make_room(struct content *content, uint64_t size)
{
	if (size <= content->capacity) {
		return;
	}
	uint64_t capacity = (size + 65535) / 65536 * 65536;
	content->seen = realloc(content->seen, capacity);
	content->medium = realloc(content->medium, capacity);
	content->dirty = realloc(content->dirty, capacity / SECTOR);
	assert_always(content->seen && content->medium && content->dirty);
	memset(content->seen + content->capacity, 0, capacity - content->capacity);
	memset(content->medium + content->capacity, 0, capacity - content->capacity);
	memset(content->dirty + content->capacity / SECTOR, 0, (capacity - content->capacity) / SECTOR);
	content->capacity = capacity;
}

// Writes sectors to what is seen; in a failing write each sector only by the dice.
static void put(struct content *content, uint64_t offset, const uint8_t *data, size_t size, bool failing)
{
	make_room(content, offset + size);
	for (size_t done = 0; done < size;) {
		uint64_t at = offset + done;
		size_t part = SECTOR - at % SECTOR;
		part = part < size - done ? part : size - done;
		if (!failing || sim_dice(2) == 0) {
			memcpy(content->seen + at, data + done, part);
			content->dirty[at / SECTOR] = 1;
			content->size = at + part > content->size ? at + part : content->size;
		}
		done += part;
	}
}

static bool has_space(const struct content *content, uint64_t end)
{
	return end <= content->size || space == UINT64_MAX || sim_disk_used() - content->size + end <= space;
}

result disk_write(struct disk_file *file, uint64_t offset, const void *data, size_t size)
{
	if (dead) {
		return ERR_IO;
	}
	enum sim_fault happens = next_operation();
	bool failing = happens == SIM_POWER_CUT || happens == SIM_WRITE_FAILS;
	if (!has_space(file->content, offset + size)) {
		return ERR_DISK_FULL;
	}
	put(file->content, offset, data, size, failing);
	return failing ? ERR_IO : OK;
}

static void sync_range(struct content *content, uint64_t from, uint64_t to, bool failing)
{
	for (uint64_t sector = from / SECTOR; sector * SECTOR < to && sector < content->capacity / SECTOR; sector++) {
		if (!content->dirty[sector]) {
			continue;
		}
		if (!failing || sim_dice(2) == 0) {
			keep_sector(content, sector);
		}
		content->dirty[sector] = 0;
	}
	if (!failing) {
		content->medium_size = content->size;
	}
}

result disk_write_durable(struct disk_file *file, uint64_t offset, const void *data, size_t size)
{
	assert_always(offset % DISK_BLOCK_SIZE == 0 && size % DISK_BLOCK_SIZE == 0);
	assert_always((uintptr_t)data % DISK_BLOCK_SIZE == 0);
	if (dead) {
		return ERR_IO;
	}
	enum sim_fault happens = next_operation();
	if (!has_space(file->content, offset + size)) {
		return ERR_DISK_FULL;
	}
	put(file->content, offset, data, size, happens == SIM_POWER_CUT || happens == SIM_WRITE_FAILS);
	if (happens == SIM_POWER_CUT || happens == SIM_WRITE_FAILS) {
		return ERR_IO;
	}
	sync_range(file->content, direct ? offset : 0, direct ? offset + size : file->content->size,
		   happens == SIM_SYNC_FAILS);
	return happens == SIM_NONE ? OK : ERR_IO;
}

result disk_sync(struct disk_file *file)
{
	if (dead) {
		return ERR_IO;
	}
	enum sim_fault happens = next_operation();
	if (happens == SIM_POWER_CUT) {
		return ERR_IO;
	}
	sync_range(file->content, 0, file->content->capacity, happens != SIM_NONE);
	return happens == SIM_NONE ? OK : ERR_IO;
}

result disk_size(struct disk_file *file, uint64_t *ret_size)
{
	*ret_size = file->content->size;
	return dead ? ERR_IO : OK;
}

result disk_truncate(struct disk_file *file, uint64_t size)
{
	struct content *content = file->content;
	if (next_operation() != SIM_NONE) {
		return ERR_IO;
	}
	if (size < content->size) {
		memset(content->seen + size, 0, content->size - size);
		for (uint64_t sector = size / SECTOR; sector * SECTOR < content->size; sector++) {
			content->dirty[sector] = 1;
		}
		content->size = size;
	}
	return OK;
}
