// SPDX-License-Identifier: GPL-2.0-or-later
/* What VMMs of upstream's interface use besides: interrupts by eventfds, writes that signal one, REP, formats. */
#include "tests/e2e/mshv/mshv_test.h"

#include <cpuid.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <viridis/abi/hv_cpuid.h>
#include <viridis/abi/hv_intercept.h>
#include <viridis/abi/hv_vp_state.h>
#include <viridis/base/bits.h>

#define PAGE_BYTES  4096u
#define SVR_ON      0x1ffu
#define VECTOR      0x41u
#define GSI         5u
#define STACK_TOP   0x3000u
#define DEVICE_PORT 0x90u
#define DEVICE_GPA  0x9000u /* no memory is there */
#define LEVEL       BIT32(15)
#define COMPACTED   BIT64(63)
#define COUNTED     5u

static const uint8_t code_spin[] = { 0xeb, 0xfe };
static _Alignas(PAGE_BYTES) uint8_t page[PAGE_BYTES];

static int call(int fd, uint32_t request, const void *block)
{
	return ioctl(fd, request, block) < 0 ? -errno : 0;
}

static int new_eventfd(void)
{
	int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);

	ck_assert_int_ge(fd, 0);
	return fd;
}

static uint64_t count_of(int fd)
{
	uint64_t count = 0;

	(void)!read(fd, &count, sizeof(count)); /* EAGAIN: 0 */
	return count;
}

static void signal_fd(int fd)
{
	const uint64_t one = 1;

	ck_assert_int_eq(write(fd, &one, sizeof(one)), sizeof(one));
}

/* The next intercept, which must be an access to this port. */
static struct hv_x64_io_port_intercept next_port(const struct guest *guest, uint16_t port)
{
	struct hv_x64_io_port_intercept io;
	struct hv_message message;

	ck_assert_int_eq(mshv_run_vp(&guest->vp, &message), 0);
	ck_assert_uint_eq(message.type, HV_MESSAGE_X64_IO_PORT);
	memcpy(&io, message.payload, sizeof(io));
	ck_assert_uint_eq(io.port_number, port);
	return io;
}

static void skip(const struct guest *guest, const struct hv_x64_intercept_header *header)
{
	ck_assert_int_eq(mshv_set_register(&guest->vp, HV_X64_REGISTER_RIP,
	                                   header->rip + (header->length_and_cr8 & 0xf)),
	                 0);
}

/* ---- Writes that signal an eventfd ---- */

/* mov $0x12345a, %eax; out %al, $DEVICE_PORT; addr32 mov %ax, (DEVICE_GPA); out %al, $0x80; jmp back */
static const uint8_t code_writes[] = {
	0x66, 0xb8, 0x5a, 0x34, 0x12, 0x00, 0xe6, DEVICE_PORT, 0x67,
	0xa3, 0x00, 0x90, 0x00, 0x00, 0xe6, 0x80, 0xeb,        0xee,
};

static int set_write(const struct guest *guest, int fd, uint64_t address, uint32_t bytes,
                     uint64_t match, uint32_t flags)
{
	const struct mshv_user_ioeventfd request = {
		.match = match,
		.address = address,
		.bytes = bytes,
		.fd = fd,
		.flags = flags,
	};

	return call(guest->partition.fd, MSHV_IOEVENTFD, &request);
}

static void expect_memory_write(const struct guest *guest)
{
	struct hv_x64_memory_intercept memory;
	struct hv_message message;

	ck_assert_int_eq(mshv_run_vp(&guest->vp, &message), 0);
	ck_assert_uint_eq(message.type, HV_MESSAGE_UNMAPPED_GPA);
	memcpy(&memory, message.payload, sizeof(memory));
	ck_assert_uint_eq(memory.gpa, DEVICE_GPA);
	ck_assert_int_eq(mshv_set_register(&guest->vp, HV_X64_REGISTER_RIP,
	                                   memory.header.rip + 6),
	                 0);
}

/* The round's end; what came before was answered within RUN_VP. */
static void expect_round(const struct guest *guest)
{
	struct hv_x64_io_port_intercept io = next_port(guest, 0x80);

	ck_assert_uint_eq(io.rax & 0xffff, 0x345a);
	skip(guest, &io.header);
}

START_TEST(a_write_to_a_port_or_an_address_signals_and_the_vp_goes_on)
{
	int port = new_eventfd(), memory = new_eventfd();
	struct guest guest;

	guest_start(&guest, code_writes, sizeof(code_writes));
	ck_assert_int_eq(set_write(&guest, port, DEVICE_PORT, 1, 0, MSHV_IOEVENTFD_PIO),
	                 0);
	ck_assert_int_eq(set_write(&guest, memory, DEVICE_GPA, 2, 0, 0), 0);
	expect_round(&guest);
	expect_round(&guest);
	ck_assert_uint_eq(count_of(port), 2);
	ck_assert_uint_eq(count_of(memory), 2);

	ck_assert_int_eq(
		set_write(&guest, memory, DEVICE_GPA, 2, 0, MSHV_IOEVENTFD_DEASSIGN), 0);
	expect_memory_write(&guest);
	expect_round(&guest);
	ck_assert_uint_eq(count_of(port), 1);
	ck_assert_int_eq(set_write(&guest, port, DEVICE_PORT, 1, 0,
	                           MSHV_IOEVENTFD_PIO | MSHV_IOEVENTFD_DEASSIGN),
	                 0);
	struct hv_x64_io_port_intercept io = next_port(&guest, DEVICE_PORT);
	ck_assert_uint_eq(io.rax, 0x12345a);
	ck_assert_uint_eq(count_of(port) + count_of(memory), 0);
	guest_end(&guest);
	close(port);
	close(memory);
}
END_TEST

