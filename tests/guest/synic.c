/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The SynIC: its pages, and, in a partition that may make ports, messages and events to itself. TLFS 11 */
#include "tests/guest/groups.h"

#include <viridis/abi/hv_cpuid.h>
#include <viridis/abi/hv_msr.h>
#include <viridis/base/mem.h>
#include "tests/guest/partition.h"
#include "vsc/lib/apic.h"
#include "vsc/lib/clock.h"
#include "vsc/lib/cpu.h"
#include "vsc/lib/guest.h"
#include "vsc/lib/hv.h"
#include "vsc/lib/synic.h"
#include "vsc/lib/tap.h"
#include "vsc/lib/trap.h"
#include "vsc/lib/try.h"
#include "vsc/lib/vp.h"

#define VECTOR_MESSAGE     0x91
#define VECTOR_EVENT       0x92
#define SINT_MESSAGE       6u
#define SINT_EVENT         7u
#define PORT_MESSAGE       0x1101u
#define PORT_EVENT         0x1102u
#define CONNECTION_MESSAGE 0x2201u
#define CONNECTION_EVENT   0x2202u
#define BASE_FLAG          100u
#define FLAG_COUNT         8u
#define QUEUE_MIN          16u
#define QUEUE_PATIENCE     64u
#define PATIENCE_MS        2000
#define FILL               0x77777777u

static uint32_t arrivals(unsigned int vector)
{
	return this_vp()->interrupts[vector];
}

static bool arrives(unsigned int vector, uint32_t before)
{
	return clock_wait_for(&this_vp()->interrupts[vector], before + 1, PATIENCE_MS);
}

/* The overlay's content belongs to the register, the memory below it to the guest. TLFS 3 */
static void page_is_an_overlay(uint32_t msr, const char *name)
{
	uint32_t *first = pages_take(1), *second = pages_take(1);

	*first = FILL;
	cpu_wrmsr(msr, (uint64_t)first | HV_MSR_PAGE_ENABLE);
	ok_equal(cpu_rdmsr(msr), (uint64_t)first | HV_MSR_PAGE_ENABLE, "%s reads back",
	         name);
	ok_equal(*(volatile uint32_t *)first, 0, "%s: the page is zeros at first", name);
	*(volatile uint32_t *)&first[1023] = FILL;
	cpu_wrmsr(msr, (uint64_t)second | HV_MSR_PAGE_ENABLE);
	ok_equal(*(volatile uint32_t *)&second[1023], FILL, "%s: its content moves along",
	         name);
	ok_equal(*(volatile uint32_t *)first, FILL, "%s: the memory below shows again",
	         name);
	ok_equal(try_wrmsr(msr, BIT64(48) | HV_MSR_PAGE_ENABLE).vector, TRAP_GP,
	         "%s: no page lies beyond the guest physical addresses", name);
	ok_equal(cpu_rdmsr(msr), (uint64_t)second | HV_MSR_PAGE_ENABLE,
	         "%s: and what is refused changes nothing", name);
	*(volatile uint32_t *)&second[1023] = 0;
	cpu_wrmsr(msr, 0);
}

static bool make_ports(void)
{
	struct hv_port_info message = { .type = HV_PORT_MESSAGE, .sint = SINT_MESSAGE };
	struct hv_port_info event = {
		.type = HV_PORT_EVENT,
		.sint = SINT_EVENT,
		.base_flag = BASE_FLAG,
		.flag_count = FLAG_COUNT,
	};
	const uint64_t self = HV_PARTITION_ID_SELF;

	stock_deposit(self, 8);
	return ok_equal(port_create(self, PORT_MESSAGE, self, &message),
	                HV_STATUS_SUCCESS, "a message port is created") &&
	       ok_equal(port_create(self, PORT_EVENT, self, &event), HV_STATUS_SUCCESS,
	                "an event port is created") &&
	       ok_equal(port_connect(self, CONNECTION_MESSAGE, self, PORT_MESSAGE,
	                             HV_PORT_MESSAGE),
	                HV_STATUS_SUCCESS, "a connection to the message port is made") &&
	       ok_equal(port_connect(self, CONNECTION_EVENT, self, PORT_EVENT,
	                             HV_PORT_EVENT),
	                HV_STATUS_SUCCESS, "a connection to the event port is made");
}

