/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a VM is made of, as a person may read and edit it: one JSON object.
 *
 *   { "name": "web", "memory": "512M", "vps": 2, "kernel": "/boot/vmlinuz",
 *     "initrd": "/boot/initrd.img", "cmdline": "console=ttyS0 root=/dev/sda1",
 *     "disks": [ { "path": "/srv/web.img", "read-only": false } ], "serial": "pty",
 *     "on-crash": "keep" }
 *
 * name, memory, vps and kernel must be there. Unknown keys are errors: a misspelt one would
 * otherwise be a setting silently lost. Every message names what is wrong and what is allowed.
 */
#ifndef VIRIDIS_VM_DEFINITION_H
#define VIRIDIS_VM_DEFINITION_H

#include <glib.h>
#include <stdint.h>

#define DEFINITION_VPS_MAX    64u
#define DEFINITION_DISKS_MAX  64u
#define DEFINITION_NAME_BYTES 48u /* NAME.sock fits into a socket's address */
#define DEFINITION_JSON_BYTES (256u << 10)
#define DEFINITION_MEMORY_MIN (UINT64_C(8) << 20)
#define DEFINITION_MEMORY_MAX (UINT64_C(128) << 30)

/* What becomes of the machine when its guest tells that it cannot go on. */
enum definition_on_crash {
	DEFINITION_ON_CRASH_KEEP,    /* it stands as it is, for who wants to look */
	DEFINITION_ON_CRASH_RESTART, /* a triple fault restarts it too */
	DEFINITION_ON_CRASH_STOP,
};

struct definition_disk {
	char *path;
	gboolean read_only;
};

struct definition {
	char *name;
	uint64_t memory_bytes;
	uint32_t vps;
	char *kernel;
	char *initrd;     /* NULL: none */
	char *cmdline;    /* "" when there is none */
	GPtrArray *disks; /* struct definition_disk */
	char *serial;     /* "pty" or an absolute path */
	enum definition_on_crash on_crash;
};

#define DEFINITION_ERROR definition_error_quark()
GQuark definition_error_quark(void);
enum definition_error {
	DEFINITION_ERROR_INVALID, /* the text or a value is wrong */
	DEFINITION_ERROR_HOST,    /* a file, or memory, that this machine has not */
	DEFINITION_ERROR_EXISTS,
	DEFINITION_ERROR_UNKNOWN, /* no VM of that name */
};

struct definition *definition_new(void);
void definition_free(struct definition *definition);

/* For g_autoptr(), which wants a name without "struct". */
typedef struct definition definition_pointer;
G_DEFINE_AUTOPTR_CLEANUP_FUNC(definition_pointer, definition_free)

void definition_add_disk(struct definition *definition, const char *path,
                         gboolean read_only);

/* "512M", "2G", "8192K", plain bytes. */
gboolean definition_parse_size(const char *text, uint64_t *bytes, GError **error);
char *definition_format_size(uint64_t bytes);

/* "keep", "restart", "stop". */
gboolean definition_parse_on_crash(const char *text, enum definition_on_crash *on_crash,
                                   GError **error);
const char *definition_format_on_crash(enum definition_on_crash on_crash);

gboolean definition_name_valid(const char *name, GError **error);

/* Text to definition; `length` bytes, any bytes. Values are checked by themselves. */
struct definition *definition_parse(const char *json, gsize length, GError **error);
char *definition_to_json(const struct definition *definition);

/* All values make sense, whoever set them. */
gboolean definition_check(const struct definition *definition, GError **error);

/*
 * This machine has the files and the memory, no disk that is written to is there twice, and the
 * serial line does not go into any of them.
 */
gboolean definition_check_host(const struct definition *definition, GError **error);

#endif
