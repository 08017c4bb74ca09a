/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A parent's whole part, by raw hypercalls: makes a child, answers its intercepts, exchanges messages and
 * events with it, takes it down and counts the pages that come back. The child's program is child_code.S.
 */
#include "tests/guest/groups.h"

#include <viridis/abi/hv_cpuid.h>
#include <viridis/abi/hv_intercept.h>
#include <viridis/abi/hv_synic.h>
#include <viridis/base/bits.h>
#include <viridis/base/mem.h>
#include "tests/guest/child.h"
#include "tests/guest/parent.h"
#include "tests/guest/partition.h"
#include "vsc/lib/clock.h"
#include "vsc/lib/cpu.h"
#include "vsc/lib/guest.h"
#include "vsc/lib/synic.h"
#include "vsc/lib/tap.h"

#define CR0_ET                      UINT64_C(0x10)
#define CR4_PAE                     UINT64_C(0x20)
#define EFER_LME                    UINT64_C(0x100)
#define SINT_FROM_CHILD             5u
#define VECTOR_INTERCEPT            0xa0
#define VECTOR_FROM_CHILD           0xa1
#define PORT_CHILD_MESSAGE          0x501u
#define PORT_CHILD_EVENT            0x502u
#define PORT_TO_CHILD_MESSAGE       0x601u
#define PORT_TO_CHILD_EVENT         0x602u
#define CONNECTION_TO_CHILD_MESSAGE 0x701u
#define CONNECTION_TO_CHILD_EVENT   0x702u
#define EVENT_BASE_FLAG             64u
#define PATIENCE_MS                 20000
#define ANSWER                      0x1234u
#define HOLE_VALUE                  0xfeedu

/* Both ways; the child may reach nobody else. */
static bool join(struct child *child)
{
	const uint64_t self = HV_PARTITION_ID_SELF;
	struct hv_port_info to_us = { .type = HV_PORT_MESSAGE, .sint = SINT_FROM_CHILD };
	struct hv_port_info event_to_us = { .type = HV_PORT_EVENT,
		                            .sint = SINT_FROM_CHILD,
		                            .base_flag = EVENT_BASE_FLAG,
		                            .flag_count = 16 };
	struct hv_port_info to_child = { .type = HV_PORT_MESSAGE, .sint = CHILD_SINT };
	struct hv_port_info event_to_child = { .type = HV_PORT_EVENT,
		                               .sint = CHILD_SINT,
		                               .flag_count = 64 };
	bool good = true;

	stock_deposit(self, 8);
	good &= !port_create(self, PORT_CHILD_MESSAGE, child->id, &to_us);
	good &= !port_create(self, PORT_CHILD_EVENT, child->id, &event_to_us);
	good &= !port_create(child->id, PORT_TO_CHILD_MESSAGE, self, &to_child);
	good &= !port_create(child->id, PORT_TO_CHILD_EVENT, self, &event_to_child);
	ok(good, "ports are created for both directions");
	good &= !port_connect(child->id, CHILD_MESSAGE_CONNECTION, self,
	                      PORT_CHILD_MESSAGE, HV_PORT_MESSAGE);
	good &= !port_connect(child->id, CHILD_EVENT_CONNECTION, self, PORT_CHILD_EVENT,
	                      HV_PORT_EVENT);
	good &= !port_connect(self, CONNECTION_TO_CHILD_MESSAGE, child->id,
	                      PORT_TO_CHILD_MESSAGE, HV_PORT_MESSAGE);
	good &= !port_connect(self, CONNECTION_TO_CHILD_EVENT, child->id,
	                      PORT_TO_CHILD_EVENT, HV_PORT_EVENT);
	return ok(good, "and connected");
}

static void part(void)
{
	const uint64_t self = HV_PARTITION_ID_SELF;

	(void)port_disconnect(
		self, CONNECTION_TO_CHILD_MESSAGE); /* gone with the child or not */
	(void)port_disconnect(self, CONNECTION_TO_CHILD_EVENT); /* likewise */
	ok(!port_delete(self, PORT_CHILD_MESSAGE) && !port_delete(self, PORT_CHILD_EVENT),
	   "our own ports are deleted");
}

void parent_resume(struct child *child)
{
	ok(!vp_set_register64(child->id, 0, HV_REGISTER_INTERCEPT_SUSPEND, 0) &&
	           !vp_set_register64(child->id, 0, HV_REGISTER_EXPLICIT_SUSPEND, 0),
	   "the VP is let go");
}