START_TEST(only_the_size_and_value_that_were_asked_for_signal)
{
	const uint32_t flags = MSHV_IOEVENTFD_DATAMATCH;
	int wrong = new_eventfd(), right = new_eventfd(), any = new_eventfd();
	struct guest guest;

	guest_start(&guest, code_writes, sizeof(code_writes));
	ck_assert_int_eq(set_write(&guest, wrong, DEVICE_GPA, 4, 0, 0), 0);
	ck_assert_int_eq(set_write(&guest, wrong, DEVICE_GPA, 2, 0x5a, flags), 0);
	ck_assert_int_eq(set_write(&guest, right, DEVICE_GPA, 2, 0x345a, flags), 0);
	ck_assert_int_eq(set_write(&guest, any, DEVICE_PORT, 0, 0, MSHV_IOEVENTFD_PIO),
	                 0);
	expect_round(&guest);
	ck_assert_uint_eq(count_of(wrong), 0);
	ck_assert_uint_eq(count_of(right), 1);
	ck_assert_uint_eq(count_of(any), 1);
	ck_assert_int_eq(set_write(&guest, right, DEVICE_GPA, 2, 0x345a,
	                           flags | MSHV_IOEVENTFD_DEASSIGN),
	                 0);
	struct hv_x64_io_port_intercept io;
	expect_memory_write(&guest);
	io = next_port(&guest, 0x80);
	skip(&guest, &io.header);
	ck_assert_uint_eq(count_of(wrong), 0);
	guest_end(&guest);
	close(wrong);
	close(right);
	close(any);
}
END_TEST

START_TEST(writes_that_make_no_sense_are_refused)
{
	int fd = new_eventfd(), no_eventfd = open("/dev/null", O_RDWR | O_CLOEXEC);
	const uint32_t pio = MSHV_IOEVENTFD_PIO, match = MSHV_IOEVENTFD_DATAMATCH;
	struct guest guest;

	guest_start(&guest, code_spin, sizeof(code_spin));
	ck_assert_int_eq(set_write(&guest, fd, 0x9000, 3, 0, 0), -EINVAL);
	ck_assert_int_eq(set_write(&guest, fd, 0x9000, 16, 0, 0), -EINVAL);
	ck_assert_int_eq(set_write(&guest, fd, 0x9000, 0, 1, match), -EINVAL);
	ck_assert_int_eq(set_write(&guest, fd, 0x9000, 1, 0, 8), -EINVAL);
	ck_assert_int_eq(set_write(&guest, fd, UINT64_MAX, 2, 0, 0), -EINVAL);
	ck_assert_int_eq(set_write(&guest, fd, UINT64_MAX - 7, 8, 0, 0), 0);
	ck_assert_int_eq(set_write(&guest, fd, 0xffff, 2, 0, pio), -EINVAL);
	ck_assert_int_eq(set_write(&guest, fd, 0x10000, 1, 0, pio), -EINVAL);
	ck_assert_int_eq(set_write(&guest, -1, 0x9000, 1, 0, 0), -EBADF);
	ck_assert_int_eq(set_write(&guest, no_eventfd, 0x9000, 1, 0, 0), -EINVAL);
	ck_assert_int_eq(set_write(&guest, fd, 0x9000, 1, 0, MSHV_IOEVENTFD_DEASSIGN),
	                 -ENOENT);
	ck_assert_int_eq(set_write(&guest, fd, 0x9000, 2, 7, match), 0);
	ck_assert_int_eq(set_write(&guest, fd, 0x9000, 2, 8, match), 0);
	ck_assert_int_eq(set_write(&guest, fd, 0x9000, 2, 7, match), -EEXIST);
	ck_assert_int_eq(set_write(&guest, fd, 0x9000, 2, 0, 0), -EEXIST);
	ck_assert_int_eq(set_write(&guest, fd, 0x9000, 0, 0, 0), -EEXIST);
	ck_assert_int_eq(set_write(&guest, fd, 0x9000, 4, 0, 0), 0);
	guest_end(&guest);
	close(no_eventfd);
	close(fd);
}
END_TEST

