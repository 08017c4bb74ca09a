/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The kernel has no <stdint.h>; our ABI headers want its names. */
#ifndef VIRIDIS_SHIM_STDINT_H
#define VIRIDIS_SHIM_STDINT_H

#include <linux/types.h>

#define UINT32_C(value) value##U
#define UINT64_C(value) value##ULL

#endif
