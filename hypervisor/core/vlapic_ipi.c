/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Sending and addressing of interrupts. APM2 16.5, 16.6.1, SDM3 11.6. */
#include "hypervisor/core/vlapic.h"
#include "hypervisor/core/vlapic_internal.h"

#define ICR_LOGICAL  BIT32(11)
#define ICR_ASSERT   BIT32(14)
#define ICR_LEVEL    BIT32(15)
#define TO_ALL_8BIT  UINT32_C(0xff)
#define TO_ALL_32BIT UINT32_C(0xffffffff)

/* SDM3 table 11-3: to itself, an APIC sends fixed interrupts alone. */
static bool combination_valid(const struct vlapic_ipi *ipi)
{
	if (ipi->delivery == VLAPIC_REMOTE_READ || ipi->delivery == VLAPIC_EXTINT)
		return false;
	if (ipi->shorthand == VLAPIC_TO_SELF || ipi->shorthand == VLAPIC_TO_ALL)
		return ipi->delivery == VLAPIC_FIXED;
	return true;
}

static bool carries_vector(const struct vlapic_ipi *ipi)
{
	return ipi->delivery == VLAPIC_FIXED || ipi->delivery == VLAPIC_LOWEST_PRIORITY;
}

/* INIT level de-assert does nothing since the Pentium 4. SDM3 11.6.1 */
static bool is_deassert(const struct vlapic_ipi *ipi, uint32_t low)
{
	return ipi->delivery == VLAPIC_INIT && low & ICR_LEVEL && !(low & ICR_ASSERT);
}

void vlapic_send(struct vlapic *v, uint32_t low, struct vlapic_action *action)
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

	if (!combination_valid(&ipi) || is_deassert(&ipi, low))
		return;
	if (carries_vector(&ipi) && ipi.vector < VLAPIC_FIRST_VECTOR) {
		vlapic_error(v, ESR_SEND_ILLEGAL_VECTOR);
		action->priority_changed = true; /* by the error's own interrupt */
		return;
	}
	action->sends_ipi = true;
	action->ipi = ipi;
}

static bool is_broadcast(const struct vlapic_ipi *ipi)
{
	return ipi->destination == (ipi->wide ? TO_ALL_32BIT : TO_ALL_8BIT);
}

/* SDM3 11.12.10.1: same cluster, and a common bit. */
static bool matches_x2apic(const struct vlapic *v, uint32_t destination)
{
	uint32_t ldr = vlapic_ldr(v);

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
	switch (ipi->shorthand) {
	case VLAPIC_TO_SELF:
		return is_sender;
	case VLAPIC_TO_ALL:
		return true;
	case VLAPIC_TO_OTHERS:
		return !is_sender;
	case VLAPIC_TO_DESTINATION:
		break;
	}
	if (is_broadcast(ipi))
		return true;
	if (!ipi->logical)
		return ipi->destination == v->config.apic_id;
	return mode == VLAPIC_X2APIC ? matches_x2apic(v, ipi->destination) :
	                               matches_xapic(v, ipi->destination);
}
