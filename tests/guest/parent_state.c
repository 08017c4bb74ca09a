/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Save and restore by raw hypercalls: all that a VP holds is taken from one partition's VP and given to
 * another's, over the same memory, and the child goes on. Forged states are refused. The child's program is
 * child_state.S.
 */
#include "tests/guest/parent.h"

#include <viridis/abi/hv_cpuid.h>
#include <viridis/abi/hv_msr.h>
#include <viridis/abi/hv_vp_state.h>
#include <viridis/base/bits.h>
#include <viridis/base/mem.h>
#include "tests/guest/child.h"
#include "tests/guest/partition.h"
#include "vsc/lib/clock.h"
#include "vsc/lib/cpu.h"
#include "vsc/lib/guest.h"
#include "vsc/lib/hv.h"
#include "vsc/lib/tap.h"

#define SELECTOR_CODE 0x10u
#define GDT_CODE64    UINT64_C(0x00af9b000000ffff)
#define GDT_DATA      UINT64_C(0x00cf93000000ffff)
#define GATE_PRESENT  UINT64_C(0x8e0000000000)
#define DEPOSIT       128u
#define MMIO_PFN      (UINT64_C(0xfec00000) >> PAGE_SHIFT_4K)
#define BEYOND_PFN    (UINT64_C(1) << 40)
#define REPLACEMENT   0x600d0001u
#define ANSWER        0xcafeu

extern const uint8_t child_state_start[], child_state_handler[], child_state_end[];

/* All of a VP. The pages are the types HV_VP_STATE_LAPIC to _SIEF_PAGE. */
enum { LAPIC, XSAVE, SIM_PAGE, SIEF_PAGE, PAGES };

static const uint32_t names[] = {
	HV_X64_REGISTER_RAX,
	HV_X64_REGISTER_RAX + 1, /* rcx, and so on */
	HV_X64_REGISTER_RAX + 2,
	HV_X64_REGISTER_RAX + 3,
	HV_X64_REGISTER_RAX + 4,
	HV_X64_REGISTER_RAX + 5,
	HV_X64_REGISTER_RAX + 6,
	HV_X64_REGISTER_RAX + 7,
	HV_X64_REGISTER_RIP,
	HV_X64_REGISTER_RFLAGS,
	HV_X64_REGISTER_CR3,
	HV_X64_REGISTER_CR4,
	HV_X64_REGISTER_EFER,
	HV_X64_REGISTER_CR0,
	HV_X64_REGISTER_XFEM,
	HV_X64_REGISTER_ES,
	HV_X64_REGISTER_CS,
	HV_X64_REGISTER_SS,
	HV_X64_REGISTER_DS,
	HV_X64_REGISTER_IDTR,
	HV_X64_REGISTER_GDTR,
	HV_REGISTER_PENDING_INTERRUPTION,
	HV_REGISTER_INTERRUPT_STATE,
	HV_X64_REGISTER_APIC_BASE,
	HV_X64_REGISTER_APIC_TPR,
	HV_REGISTER_SINT0 + CHILD_SINT,
	HV_REGISTER_SIMP,
	HV_REGISTER_SIEFP,
	HV_REGISTER_SCONTROL,
	/* Last, as it may be over. */
	HV_REGISTER_STIMER0_CONFIG + 1, /* COUNT */
	HV_REGISTER_STIMER0_CONFIG,
};
enum { TIMER_CONFIG = ARRAY_COUNT(names) - 1, TIMER_COUNT = TIMER_CONFIG - 1 };

struct saved {
	union hv_register_value registers[ARRAY_COUNT(names)];
	void *pages[PAGES];
	uint64_t components;
};

static struct hv_input_vp_state block(const struct child *child, uint32_t type)
{
	return (struct hv_input_vp_state){ .partition_id = child->id, .type = type };
}

static enum hv_status page_state(const struct child *child, const struct saved *saved,
                                 unsigned int which, void *page, bool set)
{
	struct hv_input_vp_state in = block(child, HV_VP_STATE_LAPIC + which);
	uint64_t pfn = (uint64_t)page >> PAGE_SHIFT_4K;

	if (which == XSAVE)
		in.xfem = saved->components;
	return set ? vp_set_state(&in, 1, &pfn) : vp_get_state(&in, 1, &pfn);
}

static uint64_t components_of(const struct child *child)
{
	struct hv_input_get_partition_property in = { .partition_id = child->id,
		                                      .code = HV_PROPERTY_XSAVE_STATES };
	uint64_t components = 0;

	ok_equal(hv_status_of(hv_call(HVCALL_GET_PARTITION_PROPERTY, 0, &in, sizeof(in),
	                              &components, sizeof(components))),
	         HV_STATUS_SUCCESS, "the components of its XSAVE area are told");
	return components;
}

