/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Formatted text without libc: the conversions %d %u %x %s, with flags. */
#ifndef VIRIDIS_CORE_FORMAT_H
#define VIRIDIS_CORE_FORMAT_H

#include <stdarg.h>
#include <stddef.h>

/*
 * Write at most size bytes including the final NUL (size 0 writes nothing) and return the length
 * of the text written, NUL excluded; so text that does not fit is cut short. Understood: d u x s,
 * the flags '0' and '#', a width in digits, the lengths l ll z. Anything else is copied as it stands
 * and takes no argument.
 */
size_t format_text(char *text, size_t size, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
size_t format_text_list(char *text, size_t size, const char *format, va_list arguments)
	__attribute__((format(printf, 3, 0)));

#endif
