/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Translation by the hypervisor, bytes from the memfd or from device models. */
#include "root-partition/vm/guest_access.h"

#include <string.h>
#include <viridis/base/bits.h>

/* Device accesses are rare enough to ask the hypervisor each time; a cache could be stale. */
static bool translate(struct vp *vp, uint64_t gva, uint64_t flags, uint64_t *gpa)
{
	enum hv_translate_code code;
	int error = mshv_translate_gva(&vp->mshv, gva,
	                               flags | HV_TRANSLATE_PRIVILEGE_EXEMPT, &code, gpa);

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

bool guest_store(struct vp *vp, uint64_t gva, unsigned int bytes, uint64_t value)
{
	unsigned int first = first_part(gva, bytes);

	if (first == bytes)
		return store_part(vp, gva, bytes, value);
	return store_part(vp, gva, first, value) &&
	       store_part(vp, gva + first, bytes - first, value >> (8 * first));
}

static size_t fetch_part(struct vp *vp, uint64_t gva, uint8_t *bytes, size_t count)
{
	const void *ram;
	uint64_t gpa;

	if (!translate(vp, gva, HV_TRANSLATE_READ | HV_TRANSLATE_EXECUTE, &gpa))
		return 0;
	ram = vsp_guest_memory_at(&vp->machine->memory, gpa, count);
	if (!ram)
		return 0;
	memcpy(bytes, ram, count);
	return count;
}

size_t guest_fetch(struct vp *vp, uint64_t gva, uint8_t bytes[DECODE_MAX_BYTES])
{
	unsigned int first = first_part(gva, DECODE_MAX_BYTES);
	size_t count = fetch_part(vp, gva, bytes, first);

	if (count == first && first < DECODE_MAX_BYTES)
		count += fetch_part(vp, gva + first, bytes + first,
		                    DECODE_MAX_BYTES - first);
	return count;
}
