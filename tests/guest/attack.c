/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A root that tries every way out of its partition that ARCHITECTURE.md D3 names. Each must be refused
 * with a fault or be without effect, and the machine must go on. Run as the root; image=START-END and
 * hv=START-END name the hypervisor's memory, else the holes of the map are tried.
 */
#include "tests/guest/groups.h"

#include <viridis/abi/hv_hypercall.h>
#include <viridis/abi/viridis_stats.h>
#include <viridis/base/bits.h>
#include "hypervisor/core/format.h"
#include "tests/guest/attack.h"
#include "tests/guest/partition.h"
#include "vsc/lib/cpu.h"
#include "vsc/lib/guest.h"
#include "vsc/lib/hv.h"
#include "vsc/lib/tap.h"
#include "vsc/lib/trap.h"
#include "vsc/lib/try.h"

#define LIMIT_4G             (4 * PAGE_1G)
#define LIMIT_1M             UINT64_C(0x100000)
#define HOLE_MIN             PAGE_2M
#define PROBES               64u
#define APIC_WINDOW          UINT64_C(0xfee00000)
#define APIC_WINDOW_END      UINT64_C(0xfef00000)
#define IOAPIC_PIN           23u
#define IOAPIC_ENTRY(pin)    (0x10u + 2 * (pin))
#define IOAPIC_MASKED        BIT32(16)
#define PM1_SLEEP_ENABLE     BIT32(13)
#define PM1_SLEEP_TYPE_SHIFT 10
#define SLEEP_TYPES          8u

/* In the log, or a CPU's trace: whole pages of which the root is shown the place. */
static bool is_shown(uint64_t at)
{
	static struct viridis_output_get_stats out;
	const uint64_t trace_bytes =
		VIRIDIS_TRACE_RECORDS * sizeof(struct viridis_trace_record);

	(void)!stats_get(0, VIRIDIS_STATS_LOG, 0, &out); /* there is one */
	if (at - out.counter[0] < VIRIDIS_LOG_BYTES)
		return true;
	for (uint32_t cpu = 0; !stats_get(0, VIRIDIS_STATS_TRACE, cpu, &out); cpu++)
		if (at - out.counter[0] < trace_bytes)
			return true;
	return false;
}

static void memory_is_closed(uint64_t start, uint64_t end, const char *what)
{
	uint64_t step = round_down((end - start) / PROBES, PAGE_4K) + PAGE_4K;
	unsigned int loads = 0, stores = 0, probes = 0;
	uint32_t value;

	for (uint64_t at = start; at < end; at += step) {
		probes++;
		loads += try_load32(at + 8, &value).vector ==
		         (is_shown(at) ? NO_FAULT : TRAP_GP);
		stores += try_store32(at + 16, 0xffffffff).vector == TRAP_GP;
	}
	ok_equal(loads, probes,
	         "%s %lx-%lx: every load but of the log and the traces raises #GP", what,
	         start, end);
	ok_equal(stores, probes, "%s %lx-%lx: every store raises #GP", what, start, end);
	ok_equal(try_load32(end - 4, &value).vector, TRAP_GP, "%s: so does its last word",
	         what);
}

static void hypercall_blocks_are_closed(uint64_t hpa)
{
	uint64_t result = 0;
	struct fault fault = try_vmmcall(HVCALL_SIGNAL_EVENT, hpa, 0, &result);

	ok(fault.vector == NO_FAULT &&
	           hv_status_of(result) == HV_STATUS_INVALID_PARAMETER,
	   "a hypercall takes no input from the hypervisor's memory");
	result = 0;
	fault = try_vmmcall(HVCALL_GET_PARTITION_ID, 0, hpa, &result);
	ok(fault.vector == NO_FAULT &&
	           hv_status_of(result) == HV_STATUS_INVALID_PARAMETER,
	   "a hypercall writes no output to the hypervisor's memory");
}

