/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `viridis` as a process, in folders of the test's own, where there is one VM: web. PROGRAM is its path. */
#ifndef VIRIDIS_TESTS_CLI_PROGRAM_H
#define VIRIDIS_TESTS_CLI_PROGRAM_H

#include "root-partition/config/json_text.h"

extern char *folder;
extern char *output; /* of the last ask() */

void cli_set_up(void);
void cli_tear_down(void);

/*
 * Runs a line of bash, in which $V is the program, $S and $R are the folders of definitions and of
 * what runs, and $K is a file that passes for a kernel. Both outputs go to `output`.
 */
int ask(const char *line);

/* The line must end with that status and say that. */
void expect(const char *line, int status, const char *words);
void expect_done(const char *line);

/* The answer to the line as JSON, which it must be. */
json_t *json_of(const char *line, int status);

/* A worker for what `viridis start` finds on PATH: bash, told the descriptor as $2, the name as $3. */
void make_worker(const char *script);

#endif
