/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The hypercall page, and what each malformed control word or block is answered with. TLFS 3 */
#include "tests/guest/groups.h"

#include <viridis/abi/hv_cpuid.h>
#include <viridis/abi/hv_hypercall.h>
#include <viridis/abi/hv_msr.h>
#include <viridis/base/mem.h>
#include "vsc/lib/cpu.h"
#include "vsc/lib/guest.h"
#include "vsc/lib/hv.h"
#include "vsc/lib/tap.h"
#include "vsc/lib/trap.h"
#include "vsc/lib/try.h"

#define CR4_OSXSAVE UINT64_C(0x40000)

#define FILL               0x5a
#define UNKNOWN_CONNECTION 0x00abcdefu
#define REPS(count, start)                                 \
	((uint64_t)(count) << HV_CONTROL_REP_COUNT_SHIFT | \
	 (uint64_t)(start) << HV_CONTROL_REP_START_SHIFT)

static const uint8_t vmmcall_ret[] = { 0x0f, 0x01, 0xd9, 0xc3 };
static const uint8_t endbr64[] = { 0xf3, 0x0f, 0x1e, 0xfa };

static bool holds_code(const uint8_t *page)
{
	if (!memcmp(page, endbr64, sizeof(endbr64)))
		page += sizeof(endbr64);
	return !memcmp(page, vmmcall_ret, sizeof(vmmcall_ret));
}

static bool holds_fill(const uint8_t *page)
{
	for (unsigned int i = 0; i < PAGE_4K; i++)
		if (page[i] != FILL)
			return false;
	return true;
}

static bool vmmcall_is_undefined(void)
{
	uint64_t result;

	return try_vmmcall(0xffff, 0, 0, &result).vector == TRAP_UD;
}

static void page_needs_os_id(uint8_t *page)
{
	cpu_wrmsr(HV_MSR_GUEST_OS_ID, 0);
	ok_equal(try_wrmsr(HV_MSR_HYPERCALL, (uint64_t)page | HV_MSR_PAGE_ENABLE).vector,
	         NO_FAULT, "the hypercall MSR may be written without an OS id");
	ok(!(cpu_rdmsr(HV_MSR_HYPERCALL) & HV_MSR_PAGE_ENABLE),
	   "but does not become enabled");
	ok(holds_fill(page), "and the page keeps its content");
	ok(vmmcall_is_undefined(), "VMMCALL without an OS id raises #UD");
}

static void page_is_an_overlay(uint8_t *first, uint8_t *second)
{
	cpu_wrmsr(HV_MSR_GUEST_OS_ID, HV_GUEST_OS_ID);
	cpu_wrmsr(HV_MSR_HYPERCALL, (uint64_t)first | HV_MSR_PAGE_ENABLE);
	ok_equal(cpu_rdmsr(HV_MSR_HYPERCALL), (uint64_t)first | HV_MSR_PAGE_ENABLE,
	         "the enabled hypercall MSR reads back");
	ok(holds_code(first), "the hypercall page holds VMMCALL; RET");
	ok_equal(try_store32((uint64_t)first, 0).vector, TRAP_GP,
	         "a store to the hypercall page raises #GP");
	ok(holds_code(first), "and changes nothing");
	cpu_wrmsr(HV_MSR_HYPERCALL, (uint64_t)second | HV_MSR_PAGE_ENABLE);
	ok(holds_code(second), "a moved hypercall page shows at its new place");
	ok(holds_fill(first), "and the memory at the old place is as it was");
	cpu_wrmsr(HV_MSR_HYPERCALL, (uint64_t)second);
	ok(holds_fill(second), "a disabled hypercall page shows the memory below it");
	cpu_wrmsr(HV_MSR_HYPERCALL, (uint64_t)second | HV_MSR_PAGE_ENABLE);
	cpu_wrmsr(HV_MSR_GUEST_OS_ID, 0);
	ok(!(cpu_rdmsr(HV_MSR_HYPERCALL) & HV_MSR_PAGE_ENABLE) && holds_fill(second),
	   "an OS id of 0 disables the hypercall page");
}

static void page_register(uint8_t *page)
{
	cpu_wrmsr(HV_MSR_GUEST_OS_ID, HV_GUEST_OS_ID);
	for (unsigned int bit = 2; bit < 12; bit += 3)
		ok_equal(try_wrmsr(HV_MSR_HYPERCALL,
		                   (uint64_t)page | HV_MSR_PAGE_ENABLE | BIT64(bit))
		                 .vector,
		         TRAP_GP, "reserved bit %u of the hypercall MSR raises #GP", bit);
	cpu_wrmsr(HV_MSR_HYPERCALL, 0);
}