/* The child's next intercept, which must be of this type; the payload is in `payload`. */
bool parent_next_intercept(struct child *child, uint32_t type, void *payload,
                           size_t bytes)
{
	struct hv_message notice;

	if (!ok(synic_wait_message(HV_SINT_INTERCEPT, &notice, PATIENCE_MS),
	        "an intercept is announced on SINT0"))
		return false;
	ok(notice.type == HV_MESSAGE_OPAQUE_INTERCEPT && notice.sender == child->id,
	   "the notice names the child");
	if (!ok_equal(child->intercept->type, type,
	              "the intercept page has a message of type %x", type))
		return false;
	memcpy(payload, (const void *)child->intercept->payload, bytes);
	return true;
}

bool parent_skip(struct child *child, const struct hv_x64_intercept_header *header)
{
	uint64_t length = header->length_and_cr8 & 15;

	return ok(length > 0, "the instruction's length is known") &&
	       vp_set_register64(child->id, 0, HV_X64_REGISTER_RIP,
	                         header->rip + length) == HV_STATUS_SUCCESS;
}

/* The child's next OUT; its value. */
static bool heard(struct child *child, uint32_t *value)
{
	struct hv_x64_io_port_intercept io;

	if (!parent_next_intercept(child, HV_MESSAGE_X64_IO_PORT, &io, sizeof(io)))
		return false;
	ok(io.port_number == CHILD_PORT && io.header.access_type == HV_INTERCEPT_WRITE,
	   "it is an OUT to port 3f8");
	*value = (uint32_t)io.rax;
	if (!parent_skip(child, &io.header))
		return false;
	parent_resume(child);
	return true;
}

/* As parent_next_intercept, of a child whose page was being watched when it was let go. */
static bool watched_intercept(struct child *child, struct hv_x64_io_port_intercept *io)
{
	uint64_t deadline = clock_deadline(PATIENCE_MS);
	struct hv_message notice;

	while (*child->watched && !clock_passed(deadline))
		cpu_pause();
	if (!ok_equal(*child->watched, 0, "an intercept shows in the page we watch"))
		return false;
	ok(!synic_take_message(HV_SINT_INTERCEPT, &notice), "and there alone");
	memcpy(io, (const void *)child->intercept->payload, sizeof(*io));
	return ok_equal(child->intercept->type, HV_MESSAGE_X64_IO_PORT,
	                "with its message in the page");
}

bool parent_hear(struct child *child, uint32_t expected, const char *sentence)
{
	uint32_t value = 0;

	return heard(child, &value) && ok_equal(value, expected, "%s", sentence);
}

static bool ports_are_intercepted(struct child *child)
{
	struct hv_x64_io_port_intercept io;

	parent_resume(child);
	if (!parent_hear(child, CHILD_HELLO,
	                 "a byte written to a port comes to the parent") ||
	    !parent_next_intercept(child, HV_MESSAGE_X64_IO_PORT, &io, sizeof(io)))
		return false;
	ok(io.header.access_type == HV_INTERCEPT_READ &&
	           (io.access_info & HV_IO_PORT_SIZE_MASK) == 4,
	   "a four-byte IN comes to the parent");
	if (vp_set_register64(child->id, 0, HV_X64_REGISTER_RAX, ANSWER) ||
	    !parent_skip(child, &io.header))
		return false;
	*child->watched = 1;
	parent_resume(child);
	if (!watched_intercept(child, &io) ||
	    !ok_equal(io.rax, ANSWER + 1, "the child got the parent's answer") ||
	    !parent_skip(child, &io.header))
		return false;
	parent_resume(child);
	return parent_hear(child, HV_INTERFACE_EAX, "CPUID in the child says Hv#1");
}

static bool holes_are_intercepted(struct child *child)
{
	uint64_t page = (uint64_t)pages_take(1), pfn = page >> PAGE_SHIFT_4K;
	struct hv_x64_memory_intercept access;
	unsigned int done;

	if (!parent_next_intercept(child, HV_MESSAGE_UNMAPPED_GPA, &access,
	                           sizeof(access)))
		return false;
	ok_equal(access.gpa, CHILD_HOLE, "it names the address");
	ok_equal(access.header.access_type, HV_INTERCEPT_READ, "it is a read");
	*(volatile uint32_t *)page = HOLE_VALUE;
	ok_equal(memory_map(child->id, CHILD_HOLE >> PAGE_SHIFT_4K, MAP_ALL, &pfn, 1,
	                    &done),
	         HV_STATUS_SUCCESS, "a page is mapped there");
	parent_resume(child);
	if (!parent_hear(child, HOLE_VALUE,
	                 "the access is done again and finds the page"))
		return false;
	return true;
}

