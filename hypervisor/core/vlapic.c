/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The virtual local APIC: state, modes and priorities (APM2 16.3-16.6, SDM3 11.4-11.8), the timer (APM2
 * 16.4.1, SDM3 11.5.4), sending and addressing (APM2 16.5, SDM3 11.6), accesses of its registers (SDM3
 * 11.4.1, 11.12.1), and all of them in one piece (abi/hv_vp_state.h).
 */
#include "hypervisor/core/vlapic.h"

#define SVR_WRITABLE UINT32_C(0x3ff)
#define SVR_RESET    UINT32_C(0xff)

#define LVT_VECTOR    UINT32_C(0xff)
#define LVT_READ_ONLY (BIT32(12) | BIT32(14)) /* delivery status, remote IRR */
#define LVT_COMMON    (LVT_VECTOR | VLAPIC_LVT_MASKED | LVT_READ_ONLY)
#define LVT_PERIODIC  BIT32(17)
#define LVT_DELIVERY  UINT32_C(0x700)
#define LVT_LINT      (LVT_DELIVERY | BIT32(13) | BIT32(15)) /* polarity, level */

#define DIVIDE_WRITABLE UINT32_C(0xb)
#define DFR_FIXED       UINT32_C(0x0fffffff)
#define LDR_WRITABLE    UINT32_C(0xff000000)

/*
 * Delivery mode, destination mode, level, trigger, shorthand; bit 12 is read-only. APM2
 * 16.5
 */
#define ICR_WRITABLE UINT32_C(0x000ccfff)

/* APM2 16.4.6 */
#define ESR_SEND_ILLEGAL_VECTOR    BIT32(5)
#define ESR_RECEIVE_ILLEGAL_VECTOR BIT32(6)
#define ESR_ILLEGAL_REGISTER       BIT32(7)
#define ESR_ALL                    (BIT32(5) | BIT32(6) | BIT32(7))

#define ICR_LOGICAL  BIT32(11)
#define ICR_LEVEL    BIT32(15)
#define TO_ALL_8BIT  UINT32_C(0xff)
#define TO_ALL_32BIT UINT32_C(0xffffffff)

/* SDM3 11.4.7.1 */
void vlapic_init_signal(struct vlapic *v)
{
	struct vlapic fresh = {
		.config = v->config,
		.base = v->base,
		.dfr = VLAPIC_DFR_FLAT,
		.svr = SVR_RESET,
	};

	for (unsigned int i = 0; i < VLAPIC_LVTS; i++)
		fresh.lvt[i] = VLAPIC_LVT_MASKED; /* VLAPIC-2 */
	*v = fresh;
}

void vlapic_reset(struct vlapic *v)
{
	v->base = VLAPIC_GPA | VLAPIC_BASE_ENABLE;
	if (v->config.bootstrap)
		v->base |= VLAPIC_BASE_BOOTSTRAP;
	vlapic_init_signal(v);
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
	if (value & VLAPIC_BASE_X2APIC && to != VLAPIC_X2APIC)
		return false;
	if (from == VLAPIC_DISABLED)
		return to != VLAPIC_X2APIC;
	return from != VLAPIC_X2APIC || to != VLAPIC_XAPIC;
}

bool vlapic_set_base(struct vlapic *v, uint64_t value)
{
	if (!base_allowed(v, value))
		return false;
	v->base = value & ~VLAPIC_BASE_BOOTSTRAP;
	if (v->config.bootstrap)
		v->base |= VLAPIC_BASE_BOOTSTRAP;
	if (vlapic_mode(v) == VLAPIC_DISABLED)
		vlapic_init_signal(v); /* it comes back as after power-up. SDM3 11.4.3 */
	return true;
}

static bool is_enabled(const struct vlapic *v)
{
	return v->base & VLAPIC_BASE_ENABLE && v->svr & VLAPIC_SVR_ENABLE;
}

/* In x2APIC mode derived from the id: cluster and a bit in it. SDM3 11.12.10.2 */
static uint32_t logical_id(const struct vlapic *v)
{
	uint32_t id = v->config.apic_id;

	if (vlapic_mode(v) != VLAPIC_X2APIC)
		return v->ldr;
	return id >> 4 << 16 | BIT32(id & 0xf);
}

/* The highest set, or VLAPIC_NO_VECTOR. */
static int highest_vector(const uint64_t bits[VLAPIC_WORDS])
{
	for (int word = VLAPIC_WORDS - 1; word >= 0; word--)
		if (bits[word] != 0)
			return word * 64 + (int)highest_bit64(bits[word]);
	return VLAPIC_NO_VECTOR;
}

