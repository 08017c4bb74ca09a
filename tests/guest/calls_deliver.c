/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A parent that raises interrupts in a child of two VPs, and posts and signals to it without a port. */
#include "tests/guest/calls.h"

#include <viridis/abi/hv_intercept.h>
#include <viridis/abi/hv_msr.h>
#include <viridis/abi/hv_register.h>
#include <viridis/base/bits.h>
#include <viridis/base/mem.h>
#include "tests/guest/partition.h"
#include "tests/guest/servant.h"
#include "vsc/lib/clock.h"
#include "vsc/lib/cpu.h"
#include "vsc/lib/guest.h"
#include "vsc/lib/smp.h"
#include "vsc/lib/synic.h"
#include "vsc/lib/tap.h"
#include "vsc/lib/trap.h"

#define VECTOR       0x51u
#define VECTOR_LEVEL 0x61u
#define VECTOR_SINT  0x71u
#define SINT         4u
#define FLAG         300u
#define FAST_FLAG    500u
#define X2APIC_SVR   0x80fu
#define SVR_ENABLED  0x1ffu
#define EVERYBODY    0xffu
#define PATIENCE_MS  10000
#define QUIET_MS     30
#define BOTH         3u /* logical ids of VPs 0 and 1: cluster 0, bits 0 and 1 */
#define STARTUP_PAGE (SERVANT_STARTUP >> 12)
#define TYPE(name)   ((uint64_t)HV_INTERRUPT_##name)

/* ---- Interrupts ---- */

static bool wait_for_interrupts(const struct servant *servant)
{
	bool good = true;

	for (unsigned int vp = 0; vp < SERVANT_VPS; vp++)
		good &= servant_start(servant, vp, SERVANT_HALT, 0, 0, 0);
	return good;
}

static bool is_cut_by(struct servant_answer answer, uint64_t vector)
{
	return answer.end == SERVANT_CUT && answer.value == vector;
}

static bool is_quiet(const struct servant *servant, unsigned int vp)
{
	return servant_wait(servant, vp, QUIET_MS).end == SERVANT_SILENT;
}

/* Stopped, whatever it does; the interrupt that it had, if any, is over. */
static void settle(const struct servant *servant, unsigned int vp, bool had_one)
{
	bool good = servant_stop(servant, vp);

	if (had_one)
		good &= servant_start(servant, vp, SERVANT_WRMSR, 0, HV_MSR_EOI, 0) &&
		        servant_wait(servant, vp, PATIENCE_MS).end == SERVANT_DONE;
	ok(good, "VP %u is stopped%s", vp, had_one ? ", its interrupt ended" : "");
}

/* Both wait; after the call the VPs of the mask `hit`, and they alone, have got the vector. */
static void reaches(const struct servant *servant, uint64_t control, uint64_t destination,
                    unsigned int hit, const char *what)
{
	ok(wait_for_interrupts(servant), "both VPs wait");
	ok_equal(interrupt_assert(servant->id, control, destination, VECTOR),
	         HV_STATUS_SUCCESS, "an interrupt %s is asserted", what);
	for (unsigned int vp = 0; vp < SERVANT_VPS; vp++) {
		if (hit >> vp & 1)
			ok(is_cut_by(servant_wait(servant, vp, PATIENCE_MS), VECTOR),
			   "VP %u gets it", vp);
		else
			ok(is_quiet(servant, vp), "VP %u does not", vp);
		settle(servant, vp, hit >> vp & 1);
	}
}

static void lowest_priority(const struct servant *servant)
{
	struct servant_answer answers[SERVANT_VPS];
	unsigned int got = 0;

	ok(wait_for_interrupts(servant), "both VPs wait");
	ok_equal(interrupt_assert(servant->id,
	                          TYPE(LOWEST_PRIORITY) | HV_INTERRUPT_LOGICAL, BOTH,
	                          VECTOR),
	         HV_STATUS_SUCCESS, "one of lowest priority is asserted for both");
	clock_wait_ms(QUIET_MS);
	for (unsigned int vp = 0; vp < SERVANT_VPS; vp++) {
		answers[vp] = servant_wait(servant, vp, QUIET_MS);
		got += is_cut_by(answers[vp], VECTOR);
	}
	ok_equal(got, 1, "one VP gets it");
	ok(answers[0].end == SERVANT_SILENT || answers[1].end == SERVANT_SILENT,
	   "the other nothing");
	for (unsigned int vp = 0; vp < SERVANT_VPS; vp++)
		settle(servant, vp, answers[vp].end == SERVANT_CUT);
}

