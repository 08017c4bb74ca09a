/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Formatted text without libc. */
#include "hypervisor/core/format.h"

#include <stdbool.h>
#include <stdint.h>

enum { DIGITS_MAX = 32 };

struct output {
	char *text;
	size_t size; /* room, final NUL included */
	size_t length;
	va_list arguments;
};

static void put_char(struct output *out, char c)
{
	if (out->length + 1 < out->size)
		out->text[out->length++] = c;
}

static void put_text(struct output *out, size_t width, const char *text)
{
	size_t length = 0;

	while (text[length] != 0)
		length++;
	for (; width > length; width--)
		put_char(out, ' ');
	while (*text != 0)
		put_char(out, *text++);
}

/* 2^64 has 20 decimal digits. */
static void put_number(struct output *out, size_t width, size_t zeros, uint64_t value,
                       unsigned int base)
{
	char text[DIGITS_MAX + 1];
	size_t at = DIGITS_MAX;

	text[at] = 0;
	do {
		text[--at] = "0123456789abcdef"[value % base];
		value /= base;
	} while (value != 0 || (at > 0 && DIGITS_MAX - at < zeros));
	put_text(out, width, text + at);
}

/* The conversion whose '%' is before `at`; returns its letter. */
static const char *put_conversion(struct output *out, const char *at)
{
	bool prefixed = *at == '#', zero = at[prefixed] == '0', wide;
	size_t width = 0;
	uint64_t value;

	for (at += prefixed; *at >= '0' && *at <= '9'; at++)
		width = width * 10 + (size_t)(*at - '0');
	wide = *at == 'l';
	at += wide;
	if (*at == 's') {
		put_text(out, width, va_arg(out->arguments, const char *));
		return at;
	}
	value = wide ? va_arg(out->arguments, uint64_t) :
	               va_arg(out->arguments, uint32_t);
	if (*at == 'd' && value >> (wide ? 63 : 31)) {
		put_char(out, '-');
		value = wide ? -value : (uint32_t)-value;
	}
	put_text(out, 0, prefixed ? "0x" : "");
	put_number(out, width, zero ? width : 0, value, *at == 'x' ? 16 : 10);
	return at;
}

size_t format_text_list(char *text, size_t size, const char *format, va_list arguments)
{
	struct output out = { .text = text, .size = size };

	va_copy(out.arguments, arguments);
	for (; *format != 0; format++) {
		if (*format == '%')
			format = put_conversion(&out, format + 1);
		else
			put_char(&out, *format);
	}
	va_end(out.arguments);
	text[out.length] = 0;
	return out.length;
}

size_t format_text(char *text, size_t size, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	size_t length = format_text_list(text, size, format, arguments);
	va_end(arguments);
	return length;
}
