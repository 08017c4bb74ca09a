/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Words of a command line: NAME=VALUE separated by spaces. */
#include "vsc/lib/options.h"

/* Length of `text` up to its end or the first `stop`. */
static size_t length_until(const char *text, char stop)
{
	size_t length = 0;

	while (text[length] && text[length] != stop)
		length++;
	return length;
}

static bool starts_with(const char *text, const char *start, size_t length)
{
	for (size_t i = 0; i < length; i++)
		if (text[i] != start[i])
			return false;
	return true;
}

bool option_value(const char *line, const char *name, char *value, size_t size)
{
	size_t name_length = length_until(name, 0);

	for (; *line; line += *line == ' ') {
		size_t word = length_until(line, ' ');
		size_t length;

		if (word <= name_length || !starts_with(line, name, name_length) ||
		    line[name_length] != '=') {
			line += word;
			continue;
		}
		length = word - name_length - 1;
		if (length >= size)
			return false;
		for (size_t i = 0; i < length; i++)
			value[i] = line[name_length + 1 + i];
		value[length] = 0;
		return true;
	}
	return false;
}

static int digit_of(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

static bool parse(const char *text, size_t length, unsigned int base, uint64_t *number)
{
	uint64_t value = 0;

	if (length > 2 && text[0] == '0' && text[1] == 'x') {
		text += 2;
		length -= 2;
		base = 16;
	}
	for (size_t i = 0; i < length; i++) {
		int digit = digit_of(text[i]);

		if (digit < 0 || (unsigned int)digit >= base ||
		    value > (~UINT64_C(0) - (unsigned int)digit) / base)
			return false;
		value = value * base + (unsigned int)digit;
	}
	*number = value;
	return length > 0;
}

bool option_number(const char *text, uint64_t *number)
{
	return parse(text, length_until(text, 0), 10, number);
}

bool option_range(const char *text, uint64_t *start, uint64_t *end)
{
	size_t first = length_until(text, '-');
	const char *second = text + first + 1;

	return text[first] == '-' && parse(text, first, 16, start) &&
	       parse(second, length_until(second, 0), 16, end) && *start < *end;
}

bool option_list_has(const char *list, const char *element)
{
	size_t length = length_until(element, 0);

	while (*list) {
		size_t word = length_until(list, ',');

		if (word == length && starts_with(list, element, length))
			return true;
		list += word + (list[word] == ',');
	}
	return false;
}
