/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The servant's beginning, its tasks and its end, by raw hypercalls. */
#include "tests/guest/servant.h"

#include <viridis/abi/hv_intercept.h>
#include <viridis/abi/hv_register.h>
#include <viridis/base/bits.h>
#include <viridis/base/mem.h>
#include "tests/guest/partition.h"
#include "vsc/lib/clock.h"
#include "vsc/lib/guest.h"
#include "vsc/lib/synic.h"
#include "vsc/lib/tap.h"

#define REGISTER_RCX  (HV_X64_REGISTER_RAX + 1)
#define REGISTER_RDX  (HV_X64_REGISTER_RAX + 2)
#define REGISTER_RSP  (HV_X64_REGISTER_RAX + 4)
#define PATIENCE_MS   10000
#define LOOK_MS       2
#define STACK_BYTES   0x400
#define CR0_LONG      UINT64_C(0x80010011) /* PG, WP, ET, PE */
#define CR4_PAE       UINT64_C(0x20)
#define EFER_LONG     UINT64_C(0x500) /* LMA, LME */
#define TABLE_ENTRY   0x7u
#define LARGE_ENTRY   0x87u
#define GATE          UINT64_C(0x8e00)             /* present, an interrupt's */
#define CODE64        UINT64_C(0x00af9b000000ffff) /* as CS is below */
#define DATA          UINT64_C(0x00cf93000000ffff)
#define APIC_BASE     UINT64_C(0xfee00c00) /* x2APIC */
#define APIC_BASE_BSP UINT64_C(0x100)

extern const uint8_t servant_code[], servant_code_end[];
extern const uint8_t servant_rdmsr[], servant_wrmsr[], servant_cpuid[], servant_load[],
	servant_store[], servant_vmmcall[];
extern const uint8_t servant_signal[], servant_halt[], servant_count[];
extern const uint8_t servant_startup[], servant_startup_end[];

void *servant_memory(const struct servant *servant, uint64_t gpa)
{
	return servant->memory + gpa;
}

static void write_idt(struct servant *servant)
{
	uint64_t *idt = servant_memory(servant, SERVANT_IDT);

	for (uint64_t vector = 0; vector < 256; vector++) {
		uint64_t at = SERVANT_CODE + SERVANT_STUB_BYTES * vector;

		idt[2 * vector] = (at & 0xffff) | SERVANT_CODE64 << 16 | GATE << 32 |
		                  (at & 0xffff0000) << 32;
	}
}

static void write_memory(struct servant *servant)
{
	uint64_t *tables = servant_memory(servant, SERVANT_TABLES);
	uint64_t *gdt = servant_memory(servant, SERVANT_GDT);

	memset(servant->memory, 0, SERVANT_PAGES * PAGE_4K);
	tables[0] = (SERVANT_TABLES + PAGE_4K) | TABLE_ENTRY;
	tables[512] = (SERVANT_TABLES + 2 * PAGE_4K) | TABLE_ENTRY;
	for (uint64_t i = 0; i < 512; i++)
		tables[1024 + i] = i * PAGE_2M | LARGE_ENTRY;
	gdt[SERVANT_CODE64 / 8] = CODE64;
	gdt[SERVANT_DATA / 8] = DATA;
	write_idt(servant);
	memcpy(servant_memory(servant, SERVANT_CODE), servant_code,
	       (size_t)(servant_code_end - servant_code));
	memcpy(servant_memory(servant, SERVANT_STARTUP), servant_startup,
	       (size_t)(servant_startup_end - servant_startup));
}

static bool set64(const struct servant *servant, unsigned int vp, uint32_t name,
                  uint64_t value)
{
	enum hv_status status = vp_set_register64(servant->id, vp, name, value);

	if (status != HV_STATUS_SUCCESS)
		note("register %x of VP %u: status %x", name, vp, status);
	return status == HV_STATUS_SUCCESS;
}

static bool set_segment(const struct servant *servant, unsigned int vp, uint32_t name,
                        uint16_t selector, uint16_t attributes)
{
	const union hv_register_value value = { .segment = { .limit = 0xffffffff,
		                                             .selector = selector,
		                                             .attributes = attributes } };

	return vp_set_register(servant->id, vp, name, value) == HV_STATUS_SUCCESS;
}

