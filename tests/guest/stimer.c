/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Synthetic timers: direct mode, periods, messages. TLFS 12.3 */
#include "tests/guest/groups.h"

#include <viridis/abi/hv_cpuid.h>
#include <viridis/abi/hv_msr.h>
#include <viridis/base/mem.h>
#include "vsc/lib/clock.h"
#include "vsc/lib/cpu.h"
#include "vsc/lib/hv.h"
#include "vsc/lib/synic.h"
#include "vsc/lib/tap.h"
#include "vsc/lib/vp.h"

#define VECTOR_DIRECT         0x61
#define VECTOR_MESSAGE        0x62
#define SINT_TIMER            4u
#define UNITS_PER_MS          UINT64_C(10000)
#define PATIENCE_MS           2000
#define CONFIG_VECTOR(vector) ((uint64_t)(vector) << 4)
#define CONFIG_SINT(sint)     ((uint64_t)(sint) << 16)
#define CONFIG_DIRECT         (HV_STIMER_DIRECT | CONFIG_VECTOR(VECTOR_DIRECT))

static uint32_t config_msr(unsigned int timer)
{
	return HV_MSR_STIMER0_CONFIG + 2 * timer;
}

static uint32_t count_msr(unsigned int timer)
{
	return HV_MSR_STIMER0_COUNT + 2 * timer;
}

static uint64_t now(void)
{
	return cpu_rdmsr(HV_MSR_TIME_REF_COUNT);
}

static void stop(unsigned int timer)
{
	cpu_wrmsr(count_msr(timer), 0);
	cpu_wrmsr(config_msr(timer), 0);
}

static const volatile uint32_t *arrivals(unsigned int vector)
{
	return &this_vp()->interrupts[vector];
}

static void direct_one_shot(unsigned int timer)
{
	uint32_t before = *arrivals(VECTOR_DIRECT);
	uint64_t due = now() + 5 * UNITS_PER_MS;

	cpu_wrmsr(config_msr(timer),
	          HV_STIMER_ENABLE | HV_STIMER_AUTO_ENABLE | CONFIG_DIRECT);
	cpu_wrmsr(count_msr(timer), due);
	ok(clock_wait_for(arrivals(VECTOR_DIRECT), before + 1, PATIENCE_MS),
	   "timer %u fires in direct mode", timer);
	ok(now() >= due, "timer %u does not fire early", timer);
	ok(!(cpu_rdmsr(config_msr(timer)) & HV_STIMER_ENABLE),
	   "timer %u is disabled once it has fired", timer);
	due = now() + 20 * UNITS_PER_MS;
	cpu_wrmsr(count_msr(timer), due);
	/* On a busy machine it may have fired by now. */
	ok((cpu_rdmsr(config_msr(timer)) & HV_STIMER_ENABLE) || now() >= due,
	   "auto-enable: a new count enables timer %u again", timer);
	ok(clock_wait_for(arrivals(VECTOR_DIRECT), before + 2, PATIENCE_MS),
	   "and it fires again");
	stop(timer);
}

static void direct_in_the_past(void)
{
	uint32_t before = *arrivals(VECTOR_DIRECT);

	cpu_wrmsr(config_msr(0), HV_STIMER_AUTO_ENABLE | CONFIG_DIRECT);
	cpu_wrmsr(count_msr(0), 1);
	ok(clock_wait_for(arrivals(VECTOR_DIRECT), before + 1, PATIENCE_MS),
	   "a time in the past fires at once");
	stop(0);
}

/* The order in which Linux programs it must neither fire nor fail. */
static void armed_by_count_only(void)
{
	uint32_t before = *arrivals(VECTOR_DIRECT);

	cpu_wrmsr(config_msr(0),
	          HV_STIMER_ENABLE | HV_STIMER_AUTO_ENABLE | CONFIG_DIRECT);
	(void)clock_wait_for(arrivals(VECTOR_DIRECT), before + 1,
	                     5); /* judged just below */
	ok_equal(*arrivals(VECTOR_DIRECT), before,
	         "an enabled timer with count 0 does not fire");
	cpu_wrmsr(count_msr(0), now() + 20 * UNITS_PER_MS);
	cpu_wrmsr(count_msr(0), 0);
	(void)clock_wait_for(arrivals(VECTOR_DIRECT), before + 1, 40); /* likewise */
	ok_equal(*arrivals(VECTOR_DIRECT), before, "a count of 0 disarms the timer");
	stop(0);
}

static void direct_periodic(void)
{
	uint32_t before = *arrivals(VECTOR_DIRECT);
	uint64_t begin = now();
	uint32_t stopped;

	cpu_wrmsr(config_msr(1),
	          HV_STIMER_AUTO_ENABLE | HV_STIMER_PERIODIC | CONFIG_DIRECT);
	cpu_wrmsr(count_msr(1), 2 * UNITS_PER_MS);
	ok(clock_wait_for(arrivals(VECTOR_DIRECT), before + 5, PATIENCE_MS),
	   "a periodic timer fires again and again");
	ok(now() - begin >= 10 * UNITS_PER_MS, "and not faster than its period");
	stop(1);
	cpu_take_interrupts();
	stopped = *arrivals(VECTOR_DIRECT);
	(void)clock_wait_for(arrivals(VECTOR_DIRECT), stopped + 1,
	                     10); /* judged just below */
	ok_equal(*arrivals(VECTOR_DIRECT), stopped, "a stopped timer fires no more");
}

