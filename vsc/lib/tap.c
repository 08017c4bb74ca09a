/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The Test Anything Protocol, version 13, with the plan at the end. */
#include "vsc/lib/tap.h"

#include <stdarg.h>
#include "hypervisor/core/format.h"
#include "vsc/lib/console.h"
#include "vsc/lib/guest.h"

static unsigned int results;
static unsigned int failures;

static void result(bool condition, const char *sentence, va_list arguments)
{
	char text[256];

	format_text_list(text, sizeof(text), sentence, arguments);
	results++;
	if (!condition)
		failures++;
	print("%s %u - %s\n", condition ? "ok" : "not ok", results, text);
}

bool ok(bool condition, const char *sentence, ...)
{
	va_list arguments;

	va_start(arguments, sentence);
	result(condition, sentence, arguments);
	va_end(arguments);
	return condition;
}

bool ok_equal(uint64_t got, uint64_t expected, const char *sentence, ...)
{
	va_list arguments;

	va_start(arguments, sentence);
	result(got == expected, sentence, arguments);
	va_end(arguments);
	if (got != expected)
		note("got %lx, expected %lx", got, expected);
	return got == expected;
}

void skip(const char *why, ...)
{
	char text[256];
	va_list arguments;

	va_start(arguments, why);
	format_text_list(text, sizeof(text), why, arguments);
	va_end(arguments);
	results++;
	print("ok %u # SKIP %s\n", results, text);
}

void note(const char *format, ...)
{
	char text[256];
	va_list arguments;

	va_start(arguments, format);
	format_text_list(text, sizeof(text), format, arguments);
	va_end(arguments);
	print("# %s\n", text);
}

_Noreturn void bail_out(const char *why, ...)
{
	char text[256];
	va_list arguments;

	va_start(arguments, why);
	format_text_list(text, sizeof(text), why, arguments);
	va_end(arguments);
	print("Bail out! %s\n", text);
	guest_exit();
}

unsigned int tap_finish(void)
{
	print("1..%u\n", results);
	note("%u of %u failed", failures, results);
	return failures;
}