/* Neither end is bounded by the other: a VMM may close its eventfds first. */
START_TEST(many_writes_come_and_go)
{
	struct guest guest;
	int fd = new_eventfd();

	guest_start(&guest, code_spin, sizeof(code_spin));
	for (uint64_t i = 0; i < 2048; i++)
		ck_assert_int_eq(set_write(&guest, fd, i * 8, 8, 0, 0), 0);
	ck_assert_int_eq(set_write(&guest, fd, 2048 * 8, 8, 0, 0), -ENOSPC);
	close(fd);
	guest_end(&guest);
}
END_TEST

/* ---- Interrupts by eventfds ---- */

#define ROUTES_MAX 8u

static int set_routes(const struct guest *guest,
                      const struct mshv_user_irq_entry entries[ROUTES_MAX],
                      uint32_t count)
{
	struct {
		struct mshv_user_irq_table table;
		struct mshv_user_irq_entry entries[ROUTES_MAX];
	} request = { .table.count = count };

	memcpy(request.entries, entries, sizeof(request.entries));
	return call(guest->partition.fd, MSHV_SET_MSI_ROUTING, &request);
}

static int bind(const struct guest *guest, int fd, int resample, uint32_t gsi,
                uint32_t flags)
{
	const struct mshv_user_irqfd request = { fd, resample, gsi, flags };

	return call(guest->partition.fd, MSHV_IRQFD, &request);
}

/*
 * sti, 1: hlt, jmp 1b; at 8 the handler: out with the vector in AL; EOI by HV_MSR_EOI; iret.
 */
static const uint8_t code_waits[] = {
	0xfb,   0xf4, 0xeb, 0xfd, 0,    0,    0,    0,    0xb0,
	VECTOR, 0xe6, 0x80, 0x66, 0xb9, 0x70, 0x00, 0x00, 0x40,
	0x66,   0x31, 0xc0, 0x66, 0x31, 0xd2, 0x0f, 0x30, 0xcf,
};

static void waiting_guest(struct guest *guest)
{
	struct hv_local_interrupt_controller_state *lapic = (void *)page;
	const uint16_t entry[2] = { GUEST_CODE_GPA + 8, 0 };

	guest_start(guest, code_waits, sizeof(code_waits));
	memcpy(guest->memory + 4 * VECTOR, entry, sizeof(entry));
	ck_assert_int_eq(
		mshv_set_register(&guest->vp, HV_X64_REGISTER_RAX + 4, STACK_TOP), 0);
	ck_assert_int_eq(mshv_get_vp_state(&guest->vp, MSHV_VP_STATE_LAPIC, page,
	                                   sizeof(page)),
	                 0);
	lapic->spurious = SVR_ON;
	ck_assert_int_eq(mshv_set_vp_state(&guest->vp, MSHV_VP_STATE_LAPIC, page,
	                                   sizeof(page)),
	                 0);
}

static void route(const struct guest *guest, uint32_t data)
{
	const struct mshv_user_irq_entry entries[ROUTES_MAX] = {
		{ .gsi = 0 },
		{ .gsi = GSI, .address_lo = 0xfee00000, .data = data },
	};

	ck_assert_int_eq(set_routes(guest, entries, 2), 0);
}

static void expect_interrupt(const struct guest *guest)
{
	struct hv_x64_io_port_intercept io = next_port(guest, 0x80);

	ck_assert_uint_eq(io.rax & 0xff, VECTOR);
	skip(guest, &io.header);
}

/* Its message stays for the next RUN_VP. */
static void run_to_nowhere(const struct guest *guest)
{
	ck_assert_int_eq(call(guest->vp.fd, MSHV_RUN_VP, (void *)8), -EFAULT);
}

START_TEST(an_eventfd_sends_the_message_of_its_gsi)
{
	int fd = new_eventfd(), early = new_eventfd();
	struct guest guest;

	waiting_guest(&guest);
	route(&guest, VECTOR);
	ck_assert_int_eq(bind(&guest, fd, -1, GSI, 0), 0);
	signal_fd(fd);
	expect_interrupt(&guest);
	ck_assert_uint_eq(count_of(fd), 0);

	/* What was written before it was bound counts as well; a new table counts at once. */
	ck_assert_int_eq(bind(&guest, fd, -1, GSI, MSHV_IRQFD_DEASSIGN), 0);
	route(&guest, 0);
	signal_fd(early);
	ck_assert_int_eq(bind(&guest, early, -1, GSI, 0), 0); /* vector 0 goes nowhere */
	route(&guest, VECTOR);
	signal_fd(early);
	expect_interrupt(&guest);
	signal_fd(fd);
	ck_assert_uint_eq(count_of(fd), 1); /* nobody's any more */
	guest_end(&guest);
	close(fd);
	close(early);
}
END_TEST

