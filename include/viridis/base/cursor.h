/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A cursor over untrusted bytes. Reads past the end yield zeros and set `overrun`, so a parser reads
 * its fields straight through and checks once. Never reads outside [bytes, bytes + size).
 */
#ifndef VIRIDIS_BASE_CURSOR_H
#define VIRIDIS_BASE_CURSOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <viridis/base/mem.h>

struct cursor {
	const uint8_t *bytes;
	size_t size;
	size_t at;
	bool overrun;
};

static inline struct cursor cursor_over(const void *bytes, size_t size)
{
	return (struct cursor){ .bytes = bytes, .size = size };
}

static inline size_t cursor_left(const struct cursor *c)
{
	return c->size - c->at;
}

/* The next `count` bytes in place, or NULL and an overrun. */
static inline const uint8_t *cursor_take(struct cursor *c, size_t count)
{
	const uint8_t *here = c->bytes + c->at;

	if (c->overrun || count > c->size - c->at) {
		c->overrun = true;
		return NULL;
	}
	c->at += count;
	return here;
}

static inline void cursor_skip(struct cursor *c, size_t count)
{
	(void)cursor_take(c, count); /* an overrun is remembered in the cursor */
}

/* Copies `count` bytes, or zeros them on an overrun. */
static inline void cursor_copy(struct cursor *c, void *to, size_t count)
{
	const uint8_t *from = cursor_take(c, count);

	if (from)
		memcpy(to, from, count);
	else
		memset(to, 0, count);
}

/* At most 8 bytes, in the machine's own order: one load where `count` is known. */
static inline uint64_t cursor_le(struct cursor *c, size_t count)
{
	const uint8_t *from = cursor_take(c, count);
	uint64_t value = 0;

	if (from)
		memcpy(&value, from, count);
	return value;
}

static inline uint64_t cursor_be(struct cursor *c, size_t count)
{
	const uint8_t *from = cursor_take(c, count);
	uint64_t value = 0;

	for (size_t i = 0; from && i < count; i++)
		value = value << 8 | from[i];
	return value;
}

static inline uint8_t cursor_u8(struct cursor *c)
{
	return (uint8_t)cursor_le(c, 1);
}

static inline uint16_t cursor_le16(struct cursor *c)
{
	return (uint16_t)cursor_le(c, 2);
}

static inline uint32_t cursor_le32(struct cursor *c)
{
	return (uint32_t)cursor_le(c, 4);
}

static inline uint64_t cursor_le64(struct cursor *c)
{
	return cursor_le(c, 8);
}

static inline uint16_t cursor_be16(struct cursor *c)
{
	return __builtin_bswap16(cursor_le16(c));
}

static inline uint32_t cursor_be32(struct cursor *c)
{
	return __builtin_bswap32(cursor_le32(c));
}

static inline uint64_t cursor_be64(struct cursor *c)
{
	return __builtin_bswap64(cursor_le64(c));
}

#endif
