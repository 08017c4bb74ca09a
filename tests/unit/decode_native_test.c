/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The emulator beside the processor that runs the test: the same instruction on the same random
 * registers, flags and memory, once by decode_apply() and once natively. What the manual leaves
 * undefined is not compared.
 */
#define _GNU_SOURCE
#include "root-partition/vm/model/decode.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <viridis/base/bits.h>

#include "tests/unit/unit.h"

#define ROUNDS  100u
#define OPERAND 128u /* where in the buffer RBX points */

enum { CF = 1, PF = 4, AF = 0x10, ZF = 0x40, SF = 0x80, DF = 0x400, OF = 0x800 };
enum { STATUS = CF | PF | AF | ZF | SF | OF, RBX = 3, RSP = 4, RSI = 6, RDI = 7 };

/* What the code at the page's start loads, runs on, and stores. */
struct context {
	uint64_t gpr[DECODE_GPRS];
	uint64_t rflags;
	uint64_t host_rsp;
	uint8_t vector[DECODE_VECTOR_BYTES];
};

static struct {
	uint8_t code[2048];
	struct context context;
} * page;

static unsigned int code_at, recover_at;
static volatile bool faulted;
static _Alignas(64) uint8_t buffer[256], copy[256];
static uint32_t seed;

static uint32_t random32(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 17;
	seed ^= seed << 5;
	return seed;
}

/* Ones, zeros, small numbers and signs as often as any number. */
static uint64_t random64(void)
{
	uint64_t value = (uint64_t)random32() << 32 | random32();

	switch (random32() % 6) {
	case 0:
		return value & 3;
	case 1:
		return ~(value & 3);
	case 2:
		return BIT64(value & 63);
	case 3:
		return BIT64(value & 63) - 1;
	default:
		return value;
	}
}

/* ---- The native side ---- */

static void emit(const void *bytes, size_t count)
{
	memcpy(page->code + code_at, bytes, count);
	code_at += (unsigned int)count;
}

#define EMIT(...) \
	emit((const uint8_t[]){ __VA_ARGS__ }, sizeof((const uint8_t[]){ __VA_ARGS__ }))

/* An operand relative to RIP, which is behind it. */
static void emit_member(const void *member)
{
	int32_t distance =
		(int32_t)((const uint8_t *)member - (page->code + code_at + 4));

	emit(&distance, sizeof(distance));
}

static void emit_gpr(uint8_t opcode, unsigned int number)
{
	EMIT(number >= 8 ? 0x4c : 0x48, opcode, (uint8_t)(5 | (number & 7) << 3));
	emit_member(&page->context.gpr[number]);
}

static void emit_leave(void)
{
	EMIT(0x48, 0x8b, 0x25); /* mov host_rsp, %rsp */
	emit_member(&page->context.host_rsp);
	EMIT(0x9c, 0x8f, 0x05); /* pushfq; popq rflags */
	emit_member(&page->context.rflags);
	EMIT(0xfc, 0x41, 0x5f, 0x41, 0x5e, 0x41, 0x5d, 0x41, 0x5c, 0x5d, 0x5b, 0xc3);
}

static void emit_vector(uint8_t opcode, const struct decode_memory *m)
{
	EMIT(0xc5, m->reg >= 8 ? 0x7c : 0xfc, opcode, (uint8_t)(5 | (m->reg & 7) << 3));
	emit_member(page->context.vector);
}

static void build(const struct decode_memory *m, const uint8_t *instruction)
{
	code_at = 0;
	EMIT(0x53, 0x55, 0x41, 0x54, 0x41, 0x55, 0x41, 0x56, 0x41, 0x57);
	EMIT(0x48, 0x89, 0x25); /* mov %rsp, host_rsp */
	emit_member(&page->context.host_rsp);
	EMIT(0xff, 0x35); /* pushq rflags; popfq */
	emit_member(&page->context.rflags);
	EMIT(0x9d);
	if (m->operation == DECODE_VECTOR)
		emit_vector(0x10, m);
	for (unsigned int i = 0; i < DECODE_GPRS; i++)
		emit_gpr(0x8b, i);
	emit(instruction, m->length);
	for (unsigned int i = 0; i < DECODE_GPRS; i++)
		emit_gpr(0x89, i);
	if (m->operation == DECODE_VECTOR)
		emit_vector(0x11, m);
	recover_at = code_at;
	emit_leave();
}

