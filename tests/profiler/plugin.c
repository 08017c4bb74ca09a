/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A plugin of QEMU's TCG that counts every instruction of a phase and says whose it was: see README.md.
 *
 *	-plugin profiler.so,out=FILE
 *
 * Between phases it watches the marks, VMRUN, and the instruction behind it, where #VMEXIT leads; within
 * one every block. QEMU's CPUs must take turns in one thread. P1 to P4 are what makes the counts exact:
 *
 * P1  Each instruction stores its number within the block before it executes (`progress`), so that a
 *     block which is left early is known to the instruction.
 * P2  A block is charged when the next one starts. If that does not follow the last instruction that
 *     started, and the block was left early, this instruction faulted: icount does not count it, nor do we.
 * P3  An intercepted instruction likewise: the exit code says that it was not carried out.
 * P4  RDTSC of the hypervisor is compared with the count. Under icount a tick is an instruction, so the TSC is
 *     ahead only by the time in HLT.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hypervisor/arch/x86/layout.h"
#include "tests/profiler/exit_label.h"
#include "tests/profiler/ledger.h"
#include "tests/profiler/mark.h"
#include "tests/profiler/qemu_plugin.h"

enum {
	CPUS_MOST = 64,
	VMRUNS_MOST = 4,
	VMRUN_BYTES = 3,
	COMM_BYTES = 16,
	KEPT_MOST = 64 << 20,
	INIT_TASK_BYTES = 16384,
	VMCB_NESTED_CR3 = 0xb0, /* APM2, appendix B */
};

enum cpu_register { RAX, RCX, RDX, GS_BASE, KERNEL_GS_BASE, REGISTERS };

static const char *const register_names[REGISTERS] = { "rax", "rcx", "rdx", "gs_base",
	                                               "k_gs_base" };

/* What the translated code itself reads and writes. */
struct shared {
	uint64_t recording;
	uint64_t progress; /* P1 */
};

struct cpu {
	struct shared *shared;
	struct qemu_plugin_register *registers[REGISTERS];
	bool in_guest;
	uint64_t vmcb_hpa;              /* of the guest that runs, or that ran last */
	struct partition *partition;    /* likewise */
	struct ledger_context *context; /* on whose account instructions go now */

	/* The block that is being executed: from which instruction on it counts, and for whom. */
	struct ledger_block *block;
	struct ledger_context *payer;
	unsigned int first;

	/* P4 */
	bool tsc_asked, tsc_known, halted;
	uint64_t tsc, tsc_at; /* the last value, and ledger_total() then */
};

struct partition {
	struct partition *next;
	uint64_t nested_root;
	unsigned int number; /* 0: the root */
	struct ledger_context *context;
};

/* A place in a block that means something. */
struct place {
	struct ledger_block *block;
	unsigned int index;
	unsigned int what;
};

static const char *path;
static struct qemu_plugin_scoreboard *scoreboard;
static struct cpu cpus[CPUS_MOST];
static const uint8_t *landings[VMRUNS_MOST]; /* the bytes behind each VMRUN */
static struct partition *partitions;
static struct ledger_context *hypervisor_entry; /* an exit that is not known */

static bool recording;
static bool until_child;
static struct ledger_phase phase;

/* The root's Linux: how to find its current task. Zero when the root is no Linux. */
static struct {
	uint64_t current, switched;
	unsigned int name_offset;
} linux_root;

/* --- reading the machine */

static uint64_t read_register(struct cpu *cpu, enum cpu_register which)
{
	static struct qemu_plugin_array *bytes;
	uint64_t value = 0;

	if (!bytes)
		bytes = g_byte_array_new();
	g_byte_array_set_size(bytes, 0);
	if (qemu_plugin_read_register(cpu->registers[which], bytes) > 0)
		memcpy(&value, bytes->data,
		       bytes->len < sizeof(value) ? bytes->len : sizeof(value));
	return value;
}

