/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The worker's machine on a stand-in for the hypervisor (worker_fake.h): intercepts, the serial
 * line, ends, and VMBus down to a provider process, which is this program started once more.
 */
#define _GNU_SOURCE
#include "unit.h"

#include <fcntl.h>
#include <glib/gstdio.h>
#include <poll.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>
#include <viridis/abi/vmbus.h>

#include "root-partition/config/json_text.h"
#include "root-partition/vm/machine.h"
#include "root-partition/config/vm_log.h"
#include "root-partition/vm/vmbus.h"
#include "vmbus/core/server.h"
#include "vsp/lib/vsp.h"
#include "worker_fake.h"
#include "worker_guest.h"
#include "worker_io.h"

#define MIB      (1u << 20)
#define PROVIDER "viridis-util"
#define COUNTERS \
	"{\"beats\":3,\"state\":\"ready\",\"list\":[1,{\"n\":2}],\"deep\":{\"a\":{\"b\":{\"c\":"
#define OURS    77                    /* a descriptor that a provider must not have */
#define SILENT  "silent"              /* a VM whose provider answers no command */
#define LINGERS "lingers"             /* and one whose provider's I/O outlives it */
#define KERNEL  "VIRIDIS_TEST_KERNEL" /* names the socket where this I/O is taken over */

static char *folder;
static char *serial_path;
static struct definition *definition;
static struct serial *serial;
static struct machine *machine;
static char *shutdown_error; /* of the last request */
static char *kernel_path;

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
	g_autofree char *self = g_file_read_link("/proc/self/exe", NULL);
	g_autofree char *link_path = NULL;
	g_autofree char *path = NULL;

	folder = g_dir_make_tmp("viridis-XXXXXX", NULL);
	link_path = g_build_filename(folder, PROVIDER, NULL);
	ck_assert_int_eq(symlink(self, link_path), 0);
	path = g_strconcat(folder, ":", g_getenv("PATH"), NULL);
	g_setenv("PATH", path, TRUE);
	/* The leak checker needs calls that the provider's sandbox refuses. */
	g_setenv("ASAN_OPTIONS", "detect_leaks=0", TRUE);
	serial_path = g_build_filename(folder, "serial", NULL);
	kernel_path = g_build_filename(folder, "io", NULL);
	g_setenv(KERNEL, kernel_path, TRUE);
	definition = definition_new();
	definition->name = g_strdup("test");
	definition->memory_bytes = 64 * MIB;
	definition->vps = 2;
	definition->kernel = guest_write_kernel(folder);
	serial = serial_open(serial_path, NULL);
	ck_assert_int_eq(dup2(STDERR_FILENO, OURS), OURS);
	fake_reset(scripted);
	script_left = 0;
	at.rip = 0x1000;
	at.port_info = 0;
	set_place(CODE_64, 2, 0);
}

static void teardown(void)
{
	static const char *const files[] = { "kernel", "serial", "io", PROVIDER };

	if (machine)
		machine_free(machine);
	serial_close(serial);
	definition_free(definition);
	for (gsize i = 0; i < G_N_ELEMENTS(files); i++) {
		g_autofree char *path = g_build_filename(folder, files[i], NULL);

		g_unlink(path);
	}
	g_rmdir(folder);
	g_clear_pointer(&shutdown_error, g_free);
	g_free(kernel_path);
}

static void make(const struct action *actions, unsigned int count)
{
	g_autoptr(GError) error = NULL;

	script = actions;
	script_left = count;
	machine = machine_new(definition, serial, &error);
	ck_assert_msg(machine != NULL, "%s", error ? error->message : "");
}

/* ---- The serial line's file ---- */