START_TEST(a_level_interrupt_that_ends_is_told_to_its_resample_eventfd)
{
	int fd = new_eventfd(), resample = new_eventfd(), other = new_eventfd(),
	    other_resample = new_eventfd();
	struct hv_x64_apic_eoi_message eoi;
	struct hv_message message;
	struct guest guest;

	waiting_guest(&guest);
	route(&guest, LEVEL | VECTOR);
	ck_assert_int_eq(bind(&guest, fd, resample, GSI, MSHV_IRQFD_RESAMPLE), 0);
	ck_assert_int_eq(bind(&guest, other, other_resample, 0, MSHV_IRQFD_RESAMPLE), 0);
	for (unsigned int i = 0; i < 2; i++) {
		signal_fd(fd);
		expect_interrupt(&guest);
		ck_assert_uint_eq(count_of(resample), 0);
		if (i == 1) { /* what is asked for again has not ended again */
			run_to_nowhere(&guest);
			ck_assert_uint_eq(count_of(resample), 1);
		}
		ck_assert_int_eq(mshv_run_vp(&guest.vp, &message), 0);
		ck_assert_uint_eq(message.type, HV_MESSAGE_X64_APIC_EOI);
		memcpy(&eoi, message.payload, sizeof(eoi));
		ck_assert_uint_eq(eoi.vector, VECTOR);
		ck_assert_uint_eq(count_of(resample), i == 0);
	}
	ck_assert_uint_eq(count_of(other_resample), 0);
	ck_assert_int_eq(bind(&guest, fd, -1, GSI, MSHV_IRQFD_DEASSIGN), 0);
	guest_end(&guest);
	close(fd);
	close(resample);
	close(other);
	close(other_resample);
}
END_TEST

START_TEST(interrupts_that_make_no_sense_are_refused)
{
	const struct mshv_user_irq_entry twice[ROUTES_MAX] = { { .gsi = 3 },
		                                               { .gsi = 3 } };
	const struct mshv_user_irq_entry far[ROUTES_MAX] = { { .gsi = MSHV_IRQ_MAX } };
	const struct mshv_user_irq_table reserved = { .reserved = 1 };
	int fd = new_eventfd(), no_eventfd = open("/dev/null", O_RDWR | O_CLOEXEC);
	struct guest guest;

	guest_start(&guest, code_spin, sizeof(code_spin));
	ck_assert_int_eq(set_routes(&guest, twice, 2), -EINVAL);
	ck_assert_int_eq(set_routes(&guest, far, 1), -EINVAL);
	ck_assert_int_eq(set_routes(&guest, twice, 0), 0);
	ck_assert_int_eq(set_routes(&guest, twice, MSHV_IRQ_MAX + 1), -EINVAL);
	ck_assert_int_eq(call(guest.partition.fd, MSHV_SET_MSI_ROUTING, &reserved),
	                 -EINVAL);
	ck_assert_int_eq(call(guest.partition.fd, MSHV_SET_MSI_ROUTING, (void *)8),
	                 -EFAULT);
	ck_assert_int_eq(bind(&guest, -1, -1, GSI, 0), -EBADF);
	ck_assert_int_eq(bind(&guest, no_eventfd, -1, GSI, 0), -EINVAL);
	ck_assert_int_eq(bind(&guest, fd, -1, GSI, 4), -EINVAL);
	ck_assert_int_eq(bind(&guest, fd, -1, MSHV_IRQ_MAX, 0), -EINVAL);
	ck_assert_int_eq(bind(&guest, fd, -1, GSI, MSHV_IRQFD_RESAMPLE), -EBADF);
	ck_assert_int_eq(bind(&guest, fd, no_eventfd, GSI, MSHV_IRQFD_RESAMPLE), -EINVAL);
	ck_assert_int_eq(bind(&guest, fd, -1, GSI, MSHV_IRQFD_DEASSIGN), 0);
	ck_assert_int_eq(bind(&guest, fd, -1, GSI, 0), 0);
	ck_assert_int_eq(bind(&guest, fd, -1, GSI + 1, 0), -EBUSY);
	ck_assert_int_eq(bind(&guest, fd, -1, GSI + 1, MSHV_IRQFD_DEASSIGN), 0);
	ck_assert_int_eq(bind(&guest, fd, -1, GSI, 0), -EBUSY);
	signal_fd(fd); /* has no route */
	close(fd);
	guest_end(&guest);
	close(no_eventfd);
}
END_TEST

/* ---- REP ---- */

/*
 * cld; mov $0x90, %dx; mov $0xabcd0005, %ecx; mov $0x2000, %si; rep outsb;
 * mov %ecx, %eax; out %eax, $0x80; jmp .
 */
static const uint8_t code_rep[] = {
	0xfc, 0xba, DEVICE_PORT, 0x00, 0x66, 0xb9, COUNTED, 0x00, 0xcd, 0xab, 0xbe, 0x00,
	0x20, 0xf3, 0x6e,        0x66, 0x89, 0xc8, 0x66,    0xe7, 0x80, 0xeb, 0xfe,
};

