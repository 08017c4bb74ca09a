/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Register accesses of the virtual local APIC. An xAPIC access of a register that does
 * not exist is an error in ESR; an x2APIC access of one, or a set reserved bit, is #GP.
 * SDM3 11.4.1, 11.12.1.
 */
#include "hypervisor/core/vlapic.h"
#include <stddef.h>
#include <viridis/base/mem.h>
#include "hypervisor/core/vlapic_internal.h"

#define LVT_DELIVERY UINT32_C(0x700)
#define LVT_POLARITY BIT32(13)
#define LVT_LEVEL    BIT32(15)

/* The bits of an entry that software may set. APM2 16.4 */
static uint32_t lvt_writable(enum vlapic_lvt lvt)
{
	const uint32_t common = LVT_VECTOR | LVT_MASKED;

	if (lvt == VLAPIC_LVT_TIMER)
		return common | LVT_PERIODIC;
	if (lvt == VLAPIC_LVT_LINT0 || lvt == VLAPIC_LVT_LINT1)
		return common | LVT_DELIVERY | LVT_POLARITY | LVT_LEVEL;
	return lvt == VLAPIC_LVT_ERROR ? common : common | LVT_DELIVERY;
}

static bool is_lvt(uint32_t offset)
{
	return offset >= VLAPIC_LVT_TIMER_REGISTER && offset <= VLAPIC_LVT_ERROR_REGISTER;
}

static enum vlapic_lvt lvt_at(uint32_t offset)
{
	return (enum vlapic_lvt)((offset - VLAPIC_LVT_TIMER_REGISTER) >> 4);
}

static uint32_t read_vectors(const struct vlapic *v, uint32_t offset)
{
	unsigned int word = offset >> 4 & 7;

	if (offset < VLAPIC_TMR)
		return v->isr[word];
	return offset < VLAPIC_IRR ? v->tmr[word] : v->irr[word];
}

/* Modes in which software may write a register. */
enum { XAPIC = 1, X2APIC = 2, BOTH = XAPIC | X2APIC };

#define FIELD(name) offsetof(struct vlapic, name)
#define NO_FIELD    0u

/* Registers that read as a field of struct vlapic, and all that can be written but the LVT. */
static const struct row {
	uint16_t offset;
	uint16_t field;    /* or NO_FIELD: not read by this table */
	uint32_t writable; /* bits */
	uint8_t modes;
} rows[] = {
	{ VLAPIC_TPR, FIELD(tpr), 0xff, BOTH },
	{ VLAPIC_EOI, NO_FIELD, 0, BOTH },
	{ VLAPIC_LDR, NO_FIELD, LDR_WRITABLE, XAPIC },
	{ VLAPIC_DFR, FIELD(dfr), UINT32_MAX, XAPIC },
	{ VLAPIC_SVR, FIELD(svr), SVR_WRITABLE, BOTH },
	{ VLAPIC_ESR, FIELD(esr), 0, BOTH },
	{ VLAPIC_ICR, FIELD(icr_low), ICR_WRITABLE | ICR_STATUS, BOTH },
	{ VLAPIC_ICR_HIGH, FIELD(icr_high), LDR_WRITABLE, XAPIC },
	{ VLAPIC_TIMER_INITIAL, FIELD(timer_initial), UINT32_MAX, BOTH },
	{ VLAPIC_TIMER_DIVIDE, FIELD(timer_divide), DIVIDE_WRITABLE, BOTH },
	{ VLAPIC_SELF_IPI, NO_FIELD, 0xff, X2APIC },
};

static const struct row *find_row(uint32_t offset)
{
	for (unsigned int i = 0; i < ARRAY_COUNT(rows); i++)
		if (rows[i].offset == offset)
			return &rows[i];
	return NULL;
}

