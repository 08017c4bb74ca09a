/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The VP's local APIC in both of its modes, and the Hyper-V MSRs in front of it. */
#include "tests/guest/groups.h"

#include <viridis/abi/hv_cpuid.h>
#include <viridis/abi/hv_msr.h>
#include <viridis/abi/hv_synic.h>
#include <viridis/base/bits.h>
#include "vsc/lib/apic.h"
#include "vsc/lib/clock.h"
#include "vsc/lib/cpu.h"
#include "vsc/lib/guest.h"
#include "vsc/lib/hv.h"
#include "vsc/lib/tap.h"
#include "vsc/lib/trap.h"
#include "vsc/lib/try.h"
#include "vsc/lib/vp.h"

#define VECTOR_LOW      0x51
#define VECTOR_HIGH     0x71
#define TPR_BETWEEN     0x60u
#define PATIENCE_MS     2000
#define X2APIC_MSR(reg) (0x800u + (reg))
#define HV_ICR_SELF     APIC_ICR_SELF
#define IRETQ           0xcf48 /* its two bytes */

static unsigned int order[2];
static unsigned int order_count;
static bool in_service;

static uint32_t arrivals(unsigned int vector)
{
	return this_vp()->interrupts[vector];
}

static bool arrives(unsigned int vector, uint32_t before)
{
	return clock_wait_for(&this_vp()->interrupts[vector], before + 1, PATIENCE_MS);
}

static void note_order(struct trap_frame *frame)
{
	if (order_count < ARRAY_COUNT(order))
		order[order_count++] = (unsigned int)frame->vector;
	in_service = apic_vector_set(APIC_ISR, (unsigned int)frame->vector);
	apic_eoi();
}

static void identity(const char *mode)
{
	uint32_t initial = cpu_cpuid(1, 0).ebx >> 24;

	ok_equal(apic_id() & 0xff, initial, "%s: the APIC id is CPUID's", mode);
	ok((apic_read(APIC_VERSION) & 0xff) >= 0x10, "%s: an integrated APIC's version",
	   mode);
	ok(apic_read(APIC_SVR) & APIC_SVR_ENABLE, "%s: the APIC is software-enabled",
	   mode);
}

static void self_ipi(const char *mode)
{
	uint32_t before = arrivals(VECTOR_LOW);

	apic_send(0, APIC_ICR_SELF | APIC_ICR_ASSERT | VECTOR_LOW);
	ok(apic_vector_set(APIC_IRR, VECTOR_LOW), "%s: a self IPI waits in the IRR",
	   mode);
	ok(arrives(VECTOR_LOW, before), "%s: it arrives with interrupts on", mode);
	ok(!apic_vector_set(APIC_IRR, VECTOR_LOW) &&
	           !apic_vector_set(APIC_ISR, VECTOR_LOW),
	   "%s: after its EOI neither IRR nor ISR holds it", mode);
	before = arrivals(VECTOR_LOW);
	apic_send(apic_id(), APIC_ICR_ASSERT | VECTOR_LOW);
	ok(arrives(VECTOR_LOW, before), "%s: an IPI to the own id arrives", mode);
	cpu_take_interrupts();
	ok_equal(arrivals(VECTOR_LOW), before + 1, "%s: and only once", mode);
}

