/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * String I/O, and string moves from a device, whose other end is memory: a parent emulates them in a child,
 * and the child's page tables decide as they do on a processor. Bare and in a root it is one.
 */
#include "tests/guest/groups.h"

#include <stdbool.h>
#include <stdint.h>
#include <viridis/base/bits.h>
#include "vsc/lib/cpu.h"
#include "vsc/lib/paging.h"
#include "vsc/lib/guest.h"
#include "vsc/lib/tap.h"
#include "vsc/lib/trap.h"
#include "vsc/lib/try.h"

/* Error code of a page fault. APM2 8.4.2 */
#define PF_PRESENT BIT32(0)
#define PF_WRITE   BIT32(1)
#define PF_USER    BIT32(2)

#define PAGE       4096u
#define IOAPIC_GPA UINT64_C(0xfec00000)
#define VIEW(n)    (PAGING_WINDOW + (n)*PAGE)

enum { ABSENT, WRITABLE, AFTER_IT, READABLE, KERNELS };

static uint8_t *memory;

static void expect_page_fault(struct fault got, uint32_t error, uint64_t address,
                              const char *what)
{
	ok(got.vector == TRAP_PF && got.error == error && cpu_read_cr2() == address, "%s",
	   what);
	if (got.vector != TRAP_PF || got.error != error || cpu_read_cr2() != address)
		note("vector %u error %x cr2 %lx, expected error %x cr2 %lx", got.vector,
		     got.error, cpu_read_cr2(), error, address);
}

static void absent_pages(void)
{
	expect_page_fault(try_outsb(VIEW(ABSENT) + 5), 0, VIEW(ABSENT) + 5,
	                  "OUTSB from an absent page raises #PF");
	expect_page_fault(try_insb(VIEW(ABSENT) + 6), PF_WRITE, VIEW(ABSENT) + 6,
	                  "INSB to an absent page raises #PF for a write");
	memory[PAGE - 2] = memory[PAGE - 1] = 0;
	expect_page_fault(try_insl(VIEW(WRITABLE) + PAGE - 2), PF_WRITE, VIEW(AFTER_IT),
	                  "INSL into an absent second page names that page");
	ok(memory[PAGE - 2] == 0 && memory[PAGE - 1] == 0, "and stores no half of it");
	ok_equal(try_insb(PAGING_NONCANONICAL).vector, TRAP_GP,
	         "INSB to a non-canonical address raises #GP");
}

static void forbidden_pages(void)
{
	memory[0] = 0x5a;
	expect_page_fault(try_user_insb(VIEW(READABLE)), PF_PRESENT | PF_WRITE | PF_USER,
	                  VIEW(READABLE),
	                  "INSB of a user to a read-only page raises #PF");
	expect_page_fault(try_user_insb(VIEW(KERNELS)), PF_PRESENT | PF_WRITE | PF_USER,
	                  VIEW(KERNELS),
	                  "INSB of a user to the kernel's page raises #PF");
	ok_equal(memory[0], 0x5a, "neither changes the page");
	ok_equal(try_user_insb(VIEW(WRITABLE)).vector, NO_FAULT,
	         "INSB of a user to its own page is carried out");
	ok_equal(try_insb(VIEW(KERNELS)).vector, NO_FAULT,
	         "INSB of the kernel to the kernel's page is carried out");
}

/* The source is a device's where there is an I/O APIC; RAM where not, to the same end. */
static void moves_from_a_device(void)
{
	expect_page_fault(try_movsl(VIEW(ABSENT), IOAPIC_GPA), PF_WRITE, VIEW(ABSENT),
	                  "MOVSL from a device to an absent page raises #PF");
	ok_equal(try_movsl(VIEW(WRITABLE), IOAPIC_GPA).vector, NO_FAULT,
	         "MOVSL from a device to a page is carried out");
}

void group_string(void)
{
	uint64_t page;

	memory = pages_take(1);
	page = (uint64_t)memory;
	paging_view(WRITABLE, page, PAGING_USER_WRITE);
	paging_view(READABLE, page, PAGING_USER_READ);
	paging_view(KERNELS, page, PAGING_WRITE);
	absent_pages();
	forbidden_pages();
	moves_from_a_device();
}