/* When UNMAP has returned, the child's stores reach the page no more. */
static bool unmapping_is_at_once(struct child *child)
{
	volatile uint32_t *counter =
		(volatile uint32_t *)child_memory(child, CHILD_COUNTER);
	uint64_t pfn = (uint64_t)counter >> PAGE_SHIFT_4K;
	uint64_t gpfn = CHILD_COUNTER >> PAGE_SHIFT_4K;
	struct hv_x64_memory_intercept access;
	uint32_t count;
	unsigned int done;

	ok(clock_wait_for(counter, 1000, PATIENCE_MS), "the child counts in a page");
	ok_equal(memory_unmap(child->id, gpfn, 1), HV_STATUS_SUCCESS,
	         "the page is unmapped");
	count = *counter;
	clock_wait_ms(10);
	ok_equal(*counter, count, "and counts no more");
	if (!parent_next_intercept(child, HV_MESSAGE_UNMAPPED_GPA, &access,
	                           sizeof(access)))
		return false;
	ok(access.gpa == CHILD_COUNTER && access.header.access_type == HV_INTERCEPT_WRITE,
	   "the store is reported");
	*(volatile uint32_t *)child_memory(child, CHILD_STOP) = 1;
	ok_equal(memory_map(child->id, gpfn, MAP_ALL, &pfn, 1, &done), HV_STATUS_SUCCESS,
	         "the page is mapped again");
	parent_resume(child);
	return true;
}

static bool privileges_are_refused(struct child *child)
{
	return parent_hear(child, HV_STATUS_ACCESS_DENIED,
	                   "the child may not create a partition") &&
	       parent_hear(child, HV_STATUS_ACCESS_DENIED,
	                   "the child may not deposit memory");
}

static bool child_speaks(struct child *child)
{
	struct hv_message message;
	uint32_t value = 0;

	if (!parent_hear(child, HV_STATUS_SUCCESS, "the child posts a message") ||
	    !parent_hear(child, HV_STATUS_SUCCESS, "the child signals an event") ||
	    !parent_hear(child, HV_STATUS_INVALID_CONNECTION_ID,
	                 "a forged connection is refused"))
		return false;
	if (ok(synic_wait_message(SINT_FROM_CHILD, &message, PATIENCE_MS),
	       "the child's message comes in")) {
		memcpy(&value, message.payload, sizeof(value));
		ok(value == CHILD_MESSAGE_VALUE && message.sender == PORT_CHILD_MESSAGE,
		   "with its bytes, from its port");
	}
	ok(synic_take_flag(SINT_FROM_CHILD, EVENT_BASE_FLAG + CHILD_FLAG),
	   "the child's flag is up, counted from the port's base");
	return true;
}

static bool parent_speaks(struct child *child)
{
	uint32_t value = CHILD_MESSAGE_VALUE + 1;

	ok_equal(message_post(CONNECTION_TO_CHILD_MESSAGE, 1, &value, sizeof(value)),
	         HV_STATUS_SUCCESS, "the parent posts a message");
	if (!parent_hear(child, CHILD_MESSAGE_VALUE + 1, "the child got it"))
		return false;
	ok_equal(event_signal(CONNECTION_TO_CHILD_EVENT, CHILD_FLAG), HV_STATUS_SUCCESS,
	         "the parent signals an event");
	return parent_hear(child, BIT32(CHILD_FLAG), "the child saw its flag");
}

static void halts(struct child *child)
{
	uint64_t activity = 0, deadline = clock_deadline(PATIENCE_MS);

	do {
		clock_wait_ms(5);
		(void)vp_get_register64(child->id, 0, HV_REGISTER_INTERNAL_ACTIVITY_STATE,
		                        &activity); /* judged just below */
	} while (!(activity & HV_ACTIVITY_HALT_SUSPEND) && !clock_passed(deadline));
	ok(activity & HV_ACTIVITY_HALT_SUSPEND, "the child has halted");
	ok_equal(vp_set_register64(child->id, 0, HV_REGISTER_EXPLICIT_SUSPEND, 1),
	         HV_STATUS_SUCCESS, "the VP is stopped");
}

/*
 * Real mode with EFER.LME and without CR4.PAE, a state that an exit must survive; then PAE is set, and
 * EFER is told back.
 */
static const uint8_t lme_before_pae[] = {
	0xba, 0xf8, 0x03,                /* mov $0x3f8, %dx */
	0x66, 0xb8, 0x56, 0,    0, 0,    /* mov $0x56, %eax */
	0x66, 0xef,                      /* out %eax, %dx */
	0x0f, 0x20, 0xe0,                /* mov %cr4, %eax */
	0x66, 0x83, 0xc8, 0x20,          /* or $0x20, %eax */
	0x0f, 0x22, 0xe0,                /* mov %eax, %cr4 */
	0x0f, 0x20, 0xe0,                /* mov %cr4, %eax */
	0x66, 0x83, 0xe0, 0xbf,          /* and $~CR4_MCE, %eax: TCG shows it */
	0x66, 0xef,                      /* out %eax, %dx */
	0x66, 0xb9, 0x80, 0,    0, 0xc0, /* mov $0xc0000080, %ecx */
	0x0f, 0x32,                      /* rdmsr */
	0xba, 0xf8, 0x03,                /* mov $0x3f8, %dx */
	0x66, 0xef,                      /* out %eax, %dx */
	0xf4,                            /* hlt */
};