START_TEST(a_serial_file_is_one_process_s_and_no_block_device)
{
	struct flock whole = { .l_type = F_RDLCK, .l_whence = SEEK_SET };
	g_autofree char *device = g_build_filename(folder, "device", NULL);
	g_autoptr(GError) error = NULL;
	int reader = open(serial_path, O_RDONLY | O_CLOEXEC);

	/* As a provider locks a disk. */
	ck_assert_int_ne(fcntl(reader, F_OFD_SETLK, &whole), 0);
	ck_assert_ptr_null(serial_open(serial_path, &error));
	ck_assert_msg(strstr(error->message, "another process uses it"), "%s",
	              error->message);
	g_clear_error(&error);
	serial_close(serial);
	ck_assert_int_eq(fcntl(reader, F_OFD_SETLK, &whole), 0);
	ck_assert_ptr_null(serial_open(serial_path, &error));
	close(reader);
	serial = serial_open(serial_path, NULL);
	ck_assert_ptr_nonnull(serial);
	g_clear_error(&error);
	if (mknod(device, S_IFBLK | 0600, makedev(7, 0)) != 0)
		return; /* only root makes devices */
	ck_assert_ptr_null(serial_open(device, &error));
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
	ck_assert_int_eq(machine_run(machine), MACHINE_POWERED_OFF);
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
	ck_assert_int_eq(machine_run(machine), MACHINE_RESET);
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
	ck_assert_int_eq(machine_run(machine), MACHINE_POWERED_OFF);
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
	ck_assert_int_eq(machine_run(machine), MACHINE_CRASHED);
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
	ck_assert_int_eq(machine_run(machine), MACHINE_CRASHED);
	ck_assert_uint_eq(fake_register(HV_X64_REGISTER_RAX + 1), _i % 2);
	ck_assert_uint_eq(fake_register(HV_X64_REGISTER_RAX + 6), 0x3001);
	if (_i % 2) /* it goes on, and so does RF */
		fake_set_register(HV_X64_REGISTER_RFLAGS,
		                  fake_register(HV_X64_REGISTER_RFLAGS) ^ RF);
	check_finished(_i % 2 ? 0x1000 : 0x1002);
}
END_TEST

START_TEST(outside_64_bit_code_the_instruction_pointer_has_32_bits)
{
	static const struct action actions[] = { { OUT, 0x80, 0, { 0 } },
		                                 { FAULT, 0, 0, { 0 } } };

	make(actions, 2);
	set_place(code_kinds[_i], 2, 0);
	at.rip = UINT32_MAX;
	ck_assert_int_eq(machine_run(machine), MACHINE_CRASHED);
	ck_assert_uint_eq(fake_register(HV_X64_REGISTER_RIP),
	                  _i == 0 ? UINT64_C(0x100000000) : 0);
	ck_assert_uint_eq(fake_register(HV_REGISTER_PENDING_INTERRUPTION), 0);
}
END_TEST

START_TEST(a_triple_fault_is_a_crash)
{
	static const struct action actions[] = { { FAULT, 0, 0, { 0 } } };

	make(actions, 1);
	ck_assert_int_eq(machine_run(machine), MACHINE_CRASHED);
}
END_TEST

START_TEST(an_unknown_instruction_on_device_memory_is_a_crash)
{
	static const struct action actions[] = { { MEMORY, 0, 0, { 0x0f, 0x0b, 0, 0 } } };

	make(actions, 1);
	ck_assert_int_eq(machine_run(machine), MACHINE_CRASHED);
}
END_TEST

/* ---- Kernels, and ends ---- */

/* Each is larger than what can be allocated, and so must not be read. */
START_TEST(a_file_that_is_no_kernel_is_not_read_whatever_its_size)
{
	off_t size = (off_t)1 << 42;
	g_autoptr(GError) error = NULL;

	ck_assert_int_eq(truncate(definition->kernel, size), 0);
	ck_assert_ptr_null(machine_new(definition, serial, &error));
	ck_assert_msg(strstr(error->message, "does not fit"), "%s", error->message);
	g_clear_error(&error);
	ck_assert_int_eq(truncate(definition->kernel, 0), 0);
	ck_assert_int_eq(truncate(definition->kernel, size), 0);
	ck_assert_ptr_null(machine_new(definition, serial, &error));
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
	ck_assert_int_eq(machine_run(machine), ends[_i].end);
	ck_assert_str_eq(machine->end_reason,
	                 ends[_i].end == ends[_i].first ? "one" : "two");
}
END_TEST

/* ---- VMBus ---- */

static gint shutdown_asked;
static gint shutdown_answered;

static void on_answer(gpointer context, const char *error)
{
	(void)context;
	g_free(shutdown_error);
	shutdown_error = g_strdup(error);
	g_atomic_int_set(&shutdown_answered, 1);
}

