/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the loader handed to the guest, and how the guest begins and ends. */
#ifndef VSC_LIB_GUEST_H
#define VSC_LIB_GUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "hypervisor/core/boot_info.h"
#include "root-partition/loader/core/acpi.h"

/* Called by boot.S on the first VP, then calls guest_main(). */
_Noreturn void guest_start(uint8_t *boot_params);

/* The program; returns when done. */
void guest_main(void);

/*
 * Ends the guest as the command line's exit= says: "acpi" (power off; the default), "reset" (by ACPI's
 * register, else the keyboard controller), "port:N" (a byte written to port N), or "halt". What does not
 * work ends in a halt.
 */
_Noreturn void guest_exit(void);

/* The memory map, from boot_params. */
const struct boot_info *guest_info(void);

/* Processors and power registers. */
const struct acpi_info *guest_acpi(void);

/* An ACPI table whose checksum is right, or NULL. */
const void *guest_acpi_table(const char signature[4]);

/* The value of NAME=VALUE on the command line copied to `value`; false: not there, or too long. */
bool guest_option(const char *name, char *value, size_t size);

/* A number, decimal or with 0x, or `otherwise`. */
uint64_t guest_option_number(const char *name, uint64_t otherwise);

/* "NAME=START-END", both hexadecimal. */
bool guest_option_range(const char *name, uint64_t *start, uint64_t *end);

/* Whether tests= names this group in its comma-separated list, or has "default" and it is one. */
bool guest_wants(const char *group, bool is_default);

/* Zeroed pages of RAM, never given back; bails out when none is left. */
void *pages_take(size_t count);

/* A page of RAM below 1 MiB that holds nothing, for starting processors; 0: none. */
uint64_t guest_low_page(void);

#endif