/* A span below 4 GiB, with RAM above it, that the map calls nothing or reserved, and large enough. */
static bool next_hole(unsigned int *index, uint64_t *start, uint64_t *end)
{
	const struct boot_info *info = guest_info();

	for (; *index + 1 < info->range_count; (*index)++) {
		const struct memory_range *here = &info->ranges[*index], *next = here + 1;

		if (next->start >= LIMIT_4G || here->end < LIMIT_1M)
			continue;
		*start = here->type == MEMORY_RAM ? here->end : here->start;
		*end = here->type == MEMORY_RESERVED ? here->end : next->start;
		if (here->type != MEMORY_RAM && here->type != MEMORY_RESERVED)
			continue;
		if (*end > *start && *end - *start >= HOLE_MIN &&
		    next->type == MEMORY_RAM) {
			(*index)++;
			return true;
		}
	}
	return false;
}

static void hypervisor_memory(void)
{
	unsigned int index = 0, holes = 0;
	uint64_t start, end;

	hv_enable_hypercalls();
	if (guest_option_range("image", &start, &end))
		memory_is_closed(start, end, "the hypervisor's image");
	if (guest_option_range("hv", &start, &end)) {
		memory_is_closed(start, end, "the hypervisor's memory");
		hypercall_blocks_are_closed(start);
		return;
	}
	while (next_hole(&index, &start, &end)) {
		memory_is_closed(start, end, "hole");
		hypercall_blocks_are_closed(start);
		holes++;
	}
	if (holes == 0)
		skip("no hv= on the command line and no hole in the map");
}

/* A store there is a message-signaled interrupt of any delivery mode. APM2 16.11, Intel SDM3 11.11 */
static void message_window(void)
{
	static const uint32_t init_message = 0x4500, nmi_message = 0x4400,
			      smi_message = 0x4200;
	unsigned int closed = 0, probes = 0;

	for (uint64_t at = APIC_WINDOW + PAGE_4K; at < APIC_WINDOW_END;
	     at += 15 * PAGE_4K) {
		probes += 3;
		closed += try_store32(at, init_message).vector == TRAP_GP;
		closed += try_store32(at, nmi_message).vector == TRAP_GP;
		closed += try_store32(at, smi_message).vector == TRAP_GP;
	}
	ok_equal(closed, probes, "every store to the message window raises #GP");
}

static uint32_t ioapic_read(volatile uint32_t *ioapic, uint32_t reg)
{
	ioapic[0] = reg;
	return ioapic[4];
}

static void ioapic_write(volatile uint32_t *ioapic, uint32_t reg, uint32_t value)
{
	ioapic[0] = reg;
	ioapic[4] = value;
}

static void ioapic_entries(void)
{
	static const struct {
		uint32_t low;
		const char *name;
	} hostile[] = {
		{ 0x00000250, "SMI" },
		{ 0x00000450, "NMI" },
		{ 0x00000550, "INIT" },
		{ 0x00000750, "ExtINT" },
		{ 0x00000350, "a reserved mode" },
		{ 0x00000650, "another reserved mode" },
		{ 0x0000000f, "a fixed vector below 16" },
		{ 0x00000012, "a machine check's vector" },
		{ 0x000000f0, "a vector of the hypervisor's" },
	};
	const struct acpi_info *info = guest_acpi();
	volatile uint32_t *ioapic;
	uint32_t before;

	if (info->ioapic_count == 0) {
		skip("no IOAPIC");
		return;
	}
	ioapic = (volatile uint32_t *)info->ioapics[0].hpa;
	before = ioapic_read(ioapic, IOAPIC_ENTRY(IOAPIC_PIN));
	for (unsigned int i = 0; i < ARRAY_COUNT(hostile); i++) {
		ioapic_write(ioapic, IOAPIC_ENTRY(IOAPIC_PIN), hostile[i].low);
		ok(ioapic_read(ioapic, IOAPIC_ENTRY(IOAPIC_PIN)) & IOAPIC_MASKED,
		   "an IOAPIC entry with %s stays masked", hostile[i].name);
	}
	ioapic_write(ioapic, IOAPIC_ENTRY(IOAPIC_PIN), 0x55);
	ok_equal(ioapic_read(ioapic, IOAPIC_ENTRY(IOAPIC_PIN)) & 0x1ffff, 0x55,
	         "an IOAPIC entry with a fixed vector is taken");
	ioapic_write(ioapic, IOAPIC_ENTRY(IOAPIC_PIN), before | IOAPIC_MASKED);
}