static void priorities(const char *mode)
{
	uint32_t before = arrivals(VECTOR_LOW);

	apic_write(APIC_TPR, TPR_BETWEEN);
	ok_equal(cpu_read_cr8(), TPR_BETWEEN >> 4, "%s: CR8 shows the TPR", mode);
	apic_send(0, APIC_ICR_SELF | APIC_ICR_ASSERT | VECTOR_LOW);
	(void)clock_wait_for(&this_vp()->interrupts[VECTOR_LOW], before + 1,
	                     2); /* judged below */
	ok_equal(arrivals(VECTOR_LOW), before, "%s: the TPR holds a lower vector back",
	         mode);
	cpu_write_cr8(0);
	ok(arrives(VECTOR_LOW, before), "%s: CR8 lets it through again", mode);

	before = arrivals(VECTOR_LOW);
	apic_send(0, APIC_ICR_SELF | APIC_ICR_ASSERT | VECTOR_LOW);
	cpu_write_cr8(TPR_BETWEEN >> 4);
	cpu_take_interrupts();
	ok_equal(arrivals(VECTOR_LOW), before, "%s: CR8 holds back one that came before",
	         mode);
	cpu_write_cr8(0);
	ok(arrives(VECTOR_LOW, before), "%s: and lets it through", mode);

	before = arrivals(VECTOR_LOW);
	order_count = 0;
	trap_set_handler(VECTOR_LOW, note_order);
	trap_set_handler(VECTOR_HIGH, note_order);
	apic_send(0, APIC_ICR_SELF | APIC_ICR_ASSERT | VECTOR_LOW);
	apic_send(0, APIC_ICR_SELF | APIC_ICR_ASSERT | VECTOR_HIGH);
	(void)arrives(VECTOR_LOW, before + 1); /* the order is judged */
	ok(order_count == 2 && order[0] == VECTOR_HIGH && order[1] == VECTOR_LOW,
	   "%s: of two waiting vectors the higher comes first", mode);
	ok(in_service, "%s: in its handler a vector is in the ISR", mode);
	trap_set_handler(VECTOR_LOW, NULL);
	trap_set_handler(VECTOR_HIGH, NULL);
}

static void count_nmi(struct trap_frame *frame)
{
	(void)frame; /* counted by the dispatcher */
}

static void nmi(const char *mode)
{
	uint32_t before = arrivals(TRAP_NMI);

	trap_set_handler(TRAP_NMI, count_nmi);
	apic_send(apic_id(), APIC_ICR_ASSERT | APIC_ICR_NMI);
	/* An NMI needs no STI. */
	clock_wait_ms(1);
	ok_equal(arrivals(TRAP_NMI), before + 1,
	         "%s: an NMI IPI arrives with interrupts off", mode);
	trap_set_handler(TRAP_NMI, NULL);
}

static unsigned int nmis;
static bool nested;

static void send_another(struct trap_frame *frame)
{
	nested |= *(const uint16_t *)frame->rip == IRETQ;
	if (nmis++ == 0) {
		apic_send(apic_id(), APIC_ICR_ASSERT | APIC_ICR_NMI);
		apic_send(apic_id(),
		          APIC_ICR_ASSERT | APIC_ICR_NMI); /* one waits, not two */
	}
}

/* On a stack of its own the second would overwrite the first one's frame. SDM3 6.7.1 */
static void nmi_during_nmi(const char *mode)
{
	uint32_t before = arrivals(TRAP_NMI);

	nmis = 0;
	nested = false;
	trap_set_handler(TRAP_NMI, send_another);
	apic_send(apic_id(), APIC_ICR_ASSERT | APIC_ICR_NMI);
	(void)clock_wait_for(&this_vp()->interrupts[TRAP_NMI], before + 2,
	                     PATIENCE_MS); /* judged below */
	clock_wait_ms(1);
	ok_equal(nmis, 2, "%s: an NMI during another waits for its end", mode);
	ok(!nested, "%s: which is when its IRET has been carried out", mode);
	trap_set_handler(TRAP_NMI, NULL);
}

