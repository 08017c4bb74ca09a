/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Instructions that may fault, and the fault they got. */
#ifndef VSC_LIB_TRY_H
#define VSC_LIB_TRY_H

#include <stdbool.h>
#include <stdint.h>

struct trap_frame;

#define NO_FAULT 0x100u

struct fault {
	uint32_t vector; /* NO_FAULT: the instruction was carried out */
	uint32_t error;
};

struct fault try_rdmsr(uint32_t msr, uint64_t *value);
struct fault try_wrmsr(uint32_t msr, uint64_t value);
struct fault try_load32(uint64_t address, uint32_t *value);
struct fault try_store32(uint64_t address, uint32_t value);
/* String I/O on port 0, which no device is at; of one element. */
struct fault try_insb(uint64_t address);
struct fault try_insl(uint64_t address);
struct fault try_outsb(uint64_t address);
struct fault try_user_insb(uint64_t address); /* at CPL 3, IOPL 3 */
struct fault try_movsl(uint64_t to, uint64_t from);

struct fault try_vmmcall(uint64_t control, uint64_t in, uint64_t out, uint64_t *result);
struct fault try_user_vmmcall(uint64_t control); /* at CPL 3 */
struct fault try_user_xsetbv(uint64_t xcr);      /* the value is 3: x87 and SSE */

/* `operand` goes into RAX and ECX, where these instructions look for theirs. */
struct fault try_ud2(uint64_t operand);
struct fault try_int3(uint64_t operand);
struct fault try_divide(uint64_t operand);
struct fault try_vmrun(uint64_t operand);
struct fault try_vmload(uint64_t operand);
struct fault try_vmsave(uint64_t operand);
struct fault try_clgi(uint64_t operand);
struct fault try_stgi(uint64_t operand);
struct fault try_skinit(uint64_t operand);
struct fault try_invlpga(uint64_t operand);
struct fault try_monitor(uint64_t operand);
struct fault try_write_cr4(uint64_t operand);
struct fault try_xsetbv(uint64_t operand); /* of 0 into XCR`operand` */
struct fault try_write_xcr0(uint64_t value);

/* For the trap dispatcher: sends a fault of the functions above on its way; false: not one of them. */
bool try_fix(struct trap_frame *frame);

/* Where the image was put: subtract it to find an address in the linker's map. */
const void *image_base(void);

#endif
