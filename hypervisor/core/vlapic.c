/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * State, modes and interrupt priority of the virtual local APIC. APM2 16.3-16.6, SDM3
 * 11.4-11.8.
 */
#include "hypervisor/core/vlapic.h"
#include <viridis/base/mem.h>
#include "hypervisor/core/vlapic_internal.h"

/* SDM3 11.4.7.1 */
void vlapic_init_signal(struct vlapic *v)
{
	struct vlapic fresh = {
		.config = v->config,
		.base = v->base,
		.dfr = DFR_FLAT,
		.svr = SVR_RESET,
	};

	for (unsigned int i = 0; i < VLAPIC_LVTS; i++)
		fresh.lvt[i] = LVT_MASKED; /* V2 */
	*v = fresh;
}

void vlapic_reset(struct vlapic *v)
{
	v->base = VLAPIC_GPA | VLAPIC_BASE_ENABLE;
	if (v->config.bootstrap)
		v->base |= VLAPIC_BASE_BOOTSTRAP;
	vlapic_init_signal(v);
}

void vlapic_create(struct vlapic *v, const struct vlapic_config *config)
{
	v->config = *config;
	vlapic_reset(v);
}

static enum vlapic_mode mode_of_base(uint64_t base)
{
	if (!(base & VLAPIC_BASE_ENABLE))
		return VLAPIC_DISABLED;
	return base & VLAPIC_BASE_X2APIC ? VLAPIC_X2APIC : VLAPIC_XAPIC;
}

enum vlapic_mode vlapic_mode(const struct vlapic *v)
{
	return mode_of_base(v->base);
}

/* SDM3 figure 11-27; a page at another address than the usual one is not offered. */
static bool base_allowed(const struct vlapic *v, uint64_t value)
{
	const uint64_t flags = VLAPIC_BASE_BOOTSTRAP | VLAPIC_BASE_X2APIC |
	                       VLAPIC_BASE_ENABLE;
	enum vlapic_mode from = vlapic_mode(v);
	enum vlapic_mode to = mode_of_base(value);

	if ((value & ~flags) != VLAPIC_GPA)
		return false;
	if (value & VLAPIC_BASE_X2APIC &&
	    (to != VLAPIC_X2APIC || !v->config.x2apic_offered))
		return false;
	if (from == VLAPIC_DISABLED)
		return to != VLAPIC_X2APIC;
	return from != VLAPIC_X2APIC || to != VLAPIC_XAPIC;
}

enum vlapic_status vlapic_set_base(struct vlapic *v, uint64_t value)
{
	if (!base_allowed(v, value))
		return VLAPIC_FAULT;
	v->base = value & ~VLAPIC_BASE_BOOTSTRAP;
	if (v->config.bootstrap)
		v->base |= VLAPIC_BASE_BOOTSTRAP;
	if (vlapic_mode(v) == VLAPIC_DISABLED)
		vlapic_init_signal(v); /* it comes back as after power-up. SDM3 11.4.3 */
	return VLAPIC_OK;
}

bool vlapic_enabled(const struct vlapic *v)
{
	return vlapic_mode(v) != VLAPIC_DISABLED && v->svr & SVR_ENABLE;
}

uint32_t vlapic_id(const struct vlapic *v)
{
	return vlapic_mode(v) == VLAPIC_X2APIC ? v->config.apic_id :
	                                         v->config.apic_id << 24;
}

/* In x2APIC mode derived from the id: cluster and a bit in it. SDM3 11.12.10.2 */
uint32_t vlapic_ldr(const struct vlapic *v)
{
	uint32_t id = v->config.apic_id;

	if (vlapic_mode(v) != VLAPIC_X2APIC)
		return v->ldr;
	return id >> 4 << 16 | BIT32(id & 0xf);
}

int vlapic_highest(const uint32_t bits[8])
{
	for (int word = 7; word >= 0; word--)
		if (bits[word] != 0)
			return word * 32 + (int)highest_bit32(bits[word]);
	return VLAPIC_NO_VECTOR;
}

static bool get_bit(const uint32_t bits[8], uint8_t vector)
{
	return bits[vector / 32] >> vector % 32 & 1;
}