static gboolean ask_shutdown(gpointer data)
{
	vmbus_shutdown(machine->vmbus, GPOINTER_TO_INT(data), on_answer, NULL);
	g_atomic_int_set(&shutdown_asked, 1);
	return G_SOURCE_REMOVE;
}

static void wait_for(gint *flag)
{
	for (int i = 0; i < 1000 && !g_atomic_int_get(flag); i++)
		g_usleep(10000);
	ck_assert(g_atomic_int_get(flag));
}

static void request_shutdown(gboolean reboot)
{
	g_atomic_int_set(&shutdown_answered, 0);
	g_idle_add(ask_shutdown, GINT_TO_POINTER(reboot));
	wait_for(&shutdown_answered);
}

/* The child, beside the main loop. */
static gpointer child(gpointer data)
{
	struct pollfd signal = { .events = POLLIN };
	uint32_t relid;

	(void)data;
	guest_connect();
	relid = guest_take_offers();
	request_shutdown(FALSE);
	ck_assert_ptr_nonnull(strstr(shutdown_error, "does not listen"));
	guest_open(relid);
	signal.fd = fake_event_to_child();
	ck_assert_int_eq(poll(&signal, 1, 10000), 1); /* the provider's, when started */
	request_shutdown(FALSE);
	ck_assert_ptr_null(shutdown_error);
	request_shutdown(TRUE);
	ck_assert_str_eq(shutdown_error, "not now");
	guest_close(relid);
	machine_set_end(machine, MACHINE_STOPPED, "the test is over");
	return NULL;
}

START_TEST(a_channel_goes_from_offer_to_provider_and_back)
{
	GThread *thread;

	make(NULL, 0);
	thread = g_thread_new("child", child, NULL);
	ck_assert_int_eq(machine_run(machine), MACHINE_STOPPED);
	g_thread_join(thread);
}
END_TEST

static const struct {
	gboolean reboot;
	enum machine_end end;
	const char *error; /* of the answer to the shutdown */
} late[] = {
	{ FALSE, MACHINE_POWERED_OFF, NULL },
	{ TRUE, MACHINE_RESET, NULL },
	{ FALSE, MACHINE_RESET, "the machine ended" },
	{ TRUE, MACHINE_POWERED_OFF, "the machine ended" },
	{ FALSE, MACHINE_CRASHED, "the machine ended" },
	{ FALSE, MACHINE_STOPPED, "the machine ended" },
};

/* It ends before its provider said anything. */
static gpointer child_that_ends(gpointer data)
{
	const int *row = data;

	guest_connect();
	guest_open(guest_take_offers());
	g_idle_add(ask_shutdown, GINT_TO_POINTER(late[*row].reboot));
	wait_for(&shutdown_asked);
	machine_set_end(machine, late[*row].end, "the guest's doing");
	return NULL;
}

START_TEST(a_shutdown_not_answered_before_the_end_is_judged_by_the_end)
{
	GThread *thread;

	g_free(definition->name);
	definition->name = g_strdup(SILENT);
	make(NULL, 0);
	thread = g_thread_new("child", child_that_ends, &_i);
	ck_assert_int_eq(machine_run(machine), late[_i].end);
	g_thread_join(thread);
	ck_assert(!g_atomic_int_get(&shutdown_answered));
	g_clear_pointer(&machine, machine_free);
	ck_assert(g_atomic_int_get(&shutdown_answered));
	ck_assert_pstr_eq(shutdown_error, late[_i].error);
}
END_TEST

/* One more than the server takes before it has delivered an answer: the last is held. */
#define POSTS (SERVER_QUEUE_CAPACITY(0u, 0u) + 1u)

static gpointer child_that_reads_late(gpointer data)
{
	struct hv_message message;
	uint32_t relid;

	(void)data;
	guest_connect();
	relid = guest_take_offers();
	fake_fill_slot(true);
	for (uint32_t number = 1; number <= POSTS; number++)
		guest_post_rings(relid, number);
	ck_assert(fake_posts_read());
	fake_fill_slot(false);
	for (uint32_t number = 1; number <= POSTS; number++)
		guest_expect(VMBUS_GPADL_CREATED, &message);
	machine_set_end(machine, MACHINE_STOPPED, "the test is over");
	return NULL;
}

