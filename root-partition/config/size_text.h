/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Sizes as people write them: "512M", "2G", "8192K", plain bytes. */
#ifndef VIRIDIS_CONFIG_SIZE_TEXT_H
#define VIRIDIS_CONFIG_SIZE_TEXT_H

#include <glib.h>
#include <stdint.h>

gboolean size_text_parse(const char *text, uint64_t *bytes, GError **error);

/* In the largest unit of which it is a multiple; to be freed. */
char *size_text_format(uint64_t bytes);

#endif