static void set_bit(uint32_t bits[8], uint8_t vector, bool value)
{
	bits[vector / 32] &= ~BIT32(vector % 32);
	bits[vector / 32] |= (uint32_t)value << vector % 32;
}

/* An error is told once until ESR is written. SDM3 11.5.3 */
void vlapic_error(struct vlapic *v, enum vlapic_error error)
{
	uint32_t lvt = v->lvt[VLAPIC_LVT_ERROR];
	bool told = v->esr_errors & (uint32_t)error;

	v->esr_errors |= (uint32_t)error;
	if (told || lvt & LVT_MASKED)
		return;
	if ((lvt & LVT_VECTOR) < VLAPIC_FIRST_VECTOR) /* V1 */
		v->esr_errors |= ESR_RECEIVE_ILLEGAL_VECTOR;
	else
		(void)vlapic_accept(v, lvt & LVT_VECTOR, false); /* enabled, by V2 */
}

bool vlapic_accept(struct vlapic *v, uint8_t vector, bool level)
{
	if (!vlapic_enabled(v))
		return false;
	if (vector < VLAPIC_FIRST_VECTOR) { /* V1 */
		vlapic_error(v, ESR_RECEIVE_ILLEGAL_VECTOR);
		return false;
	}
	set_bit(v->irr, vector, true);
	set_bit(v->tmr, vector, level);
	return true;
}

bool vlapic_merge(struct vlapic *v, const uint32_t posted[8],
                  const uint32_t posted_level[8])
{
	bool illegal = posted[0] & (BIT32(VLAPIC_FIRST_VECTOR) - 1);

	if (!vlapic_enabled(v))
		return vlapic_highest(posted) == VLAPIC_NO_VECTOR;
	for (unsigned int i = 0; i < 8; i++) {
		uint32_t legal = posted[i];

		if (i == 0)
			legal &= ~(BIT32(VLAPIC_FIRST_VECTOR) - 1); /* V1 */
		v->irr[i] |= legal;
		v->tmr[i] = (v->tmr[i] & ~legal) | (posted_level[i] & legal);
	}
	if (illegal)
		vlapic_error(v, ESR_RECEIVE_ILLEGAL_VECTOR);
	return !illegal;
}

/* APM2 16.6.4 */
uint8_t vlapic_ppr(const struct vlapic *v)
{
	int served = vlapic_highest(v->isr);
	uint32_t class = served == VLAPIC_NO_VECTOR ? 0 : (uint32_t)served & 0xf0;

	return (uint8_t)((v->tpr & 0xf0) >= class ? v->tpr : class);
}

int vlapic_highest_request(const struct vlapic *v)
{
	return vlapic_highest(v->irr);
}

/* What was requested before SVR disabled the APIC can still be served. SDM3 11.4.7.2 */
int vlapic_pending(const struct vlapic *v)
{
	int vector = vlapic_highest(v->irr);

	if (vector == VLAPIC_NO_VECTOR || (vector & 0xf0) <= (vlapic_ppr(v) & 0xf0))
		return VLAPIC_NO_VECTOR;
	return vector;
}

void vlapic_deliver(struct vlapic *v, uint8_t vector)
{
	if (!get_bit(v->irr, vector))
		return;
	set_bit(v->irr, vector, false);
	set_bit(v->isr, vector, true);
}

void vlapic_eoi(struct vlapic *v, struct vlapic_action *action)
{
	int vector = vlapic_highest(v->isr);

	memset(action, 0, sizeof(*action));
	if (vector == VLAPIC_NO_VECTOR)
		return;
	set_bit(v->isr, (uint8_t)vector, false);
	action->ended = true;
	action->ended_vector = (uint8_t)vector;
	action->ended_level = get_bit(v->tmr, (uint8_t)vector);
	action->priority_changed = true;
}

uint64_t vlapic_cr8(const struct vlapic *v)
{
	return v->tpr >> 4;
}

enum vlapic_status vlapic_set_cr8(struct vlapic *v, uint64_t value)
{
	if (value > 0xf)
		return VLAPIC_FAULT;
	v->tpr = (uint32_t)value << 4;
	return VLAPIC_OK;
}
