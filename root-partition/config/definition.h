/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a VM is made of, as a person may read and edit it: one JSON object.
 *
 *   { "name": "web", "uuid": "0f9a60a8-...", "memory": "512M", "vps": 2,
 *     "kernel": "/boot/vmlinuz", "initrd": "/boot/initrd.img",
 *     "cmdline": "console=ttyS0 root=LABEL=web",
 *     "disks": [ { "path": "/srv/web.img", "read-only": false,
 *                  "lun": 0, "id": "6e2a7d0c5b19f384" } ],
 *     "nets": [ { "bridge": "br0", "mac": "02:1f:9c:40:7a:e3", "mtu": 1500,
 *                "queues": 1, "slot": 0 } ],
 *     "serial": "pty", "on-crash": "keep", "autostart": true,
 *     "title": "Shop", "description": "...", "metadata": "<...>" }
 *
 * One that serves the VMBus of another VMM's machine has "attach": PID, and no kernel.
 *
 * A disk's LUN and identity make its names in the guest (serial number, /dev/disk/by-id), so they stay
 * with it whatever becomes of the disks around it; so does an adapter's slot. A file that lacks them loads all the same:
 * definition_complete(). name, memory, vps and kernel must be there. Unknown keys are errors: a misspelt one would
 * otherwise be a setting silently lost. Every message names what is wrong and what is allowed.
 */
#ifndef VIRIDIS_VM_DEFINITION_H
#define VIRIDIS_VM_DEFINITION_H

#include <glib.h>
#include <stdint.h>

#include "root-partition/config/error_code.h"

#define DEFINITION_VPS_MAX    64u
#define DEFINITION_DISKS_MAX  64u
#define DEFINITION_NAME_BYTES 48u /* NAME.sock fits into a socket's address */
#define DEFINITION_JSON_BYTES (256u << 10)
#define DEFINITION_MEMORY_MIN (UINT64_C(8) << 20)
#define DEFINITION_MEMORY_MAX (UINT64_C(128) << 30)

#define DEFINITION_NETS_MAX  8u
#define DEFINITION_SLOT_NONE UINT32_MAX

/* Where an adapter's frames go. */
enum definition_net_kind {
	DEFINITION_NET_NONE,   /* not said yet */
	DEFINITION_NET_TAP,    /* an existing TAP device */
	DEFINITION_NET_BRIDGE, /* a new port of it */
	DEFINITION_NET_USER,   /* passt, which has the rights of the VM's user alone */
};

/* A network adapter; what may be in it: definition_net.h. */
struct definition_net {
	enum definition_net_kind kind;
	char *device; /* of TAP and BRIDGE */
	char *network; /* whose bridge it is, by libvirt's name; NULL: nobody says so. Of no meaning to us */
	GPtrArray *forwards; /* texts, of USER: definition_forward.h */
	char *mac;           /* "02:1f:9c:40:7a:e3"; NULL: none yet */
	uint32_t slot; /* below DEFINITION_NETS_MAX: which of the guest's devices it is; or none yet */
	uint32_t mtu;
	uint32_t queues; /* channels, at most, of which each has an interrupt of its own */
};

/* What becomes of the machine when its guest tells that it cannot go on. */
enum definition_on_crash {
	DEFINITION_ON_CRASH_KEEP,    /* it stands as it is, for who wants to look */
	DEFINITION_ON_CRASH_RESTART, /* a triple fault restarts it too */
	DEFINITION_ON_CRASH_STOP,
};

/* The guest sees 60 bits of an identity as a number (NAA); 0 stands for none yet. */
#define DEFINITION_IDENTITY_MASK ((UINT64_C(1) << 60) - 1)
#define DEFINITION_LUN_NONE      UINT32_MAX

/* Whether the root's memory stands between a disk and its file. */
enum definition_disk_cache {
	DEFINITION_CACHE_DIRECT, /* no, where that can be; the guest flushes */
	DEFINITION_CACHE_HOST,   /* yes; the guest flushes */
	DEFINITION_CACHE_THROUGH, /* yes, but what is written is on the disk before it is answered */
};

/* How long requests wait for an NBD server unless it is said. */
#define DEFINITION_TIMEOUT_S 60u

/* What may be in it: definition_disk.h. */
struct definition_disk {
	char *path; /* absolute, or the URI of an NBD server's export */
	gboolean read_only;
	uint32_t lun;
	uint64_t identity;
	char *serial; /* NULL: the identity's digits */
	enum definition_disk_cache cache;
	uint32_t timeout_s; /* of an NBD server's: how long a request waits for it; 0: for ever */
	uint32_t iops; /* requests a second at most; 0: as many as there are */
	uint64_t bps;  /* bytes a second at most, likewise */
};

struct definition {
	char *name;
	char *uuid; /* NULL: of an older file, and not started since */
	uint64_t memory_bytes;
	uint32_t vps;
	uint32_t attach_pid; /* whose machine it is; 0: our own, with the kernel below */
	char *kernel;
	char *initrd;     /* NULL: none */
	char *cmdline;    /* "" when there is none */
	GPtrArray *disks; /* struct definition_disk */
	GPtrArray *nets;  /* struct definition_net */
	char *serial;     /* "pty" or an absolute path */
	enum definition_on_crash on_crash;
	gboolean autostart; /* by libvirt's daemon, once after the machine has started */
	/* Of no meaning to us; NULL: none. */
	char *title;
	char *description;
	char *metadata; /* what other programs keep with it, as libvirt's element of that name */
};

struct definition *definition_new(void);
void definition_free(struct definition *definition);

/* For g_autoptr(), which wants a name without "struct". */
typedef struct definition definition_pointer;
G_DEFINE_AUTOPTR_CLEANUP_FUNC(definition_pointer, definition_free)

/*
 * Gives each disk a LUN and an identity that has none. Those of a file without a UUID are what they were
 * before files had them: by the VM's name and the disk's place. Else a new disk gets the lowest LUN that
 * is free, and an identity of its own. definition_parse() has done so.
 */
void definition_complete(struct definition *definition);

/* A UUID for a definition that has none; true when there was none. */
gboolean definition_give_uuid(struct definition *definition);

/* "keep", "restart", "stop". */
gboolean definition_parse_on_crash(const char *text, enum definition_on_crash *on_crash,
                                   GError **error);
const char *definition_format_on_crash(enum definition_on_crash on_crash);

gboolean definition_name_valid(const char *name, GError **error);

/* All values make sense, whoever set them. */
gboolean definition_check(const struct definition *definition, GError **error);

#endif
