/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Definitions: values and their checks. The JSON side is definition_json.c. */
#include "root-partition/config/definition.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "root-partition/config/definition_disk.h"
#include "root-partition/config/definition_net.h"
#include "root-partition/config/kernel_file.h"

#define PAGE_BYTES 4096u

struct definition *definition_new(void)
{
	struct definition *definition = g_new0(struct definition, 1);

	definition->cmdline = g_strdup("");
	definition->serial = g_strdup("pty");
	definition->disks = g_ptr_array_new_with_free_func(definition_disk_free);
	definition->nets = g_ptr_array_new_with_free_func(definition_net_free);
	return definition;
}

void definition_free(struct definition *definition)
{
	if (!definition)
		return;
	g_free(definition->name);
	g_free(definition->uuid);
	g_free(definition->kernel);
	g_free(definition->initrd);
	g_free(definition->cmdline);
	g_free(definition->serial);
	g_free(definition->title);
	g_free(definition->description);
	g_free(definition->metadata);
	g_ptr_array_unref(definition->disks);
	g_ptr_array_unref(definition->nets);
	g_free(definition);
}

struct definition_disk *definition_add_disk(struct definition *definition,
                                            const char *path, gboolean read_only)
{
	struct definition_disk *disk = g_new0(struct definition_disk, 1);

	disk->path = g_strdup(path);
	disk->read_only = read_only;
	disk->lun = DEFINITION_LUN_NONE;
	disk->timeout_s = DEFINITION_TIMEOUT_S;
	g_ptr_array_add(definition->disks, disk);
	return disk;
}

/* ---- Identities ---- */

/* FNV-1a */
static uint64_t hash_text(uint64_t hash, const char *text)
{
	for (const char *c = text; *c; c++)
		hash = (hash ^ (uint8_t)*c) * UINT64_C(0x100000001b3);
	return hash;
}

/* A disk other than this one that has the LUN, or, when `lun` is none, the identity. */
static gboolean is_taken(const struct definition *definition,
                         const struct definition_disk *disk, uint32_t lun,
                         uint64_t identity)
{
	for (guint i = 0; i < definition->disks->len; i++) {
		const struct definition_disk *other = definition->disks->pdata[i];

		if (other == disk)
			continue;
		if (lun != DEFINITION_LUN_NONE ? other->lun == lun :
		                                 ((other->identity ^ identity) &
		                                  DEFINITION_IDENTITY_MASK) == 0)
			return TRUE;
	}
	return FALSE;
}

/* By what does not change when another disk comes or goes. */
static uint64_t new_identity(const struct definition *definition,
                             const struct definition_disk *disk)
{
	uint64_t hash = hash_text(UINT64_C(0xcbf29ce484222325),
	                          definition->uuid ? definition->uuid : definition->name);

	return definition->uuid ? hash_text(hash, disk->path) :
	                          (hash ^ (0x100 + disk->lun)) * UINT64_C(0x100000001b3);
}

void definition_complete(struct definition *definition)
{
	for (guint i = 0; i < definition->disks->len; i++) {
		struct definition_disk *disk = definition->disks->pdata[i];
		uint32_t lun = 0;

		while (is_taken(definition, disk, lun, 0))
			lun++;
		if (disk->lun == DEFINITION_LUN_NONE)
			disk->lun = lun;
	}
	for (guint i = 0; i < definition->disks->len; i++) {
		struct definition_disk *disk = definition->disks->pdata[i];

		if (disk->identity)
			continue;
		disk->identity = new_identity(definition, disk);
		while ((disk->identity & DEFINITION_IDENTITY_MASK) == 0 ||
		       is_taken(definition, disk, DEFINITION_LUN_NONE, disk->identity))
			disk->identity++;
	}
	definition_net_complete(definition);
}

gboolean definition_give_uuid(struct definition *definition)
{
	if (definition->uuid)
		return FALSE;
	definition->uuid = g_uuid_string_random();
	return TRUE;
}

/* ---- Values ---- */

gboolean definition_invalid(GError **error, const char *format, ...)
{
	va_list args;

	if (error) {
		va_start(args, format);
		*error = g_error_new_valist(DEFINITION_ERROR, DEFINITION_ERROR_INVALID,
		                            format, args);
		va_end(args);
	}
	return FALSE;
}