START_TEST(every_message_is_answered_though_the_child_reads_late)
{
	GThread *thread;

	make(NULL, 0);
	thread = g_thread_new("child", child_that_reads_late, NULL);
	ck_assert_int_eq(machine_run(machine), MACHINE_STOPPED);
	g_thread_join(thread);
}
END_TEST

#define CYCLES 60u

static gpointer child_that_opens_and_closes(gpointer data)
{
	uint32_t relid;

	(void)data;
	guest_connect();
	relid = guest_take_offers();
	for (unsigned int i = 0; i < CYCLES; i++) {
		guest_open(relid);
		guest_close(relid);
	}
	machine_set_end(machine, MACHINE_STOPPED, "the test is over");
	return NULL;
}

START_TEST(a_guest_that_opens_and_closes_for_ever_does_not_fill_the_log)
{
	g_autofree char *path = g_build_filename(folder, "log", NULL);
	g_autofree char *text = NULL;
	g_auto(GStrv) lines = NULL;
	gint64 start = g_get_monotonic_time();
	gint64 seconds;
	GThread *thread;

	ck_assert(vm_log_open(path, "/nonexistent/old", NULL));
	make(NULL, 0);
	thread = g_thread_new("child", child_that_opens_and_closes, NULL);
	ck_assert_int_eq(machine_run(machine), MACHINE_STOPPED);
	g_thread_join(thread);
	seconds = (g_get_monotonic_time() - start) / G_USEC_PER_SEC;
	ck_assert(g_file_get_contents(path, &text, NULL, NULL));
	g_unlink(path);
	lines = g_strsplit(text, "\n", -1);
	/* Every second it takes, and one that it does not fill; the machine's own lines. */
	ck_assert_int_le(g_strv_length(lines), (seconds + 2) * (VM_LOG_BURST + 1) + 8);
	ck_assert_int_lt(g_strv_length(lines), 2 * CYCLES);
}
END_TEST

START_TEST(a_provider_that_is_not_there_is_an_error_that_names_it)
{
	g_autofree char *path = g_build_filename(folder, PROVIDER, NULL);
	g_autoptr(GError) error = NULL;

	g_unlink(path);
	ck_assert_ptr_null(machine_new(definition, serial, &error));
	ck_assert_ptr_nonnull(strstr(error->message, PROVIDER));
}
END_TEST

/* What the machine tells of its providers, as JSON. */
static char *providers(void)
{
	g_autoptr(JsonBuilder) builder = json_builder_new();

	json_builder_begin_object(builder);
	vmbus_add_providers(machine->vmbus, builder);
	json_builder_end_object(builder);
	return json_text_finish(builder, FALSE);
}

/* The child signals, and its provider dies of it (provider_signalled()). */
static gpointer child_of_dying_provider(gpointer data)
{
	struct hv_message message;
	uint64_t one = 1;
	uint32_t relid;

	(void)data;
	guest_connect();
	relid = guest_take_offers();
	guest_open(relid);
	ck_assert_int_eq(write(fake_event_to_host(), &one, sizeof(one)), sizeof(one));
	for (int channel = 0; channel < 3; channel++) /* all that it served */
		guest_expect(VMBUS_RESCIND_OFFER, &message);
	request_shutdown(FALSE);
	ck_assert_ptr_nonnull(strstr(shutdown_error, "provider died"));
	machine_set_end(machine, MACHINE_STOPPED, "the test is over");
	return NULL;
}

START_TEST(a_provider_that_dies_is_told_and_its_channels_are_rescinded)
{
	g_autofree char *before = NULL;
	g_autofree char *after = NULL;
	GThread *thread;

	make(NULL, 0);
	before = providers();
	ck_assert_str_eq(before, "{\"providers\":{\"util\":\"serving\"}}");
	thread = g_thread_new("child", child_of_dying_provider, NULL);
	ck_assert_int_eq(machine_run(machine), MACHINE_STOPPED);
	g_thread_join(thread);
	after = providers();
	ck_assert_str_eq(after, "{\"providers\":{\"util\":\"died\"}}");
}
END_TEST

/* ---- What providers count ---- */

static char *counted;