static void hostile_ports(void)
{
	struct hv_port_info info = { .type = HV_PORT_MESSAGE, .sint = SINT_MESSAGE };
	const uint64_t self = HV_PARTITION_ID_SELF;

	ok(port_create(self, PORT_MESSAGE, self, &info) != HV_STATUS_SUCCESS,
	   "a port id is not given twice");
	info.sint = HV_SINT_COUNT;
	ok(port_create(self, PORT_MESSAGE + 16, self, &info) != HV_STATUS_SUCCESS,
	   "a port on SINT16 is refused");
	info = (struct hv_port_info){ .type = 99, .sint = SINT_MESSAGE };
	ok(port_create(self, PORT_MESSAGE + 16, self, &info) != HV_STATUS_SUCCESS,
	   "a port of an unknown type is refused");
	info = (struct hv_port_info){ .type = HV_PORT_EVENT,
		                      .sint = SINT_EVENT,
		                      .base_flag = 2047,
		                      .flag_count = 2 };
	ok(port_create(self, PORT_MESSAGE + 16, self, &info) != HV_STATUS_SUCCESS,
	   "an event port past the last flag is refused");
	ok(port_connect(self, CONNECTION_EVENT + 16, self, PORT_EVENT, HV_PORT_MESSAGE) !=
	           HV_STATUS_SUCCESS,
	   "a connection of another type than its port is refused");
	ok(port_connect(self, CONNECTION_EVENT, self, PORT_EVENT, HV_PORT_EVENT) !=
	           HV_STATUS_SUCCESS,
	   "a connection id is not given twice");
	ok(port_delete(self, PORT_MESSAGE + 32) != HV_STATUS_SUCCESS,
	   "a port that is not there is not deleted");
	ok(port_disconnect(self, CONNECTION_EVENT + 32) != HV_STATUS_SUCCESS,
	   "a connection that is not there is not cut");
}

static void one_message(void)
{
	static const uint8_t payload[] = "a message to ourselves";
	uint32_t before = arrivals(VECTOR_MESSAGE);
	struct hv_message message;

	ok_equal(message_post(CONNECTION_MESSAGE, 0x1234, payload, sizeof(payload)),
	         HV_STATUS_SUCCESS, "a message is posted");
	ok(arrives(VECTOR_MESSAGE, before), "it raises its SINT's vector");
	if (!ok(synic_take_message(SINT_MESSAGE, &message), "it is in its SINT's slot"))
		return;
	ok_equal(message.type, 0x1234, "its type is the sender's");
	ok_equal(message.payload_size, sizeof(payload), "its size is the sender's");
	ok(!memcmp(message.payload, payload, sizeof(payload)),
	   "its bytes are the sender's");
	ok_equal(message.sender, PORT_MESSAGE, "its origin is the port");
}

/* Filled until the port says so, then drained: none lost, none twice, in order. */
static void a_full_queue(void)
{
	enum hv_status status = HV_STATUS_SUCCESS;
	struct hv_message message;
	uint32_t posted = 0, taken = 0, number;
	bool in_order = true;

	while (status == HV_STATUS_SUCCESS && posted < QUEUE_PATIENCE) {
		status = message_post(CONNECTION_MESSAGE, 1, &posted, sizeof(posted));
		posted += status == HV_STATUS_SUCCESS;
	}
	ok_equal(status, HV_STATUS_INSUFFICIENT_BUFFERS, "a full port refuses a message");
	ok(posted >= QUEUE_MIN, "a port holds 16 messages");
	while (taken < posted &&
	       synic_wait_message(SINT_MESSAGE, &message, PATIENCE_MS)) {
		memcpy(&number, message.payload, sizeof(number));
		in_order &= number == taken++;
	}
	ok_equal(taken, posted, "every message posted comes in");
	ok(in_order, "in the order they were posted");
}

static void events(void)
{
	uint32_t before = arrivals(VECTOR_EVENT);

	ok_equal(event_signal(CONNECTION_EVENT, 3), HV_STATUS_SUCCESS,
	         "an event is signaled");
	ok(arrives(VECTOR_EVENT, before), "it raises its SINT's vector");
	ok_equal(event_signal(CONNECTION_EVENT, 3), HV_STATUS_SUCCESS,
	         "an event whose flag is still up is signaled");
	cpu_take_interrupts();
	ok_equal(arrivals(VECTOR_EVENT), before + 1, "and raises nothing");
	ok(synic_take_flag(SINT_EVENT, BASE_FLAG + 3), "its flag is up");
	ok(!synic_take_flag(SINT_EVENT, BASE_FLAG + 2), "and no other");
	ok(event_signal(CONNECTION_EVENT, FLAG_COUNT) != HV_STATUS_SUCCESS,
	   "a flag past the port's count is refused");
}