static bool read_memory(uint64_t address, void *to, size_t size)
{
	static struct qemu_plugin_array *bytes;

	if (!bytes)
		bytes = g_byte_array_new();
	g_byte_array_set_size(bytes, 0);
	if (!qemu_plugin_read_memory_vaddr(address, bytes, size) || bytes->len < size)
		return false;
	memcpy(to, bytes->data, size);
	return true;
}

static uint64_t read_qword(uint64_t address)
{
	uint64_t value = 0;

	(void)read_memory(address, &value, sizeof(value)); /* 0 then */
	return value;
}

/* --- who it is */

static struct partition *partition_of(uint64_t vmcb_hpa)
{
	uint64_t nested_root = read_qword(FRAME_MAP_BASE + vmcb_hpa + VMCB_NESTED_CR3);
	struct partition *partition;
	unsigned int number = 0;

	for (partition = partitions; partition; partition = partition->next, number++)
		if (partition->nested_root == nested_root)
			return partition;
	partition = calloc(1, sizeof(*partition));
	if (!partition)
		abort();
	partition->nested_root = nested_root;
	partition->number = number;
	partition->context =
		ledger_context(number ? LEDGER_CHILD : LEDGER_ROOT, number, "");
	partition->next = partitions;
	partitions = partition;
	return partition;
}

/* The kernel's area of the CPU: of the two GS bases the one in the upper half. */
static void note_task(struct cpu *cpu)
{
	uint64_t gs = read_register(cpu, GS_BASE),
		 other = read_register(cpu, KERNEL_GS_BASE);
	uint64_t area = gs >> 63 ? gs : other;
	char name[COMM_BYTES + 1] = "";
	uint64_t task = read_qword(area + linux_root.current);

	if (!read_memory(task + linux_root.name_offset, name, COMM_BYTES))
		return;
	for (char *c = name; *c; c++)
		if (*c < ' ' || *c > '~')
			*c = '?';
	cpu->partition->context = ledger_context(LEDGER_ROOT, 0, name);
	cpu->partition->context->count++;
	cpu->context = cpu->partition->context;
}

/* The first task's name is known; where it stands is where every task has its own. */
static void find_task_name(uint64_t init_task)
{
	static uint8_t task[INIT_TASK_BYTES];
	static const char name[] = "swapper";

	for (size_t size = sizeof(task); size >= 4096; size -= 1024)
		if (read_memory(init_task, task, size)) {
			for (size_t i = 0; i + sizeof(name) < size; i++)
				if (memcmp(task + i, name, sizeof(name) - 1) == 0) {
					linux_root.name_offset = (unsigned int)i;
					return;
				}
			return;
		}
}

/* --- charging */

static void charge(struct cpu *cpu, uint64_t started)
{
	if (cpu->block && started >= cpu->first)
		ledger_add(cpu->block, cpu->payer, cpu->first == 0, started - cpu->first);
	cpu->block = NULL;
}

/* The block has been left; execution went on at `next`. P2 */
static void charge_left(struct cpu *cpu, uint64_t next)
{
	const struct ledger_block *block = cpu->block;
	uint64_t started = cpu->shared->progress;

	if (!block)
		return;
	if (started < block->length && next != block->address + block->offset[started])
		started--;
	charge(cpu, started);
}

/* P4; the value has just been read. */
static void compare_tsc(struct cpu *cpu)
{
	uint64_t now = (read_register(cpu, RDX) << 32) |
	               (uint32_t)read_register(cpu, RAX);
	uint64_t count = ledger_total();

	cpu->tsc_asked = false;
	if (cpu->tsc_known) {
		int64_t ahead = (int64_t)(now - cpu->tsc - (count - cpu->tsc_at));

		phase.checked += count - cpu->tsc_at;
		if (cpu->halted)
			phase.idle += (uint64_t)ahead;
		else
			phase.unexplained += ahead;
	}
	cpu->tsc_known = true;
	cpu->halted = false;
	cpu->tsc = now;
	cpu->tsc_at = count;
}

/* --- phases */

static void set_recording(bool on)
{
	recording = on;
	for (unsigned int i = 0; i < CPUS_MOST; i++) {
		if (cpus[i].shared)
			cpus[i].shared->recording = on;
		cpus[i].block = NULL;
		cpus[i].tsc_asked = cpus[i].tsc_known = cpus[i].halted = false;
	}
}

