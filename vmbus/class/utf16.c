/* SPDX-License-Identifier: GPL-2.0-or-later */
/* UTF-16LE to UTF-8 and back: see utf16.h. */
#include "vmbus/class/utf16.h"

#include <stdbool.h>
#include <viridis/base/cursor.h>
#include <viridis/base/mem.h>

#define REPLACEMENT UINT32_C(0xfffd)

static bool is_first_half(uint32_t unit)
{
	return unit >= 0xd800 && unit < 0xdc00;
}

static bool is_second_half(uint32_t unit)
{
	return unit >= 0xdc00 && unit < 0xe000;
}

/* The character at the cursor; 0 at the end. A half whose other half does not follow is replaced. */
static uint32_t take_utf16(struct cursor *c)
{
	uint32_t unit = cursor_le16(c);
	struct cursor ahead = *c;
	uint32_t second;

	if (is_second_half(unit))
		return REPLACEMENT;
	if (!is_first_half(unit))
		return unit;
	second = cursor_le16(&ahead);
	if (!is_second_half(second))
		return REPLACEMENT;
	*c = ahead;
	return 0x10000 + ((unit - 0xd800) << 10) + (second - 0xdc00);
}

/* Writes the character's bytes if they fit into `room`; gives their number, or 0. */
static size_t put_utf8(uint32_t character, char *to, size_t room)
{
	static const uint8_t leads[] = { 0, 0, 0xc0, 0xe0, 0xf0 };
	size_t count = character < 0x80    ? 1 :
	               character < 0x800   ? 2 :
	               character < 0x10000 ? 3 :
	                                     4;

	if (count > room)
		return 0;
	for (size_t i = count - 1; i > 0; i--) {
		to[i] = (char)(0x80 | (character & 0x3f));
		character >>= 6;
	}
	to[0] = (char)(leads[count] | character);
	return count;
}

void utf16_decode(const uint8_t *units, size_t bytes, char *text, size_t text_bytes)
{
	struct cursor c = cursor_over(units, bytes);
	size_t at = 0;
	uint32_t character;

	while ((character = take_utf16(&c)) != 0) {
		size_t count = put_utf8(character, text + at, text_bytes - 1 - at);

		if (count == 0)
			break;
		at += count;
	}
	text[at] = '\0';
}

/* The character at *text, which moves behind it; what is no UTF-8 is replaced, byte by byte. */
static uint32_t take_utf8(const char **text)
{
	static const uint32_t smallest[] = { 0, 0, 0x80, 0x800, 0x10000 };
	const uint8_t *at = (const uint8_t *)*text;
	size_t count = at[0] < 0x80 ? 1 : at[0] < 0xe0 ? 2 : at[0] < 0xf0 ? 3 : 4;
	uint32_t character = count == 1 ? at[0] : at[0] & (0x7fu >> count);

	(*text)++;
	if (count == 1)
		return character;
	for (size_t i = 1; i < count; i++) {
		if ((at[i] & 0xc0) != 0x80) /* nor is the text's final zero one */
			return REPLACEMENT;
		character = character << 6 | (at[i] & 0x3f);
	}
	if (at[0] < 0xc0 || at[0] >= 0xf8 || character < smallest[count] ||
	    character > 0x10ffff || (character >= 0xd800 && character < 0xe000))
		return REPLACEMENT;
	*text += count - 1;
	return character;
}

static void put_unit(uint8_t *to, uint32_t unit)
{
	to[0] = (uint8_t)unit;
	to[1] = (uint8_t)(unit >> 8);
}

uint32_t utf16_encode(const char *text, uint8_t *units, size_t bytes)
{
	size_t room = bytes / 2 * 2 - 2; /* without the zero at the end */
	size_t at = 0;

	memset(units, 0, bytes);
	while (*text != '\0') {
		uint32_t character = take_utf8(&text);
		size_t count = character < 0x10000 ? 2 : 4;

		if (count > room - at)
			break;
		if (count == 4) {
			character -= 0x10000;
			put_unit(units + at, 0xd800 + (character >> 10));
			put_unit(units + at + 2, 0xdc00 + (character & 0x3ff));
		} else {
			put_unit(units + at, character);
		}
		at += count;
	}
	return (uint32_t)at + 2;
}