/* Also when the first reader of the message, or the second, was at a bad address. */
START_TEST(a_count_that_its_vmm_leaves_behind_is_0)
{
	struct hv_x64_io_port_intercept io;
	struct guest guest;

	guest_start(&guest, code_rep, sizeof(code_rep));
	for (int i = 0; i < _i; i++)
		run_to_nowhere(&guest);
	io = next_port(&guest, DEVICE_PORT);
	ck_assert_uint_eq(io.access_info, 1 | HV_IO_PORT_STRING | HV_IO_PORT_REP);
	ck_assert_uint_eq(io.rcx, COUNTED); /* CX, which is all that counts here */
	ck_assert_int_eq(mshv_set_register(&guest.vp, HV_X64_REGISTER_RAX + 6,
	                                   io.rsi + COUNTED),
	                 0);
	skip(&guest, &io.header);
	ck_assert_uint_eq(next_port(&guest, 0x80).rax, 0xabcd0000);
	guest_end(&guest);
}
END_TEST

START_TEST(a_count_that_its_vmm_takes_care_of_is_as_it_says)
{
	struct hv_x64_io_port_intercept io;
	struct guest guest;
	uint64_t rcx;

	guest_start(&guest, code_rep, sizeof(code_rep));
	for (unsigned int left = COUNTED; left > 0; left--) {
		io = next_port(&guest, DEVICE_PORT);
		ck_assert_uint_eq(io.rcx, left);
		rcx = 0xabcd0000 | (left - 1);
		guest.vp.registers->gp[1] = rcx;
		guest.vp.registers->gp[6] = io.rsi + 1;
		guest.vp.registers->rip = io.header.rip + (left == 1 ? 2 : 0);
		guest.vp.registers->dirty = HV_REGISTER_PAGE_DIRTY_GP |
		                            HV_REGISTER_PAGE_DIRTY_RIP;
	}
	ck_assert_uint_eq(next_port(&guest, 0x80).rax, 0xabcd0000);
	guest_end(&guest);
}
END_TEST

/* It went on elsewhere: an exception, say. */
START_TEST(a_count_stays_where_the_instruction_was_left)
{
	struct hv_x64_io_port_intercept io;
	struct guest guest;

	guest_start(&guest, code_rep, sizeof(code_rep));
	io = next_port(&guest, DEVICE_PORT);
	ck_assert_int_eq(mshv_set_register(&guest.vp, HV_X64_REGISTER_RIP,
	                                   io.header.rip + 2 + 3),
	                 0); /* past MOV to EAX */
	(void)next_port(&guest, 0x80);
	ck_assert_int_eq(mshv_get_register(&guest.vp, HV_X64_REGISTER_RAX + 1, &io.rcx),
	                 0);
	ck_assert_uint_eq(io.rcx, 0xabcd0005);
	guest_end(&guest);
}
END_TEST

/* ---- Reset ---- */

static uint64_t register_of(const struct mshv_vp *vp, uint32_t name)
{
	uint64_t value;

	ck_assert_int_eq(mshv_get_register(vp, name, &value), 0);
	return value;
}

START_TEST(a_guest_that_is_gone_leaves_no_synic)
{
	const struct {
		uint32_t name;
		uint64_t value, after;
	} registers[] = {
		{ HV_X64_REGISTER_HYPERCALL, 0x5001, 0x5000 },
		{ HV_REGISTER_SINT0 + 2, 0x50, 0x10000 },
		{ HV_REGISTER_SCONTROL, 1, 0 },
		{ HV_REGISTER_SIMP, 0x6001, 0 },
		{ HV_REGISTER_SIEFP, 0x7001, 0 },
		{ HV_REGISTER_STIMER0_CONFIG, 0x20000, 0 },
	};
	struct mshv_vp second;
	struct guest guest;
	uint64_t value;

	guest_start(&guest, code_spin, sizeof(code_spin));
	ck_assert_int_eq(mshv_create_vp(&guest.partition, 1, &second), 0);
	ck_assert_int_eq(mshv_set_register(&guest.vp, HV_REGISTER_GUEST_OS_ID, 5), 0);
	for (unsigned int i = 0; i < ARRAY_COUNT(registers); i++)
		ck_assert_int_eq(mshv_set_register(&guest.vp, registers[i].name,
		                                   registers[i].value),
		                 0);
	ck_assert_int_eq(mshv_set_register(&second, HV_REGISTER_SINT0 + 2, 0x51), 0);
	ck_assert_int_eq(mshv_set_register(&guest.vp, HV_REGISTER_GUEST_OS_ID, 6), 0);
	ck_assert_int_eq(mshv_get_register(&guest.vp, HV_REGISTER_SIMP, &value), 0);
	ck_assert_uint_eq(value, 0x6001);

	ck_assert_int_eq(mshv_set_register(&guest.vp, HV_REGISTER_GUEST_OS_ID, 0), 0);
	for (unsigned int i = 0; i < ARRAY_COUNT(registers); i++) {
		ck_assert_int_eq(mshv_get_register(&guest.vp, registers[i].name, &value),
		                 0);
		ck_assert_uint_eq(value, registers[i].after);
	}
	ck_assert_int_eq(mshv_get_register(&second, HV_REGISTER_SINT0 + 2, &value), 0);
	ck_assert_uint_eq(value, 0x10000);
	mshv_close_vp(&second);
	guest_end(&guest);
}
END_TEST