static void begin(struct cpu *cpu, const struct place *place, uint64_t number)
{
	ledger_clear();
	phase = (struct ledger_phase){ .number = number };
	set_recording(true);
	if (linux_root.current && cpu->partition && cpu->partition->number == 0 &&
	    cpu->in_guest)
		note_task(cpu);
	cpu->block = place->block;
	cpu->payer = cpu->context;
	cpu->first = place->index + 1;
}

static void end(uint64_t operations)
{
	phase.operations = operations;
	if (!ledger_write(path, &phase))
		qemu_plugin_outs("profiler: the phase could not be written\n");
	set_recording(false);
}

/* --- what the root has to tell */

static void copy_out(FILE *file, const struct profile_kept *kept)
{
	uint8_t piece[4096];

	for (uint64_t at = 0; at < kept->bytes; at += sizeof(piece)) {
		uint64_t size = kept->bytes - at;

		if (size > sizeof(piece))
			size = sizeof(piece);
		if (!read_memory(kept->address + at, piece, size) ||
		    fwrite(piece, 1, size, file) != size) {
			qemu_plugin_outs("profiler: what is to be kept cannot be read\n");
			return;
		}
	}
}

static void keep(uint64_t address)
{
	struct profile_kept kept;
	char name[4096];
	FILE *file;

	if (!read_memory(address, &kept, sizeof(kept)) || kept.bytes > KEPT_MOST)
		return;
	kept.name[sizeof(kept.name) - 1] = '\0';
	if (strspn(kept.name, "abcdefghijklmnopqrstuvwxyz") != strlen(kept.name))
		return;
	snprintf(name, sizeof(name), "%s.%s", path, kept.name);
	file = fopen(name, "w");
	if (!file)
		return;
	copy_out(file, &kept);
	fclose(file);
}

/* --- what the translated code calls */

static void on_mark(unsigned int index, void *data)
{
	struct cpu *cpu = &cpus[index];
	const struct place *place = data;
	uint64_t value = read_register(cpu, RAX);

	switch (place->what) {
	case PROFILE_BEGIN:
	case PROFILE_BEGIN_CHILD:
		until_child = place->what == PROFILE_BEGIN_CHILD;
		begin(cpu, place, value);
		break;
	case PROFILE_END:
		if (!recording)
			break;
		charge(cpu, place->index);
		end(value);
		break;
	case PROFILE_TEXT:
		if (!ledger_note(path,
		                 cpu->partition && cpu->partition->number ? "text-child" :
		                                                            "text-root",
		                 value))
			qemu_plugin_outs("profiler: the file could not be written\n");
		break;
	case PROFILE_TASK:
		linux_root.current = value;
		break;
	case PROFILE_TASK_NAMED:
		find_task_name(value);
		break;
	case PROFILE_TASK_SWITCH:
		linux_root.switched = value;
		break;
	case PROFILE_KEEP:
		keep(value);
		break;
	default:
		break;
	}
}

/* VMRUN: the block that it ends is still the hypervisor's, what comes next the guest's. */
static void on_vmrun(unsigned int index, void *data)
{
	struct cpu *cpu = &cpus[index];

	(void)data; /* one VMRUN is like the other */
	cpu->vmcb_hpa = read_register(cpu, RAX);
	cpu->partition = partition_of(cpu->vmcb_hpa);
	cpu->context = cpu->partition->context;
	cpu->in_guest = true;
	if (!recording)
		return;
	if (linux_root.current && cpu->partition->number == 0)
		cpu->partition->context->count++;
}