static void fixed(const struct servant *servant)
{
	for (unsigned int vp = 0; vp < SERVANT_VPS; vp++)
		ok(servant_start(servant, vp, SERVANT_WRMSR, SVR_ENABLED, X2APIC_SVR,
		                 0) &&
		           servant_wait(servant, vp, PATIENCE_MS).end == SERVANT_DONE,
		   "VP %u enables its local APIC", vp);
	reaches(servant, TYPE(FIXED), 0, 1, "for APIC id 0");
	reaches(servant, TYPE(FIXED), 1, 2, "for APIC id 1");
	reaches(servant, TYPE(FIXED), 7, 0, "for an id that nobody has");
	reaches(servant, TYPE(FIXED), EVERYBODY, 3, "for everybody");
	reaches(servant, TYPE(FIXED) | HV_INTERRUPT_LOGICAL, 2, 2, "for logical id 2");
	reaches(servant, TYPE(FIXED) | HV_INTERRUPT_LOGICAL, BOTH, 3,
	        "for logical ids 1 and 2");
	lowest_priority(servant);
	reaches(servant, TYPE(LOWEST_PRIORITY) | HV_INTERRUPT_LOGICAL, 2, 2,
	        "of lowest priority, for logical id 2");
}

/* The end of a level interrupt is what the IOAPIC of its parent waits for. */
static void level(const struct servant *servant)
{
	const struct hv_x64_apic_eoi_message *eoi =
		(const void *)servant->intercept[0]->payload;
	struct servant_answer answer;

	ok(servant_start(servant, 0, SERVANT_HALT, 0, 0, 0), "VP 0 waits");
	ok_equal(interrupt_assert(servant->id, TYPE(FIXED) | HV_INTERRUPT_LEVEL, 0,
	                          VECTOR_LEVEL),
	         HV_STATUS_SUCCESS, "a level interrupt is asserted");
	ok(is_cut_by(servant_wait(servant, 0, PATIENCE_MS), VECTOR_LEVEL),
	   "VP 0 gets it");
	answer = servant_do(servant, SERVANT_WRMSR, 0, HV_MSR_EOI, 0);
	ok(answer.end == SERVANT_OTHER && answer.value == HV_MESSAGE_X64_APIC_EOI &&
	           eoi->vp_index == 0 && eoi->vector == VECTOR_LEVEL,
	   "its end is told to the parent, with the vector");
	ok(servant_resume(servant, 0) &&
	           servant_wait(servant, 0, PATIENCE_MS).end == SERVANT_DONE,
	   "and the VP goes on");
}

static void nmi(const struct servant *servant)
{
	ok(servant_start(servant, 0, SERVANT_COUNT, 0, 0, 0),
	   "VP 0 counts, interrupts off");
	ok_equal(interrupt_assert(servant->id, TYPE(FIXED), 0, VECTOR), HV_STATUS_SUCCESS,
	         "an interrupt is asserted");
	ok(is_quiet(servant, 0), "it waits");
	ok_equal(interrupt_assert(servant->id, TYPE(NMI), 0, 0), HV_STATUS_SUCCESS,
	         "an NMI is asserted");
	ok(is_cut_by(servant_wait(servant, 0, PATIENCE_MS), TRAP_NMI), "it does not");
	ok(!vp_set_register64(servant->id, 0, HV_REGISTER_INTERRUPT_STATE, 0) &&
	           servant_start(servant, 0, SERVANT_HALT, 0, 0, 0) &&
	           is_cut_by(servant_wait(servant, 0, PATIENCE_MS), VECTOR),
	   "the interrupt comes when interrupts are on");
	settle(servant, 0, true);
}

/* A PIC's interrupt asks no priority and has no end. */
static void extint(const struct servant *servant)
{
	ok(!vp_set_register64(servant->id, 0, HV_X64_REGISTER_CR8, 15),
	   "VP 0 has the highest task priority");
	for (unsigned int i = 0; i < 2; i++) {
		ok(servant_start(servant, 0, SERVANT_HALT, 0, 0, 0), "it waits");
		ok_equal(interrupt_assert(servant->id, TYPE(EXTINT), 0, VECTOR),
		         HV_STATUS_SUCCESS, "an ExtINT is asserted");
		ok(is_cut_by(servant_wait(servant, 0, PATIENCE_MS), VECTOR), "it comes");
	}
	ok(!vp_set_register64(servant->id, 0, HV_X64_REGISTER_CR8, 0) &&
	           servant_stop(servant, 0),
	   "VP 0 is stopped");
}

