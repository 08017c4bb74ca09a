/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The Test Anything Protocol, version 13, with the plan at the end. First VP only. */
#ifndef VSC_LIB_TAP_H
#define VSC_LIB_TAP_H

#include <stdbool.h>
#include <stdint.h>

/* One result; the sentence says what holds when it is `ok`. Gives the condition back. */
bool ok(bool condition, const char *sentence, ...) __attribute__((format(printf, 2, 3)));

/* ok(got == expected), showing both in a note when they differ. */
bool ok_equal(uint64_t got, uint64_t expected, const char *sentence, ...)
	__attribute__((format(printf, 3, 4)));

void skip(const char *why, ...) __attribute__((format(printf, 1, 2)));
void note(const char *text, ...) __attribute__((format(printf, 1, 2)));

/* The run cannot go on: says why and ends the guest. */
_Noreturn void bail_out(const char *why, ...) __attribute__((format(printf, 1, 2)));

/* Prints the plan and the number of failures, which it returns. */
unsigned int tap_finish(void);

#endif