/* What the list sets beside holds, before and behind; a list that is refused before it comes to it has ended nothing. */
START_TEST(the_list_that_ends_a_guest_is_carried_out_as_far_as_it_goes)
{
	const struct hv_register_assoc refused[] = {
		{ .name = UINT32_MAX },
		{ .name = HV_REGISTER_GUEST_OS_ID },
	};
	const struct hv_register_assoc ends[] = {
		{ .name = HV_REGISTER_SINT0 + 3, .value.reg64 = 0x53 },
		{ .name = HV_REGISTER_GUEST_OS_ID },
		{ .name = HV_REGISTER_SINT0 + 4, .value.reg64 = 0x54 },
		{ .name = UINT32_MAX },
		{ .name = HV_REGISTER_SINT0 + 2, .value.reg64 = 0x55 },
	};
	static const uint64_t masked = 0x10000;
	struct mshv_vp second;
	struct guest guest;

	guest_start(&guest, code_spin, sizeof(code_spin));
	ck_assert_int_eq(mshv_create_vp(&guest.partition, 1, &second), 0);
	ck_assert_int_eq(mshv_set_register(&guest.vp, HV_REGISTER_GUEST_OS_ID, 5), 0);
	ck_assert_int_eq(mshv_set_register(&guest.vp, HV_REGISTER_SINT0 + 2, 0x50), 0);
	ck_assert_int_eq(mshv_set_register(&second, HV_REGISTER_SINT0 + 3, 0x51), 0);
	ck_assert_int_ne(mshv_set_registers(&guest.vp, refused, ARRAY_COUNT(refused)), 0);
	ck_assert_uint_eq(register_of(&guest.vp, HV_REGISTER_GUEST_OS_ID), 5);
	ck_assert_uint_eq(register_of(&guest.vp, HV_REGISTER_SINT0 + 2), 0x50);
	ck_assert_uint_eq(register_of(&second, HV_REGISTER_SINT0 + 3), 0x51);

	ck_assert_int_ne(mshv_set_registers(&guest.vp, ends, ARRAY_COUNT(ends)), 0);
	ck_assert_uint_eq(register_of(&guest.vp, HV_REGISTER_GUEST_OS_ID), 0);
	ck_assert_uint_eq(register_of(&guest.vp, HV_REGISTER_SINT0 + 2), masked);
	ck_assert_uint_eq(register_of(&guest.vp, HV_REGISTER_SINT0 + 3), 0x53);
	ck_assert_uint_eq(register_of(&guest.vp, HV_REGISTER_SINT0 + 4), 0x54);
	ck_assert_uint_eq(register_of(&second, HV_REGISTER_SINT0 + 3), masked);
	mshv_close_vp(&second);
	guest_end(&guest);
}
END_TEST

/* ---- Intercepts ---- */

/* What goes to the VMM anyway may be asked for, and leaves of CPUID; nothing else. */
static const struct {
	uint32_t type, mask;
	uint64_t parameter;
	int result;
} installed[] = {
	{ HV_INTERCEPT_X64_IO_PORT, HV_INTERCEPT_MASK_READ, 0x80, 0 },
	{ HV_INTERCEPT_X64_IO_PORT, 0, 0x80, -EINVAL },
	{ HV_INTERCEPT_X64_IO_PORT, HV_INTERCEPT_MASK_EXECUTE, 0x80, -EINVAL },
	{ HV_INTERCEPT_X64_IO_PORT, HV_INTERCEPT_MASK_READ, 0x10000, -EINVAL },
	{ HV_INTERCEPT_X64_CPUID, HV_INTERCEPT_MASK_READ, 1, -EINVAL },
	{ HV_INTERCEPT_X64_CPUID, HV_INTERCEPT_MASK_EXECUTE, BIT64(32), -EINVAL },
	{ HV_INTERCEPT_EXCEPTION, HV_INTERCEPT_MASK_EXECUTE, 6, -EINVAL },
};

/* mov eax, 0x40000100; 1: push eax; cpuid; out 0x90, al; pop eax; jmp 1b */
static const uint8_t code_cpuid[] = { 0x66, 0xb8, 0x00, 0x01, 0x00, 0x40, 0x66, 0x50,
	                              0x0f, 0xa2, 0xe6, 0x90, 0x66, 0x58, 0xeb, 0xf6 };
#define INTERCEPTED_LEAF 0x40000100u

/* The next intercept, which must be CPUID's; the VMM answers it so, and the guest goes on. */
static void answer_leaf(const struct guest *guest, uint64_t eax)
{
	struct hv_x64_cpuid_intercept cpuid;
	struct hv_message message;

	ck_assert_int_eq(mshv_run_vp(&guest->vp, &message), 0);
	ck_assert_uint_eq(message.type, HV_MESSAGE_X64_CPUID);
	memcpy(&cpuid, message.payload, sizeof(cpuid));
	ck_assert_uint_eq(cpuid.given[0], INTERCEPTED_LEAF);
	ck_assert_int_eq(mshv_set_register(&guest->vp, HV_X64_REGISTER_RAX, eax), 0);
	ck_assert_int_eq(mshv_set_register(&guest->vp, HV_X64_REGISTER_RIP,
	                                   cpuid.header.rip + 2),
	                 0);
}