static void timer(const char *mode)
{
	uint32_t before = arrivals(VECTOR_LOW);
	uint32_t start = 1000000;

	apic_write(APIC_TIMER_DIVIDE, APIC_TIMER_DIVIDE_BY_1);
	apic_write(APIC_LVT_TIMER, VECTOR_LOW);
	apic_write(APIC_TIMER_INITIAL, start);
	ok(apic_read(APIC_TIMER_CURRENT) <= start, "%s: the timer counts down", mode);
	ok(arrives(VECTOR_LOW, before), "%s: a one-shot timer fires", mode);
	ok_equal(apic_read(APIC_TIMER_CURRENT), 0, "%s: and stands at 0", mode);
	before = arrivals(VECTOR_LOW);
	apic_write(APIC_LVT_TIMER, APIC_LVT_PERIODIC | VECTOR_LOW);
	apic_write(APIC_TIMER_INITIAL, start);
	ok(clock_wait_for(&this_vp()->interrupts[VECTOR_LOW], before + 4, PATIENCE_MS),
	   "%s: a periodic timer fires again and again", mode);
	apic_write(APIC_LVT_TIMER, APIC_LVT_MASKED | VECTOR_LOW);
	cpu_take_interrupts();
	before = arrivals(VECTOR_LOW);
	(void)clock_wait_for(&this_vp()->interrupts[VECTOR_LOW], before + 1,
	                     10); /* judged below */
	ok_equal(arrivals(VECTOR_LOW), before, "%s: a masked timer is silent", mode);
	apic_write(APIC_TIMER_INITIAL, 0);
}

static void one_mode(const char *mode)
{
	identity(mode);
	self_ipi(mode);
	priorities(mode);
	nmi(mode);
	nmi_during_nmi(mode);
	timer(mode);
}

/* What x2APIC mode refuses. APM2 16.11 */
static void x2apic_faults(void)
{
	static const struct {
		uint32_t reg;
		uint64_t value;
		const char *what;
	} refused[] = {
		{ APIC_ID, 1, "a write of the APIC id" },
		{ APIC_VERSION, 1, "a write of the version" },
		{ APIC_LDR, 1, "a write of the LDR" },
		{ APIC_ISR, 1, "a write of the ISR" },
		{ APIC_IRR, 1, "a write of the IRR" },
		{ APIC_EOI, 1, "a nonzero EOI" },
		{ APIC_TPR, 0x100, "a reserved bit of the TPR" },
		{ APIC_DFR, 0, "the DFR, which x2APIC has not" },
		{ 0x01, 0, "an unassigned register" },
		{ APIC_ICR_HIGH, 0, "the ICR's high half" },
	};
	uint64_t value;

	for (unsigned int i = 0; i < ARRAY_COUNT(refused); i++)
		ok_equal(try_wrmsr(X2APIC_MSR(refused[i].reg), refused[i].value).vector,
		         TRAP_GP, "x2apic: %s raises #GP", refused[i].what);
	ok_equal(try_rdmsr(X2APIC_MSR(APIC_EOI), &value).vector, TRAP_GP,
	         "x2apic: a read of EOI raises #GP");
	ok_equal(try_rdmsr(X2APIC_MSR(APIC_DFR), &value).vector, TRAP_GP,
	         "x2apic: a read of the DFR raises #GP");
	ok_equal(try_wrmsr(MSR_APIC_BASE,
	                   cpu_rdmsr(MSR_APIC_BASE) & ~(uint64_t)APIC_BASE_X2APIC)
	                 .vector,
	         TRAP_GP, "x2apic: the way back to xAPIC leads through disabled");
}

/* TLFS 10.2 */
static void synthetic_msrs(void)
{
	uint32_t before = arrivals(VECTOR_LOW);
	struct hv_vp_assist_page *assist = pages_take(1);

	cpu_wrmsr(HV_MSR_ICR, APIC_ICR_SELF | APIC_ICR_ASSERT | VECTOR_LOW);
	ok(arrives(VECTOR_LOW, before), "the ICR MSR sends an IPI");
	cpu_wrmsr(HV_MSR_VP_ASSIST_PAGE, (uint64_t)assist | HV_MSR_PAGE_ENABLE);
	ok_equal(cpu_rdmsr(HV_MSR_VP_ASSIST_PAGE), (uint64_t)assist | HV_MSR_PAGE_ENABLE,
	         "the assist page's MSR reads back");
	before = arrivals(VECTOR_LOW);
	apic_send(0, APIC_ICR_SELF | APIC_ICR_ASSERT | VECTOR_LOW);
	ok(arrives(VECTOR_LOW, before), "with the assist page on, interrupts arrive");
	apic_send(0, APIC_ICR_SELF | APIC_ICR_ASSERT | VECTOR_LOW);
	ok(arrives(VECTOR_LOW, before + 1),
	   "and go on arriving after an EOI that was needless");
	cpu_wrmsr(HV_MSR_VP_ASSIST_PAGE, 0);
}

