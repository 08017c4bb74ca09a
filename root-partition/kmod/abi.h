/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The ABI headers, to be included before any header of the kernel: base/bits.h has functions
 * that linux/math.h knows as macros, which is no harm in this order. The kernel's own
 * asm/hyperv-tlfs.h and asm/mshyperv.h have names of ours and are never included.
 */
#ifndef VIRIDIS_KMOD_ABI_H
#define VIRIDIS_KMOD_ABI_H

#include <viridis/abi/hv_cpuid.h>
#include <viridis/abi/hv_hypercall.h>
#include <viridis/abi/hv_intercept.h>
#include <viridis/abi/hv_msr.h>
#include <viridis/abi/hv_register.h>
#include <viridis/abi/hv_status.h>
#include <viridis/abi/hv_synic.h>
#include <viridis/abi/mshv.h>
#include <viridis/abi/viridis_intercept.h>

#undef pr_fmt
#define pr_fmt(format) "viridis: " format

#endif
