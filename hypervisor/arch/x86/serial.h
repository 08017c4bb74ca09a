/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The two places where log text leaves the machine: COM1 and the emulators' debug console. */
#ifndef VIRIDIS_X86_SERIAL_H
#define VIRIDIS_X86_SERIAL_H

#include <stdbool.h>
#include <stddef.h>

bool serial_init(void); /* 115200 8n1; false when no UART answers */
void serial_write(const char *text, size_t bytes);

bool debug_console_present(void);
void debug_console_write(const char *text, size_t bytes);

#endif
