/* SPDX-License-Identifier: GPL-2.0-or-later */
/* viridis resize: a disk's file is made longer, and a guest that runs is told. */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "root-partition/client/client.h"
#include "root-partition/cli/command.h"
#include "root-partition/config/definition_disk.h"
#include "root-partition/config/size_text.h"
#include "root-partition/config/state.h"
#include "root-partition/config/store.h"

#define SECTOR_BYTES 512u

static int lun = G_MAXINT; /* 0, if it is not said */
static char *size;

static const GOptionEntry entries[] = {
	{ "lun", 0, 0, G_OPTION_ARG_INT, &lun, "The disk, by its LUN (0)", "LUN" },
	{ "size", 0, 0, G_OPTION_ARG_STRING, &size,
	  "Its new size, for example 20G; without it disks are only looked at again",
	  "SIZE" },
	G_OPTION_ENTRY_NULL,
};

static gboolean refuse(GError **error, const char *path, const char *why)
{
	g_set_error(error, DEFINITION_ERROR, DEFINITION_ERROR_HOST, "disk %s: %s", path,
	            why);
	return FALSE;
}

static const struct definition_disk *find_disk(const struct definition *definition,
                                               GError **error)
{
	const int wanted = lun == G_MAXINT ? 0 : lun;

	for (guint i = 0; i < definition->disks->len; i++) {
		const struct definition_disk *disk = definition->disks->pdata[i];

		if (disk->lun == (uint32_t)wanted)
			return disk;
	}
	g_set_error(error, DEFINITION_ERROR, DEFINITION_ERROR_INVALID,
	            "%s has no disk with LUN %d", definition->name, wanted);
	return NULL;
}

/* A shorter file would lose data, and the size of a device is not ours to change. */
static const char *reject_reason(int fd, uint64_t bytes)
{
	struct stat status;

	if (fstat(fd, &status) != 0)
		return g_strerror(errno);
	if (!S_ISREG(status.st_mode))
		return "not a regular file; make it larger by its own means, then resize "
		       "without --size";
	if (bytes % SECTOR_BYTES)
		return "a disk's size is a multiple of 512 bytes";
	if (bytes < (uint64_t)status.st_size)
		return "it is larger than that; a disk only grows";
	return ftruncate(fd, (off_t)bytes) == 0 ? NULL : g_strerror(errno);
}

static gboolean grow(const struct definition *definition, GError **error)
{
	const struct definition_disk *disk;
	const char *why;
	uint64_t bytes;
	int fd;

	if (!size_text_parse(size, &bytes, NULL))
		return definition_invalid(
			error, "--size '%s': not a size; write for example 20G", size);
	disk = find_disk(definition, error);
	if (!disk)
		return FALSE;
	if (definition_disk_is_remote(disk))
		return refuse(
			error, disk->path,
			"its size is its server's affair; the guest sees it when the "
			"server has been started again");
	fd = open(disk->path, O_WRONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return refuse(error, disk->path, g_strerror(errno));
	why = reject_reason(fd, bytes);
	close(fd);
	return why ? refuse(error, disk->path, why) : TRUE;
}

/* One that does not run will see it when it starts. */
static gboolean tell(const char *name, GError **error)
{
	g_autoptr(json_t) answer = NULL;
	pid_t holder;

	if (!state_holder(name, &holder, error))
		return FALSE;
	if (!holder)
		return TRUE;
	answer = client_ask(name, CONTROL_RESIZE, error);
	return answer != NULL;
}

/* Without a size all are looked at, and a LUN is meant otherwise. */
static gboolean check(GError **error)
{
	if (size || lun == G_MAXINT)
		return command_check_number("--lun", lun, 0, G_MAXINT, error);
	g_set_error_literal(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
	                    "--lun is of --size; without that all disks are looked at");
	return FALSE;
}

enum command_status command_resize(const struct command *command, int argc, char **argv)
{
	struct command_arguments arguments = { command, argc, argv, entries, 1, FALSE };
	g_autoptr(definition_pointer) definition = NULL;
	g_autoptr(GError) error = NULL;
	enum command_status status;
	const char *name;

	if (!command_parse(&arguments, &name, &status))
		return status;
	definition = check(&error) ? store_load(name, &error) : NULL;
	if (!definition || (size && !grow(definition, &error)) || !tell(name, &error))
		return command_fail(error);
	return command_done("%s: its disks are as large as their files", name);
}