static bool get_bit(const uint64_t bits[VLAPIC_WORDS], uint8_t vector)
{
	return bits[vector / 64] >> vector % 64 & 1;
}

/* An error is told once until ESR is written. SDM3 11.5.3. Not inlined: hardly any interrupt comes to it. */
static __attribute__((noinline)) void raise_error(struct vlapic *v, uint32_t error)
{
	uint32_t lvt = v->lvt[VLAPIC_LVT_ERROR];
	bool told = v->esr_errors & error;

	v->esr_errors |= error;
	if (told || lvt & VLAPIC_LVT_MASKED)
		return;
	if ((lvt & LVT_VECTOR) < HV_VECTOR_MIN) /* VLAPIC-1 */
		v->esr_errors |= ESR_RECEIVE_ILLEGAL_VECTOR;
	else /* enabled, by VLAPIC-2 */
		(void)vlapic_accept(v, lvt & LVT_VECTOR, false);
}

bool vlapic_accept(struct vlapic *v, uint8_t vector, bool level)
{
	return vlapic_merge(v, vector / 64, BIT64(vector % 64), level ? UINT64_MAX : 0);
}

bool vlapic_merge(struct vlapic *v, unsigned int word, uint64_t posted, uint64_t level)
{
	uint64_t illegal = word == 0 ? posted & bits_mask(0, HV_VECTOR_MIN) : 0;

	if (!is_enabled(v))
		return posted == 0;
	if (illegal) /* VLAPIC-1 */
		raise_error(v, ESR_RECEIVE_ILLEGAL_VECTOR);
	posted &= ~illegal;
	v->irr[word] |= posted;
	v->tmr[word] = (v->tmr[word] & ~posted) | (level & posted);
	return illegal == 0;
}

/* APM2 16.6.4 */
static uint8_t processor_priority(const struct vlapic *v)
{
	bool serves = (v->isr[0] | v->isr[1] | v->isr[2] | v->isr[3]) != 0;
	uint32_t class = serves ? (uint32_t)highest_vector(v->isr) & 0xf0 : 0;

	return (uint8_t)((v->tpr & 0xf0) >= class ? v->tpr : class);
}

/* What was requested before SVR disabled the APIC can still be served. SDM3 11.4.7.2 */
int vlapic_pending(const struct vlapic *v)
{
	int vector = highest_vector(v->irr);

	if (vector == VLAPIC_NO_VECTOR ||
	    (vector & 0xf0) <= (processor_priority(v) & 0xf0))
		return VLAPIC_NO_VECTOR;
	return vector;
}

bool vlapic_is_lone(const struct vlapic *v, uint8_t vector)
{
	unsigned int own = vector / 64;
	uint64_t mine = BIT64(vector % 64);
	uint64_t served = v->isr[0] | v->isr[1] | v->isr[2] | v->isr[3];
	uint64_t beside = v->irr[own ^ 1] | v->irr[own ^ 2] | v->irr[own ^ 3];

	return (served | beside | (v->irr[own] & ~mine) | (v->tmr[own] & mine)) == 0;
}
_Static_assert(VLAPIC_WORDS == 4, "the words beside one are three");

void vlapic_deliver(struct vlapic *v, uint8_t vector)
{
	uint64_t bit = BIT64(vector % 64), requested = v->irr[vector / 64] & bit;

	v->irr[vector / 64] ^= requested;
	v->isr[vector / 64] |= requested;
}

bool vlapic_end(struct vlapic *v, uint8_t vector)
{
	bool ends = get_bit(v->isr, vector);

	v->isr[vector / 64] &= ~BIT64(vector % 64);
	return ends;
}

void vlapic_eoi(struct vlapic *v, struct vlapic_action *action)
{
	int vector = highest_vector(v->isr);

	*action = (struct vlapic_action){ 0 };
	if (vector == VLAPIC_NO_VECTOR)
		return;
	action->ended = vlapic_end(v, (uint8_t)vector);
	action->ended_vector = (uint8_t)vector;
	action->ended_level = get_bit(v->tmr, (uint8_t)vector);
}

uint64_t vlapic_cr8(const struct vlapic *v)
{
	return v->tpr >> 4;
}

bool vlapic_set_cr8(struct vlapic *v, uint64_t value)
{
	if (value > 0xf)
		return false;
	v->tpr = (uint32_t)value << 4;
	return true;
}

