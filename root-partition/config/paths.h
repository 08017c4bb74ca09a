/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where things of a VM are. Definitions live in VIRIDIS_STATE_DIR (/var/lib/viridis), logs in VIRIDIS_LOG_DIR
 * (/var/log/viridis), what belongs to a running worker in VIRIDIS_RUN_DIR (/run/viridis).
 */
#ifndef VIRIDIS_VM_PATHS_H
#define VIRIDIS_VM_PATHS_H

#include <glib.h>

/* Where the machine's control groups are, if it has the unified hierarchy. */
#define PATHS_CGROUP_MOUNT "/sys/fs/cgroup"

enum path {
	PATH_DEFINITION,     /* state: NAME.json */
	PATH_DEFINITION_NEW, /* state: NAME.json.new, while it is being written */
	PATH_LOG,            /* log: NAME.log */
	PATH_LOG_OLD, /* log: NAME.log.old, what was in it before it became too long */
	PATH_SOCKET,  /* run: NAME.sock, the control socket */
	PATH_STATE,   /* run: NAME.state, how it is or how it ended */
	PATH_RUNNING, /* run: NAME.running, the definition as the VM that runs has it */
	PATH_WANTED, /* run: NAME.wanted, in the definition's place for one order to renew devices */
	PATH_STATS, /* run: NAME.stats, what the machine that ended last had counted */
	PATH_LOCK,  /* run: NAME.lock, locked by the keeper as long as it lives */
	PATH_CONSOLE, /* run: NAME.console, a link to the serial line's pty, if it goes to one */
	PATH_CGROUP, /* NAME among our control groups: the worker and its providers */
	PATH_KINDS,
};

const char *paths_state_dir(void);
const char *paths_log_dir(void);
const char *paths_run_dir(void);

/* Free it with g_free(). */
char *paths_of(const char *name, enum path path);

/* The folders exist afterwards. */
gboolean paths_make(GError **error);

/* Another of our programs, by absolute path: beside this one, or found through PATH. Free it with g_free(). */
char *paths_program(const char *name);

#endif
