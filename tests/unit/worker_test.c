/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The worker's machine on a stand-in for the hypervisor (worker_fake.h): intercepts, the serial
 * line, kernels and ends. The provider is this program, started once more.
 */
#define _GNU_SOURCE
#include "unit.h"

#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "root-partition/vm/machine.h"
#include "worker_fake.h"
#include "worker_machine.h"

/* ---- Scripts ---- */

struct action {
	enum { OUT, IN, MEMORY, FAULT } kind;
	uint16_t port;
	uint32_t value;
	uint8_t code[4];
};

#define CODE_64 0xa09b /* attributes of CS */
#define CODE_32 0xc09b
#define CODE_16 0x009b

static const struct action *script;
static unsigned int script_left;

/* The state in which the guest is at every intercept. */
static struct {
	uint64_t rip;
	uint64_t rflags;
	uint16_t cs_attributes;
	uint16_t execution_state;
	uint8_t port_info; /* beside the size */
} at;

static void set_place(uint16_t cs_attributes, uint64_t rflags, uint16_t execution_state)
{
	at.cs_attributes = cs_attributes;
	at.rflags = rflags;
	at.execution_state = execution_state | HV_EXECUTION_CR0_PE |
	                     HV_EXECUTION_EFER_LMA;
}

static void header(struct hv_x64_intercept_header *header, uint8_t access, uint8_t length)
{
	header->rip = at.rip;
	header->rflags = at.rflags;
	header->access_type = access;
	header->length_and_cr8 = length;
	header->execution_state = at.execution_state;
	header->cs.attributes = at.cs_attributes;
}

static void port_message(const struct action *action, struct hv_message *message)
{
	struct hv_x64_io_port_intercept port = {
		.port_number = action->port,
		.access_info = 1 | at.port_info,
		.rax = action->kind == OUT ? action->value : 0x1122334455667700,
	};

	header(&port.header, action->kind == OUT ? HV_INTERCEPT_WRITE : HV_INTERCEPT_READ,
	       1);
	message->type = HV_MESSAGE_X64_IO_PORT;
	memcpy(message->payload, &port, sizeof(port));
}

static void memory_message(const struct action *action, struct hv_message *message)
{
	struct hv_x64_memory_intercept memory = { .instruction_byte_count = 4 };

	header(&memory.header, HV_INTERCEPT_WRITE, 0);
	memcpy(memory.instruction_bytes, action->code, sizeof(action->code));
	message->type = HV_MESSAGE_UNMAPPED_GPA;
	memcpy(message->payload, &memory, sizeof(memory));
}

static bool scripted(struct hv_message *message)
{
	const struct action *action = script;

	if (script_left == 0)
		return false;
	script++;
	script_left--;
	if (action->kind == MEMORY)
		memory_message(action, message);
	else if (action->kind == FAULT)
		message->type = HV_MESSAGE_UNRECOVERABLE_EXCEPTION;
	else
		port_message(action, message);
	return true;
}

/* ---- Fixture ---- */

static void setup(void)
{
	worker_set_up(scripted);
	script_left = 0;
	at.rip = 0x1000;
	at.port_info = 0;
	set_place(CODE_64, 2, 0);
}

static void make(const struct action *actions, unsigned int count)
{
	script = actions;
	script_left = count;
	worker_make();
}

/* ---- The serial line's file ---- */

START_TEST(a_serial_file_is_one_process_s_and_no_block_device)
{
	struct flock whole = { .l_type = F_RDLCK, .l_whence = SEEK_SET };
	g_autofree char *device = g_build_filename(folder, "device", NULL);
	g_autofree char *path = g_build_filename(folder, "io", NULL);
	g_autoptr(GError) error = NULL;
	struct serial_file file, other;
	int reader;

	ck_assert(serial_file_open(&file, path, NULL));
	reader = open(path, O_RDONLY | O_CLOEXEC);

	/* As a provider locks a disk. */
	ck_assert_int_ne(fcntl(reader, F_OFD_SETLK, &whole), 0);
	ck_assert(!serial_file_open(&other, path, &error));
	ck_assert_msg(strstr(error->message, "another process uses it"), "%s",
	              error->message);
	g_clear_error(&error);
	serial_file_close(&file);
	ck_assert_int_eq(fcntl(reader, F_OFD_SETLK, &whole), 0);
	ck_assert(!serial_file_open(&other, path, &error));
	close(reader);
	ck_assert(serial_file_open(&file, path, NULL));
	serial_file_close(&file);
	g_clear_error(&error);
	if (mknod(device, S_IFBLK | 0600, makedev(7, 0)) != 0)
		return; /* only root makes devices */
	ck_assert(!serial_file_open(&file, device, &error));
	g_unlink(device);
	/* Where that number is no device the system says so itself. */
	ck_assert_msg(strstr(error->message, "device"), "%s", error->message);
}
END_TEST