static bool is_periodic(const struct vlapic *v)
{
	return v->lvt[VLAPIC_LVT_TIMER] & LVT_PERIODIC;
}

/*
 * Clock ticks per count; the divider's bits are 3, 1 and 0, and 111 divides by 1. APM2
 * 16.4.1
 */
static uint64_t count_ticks(const struct vlapic *v)
{
	uint32_t code = (v->timer_divide & 3) | (v->timer_divide & 8) >> 1;

	return (uint64_t)v->config.clock_per_tick << ((code + 1) & 7);
}

/* At most 2^32 * 2^7 * 2^16. */
static uint64_t period_ticks(const struct vlapic *v)
{
	return v->timer_initial * count_ticks(v);
}

static void run_timer(struct vlapic *v, uint32_t count, uint64_t now)
{
	v->armed = count != 0;
	v->deadline = now + count * count_ticks(v);
}

bool vlapic_timer_deadline(const struct vlapic *v, uint64_t *deadline)
{
	*deadline = v->deadline;
	return v->armed && !(v->lvt[VLAPIC_LVT_TIMER] & VLAPIC_LVT_MASKED);
}

bool vlapic_timer_fire(struct vlapic *v, uint64_t now)
{
	uint32_t lvt = v->lvt[VLAPIC_LVT_TIMER];
	uint64_t period = period_ticks(v);

	if (!v->armed || now < v->deadline)
		return false;
	if (is_periodic(v) && period != 0)
		v->deadline += ((now - v->deadline) / period + 1) * period; /* VLAPIC-3 */
	else
		v->armed = false;
	return !(lvt & VLAPIC_LVT_MASKED) && vlapic_accept(v, lvt & LVT_VECTOR, false);
}

static uint32_t timer_count(const struct vlapic *v, uint64_t now)
{
	uint64_t period = period_ticks(v);
	uint64_t left;

	if (!v->armed || period == 0)
		return 0;
	if (now < v->deadline)
		left = v->deadline - now;
	else if (is_periodic(v))
		left = period - (now - v->deadline) % period;
	else
		return 0;
	if (left > period) /* the clock went back */
		left = period;
	return (uint32_t)((left + count_ticks(v) - 1) / count_ticks(v));
}

/* What expired until now did so under the old setting; a running count goes on at the new rate. */
static void write_divide(struct vlapic *v, uint32_t value, uint64_t now)
{
	uint32_t count;

	(void)vlapic_timer_fire(v, now); /* only its effect is wanted */
	count = timer_count(v, now);
	v->timer_divide = value;
	run_timer(v, count, now);
}

/*
 * To itself, an APIC sends fixed interrupts alone (SDM3 table 11-3). INIT level de-assert does nothing since
 * the Pentium 4 (SDM3 11.6.1).
 */
static void send_ipi(struct vlapic *v, uint32_t low, struct vlapic_action *action)
{
	bool wide = vlapic_mode(v) == VLAPIC_X2APIC;
	struct vlapic_ipi ipi = {
		.delivery = (enum vlapic_delivery)(low >> 8 & 7),
		.shorthand = (enum vlapic_shorthand)(low >> 18 & 3),
		.vector = low & 0xff,
		.logical = low & ICR_LOGICAL,
		.wide = wide,
		.destination = wide ? v->icr_high : v->icr_high >> 24,
		.sender = v->config.apic_id,
	};
	bool carries_vector = ipi.delivery == VLAPIC_FIXED ||
	                      ipi.delivery == VLAPIC_LOWEST_PRIORITY;
	bool to_itself = ipi.shorthand == VLAPIC_TO_SELF ||
	                 ipi.shorthand == VLAPIC_TO_ALL;

	if (ipi.delivery == VLAPIC_REMOTE_READ || ipi.delivery == VLAPIC_EXTINT ||
	    (to_itself && ipi.delivery != VLAPIC_FIXED) ||
	    (ipi.delivery == VLAPIC_INIT && low & ICR_LEVEL &&
	     !(low & VLAPIC_ICR_ASSERT)))
		return;
	if (carries_vector && ipi.vector < HV_VECTOR_MIN) {
		raise_error(v, ESR_SEND_ILLEGAL_VECTOR);
		return;
	}
	action->sends_ipi = true;
	action->ipi = ipi;
}

/* SDM3 11.12.10.1: same cluster, and a common bit. */
static bool matches_x2apic(const struct vlapic *v, uint32_t destination)
{
	uint32_t ldr = logical_id(v);

	return ldr >> 16 == destination >> 16 && ldr & destination & 0xffff;
}

