/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Every combination of CR0.PE and PG, CR4.PAE, EFER.LME and LMA and the widths of CS that a parent may give a
 * VP, in two orders: none is refused by the processor, and none does harm to anybody else. APM2 15.5.1
 */
#include "tests/guest/parent.h"

#include <viridis/abi/hv_register.h>
#include <viridis/base/bits.h>
#include <viridis/base/mem.h>
#include "tests/guest/child.h"
#include "tests/guest/partition.h"
#include "vsc/lib/hv.h"
#include "vsc/lib/synic.h"
#include "vsc/lib/tap.h"

#define CR0_PE      UINT64_C(0x1)
#define CR0_ET      UINT64_C(0x10)
#define CR0_PG      UINT64_C(0x80000000)
#define CR4_PAE     UINT64_C(0x20)
#define EFER_LME    UINT64_C(0x100)
#define EFER_LMA    UINT64_C(0x400)
#define PATIENCE_MS 20000

struct mode {
	uint64_t cr0, cr4, efer;
	uint16_t cs_attributes; /* of 16, 32 or 64 bits */
};

/* OUT to port 10h, which every mode encodes alike, and a jump to itself. */
static const uint8_t code[] = { 0xe6, 0x10, 0xeb, 0xfe };

static struct mode mode_of(unsigned int number)
{
	static const uint16_t attributes[] = { 0x009b, 0xc09b, 0xa09b };

	return (struct mode){
		.cr0 = CR0_ET | (number & 1 ? CR0_PE : 0) | (number & 2 ? CR0_PG : 0),
		.cr4 = number & 4 ? CR4_PAE : 0,
		.efer = (number & 8 ? EFER_LME : 0) | (number & 16 ? EFER_LMA : 0),
		.cs_attributes = attributes[number / 32],
	};
}

static bool is_long(const struct mode *mode)
{
	return (mode->cr0 & CR0_PG) && (mode->cr4 & CR4_PAE) && (mode->efer & EFER_LME);
}

/* CR0 comes last or first. What a triple fault has left is no more to be delivered. */
static bool set_mode(const struct child *child, const struct mode *mode, bool reversed)
{
	const union hv_register_value cs = { .segment = { .limit = UINT32_MAX,
		                                          .selector = 0x10,
		                                          .attributes =
		                                                  mode->cs_attributes } };
	const struct {
		uint32_t name;
		uint64_t value;
	} registers[] = { { HV_X64_REGISTER_EFER, mode->efer },
		          { HV_X64_REGISTER_CR4, mode->cr4 },
		          { HV_X64_REGISTER_CR0, mode->cr0 } };
	bool good = child_set_registers(child);

	for (unsigned int i = 0; i < ARRAY_COUNT(registers); i++) {
		unsigned int at = reversed ? ARRAY_COUNT(registers) - 1 - i : i;

		good &= !vp_set_register64(child->id, 0, registers[at].name,
		                           registers[at].value);
	}
	return good && !vp_set_register(child->id, 0, HV_X64_REGISTER_CS, cs) &&
	       !vp_set_register64(child->id, 0, HV_X64_REGISTER_RIP, CHILD_SCRATCH) &&
	       !vp_set_register64(child->id, 0, HV_REGISTER_PENDING_INTERRUPTION, 0) &&
	       !vp_set_register64(child->id, 0, HV_REGISTER_INTERNAL_ACTIVITY_STATE, 0);
}

/* Type of the intercept that it comes to; 0: none. */
static uint32_t run(const struct child *child)
{
	struct hv_message notice;

	if (vp_set_register64(child->id, 0, HV_REGISTER_INTERCEPT_SUSPEND, 0) ||
	    vp_set_register64(child->id, 0, HV_REGISTER_EXPLICIT_SUSPEND, 0) ||
	    !synic_wait_message(HV_SINT_INTERCEPT, &notice, PATIENCE_MS))
		return 0;
	return child->intercept->type;
}

/* Without paging, and in long mode, the program is where it seems; legacy tables lead anywhere. */
static bool try_mode(const struct child *child, const struct mode *mode, bool reversed)
{
	bool legacy_paging = (mode->cr0 & CR0_PG) && !is_long(mode);
	uint64_t efer = 0;
	uint32_t type;

	if (!set_mode(child, mode, reversed) ||
	    vp_get_register64(child->id, 0, HV_X64_REGISTER_EFER, &efer))
		return false;
	type = run(child);
	return (efer & EFER_LME) == (mode->efer & EFER_LME) &&
	       !!(efer & EFER_LMA) == is_long(mode) &&
	       (type == HV_MESSAGE_X64_IO_PORT || (type && legacy_paging));
}

void modes_of_child(const struct child *child)
{
	memcpy(child_memory(child, CHILD_SCRATCH), code, sizeof(code));
	for (unsigned int number = 0; number < 96; number++) {
		struct mode mode = mode_of(number);

		if ((mode.cr0 & CR0_PG) && !(mode.cr0 & CR0_PE))
			ok(!set_mode(child, &mode, false),
			   "paging without protection is refused");
		else
			ok(try_mode(child, &mode, false) && try_mode(child, &mode, true),
			   "cr0 %#lx cr4 %#lx efer %#lx cs %#x is a mode that runs",
			   mode.cr0, mode.cr4, mode.efer, mode.cs_attributes);
	}
	ok(!vp_set_register64(child->id, 0, HV_REGISTER_EXPLICIT_SUSPEND, 1),
	   "the VP is stopped");
}