/* ---- Intercepts ---- */

START_TEST(what_the_guest_prints_reaches_the_file_and_s5_ends_it)
{
	static const struct action actions[] = {
		{ OUT, 0x3f8, 'o', { 0 } },
		{ OUT, 0x3f8, 'k', { 0 } },
		{ OUT, 0x600, 0x34, { 0 } },
	};
	g_autofree char *text = NULL;

	make(actions, 3);
	ck_assert_int_eq(life_run(machine), MACHINE_POWERED_OFF);
	ck_assert(g_file_get_contents(serial_path, &text, NULL, NULL));
	ck_assert_str_eq(text, "ok");
}
END_TEST

START_TEST(a_port_nobody_has_reads_ones_into_al_alone)
{
	static const struct action actions[] = {
		{ IN, 0x1234, 0, { 0 } },
		{ OUT, 0x602, 1, { 0 } },
	};

	make(actions, 2);
	ck_assert_int_eq(life_run(machine), MACHINE_RESET);
	ck_assert_uint_eq(fake_register(HV_X64_REGISTER_RAX), 0x11223344556677ff);
	ck_assert_uint_eq(fake_register(HV_X64_REGISTER_RIP), 0x1001);
}
END_TEST

START_TEST(device_memory_is_reached_by_decoding_the_instruction)
{
	static const struct action actions[] = {
		{ MEMORY, 0, 0, { 0x89, 0x07, 0x90, 0x90 } }, /* mov [rdi], eax */
		{ MEMORY, 0, 0, { 0x8b, 0x47, 0x10, 0x90 } }, /* mov eax, [rdi + 16] */
		{ OUT, 0x600, 0x34, { 0 } },
	};

	make(actions, 3);
	fake_set_register(HV_X64_REGISTER_RAX + 7, 0xfec00000);
	fake_set_register(HV_X64_REGISTER_RAX, 1);
	ck_assert_int_eq(life_run(machine), MACHINE_POWERED_OFF);
	ck_assert_uint_eq(fake_register(HV_X64_REGISTER_RAX), 0x00170011);
}
END_TEST

#define TF     0x100u
#define RF     0x10000u
#define DR6_BS 0x4000u
#define DB     (HV_PENDING_INTERRUPTION_VALID | 3u << 1 | 1u << 16)

static const uint16_t code_kinds[] = { CODE_64, CODE_32, CODE_16 };

/* The VP has come past its instruction, which left nothing of the state it stood in. */
static void check_finished(uint64_t rip)
{
	ck_assert_uint_eq(fake_register(HV_X64_REGISTER_RIP), rip);
	ck_assert_uint_eq(fake_register(HV_X64_REGISTER_RFLAGS), TF | 2);
	ck_assert_uint_eq(fake_register(HV_X64_REGISTER_DR6), DR6_BS | 1);
	ck_assert_uint_eq(fake_register(HV_REGISTER_PENDING_INTERRUPTION), DB);
	ck_assert_uint_eq(fake_register(HV_REGISTER_INTERRUPT_STATE),
	                  HV_INTERRUPT_STATE_NMI);
}

