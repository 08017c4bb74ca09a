/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Any sequence of guest accesses, interrupts and clock steps against the virtual local APIC: its
 * invariants VLAPIC-1 to VLAPIC-3 hold after each. A step is 16 bytes: what to do, a register or vector, and a value. At
 * each, what was saved can be loaded and saves as the same; a word of it forged, or all of it, loads as itself
 * or not at all.
 */
#include "hypervisor/core/vlapic.h"
#include <string.h>
#include <viridis/base/cursor.h>

#define CHECK(condition)                  \
	do {                              \
		if (!(condition))         \
			__builtin_trap(); \
	} while (0)

#define LVT_MASKED   0x10000u
#define LVT_MODE     0x60000u
#define LVT_PERIODIC 0x20000u
#define SVR_ENABLE   0x100u
#define LONGEST      (UINT64_C(0xffffffff) * 128 * 3)

/* As the guest sees it; in an APIC that is off nothing is read. */
static uint32_t shown(const struct vlapic *v, uint32_t offset, uint64_t now)
{
	struct vlapic copy = *v;
	uint64_t value;

	if (vlapic_mode(v) == VLAPIC_XAPIC)
		return vlapic_read(&copy, offset, now);
	(void)!vlapic_msr_read(v, VLAPIC_MSR_FIRST + offset / 16, now, &value);
	return (uint32_t)value;
}

static void check_invariants(const struct vlapic *v, uint64_t now)
{
	bool enabled = vlapic_mode(v) != VLAPIC_DISABLED && v->svr & SVR_ENABLE;
	uint32_t mode = v->lvt[VLAPIC_LVT_TIMER] & LVT_MODE;
	int pending = vlapic_pending(v);

	CHECK(((v->irr[0] | v->isr[0]) & 0xffff) == 0); /* VLAPIC-1 */
	for (unsigned int i = 0; i < VLAPIC_LVTS; i++)
		CHECK(enabled || v->lvt[i] & LVT_MASKED); /* VLAPIC-2 */
	if (v->armed && mode == LVT_PERIODIC)
		CHECK(v->deadline < now || v->deadline - now <= LONGEST); /* VLAPIC-3 */
	CHECK(shown(v, VLAPIC_TIMER_CURRENT, now) <= v->timer_initial);
	CHECK(pending == VLAPIC_NO_VECTOR ||
	      (pending & 0xf0) > (int)(shown(v, VLAPIC_PPR, now) & 0xf0));
}

static void access(struct vlapic *v, unsigned int what, uint32_t where, uint64_t value,
                   uint64_t now)
{
	struct vlapic_action action = { 0 };
	uint64_t ignored;

	switch (what) {
	case 0:
		CHECK(vlapic_write(v, VLAPIC_PAGE, where, value, now, &action));
		break;
	case 1:
		(void)!vlapic_write(v, VLAPIC_MSR, where % 0x100 * 16, value, now,
		                    &action);
		break;
	case 2:
		(void)!vlapic_set_base(v, VLAPIC_GPA | (value & 0xfff));
		break;
	case 3:
		(void)vlapic_accept(v, (uint8_t)where, value & 1);
		break;
	case 4:
		if (vlapic_pending(v) != VLAPIC_NO_VECTOR)
			vlapic_deliver(v, (uint8_t)vlapic_pending(v));
		break;
	case 5:
		(void)vlapic_timer_fire(v, now);
		break;
	case 6:
		(void)vlapic_read(v, where, now);
		(void)!vlapic_msr_read(v, 0x800 + where % 0x100, now, &ignored);
		break;
	case 7:
		vlapic_init_signal(v);
		break;
	}
	if (action.sends_ipi)
		(void)vlapic_ipi_matches(v, &action.ipi);
}

static bool equal(const struct hv_local_interrupt_controller_state *a,
                  const struct hv_local_interrupt_controller_state *b)
{
	return memcmp(a, b, sizeof(*a)) == 0;
}

/* Takes the forged state in when it can be had at all. */
static void load_forged(struct vlapic *v,
                        const struct hv_local_interrupt_controller_state *forged,
                        uint64_t now)
{
	struct hv_local_interrupt_controller_state after;
	struct vlapic before = *v;

	if (vlapic_load(v, forged, now)) {
		vlapic_save(v, now, &after);
		CHECK(equal(forged, &after));
		CHECK(v->base == before.base && v->tpr == before.tpr);
	} else {
		CHECK(memcmp(v, &before, sizeof(before)) == 0);
	}
}

static void save_and_load(struct vlapic *v, unsigned int word, uint32_t flip,
                          uint64_t now)
{
	struct hv_local_interrupt_controller_state state, after;
	struct vlapic other = { .config = v->config };

	(void)vlapic_timer_fire(v, now);
	vlapic_save(v, now, &state);
	vlapic_reset(&other);
	other.base = v->base;
	CHECK(vlapic_load(&other, &state, now));
	check_invariants(&other, now);
	vlapic_save(&other, now, &after);
	CHECK(equal(&state, &after));
	state.words[word % ARRAY_COUNT(state.words)] ^= flip;
	load_forged(v, &state, now);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct vlapic_config config = { .apic_id = 9, .clock_per_tick = 3 };
	struct hv_local_interrupt_controller_state forged;
	struct cursor steps = cursor_over(data, size);
	struct vlapic v;
	uint64_t now = 0, value;

	v = (struct vlapic){ .config = config };
	vlapic_reset(&v);
	if (size >= sizeof(forged)) {
		memcpy(&forged, data, sizeof(forged));
		load_forged(&v, &forged, now);
		check_invariants(&v, now);
	}
	while (cursor_left(&steps) >= 16) {
		uint8_t what = cursor_u8(&steps);
		uint8_t shift = cursor_u8(&steps);
		uint32_t where = cursor_le16(&steps);

		now += (uint64_t)cursor_le32(&steps) << shift % 24;
		value = cursor_le64(&steps);
		access(&v, what & 7, what & 0x80 ? where & 0x3f0 : where, value, now);
		if (what & 8)
			(void)vlapic_timer_fire(&v, now);
		if (what & 0x10)
			save_and_load(&v, where, (uint32_t)value, now);
		check_invariants(&v, now);
	}
	return 0;
}