static void on_divide_error(int number, siginfo_t *info, void *context)
{
	ucontext_t *user = context;

	(void)number;
	(void)info;
	faulted = true;
	user->uc_mcontext.gregs[REG_RIP] = (greg_t)(uintptr_t)(page->code + recover_at);
}

static void run_native(void)
{
	union {
		uint8_t *code;
		void (*call)(void);
	} entry = { .code = page->code };

	faulted = false;
	entry.call();
}

/* ---- The emulated side ---- */

static uint8_t *in_copy(uint64_t linear, unsigned int bytes)
{
	uint64_t at = linear - (uint64_t)(uintptr_t)buffer;

	ck_assert_msg(at <= sizeof(copy) - bytes, "reaches %lx", linear);
	return copy + at;
}

static uint64_t load(uint64_t linear, unsigned int bytes)
{
	uint64_t value = 0;

	memcpy(&value, in_copy(linear, bytes), bytes);
	return value;
}

static void emulate_vector(const struct decode_memory *m, uint64_t address,
                           struct context *c)
{
	static uint8_t area[DECODE_XSAVE_BYTES];
	uint8_t memory[DECODE_VECTOR_BYTES] = { 0 };

	area[512] = 7;
	memcpy(area + 160 + 16 * m->reg, c->vector, 16);
	memcpy(area + 576 + 16 * m->reg, c->vector + 16, 16);
	if (m->reads)
		memcpy(memory, in_copy(address, m->bytes), m->bytes);
	decode_apply_vector(m, area, memory);
	if (m->writes)
		memcpy(in_copy(address, m->bytes), memory, m->bytes);
	memcpy(c->vector, area + 160 + 16 * m->reg, 16);
	memcpy(c->vector + 16, area + 576 + 16 * m->reg, 16);
}

/* All elements of a string; false: #DE. */
static bool emulate(const struct decode_memory *m, struct context *c)
{
	static const uint64_t segments[DECODE_SEGMENTS];
	struct decode_result result = { .repeats = true };

	while (result.repeats) {
		uint64_t address = decode_linear(m, &m->address, c->gpr, segments, 0);
		uint64_t source = 0;

		if (m->operation == DECODE_VECTOR) {
			emulate_vector(m, address, c);
			return true;
		}
		if (m->reads_source)
			source = load(decode_linear(m, &m->source, c->gpr, segments, 0),
			              m->bytes);
		decode_apply(m, m->reads ? load(address, m->bytes) : 0, source, c->gpr,
		             &c->rflags, &result);
		if (result.writes_memory)
			memcpy(in_copy(address, m->bytes), &result.memory, m->bytes);
	}
	return !result.divide_error;
}

/* ---- What is compared ---- */

static unsigned int shift_of(const struct decode_memory *m, const struct context *c)
{
	uint64_t count = m->count_in_cl ? c->gpr[1] : (uint64_t)m->immediate;

	return count & (m->bytes == 8 ? 63 : 31);
}

static uint64_t undefined_after_shift(const struct decode_memory *m,
                                      const struct context *before)
{
	unsigned int count = shift_of(m, before);
	uint64_t flags = count == 0 ? 0 : AF;

	if (m->operation <= DECODE_RCR)
		flags = 0;
	if (count > 1)
		flags |= OF;
	return count > 8u * m->bytes ? flags | CF : flags;
}

static uint64_t undefined_flags(const struct decode_memory *m,
                                const struct context *before)
{
	switch (m->operation) {
	case DECODE_OR:
	case DECODE_AND:
	case DECODE_XOR:
	case DECODE_TEST:
		return AF;
	case DECODE_ROL ... DECODE_SHRD:
		return undefined_after_shift(m, before);
	case DECODE_MUL ... DECODE_IMUL:
	case DECODE_IMUL_REGISTER ... DECODE_IMUL_IMMEDIATE:
		return SF | ZF | AF | PF;
	case DECODE_DIV ... DECODE_IDIV:
		return STATUS;
	case DECODE_BSF ... DECODE_BSR:
		return STATUS & ~ZF;
	case DECODE_TZCNT ... DECODE_LZCNT:
		return OF | SF | AF | PF;
	case DECODE_BT ... DECODE_BTC:
		return OF | SF | AF | PF;
	default:
		return 0;
	}
}

