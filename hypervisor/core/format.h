/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Formatted text without libc: the conversions %d %u %x %s, with flags. */
#pragma once

#include <stdarg.h>
#include <stddef.h>

/*
 * Write at most `size` bytes, not 0, including the final NUL, and return the length of the text written, NUL
 * excluded; so text that does not fit is cut short. Understood: d u x s, first the flag '#', or '0' for zeros up to
 * the width, then a width in digits, then the length l. The format is a constant of ours: nothing else may be in it.
 */
size_t format_text(char *text, size_t size, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
size_t format_text_list(char *text, size_t size, const char *format, va_list arguments)
	__attribute__((format(printf, 3, 0)));