/* The block behind a VMRUN: #VMEXIT. P3 */
static void on_landing(unsigned int index, void *data)
{
	struct cpu *cpu = &cpus[index];
	struct exit_facts facts = { 0 };
	char label[LEDGER_LABEL_BYTES];
	bool carried_out;

	(void)data; /* one landing is like the other */
	if (!cpu->in_guest)
		return;
	cpu->in_guest = false;
	cpu->context = hypervisor_entry;
	if (!recording)
		return;
	(void)read_memory(FRAME_MAP_BASE + cpu->vmcb_hpa + EXIT_FACTS_OFFSET, &facts,
	                  sizeof(facts)); /* zero then */
	carried_out = exit_carried_out(&facts);
	if (cpu->block && cpu->payer->party != LEDGER_HYPERVISOR && !carried_out)
		charge(cpu, cpu->shared->progress - 1);
	else
		charge(cpu, cpu->shared->progress);
	exit_label(label, sizeof(label), cpu->partition->number, &facts,
	           read_register(cpu, RCX));
	cpu->context = ledger_context(LEDGER_HYPERVISOR, 0, label);
	cpu->context->count++;
}

static void on_block(unsigned int index, void *data)
{
	struct cpu *cpu = &cpus[index];
	struct ledger_block *block = data;

	charge_left(cpu, block->address);
	if (cpu->tsc_asked)
		compare_tsc(cpu);
	if (cpu->in_guest && until_child && cpu->partition->number != 0) {
		end(1);
		return;
	}
	if (cpu->in_guest && linux_root.switched == block->address &&
	    cpu->partition->number == 0)
		note_task(cpu);
	cpu->block = block;
	cpu->payer = cpu->context;
	cpu->first = 0;
}

static void on_rdtsc(unsigned int index, void *data)
{
	(void)data; /* one RDTSC is like the other */
	cpus[index].tsc_asked = recording && !cpus[index].in_guest;
}

static void on_hlt(unsigned int index, void *data)
{
	(void)data; /* one HLT is like the other */
	if (!cpus[index].in_guest)
		cpus[index].halted = true;
}

/* --- translation */

static bool is_landing(const uint8_t *bytes)
{
	for (unsigned int i = 0; i < VMRUNS_MOST; i++)
		if (bytes && landings[i] == bytes)
			return true;
	return false;
}

static void add_landing(const uint8_t *vmrun)
{
	for (unsigned int i = 0; vmrun && i < VMRUNS_MOST; i++) {
		if (landings[i] == vmrun + VMRUN_BYTES)
			return;
		if (!landings[i]) {
			landings[i] = vmrun + VMRUN_BYTES;
			return;
		}
	}
}

static void watch_mark(struct qemu_plugin_insn *insn, struct ledger_block *block,
                       unsigned int index, unsigned int what)
{
	struct place *place = calloc(1, sizeof(*place));

	if (!place)
		abort();
	*place = (struct place){ .block = block, .index = index, .what = what };
	qemu_plugin_register_vcpu_insn_exec_cb(insn, on_mark, QEMU_PLUGIN_CB_R_REGS,
	                                       place);
}

static void watch_instruction(struct qemu_plugin_insn *insn, struct ledger_block *block,
                              unsigned int index)
{
	static const uint8_t vmrun[] = { 0x0f, 0x01, 0xd8 }, rdtsc[] = { 0x0f, 0x31 };
	static const uint8_t nop[] = { 0x0f, 0x1f, 0x80 }, hlt[] = { 0xf4 };
	uint8_t bytes[16] = { 0 };
	size_t size = qemu_plugin_insn_data(insn, bytes, sizeof(bytes));
	uint32_t displacement;

	if (size == sizeof(vmrun) && memcmp(bytes, vmrun, size) == 0) {
		add_landing(qemu_plugin_insn_haddr(insn));
		qemu_plugin_register_vcpu_insn_exec_cb(insn, on_vmrun,
		                                       QEMU_PLUGIN_CB_R_REGS, NULL);
	} else if (size == sizeof(rdtsc) && memcmp(bytes, rdtsc, size) == 0) {
		qemu_plugin_register_vcpu_insn_exec_cb(insn, on_rdtsc,
		                                       QEMU_PLUGIN_CB_NO_REGS, NULL);
	} else if (size == sizeof(hlt) && bytes[0] == hlt[0]) {
		qemu_plugin_register_vcpu_insn_exec_cb(insn, on_hlt,
		                                       QEMU_PLUGIN_CB_NO_REGS, NULL);
	} else if (size == PROFILE_MARK_BYTES && memcmp(bytes, nop, sizeof(nop)) == 0) {
		memcpy(&displacement, bytes + sizeof(nop), sizeof(displacement));
		if ((displacement & PROFILE_MARK_MASK) == PROFILE_MARK_MAGIC)
			watch_mark(insn, block, index, displacement & 0xff);
	}
}