/* How a parent with a PIC learns when its guest can take an interrupt. */
static void interrupt_window(const struct servant *servant)
{
	const struct hv_x64_interruption_deliverable_message *window =
		(const void *)servant->intercept[0]->payload;
	struct servant_answer answer;

	ok(!vp_set_register64(servant->id, 0, HV_REGISTER_DELIVERABILITY_NOTIFICATIONS,
	                      HV_DELIVERABILITY_INTERRUPT) &&
	           servant_start(servant, 0, SERVANT_COUNT, 0, 0, 0),
	   "VP 0 counts, interrupts off; its window is asked for");
	ok(is_quiet(servant, 0), "there is none");
	ok(servant_stop(servant, 0) && servant_start(servant, 0, SERVANT_HALT, 0, 0, 0),
	   "it turns interrupts on");
	answer = servant_wait(servant, 0, PATIENCE_MS);
	ok(answer.end == SERVANT_OTHER &&
	           answer.value == HV_MESSAGE_X64_INTERRUPTION_DELIVERABLE &&
	           window->type == 0 && (window->header.rflags & RFLAGS_IF),
	   "the window is told");
	ok(!interrupt_assert(servant->id, TYPE(EXTINT), 0, VECTOR) &&
	           servant_resume(servant, 0) &&
	           is_cut_by(servant_wait(servant, 0, PATIENCE_MS), VECTOR),
	   "what is asserted then comes, and the window is told once");
	ok(servant_stop(servant, 0), "VP 0 is stopped");
}

/* Of three while none can be taken, one is in service then and one waits. */
static void nmi_after_nmi(const struct servant *servant)
{
	ok(servant_stop(servant, 0), "VP 0 is stopped");
	for (unsigned int i = 0; i < 3; i++)
		ok_equal(interrupt_assert(servant->id, TYPE(NMI), 0, 0),
		         HV_STATUS_SUCCESS, "NMI %u is asserted", i);
	for (unsigned int i = 0; i < 2; i++)
		ok(servant_start(servant, 0, SERVANT_COUNT, 0, 0, 0) &&
		           is_cut_by(servant_wait(servant, 0, PATIENCE_MS), TRAP_NMI) &&
		           !vp_set_register64(servant->id, 0, HV_REGISTER_INTERRUPT_STATE,
		                              0),
		   "the VP takes an NMI");
	ok(servant_start(servant, 0, SERVANT_COUNT, 0, 0, 0) && is_quiet(servant, 0),
	   "and no third");
	settle(servant, 0, false);
}

/* TLFS 7.9.2: type 2 */
#define PENDING_NMI (HV_PENDING_INTERRUPTION_VALID | 2u << 1 | TRAP_NMI << 16)

/* As a VMM with an interrupt controller of its own delivers one: it holds off others like any. */
static void nmi_by_register(const struct servant *servant)
{
	uint64_t state = 0;

	ok(servant_stop(servant, 0) &&
	           !vp_set_register64(servant->id, 0, HV_REGISTER_PENDING_INTERRUPTION,
	                              PENDING_NMI) &&
	           servant_start(servant, 0, SERVANT_COUNT, 0, 0, 0) &&
	           is_cut_by(servant_wait(servant, 0, PATIENCE_MS), TRAP_NMI),
	   "a parent injects an NMI");
	ok(!vp_get_register64(servant->id, 0, HV_REGISTER_INTERRUPT_STATE, &state) &&
	           (state & HV_INTERRUPT_STATE_NMI),
	   "its handler is not interrupted by another");
	ok(!vp_set_register64(servant->id, 0, HV_REGISTER_INTERRUPT_STATE, 0),
	   "it has ended");
	settle(servant, 0, false);
}