/* SDM3 11.6.2.2: flat, a common bit; cluster, the same cluster and a common bit. */
static bool matches_xapic(const struct vlapic *v, uint32_t destination)
{
	uint32_t ldr = v->ldr >> 24;
	uint32_t model = v->dfr >> 28;

	if (destination > 0xff)
		return false;
	if (model == 0xf)
		return ldr & destination;
	if (model != 0)
		return false;
	return (destination >> 4 == 0xf || destination >> 4 == ldr >> 4) &&
	       ldr & destination & 0xf;
}

bool vlapic_ipi_matches(const struct vlapic *v, const struct vlapic_ipi *ipi)
{
	enum vlapic_mode mode = vlapic_mode(v);
	bool is_sender = v->config.apic_id == ipi->sender;

	if (mode == VLAPIC_DISABLED)
		return false;
	if (ipi->shorthand == VLAPIC_TO_SELF || ipi->shorthand == VLAPIC_TO_OTHERS)
		return is_sender == (ipi->shorthand == VLAPIC_TO_SELF);
	if (ipi->shorthand == VLAPIC_TO_ALL ||
	    ipi->destination == (ipi->wide ? TO_ALL_32BIT : TO_ALL_8BIT))
		return true;
	if (!ipi->logical)
		return ipi->destination == v->config.apic_id;
	return mode == VLAPIC_X2APIC ? matches_x2apic(v, ipi->destination) :
	                               matches_xapic(v, ipi->destination);
}

/* How software may access a register. */
enum {
	READ_PAGE = 1,
	READ_MSR = 2,
	WRITE_PAGE = 4,
	WRITE_MSR = 8,
	READ = READ_PAGE | READ_MSR,
	WRITE = WRITE_PAGE | WRITE_MSR,
	ALL = READ | WRITE,
};

_Static_assert(offsetof(struct vlapic, timer_divide) -
                               offsetof(struct vlapic, registers) ==
                       VLAPIC_TIMER_DIVIDE / 4,
               "the registers have their places");

#define AT(offset) [(offset) >> 4]

/* LVT entries: APM2 16.4 */
static const struct rule {
	uint8_t access;
	uint32_t writable; /* bits */
} rules[VLAPIC_REGISTERS] = {
	AT(VLAPIC_ID) = { READ, 0 },
	AT(VLAPIC_VERSION_REGISTER) = { READ, 0 },
	AT(VLAPIC_TPR) = { ALL, 0xff },
	AT(VLAPIC_APR) = { READ_PAGE, 0 },
	AT(VLAPIC_PPR) = { READ, 0 },
	AT(VLAPIC_EOI) = { READ_PAGE | WRITE, 0 },
	AT(VLAPIC_RRD) = { READ_PAGE, 0 },
	AT(VLAPIC_LDR) = { READ | WRITE_PAGE, LDR_WRITABLE },
	AT(VLAPIC_DFR) = { READ_PAGE | WRITE_PAGE, UINT32_MAX },
	AT(VLAPIC_SVR) = { ALL, SVR_WRITABLE },
	[VLAPIC_ISR >> 4 ...(VLAPIC_ESR >> 4) - 1] = { READ, UINT32_MAX },
	AT(VLAPIC_ESR) = { ALL, 0 },
	AT(VLAPIC_ICR) = { ALL, ICR_WRITABLE | VLAPIC_ICR_STATUS },
	AT(VLAPIC_ICR_HIGH) = { READ_PAGE | WRITE_PAGE, LDR_WRITABLE },
	AT(VLAPIC_LVT_TIMER_REGISTER) = { ALL, LVT_COMMON | LVT_PERIODIC },
	AT(VLAPIC_LVT_THERMAL_REGISTER) = { ALL, LVT_COMMON | LVT_DELIVERY },
	AT(VLAPIC_LVT_PERFORMANCE_REGISTER) = { ALL, LVT_COMMON | LVT_DELIVERY },
	AT(VLAPIC_LVT_LINT0_REGISTER) = { ALL, LVT_COMMON | LVT_LINT },
	AT(VLAPIC_LVT_LINT1_REGISTER) = { ALL, LVT_COMMON | LVT_LINT },
	AT(VLAPIC_LVT_ERROR_REGISTER) = { ALL, LVT_COMMON },
	AT(VLAPIC_TIMER_INITIAL) = { ALL, UINT32_MAX },
	AT(VLAPIC_TIMER_CURRENT) = { READ, 0 },
	AT(VLAPIC_TIMER_DIVIDE) = { ALL, DIVIDE_WRITABLE },
	AT(VLAPIC_SELF_IPI) = { WRITE_MSR, 0xff },
};

