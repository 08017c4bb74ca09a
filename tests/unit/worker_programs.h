/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Every provider's program, played by the test's own: links to it in a folder that PATH begins with. */
#ifndef VIRIDIS_TESTS_WORKER_PROGRAMS_H
#define VIRIDIS_TESTS_WORKER_PROGRAMS_H

#include <stdbool.h>

void programs_link(const char *folder);
void programs_unlink(const char *folder);

/* Was this process started as a provider? */
bool programs_include(const char *path);

#endif