/* A multiprocessor guest's start, asserted from outside. */
static void init_and_startup(const struct servant *servant)
{
	union hv_register_value cs = { .reg128 = { 0, 0 } };
	uint64_t activity = 0;

	ok(servant_start(servant, 1, SERVANT_COUNT, 0, 0, 0), "VP 1 counts");
	ok_equal(interrupt_assert(servant->id, TYPE(SIPI), 1, STARTUP_PAGE),
	         HV_STATUS_SUCCESS, "a SIPI alone");
	ok(is_quiet(servant, 1), "does nothing");
	ok_equal(interrupt_assert(servant->id, TYPE(INIT), 1, 0), HV_STATUS_SUCCESS,
	         "an INIT is asserted");
	ok(is_quiet(servant, 1) && servant_stop(servant, 1) &&
	           !vp_get_register64(servant->id, 1, HV_REGISTER_INTERNAL_ACTIVITY_STATE,
	                              &activity) &&
	           (activity & HV_ACTIVITY_STARTUP_SUSPEND),
	   "the VP waits for a SIPI");
	ok(servant_resume(servant, 1) && is_quiet(servant, 1), "and for nothing else");
	ok_equal(interrupt_assert(servant->id, TYPE(SIPI), 1, STARTUP_PAGE),
	         HV_STATUS_SUCCESS, "the SIPI is asserted");
	ok(servant_wait(servant, 1, PATIENCE_MS).end == SERVANT_DONE,
	   "the VP begins in real mode, at the SIPI's page");
	ok(!vp_get_register64(servant->id, 1, HV_X64_REGISTER_RIP, &cs.reg64) &&
	           cs.reg64 < 16,
	   "with RIP from 0 on");
}

static void bad_interrupts(const struct servant *servant)
{
	static const struct {
		uint64_t control, destination;
		uint32_t vector;
		const char *name;
	} bad[] = {
		{ HV_INTERRUPT_FIXED, 0, 15, "a vector below 16" },
		{ HV_INTERRUPT_LOWEST_PRIORITY, 0, 0, "vector 0" },
		{ HV_INTERRUPT_FIXED, 0, 0x100, "a vector above 255" },
		{ 2, 0, 0x51, "an SMI" },
		{ 3, 0, 0x51, "a remote read" },
		{ 8, 0, 0x51, "an unknown type" },
		{ 0xffffffff, 0, 0x51, "the last type" },
		{ BIT64(34), 0, 0x51, "an unknown flag" },
		{ BIT64(63), 0, 0x51, "the last flag" },
		{ HV_INTERRUPT_FIXED, BIT64(32), 0x51, "a destination of 33 bits" },
	};

	ok(servant_start(servant, 0, SERVANT_HALT, 0, 0, 0), "VP 0 waits");
	for (unsigned int i = 0; i < ARRAY_COUNT(bad); i++)
		ok_equal(interrupt_assert(servant->id, bad[i].control, bad[i].destination,
		                          bad[i].vector),
		         HV_STATUS_INVALID_PARAMETER, "%s: status 5", bad[i].name);
	ok_equal(interrupt_assert(HV_PARTITION_ID_SELF, 0, 0, VECTOR),
	         HV_STATUS_ACCESS_DENIED, "an interrupt for ourselves: status 6");
	ok(is_quiet(servant, 0), "none of them reached the child");
	ok(servant_stop(servant, 0), "VP 0 is stopped");
}

/* ---- Messages and events without a port ---- */

static struct hv_message a_message(uint8_t bytes)
{
	struct hv_message message = {
		.type = 0x80000123, /* a parent may speak for the hypervisor */
		.payload_size = bytes,
		.flags = 0xff,
		.reserved = 0xffff,
		.sender = UINT64_C(0x123456789abcdef0),
	};

	memset(message.payload, 0x3d, sizeof(message.payload));
	return message;
}

static bool has_message(const struct servant *servant)
{
	struct hv_message expected = a_message(240);
	uint64_t words[sizeof(expected) / 8];
	bool good = true;

	expected.flags = 0;
	expected.reserved = 0;
	memcpy(words, &expected, sizeof(words));
	for (unsigned int i = 0; i < ARRAY_COUNT(words); i++)
		good &= servant_sees(servant,
		                     SERVANT_SIMP + SINT * sizeof(expected) + 8 * i,
		                     words[i]);
	return good;
}