static void on_translation(qemu_plugin_id_t id, struct qemu_plugin_tb *tb)
{
	const struct qemu_plugin_u64 field_recording = {
		scoreboard, offsetof(struct shared, recording)
	};
	const struct qemu_plugin_u64 field_progress = {
		scoreboard, offsetof(struct shared, progress)
	};
	unsigned int length = (unsigned int)qemu_plugin_tb_n_insns(tb);
	struct ledger_block *block = ledger_block_new(qemu_plugin_tb_vaddr(tb), length);

	(void)id; /* the only one */
	if (is_landing(qemu_plugin_insn_haddr(qemu_plugin_tb_get_insn(tb, 0))))
		qemu_plugin_register_vcpu_tb_exec_cb(tb, on_landing,
		                                     QEMU_PLUGIN_CB_R_REGS, NULL);
	qemu_plugin_register_vcpu_tb_exec_cond_cb(tb, on_block, QEMU_PLUGIN_CB_R_REGS,
	                                          QEMU_PLUGIN_COND_NE, field_recording, 0,
	                                          block);
	for (unsigned int i = 0; i < length; i++) {
		struct qemu_plugin_insn *insn = qemu_plugin_tb_get_insn(tb, i);

		block->offset[i + 1] =
			(uint16_t)(block->offset[i] + qemu_plugin_insn_size(insn));
		qemu_plugin_register_vcpu_insn_exec_inline_per_vcpu(
			insn, QEMU_PLUGIN_INLINE_STORE_U64, field_progress, i + 1);
		watch_instruction(insn, block, i);
	}
}

/* --- the beginning */

static void on_cpu(qemu_plugin_id_t id, unsigned int index)
{
	const struct qemu_plugin_array *found = qemu_plugin_get_registers();
	const struct qemu_plugin_reg_descriptor *descriptors = found->data;
	struct cpu *cpu = &cpus[index];

	(void)id; /* the only one */
	if (index >= CPUS_MOST)
		abort();
	cpu->shared = qemu_plugin_scoreboard_find(scoreboard, index);
	cpu->context = ledger_context(LEDGER_MACHINE, 0, "");
	for (unsigned int i = 0; i < found->len; i++)
		for (unsigned int name = 0; name < REGISTERS; name++)
			if (strcmp(descriptors[i].name, register_names[name]) == 0)
				cpu->registers[name] = descriptors[i].handle;
	for (unsigned int name = 0; name < REGISTERS; name++)
		if (!cpu->registers[name]) {
			fprintf(stderr, "profiler: QEMU shows no register %s\n",
			        register_names[name]);
			abort();
		}
}

QEMU_PLUGIN_EXPORT int qemu_plugin_version = QEMU_PLUGIN_VERSION;

QEMU_PLUGIN_EXPORT int qemu_plugin_install(qemu_plugin_id_t id,
                                           const struct qemu_plugin_info *info, int count,
                                           char **arguments)
{
	static const char out[] = "out=";

	if (strcmp(info->target_name, "x86_64") != 0 || !info->system_emulation ||
	    count != 1 || strncmp(arguments[0], out, sizeof(out) - 1) != 0) {
		fprintf(stderr, "profiler: for a machine x86_64, with out=FILE\n");
		return -1;
	}
	path = strdup(arguments[0] + sizeof(out) - 1);
	if (!path)
		return -1;
	scoreboard = qemu_plugin_scoreboard_new(sizeof(struct shared));
	hypervisor_entry = ledger_context(LEDGER_HYPERVISOR, 0, "");
	qemu_plugin_register_vcpu_init_cb(id, on_cpu);
	qemu_plugin_register_vcpu_tb_trans_cb(id, on_translation);
	return 0;
}
