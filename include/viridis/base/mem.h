/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The four memory functions that freestanding C still needs; every environment supplies them. */
#ifndef VIRIDIS_BASE_MEM_H
#define VIRIDIS_BASE_MEM_H

#ifdef __KERNEL__
#include <linux/string.h>
#else
#include <stddef.h>

void *memcpy(void *restrict to, const void *restrict from, size_t bytes);
void *memmove(void *to, const void *from, size_t bytes);
void *memset(void *to, int byte, size_t bytes);
int memcmp(const void *a, const void *b, size_t bytes);
#endif

#endif