/* A double shift of a word by more than its bits, and a search that finds nothing. */
static bool undefined_result(const struct decode_memory *m, const struct context *before)
{
	if (m->operation == DECODE_SHLD || m->operation == DECODE_SHRD)
		return shift_of(m, before) > 8u * m->bytes;
	if (m->operation == DECODE_BSF || m->operation == DECODE_BSR)
		return load(before->gpr[RBX], m->bytes) == 0;
	return false;
}

static void set_up(const struct decode_memory *m, struct context *c)
{
	for (unsigned int i = 0; i < DECODE_GPRS; i++)
		c->gpr[i] = random64();
	if (m->rep)
		c->gpr[1] = 1 + random32() % 4;
	if (m->operation >= DECODE_BT && m->operation <= DECODE_BTC &&
	    m->reg != DECODE_NO_REGISTER)
		c->gpr[m->reg] = (uint64_t)((int64_t)(random32() % 1024) - 512);
	c->gpr[RBX] = c->gpr[RSP] = c->gpr[RSI] = (uint64_t)(uintptr_t)buffer + OPERAND;
	c->gpr[RDI] = c->gpr[RSI] + 8 * (random32() % 3);
	c->rflags = 0x202 | (random32() & (STATUS | DF));
	for (unsigned int i = 0; i < sizeof(buffer); i += 8) {
		uint64_t word = random64();

		memcpy(buffer + i, &word, 8);
	}
	for (unsigned int i = 0; i < sizeof(c->vector); i++)
		c->vector[i] = (uint8_t)random32();
	if (m->rep && random32() % 2) /* what compares is to find equals, too */
		memset(buffer, buffer[0], sizeof(buffer));
	memcpy(copy, buffer, sizeof(buffer));
}

static void compare(const uint8_t *code, const struct decode_memory *m)
{
	struct context emulated, before;
	uint64_t undefined;
	bool carried_out;

	set_up(m, &emulated);
	before = emulated;
	if (undefined_result(m, &before))
		return;
	carried_out = emulate(m, &emulated);
	page->context = before;
	run_native();
	undefined = undefined_flags(m, &before) | (carried_out ? 0 : STATUS);
	if (faulted == carried_out ||
	    memcmp(emulated.gpr, page->context.gpr, sizeof(emulated.gpr)) != 0 ||
	    (emulated.rflags ^ page->context.rflags) & (STATUS | DF) & ~undefined ||
	    memcmp(copy, buffer, sizeof(buffer)) != 0 ||
	    memcmp(emulated.vector, page->context.vector, sizeof(emulated.vector)) != 0)
		ck_abort_msg("%02x %02x %02x %02x %02x: operation %d of %u bytes, fault "
		             "%d %d, flags %lx, is %lx, should be %lx",
		             code[0], code[1], code[2], code[3], code[4], m->operation,
		             m->bytes, !carried_out, faulted, before.rflags,
		             emulated.rflags, page->context.rflags);
}

/* ---- The instructions ---- */

enum { ANY_REG = 8, NO_MODRM = 9 };