/* NULL: there is no such register for this access, one of the four. */
static const struct rule *find_rule(uint32_t offset, unsigned int access)
{
	const struct rule *rule = &rules[offset / 16 % VLAPIC_REGISTERS];

	return offset / 16 < VLAPIC_REGISTERS && rule->access & access ? rule : NULL;
}

static uint32_t read_register(const struct vlapic *v, uint32_t offset, uint64_t now)
{
	switch (offset) {
	case VLAPIC_ID:
		return vlapic_mode(v) == VLAPIC_X2APIC ? v->config.apic_id :
		                                         v->config.apic_id << 24;
	case VLAPIC_VERSION_REGISTER:
		return VLAPIC_VERSION;
	case VLAPIC_PPR:
		return processor_priority(v);
	case VLAPIC_LDR:
		return logical_id(v);
	case VLAPIC_TIMER_CURRENT:
		return timer_count(v, now);
	case VLAPIC_TMR ... VLAPIC_IRR - 1:
		return v->config.level_as_edge ? 0 : v->registers[offset >> 4];
	default:
		return v->registers[offset >> 4];
	}
}

/* `value` holds nothing but writable bits. */
static void write_register(struct vlapic *v, uint32_t offset, uint32_t value,
                           uint64_t now, struct vlapic_action *action)
{
	switch (offset) {
	case VLAPIC_EOI:
		vlapic_eoi(v, action);
		return;
	case VLAPIC_ICR:
		v->icr_low = value & ICR_WRITABLE;
		send_ipi(v, v->icr_low, action);
		return;
	case VLAPIC_SELF_IPI:
		send_ipi(v, (uint32_t)VLAPIC_TO_SELF << 18 | value, action);
		return;
	case VLAPIC_ESR: /* a write shows the errors gathered so far. SDM3 11.5.3 */
		v->esr = v->esr_errors;
		v->esr_errors = 0;
		return;
	case VLAPIC_DFR:
		v->dfr = value | DFR_FIXED;
		return;
	case VLAPIC_SVR:
		v->svr = value;
		break;
	case VLAPIC_TIMER_DIVIDE:
		write_divide(v, value, now);
		break;
	case VLAPIC_TIMER_INITIAL:
		v->timer_initial = value;
		run_timer(v, value, now);
		break;
	case VLAPIC_LVT_TIMER_REGISTER ... VLAPIC_LVT_ERROR_REGISTER:
		(void)vlapic_timer_fire(v, now); /* as the old entry said */
		v->registers[offset >> 4] = value & ~LVT_READ_ONLY;
		break;
	default:
		v->registers[offset >> 4] = value;
		return;
	}
	action->timer_changed = true;
	for (unsigned int i = 0; !is_enabled(v) && i < VLAPIC_LVTS; i++)
		v->lvt[i] |= VLAPIC_LVT_MASKED; /* VLAPIC-2; SDM3 11.4.7.2 */
}

/* The page's accesses never fault; where it is not, reads give all ones. What is not aligned is undefined. SDM3 11.4.1 */
uint32_t vlapic_read(struct vlapic *v, uint32_t offset, uint64_t now)
{
	if (vlapic_mode(v) != VLAPIC_XAPIC)
		return UINT32_MAX;
	if (offset & 0xf)
		return 0;
	if (find_rule(offset, READ_PAGE))
		return read_register(v, offset, now);
	raise_error(v, ESR_ILLEGAL_REGISTER);
	return 0;
}

static void write_page(struct vlapic *v, uint32_t offset, uint32_t value, uint64_t now,
                       struct vlapic_action *action)
{
	const struct rule *rule = find_rule(offset, WRITE_PAGE);

	if (vlapic_mode(v) != VLAPIC_XAPIC || offset & 0xf)
		return;
	if (rule)
		write_register(v, offset, value & rule->writable, now, action);
	else if (!find_rule(offset, READ_PAGE))
		raise_error(v, ESR_ILLEGAL_REGISTER);
}