static bool set_table(const struct servant *servant, unsigned int vp, uint32_t name,
                      uint64_t base)
{
	const union hv_register_value value = { .table = { .limit = 0xfff,
		                                           .base = base } };

	return vp_set_register(servant->id, vp, name, value) == HV_STATUS_SUCCESS;
}

/* Long mode, x2APIC mode, with tables of its own. */
static bool set_registers(const struct servant *servant, unsigned int vp)
{
	return set64(servant, vp, HV_REGISTER_INTERNAL_ACTIVITY_STATE, 0) &&
	       set64(servant, vp, HV_X64_REGISTER_CR3, SERVANT_TABLES) &&
	       set64(servant, vp, HV_X64_REGISTER_CR4, CR4_PAE) &&
	       set64(servant, vp, HV_X64_REGISTER_EFER, EFER_LONG) &&
	       set64(servant, vp, HV_X64_REGISTER_CR0, CR0_LONG) &&
	       set64(servant, vp, HV_X64_REGISTER_APIC_BASE,
	             APIC_BASE | (vp == 0 ? APIC_BASE_BSP : 0)) &&
	       set_segment(servant, vp, HV_X64_REGISTER_CS, SERVANT_CODE64, 0xa09b) &&
	       set_segment(servant, vp, HV_X64_REGISTER_SS, SERVANT_DATA, 0xc093) &&
	       set_segment(servant, vp, HV_X64_REGISTER_DS, SERVANT_DATA, 0xc093) &&
	       set_segment(servant, vp, HV_X64_REGISTER_ES, SERVANT_DATA, 0xc093) &&
	       set_table(servant, vp, HV_X64_REGISTER_IDTR, SERVANT_IDT) &&
	       set_table(servant, vp, HV_X64_REGISTER_GDTR, SERVANT_GDT);
}

static bool add_vp(struct servant *servant, unsigned int vp)
{
	uint64_t pfn;

	if (vp_create(servant->id, vp) != HV_STATUS_SUCCESS ||
	    vp_map_intercept_page(servant->id, vp, &pfn) != HV_STATUS_SUCCESS)
		return false;
	servant->intercept[vp] =
		(const volatile struct hv_message *)(pfn << PAGE_SHIFT_4K);
	return set_registers(servant, vp);
}

bool servant_make(struct servant *servant, uint64_t privileges, unsigned int vps)
{
	uint64_t pfns[SERVANT_PAGES];
	unsigned int done;

	if (!servant->memory)
		servant->memory = pages_take(SERVANT_PAGES);
	write_memory(servant);
	for (unsigned int i = 0; i < SERVANT_PAGES; i++)
		pfns[i] = ((uint64_t)servant->memory >> PAGE_SHIFT_4K) + i;
	if (partition_create(&servant->id) != HV_STATUS_SUCCESS)
		return false;
	stock_deposit(servant->id, SERVANT_DEPOSIT);
	if (partition_initialize(servant->id) != HV_STATUS_SUCCESS ||
	    memory_map(servant->id, 0, MAP_ALL, pfns, SERVANT_PAGES, &done) !=
	            HV_STATUS_SUCCESS)
		return false;
	if (privileges && partition_set_property(servant->id, HV_PROPERTY_PRIVILEGE_FLAGS,
	                                         privileges) != HV_STATUS_SUCCESS)
		return false;
	for (servant->vps = 0; servant->vps < vps; servant->vps++)
		if (!add_vp(servant, servant->vps))
			return false;
	return true;
}

bool servant_end(struct servant *servant)
{
	unsigned int count = 0;
	bool good = partition_finalize(servant->id) == HV_STATUS_SUCCESS &&
	            stock_withdraw(servant->id, &count) && count == SERVANT_DEPOSIT;

	if (!good)
		note("%u of %u pages came back", count, SERVANT_DEPOSIT);
	return partition_delete(servant->id) == HV_STATUS_SUCCESS && good;
}

bool servant_resume(const struct servant *servant, unsigned int vp)
{
	return set64(servant, vp, HV_REGISTER_INTERCEPT_SUSPEND, 0) &&
	       set64(servant, vp, HV_REGISTER_EXPLICIT_SUSPEND, 0);
}