static const struct form {
	const char *name;
	uint8_t prefix; /* F2 or F3 or, for vectors, 66 */
	uint8_t count;
	uint8_t opcode[3];
	uint8_t extension; /* ModRM.reg, or ANY_REG, or NO_MODRM */
	uint8_t immediates;
} forms[] = {
	{ "add", 0, 1, { 0x01 }, ANY_REG, 0 },
	{ "adc byte", 0, 1, { 0x10 }, ANY_REG, 0 },
	{ "sbb load", 0, 1, { 0x1b }, ANY_REG, 0 },
	{ "xor byte load", 0, 1, { 0x32 }, ANY_REG, 0 },
	{ "cmp", 0, 1, { 0x39 }, ANY_REG, 0 },
	{ "sub $", 0, 1, { 0x83 }, 5, 1 },
	{ "test $", 0, 1, { 0xf6 }, 0, 1 },
	{ "inc byte", 0, 1, { 0xfe }, 0, 0 },
	{ "dec byte", 0, 1, { 0xfe }, 1, 0 },
	{ "inc", 0, 1, { 0xff }, 0, 0 },
	{ "dec", 0, 1, { 0xff }, 1, 0 },
	{ "push", 0, 1, { 0xff }, 6, 0 },
	{ "pop", 0, 1, { 0x8f }, 0, 0 },
	{ "not byte", 0, 1, { 0xf6 }, 2, 0 },
	{ "not", 0, 1, { 0xf7 }, 2, 0 },
	{ "neg byte", 0, 1, { 0xf6 }, 3, 0 },
	{ "neg", 0, 1, { 0xf7 }, 3, 0 },
	{ "mul byte", 0, 1, { 0xf6 }, 4, 0 },
	{ "mul", 0, 1, { 0xf7 }, 4, 0 },
	{ "imul byte", 0, 1, { 0xf6 }, 5, 0 },
	{ "imul", 0, 1, { 0xf7 }, 5, 0 },
	{ "div byte", 0, 1, { 0xf6 }, 6, 0 },
	{ "div", 0, 1, { 0xf7 }, 6, 0 },
	{ "idiv byte", 0, 1, { 0xf6 }, 7, 0 },
	{ "idiv", 0, 1, { 0xf7 }, 7, 0 },
	{ "imul reg", 0, 2, { 0x0f, 0xaf }, ANY_REG, 0 },
	{ "imul $8", 0, 1, { 0x6b }, ANY_REG, 1 },
#define SHIFTS(extension)                                           \
	{ "shift byte $", 0, 1, { 0xc0 }, extension, 1 },           \
		{ "shift $", 0, 1, { 0xc1 }, extension, 1 },        \
		{ "shift byte 1", 0, 1, { 0xd0 }, extension, 0 },   \
		{ "shift 1", 0, 1, { 0xd1 }, extension, 0 },        \
		{ "shift byte %cl", 0, 1, { 0xd2 }, extension, 0 }, \
	{                                                           \
		"shift %cl", 0, 1, { 0xd3 }, extension, 0           \
	}
	SHIFTS(0),
	SHIFTS(1),
	SHIFTS(2),
	SHIFTS(3),
	SHIFTS(4),
	SHIFTS(5),
	SHIFTS(7),
	{ "shld $", 0, 2, { 0x0f, 0xa4 }, ANY_REG, 1 },
	{ "shld %cl", 0, 2, { 0x0f, 0xa5 }, ANY_REG, 0 },
	{ "shrd $", 0, 2, { 0x0f, 0xac }, ANY_REG, 1 },
	{ "shrd %cl", 0, 2, { 0x0f, 0xad }, ANY_REG, 0 },
	{ "xadd byte", 0, 2, { 0x0f, 0xc0 }, ANY_REG, 0 },
	{ "xadd", 0, 2, { 0x0f, 0xc1 }, ANY_REG, 0 },
	{ "cmpxchg byte", 0, 2, { 0x0f, 0xb0 }, ANY_REG, 0 },
	{ "cmpxchg", 0, 2, { 0x0f, 0xb1 }, ANY_REG, 0 },
	{ "xchg", 0, 1, { 0x87 }, ANY_REG, 0 },
	{ "bsf", 0, 2, { 0x0f, 0xbc }, ANY_REG, 0 },
	{ "bsr", 0, 2, { 0x0f, 0xbd }, ANY_REG, 0 },
	{ "tzcnt", 0xf3, 2, { 0x0f, 0xbc }, ANY_REG, 0 },
	{ "lzcnt", 0xf3, 2, { 0x0f, 0xbd }, ANY_REG, 0 },
	{ "popcnt", 0xf3, 2, { 0x0f, 0xb8 }, ANY_REG, 0 },
#define CONDITIONS(low)                                                   \
	{ "cmov", 0, 2, { 0x0f, 0x40 | (low) }, ANY_REG, 0 },             \
		{ "set", 0, 2, { 0x0f, 0x90 | (low) }, 0, 0 },            \
		{ "cmov not", 0, 2, { 0x0f, 0x41 | (low) }, ANY_REG, 0 }, \
	{                                                                 \
		"set not", 0, 2, { 0x0f, 0x91 | (low) }, 0, 0             \
	}
	CONDITIONS(0),
	CONDITIONS(2),
	CONDITIONS(4),
	CONDITIONS(6),
	CONDITIONS(8),
	CONDITIONS(10),
	CONDITIONS(12),
	CONDITIONS(14),
	{ "movbe load", 0, 3, { 0x0f, 0x38, 0xf0 }, ANY_REG, 0 },
	{ "movbe store", 0, 3, { 0x0f, 0x38, 0xf1 }, ANY_REG, 0 },
	{ "movzx", 0, 2, { 0x0f, 0xb6 }, ANY_REG, 0 },
	{ "movsx", 0, 2, { 0x0f, 0xbf }, ANY_REG, 0 },
	{ "mov", 0, 1, { 0x8b }, ANY_REG, 0 },
	{ "mov byte store", 0, 1, { 0x88 }, ANY_REG, 0 },
	{ "bt", 0, 2, { 0x0f, 0xa3 }, ANY_REG, 0 },
	{ "bts", 0, 2, { 0x0f, 0xab }, ANY_REG, 0 },
	{ "btr $", 0, 2, { 0x0f, 0xba }, 6, 1 },
	{ "btc $", 0, 2, { 0x0f, 0xba }, 7, 1 },
	{ "cmpxchg8b", 0, 2, { 0x0f, 0xc7 }, 1, 0 },
	{ "repe cmpsb", 0xf3, 1, { 0xa6 }, NO_MODRM, 0 },
	{ "repne cmps", 0xf2, 1, { 0xa7 }, NO_MODRM, 0 },
	{ "cmps", 0, 1, { 0xa7 }, NO_MODRM, 0 },
	{ "repne scasb", 0xf2, 1, { 0xae }, NO_MODRM, 0 },
	{ "repe scas", 0xf3, 1, { 0xaf }, NO_MODRM, 0 },
	{ "rep movs", 0xf3, 1, { 0xa5 }, NO_MODRM, 0 },
	{ "rep stosb", 0xf3, 1, { 0xaa }, NO_MODRM, 0 },
	{ "lods", 0, 1, { 0xad }, NO_MODRM, 0 },
	{ "clflush", 0, 2, { 0x0f, 0xae }, 7, 0 },
};