/* The guest tells what CPUID gave it, and goes on behind that. */
static uint64_t told_leaf(const struct guest *guest)
{
	struct hv_x64_io_port_intercept io = next_port(guest, DEVICE_PORT);

	ck_assert_int_eq(
		mshv_set_register(&guest->vp, HV_X64_REGISTER_RIP, io.header.rip + 2), 0);
	return io.rax;
}

START_TEST(a_leaf_that_was_asked_for_is_the_vmms_to_answer)
{
	struct guest guest;

	guest_start(&guest, code_cpuid, sizeof(code_cpuid));
	ck_assert_int_eq(mshv_set_register(&guest.vp, HV_X64_REGISTER_RAX + 4, STACK_TOP),
	                 0);
	ck_assert_int_eq(mshv_install_intercept(&guest.partition, HV_INTERCEPT_X64_CPUID,
	                                        0, INTERCEPTED_LEAF),
	                 -ENOENT);
	ck_assert_int_eq(mshv_install_intercept(&guest.partition, HV_INTERCEPT_X64_CPUID,
	                                        HV_INTERCEPT_MASK_EXECUTE,
	                                        INTERCEPTED_LEAF),
	                 0);
	answer_leaf(&guest, 0xcafe);
	ck_assert_uint_eq(told_leaf(&guest), 0xcafe);
	ck_assert_int_eq(mshv_install_intercept(&guest.partition, HV_INTERCEPT_X64_CPUID,
	                                        0, INTERCEPTED_LEAF),
	                 0);
	ck_assert_uint_eq(told_leaf(&guest), 0);
	guest_end(&guest);
}
END_TEST

START_TEST(what_comes_anyway_may_be_asked_for_and_nothing_else)
{
	struct guest guest;

	guest_start(&guest, code_spin, sizeof(code_spin));
	ck_assert_int_eq(mshv_install_intercept(&guest.partition, installed[_i].type,
	                                        installed[_i].mask,
	                                        installed[_i].parameter),
	                 installed[_i].result);
	guest_end(&guest);
}
END_TEST

/* ---- Formats and properties ---- */

static int set_area(const struct guest *guest, uint64_t present, uint64_t xcomp)
{
	memcpy(page + 512, &present, sizeof(present));
	memcpy(page + 520, &xcomp, sizeof(xcomp));
	return mshv_set_vp_state(&guest->vp, MSHV_VP_STATE_XSAVE, page, sizeof(page));
}

START_TEST(an_xsave_area_is_compacted_as_upstreams_is)
{
	uint64_t xcomp, components;
	struct guest guest;

	guest_start(&guest, code_spin, sizeof(code_spin));
	ck_assert_int_eq(
		mshv_get_vp_state(&guest.vp, MSHV_VP_STATE_XSAVE, page, sizeof(page)), 0);
	memcpy(&xcomp, page + 520, sizeof(xcomp));
	components = xcomp & ~COMPACTED;
	ck_assert_uint_ne(xcomp & COMPACTED, 0);
	ck_assert(components == 3 || components == 7);
	ck_assert_int_eq(set_area(&guest, 3, xcomp), 0);
	ck_assert_int_eq(set_area(&guest, 3, 0), 0);
	ck_assert_int_eq(set_area(&guest, 3, COMPACTED | 3), 0);
	ck_assert_int_eq(set_area(&guest, components, COMPACTED | 1), -EINVAL);
	ck_assert_int_eq(set_area(&guest, 3, xcomp | 0x200), -EINVAL);
	ck_assert_int_eq(set_area(&guest, 0x203, xcomp | 0x200), -EINVAL);
	ck_assert_int_eq(set_area(&guest, 3, 7), -EINVAL);
	guest_end(&guest);
}
END_TEST

START_TEST(the_banks_of_features_say_what_cpuid_says)
{
	uint64_t root[2], own, disabled[2] = { BIT64(0), BIT64(4) | BIT64(1) };
	struct mshv_create_partition_v2 request = {
		.flags = MSHV_PARTITION_LAPIC | MSHV_PARTITION_CPU_FEATURES,
		.feature_bank_count = 2,
		.disabled_features = { disabled[0], disabled[1] },
	};
	struct mshv_partition partition = { 0 };
	int device = mshv_open();
	uint32_t eax, ebx, ecx, edx;

	for (unsigned int i = 0; i < 2; i++)
		ck_assert_int_eq(mshv_get_root_property(
					 device, HV_PROPERTY_PROCESSOR_FEATURES0 + i,
					 &root[i]),
		                 0);
	__cpuid(1, eax, ebx, ecx, edx);
	ck_assert_uint_eq(root[0] & 1, ecx & 1);
	ck_assert_uint_eq(root[0] >> 7 & 1, ecx >> 23 & 1);  /* POPCNT */
	ck_assert_uint_eq(root[0] >> 16 & 1, ecx >> 25 & 1); /* AES */
	__cpuid_count(7, 0, eax, ebx, ecx, edx);
	ck_assert_uint_eq(root[0] >> 23 & 1, ebx >> 7 & 1); /* SMEP */
	ck_assert_uint_eq(root[1] >> 4 & 1, 0);             /* LA57 */
	partition.fd = ioctl(device, MSHV_CREATE_PARTITION, &request);
	ck_assert_int_ge(partition.fd, 0);
	for (unsigned int i = 0; i < 2; i++) {
		ck_assert_int_eq(mshv_get_property(&partition,
		                                   HV_PROPERTY_PROCESSOR_FEATURES0 + i,
		                                   &own),
		                 0);
		ck_assert_uint_eq(own, root[i] & ~disabled[i]);
	}
	mshv_close_partition(&partition);
	check_nothing_is_left(device);
	close(device);
}
END_TEST

