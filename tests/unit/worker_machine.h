/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A machine of 64 MiB and two VPs for a test: its files, its definition, its end. */
#ifndef VIRIDIS_TESTS_WORKER_MACHINE_H
#define VIRIDIS_TESTS_WORKER_MACHINE_H

#include "unit.h"

#include "root-partition/vm/life.h"
#include "worker_fake.h"

extern char *folder;
extern char *serial_path;
extern char *worker_io_path; /* for io_start() */
extern struct definition *definition;
extern struct serial *serial;
extern struct machine *machine; /* NULL before worker_make() */

void worker_set_up(fake_step step);
void worker_make(void);
/* Makes none: `error` says why. */
void worker_make_fails(GError **error);
void worker_tear_down(void);

/* The tests, or the provider that they started. */
int worker_main(int argc, char **argv, Suite *(*make_suite)(void));

#endif
