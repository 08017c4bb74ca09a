/* SPDX-License-Identifier: GPL-2.0-or-later */
/* dsdt.asl as iasl compiled it. */
#ifndef VIRIDIS_VM_DSDT_H
#define VIRIDIS_VM_DSDT_H

#include <stddef.h>

extern const unsigned char *const dsdt_table;
extern const size_t dsdt_table_bytes;

#endif
