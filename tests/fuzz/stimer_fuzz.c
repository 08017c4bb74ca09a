/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The synthetic timers under any writes, at any times, delivered or not: STIMER-1 to STIMER-4 of stimer.h hold, no
 * timer fires early, twice or after it was stopped, and the registers read as TLFS 12.3 has them. What is
 * saved in one piece (the kernel module's timer_state.h) can be loaded at any moment; what is forged is refused.
 */
#include "hypervisor/core/stimer.h"
#include <string.h>
#include <viridis/base/bits.h>
#include <viridis/base/cursor.h>
#include "root-partition/kmod/core/timer_state.h"

#define CHECK(condition)                  \
	do {                              \
		if (!(condition))         \
			__builtin_trap(); \
	} while (0)

#define TIMERS      4u
#define ENABLE      UINT64_C(1)
#define PERIODIC    UINT64_C(2)
#define AUTO_ENABLE UINT64_C(8)
#define DIRECT      UINT64_C(0x1000)
#define CONFIG_BITS UINT64_C(0xf1fff) /* all of 12:0, the SINT in 19:16 */
#define FASTEST     UINT64_C(1000)
#define NEVER       UINT64_MAX

struct model {
	uint64_t config, count;
	uint64_t due;   /* NEVER: stopped */
	uint64_t start; /* of a periodic timer's grid */
	uint64_t told;  /* expiration of the message that waits */
	bool waits;
};

struct both {
	struct stimers timers;
	struct model model[TIMERS];
	uint64_t now;
};

static unsigned int sint_of(const struct model *model)
{
	return (unsigned int)(model->config >> 16 & 15);
}

static uint64_t period_of(const struct model *model)
{
	return model->count < FASTEST ? FASTEST : model->count;
}

static uint64_t later(uint64_t from, uint64_t by)
{
	return from + by < from ? NEVER : from + by;
}

static void restart(struct model *model, uint64_t now)
{
	model->waits = false;
	model->due = NEVER;
	model->start = now;
	if ((model->config & ENABLE) && model->count)
		model->due = model->config & PERIODIC ? later(now, period_of(model)) :
		                                        model->count;
}

/* False: #GP. */
static bool model_write(struct model *model, bool is_count, uint64_t value, uint64_t now)
{
	if (is_count) {
		bool has_target = (model->config & DIRECT) || sint_of(model);

		model->count = value;
		if (value == 0)
			model->config &= ~ENABLE;
		else if ((model->config & AUTO_ENABLE) && has_target)
			model->config |= ENABLE;
	} else {
		if ((value & DIRECT) && (value & (ENABLE | AUTO_ENABLE)) &&
		    (value >> 4 & 0xff) < 16)
			return false;
		model->config = value & CONFIG_BITS;
		if (!(model->config & DIRECT) && sint_of(model) == 0)
			model->config &= ~ENABLE;
	}
	restart(model, now);
	return true;
}

static void write_register(struct both *both, struct cursor *in)
{
	uint8_t how = cursor_u8(in), shift = cursor_u8(in);
	uint32_t msr = how & 0x80 ? cursor_le32(in) : 0x400000b0 + (how & 7);
	uint64_t value = cursor_le64(in) >> shift % 64;
	bool is_timer = msr >= 0x400000b0 && msr <= 0x400000b7, good;

	if ((how & 0x40) && (msr & 1)) /* soon */
		value = both->now + value % 0x4000;
	good = is_timer &&
	       model_write(&both->model[msr / 2 % TIMERS], msr & 1, value, both->now);
	CHECK(stimers_write(&both->timers, msr, value, both->now) == good);
}

/* The model moves on as far as `now` asks; true: timer and model fire. */
static bool fires(struct model *model, uint64_t now)
{
	uint64_t period = period_of(model);

	if (model->due > now || model->due == NEVER)
		return false;
	if (!model->waits) /* STIMER-3 */
		model->told = model->due;
	if (model->config & PERIODIC) {
		uint64_t late = now - model->due;

		/* STIMER-1, STIMER-2: the next of the grid after now. */
		model->due = later(now, period - late % period);
	} else {
		model->due = NEVER;
		if (model->config & DIRECT)
			model->config &= ~ENABLE; /* STIMER-4 */
	}
	model->waits = !(model->config & DIRECT);
	return true;
}

static void expire(struct both *both)
{
	uint8_t vectors[HV_STIMER_COUNT], expected[TIMERS];
	unsigned int count = stimers_expire(&both->timers, both->now, vectors);
	unsigned int directs = 0;

	for (unsigned int i = 0; i < TIMERS; i++) {
		struct model *model = &both->model[i];

		if (fires(model, both->now) && (model->config & DIRECT))
			expected[directs++] = (uint8_t)(model->config >> 4);
	}
	CHECK(count == directs && !memcmp(vectors, expected, count));
	for (unsigned int i = 0; i < count; i++)
		CHECK(vectors[i] >= 16);
}

static void deliver(struct both *both, uint8_t which)
{
	const struct hv_timer_message_payload *payload;
	struct model *model = &both->model[which % TIMERS];
	struct hv_message message;

	if (!model->waits)
		return;
	CHECK(stimers_message(&both->timers, which % TIMERS, both->now, &message) ==
	      sint_of(model));
	payload = (const void *)message.payload;
	CHECK(message.type == HV_MESSAGE_TIMER_EXPIRED && message.payload_size == 24 &&
	      message.sender == 0 && message.flags == 0);
	CHECK(payload->timer_index == which % TIMERS && payload->reserved == 0 &&
	      payload->expiration_time == model->told &&
	      payload->delivery_time == both->now &&
	      payload->expiration_time <= payload->delivery_time);
	stimers_delivered(&both->timers, which % TIMERS);
	model->waits = false;
	if (!(model->config & PERIODIC))
		model->config &= ~ENABLE; /* STIMER-4 */
}

static void load(struct stimers *timers, const struct hv_register_assoc *registers,
                 uint64_t now)
{
	for (unsigned int i = 0; i < TIMER_STATE_WRITES; i++) {
		uint32_t index = registers[i].name - HV_REGISTER_STIMER0_CONFIG;

		CHECK(index < 2 * TIMERS);
		CHECK(stimers_write(timers, 0x400000b0 + index, registers[i].value.reg64,
		                    now));
	}
}

/* What is saved loads, and tells the same; with a qword of it forged it loads as itself, or is refused. */
static void save_and_load(const struct both *both, struct cursor *in)
{
	union hv_register_value values[TIMER_STATE_REGISTERS] = { 0 };
	struct hv_register_assoc registers[TIMER_STATE_WRITES];
	struct hv_synthetic_timers_state state;
	struct stimers other;
	uint8_t which = cursor_u8(in), shift = cursor_u8(in);

	stimers_reset(&other);
	for (unsigned int i = 0; i < TIMER_STATE_REGISTERS; i++)
		values[i].reg64 = stimers_read(&both->timers, 0x400000b0 + i);
	timer_state_from_registers(values, &state);
	CHECK(timer_state_to_registers(&state, registers));
	load(&other, registers, both->now);
	for (unsigned int i = 0; i < TIMER_STATE_REGISTERS; i++)
		CHECK(stimers_read(&other, 0x400000b0 + i) == values[i].reg64);
	state.qwords[which % ARRAY_COUNT(state.qwords)] ^= cursor_le64(in) >> shift % 64;
	if (!timer_state_to_registers(&state, registers))
		return;
	load(&other, registers, both->now);
	for (unsigned int i = 0; i < TIMERS; i++) {
		CHECK(stimers_read(&other, 0x400000b0 + 2 * i) == state.timer[i].config);
		CHECK(stimers_read(&other, 0x400000b1 + 2 * i) == state.timer[i].count);
	}
}

static void check(const struct both *both)
{
	uint64_t next = NEVER;
	unsigned int waiting = 0;

	for (unsigned int i = 0; i < TIMERS; i++) {
		const struct model *model = &both->model[i];

		CHECK(stimers_read(&both->timers, 0x400000b0 + 2 * i) == model->config);
		CHECK(stimers_read(&both->timers, 0x400000b1 + 2 * i) == model->count);
		if ((model->config & PERIODIC) && model->due != NEVER) /* STIMER-1 */
			CHECK((model->due - model->start) % period_of(model) == 0);
		CHECK(!model->waits || sint_of(model) != 0);
		if (model->due < next)
			next = model->due;
		waiting |= (unsigned int)model->waits << i;
	}
	CHECK(stimers_deadline(&both->timers) == next);
	CHECK(stimers_waiting(&both->timers, 0xffff) == waiting);
	for (unsigned int sint = 0; sint < 16; sint++) {
		unsigned int here =
			stimers_waiting(&both->timers, (uint16_t)(1u << sint));

		for (unsigned int i = 0; i < TIMERS; i++)
			CHECK((here >> i & 1) ==
			      (both->model[i].waits && sint_of(&both->model[i]) == sint));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct cursor in = cursor_over(data, size);
	struct both both = { .now = 1 };

	stimers_reset(&both.timers);
	for (unsigned int i = 0; i < TIMERS; i++)
		both.model[i].due = NEVER;
	while (!in.overrun && cursor_left(&in) > 0) {
		uint8_t how = cursor_u8(&in);

		if (how & 0x80)
			save_and_load(&both, &in);
		switch (how % 4) {
		case 0:
			write_register(&both, &in);
			break;
		case 1:
			both.now += (uint64_t)cursor_le16(&in) << (how >> 4);
			break;
		case 2:
			expire(&both);
			break;
		default:
			deliver(&both, how >> 4);
			break;
		}
		check(&both);
	}
	return 0;
}