static void bad_messages(const struct servant *servant)
{
	struct hv_message message = a_message(240);

	ok_equal(message_post_direct(servant->id, 0, HV_SINT_COUNT, &message),
	         HV_STATUS_INVALID_PARAMETER, "a message for SINT16: status 5");
	ok_equal(message_post_direct(servant->id, 2, SINT, &message),
	         HV_STATUS_INVALID_VP_INDEX, "for a VP that is not there: status e");
	ok_equal(message_post_direct(HV_PARTITION_ID_SELF, 0, SINT, &message),
	         HV_STATUS_ACCESS_DENIED, "for ourselves: status 6");
	message.payload_size = 241;
	ok_equal(message_post_direct(servant->id, 0, SINT, &message),
	         HV_STATUS_INVALID_PARAMETER, "of 241 bytes: status 5");
	message = a_message(8);
	message.type = HV_MESSAGE_NONE;
	ok_equal(message_post_direct(servant->id, 0, SINT, &message),
	         HV_STATUS_INVALID_PARAMETER, "of type 0: status 5");
}

static void synic_is_off(const struct servant *servant)
{
	struct hv_message message = a_message(240);
	bool newly;

	ok(message_post_direct(servant->id, 0, SINT, &message) != HV_STATUS_SUCCESS,
	   "no message goes to a SynIC that is off");
	ok_equal(event_signal_direct(servant->id, 0, SINT, FLAG, &newly),
	         HV_STATUS_INVALID_SYNIC_STATE, "nor an event: status 18");
	ok_equal(event_signal_fast(servant->id, 0, SINT, FLAG),
	         HV_STATUS_INVALID_SYNIC_STATE, "by a fast call neither: status 18");
}

static bool synic_on(const struct servant *servant)
{
	const struct {
		uint32_t name;
		uint64_t value;
	} registers[] = {
		{ HV_REGISTER_SIMP, SERVANT_SIMP | HV_MSR_PAGE_ENABLE },
		{ HV_REGISTER_SIEFP, SERVANT_SIEFP | HV_MSR_PAGE_ENABLE },
		{ HV_REGISTER_SCONTROL, HV_MSR_SCONTROL_ENABLE },
		{ HV_REGISTER_SINT0 + SINT, VECTOR_SINT },
	};
	bool good = true;

	for (unsigned int i = 0; i < ARRAY_COUNT(registers); i++)
		good &= !vp_set_register64(servant->id, 0, registers[i].name,
		                           registers[i].value);
	return ok(good, "the child's SynIC is turned on");
}

/* While its VP halts: the child is woken by the SINT's vector. */
static void messages(const struct servant *servant)
{
	struct hv_message message = a_message(240);

	ok(servant_start(servant, 0, SERVANT_HALT, 0, 0, 0), "VP 0 waits");
	ok_equal(message_post_direct(servant->id, 0, SINT, &message), HV_STATUS_SUCCESS,
	         "a message is posted to it");
	ok(is_cut_by(servant_wait(servant, 0, PATIENCE_MS), VECTOR_SINT),
	   "the SINT's vector wakes it");
	ok(has_message(servant), "the message is in the slot; its flags are ours to say");
	ok_equal(message_post_direct(servant->id, 0, SINT, &message),
	         HV_STATUS_INSUFFICIENT_BUFFERS, "the slot is full: status 13");
	settle(servant, 0, true);
}

static void events(const struct servant *servant)
{
	uint64_t word = SERVANT_SIEFP + SINT * 256 + FLAG / 64 * 8;
	bool newly = false;

	ok(servant_start(servant, 0, SERVANT_HALT, 0, 0, 0), "VP 0 waits");
	ok(!event_signal_direct(servant->id, 0, SINT, FLAG, &newly) && newly,
	   "an event is signaled to it, newly");
	ok(is_cut_by(servant_wait(servant, 0, PATIENCE_MS), VECTOR_SINT),
	   "the SINT's vector wakes it");
	settle(servant, 0, true);
	ok(servant_sees(servant, word, BIT64(FLAG % 64)), "one flag is up");
	ok(servant_start(servant, 0, SERVANT_HALT, 0, 0, 0), "VP 0 waits");
	ok(!event_signal_direct(servant->id, 0, SINT, FLAG, &newly) && !newly,
	   "signaled again, it is not new");
	ok(is_quiet(servant, 0), "and wakes nobody");
	ok(servant_stop(servant, 0), "VP 0 is stopped");
	ok_equal(event_signal_direct(servant->id, 0, SINT, HV_EVENT_FLAGS_PER_SINT,
	                             &newly),
	         HV_STATUS_INVALID_PARAMETER, "flag 2048: status 5");
	ok_equal(event_signal_direct(servant->id, 0, HV_SINT_COUNT, 0, &newly),
	         HV_STATUS_INVALID_PARAMETER, "SINT16: status 5");
	ok_equal(event_signal_direct(HV_PARTITION_ID_SELF, 0, SINT, 0, &newly),
	         HV_STATUS_ACCESS_DENIED, "an event to ourselves: status 6");
}