static void hostile_configs(void)
{
	cpu_wrmsr(config_msr(2), HV_STIMER_ENABLE);
	ok(!(cpu_rdmsr(config_msr(2)) & HV_STIMER_ENABLE),
	   "a message timer on SINT0 cannot be enabled");
	stop(2);
}

static void message_one_shot(void)
{
	uint32_t before = *arrivals(VECTOR_MESSAGE);
	uint64_t due = now() + 2 * UNITS_PER_MS;
	struct hv_timer_message_payload payload;
	struct hv_message message;

	cpu_wrmsr(config_msr(3), HV_STIMER_AUTO_ENABLE | CONFIG_SINT(SINT_TIMER));
	cpu_wrmsr(count_msr(3), due);
	ok(clock_wait_for(arrivals(VECTOR_MESSAGE), before + 1, PATIENCE_MS),
	   "a message timer raises its SINT's vector");
	if (!ok(synic_take_message(SINT_TIMER, &message), "and leaves a message"))
		return;
	memcpy(&payload, message.payload, sizeof(payload));
	ok_equal(message.type, HV_MESSAGE_TIMER_EXPIRED, "its type is TIMER_EXPIRED");
	ok_equal(message.payload_size, sizeof(payload), "its payload is 24 bytes");
	ok_equal(payload.timer_index, 3, "it names the timer");
	ok_equal(payload.expiration_time, due, "it names the time asked for");
	ok(payload.delivery_time >= due, "it was delivered no earlier");
	stop(3);
}

static void message_slot_busy(void)
{
	struct hv_message first, second;

	cpu_wrmsr(config_msr(2), HV_STIMER_AUTO_ENABLE | CONFIG_SINT(SINT_TIMER));
	cpu_wrmsr(config_msr(3), HV_STIMER_AUTO_ENABLE | CONFIG_SINT(SINT_TIMER));
	cpu_wrmsr(count_msr(2), 1);
	clock_wait_ms(1);
	cpu_wrmsr(count_msr(3), 1);
	clock_wait_ms(1);
	ok(synic_slot(SINT_TIMER)->flags & HV_MESSAGE_FLAG_PENDING,
	   "a second message marks the busy slot as pending");
	ok(synic_take_message(SINT_TIMER, &first) &&
	           synic_wait_message(SINT_TIMER, &second, PATIENCE_MS),
	   "the second message follows the first one's EOM");
	ok(first.payload[0] == 2 && second.payload[0] == 3, "in the order they expired");
	stop(2);
	stop(3);
}

/* Late by many periods, and then on time again. */
static void periodic_message_meets_a_busy_slot(void)
{
	uint64_t deadline = clock_deadline(PATIENCE_MS);
	struct hv_message message;
	unsigned int taken = 0;

	cpu_wrmsr(config_msr(3),
	          HV_STIMER_PERIODIC | HV_STIMER_AUTO_ENABLE | CONFIG_SINT(SINT_TIMER));
	cpu_wrmsr(count_msr(3), 2 * UNITS_PER_MS);
	while (!(synic_slot(SINT_TIMER)->flags & HV_MESSAGE_FLAG_PENDING) &&
	       !clock_passed(deadline))
		cpu_take_interrupts();
	clock_wait_ms(20);
	ok(synic_slot(SINT_TIMER)->flags & HV_MESSAGE_FLAG_PENDING,
	   "a periodic timer's second message waits behind its first");
	while (taken < 6 && synic_wait_message(SINT_TIMER, &message, PATIENCE_MS))
		taken++;
	ok_equal(taken, 6, "and the timer goes on after the EOM");
	stop(3);
	(void)synic_take_message(SINT_TIMER, &message); /* one may have come meanwhile */
}

static void message_masked(void)
{
	uint32_t before = *arrivals(VECTOR_MESSAGE);
	struct hv_message message;

	synic_mask_sint(SINT_TIMER);
	cpu_wrmsr(config_msr(3), HV_STIMER_AUTO_ENABLE | CONFIG_SINT(SINT_TIMER));
	cpu_wrmsr(count_msr(3), 1);
	ok(synic_wait_message(SINT_TIMER, &message, PATIENCE_MS),
	   "a masked SINT still gets its message");
	ok_equal(*arrivals(VECTOR_MESSAGE), before, "but no interrupt");
	stop(3);
}

void group_stimer(void)
{
	if (!hv_has_feature(HV_FEATURE_STIMER_DIRECT)) {
		skip("direct-mode timers are not offered");
	} else {
		for (unsigned int timer = 0; timer < HV_STIMER_COUNT; timer++)
			direct_one_shot(timer);
		direct_in_the_past();
		armed_by_count_only();
		direct_periodic();
	}
	hostile_configs();
	synic_enable();
	synic_set_sint(SINT_TIMER, VECTOR_MESSAGE);
	message_one_shot();
	message_slot_busy();
	periodic_message_meets_a_busy_slot();
	message_masked();
	synic_disable();
}