static void stand_in_shadow(uint16_t cs_attributes)
{
	set_place(cs_attributes, TF | RF | 2, HV_EXECUTION_INTERRUPT_SHADOW);
	fake_set_register(HV_X64_REGISTER_RIP, at.rip);
	fake_set_register(HV_X64_REGISTER_RFLAGS, at.rflags);
	fake_set_register(HV_X64_REGISTER_DR6, 1);
	fake_set_register(HV_REGISTER_INTERRUPT_STATE,
	                  HV_INTERRUPT_STATE_NMI | HV_INTERRUPT_STATE_SHADOW);
	fake_set_register(HV_X64_REGISTER_RAX + 7, 0xfec00000);
}

START_TEST(an_instruction_that_was_carried_out_is_a_single_step_and_ends_its_shadow)
{
	static const struct action kinds[][2] = {
		{ { IN, 0x80, 0, { 0 } }, { FAULT, 0, 0, { 0 } } },
		{ { OUT, 0x80, 0, { 0 } }, { FAULT, 0, 0, { 0 } } },
		{ { MEMORY, 0, 0, { 0xaa } }, { FAULT, 0, 0, { 0 } } }, /* stosb */
	};

	make(kinds[_i % 3], 2);
	stand_in_shadow(code_kinds[_i / 3]);
	ck_assert_int_eq(life_run(machine), MACHINE_CRASHED);
	check_finished(0x1001);
}
END_TEST

START_TEST(a_repeated_port_access_under_tf_is_a_step_for_each_element)
{
	static const struct action actions[] = { { OUT, 0x80, 0, { 0 } },
		                                 { FAULT, 0, 0, { 0 } } };
	static const uint8_t code[] = { 0xf3, 0x6e }; /* rep outsb */

	make(actions, 2);
	memcpy(vsp_guest_memory_at(&machine->memory, at.rip, 2), code, 2);
	stand_in_shadow(code_kinds[_i / 2]);
	at.port_info = HV_IO_PORT_STRING | HV_IO_PORT_REP;
	fake_set_register(HV_X64_REGISTER_RAX + 1, 1 + _i % 2);
	fake_set_register(HV_X64_REGISTER_RAX + 6, 0x3000);
	ck_assert_int_eq(life_run(machine), MACHINE_CRASHED);
	ck_assert_uint_eq(fake_register(HV_X64_REGISTER_RAX + 1), _i % 2);
	ck_assert_uint_eq(fake_register(HV_X64_REGISTER_RAX + 6), 0x3001);
	if (_i % 2) /* it goes on, and so does RF */
		fake_set_register(HV_X64_REGISTER_RFLAGS,
		                  fake_register(HV_X64_REGISTER_RFLAGS) ^ RF);
	check_finished(_i % 2 ? 0x1000 : 0x1002);
}
END_TEST

/* As every linear address there: the byte that powers the machine off lies where the sum wraps to. */
START_TEST(outside_64_bit_code_a_string_s_address_wraps_at_4_gib)
{
	static const struct action actions[] = { { OUT, 0x600, 0, { 0 } },
		                                 { FAULT, 0, 0, { 0 } } };
	const uint64_t gpa = _i == 0 ? 0x4000 : 0x3000;

	make(actions, 2);
	set_place(code_kinds[_i], 2, 0);
	*(uint8_t *)vsp_guest_memory_at(&machine->memory, at.rip, 1) = 0x6e; /* outsb */
	*(uint8_t *)vsp_guest_memory_at(&machine->memory, gpa, 1) = 0x34;
	at.port_info = HV_IO_PORT_STRING;
	fake_set_register(HV_X64_REGISTER_RAX + 6, 0x4000);
	fake_set_register(HV_X64_REGISTER_DS, 0xfffff000);
	ck_assert_int_eq(life_run(machine), MACHINE_POWERED_OFF);
	ck_assert_uint_eq(fake_register(HV_X64_REGISTER_RAX + 6), 0x4001);
}
END_TEST

START_TEST(outside_64_bit_code_the_instruction_pointer_has_32_bits)
{
	static const struct action actions[] = { { OUT, 0x80, 0, { 0 } },
		                                 { FAULT, 0, 0, { 0 } } };

	make(actions, 2);
	set_place(code_kinds[_i], 2, 0);
	at.rip = UINT32_MAX;
	ck_assert_int_eq(life_run(machine), MACHINE_CRASHED);
	ck_assert_uint_eq(fake_register(HV_X64_REGISTER_RIP),
	                  _i == 0 ? UINT64_C(0x100000000) : 0);
	ck_assert_uint_eq(fake_register(HV_REGISTER_PENDING_INTERRUPTION), 0);
}
END_TEST