static void eoi_by_msr(struct trap_frame *frame)
{
	(void)frame; /* only the EOI matters */
	cpu_wrmsr(HV_MSR_EOI, 0);
}

static void eoi_msr(void)
{
	uint32_t before = arrivals(VECTOR_LOW);

	trap_set_handler(VECTOR_LOW, eoi_by_msr);
	for (unsigned int i = 0; i < 3; i++) {
		apic_send(0, APIC_ICR_SELF | APIC_ICR_ASSERT | VECTOR_LOW);
		(void)arrives(VECTOR_LOW, before + i); /* the sum is judged */
	}
	ok_equal(arrivals(VECTOR_LOW), before + 3, "the EOI MSR ends an interrupt");
	trap_set_handler(VECTOR_LOW, NULL);
}

static volatile struct hv_vp_assist_page *assist_page;
static unsigned int eois_spared;

/* What Linux does: an interrupt whose bit is set needs no EOI. TLFS 10.3.5 */
static void eoi_by_assist(struct trap_frame *frame)
{
	uint32_t old = __atomic_fetch_and(&assist_page->apic_assist,
	                                  ~HV_VP_ASSIST_NO_EOI_REQUIRED,
	                                  __ATOMIC_SEQ_CST);

	(void)frame; /* only its EOI matters */
	if (old & HV_VP_ASSIST_NO_EOI_REQUIRED)
		eois_spared++;
	else
		apic_eoi();
}

static void eoi_assist(void)
{
	uint32_t before = arrivals(VECTOR_LOW);

	assist_page = pages_take(1);
	cpu_wrmsr(HV_MSR_VP_ASSIST_PAGE, (uint64_t)assist_page | HV_MSR_PAGE_ENABLE);
	trap_set_handler(VECTOR_LOW, eoi_by_assist);
	trap_set_handler(VECTOR_HIGH, eoi_by_assist);
	for (unsigned int i = 0; i < 8; i++) {
		apic_send(0, APIC_ICR_SELF | APIC_ICR_ASSERT | VECTOR_LOW);
		apic_send(0, APIC_ICR_SELF | APIC_ICR_ASSERT | VECTOR_HIGH);
		(void)arrives(VECTOR_LOW, before + i); /* the sum is judged */
	}
	ok_equal(arrivals(VECTOR_LOW), before + 8, "no interrupt is lost by spared EOIs");
	ok(eois_spared > 0, "some EOIs are spared");
	note("EOIs spared: %u of 16", eois_spared);
	cpu_take_interrupts();
	ok(!apic_vector_set(APIC_ISR, VECTOR_LOW) &&
	           !apic_vector_set(APIC_ISR, VECTOR_HIGH),
	   "nothing is left in service");
	trap_set_handler(VECTOR_LOW, NULL);
	trap_set_handler(VECTOR_HIGH, NULL);
	cpu_wrmsr(HV_MSR_VP_ASSIST_PAGE, 0);
}

void group_apic(void)
{
	bool found_x2apic = apic_x2apic();

	apic_set_x2apic(false);
	one_mode("xapic");
	if (apic_x2apic_offered()) {
		apic_set_x2apic(true);
		one_mode("x2apic");
		if (hv_present())
			x2apic_faults();
	} else {
		skip("x2APIC is not offered");
	}
	apic_set_x2apic(found_x2apic);
	if (!hv_has(HV_PRIVILEGE_APIC_MSRS))
		return;
	synthetic_msrs();
	eoi_msr();
	eoi_assist();
}
