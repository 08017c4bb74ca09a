/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The compiled DSDT; dsdt.hex is iasl's output and defines dsdt_aml_code. */
#include "root-partition/vm/dsdt.h"

#include "dsdt.hex"

const unsigned char *const dsdt_table = dsdt_aml_code;
const size_t dsdt_table_bytes = sizeof(dsdt_aml_code);