static bool is_set(const struct form *f)
{
	return f->count == 2 && (f->opcode[1] & 0xf0) == 0x90;
}

/* With or without 66 and REX.W; any register; (%rbx), or what strings use. */
static unsigned int encode(const struct form *f, uint8_t code[DECODE_MAX_BYTES])
{
	uint8_t reg = f->extension == ANY_REG ? random32() % 16 : f->extension;
	bool is_8b = f->count == 2 && f->opcode[1] == 0xc7;
	bool is_flush = f->count == 2 && f->opcode[1] == 0xae;
	unsigned int at = 0;
	uint8_t rex = 0;

	if (random32() % 3 == 0 && !is_8b && !is_flush)
		code[at++] = 0x66;
	if (f->prefix)
		code[at++] = f->prefix;
	if (random32() % 3 == 0 && !is_8b && !is_flush && !is_set(f))
		rex = 0x48;
	if (f->extension != NO_MODRM && reg >= 8)
		rex |= 0x44;
	if (rex)
		code[at++] = rex;
	memcpy(code + at, f->opcode, f->count);
	at += f->count;
	if (f->extension != NO_MODRM)
		code[at++] = (uint8_t)((reg & 7) << 3 | RBX);
	for (unsigned int i = 0; i < f->immediates; i++)
		code[at++] = (uint8_t)random32();
	return at;
}

START_TEST(an_instruction_does_what_the_processor_does)
{
	const struct form *f = &forms[_i];

	seed = 1 + (uint32_t)_i;
	for (unsigned int i = 0; i < ROUNDS; i++) {
		uint8_t code[DECODE_MAX_BYTES];
		unsigned int length = encode(f, code);
		struct decode_memory m;

		ck_assert_msg(decode_memory(code, length, DECODE_64, &m) == DECODE_OK,
		              "%s is not known", f->name);
		ck_assert_uint_eq(m.length, length);
		if (m.operation >= DECODE_BT && m.operation <= DECODE_BTC &&
		    (m.reg == RBX || m.reg == RSP || m.reg == RSI || m.reg == RDI))
			continue; /* an address, and far too high a bit */
		build(&m, code);
		compare(code, &m);
	}
}
END_TEST

