/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Translation by the hypervisor, bytes from the memfd or from device models. */
#include "root-partition/vm/guest_access.h"

#include <string.h>
#include <viridis/base/bits.h>

/* Error code of a page fault. APM2 8.4.2 */
#define PF_PRESENT BIT32(0)
#define PF_WRITE   BIT32(1)
#define PF_USER    BIT32(2)

enum { VECTOR_GP = 13, VECTOR_PF = 14 };

/* In the lower or upper half of 48 bits; guests are shown no more. APM2 1.1.3 */
static bool is_canonical(uint64_t gva)
{
	return (uint64_t)((int64_t)(gva << 16) >> 16) == gva;
}

static bool is_user(struct vp *vp)
{
	const uint32_t name = HV_X64_REGISTER_SS;
	union hv_register_value ss;

	return mshv_get_registers(&vp->mshv, &name, &ss, 1) == 0 &&
	       (ss.segment.attributes >> 5 & 3) == 3;
}

/*
 * The exception that the processor would have raised. Tables that lie where no memory is are no exception's
 * cause: the VP tries again, and comes back here until somebody stops it.
 */
static void raise_fault(struct vp *vp, uint64_t gva, uint64_t flags,
                        enum hv_translate_code code)
{
	bool refused = code == HV_TRANSLATE_PRIVILEGE_VIOLATION;
	uint64_t error = (refused ? PF_PRESENT : 0) | (is_user(vp) ? PF_USER : 0) |
	                 (flags & HV_TRANSLATE_WRITE ? PF_WRITE : 0);

	if (!refused && code != HV_TRANSLATE_PAGE_NOT_PRESENT)
		return;
	/* Who cannot set the one cannot set the other, and that ends the machine. */
	if (!is_canonical(gva))
		(void)vp_raise(vp, VP_EXCEPTION_WITH(VECTOR_GP, 0));
	else if (mshv_set_register(&vp->mshv, HV_X64_REGISTER_CR2, gva) == 0)
		(void)vp_raise(vp, VP_EXCEPTION_WITH(VECTOR_PF, error));
	else
		machine_set_end(vp->machine, MACHINE_FAILED, "vp%u: no CR2",
		                vp->mshv.index);
}

/* Device accesses are rare enough to ask the hypervisor each time; a cache could be stale. */
static bool translate(struct vp *vp, uint64_t gva, uint64_t flags, uint64_t *gpa)
{
	enum hv_translate_code code;
	int error = mshv_translate_gva(&vp->mshv, gva, flags, &code, gpa);

	if (error == 0 && code != HV_TRANSLATE_SUCCESS &&
	    !(flags & HV_TRANSLATE_PRIVILEGE_EXEMPT))
		raise_fault(vp, gva, flags, code);
	return error == 0 && code == HV_TRANSLATE_SUCCESS;
}

static void device_load(struct vp *vp, uint64_t gpa, unsigned int bytes, uint64_t *value)
{
	struct machine *machine = vp->machine;
	bool known;

	machine_lock(machine);
	known = platform_memory_read(&machine->platform, gpa, bytes, value);
	machine_unlock(machine);
	if (!known)
		machine_tell_memory(machine, vp->mshv.index, gpa);
}

static void device_store(struct vp *vp, uint64_t gpa, unsigned int bytes, uint64_t value)
{
	struct machine *machine = vp->machine;
	bool known;

	machine_lock(machine);
	known = platform_memory_write(&machine->platform, gpa, bytes, value);
	machine_unlock(machine);
	if (!known)
		machine_tell_memory(machine, vp->mshv.index, gpa);
}

/* Within one page. */
static bool load_part(struct vp *vp, uint64_t gva, unsigned int bytes, uint64_t *value)
{
	const void *ram;
	uint64_t gpa;

	if (!translate(vp, gva, HV_TRANSLATE_READ, &gpa))
		return false;
	*value = 0;
	ram = vsp_guest_memory_at(&vp->machine->memory, gpa, bytes);
	if (ram)
		memcpy(value, ram, bytes);
	else
		device_load(vp, gpa, bytes, value);
	return true;
}

static bool store_part(struct vp *vp, uint64_t gva, unsigned int bytes, uint64_t value)
{
	uint64_t gpa;
	void *ram;

	if (!translate(vp, gva, HV_TRANSLATE_WRITE, &gpa))
		return false;
	ram = vsp_guest_memory_at(&vp->machine->memory, gpa, bytes);
	if (ram)
		memcpy(ram, &value, bytes);
	else
		device_store(vp, gpa, bytes, value);
	return true;
}

/* How many of the bytes at gva lie in its page. */
static unsigned int first_part(uint64_t gva, unsigned int bytes)
{
	uint64_t left = PAGE_4K - gva % PAGE_4K;

	return left < bytes ? (unsigned int)left : bytes;
}

bool guest_load(struct vp *vp, uint64_t gva, unsigned int bytes, uint64_t *value)
{
	unsigned int first = first_part(gva, bytes);
	uint64_t rest = 0;

	if (!load_part(vp, gva, first, value))
		return false;
	if (first == bytes)
		return true;
	if (!load_part(vp, gva + first, bytes - first, &rest))
		return false;
	*value |= rest << (8 * first);
	return true;
}

bool guest_may_store(struct vp *vp, uint64_t gva, unsigned int bytes)
{
	unsigned int first = first_part(gva, bytes);
	uint64_t gpa;

	return translate(vp, gva, HV_TRANSLATE_WRITE, &gpa) &&
	       (first == bytes || translate(vp, gva + first, HV_TRANSLATE_WRITE, &gpa));
}

bool guest_store(struct vp *vp, uint64_t gva, unsigned int bytes, uint64_t value)
{
	unsigned int first = first_part(gva, bytes);

	if (first == bytes)
		return store_part(vp, gva, bytes, value);
	return guest_may_store(vp, gva, bytes) && store_part(vp, gva, first, value) &&
	       store_part(vp, gva + first, bytes - first, value >> (8 * first));
}

static size_t fetch_part(struct vp *vp, uint64_t gva, uint8_t *bytes, size_t count)
{
	const void *ram;
	uint64_t gpa;

	if (!translate(vp, gva,
	               HV_TRANSLATE_READ | HV_TRANSLATE_EXECUTE |
	                       HV_TRANSLATE_PRIVILEGE_EXEMPT,
	               &gpa))
		return 0;
	ram = vsp_guest_memory_at(&vp->machine->memory, gpa, count);
	if (!ram)
		return 0;
	memcpy(bytes, ram, count);
	return count;
}

size_t guest_fetch(struct vp *vp, const struct hv_x64_intercept_header *header,
                   uint8_t bytes[DECODE_MAX_BYTES])
{
	uint64_t gva = vp_code_mode(header) == DECODE_64 ?
	                       header->rip :
	                       (header->rip + header->cs.base) & UINT32_MAX;
	unsigned int first = first_part(gva, DECODE_MAX_BYTES);
	size_t count = fetch_part(vp, gva, bytes, first);

	if (count == first && first < DECODE_MAX_BYTES)
		count += fetch_part(vp, gva + first, bytes + first,
		                    DECODE_MAX_BYTES - first);
	return count;
}
