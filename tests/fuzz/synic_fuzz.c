/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The SynIC under any register writes, posts and flags, with a guest that writes into its pages at will:
 * registers, deliveries and pages are those of a plain second telling of TLFS 11.
 */
#include "hypervisor/core/synic.h"
#include <string.h>
#include <viridis/base/cursor.h>

#define CHECK(condition)                  \
	do {                              \
		if (!(condition))         \
			__builtin_trap(); \
	} while (0)

#define SINT_BITS UINT64_C(0x700ff) /* vector, masked, auto EOI, polling */
#define MASKED    UINT64_C(0x10000)
#define POLLING   UINT64_C(0x40000)
#define PAGE_BITS UINT64_C(0xfffffffffffff001)

struct model {
	uint64_t scontrol, siefp, simp, sint[16];
};

struct both {
	struct synic synic;
	struct model model;
	struct hv_message slot;
	struct hv_event_flags_page flags;
	uint64_t expected[16][32];
};

/* False: #GP, and nothing changed. */
static bool model_write(struct model *model, uint32_t msr, uint64_t value)
{
	if (msr == 0x40000080)
		model->scontrol = value & 1;
	else if (msr == 0x40000082 || msr == 0x40000083)
		*(msr & 1 ? &model->simp : &model->siefp) = value & PAGE_BITS;
	else if (msr >= 0x40000090 && msr <= 0x4000009f) {
		if (!(value & (MASKED | POLLING)) && (value & 0xff) < 16)
			return false;
		model->sint[msr & 15] = value & SINT_BITS;
	} else if (msr != 0x40000084) {
		return false;
	}
	return true;
}

static void write_register(struct both *both, struct cursor *in)
{
	uint8_t how = cursor_u8(in);
	uint32_t msr = how & 0x80 ? cursor_le32(in) : 0x40000080 + how % 0x22;
	uint64_t value = cursor_le64(in);
	uint16_t rescan = 0;
	bool good;

	if (how & 0x40)
		value &= SINT_BITS | 1;
	good = model_write(&both->model, msr, value);
	CHECK(synic_write(&both->synic, msr, value, &rescan) == good);
	if (good) /* what was held back by the register is to be tried again */
		CHECK(rescan == (msr >= 0x40000090 ? 1u << (msr & 15) : SYNIC_ALL_SINTS));
}

static void check_registers(const struct both *both)
{
	const struct synic *synic = &both->synic;
	const struct model *model = &both->model;

	CHECK(synic->scontrol == model->scontrol);
	CHECK(synic->sversion == 1);
	CHECK(synic->siefp == model->siefp);
	CHECK(synic->simp == model->simp);
	CHECK(synic->eom == 0);
	CHECK(synic_takes_messages(synic) == ((model->scontrol & model->simp & 1) != 0));
	CHECK(synic_takes_events(synic) == ((model->scontrol & model->siefp & 1) != 0));
	for (unsigned int i = 0; i < 16; i++) {
		uint64_t value = model->sint[i];
		uint8_t vector = 0;
		bool raises = model->scontrol && !(value & (MASKED | POLLING));

		CHECK(synic->sint[i] == value);
		CHECK(synic_vector(synic, i, &vector) == raises);
		CHECK(!raises || (vector == (value & 0xff) && vector >= 16));
		CHECK(((synic_sints_of_vector(synic, (uint8_t)value) >> i & 1) != 0) ==
		      !(value & MASKED));
	}
}

/* A slot whose type is not 0 is the guest's: all that may be said there is that more waits. */
static void post(struct both *both, struct cursor *in)
{
	struct hv_message message, before = both->slot;

	memset(&message, cursor_u8(in), sizeof(message));
	message.type = cursor_le32(in);
	message.payload_size = cursor_u8(in);
	message.sender = cursor_le64(in);
	if (synic_slot_post(&both->slot, &message)) {
		const struct hv_message *slot = &both->slot;

		CHECK(before.type == 0 && slot->type == message.type);
		CHECK(slot->sender == message.sender && slot->reserved == 0);
		CHECK(slot->flags == 0);
		CHECK(slot->payload_size ==
		      (message.payload_size < 240 ? message.payload_size : 240));
		CHECK(!memcmp(slot->payload, message.payload, sizeof(slot->payload)));
	} else {
		CHECK(before.type != 0);
		before.flags |= 1;
		CHECK(!memcmp(&before, &both->slot, sizeof(before)));
	}
}

static void set_flag(struct both *both, struct cursor *in)
{
	unsigned int sint = cursor_u8(in) % 20, flag = cursor_le16(in) % 2304;
	bool exists = sint < 16 && flag < 2048, was_set = false;

	if (exists) {
		uint64_t *word = &both->expected[sint][flag / 64];

		was_set = *word >> flag % 64 & 1;
		*word |= UINT64_C(1) << flag % 64;
	}
	CHECK(synic_flag_set(&both->flags, sint, flag) == (exists && !was_set));
	CHECK(!memcmp(both->flags.flags, both->expected, sizeof(both->expected)));
}

/* What a guest may do to its own pages at any moment. */
static void scribble(struct both *both, struct cursor *in)
{
	uint8_t how = cursor_u8(in);
	uint16_t at = cursor_le16(in);

	if (how & 1) {
		both->slot.type = 0;
	} else if (how & 2) {
		((uint8_t *)&both->slot)[at % sizeof(both->slot)] = how;
	} else {
		((uint64_t *)both->flags.flags)[at % 512] = cursor_le64(in);
		memcpy(both->expected, both->flags.flags, sizeof(both->expected));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct both both;
	struct cursor in = cursor_over(data, size);

	memset(&both, 0, sizeof(both));
	synic_reset(&both.synic);
	for (unsigned int i = 0; i < 16; i++)
		both.model.sint[i] = MASKED;
	check_registers(&both);
	while (!in.overrun && cursor_left(&in) > 0) {
		switch (cursor_u8(&in) % 4) {
		case 0:
			write_register(&both, &in);
			check_registers(&both);
			break;
		case 1:
			post(&both, &in);
			break;
		case 2:
			set_flag(&both, &in);
			break;
		default:
			scribble(&both, &in);
			break;
		}
	}
	return 0;
}