START_TEST(a_triple_fault_is_a_crash)
{
	static const struct action actions[] = { { FAULT, 0, 0, { 0 } } };

	make(actions, 1);
	ck_assert_int_eq(life_run(machine), MACHINE_CRASHED);
}
END_TEST

START_TEST(what_cannot_be_done_with_device_memory_is_an_exception_of_the_guests)
{
	static const struct action actions[][2] = {
		{ { MEMORY, 0, 0, { 0xd8, 0x07 } }, { OUT, 0x600, 0x34, { 0 } } },
		{ { MEMORY, 0, 0, { 0xf7, 0x77, 0x20 } }, { OUT, 0x600, 0x34, { 0 } } },
	}; /* fadds (%rdi); divl 32(%rdi), which is 0 */
	static const uint64_t exceptions[] = { 6u << 16, 0 };

	make(actions[_i], 2);
	fake_set_register(HV_X64_REGISTER_RAX + 7, 0xfec00000);
	ck_assert_int_eq(life_run(machine), MACHINE_POWERED_OFF);
	ck_assert_uint_eq(fake_register(HV_REGISTER_PENDING_INTERRUPTION),
	                  HV_PENDING_INTERRUPTION_VALID | 3u << 1 | exceptions[_i]);
}
END_TEST

START_TEST(an_event_that_no_memory_takes_is_a_double_fault_and_then_a_crash)
{
	static const struct action actions[] = {
		{ MEMORY, 0, 0, { 0x89, 0x07, 0, 0 } }, /* mov %eax, (%rdi) */
		{ MEMORY, 0, 0, { 0x89, 0x07, 0, 0 } },
	};

	make(actions, 2);
	set_place(CODE_64, 2, HV_EXECUTION_INTERRUPT_PENDING);
	fake_set_register(HV_X64_REGISTER_RIP, at.rip);
	fake_set_register(HV_REGISTER_PENDING_INTERRUPTION,
	                  HV_PENDING_INTERRUPTION_VALID | 3u << 1 | 6u << 16);
	ck_assert_int_eq(life_run(machine), MACHINE_CRASHED);
	ck_assert_uint_eq(fake_register(HV_REGISTER_PENDING_INTERRUPTION),
	                  HV_PENDING_INTERRUPTION_VALID | 3u << 1 |
	                          HV_PENDING_INTERRUPTION_ERROR_VALID | 8u << 16);
	ck_assert_uint_eq(fake_register(HV_X64_REGISTER_RIP), at.rip);
}
END_TEST

/* ---- The clock ---- */

static gpointer stop_at_interrupt(gpointer data)
{
	(void)data;
	for (int waited = 0; fake_interrupts() == 0 && waited < 10000; waited++)
		g_usleep(1000);
	machine_set_end(machine, MACHINE_STOPPED, "the test is over");
	return NULL;
}

START_TEST(an_alarm_interrupts_though_no_vp_exits)
{
	static const struct action actions[] = {
		{ .kind = OUT, .port = 0x70, .value = 1 },
		{ .kind = OUT, .port = 0x71, .value = 0xff },
		{ .kind = OUT, .port = 0x70, .value = 3 },
		{ .kind = OUT, .port = 0x71, .value = 0xff },
		{ .kind = OUT, .port = 0x70, .value = 5 },
		{ .kind = OUT, .port = 0x71, .value = 0xff },
		{ .kind = OUT, .port = 0x70, .value = 0x0b },
		{ .kind = OUT, .port = 0x71, .value = 0x22 },
	};
	GThread *thread;

	make(actions, G_N_ELEMENTS(actions));
	ioapic_model_write(&machine->platform.ioapic, 0, 4, 0x10 + 2 * 8);
	ioapic_model_write(&machine->platform.ioapic, 0x10, 4, 0x38);
	thread = g_thread_new("stop", stop_at_interrupt, NULL);
	ck_assert_int_eq(life_run(machine), MACHINE_STOPPED);
	g_thread_join(thread);
	ck_assert_uint_eq(fake_interrupts(), 1);
}
END_TEST