START_TEST(synthetic_features_are_privileges_by_other_numbers)
{
	const uint64_t asked = HV_PRIVILEGE_TIME_REF_COUNT | HV_PRIVILEGE_SYNIC |
	                       HV_PRIVILEGE_STIMER | HV_PRIVILEGE_APIC_MSRS |
	                       HV_PRIVILEGE_HYPERCALL_MSRS | HV_PRIVILEGE_VP_INDEX |
	                       HV_PRIVILEGE_REFERENCE_TSC | HV_PRIVILEGE_FREQUENCY_MSRS;
	const struct mshv_create_partition request = { .flags = MSHV_PARTITION_LAPIC };
	struct mshv_partition partition = { 0 };
	uint64_t before, after;
	int device = mshv_open();

	partition.fd = ioctl(device, MSHV_CREATE_PARTITION, &request);
	ck_assert_int_ge(partition.fd, 0);
	ck_assert_int_eq(
		mshv_get_property(&partition, HV_PROPERTY_PRIVILEGE_FLAGS, &before), 0);
	ck_assert_int_eq(mshv_set_property(&partition, HV_PROPERTY_SYNTHETIC_FEATURES,
	                                   0x06400ffb),
	                 0);
	ck_assert_int_eq(
		mshv_get_property(&partition, HV_PROPERTY_PRIVILEGE_FLAGS, &after), 0);
	ck_assert_uint_eq(after, before & ~(uint64_t)HV_PRIVILEGE_VP_RUNTIME);
	ck_assert_uint_eq(after & asked, asked);
	ck_assert_int_eq(mshv_set_property(&partition, HV_PROPERTY_SYNTHETIC_FEATURES, 3),
	                 0);
	ck_assert_int_eq(
		mshv_get_property(&partition, HV_PROPERTY_PRIVILEGE_FLAGS, &after), 0);
	ck_assert_uint_eq(after & asked, 0);
	ck_assert_uint_ne(after & HV_PRIVILEGE_POST_MESSAGES, 0);
	mshv_close_partition(&partition);
	check_nothing_is_left(device);
	close(device);
}
END_TEST

Suite *mshv_vmm_suite(void)
{
	Suite *suite = suite_create("vmm");
	TCase *tcase = tcase_create("vmm");

	tcase_set_timeout(tcase, 120);
	tcase_add_test(tcase, a_write_to_a_port_or_an_address_signals_and_the_vp_goes_on);
	tcase_add_test(tcase, only_the_size_and_value_that_were_asked_for_signal);
	tcase_add_test(tcase, writes_that_make_no_sense_are_refused);
	tcase_add_test(tcase, many_writes_come_and_go);
	tcase_add_test(tcase, an_eventfd_sends_the_message_of_its_gsi);
	tcase_add_test(tcase,
	               a_level_interrupt_that_ends_is_told_to_its_resample_eventfd);
	tcase_add_test(tcase, interrupts_that_make_no_sense_are_refused);
	tcase_add_loop_test(tcase, a_count_that_its_vmm_leaves_behind_is_0, 0, 3);
	tcase_add_test(tcase, a_count_that_its_vmm_takes_care_of_is_as_it_says);
	tcase_add_test(tcase, a_count_stays_where_the_instruction_was_left);
	tcase_add_test(tcase, a_guest_that_is_gone_leaves_no_synic);
	tcase_add_test(tcase,
	               the_list_that_ends_a_guest_is_carried_out_as_far_as_it_goes);
	tcase_add_test(tcase, a_leaf_that_was_asked_for_is_the_vmms_to_answer);
	tcase_add_loop_test(tcase, what_comes_anyway_may_be_asked_for_and_nothing_else, 0,
	                    ARRAY_COUNT(installed));
	tcase_add_test(tcase, an_xsave_area_is_compacted_as_upstreams_is);
	tcase_add_test(tcase, the_banks_of_features_say_what_cpuid_says);
	tcase_add_test(tcase, synthetic_features_are_privileges_by_other_numbers);
	suite_add_tcase(suite, tcase);
	return suite;
}