static bool save(const struct child *child, struct saved *saved)
{
	bool good = true;

	for (unsigned int i = 0; i < ARRAY_COUNT(names); i++)
		good &= vp_get_register(child->id, 0, names[i], &saved->registers[i]) ==
		        HV_STATUS_SUCCESS;
	ok(good, "every register of the VP is saved");
	for (unsigned int i = 0; i < PAGES; i++) {
		memset(saved->pages[i], 0, PAGE_4K);
		good &= page_state(child, saved, i, saved->pages[i], false) ==
		        HV_STATUS_SUCCESS;
	}
	return ok(good, "and its APIC, XSAVE area and SynIC pages");
}

static bool load(const struct child *child, struct saved *saved)
{
	bool good = true;

	for (unsigned int i = 0; i < ARRAY_COUNT(names); i++)
		good &= vp_set_register(child->id, 0, names[i], saved->registers[i]) ==
		        HV_STATUS_SUCCESS;
	ok(good, "another VP takes every register");
	for (unsigned int i = 0; i < PAGES; i++)
		good &= page_state(child, saved, i, saved->pages[i], true) ==
		        HV_STATUS_SUCCESS;
	return ok(good, "and every other state");
}

static void set_gate(const struct child *child, unsigned int vector, uint64_t handler)
{
	uint64_t *gate = (uint64_t *)child_memory(child, CHILD_IDT) + 2 * vector;

	gate[0] = (handler & 0xffff) | SELECTOR_CODE << 16 | GATE_PRESENT |
	          (handler & 0xffff0000) << 32;
	gate[1] = 0;
}

/* The other program, with a GDT and an IDT. */
static bool prepare(struct child *child)
{
	const union hv_register_value idtr = { .table = { .limit = PAGE_4K - 1,
		                                          .base = CHILD_IDT } };
	const union hv_register_value gdtr = { .table = { .limit = 31,
		                                          .base = CHILD_GDT } };
	const uint64_t gdt[] = { 0, 0, GDT_CODE64, GDT_DATA };
	uint64_t handler =
		CHILD_CODE + (uint64_t)(child_state_handler - child_state_start);

	memcpy(child_memory(child, CHILD_CODE), child_state_start,
	       (size_t)(child_state_end - child_state_start));
	memcpy(child_memory(child, CHILD_GDT), gdt, sizeof(gdt));
	set_gate(child, CHILD_VECTOR_SERVED, handler);
	set_gate(child, CHILD_VECTOR_WAITING, handler);
	return ok(!vp_set_register(child->id, 0, HV_X64_REGISTER_IDTR, idtr) &&
	                  !vp_set_register(child->id, 0, HV_X64_REGISTER_GDTR, gdtr),
	          "the VP gets a GDT and an IDT");
}

/* ---- CPUID: who answers ---- */

static enum hv_status cpuid_result(const struct child *child, uint16_t intercepted,
                                   bool remove)
{
	const struct hv_input_register_intercept_result in = {
		.partition_id = child->id,
		.vp_index = HV_VP_INDEX_ANY,
		.type = HV_INTERCEPT_X64_CPUID,
		.eax = CHILD_LEAF,
		.intercepted = intercepted,
		.result = { { .value = REPLACEMENT,
		              .mask = intercepted ? 0 : UINT32_MAX } },
	};

	return hv_status_of(
		remove ? hv_call(HVCALL_UNREGISTER_INTERCEPT_RESULT, 0, &in,
	                         sizeof(struct hv_input_unregister_intercept_result),
	                         NULL, 0) :
			 hv_call(HVCALL_REGISTER_INTERCEPT_RESULT, 0, &in, sizeof(in),
	                         NULL, 0));
}

/* The child's next OUT, at which it stays. */
static bool hear_and_stay(struct child *child, uint32_t expected, const char *sentence)
{
	struct hv_x64_io_port_intercept io;

	return parent_next_intercept(child, HV_MESSAGE_X64_IO_PORT, &io, sizeof(io)) &&
	       ok_equal((uint32_t)io.rax, expected, "%s", sentence) &&
	       parent_skip(child, &io.header);
}

static bool results_come_and_go(struct child *child)
{
	ok_equal(cpuid_result(child, 0, true), HV_STATUS_NOT_FOUND,
	         "a result that was not registered cannot be taken back: status 10");
	ok_equal(cpuid_result(child, 0, false), HV_STATUS_SUCCESS, "one is registered");
	parent_resume(child);
	if (!hear_and_stay(child, REPLACEMENT, "CPUID gives what was registered"))
		return false;
	ok_equal(cpuid_result(child, 0, true), HV_STATUS_SUCCESS, "it is taken back");
	parent_resume(child);
	return hear_and_stay(child, HV_INTERFACE_EAX, "CPUID gives what it gave before");
}

