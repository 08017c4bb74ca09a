/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Sizes as people write them: size_text.h. */
#include "root-partition/config/size_text.h"

#include <errno.h>
#include <string.h>

#include "root-partition/config/error_code.h"

static int unit_shift(const char *unit)
{
	static const char units[] = "KMG";
	const char *at;

	if (*unit == '\0')
		return 0;
	at = strchr(units, g_ascii_toupper(*unit));
	return at && unit[1] == '\0' ? 10 * (int)(at - units + 1) : -1;
}

gboolean size_text_parse(const char *text, uint64_t *bytes, GError **error)
{
	char *end = NULL;
	guint64 number;
	int shift;

	errno = 0;
	number = g_ascii_strtoull(text, &end, 10);
	shift = g_ascii_isdigit(text[0]) ? unit_shift(end) : -1;
	if (errno || shift < 0 || number > G_MAXUINT64 >> shift)
		return definition_invalid(
			error, "memory '%s': not a size; write for example 512M or 2G",
			text);
	*bytes = number << shift;
	return TRUE;
}

char *size_text_format(uint64_t bytes)
{
	static const struct {
		int shift;
		char unit;
	} units[] = { { 30, 'G' }, { 20, 'M' }, { 10, 'K' } };

	for (gsize i = 0; i < G_N_ELEMENTS(units); i++) {
		uint64_t unit = UINT64_C(1) << units[i].shift;

		if (bytes >= unit && bytes % unit == 0)
			return g_strdup_printf("%" G_GUINT64_FORMAT "%c", bytes / unit,
			                       units[i].unit);
	}
	return g_strdup_printf("%" G_GUINT64_FORMAT, bytes);
}