static void pages(void)
{
	uint8_t *first = pages_take(1), *second = pages_take(1);
	uint64_t id = cpu_rdmsr(HV_MSR_GUEST_OS_ID);
	uint64_t page = cpu_rdmsr(HV_MSR_HYPERCALL);

	memset(first, FILL, PAGE_4K);
	memset(second, FILL, PAGE_4K);
	page_needs_os_id(first);
	page_is_an_overlay(first, second);
	page_register(first);
	cpu_wrmsr(HV_MSR_GUEST_OS_ID, id);
	cpu_wrmsr(HV_MSR_HYPERCALL, page);
}

static void expect(uint64_t control, uint64_t input, enum hv_status status,
                   const char *what)
{
	ok_equal(hv_call_raw(control, input, 0), status, "%s: status %x", what, status);
}

static void control_words(void)
{
	const uint64_t fast_signal = HVCALL_SIGNAL_EVENT | HV_CONTROL_FAST;
	const uint64_t get_registers = HVCALL_GET_VP_REGISTERS;

	expect(0x0000, 0, HV_STATUS_INVALID_HYPERCALL_CODE, "call code 0");
	expect(0x3000, 0, HV_STATUS_INVALID_HYPERCALL_CODE, "an unassigned call code");
	expect(0xffff, 0, HV_STATUS_INVALID_HYPERCALL_CODE, "the highest call code");
	expect(0xffff | HV_CONTROL_RESERVED, 0, HV_STATUS_INVALID_HYPERCALL_CODE,
	       "the code is judged before the rest of the control word");
	for (unsigned int bit = 27; bit < 64; bit++)
		if (HV_CONTROL_RESERVED & BIT64(bit))
			ok_equal(hv_call_raw(fast_signal | BIT64(bit), UNKNOWN_CONNECTION,
			                     0),
			         HV_STATUS_INVALID_HYPERCALL_INPUT,
			         "control bit %u is reserved: status 3", bit);
	expect(fast_signal | REPS(1, 0), UNKNOWN_CONNECTION,
	       HV_STATUS_INVALID_HYPERCALL_INPUT, "a simple call with a rep count");
	expect(fast_signal | REPS(0, 1), UNKNOWN_CONNECTION,
	       HV_STATUS_INVALID_HYPERCALL_INPUT, "a simple call with a rep start");
	expect(fast_signal | BIT64(17), UNKNOWN_CONNECTION,
	       HV_STATUS_INVALID_HYPERCALL_INPUT,
	       "a variable header on a call without one");
	expect(get_registers, 0, HV_STATUS_INVALID_HYPERCALL_INPUT,
	       "a rep call without reps");
	expect(get_registers | REPS(2, 2), 0, HV_STATUS_INVALID_HYPERCALL_INPUT,
	       "a rep start at the rep count");
	expect(get_registers | REPS(1, 4095), 0, HV_STATUS_INVALID_HYPERCALL_INPUT,
	       "a rep start past the rep count");
}

static void privileges(void)
{
	struct hv_input_create_partition create = { .compatibility_version = 0x609 };
	struct hv_partition_id_block id;

	if (hv_has(HV_PRIVILEGE_CREATE_PARTITIONS)) {
		skip("a parent: refusal of its hypercalls is for children to judge");
		return;
	}
	ok_equal(hv_call(HVCALL_CREATE_PARTITION, 0, &create, sizeof(create), &id,
	                 sizeof(id)),
	         HV_STATUS_ACCESS_DENIED,
	         "a partition without the privilege creates none");
	expect(HVCALL_CREATE_PARTITION, 1, HV_STATUS_ACCESS_DENIED,
	       "the privilege is judged before the alignment");
	expect(HVCALL_DEPOSIT_MEMORY | REPS(1, 0), 0, HV_STATUS_ACCESS_DENIED,
	       "a partition without the privilege deposits nothing");
	expect(HVCALL_CREATE_PORT, 0, HV_STATUS_ACCESS_DENIED,
	       "a partition without the privilege creates no port");
	expect(HVCALL_VIRIDIS_RESUME_VP | HV_CONTROL_FAST, 0, HV_STATUS_ACCESS_DENIED,
	       "a partition without the privilege answers no intercept");
	expect(HVCALL_VIRIDIS_GET_STATS, 0, HV_STATUS_ACCESS_DENIED,
	       "a partition without the privilege does not read the hypervisor's log");
}