static bool a_leaf_is_intercepted(struct child *child)
{
	struct hv_x64_cpuid_intercept cpuid;

	ok_equal(cpuid_result(child, 2, false), HV_STATUS_INVALID_PARAMETER,
	         "a leaf is intercepted or not: status 5");
	ok_equal(cpuid_result(child, 1, true), HV_STATUS_NOT_FOUND,
	         "what is not intercepted cannot end: status 10");
	ok_equal(cpuid_result(child, 1, false), HV_STATUS_SUCCESS,
	         "the parent asks for a leaf of CPUID");
	parent_resume(child);
	if (!parent_next_intercept(child, HV_MESSAGE_X64_CPUID, &cpuid, sizeof(cpuid)))
		return false;
	ok(cpuid.given[0] == CHILD_LEAF && cpuid.usual[0] == HV_INTERFACE_EAX,
	   "it is told the leaf, and what would have been answered");
	if (vp_set_register64(child->id, 0, HV_X64_REGISTER_RAX, ANSWER) ||
	    !parent_skip(child, &cpuid.header))
		return false;
	parent_resume(child);
	if (!hear_and_stay(child, ANSWER, "the child gets the parent's answer"))
		return false;
	ok_equal(cpuid_result(child, 1, true), HV_STATUS_SUCCESS,
	         "the parent asks no more");
	parent_resume(child);
	return hear_and_stay(child, HV_INTERFACE_EAX, "and CPUID is answered as before");
}

/* ---- State ---- */

static bool fill(struct child *child, const struct saved *saved)
{
	struct hv_x64_io_port_intercept io;

	parent_resume(child);
	if (!parent_next_intercept(child, HV_MESSAGE_X64_IO_PORT, &io, sizeof(io)) ||
	    vp_set_register64(child->id, 0, HV_X64_REGISTER_RAX, saved->components) ||
	    !parent_skip(child, &io.header))
		return false;
	parent_resume(child);
	if (!hear_and_stay(child, CHILD_READY, "its VP holds state of every kind"))
		return false;
	return ok_equal(vp_set_register64(child->id, 0, HV_REGISTER_EXPLICIT_SUSPEND, 1),
	                HV_STATUS_SUCCESS, "it is stopped");
}

static void saved_is_what_was_left(const struct saved *saved)
{
	const struct hv_local_interrupt_controller_state *lapic = saved->pages[LAPIC];
	const struct hv_message_page *messages = saved->pages[SIM_PAGE];
	const struct hv_event_flags_page *flags = saved->pages[SIEF_PAGE];
	uint32_t in_message;

	memcpy(&in_message, messages->slot[CHILD_SIMP_SINT].payload, sizeof(in_message));
	ok(lapic->id == 0 && lapic->spurious == 0x1ff, "the APIC's id and SVR are saved");
	ok_equal(lapic->isr[CHILD_VECTOR_SERVED / 32], BIT32(CHILD_VECTOR_SERVED % 32),
	         "the vector in service is");
	ok_equal(lapic->irr[CHILD_VECTOR_WAITING / 32], BIT32(CHILD_VECTOR_WAITING % 32),
	         "the one requested is");
	ok_equal(*(const uint32_t *)((const uint8_t *)saved->pages[XSAVE] +
	                             HV_XSAVE_MXCSR_OFFSET),
	         CHILD_MXCSR, "MXCSR is");
	ok_equal(in_message, CHILD_PATTERN, "the message page is");
	ok_equal((uint32_t)flags->flags[CHILD_SIEFP_SINT][0], CHILD_PATTERN,
	         "the flags page is");
	ok(saved->registers[TIMER_CONFIG].reg64 & HV_STIMER_ENABLE &&
	           saved->registers[TIMER_COUNT].reg64 >= CHILD_TIMER_100NS,
	   "the timer that runs is");
}

/* ---- What must be refused ---- */

static void refused(enum hv_status status, enum hv_status expected, const char *what)
{
	ok_equal(status, expected, "%s: status %x", what, expected);
}