static const struct vector_form {
	uint8_t prefix;
	uint8_t map; /* as VEX numbers it */
	uint8_t opcode;
	bool no_vex;
} vector_forms[] = {
	{ 0, 1, 0x10, false },    { 0x66, 1, 0x10, false }, { 0xf3, 1, 0x10, false },
	{ 0xf2, 1, 0x10, false }, { 0, 1, 0x11, false },    { 0x66, 1, 0x11, false },
	{ 0xf3, 1, 0x11, false }, { 0xf2, 1, 0x11, false }, { 0, 1, 0x12, true },
	{ 0x66, 1, 0x13, true },  { 0, 1, 0x16, true },     { 0, 1, 0x17, true },
	{ 0, 1, 0x28, false },    { 0x66, 1, 0x29, false }, { 0, 1, 0x2b, false },
	{ 0x66, 1, 0x6e, false }, { 0x66, 1, 0x6f, false }, { 0xf3, 1, 0x6f, false },
	{ 0x66, 1, 0x7e, false }, { 0xf3, 1, 0x7e, false }, { 0x66, 1, 0x7f, false },
	{ 0xf3, 1, 0x7f, false }, { 0x66, 1, 0xd6, false }, { 0x66, 1, 0xe7, false },
	{ 0xf2, 1, 0xf0, false }, { 0x66, 2, 0x2a, false },
};

/* One of the two encodings; scalars have no wide one. */
static unsigned int encode_vector(const struct vector_form *f, bool vex,
                                  uint8_t code[DECODE_MAX_BYTES])
{
	uint8_t reg = random32() % 16, at = 0, pp = 0;
	bool narrow = f->opcode == 0x6e || f->opcode == 0x7e || f->opcode == 0xd6 ||
	              ((f->opcode & 0xfe) == 0x10 && f->prefix >= 0xf2);
	uint8_t w = f->opcode == 0x6e || f->opcode == 0x7e ? random32() % 2 : 0;

	if (f->prefix)
		pp = f->prefix == 0x66 ? 1 : f->prefix == 0xf3 ? 2 : 3;
	if (vex) {
		code[at++] = 0xc4;
		code[at++] = (uint8_t)((reg >= 8 ? 0 : 0x80) | 0x60 | f->map);
		code[at++] =
			(uint8_t)(w << 7 | 0x78 | (narrow ? 0 : random32() & 4) | pp);
	} else {
		if (f->prefix)
			code[at++] = f->prefix;
		code[at++] = (uint8_t)(0x40 | w << 3 | (reg >= 8 ? 4 : 0));
		code[at++] = 0x0f;
		if (f->map == 2)
			code[at++] = 0x38;
	}
	code[at++] = f->opcode;
	code[at++] = (uint8_t)((reg & 7) << 3 | RBX);
	return at;
}

START_TEST(a_vector_move_does_what_the_processor_does)
{
	const struct vector_form *f = &vector_forms[_i];

	if (!__builtin_cpu_supports("avx"))
		return;
	seed = 1000 + (uint32_t)_i;
	for (unsigned int i = 0; i < ROUNDS; i++) {
		uint8_t code[DECODE_MAX_BYTES];
		unsigned int length = encode_vector(f, !f->no_vex && i % 2, code);
		struct decode_memory m;

		ck_assert_msg(decode_memory(code, length, DECODE_64, &m) == DECODE_OK,
		              "%02x %02x is not known", f->prefix, f->opcode);
		ck_assert_uint_eq(m.length, length);
		build(&m, code);
		compare(code, &m);
	}
}
END_TEST

static void setup(void)
{
	static uint8_t stack[65536];
	const stack_t alternative = { .ss_sp = stack, .ss_size = sizeof(stack) };
	struct sigaction action = { .sa_sigaction = on_divide_error,
		                    .sa_flags = SA_SIGINFO | SA_ONSTACK };

	page = mmap(NULL, sizeof(*page), PROT_READ | PROT_WRITE | PROT_EXEC,
	            MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ck_assert(page != MAP_FAILED);
	ck_assert_int_eq(sigaltstack(&alternative, NULL), 0);
	ck_assert_int_eq(sigaction(SIGFPE, &action, NULL), 0);
}

static Suite *make_suite(void)
{
	Suite *suite = suite_create("decode_native");
	TCase *tc = tcase_create("decode_native");

	tcase_set_timeout(tc, 60);
	tcase_add_checked_fixture(tc, setup, NULL);
	tcase_add_loop_test(tc, an_instruction_does_what_the_processor_does, 0,
	                    ARRAY_COUNT(forms));
	tcase_add_loop_test(tc, a_vector_move_does_what_the_processor_does, 0,
	                    ARRAY_COUNT(vector_forms));
	suite_add_tcase(suite, tc);
	return suite;
}

UNIT_MAIN(make_suite)
