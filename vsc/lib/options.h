/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Words of a command line: NAME=VALUE separated by spaces. No state; unit-tested on the host. */
#ifndef VSC_LIB_OPTIONS_H
#define VSC_LIB_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The value of the first NAME=VALUE, copied with a NUL; false: not there, or longer than size - 1. */
bool option_value(const char *line, const char *name, char *value, size_t size);

/* Decimal, or hexadecimal after 0x; the whole text, and no overflow. */
bool option_number(const char *text, uint64_t *number);

/* "START-END" in hexadecimal, 0x allowed; START < END. */
bool option_range(const char *text, uint64_t *start, uint64_t *end);

/* Whether a comma-separated list has this element. */
bool option_list_has(const char *list, const char *element);

#endif