static void on_counted(gpointer context, JsonObject *providers)
{
	g_autoptr(JsonNode) node = json_node_new(JSON_NODE_OBJECT);

	(void)context;
	json_node_set_object(node, providers);
	counted = json_to_string(node, FALSE);
	machine_set_end(machine, MACHINE_STOPPED, "the test is over");
}

static gboolean count(gpointer data)
{
	(void)data;
	vmbus_count(machine->vmbus, on_counted, NULL);
	return G_SOURCE_REMOVE;
}

/* Sequences that do something to a terminal are no counters, nor is what is nested without end. */
static const char *const counts[][2] = {
	{ "test", "{\"util\":" COUNTERS "{}}}}}}" },
	{ SILENT, "{}" }, /* it has time, but not for ever */
};

START_TEST(counters_are_told_and_nothing_else)
{
	g_free(definition->name);
	definition->name = g_strdup(counts[_i][0]);
	make(NULL, 0);
	g_idle_add(count, NULL);
	ck_assert_int_eq(machine_run(machine), MACHINE_STOPPED);
	ck_assert_str_eq(counted, counts[_i][1]);
	g_free(counted);
}
END_TEST

/* ---- What outlives a provider ---- */

static gint provider_died;

static gboolean look_at_provider(gpointer data)
{
	g_autofree char *told = providers();

	(void)data;
	g_atomic_int_set(&provider_died, strstr(told, "died") != NULL);
	return g_atomic_int_get(&provider_died) ? G_SOURCE_REMOVE : G_SOURCE_CONTINUE;
}

/* That it died is told at once, whatever becomes of its I/O. */
static void kill_provider(void)
{
	uint64_t one = 1;

	ck_assert_int_eq(write(fake_event_to_host(), &one, sizeof(one)), sizeof(one));
	g_timeout_add(1, look_at_provider, NULL);
	wait_for(&provider_died);
}

static gpointer child_of_lingering_provider(gpointer data)
{
	struct hv_message message;
	uint32_t relid;

	(void)data;
	guest_connect();
	relid = guest_take_offers();
	guest_open(relid);
	kill_provider();
	guest_expect(VMBUS_RESCIND_OFFER, &message);
	ck_assert(io_is_over());
	machine_set_end(machine, MACHINE_STOPPED, "the test is over");
	return NULL;
}

/* The guest gives up its channel itself, and may use the pages as soon as that is answered. */
static gpointer child_that_closes_on_lingering_provider(gpointer data)
{
	uint32_t relid;

	(void)data;
	guest_connect();
	relid = guest_take_offers();
	guest_open(relid);
	kill_provider();
	guest_close(relid);
	ck_assert(io_is_over());
	machine_set_end(machine, MACHINE_STOPPED, "the test is over");
	return NULL;
}

static gpointer child_that_stops_on_lingering_provider(gpointer data)
{
	(void)data;
	guest_connect();
	guest_open(guest_take_offers());
	machine_set_end(machine, MACHINE_STOPPED, "the test is over");
	return NULL;
}

static const GThreadFunc lingering[] = {
	child_of_lingering_provider,
	child_that_closes_on_lingering_provider,
	child_that_stops_on_lingering_provider,
};

START_TEST(a_provider_is_gone_when_its_io_is_over_and_not_before)
{
	GThread *kernel = io_start(kernel_path);
	GThread *thread;

	g_free(definition->name);
	definition->name = g_strdup(LINGERS);
	make(NULL, 0);
	thread = g_thread_new("child", lingering[_i], NULL);
	ck_assert_int_eq(machine_run(machine), MACHINE_STOPPED);
	g_thread_join(thread);
	g_clear_pointer(&machine, machine_free);
	ck_assert(io_is_over());
	g_thread_join(kernel);
}
END_TEST

START_TEST(disks_whose_paths_no_message_holds_are_an_error_that_says_so)
{
	g_autofree char *name = g_strnfill(2000, 'x');
	g_autofree char *path = g_strconcat("/", name, NULL);
	g_autoptr(GError) error = NULL;

	for (unsigned int disk = 0; disk < DEFINITION_DISKS_MAX; disk++)
		definition_add_disk(definition, path, FALSE);
	ck_assert_ptr_null(machine_new(definition, serial, &error));
	ck_assert_msg(strstr(error->message, "shorter paths"), "%s", error->message);
}
END_TEST

/* ---- The provider ---- */

static bool silent;