/* The input in registers, and no output. */
static void fast_events(const struct servant *servant)
{
	uint64_t word = SERVANT_SIEFP + SINT * 256 + FAST_FLAG / 64 * 8;

	ok(servant_start(servant, 0, SERVANT_HALT, 0, 0, 0), "VP 0 waits");
	ok_equal(event_signal_fast(servant->id, 0, SINT, FAST_FLAG), HV_STATUS_SUCCESS,
	         "an event is signaled to it by a fast call");
	ok(is_cut_by(servant_wait(servant, 0, PATIENCE_MS), VECTOR_SINT),
	   "the SINT's vector wakes it");
	settle(servant, 0, true);
	ok(servant_sees(servant, word, BIT64(FAST_FLAG % 64)), "the flag is up");
	ok_equal(event_signal_fast(servant->id, 0, SINT, HV_EVENT_FLAGS_PER_SINT),
	         HV_STATUS_INVALID_PARAMETER, "fast, flag 2048: status 5");
	ok_equal(event_signal_fast(servant->id, 99, SINT, 0), HV_STATUS_INVALID_VP_INDEX,
	         "fast, a VP that is not there: status e");
	ok_equal(event_signal_fast(HV_PARTITION_ID_SELF, 0, SINT, 0),
	         HV_STATUS_ACCESS_DENIED, "fast, to ourselves: status 6");
	ok_equal(event_signal_fast(servant->id + 77, 0, SINT, 0),
	         HV_STATUS_INVALID_PARTITION_ID, "fast, to nobody: status d");
}

/* ---- Where the news of an intercept goes ---- */

/* On our second VP: it lets the child go, whose intercept's message waits at its SynIC when that is turned off. */
static void lose_message(void *argument)
{
	const struct servant *servant = argument;
	struct hv_message_page *page = pages_take(1);

	cpu_wrmsr(HV_MSR_SIMP, (uint64_t)page | HV_MSR_PAGE_ENABLE);
	cpu_wrmsr(HV_MSR_SCONTROL, HV_MSR_SCONTROL_ENABLE);
	page->slot[HV_SINT_INTERCEPT].type = HV_MESSAGE_TIMER_EXPIRED; /* it is taken */
	if (!servant_stop(servant, 0) ||
	    !servant_start(servant, 0, SERVANT_VMMCALL, 0, 0, 0) ||
	    servant_wait(servant, 0, PATIENCE_MS).end == SERVANT_SILENT)
		note("the child did nothing on the second VP");
	cpu_wrmsr(HV_MSR_SCONTROL, 0);
	cpu_wrmsr(HV_MSR_SIMP, 0);
}

static void news_find_another_vp(struct servant *servant)
{
	struct hv_message message;

	if (smp_start(2) < 2) {
		skip("one VP alone");
		return;
	}
	smp_run(1, lose_message, servant);
	ok(smp_wait(1, PATIENCE_MS), "a message waits at a VP whose SynIC goes off");
	synic_enable();
	while (synic_take_message(HV_SINT_INTERCEPT, &message))
		;
	ok(servant_do(servant, SERVANT_VMMCALL, 0, 0, 0).end != SERVANT_SILENT &&
	           synic_wait_message(HV_SINT_INTERCEPT, &message, PATIENCE_MS) &&
	           message.type == HV_MESSAGE_OPAQUE_INTERCEPT &&
	           message.sender == servant->id,
	   "the child's next intercept is told where its SynIC is on");
	synic_disable();
}

void calls_deliver(void)
{
	static struct servant servant;

	if (!ok(servant_make(&servant, 0, SERVANT_VPS), "a child of two VPs is made"))
		return;
	fixed(&servant);
	level(&servant);
	nmi(&servant);
	nmi_after_nmi(&servant);
	nmi_by_register(&servant);
	extint(&servant);
	interrupt_window(&servant);
	init_and_startup(&servant);
	bad_interrupts(&servant);
	bad_messages(&servant);
	synic_is_off(&servant);
	if (synic_on(&servant)) {
		messages(&servant);
		events(&servant);
		fast_events(&servant);
	}
	news_find_another_vp(&servant);
	ok(servant_end(&servant), "its pages come back");
}