/* A register as software reads it; false: there is none to read. */
static bool peek(const struct vlapic *v, uint32_t offset, uint64_t now, uint32_t *value)
{
	const struct row *row = find_row(offset);

	if (row && row->field != NO_FIELD)
		*value = *(const uint32_t *)((const char *)v + row->field);
	else if (offset >= VLAPIC_ISR && offset < VLAPIC_ESR)
		*value = read_vectors(v, offset);
	else if (is_lvt(offset))
		*value = v->lvt[lvt_at(offset)];
	else if (offset == VLAPIC_ID)
		*value = vlapic_id(v);
	else if (offset == VLAPIC_VERSION_REGISTER)
		*value = VLAPIC_VERSION;
	else if (offset == VLAPIC_PPR)
		*value = vlapic_ppr(v);
	else if (offset == VLAPIC_LDR)
		*value = vlapic_ldr(v);
	else if (offset == VLAPIC_TIMER_CURRENT)
		*value = vlapic_timer_count(v, now);
	else
		return false;
	return true;
}

/* The bits that software may set; false: no such register, or not writable. */
static bool writable_bits(const struct vlapic *v, uint32_t offset, uint32_t *bits)
{
	const struct row *row = find_row(offset);

	if (is_lvt(offset)) {
		*bits = lvt_writable(lvt_at(offset)) | LVT_READ_ONLY;
		return true;
	}
	if (!row)
		return false;
	*bits = row->writable;
	return row->modes & (vlapic_mode(v) == VLAPIC_X2APIC ? X2APIC : XAPIC);
}

/* SDM3 11.4.7.2 */
static void write_svr(struct vlapic *v, uint32_t value, struct vlapic_action *action)
{
	v->svr = value;
	if (value & SVR_ENABLE)
		return;
	for (unsigned int i = 0; i < VLAPIC_LVTS; i++)
		v->lvt[i] |= LVT_MASKED; /* V2 */
	action->timer_changed = true;
}

static void write_lvt(struct vlapic *v, enum vlapic_lvt lvt, uint32_t value, uint64_t now,
                      struct vlapic_action *action)
{
	value &= ~LVT_READ_ONLY;
	if (!vlapic_enabled(v))
		value |= LVT_MASKED; /* V2 */
	if (lvt == VLAPIC_LVT_TIMER) {
		vlapic_write_timer_lvt(v, value, now);
		action->timer_changed = true;
		action->priority_changed = true;
	} else {
		v->lvt[lvt] = value;
	}
}

/* `value` holds nothing but writable bits. */
static void write_register(struct vlapic *v, uint32_t offset, uint32_t value,
                           uint64_t now, struct vlapic_action *action)
{
	switch (offset) {
	case VLAPIC_TPR:
		v->tpr = value;
		action->priority_changed = true;
		break;
	case VLAPIC_EOI:
		vlapic_eoi(v, action);
		break;
	case VLAPIC_LDR:
		v->ldr = value;
		break;
	case VLAPIC_DFR:
		v->dfr = value | DFR_FIXED;
		break;
	case VLAPIC_SVR:
		write_svr(v, value, action);
		break;
	case VLAPIC_ESR: /* a write shows the errors gathered so far. SDM3 11.5.3 */
		v->esr = v->esr_errors;
		v->esr_errors = 0;
		break;
	case VLAPIC_ICR:
		v->icr_low = value & ICR_WRITABLE;
		vlapic_send(v, v->icr_low, action);
		break;
	case VLAPIC_ICR_HIGH:
		v->icr_high = value;
		break;
	case VLAPIC_LVT_TIMER_REGISTER ... VLAPIC_LVT_ERROR_REGISTER:
		write_lvt(v, lvt_at(offset), value, now, action);
		break;
	case VLAPIC_TIMER_INITIAL:
		vlapic_write_timer_initial(v, value, now);
		action->timer_changed = true;
		break;
	case VLAPIC_TIMER_DIVIDE:
		vlapic_write_timer_divide(v, value, now);
		action->timer_changed = true;
		break;
	case VLAPIC_SELF_IPI:
		vlapic_send(v, (uint32_t)VLAPIC_TO_SELF << 18 | value, action);
		break;
	}
}