static void blocks(void)
{
	uint8_t *page = pages_take(2);
	struct hv_input_signal_event *signal = (void *)page;
	struct hv_input_post_message *post = (void *)page;
	uint64_t gpa = (uint64_t)page;

	for (unsigned int offset = 1; offset < 8; offset += 3)
		ok_equal(hv_call_raw(HVCALL_SIGNAL_EVENT, gpa + offset, 0),
		         HV_STATUS_INVALID_ALIGNMENT, "input at offset %u: status 4",
		         offset);
	expect(HVCALL_POST_MESSAGE, gpa + PAGE_4K - 8, HV_STATUS_INVALID_ALIGNMENT,
	       "an input block across a page's end");
	expect(HVCALL_POST_MESSAGE | HV_CONTROL_FAST, 0,
	       HV_STATUS_INVALID_HYPERCALL_INPUT,
	       "a fast call whose input is too large for registers");

	*signal = (struct hv_input_signal_event){ .connection_id = UNKNOWN_CONNECTION };
	expect(HVCALL_SIGNAL_EVENT, gpa, HV_STATUS_INVALID_CONNECTION_ID,
	       "an event to an unknown connection, memory form");
	expect(HVCALL_SIGNAL_EVENT | HV_CONTROL_FAST, UNKNOWN_CONNECTION,
	       HV_STATUS_INVALID_CONNECTION_ID,
	       "an event to an unknown connection, fast form");
	expect(HVCALL_SIGNAL_EVENT | HV_CONTROL_FAST, UNKNOWN_CONNECTION | BIT64(48),
	       HV_STATUS_INVALID_PARAMETER, "an event with a reserved bit");

	*post = (struct hv_input_post_message){ .connection_id = UNKNOWN_CONNECTION,
		                                .message_type = 1 };
	expect(HVCALL_POST_MESSAGE, gpa, HV_STATUS_INVALID_CONNECTION_ID,
	       "a message to an unknown connection");
	post->payload_size = HV_MESSAGE_PAYLOAD_BYTES + 1;
	expect(HVCALL_POST_MESSAGE, gpa, HV_STATUS_INVALID_PARAMETER,
	       "241 bytes of payload");
	post->payload_size = 8;
	post->message_type = 0x80000001;
	expect(HVCALL_POST_MESSAGE, gpa, HV_STATUS_INVALID_PARAMETER,
	       "a message type of the hypervisor's");
	post->message_type = 0;
	expect(HVCALL_POST_MESSAGE, gpa, HV_STATUS_INVALID_PARAMETER, "message type 0");
}

void group_hypercall(void)
{
	pages();
	hv_enable_hypercalls();
	ok_equal(try_user_vmmcall(0xffff).vector, TRAP_UD, "VMMCALL at CPL 3 raises #UD");
	ok_equal(try_write_cr4(cpu_read_cr4() | CR4_OSXSAVE).vector, NO_FAULT,
	         "CR4.OSXSAVE is set");
	ok_equal(try_user_xsetbv(0).vector, TRAP_GP, "XSETBV at CPL 3 raises #GP");
	control_words();
	privileges();
	blocks();
}

/* Until the partition is reset nothing undoes it: not among the default groups. TLFS 3.13 */
void group_lock(void)
{
	uint64_t locked;
	struct fault fault;

	hv_enable_hypercalls();
	locked = cpu_rdmsr(HV_MSR_HYPERCALL) | HV_MSR_HYPERCALL_LOCKED;
	cpu_wrmsr(HV_MSR_HYPERCALL, locked);
	ok_equal(cpu_rdmsr(HV_MSR_HYPERCALL), locked, "the hypercall MSR can be locked");
	fault = try_wrmsr(HV_MSR_HYPERCALL, 0);
	ok(fault.vector == TRAP_GP || fault.vector == NO_FAULT,
	   "a write of the locked MSR is refused or ignored");
	ok_equal(cpu_rdmsr(HV_MSR_HYPERCALL), locked, "and does not change it");
	expect(0xffff, 0, HV_STATUS_INVALID_HYPERCALL_CODE, "hypercalls go on");
}