static void forged_blocks(const struct child *child, const struct saved *saved)
{
	struct hv_input_vp_state in = block(child, HV_VP_STATE_LAPIC);
	uint64_t pfns[2] = { (uint64_t)saved->pages[LAPIC] >> PAGE_SHIFT_4K, 0 };
	const enum hv_status bad = HV_STATUS_INVALID_PARAMETER;

	refused(vp_get_state(&in, 0, pfns), bad, "a page that is not named");
	refused(vp_get_state(&in, 2, pfns), bad, "two pages");
	in.xfem = 3;
	refused(vp_get_state(&in, 1, pfns), bad, "components of an APIC");
	in = block(child, HV_VP_STATE_XSAVE);
	refused(vp_get_state(&in, 1, pfns), bad, "an XSAVE area of nothing");
	in.xfem = ~UINT64_C(0);
	refused(vp_set_state(&in, 1, pfns), bad, "and of everything");
	in.xfem = saved->components;
	in.xsave_flags = 1;
	refused(vp_set_state(&in, 1, pfns), bad, "a compacted one");
	in = block(child, HV_VP_STATE_SIM_PAGE);
	in.input_vtl = 1;
	refused(vp_get_state(&in, 1, pfns), bad, "another VTL");
	in = block(child, 5);
	refused(vp_get_state(&in, 1, pfns), bad, "an unknown type");
	in = block(child, HV_VP_STATE_SIM_PAGE);
	in.vp_index = 1;
	refused(vp_get_state(&in, 1, pfns), HV_STATUS_INVALID_VP_INDEX,
	        "a VP that is not there");
	in = block(child, HV_VP_STATE_SIM_PAGE);
	in.partition_id = HV_PARTITION_ID_SELF;
	refused(vp_get_state(&in, 1, pfns), HV_STATUS_ACCESS_DENIED, "our own VP");
}

/* Both ways: nothing is written there, nothing is read. */
static void foreign_pages(const struct child *child, uint64_t deposited)
{
	struct hv_input_vp_state in = block(child, HV_VP_STATE_SIM_PAGE);
	uint64_t start = 0, end;
	const uint64_t pfns[] = {
		MMIO_PFN,
		BEYOND_PFN,
		~UINT64_C(0),
		BIT64(52),
		deposited,
		guest_option_range("hv", &start, &end) ? start >> PAGE_SHIFT_4K : MMIO_PFN
	};

	for (unsigned int i = 0; i < ARRAY_COUNT(pfns); i++) {
		refused(vp_get_state(&in, 1, &pfns[i]), HV_STATUS_INVALID_PARAMETER,
		        "state into a page not ours");
		refused(vp_set_state(&in, 1, &pfns[i]), HV_STATUS_INVALID_PARAMETER,
		        "state out of a page not ours");
	}
}

/* One 32-bit word of a page that is good, at an offset; how it is forged. */
static const struct {
	unsigned int page, offset;
	uint32_t value;
	const char *what;
} forged[] = {
	{ XSAVE, HV_XSAVE_XSTATE_BV_OFFSET + 4, 0x80000000, "a component 63" },
	{ XSAVE, HV_XSAVE_XSTATE_BV_OFFSET, 0x207, "a component that nobody has" },
	{ XSAVE, HV_XSAVE_XCOMP_BV_OFFSET, 1, "an area that says it is compacted" },
	{ XSAVE, HV_XSAVE_XCOMP_BV_OFFSET + 4, 0x80000000, "likewise, as XSAVEC does" },
	{ XSAVE, HV_XSAVE_XCOMP_BV_OFFSET + 8, 1, "a reserved byte of its header" },
	{ XSAVE, HV_XSAVE_COMPONENTS - 4, 0x01000000, "the last one" },
	{ XSAVE, HV_XSAVE_MXCSR_OFFSET, 0x10000, "a reserved bit of MXCSR" },
	{ XSAVE, HV_XSAVE_MXCSR_OFFSET, 0xffffffff, "all of them" },
	{ LAPIC, 0, 9, "another APIC's id" },
	{ LAPIC, 20, 0x8000, "vector 15 in service" },
	{ LAPIC, 84, 1, "vector 0 requested" },
	{ LAPIC, 84, 0xffffffff, "all vectors requested" },
	{ LAPIC, 128, 0x40000, "a timer mode that is none" },
	{ LAPIC, 164, 0xffffffff, "a count beyond the initial one" },
};

static void forged_pages(const struct child *child, const struct saved *saved)
{
	uint8_t *page = pages_take(1);

	for (unsigned int i = 0; i < ARRAY_COUNT(forged); i++) {
		memcpy(page, saved->pages[forged[i].page], PAGE_4K);
		memcpy(page + forged[i].offset, &forged[i].value, 4);
		refused(page_state(child, saved, forged[i].page, page, true),
		        HV_STATUS_INVALID_PARAMETER, forged[i].what);
	}
}