/* Bytes and double words: no system writes the register so. */
static void odd_sleeps(uint16_t port, uint32_t value)
{
	uint16_t before = cpu_inw(port);

	log_mark();
	cpu_outb((uint16_t)(port + 1), (uint8_t)(value >> 8));
	ok(log_says("odd access of 1 bytes to port"), "a byte with it is refused");
	cpu_outl(port, value);
	ok(log_says("odd access of 4 bytes to port"), "so are four");
	ok_equal(cpu_inw(port), before, "the register is as it was");
}

static uint64_t other_exits(void)
{
	static struct viridis_output_get_stats stats;

	if (stats_get(HV_PARTITION_ID_SELF, VIRIDIS_STATS_VP, 0, &stats))
		bail_out("no counters of our own");
	return stats.counter[VIRIDIS_VP_STAT_EXIT_OTHER];
}

/* Its devices need not be coherent with the caches: what does not exit, the processor carries out. */
static void write_back(void)
{
	uint64_t before = other_exits();

	for (unsigned int i = 0; i < PROBES; i++)
		__asm__ volatile("wbinvd" : : : "memory");
	ok(other_exits() < before + PROBES, "WBINVD is the root's own");
}

/*
 * After a resume from S3 the root would run outside the hypervisor. The device keeps the type of what it is
 * written: the register shows whether anything came to it.
 */
static void sleep_states(void)
{
	const struct acpi_info *info = guest_acpi();
	uint16_t port = info->pm1a_control, before;

	if (!port || !info->s5_found) {
		skip("no PM1 control register");
		return;
	}
	for (unsigned int type = 0; type < SLEEP_TYPES; type++) {
		uint32_t value = type << PM1_SLEEP_TYPE_SHIFT | PM1_SLEEP_ENABLE;
		char line[40];

		if (type == info->s5_type_a)
			continue;
		(void)format_text(line, sizeof(line), "sleep type %u refused", type);
		before = cpu_inw(port);
		/* Another type beforehand, without the bit that makes it sleep: that passes. */
		cpu_outw(port, (uint16_t)(before ^ 1u << PM1_SLEEP_TYPE_SHIFT));
		cpu_outw(port, before);
		log_mark();
		cpu_outw(port, (uint16_t)value);
		ok(log_says(line), "the log says: %s", line);
		ok_equal(cpu_inw(port), before, "PM1 control is as it was");
	}
	odd_sleeps(port, PM1_SLEEP_ENABLE);
}

/* What a root may not write; each write would change bits. APM2 appendix A */
enum msr_answer {
	PROTECTED, /* #GP, and the content is as it was */
	HIDDEN,    /* #GP, and so is a read */
	IGNORED,   /* no fault, for every Linux writes it, and no effect */
};

static bool is_refused(uint32_t msr, uint64_t flip, enum msr_answer answer)
{
	uint64_t before = 0, after = 0;
	struct fault read = try_rdmsr(msr, &before);
	struct fault write = try_wrmsr(msr, before ^ flip);
	struct fault again = try_rdmsr(msr, &after);

	if (write.vector != (answer == IGNORED ? NO_FAULT : TRAP_GP))
		return false;
	if (answer == HIDDEN)
		return read.vector == TRAP_GP && again.vector == TRAP_GP;
	return read.vector == NO_FAULT && again.vector == NO_FAULT && before == after;
}

