/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The end of a boot: stop.h */
#include "hypervisor/boot/stop.h"
#include <stdint.h>

enum { COM1 = 0x3f8, DEBUG_CONSOLE = 0xe9 };

static void put(char c)
{
	__asm__ volatile("outb %0, %w1" : : "a"(c), "d"(COM1));
	__asm__ volatile("outb %0, %w1" : : "a"(c), "d"(DEBUG_CONSOLE));
}

static void put_text(const char *text)
{
	while (*text)
		put(*text++);
}

void boot_stop(const char *who, const char *why)
{
	put_text(who);
	put_text(": ");
	put_text(why);
	put_text("\r\n");
	for (;;)
		__asm__ volatile("cli; hlt");
}
