/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Output on the first serial port, polled. */
#ifndef VSC_LIB_CONSOLE_H
#define VSC_LIB_CONSOLE_H

#include <stdarg.h>

void console_init(void);

/* One call's text stays together, whichever VP prints. Cut at 511 characters. */
void print(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