static void forbidden_msrs(void)
{
	static const struct {
		uint32_t number;
		uint64_t flip;
		const char *name;
		enum msr_answer answer;
	} msrs[] = {
		{ 0x00000200, 0x06, "the first variable MTRR", PROTECTED },
		{ 0x0000020f, 0x800, "the last variable MTRR's mask", PROTECTED },
		{ 0x00000250, 0x06, "a fixed MTRR", PROTECTED },
		{ 0x000002ff, 0x800, "the MTRRs' default type", PROTECTED },
		{ 0x00000400, 1, "MC0_CTL", HIDDEN },
		{ 0xc0010010, 0x40000, "SYSCFG", PROTECTED },
		{ 0xc0010015, 0x12345678, "HWCR", IGNORED },
		{ 0xc0010016, 0xfee00000, "the first I/O range base", PROTECTED },
		{ 0xc001001a, 0x800000, "TOP_MEM", PROTECTED },
		{ 0xc0010020, 0x100000, "the microcode patch loader", HIDDEN },
		{ 0xc0010050, 1, "an SMI trap", HIDDEN },
		{ 0xc0010111, 0x30000, "SMM_BASE", HIDDEN },
		{ 0xc0010113, 3, "SMM_MASK", HIDDEN },
		{ 0xc0010114, 0x2, "VM_CR", HIDDEN },
		{ 0xc0010117, 0x100000, "VM_HSAVE_PA", HIDDEN },
	};
	static const char *const answers[] = {
		[PROTECTED] = "raises #GP and leaves it as it was",
		[HIDDEN] = "raises #GP, as does a read",
		[IGNORED] = "has no effect",
	};

	for (unsigned int i = 0; i < ARRAY_COUNT(msrs); i++)
		ok(is_refused(msrs[i].number, msrs[i].flip, msrs[i].answer),
		   "a write of %s %s", msrs[i].name, answers[msrs[i].answer]);
}

static void own_registers(void)
{
	uint64_t efer = cpu_rdmsr(MSR_EFER);
	uint64_t base = cpu_rdmsr(MSR_APIC_BASE);
	struct fault fault = try_wrmsr(MSR_EFER, efer | EFER_SVME);

	ok(fault.vector == TRAP_GP && !(cpu_rdmsr(MSR_EFER) & EFER_SVME),
	   "EFER.SVME cannot be set");
	(void)try_wrmsr(MSR_APIC_BASE,
	                (base & 0xfff) | 0x200000); /* judged by what it left */
	ok_equal(cpu_rdmsr(MSR_APIC_BASE), base, "the local APIC cannot be moved");
}

static void deposited_memory(void)
{
	uint64_t page = (uint64_t)pages_take(1), pfn = page >> PAGE_SHIFT_4K, other = 0;
	unsigned int done, tries = 0;
	uint32_t value;

	*(volatile uint32_t *)page = 0x5ec2e7;
	if (!ok_equal(memory_deposit(HV_PARTITION_ID_SELF, &pfn, 1, &done),
	              HV_STATUS_SUCCESS, "a page is deposited"))
		return;
	ok_equal(try_load32(page, &value).vector, TRAP_GP, "a load from it raises #GP");
	ok_equal(try_store32(page, 1).vector, TRAP_GP, "a store to it raises #GP");
	hypercall_blocks_are_closed(page);
	/* What the pool holds besides goes back again. */
	do {
		done = 0;
		(void)memory_withdraw(HV_PARTITION_ID_SELF, &other, 1,
		                      &done); /* done tells */
		if (done && other != pfn)
			(void)memory_deposit(HV_PARTITION_ID_SELF, &other, 1,
			                     &done); /* likewise */
	} while (done && other != pfn && ++tries < 64);
	if (ok(done && other == pfn, "the page is withdrawn"))
		ok(try_load32(page, &value).vector == NO_FAULT && value == 0,
		   "it can be read again, and is zeros");
}

void group_attack(void)
{
	hypervisor_memory();
	message_window();
	ioapic_entries();
	write_back();
	sleep_states();
	forbidden_msrs();
	own_registers();
	deposited_memory();
	attack_overlays();
	attack_logs();
	ok_equal(hv_status_of(hv_call_raw(0xffff, 0, 0)),
	         HV_STATUS_INVALID_HYPERCALL_CODE,
	         "after all this the hypervisor still answers");
}
