/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What this machine has of what a definition names: definition_host.h. */
#include "root-partition/config/definition_host.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "root-partition/config/definition_disk.h"
#include "root-partition/config/definition_net.h"
#include "root-partition/config/kernel_file.h"
#include "root-partition/config/size_text.h"

/* Opens the file as its user will, so that what would fail there fails here. */
static gboolean check_file(const char *what, const char *path, int flags,
                           gboolean may_be_block, GError **error)
{
	int fd = open(path, flags | O_CLOEXEC | O_NONBLOCK);
	struct stat status;

	if (fd < 0 || fstat(fd, &status) != 0) {
		g_set_error(error, DEFINITION_ERROR, DEFINITION_ERROR_HOST, "%s %s: %s",
		            what, path, g_strerror(errno));
		if (fd >= 0)
			close(fd);
		return FALSE;
	}
	close(fd);
	if (!S_ISREG(status.st_mode) && !(may_be_block && S_ISBLK(status.st_mode))) {
		g_set_error(error, DEFINITION_ERROR, DEFINITION_ERROR_HOST,
		            "%s %s: not a regular file%s", what, path,
		            may_be_block ? " or block device" : "");
		return FALSE;
	}
	return TRUE;
}

/* What cannot boot is refused before anybody waits for it to. */
static gboolean check_kernel(const struct definition *definition, GError **error)
{
	const char *path = definition->kernel;
	struct stat status;
	const char *why;
	int fd;

	if (!check_file("kernel", path, O_RDONLY, FALSE, error))
		return FALSE;
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0 || fstat(fd, &status) != 0)
		why = g_strerror(errno);
	else
		why = kernel_file_reject_reason(fd, (uint64_t)status.st_size,
		                                definition->memory_bytes);
	if (fd >= 0)
		close(fd);
	if (why)
		g_set_error(error, DEFINITION_ERROR, DEFINITION_ERROR_HOST,
		            "kernel %s: %s", path, why);
	return !why;
}

/* Two names of one file, or two nodes of one device. */
static gboolean same_file(const char *one, const char *other)
{
	struct stat a, b;

	if (stat(one, &a) != 0 || stat(other, &b) != 0)
		return FALSE;
	if (S_ISBLK(a.st_mode) && S_ISBLK(b.st_mode))
		return a.st_rdev == b.st_rdev;
	return a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

gboolean definition_host_same_disk(const struct definition_disk *one,
                                   const struct definition_disk *other)
{
	return definition_disk_is_remote(one) || definition_disk_is_remote(other) ?
	               strcmp(one->path, other->path) == 0 :
	               same_file(one->path, other->path);
}

/* A writer has its disk alone: two disks of a guest that are one would overwrite each other. */
static gboolean check_distinct(const GPtrArray *disks, guint index, GError **error)
{
	const struct definition_disk *disk = disks->pdata[index];

	for (guint i = 0; i < index; i++) {
		const struct definition_disk *other = disks->pdata[i];

		if ((disk->read_only && other->read_only) ||
		    !definition_host_same_disk(disk, other))
			continue;
		g_set_error(error, DEFINITION_ERROR, DEFINITION_ERROR_HOST,
		            "disk %s: the same as disk %s; only disks that are both "
		            "read-only may be",
		            disk->path, other->path);
		return FALSE;
	}
	return TRUE;
}

static gboolean check_disk(const GPtrArray *disks, guint index, GError **error)
{
	const struct definition_disk *disk = disks->pdata[index];

	/* Whether a server is there is seen when the disk is needed. */
	return (definition_disk_is_remote(disk) ||
	        check_file("disk", disk->path, disk->read_only ? O_RDONLY : O_RDWR, TRUE,
	                   error)) &&
	       check_distinct(disks, index, error);
}

/* What the file is refused for; NULL when it may be appended to, though nothing is there yet. */
static char *serial_reject_reason(const char *path)
{
	g_autofree char *folder = g_path_get_dirname(path);
	int fd = open(path, O_WRONLY | O_APPEND | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
	struct stat status = { .st_mode = S_IFREG };
	int result;

	if (fd >= 0) {
		result = fstat(fd, &status);
		close(fd);
	} else {
		result = errno == ENOENT ?
		                 faccessat(AT_FDCWD, folder, W_OK | X_OK, AT_EACCESS) :
		                 -1;
	}
	if (result != 0)
		return g_strdup(g_strerror(errno));
	return S_ISBLK(status.st_mode) ?
	               g_strdup("a block device cannot be appended to") :
	               NULL;
}

/* Console text must not end up in what the guest is made of. */
static const char *used_as(const struct definition *definition, const char *path)
{
	if (definition->kernel && same_file(path, definition->kernel))
		return "kernel";
	if (definition->initrd && same_file(path, definition->initrd))
		return "initrd";
	for (guint i = 0; i < definition->disks->len; i++) {
		const struct definition_disk *disk = definition->disks->pdata[i];

		if (same_file(path, disk->path))
			return "disk";
	}
	return NULL;
}

static gboolean check_serial(const struct definition *definition, GError **error)
{
	const char *path = definition->serial;
	g_autofree char *old = g_strconcat(path, ".old", NULL);
	g_autofree char *why = NULL;
	const char *use, *old_use;

	if (strcmp(path, "pty") == 0)
		return TRUE;
	use = used_as(definition, path);
	old_use = used_as(definition, old);
	if (use)
		why = g_strdup_printf("it is the VM's %s", use);
	else if (old_use)
		why = g_strdup_printf("%s, which it becomes once it is long, is the "
		                      "VM's %s",
		                      old, old_use);
	else
		why = serial_reject_reason(path);
	if (!why)
		return TRUE;
	g_set_error(error, DEFINITION_ERROR, DEFINITION_ERROR_HOST, "serial %s: %s", path,
	            why);
	return FALSE;
}

/* A line "KEY:   N kB" of /proc/meminfo, in bytes. */
static uint64_t meminfo(const char *key)
{
	g_autofree char *text = NULL;
	const char *at;

	if (!g_file_get_contents("/proc/meminfo", &text, NULL, NULL))
		return G_MAXUINT64;
	at = strstr(text, key);
	return at ? g_ascii_strtoull(at + strlen(key), NULL, 10) << 10 : G_MAXUINT64;
}

static gboolean check_host_memory(uint64_t bytes, GError **error)
{
	uint64_t available = meminfo("MemAvailable:");
	g_autofree char *wanted = size_text_format(bytes);

	if (bytes <= available)
		return TRUE;
	g_set_error(error, DEFINITION_ERROR, DEFINITION_ERROR_HOST,
	            "memory %s: this machine has %" G_GUINT64_FORMAT
	            "M available; ask for less or stop another VM",
	            wanted, available >> 20);
	return FALSE;
}

gboolean definition_host_check_disks(const struct definition *definition, GError **error)
{
	for (guint i = 0; i < definition->disks->len; i++)
		if (!check_disk(definition->disks, i, error))
			return FALSE;
	return TRUE;
}

gboolean definition_host_check(const struct definition *definition, GError **error)
{
	if (!definition->attach_pid && !check_kernel(definition, error))
		return FALSE;
	if (definition->initrd &&
	    !check_file("initrd", definition->initrd, O_RDONLY, FALSE, error))
		return FALSE;
	if (!definition_host_check_disks(definition, error) ||
	    !check_serial(definition, error) ||
	    !definition_net_check_host(definition, error))
		return FALSE;
	return definition->attach_pid ||
	       check_host_memory(definition->memory_bytes, error);
}