static int unit_shift(const char *unit)
{
	static const char units[] = "KMG";
	const char *at;

	if (*unit == '\0')
		return 0;
	at = strchr(units, g_ascii_toupper(*unit));
	return at && unit[1] == '\0' ? 10 * (int)(at - units + 1) : -1;
}

gboolean definition_parse_size(const char *text, uint64_t *bytes, GError **error)
{
	char *end = NULL;
	guint64 number;
	int shift;

	errno = 0;
	number = g_ascii_strtoull(text, &end, 10);
	shift = g_ascii_isdigit(text[0]) ? unit_shift(end) : -1;
	if (errno || shift < 0 || number > G_MAXUINT64 >> shift)
		return definition_invalid(
			error, "memory '%s': not a size; write for example 512M or 2G",
			text);
	*bytes = number << shift;
	return TRUE;
}

char *definition_format_size(uint64_t bytes)
{
	static const struct {
		int shift;
		char unit;
	} units[] = { { 30, 'G' }, { 20, 'M' }, { 10, 'K' } };

	for (gsize i = 0; i < G_N_ELEMENTS(units); i++) {
		uint64_t unit = UINT64_C(1) << units[i].shift;

		if (bytes >= unit && bytes % unit == 0)
			return g_strdup_printf("%" G_GUINT64_FORMAT "%c", bytes / unit,
			                       units[i].unit);
	}
	return g_strdup_printf("%" G_GUINT64_FORMAT, bytes);
}

static const char *const on_crash_words[] = {
	[DEFINITION_ON_CRASH_KEEP] = "keep",
	[DEFINITION_ON_CRASH_RESTART] = "restart",
	[DEFINITION_ON_CRASH_STOP] = "stop",
};

gboolean definition_parse_on_crash(const char *text, enum definition_on_crash *on_crash,
                                   GError **error)
{
	for (gsize i = 0; i < G_N_ELEMENTS(on_crash_words); i++) {
		if (strcmp(on_crash_words[i], text) == 0) {
			*on_crash = (enum definition_on_crash)i;
			return TRUE;
		}
	}
	return definition_invalid(error, "on-crash '%s': 'keep', 'restart' or 'stop'",
	                          text);
}

const char *definition_format_on_crash(enum definition_on_crash on_crash)
{
	return on_crash_words[on_crash];
}

gboolean definition_name_valid(const char *name, GError **error)
{
	gsize length = strlen(name);

	if (length == 0 || length > DEFINITION_NAME_BYTES || !g_ascii_isalnum(name[0]))
		return definition_invalid(
			error,
			"name '%.64s': 1 to %u characters, the first a letter or digit",
			name, DEFINITION_NAME_BYTES);
	for (const char *c = name; *c; c++)
		if (!g_ascii_isalnum(*c) && !strchr("-_.", *c))
			return definition_invalid(
				error,
				"name '%s': only letters, digits, '-', '_' and '.'",
				name);
	return TRUE;
}

/* A definition is JSON, which has no other bytes: it could be written and not be read again. */
static gboolean check_text(const char *what, const char *text, GError **error)
{
	return g_utf8_validate(text, -1, NULL) ||
	       definition_invalid(error, "%s '%s': not UTF-8", what, text);
}

static gboolean check_path(const char *what, const char *path, GError **error)
{
	if (!path || path[0] != '/')
		return definition_invalid(error, "%s '%s': an absolute path is needed",
		                          what, path ? path : "");
	return check_text(what, path, error);
}

static gboolean check_notes(const struct definition *definition, GError **error)
{
	return (!definition->title || check_text("title", definition->title, error)) &&
	       (!definition->description ||
	        check_text("description", definition->description, error)) &&
	       (!definition->metadata ||
	        check_text("metadata", definition->metadata, error));
}

/* Two disks of one LUN or identity would be one disk to the guest. */
static gboolean check_identity(const struct definition *definition,
                               const struct definition_disk *disk, GError **error)
{
	if (disk->lun != DEFINITION_LUN_NONE && disk->lun >= DEFINITION_DISKS_MAX)
		return definition_invalid(error,
		                          "disk '%s': LUN %u: from 0 to %u are possible",
		                          disk->path, disk->lun,
		                          DEFINITION_DISKS_MAX - 1);
	if (disk->lun != DEFINITION_LUN_NONE && is_taken(definition, disk, disk->lun, 0))
		return definition_invalid(error,
		                          "disk '%s': LUN %u is another disk's too",
		                          disk->path, disk->lun);
	if (disk->identity &&
	    is_taken(definition, disk, DEFINITION_LUN_NONE, disk->identity))
		return definition_invalid(
			error,
			"disk '%s': the id %016" G_GINT64_MODIFIER
			"x is another disk's too; leave it out and it gets its own",
			disk->path, disk->identity);
	return TRUE;
}

