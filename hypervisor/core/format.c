/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Formatted text without libc. */
#include "hypervisor/core/format.h"

#include <stdbool.h>
#include <stdint.h>

struct output {
	char *text;
	size_t size; /* room, final NUL included */
	size_t length;
};

/* One conversion, between its '%' and its letter. */
struct conversion {
	size_t width;
	bool zero;
	bool alternate; /* '#': 0x before hexadecimal */
	bool wide;      /* an integer argument of 64 bits */
};

static void put(struct output *out, char c)
{
	if (out->length + 1 < out->size)
		out->text[out->length++] = c;
}

static size_t length_of(const char *text)
{
	size_t length = 0;

	while (text[length] != 0)
		length++;
	return length;
}

/* Text padded to the width; `prefix` stays in front of padding zeros. */
static void put_field(struct output *out, const struct conversion *how,
                      const char *prefix, const char *text, size_t length)
{
	size_t used = length_of(prefix) + length;

	for (; used < how->width && !how->zero && out->length + 1 < out->size; used++)
		put(out, ' ');
	while (*prefix != 0)
		put(out, *prefix++);
	for (; used < how->width && out->length + 1 < out->size; used++)
		put(out, '0');
	for (size_t i = 0; i < length; i++)
		put(out, text[i]);
}

static void put_number(struct output *out, const struct conversion *how, uint64_t value,
                       unsigned int base, const char *prefix)
{
	char text[20]; /* 2^64 has 20 decimal digits */
	size_t at = sizeof(text);

	do {
		text[--at] = "0123456789abcdef"[value % base];
		value /= base;
	} while (value != 0);
	put_field(out, how, prefix, text + at, sizeof(text) - at);
}

static struct conversion read_conversion(const char **at)
{
	struct conversion how = { .width = 0 };

	for (; **at == '0' || **at == '#'; (*at)++) {
		how.zero |= **at == '0';
		how.alternate |= **at == '#';
	}
	for (; **at >= '0' && **at <= '9'; (*at)++)
		how.width = how.width < 1000 ? how.width * 10 + (size_t)(**at - '0') :
		                               how.width;
	for (; **at == 'l' || **at == 'z'; (*at)++)
		how.wide = true;
	return how;
}

static uint64_t take(const struct conversion *how, va_list *arguments)
{
	return how->wide ? va_arg(*arguments, uint64_t) : va_arg(*arguments, uint32_t);
}

/* The conversion of that letter; false when there is none. */
static bool put_conversion(struct output *out, char letter, struct conversion *how,
                           va_list *arguments)
{
	const char *text;
	int64_t value;

	switch (letter) {
	case 'd':
		value = how->wide ? va_arg(*arguments, int64_t) :
		                    va_arg(*arguments, int32_t);
		put_number(out, how, value < 0 ? -(uint64_t)value : (uint64_t)value, 10,
		           value < 0 ? "-" : "");
		return true;
	case 'u':
		put_number(out, how, take(how, arguments), 10, "");
		return true;
	case 'x':
		put_number(out, how, take(how, arguments), 16,
		           how->alternate ? "0x" : "");
		return true;
	case 's':
		text = va_arg(*arguments, const char *);
		text = text ? text : "(null)";
		how->zero = false;
		put_field(out, how, "", text, length_of(text));
		return true;
	case '%':
		put(out, '%');
		return true;
	default:
		return false;
	}
}

static void put_all(struct output *out, const char *format, va_list *arguments)
{
	while (*format != 0) {
		const char *start = format;

		if (*format++ != '%') {
			put(out, *start);
			continue;
		}
		struct conversion how = read_conversion(&format);

		if (*format != 0 && put_conversion(out, *format, &how, arguments))
			format++;
		else
			for (; start < format; start++)
				put(out, *start);
	}
}

size_t format_text_list(char *text, size_t size, const char *format, va_list arguments)
{
	struct output out = { .text = text, .size = size };
	va_list copy; /* a va_list parameter may be an array, whose address is not a va_list * */

	va_copy(copy, arguments);
	put_all(&out, format, &copy);
	va_end(copy);
	if (size > 0)
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