static void masked(void)
{
	uint32_t before = arrivals(VECTOR_EVENT);

	synic_mask_sint(SINT_EVENT);
	ok_equal(event_signal(CONNECTION_EVENT, 0), HV_STATUS_SUCCESS,
	         "an event to a masked SINT is signaled");
	cpu_take_interrupts();
	ok(arrivals(VECTOR_EVENT) == before && synic_take_flag(SINT_EVENT, BASE_FLAG),
	   "its flag is up and its vector not raised");
	synic_set_sint(SINT_EVENT, VECTOR_EVENT);
}

static void no_eoi(struct trap_frame *frame)
{
	(void)frame; /* as FreeBSD does at a SINT with AutoEOI */
}

/* Each by itself, and in the same class as the others: one left in service would hold them all. */
static void auto_eoi(void)
{
	uint32_t before = arrivals(VECTOR_EVENT), in_time = 0;

	trap_set_handler(VECTOR_EVENT, no_eoi);
	cpu_wrmsr(HV_MSR_SINT0 + SINT_EVENT, VECTOR_EVENT | HV_SINT_AUTO_EOI);
	for (unsigned int i = 0; i < 4; i++) {
		if (event_signal(CONNECTION_EVENT, 1) == HV_STATUS_SUCCESS &&
		    clock_wait_for(&this_vp()->interrupts[VECTOR_EVENT], before + i + 1,
		                   200))
			in_time++;
		(void)synic_take_flag(SINT_EVENT, BASE_FLAG + 1); /* it is up */
	}
	ok_equal(in_time, 4, "interrupts of a SINT with AutoEOI need no EOI");
	ok(!apic_vector_set(APIC_ISR, VECTOR_EVENT), "none of them stays in service");
	trap_set_handler(VECTOR_EVENT, NULL);
	apic_eoi(); /* for who keeps one in service all the same */
	synic_set_sint(SINT_EVENT, VECTOR_EVENT);
	one_message();
}

static void drop_ports(void)
{
	struct hv_port_info message = { .type = HV_PORT_MESSAGE, .sint = SINT_MESSAGE };
	const uint64_t self = HV_PARTITION_ID_SELF;
	uint8_t byte = 0;
	unsigned int count;

	ok_equal(port_disconnect(self, CONNECTION_EVENT), HV_STATUS_SUCCESS,
	         "a connection is cut");
	ok_equal(event_signal(CONNECTION_EVENT, 0), HV_STATUS_INVALID_CONNECTION_ID,
	         "a cut connection signals nothing");
	ok(port_delete(self, CONNECTION_MESSAGE) != HV_STATUS_SUCCESS &&
	           port_disconnect(self, PORT_MESSAGE) != HV_STATUS_SUCCESS,
	   "a connection is no port, nor a port a connection");
	ok_equal(port_delete(self, PORT_MESSAGE), HV_STATUS_SUCCESS, "a port is deleted");
	ok(message_post(CONNECTION_MESSAGE, 1, &byte, 1) != HV_STATUS_SUCCESS,
	   "a message to a deleted port is refused");
	ok(!port_create(self, PORT_MESSAGE, self, &message) &&
	           message_post(CONNECTION_MESSAGE, 1, &byte, 1) != HV_STATUS_SUCCESS &&
	           !port_delete(self, PORT_MESSAGE),
	   "and to one made anew under its id");
	(void)port_disconnect(self, CONNECTION_MESSAGE); /* may have gone with its port */
	ok_equal(port_delete(self, PORT_EVENT), HV_STATUS_SUCCESS, "the other port too");
	ok(stock_withdraw(self, &count), "pages withdrawn are wiped");
}

void group_synic(void)
{
	page_is_an_overlay(HV_MSR_SIMP, "SIMP");
	page_is_an_overlay(HV_MSR_SIEFP, "SIEFP");
	if (!hv_has(HV_PRIVILEGE_CREATE_PORT | HV_PRIVILEGE_CONNECT_PORT |
	            HV_PRIVILEGE_ACCESS_MEMORY_POOL)) {
		skip("no privilege to make ports");
		return;
	}
	synic_enable();
	synic_set_sint(SINT_MESSAGE, VECTOR_MESSAGE);
	synic_set_sint(SINT_EVENT, VECTOR_EVENT);
	if (make_ports()) {
		hostile_ports();
		one_message();
		a_full_queue();
		events();
		masked();
		auto_eoi();
		drop_ports();
	}
	synic_disable();
}