static gboolean check_disks(const struct definition *definition, GError **error)
{
	if (definition->disks->len > DEFINITION_DISKS_MAX)
		return definition_invalid(error, "%u disks: at most %u are possible",
		                          definition->disks->len, DEFINITION_DISKS_MAX);
	for (guint i = 0; i < definition->disks->len; i++) {
		const struct definition_disk *disk = definition->disks->pdata[i];

		if ((definition_disk_is_remote(disk) ?
		             !check_text("disk", disk->path, error) :
		             !check_path("disk", disk->path, error)) ||
		    !definition_disk_check(disk, error) ||
		    !check_identity(definition, disk, error))
			return FALSE;
	}
	return TRUE;
}

static gboolean check_memory(uint64_t bytes, GError **error)
{
	g_autofree char *text = definition_format_size(bytes);

	if (bytes < DEFINITION_MEMORY_MIN || bytes > DEFINITION_MEMORY_MAX)
		return definition_invalid(error, "memory %s: from 8M to 128G is possible",
		                          text);
	if (bytes % PAGE_BYTES)
		return definition_invalid(error, "memory %s: must be a multiple of 4K",
		                          text);
	return TRUE;
}

gboolean definition_check(const struct definition *definition, GError **error)
{
	if (!definition->name)
		return definition_invalid(error, "no name given");
	if (definition->uuid && !g_uuid_string_is_valid(definition->uuid))
		return definition_invalid(error, "uuid '%s': not a UUID",
		                          definition->uuid);
	if (!definition_name_valid(definition->name, error) ||
	    !check_memory(definition->memory_bytes, error))
		return FALSE;
	if (definition->vps < 1 || definition->vps > DEFINITION_VPS_MAX)
		return definition_invalid(error, "vps %u: from 1 to %u are possible",
		                          definition->vps, DEFINITION_VPS_MAX);
	if (definition->attach_pid && (definition->kernel || definition->initrd))
		return definition_invalid(error, "a machine that is attached to has its "
		                                 "kernel from its own VMM");
	if (!definition->attach_pid && !check_path("kernel", definition->kernel, error))
		return FALSE;
	if (definition->initrd && !check_path("initrd", definition->initrd, error))
		return FALSE;
	if (strcmp(definition->serial, "pty") != 0 && definition->serial[0] != '/')
		return definition_invalid(
			error, "serial '%s': 'pty' or the absolute path of a file",
			definition->serial);
	if (!check_text("serial", definition->serial, error) ||
	    !check_text("cmdline", definition->cmdline, error) ||
	    !check_notes(definition, error))
		return FALSE;
	return check_disks(definition, error) && definition_net_check(definition, error);
}

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

gboolean definition_same_disk(const struct definition_disk *one,
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
		    !definition_same_disk(disk, other))
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
	g_autofree char *wanted = definition_format_size(bytes);

	if (bytes <= available)
		return TRUE;
	g_set_error(error, DEFINITION_ERROR, DEFINITION_ERROR_HOST,
	            "memory %s: this machine has %" G_GUINT64_FORMAT
	            "M available; ask for less or stop another VM",
	            wanted, available >> 20);
	return FALSE;
}

gboolean definition_check_host_disks(const struct definition *definition, GError **error)
{
	for (guint i = 0; i < definition->disks->len; i++)
		if (!check_disk(definition->disks, i, error))
			return FALSE;
	return TRUE;
}

gboolean definition_check_host(const struct definition *definition, GError **error)
{
	if (!definition->attach_pid && !check_kernel(definition, error))
		return FALSE;
	if (definition->initrd &&
	    !check_file("initrd", definition->initrd, O_RDONLY, FALSE, error))
		return FALSE;
	if (!definition_check_host_disks(definition, error) ||
	    !check_serial(definition, error) ||
	    !definition_net_check_host(definition, error))
		return FALSE;
	return definition->attach_pid ||
	       check_host_memory(definition->memory_bytes, error);
}