static bool set_real_mode(const struct child *child)
{
	const union hv_register_value cs = { .segment = { .base = CHILD_SCRATCH,
		                                          .limit = 0xffff,
		                                          .selector = CHILD_SCRATCH >> 4,
		                                          .attributes = 0x9b } };

	return !vp_set_register64(child->id, 0, HV_REGISTER_INTERNAL_ACTIVITY_STATE, 0) &&
	       !vp_set_register64(child->id, 0, HV_X64_REGISTER_CR0, CR0_ET) &&
	       !vp_set_register64(child->id, 0, HV_X64_REGISTER_CR4, 0) &&
	       !vp_set_register64(child->id, 0, HV_X64_REGISTER_EFER, EFER_LME) &&
	       !vp_set_register64(child->id, 0, HV_X64_REGISTER_RIP, 0) &&
	       !vp_set_register64(child->id, 0, HV_X64_REGISTER_RFLAGS, 2) &&
	       !vp_set_register(child->id, 0, HV_X64_REGISTER_CS, cs);
}

static bool run_in_real_mode(struct child *child, const uint8_t *code, size_t bytes)
{
	memcpy(child_memory(child, CHILD_SCRATCH), code, bytes);
	if (!ok(set_real_mode(child), "the VP is put into real mode, with LME"))
		return false;
	parent_resume(child);
	return true;
}

static void long_mode_comes_first(struct child *child)
{
	if (run_in_real_mode(child, lme_before_pae, sizeof(lme_before_pae)) &&
	    parent_hear(child, CHILD_HELLO, "it runs without PAE") &&
	    parent_hear(child, CR4_PAE, "it sets PAE") &&
	    parent_hear(child, EFER_LME, "and still has LME"))
		halts(child);
}

/* An exit with each page of the last 64 of 512 MiB in CR3: the hypervisor's own tables are there. */
static const uint8_t any_cr3[] = {
	0x66, 0xbe, 0,    0, 0,    0x1c,       /* mov $0x1c000000, %esi */
	0x0f, 0x22, 0xde,                      /* 1: mov %esi, %cr3 */
	0x66, 0x31, 0xc0,                      /* xor %eax, %eax */
	0x0f, 0xa2,                            /* cpuid */
	0x66, 0x81, 0xc6, 0, 0x10, 0,    0,    /* add $0x1000, %esi */
	0x66, 0x81, 0xfe, 0, 0,    0,    0x20, /* cmp $0x20000000, %esi */
	0x75, 0xe8,                            /* jne 1b */
	0xba, 0xf8, 0x03,                      /* mov $0x3f8, %dx */
	0x66, 0xb8, 0x56, 0, 0,    0,          /* mov $0x56, %eax */
	0x66, 0xef,                            /* out %eax, %dx */
	0xf4,                                  /* hlt */
};

static void page_directory_is_anywhere(struct child *child)
{
	if (run_in_real_mode(child, any_cr3, sizeof(any_cr3)) &&
	    parent_hear(child, CHILD_HELLO, "CR3 may be what the hypervisor's is"))
		halts(child);
}

void group_parent(void)
{
	static struct child child;
	struct balance before = { 0, 0 };

	child.memory = pages_take(CHILD_PAGES);
	synic_enable();
	synic_set_sint(HV_SINT_INTERCEPT, VECTOR_INTERCEPT);
	synic_set_sint(SINT_FROM_CHILD, VECTOR_FROM_CHILD);
	ok_equal(partition_balance(HV_PARTITION_ID_SELF, &before), HV_STATUS_SUCCESS,
	         "our own balance is told");
	if (child_make(&child) && join(&child) && ports_are_intercepted(&child) &&
	    holes_are_intercepted(&child) && unmapping_is_at_once(&child) &&
	    privileges_are_refused(&child) && child_speaks(&child) &&
	    parent_speaks(&child)) {
		halts(&child);
		long_mode_comes_first(&child);
		page_directory_is_anywhere(&child);
		modes_of_child(&child);
		traps_of_child(&child);
		child_take_down(&child);
		part();
	}
	save_and_load(&child);
	hostile_parent(&child);
	many_children();
	ok(own_pages_in_use(before.in_use), "no page of our pool stays in use");
	synic_disable();
}
