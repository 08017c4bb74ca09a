/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Formatted text without libc. */
#include "hypervisor/core/format.h"

#include <stdbool.h>
#include <stdint.h>

enum { NUMBER_MAX = 64 };

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

static void put_text(struct output *out, size_t width, const char *text)
{
	size_t length = 0;

	while (text[length] != 0)
		length++;
	for (; width > length && out->length + 1 < out->size; width--)
		put(out, ' ');
	while (*text != 0)
		put(out, *text++);
}

/* `prefix` stays in front of padding zeros. */
static void put_number(struct output *out, const struct conversion *how, uint64_t value,
                       unsigned int base, const char *prefix)
{
	char text[NUMBER_MAX]; /* 2^64 has 20 decimal digits, a prefix two characters */
	size_t at = NUMBER_MAX - 1;
	size_t prefix_length = prefix[0] == 0 ? 0 : prefix[1] == 0 ? 1 : 2;
	size_t width = how->zero ? how->width : 0;

	text[at] = 0;
	do {
		text[--at] = "0123456789abcdef"[value % base];
		value /= base;
	} while (value != 0 ||
	         (at > prefix_length && NUMBER_MAX - 1 - at + prefix_length < width));
	while (prefix_length > 0)
		text[--at] = prefix[--prefix_length];
	put_text(out, how->width, text + at);
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

/* The conversion of that letter; false when there is none. */
static bool put_conversion(struct output *out, char letter, const struct conversion *how,
                           va_list *arguments)
{
	const char *text;
	uint64_t value;

	if (letter == 's') {
		text = va_arg(*arguments, const char *);
		put_text(out, how->width, text ? text : "(null)");
		return true;
	}
	if (letter != 'd' && letter != 'u' && letter != 'x')
		return false;
	value = how->wide ? va_arg(*arguments, uint64_t) : va_arg(*arguments, uint32_t);
	if (letter == 'x')
		put_number(out, how, value, 16, how->alternate ? "0x" : "");
	else if (letter == 'd' && value >> (how->wide ? 63 : 31))
		put_number(out, how, how->wide ? -value : (uint32_t)-value, 10, "-");
	else
		put_number(out, how, value, 10, "");
	return true;
}

size_t format_text_list(char *text, size_t size, const char *format, va_list arguments)
{
	struct output out = { .text = text, .size = size };
	va_list copy; /* a va_list parameter may be an array, whose address is not a va_list * */

	va_copy(copy, arguments);
	while (*format != 0) {
		const char *start = format;

		if (*format++ != '%') {
			put(&out, *start);
			continue;
		}
		struct conversion how = read_conversion(&format);

		if (*format != 0 && put_conversion(&out, *format, &how, &copy))
			format++;
		else
			for (; start < format; start++)
				put(&out, *start);
	}
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