static bool provider_configure(struct vsp *vsp, const char *json, char *error,
                               size_t bytes)
{
	(void)error;
	(void)bytes;
	if (fcntl(OURS, F_GETFD) >= 0)
		return false;
	silent = strstr(json, "\"vm\":\"" SILENT "\"");
	if (strstr(json, "\"vm\":\"" LINGERS "\"")) {
		return io_hand_over(getenv(KERNEL), vsp_lifeline(vsp));
	}
	return strstr(json, "\"shutdown\"") &&
	       (silent || strstr(json, "\"vm\":\"test\""));
}

static bool provider_open(struct vsp *vsp, struct vsp_channel *channel)
{
	(void)vsp;
	/* The sandbox is shut: no path opens any more. */
	return channel->in.data_bytes == 4096 && open("/", O_RDONLY) < 0;
}

static void provider_started(struct vsp *vsp, struct vsp_channel *channel)
{
	(void)vsp;
	vsp_channel_signal(channel);
}

static void provider_signalled(struct vsp *vsp, struct vsp_channel *channel)
{
	(void)vsp;
	(void)channel;
	/* No signal of its own ends the first process of a name space. */
	__builtin_trap();
}

static void provider_command(struct vsp *vsp, uint32_t tag, const char *json)
{
	if (silent)
		return;
	if (strstr(json, "stats")) {
		vsp_event(vsp, tag,
		          COUNTERS "{\"d\":{\"e\":1}}}}},\"ok\":true,\"half\":0.5,"
		                   "\"bad\":\"\\u001b[2J\",\"bad name\":1}");
		return;
	}
	vsp_event(vsp, tag,
	          strstr(json, "true") ? "{\"ok\": false, \"error\": \"not now\"}" :
	                                 "{\"ok\": true}");
}

static int run_provider(void)
{
	static const struct vsp_provider provider = {
		.name = PROVIDER,
		.configure = provider_configure,
		.open = provider_open,
		.started = provider_started,
		.signalled = provider_signalled,
		.close = vsp_channel_closed,
		.command = provider_command,
	};

	return vsp_main(&provider, NULL);
}

static Suite *make_suite(void)
{
	Suite *suite = suite_create("worker");
	TCase *tcase = tcase_create("machine");

	tcase_set_timeout(tcase, 60);
	tcase_add_checked_fixture(tcase, setup, teardown);
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
	tcase_add_loop_test(tcase,
	                    outside_64_bit_code_the_instruction_pointer_has_32_bits, 0,
	                    G_N_ELEMENTS(code_kinds));
	tcase_add_test(tcase, a_triple_fault_is_a_crash);
	tcase_add_test(tcase, an_unknown_instruction_on_device_memory_is_a_crash);
	tcase_add_test(tcase, a_file_that_is_no_kernel_is_not_read_whatever_its_size);
	tcase_add_loop_test(tcase, a_reset_gives_way_to_a_stop_alone, 0,
	                    G_N_ELEMENTS(ends));
	tcase_add_test(tcase, a_channel_goes_from_offer_to_provider_and_back);
	tcase_add_loop_test(tcase,
	                    a_shutdown_not_answered_before_the_end_is_judged_by_the_end,
	                    0, G_N_ELEMENTS(late));
	tcase_add_test(tcase, every_message_is_answered_though_the_child_reads_late);
	tcase_add_test(tcase,
	               a_guest_that_opens_and_closes_for_ever_does_not_fill_the_log);
	tcase_add_test(tcase, a_provider_that_is_not_there_is_an_error_that_names_it);
	tcase_add_test(tcase,
	               a_provider_that_dies_is_told_and_its_channels_are_rescinded);
	tcase_add_loop_test(tcase, counters_are_told_and_nothing_else, 0, 2);
	tcase_add_loop_test(tcase, a_provider_is_gone_when_its_io_is_over_and_not_before,
	                    0, G_N_ELEMENTS(lingering));
	tcase_add_test(tcase,
	               disks_whose_paths_no_message_holds_are_an_error_that_says_so);
	suite_add_tcase(suite, tcase);
	return suite;
}

int main(int argc, char **argv)
{
	(void)argc;
	if (g_str_has_suffix(argv[0], PROVIDER))
		return run_provider();
	return unit_run(make_suite());
}
