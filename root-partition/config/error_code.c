/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Kinds of errors, how one is made, their words and exit statuses. */
#include "root-partition/config/error_code.h"

#include <string.h>

G_DEFINE_QUARK(viridis - definition - error - quark, definition_error)

gboolean definition_invalid(GError **error, const char *format, ...)
{
	va_list args;

	if (error) {
		va_start(args, format);
		*error = g_error_new_valist(DEFINITION_ERROR, DEFINITION_ERROR_INVALID,
		                            format, args);
		va_end(args);
	}
	return FALSE;
}

static const struct {
	const char *word;
	int status;
} codes[] = {
	[DEFINITION_ERROR_INVALID] = { "invalid", 1 },
	[DEFINITION_ERROR_HOST] = { "failed", 1 },
	[DEFINITION_ERROR_TIME] = { "timed-out", 3 },
	[DEFINITION_ERROR_EXISTS] = { "exists", 1 },
	[DEFINITION_ERROR_UNKNOWN] = { "unknown-vm", 4 },
	[DEFINITION_ERROR_STATE] = { "wrong-state", 5 },
	[DEFINITION_ERROR_REFUSED] = { "refused", 5 },
	[DEFINITION_ERROR_BUSY] = { "busy", 5 },
	[DEFINITION_ERROR_UNSUPPORTED] = { "unsupported", 5 },
	[DEFINITION_ERROR_MALFORMED] = { "malformed", 1 },
	[DEFINITION_ERROR_COMMAND] = { "unknown-command", 1 },
	[DEFINITION_ERROR_MEMBER] = { "unknown-member", 1 },
	[DEFINITION_ERROR_VERSION] = { "unsupported-version", 1 },
};

static enum definition_error code_of(const GError *error)
{
	if (error->domain == DEFINITION_ERROR && error->code >= 0 &&
	    error->code < (int)G_N_ELEMENTS(codes))
		return (enum definition_error)error->code;
	return DEFINITION_ERROR_HOST;
}

const char *error_code_word(enum definition_error code)
{
	return codes[code].word;
}

const char *error_code_of(const GError *error)
{
	return error->domain == G_OPTION_ERROR ? "usage" : codes[code_of(error)].word;
}

enum definition_error error_code_parse(const char *word)
{
	for (gsize i = 0; i < G_N_ELEMENTS(codes); i++)
		if (strcmp(codes[i].word, word) == 0)
			return (enum definition_error)i;
	return DEFINITION_ERROR_HOST;
}

int error_code_status(const GError *error)
{
	return error->domain == G_OPTION_ERROR ? 2 : codes[code_of(error)].status;
}