static bool is_unserved(uint32_t offset)
{
	return offset == VLAPIC_EOI || offset == VLAPIC_APR || offset == VLAPIC_RRD;
}

uint32_t vlapic_read(struct vlapic *v, uint32_t offset, uint64_t now)
{
	uint32_t value = 0;

	if (vlapic_mode(v) != VLAPIC_XAPIC)
		return UINT32_MAX;
	if (offset & 0xf) /* undefined. SDM3 11.4.1 */
		return 0;
	if (!peek(v, offset, now, &value) && !is_unserved(offset))
		vlapic_error(v, ESR_ILLEGAL_REGISTER);
	return value;
}

void vlapic_write(struct vlapic *v, uint32_t offset, uint32_t value, uint64_t now,
                  struct vlapic_action *action)
{
	uint32_t bits;
	uint32_t ignored;

	memset(action, 0, sizeof(*action));
	if (vlapic_mode(v) != VLAPIC_XAPIC || offset & 0xf)
		return;
	if (writable_bits(v, offset, &bits))
		write_register(v, offset, value & bits, now, action);
	else if (!peek(v, offset, now, &ignored) && !is_unserved(offset))
		vlapic_error(v, ESR_ILLEGAL_REGISTER);
}

enum vlapic_status vlapic_write_icr(struct vlapic *v, uint64_t value,
                                    struct vlapic_action *action)
{
	bool x2apic = vlapic_mode(v) == VLAPIC_X2APIC;
	uint32_t low = (uint32_t)value;
	uint32_t high = (uint32_t)(value >> 32);

	memset(action, 0, sizeof(*action));
	if (vlapic_mode(v) == VLAPIC_DISABLED)
		return VLAPIC_FAULT;
	if (x2apic && low & ~(ICR_WRITABLE | ICR_STATUS))
		return VLAPIC_FAULT;
	v->icr_high = x2apic ? high : high & LDR_WRITABLE;
	v->icr_low = low & ICR_WRITABLE;
	vlapic_send(v, v->icr_low, action);
	return VLAPIC_OK;
}

static bool msr_offset(const struct vlapic *v, uint32_t msr, uint32_t *offset)
{
	if (vlapic_mode(v) != VLAPIC_X2APIC || msr < VLAPIC_MSR_FIRST ||
	    msr > VLAPIC_MSR_LAST)
		return false;
	*offset = (msr - VLAPIC_MSR_FIRST) << 4;
	return true;
}

enum vlapic_status vlapic_msr_read(struct vlapic *v, uint32_t msr, uint64_t now,
                                   uint64_t *value)
{
	uint32_t offset;
	uint32_t low;

	*value = 0;
	if (!msr_offset(v, msr, &offset) || offset == VLAPIC_DFR ||
	    offset == VLAPIC_ICR_HIGH)
		return VLAPIC_FAULT;
	if (!peek(v, offset, now, &low))
		return VLAPIC_FAULT;
	*value = low;
	if (offset == VLAPIC_ICR)
		*value |= (uint64_t)v->icr_high << 32;
	return VLAPIC_OK;
}

enum vlapic_status vlapic_msr_write(struct vlapic *v, uint32_t msr, uint64_t value,
                                    uint64_t now, struct vlapic_action *action)
{
	uint32_t offset;
	uint32_t bits;

	memset(action, 0, sizeof(*action));
	if (!msr_offset(v, msr, &offset))
		return VLAPIC_FAULT;
	if (offset == VLAPIC_ICR)
		return vlapic_write_icr(v, value, action);
	if (!writable_bits(v, offset, &bits) || value & ~(uint64_t)bits)
		return VLAPIC_FAULT;
	write_register(v, offset, (uint32_t)value, now, action);
	return VLAPIC_OK;
}