/* Both halves at once, in the format of the mode the APIC is in. */
static bool write_icr(struct vlapic *v, uint64_t value, struct vlapic_action *action)
{
	bool x2apic = vlapic_mode(v) == VLAPIC_X2APIC;
	uint32_t low = (uint32_t)value, high = (uint32_t)(value >> 32);

	if (vlapic_mode(v) == VLAPIC_DISABLED ||
	    (x2apic && low & ~(ICR_WRITABLE | VLAPIC_ICR_STATUS)))
		return false;
	v->icr_high = x2apic ? high : high & LDR_WRITABLE;
	v->icr_low = low & ICR_WRITABLE;
	send_ipi(v, v->icr_low, action);
	return true;
}

bool vlapic_write(struct vlapic *v, enum vlapic_access how, uint32_t offset,
                  uint64_t value, uint64_t now, struct vlapic_action *action)
{
	const struct rule *rule = find_rule(offset, WRITE_MSR);

	*action = (struct vlapic_action){ 0 };
	if (how == VLAPIC_PAGE) {
		write_page(v, offset, (uint32_t)value, now, action);
		return true;
	}
	if (!rule || (how == VLAPIC_MSR && vlapic_mode(v) != VLAPIC_X2APIC))
		return false;
	if (offset == VLAPIC_ICR)
		return write_icr(v, value, action);
	if (value & ~(uint64_t)rule->writable)
		return false;
	write_register(v, offset, (uint32_t)value, now, action);
	return true;
}

bool vlapic_msr_read(const struct vlapic *v, uint32_t msr, uint64_t now, uint64_t *value)
{
	uint32_t offset = VLAPIC_MSR_OFFSET(msr);

	*value = 0;
	if (vlapic_mode(v) != VLAPIC_X2APIC || !find_rule(offset, READ_MSR))
		return false;
	*value = read_register(v, offset, now);
	if (offset == VLAPIC_ICR)
		*value |= (uint64_t)v->icr_high << 32;
	return true;
}

/* The registers in the order of the saved state; 0x00 is none of ours: the gathered errors. */
static const uint8_t saved[] = {
	0x02, 0x03, 0x0d, 0x0e, 0x0f, 0x10, 0x11, 0x12, 0x13, 0x14, 0x15,
	0x16, 0x17, 0x18, 0x19, 0x1a, 0x1b, 0x1c, 0x1d, 0x1e, 0x1f, 0x20,
	0x21, 0x22, 0x23, 0x24, 0x25, 0x26, 0x27, 0x28, 0x31, 0x30, 0x32,
	0x33, 0x34, 0x35, 0x36, 0x37, 0x2f, 0x00, 0x38, 0x39, 0x3e, 0x0c,
};
ASSERT_SIZE(struct hv_local_interrupt_controller_state, sizeof(saved) * 4);

void vlapic_save(const struct vlapic *v, uint64_t now,
                 struct hv_local_interrupt_controller_state *state)
{
	for (unsigned int i = 0; i < ARRAY_COUNT(saved); i++)
		state->words[i] = read_register(v, saved[i] * 16u, now);
	state->error_status = v->esr_errors;
}

/* As if software wrote the registers that it can; a good state loses nothing by that. */
bool vlapic_load(struct vlapic *v,
                 const struct hv_local_interrupt_controller_state *state, uint64_t now)
{
	struct hv_local_interrupt_controller_state kept;
	struct vlapic_action unused;
	struct vlapic loaded = *v;
	uint32_t lost = 0;

	vlapic_init_signal(&loaded);
	loaded.tpr = v->tpr;
	for (unsigned int i = 0; i < ARRAY_COUNT(saved); i++) {
		uint32_t value = state->words[i] & rules[saved[i]].writable;

		if (rules[saved[i]].access & WRITE)
			write_register(&loaded, saved[i] * 16u, value, now, &unused);
		else
			loaded.registers[saved[i]] = value;
	}
	for (unsigned int i = VLAPIC_ISR >> 4; i < VLAPIC_ESR >> 4; i += 8)
		loaded.registers[i] &= ~(BIT32(HV_VECTOR_MIN) - 1); /* VLAPIC-1 */
	if (vlapic_mode(v) == VLAPIC_X2APIC)
		loaded.icr_high = state->icr_high;
	loaded.esr = state->esr & ESR_ALL;
	loaded.esr_errors = state->error_status & ESR_ALL;
	run_timer(&loaded, state->counter_value, now);
	vlapic_save(&loaded, now, &kept);
	for (unsigned int i = 0; i < ARRAY_COUNT(saved); i++)
		lost |= state->words[i] ^ kept.words[i];
	if (lost == 0)
		*v = loaded;
	return lost == 0;
}
