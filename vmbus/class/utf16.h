/* SPDX-License-Identifier: GPL-2.0-or-later */
/* UTF-16LE, as packets have it, and UTF-8, as everybody else does. Both end in a zero. */
#ifndef VIRIDIS_VMBUS_CLASS_UTF16_H
#define VIRIDIS_VMBUS_CLASS_UTF16_H

#include <stddef.h>
#include <stdint.h>

/*
 * Up to a zero or `bytes`. What is no UTF-16 becomes U+FFFD, and whole characters that do not fit are left out, so
 * the result is UTF-8 whatever came. `text_bytes` is at least 1.
 */
void utf16_decode(const uint8_t *units, size_t bytes, char *text, size_t text_bytes);

/* Fills all `bytes` (at least 2), with zeros behind the text; returns the text's length with its zero. */
uint32_t utf16_encode(const char *text, uint8_t *units, size_t bytes);

#endif