bool servant_start(const struct servant *servant, unsigned int vp, enum servant_task task,
                   uint64_t rax, uint64_t rcx, uint64_t rdx)
{
	static const uint8_t *const tasks[] = {
		[SERVANT_RDMSR] = servant_rdmsr,   [SERVANT_WRMSR] = servant_wrmsr,
		[SERVANT_CPUID] = servant_cpuid,   [SERVANT_LOAD] = servant_load,
		[SERVANT_STORE] = servant_store,   [SERVANT_VMMCALL] = servant_vmmcall,
		[SERVANT_SIGNAL] = servant_signal, [SERVANT_HALT] = servant_halt,
		[SERVANT_COUNT] = servant_count,
	};

	return set64(servant, vp, HV_X64_REGISTER_RAX, rax) &&
	       set64(servant, vp, REGISTER_RCX, rcx) &&
	       set64(servant, vp, REGISTER_RDX, rdx) &&
	       set64(servant, vp, REGISTER_RSP, SERVANT_STACKS - STACK_BYTES * vp) &&
	       set64(servant, vp, HV_X64_REGISTER_RFLAGS, 2) &&
	       set64(servant, vp, HV_REGISTER_INTERNAL_ACTIVITY_STATE, 0) &&
	       set64(servant, vp, HV_X64_REGISTER_RIP,
	             SERVANT_CODE + (uint64_t)(tasks[task] - servant_code)) &&
	       servant_resume(servant, vp);
}

/* The word of SINT0 that an intercept came is not looked at: another VP's may be first. */
static bool is_intercepted(const struct servant *servant, unsigned int vp)
{
	uint64_t suspended = 0;

	return vp_get_register64(servant->id, vp, HV_REGISTER_INTERCEPT_SUSPEND,
	                         &suspended) == HV_STATUS_SUCCESS &&
	       suspended;
}

static struct servant_answer read_answer(const volatile struct hv_message *message)
{
	struct hv_x64_io_port_intercept io;

	memcpy(&io, (const void *)message->payload, sizeof(io));
	if (message->type == HV_MESSAGE_X64_IO_PORT && io.port_number == SERVANT_SAYS)
		return (struct servant_answer){ SERVANT_DONE, io.rax };
	if (message->type == HV_MESSAGE_X64_IO_PORT && io.port_number == SERVANT_WAS_CUT)
		return (struct servant_answer){ SERVANT_CUT, io.rax };
	return (struct servant_answer){ SERVANT_OTHER, message->type };
}

struct servant_answer servant_wait(const struct servant *servant, unsigned int vp,
                                   uint64_t ms)
{
	uint64_t deadline = clock_deadline(ms), again;
	struct hv_message notice;

	while (!is_intercepted(servant, vp)) {
		if (clock_passed(deadline))
			return (struct servant_answer){ SERVANT_SILENT, 0 };
		(void)synic_wait_message(HV_SINT_INTERCEPT, &notice,
		                         LOOK_MS); /* or not */
	}
	/* A register that is read only of a VP that is off its CPU. */
	(void)vp_get_register64(servant->id, vp, HV_X64_REGISTER_RIP, &again);
	return read_answer(servant->intercept[vp]);
}

struct servant_answer servant_do(const struct servant *servant, enum servant_task task,
                                 uint64_t rax, uint64_t rcx, uint64_t rdx)
{
	if (!servant_start(servant, 0, task, rax, rcx, rdx))
		return (struct servant_answer){ SERVANT_SILENT, 0 };
	return servant_wait(servant, 0, PATIENCE_MS);
}

bool servant_stop(const struct servant *servant, unsigned int vp)
{
	return set64(servant, vp, HV_REGISTER_EXPLICIT_SUSPEND, 1);
}

bool servant_says(const struct servant *servant, enum servant_task task, uint64_t rax,
                  uint64_t rcx, uint64_t value)
{
	struct servant_answer answer = servant_do(servant, task, rax, rcx, 0);

	if (answer.end == SERVANT_DONE && answer.value == value)
		return true;
	note("end %u with %lx, expected %lx", answer.end, answer.value, value);
	return false;
}

bool servant_sees(const struct servant *servant, uint64_t gva, uint64_t value)
{
	struct servant_answer answer = servant_do(servant, SERVANT_LOAD, 0, gva, 0);

	return answer.end == SERVANT_DONE && answer.value == value;
}