static void forged_timers(const struct child *child)
{
	refused(vp_set_register64(child->id, 0, HV_REGISTER_STIMER0_CONFIG + 4,
	                          HV_STIMER_ENABLE | HV_STIMER_DIRECT),
	        HV_STATUS_INVALID_REGISTER_VALUE, "a timer that raises vector 0");
}

static void running_vps(const struct child *child, struct saved *saved)
{
	refused(page_state(child, saved, SIM_PAGE, saved->pages[SIM_PAGE], false),
	        HV_STATUS_INVALID_VP_STATE, "the state of a VP that runs");
	refused(page_state(child, saved, SIM_PAGE, saved->pages[SIM_PAGE], true),
	        HV_STATUS_INVALID_VP_STATE, "a state for one");
}

/* ---- All of it ---- */

static bool goes_on(struct child *child, struct saved *saved)
{
	parent_resume(child);
	if (!parent_hear(child, 0, "the child has its APIC id") ||
	    !parent_hear(child, CHILD_TPR, "its TPR") ||
	    !parent_hear(child, BIT32(CHILD_VECTOR_SERVED % 32), "its ISR") ||
	    !parent_hear(child, BIT32(CHILD_VECTOR_WAITING % 32), "its IRR") ||
	    !parent_hear(child, CHILD_PATTERN, "its XMM7") ||
	    !parent_hear(child, CHILD_MXCSR, "its MXCSR") ||
	    !parent_hear(child, 1, "its x87 stack") ||
	    !parent_hear(child, CHILD_PATTERN, "the upper half of its YMM6, if any") ||
	    !parent_hear(child, CHILD_PATTERN, "its message page") ||
	    !parent_hear(child, CHILD_PATTERN, "its flags page"))
		return false;
	running_vps(child, saved);
	return parent_hear(child, HV_MESSAGE_TIMER_EXPIRED, "its timer expires") &&
	       parent_hear(child, 1, "it has taken one interrupt") &&
	       parent_hear(child, 2, "and after EOI takes the other");
}

/* Any bytes behind a good header are some state: nothing but the child can stumble over them. */
static void any_registers_will_do(struct child *child, const struct saved *saved)
{
	uint8_t *page = pages_take(1);
	uint32_t mxcsr = 0xffff;

	for (unsigned int i = 0; i < PAGE_4K; i++)
		page[i] = (uint8_t)(i * 151 + 7);
	memcpy(page + HV_XSAVE_MXCSR_OFFSET, &mxcsr, sizeof(mxcsr));
	memset(page + HV_XSAVE_XSTATE_BV_OFFSET, 0,
	       HV_XSAVE_COMPONENTS - HV_XSAVE_XSTATE_BV_OFFSET);
	memcpy(page + HV_XSAVE_XSTATE_BV_OFFSET, &saved->components, 8);
	ok_equal(vp_set_register64(child->id, 0, HV_REGISTER_EXPLICIT_SUSPEND, 1),
	         HV_STATUS_SUCCESS, "the VP is stopped");
	ok_equal(page_state(child, saved, XSAVE, page, true), HV_STATUS_SUCCESS,
	         "it gets random registers");
	ok(!vp_set_register64(child->id, 0, HV_REGISTER_INTERNAL_ACTIVITY_STATE, 0) &&
	           !vp_set_register64(child->id, 0, HV_X64_REGISTER_RIP, CHILD_CODE),
	   "and begins again");
	parent_resume(child);
	(void)hear_and_stay(child, HV_INTERFACE_EAX, "with them, it runs"); /* the last */
}

static void move(struct child *child, struct saved *saved)
{
	uint64_t deposited = (uint64_t)pages_take(1) >> PAGE_SHIFT_4K;
	unsigned int done;

	if (!save(child, saved))
		return;
	saved_is_what_was_left(saved);
	child_take_down(child);
	if (!child_make_over(child) || !load(child, saved))
		return;
	forged_blocks(child, saved);
	ok_equal(memory_deposit(HV_PARTITION_ID_SELF, &deposited, 1, &done),
	         HV_STATUS_SUCCESS, "a page is deposited");
	foreign_pages(child, deposited);
	forged_pages(child, saved);
	forged_timers(child);
	if (goes_on(child, saved))
		any_registers_will_do(child, saved);
}

void save_and_load(struct child *child)
{
	static struct saved saved;

	for (unsigned int i = 0; i < PAGES; i++)
		saved.pages[i] = pages_take(1);
	if (!child_make(child))
		return;
	saved.components = components_of(child);
	if (prepare(child) && results_come_and_go(child) &&
	    a_leaf_is_intercepted(child) && fill(child, &saved))
		move(child, &saved);
	child_take_down(child);
}