/* ---- Kernels, and ends ---- */

/* Each is larger than what can be allocated, and so must not be read. */
START_TEST(a_file_that_is_no_kernel_is_not_read_whatever_its_size)
{
	off_t size = (off_t)1 << 42;
	g_autoptr(GError) error = NULL;

	ck_assert_int_eq(truncate(definition->kernel, size), 0);
	worker_make_fails(&error);
	ck_assert_msg(strstr(error->message, "does not fit"), "%s", error->message);
	g_clear_error(&error);
	ck_assert_int_eq(truncate(definition->kernel, 0), 0);
	ck_assert_int_eq(truncate(definition->kernel, size), 0);
	worker_make_fails(&error);
	ck_assert_msg(strstr(error->message, "not a Linux kernel"), "%s", error->message);
}
END_TEST

static const struct {
	enum machine_end first;
	enum machine_end second;
	enum machine_end end;
} ends[] = {
	{ MACHINE_RESET, MACHINE_STOPPED, MACHINE_STOPPED },
	{ MACHINE_RESET, MACHINE_CRASHED, MACHINE_RESET },
	{ MACHINE_STOPPED, MACHINE_RESET, MACHINE_STOPPED },
	{ MACHINE_POWERED_OFF, MACHINE_STOPPED, MACHINE_POWERED_OFF },
	{ MACHINE_CRASHED, MACHINE_RESET, MACHINE_CRASHED },
};

START_TEST(a_reset_gives_way_to_a_stop_alone)
{
	make(NULL, 0);
	machine_set_end(machine, ends[_i].first, "one");
	machine_set_end(machine, ends[_i].second, "two");
	ck_assert_int_eq(life_run(machine), ends[_i].end);
	ck_assert_str_eq(machine->end_reason,
	                 ends[_i].end == ends[_i].first ? "one" : "two");
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("worker");
	TCase *tcase = tcase_create("machine");

	tcase_set_timeout(tcase, 60);
	tcase_add_checked_fixture(tcase, setup, worker_tear_down);
	tcase_add_test(tcase, a_serial_file_is_one_process_s_and_no_block_device);
	tcase_add_test(tcase, what_the_guest_prints_reaches_the_file_and_s5_ends_it);
	tcase_add_test(tcase, a_port_nobody_has_reads_ones_into_al_alone);
	tcase_add_test(tcase, device_memory_is_reached_by_decoding_the_instruction);
	tcase_add_loop_test(
		tcase,
		an_instruction_that_was_carried_out_is_a_single_step_and_ends_its_shadow,
		0, 3 * G_N_ELEMENTS(code_kinds));
	tcase_add_loop_test(tcase,
	                    a_repeated_port_access_under_tf_is_a_step_for_each_element, 0,
	                    2 * G_N_ELEMENTS(code_kinds));
	tcase_add_loop_test(tcase, outside_64_bit_code_a_string_s_address_wraps_at_4_gib,
	                    0, G_N_ELEMENTS(code_kinds));
	tcase_add_loop_test(tcase,
	                    outside_64_bit_code_the_instruction_pointer_has_32_bits, 0,
	                    G_N_ELEMENTS(code_kinds));
	tcase_add_test(tcase, a_triple_fault_is_a_crash);
	tcase_add_loop_test(
		tcase,
		what_cannot_be_done_with_device_memory_is_an_exception_of_the_guests, 0,
		2);
	tcase_add_test(tcase,
	               an_event_that_no_memory_takes_is_a_double_fault_and_then_a_crash);
	tcase_add_test(tcase, an_alarm_interrupts_though_no_vp_exits);
	tcase_add_test(tcase, a_file_that_is_no_kernel_is_not_read_whatever_its_size);
	tcase_add_loop_test(tcase, a_reset_gives_way_to_a_stop_alone, 0,
	                    G_N_ELEMENTS(ends));
	suite_add_tcase(suite, tcase);
	return suite;
}

int main(int argc, char **argv)
{
	return worker_main(argc, argv, make_suite);
}
