/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Any tables in any mode: few reads, each within a page; rights only take away. */
#include "root-partition/kmod/core/guest_walk.h"

#include <viridis/base/bits.h>
#include <viridis/base/cursor.h>

#define CHECK(condition)                  \
	do {                              \
		if (!(condition))         \
			__builtin_trap(); \
	} while (0)

#define LEVELS_MAX 5u
#define PART_BYTES 256u

struct child {
	const uint8_t *memory;
	size_t bytes;
	unsigned int reads;
};

static bool read_memory(void *context, uint64_t gpa, void *to, size_t bytes)
{
	struct child *child = context;

	CHECK((bytes == 4 || bytes == 8) && gpa % bytes == 0);
	CHECK(++child->reads <= LEVELS_MAX);
	/* Four tables, of which a part stands for all of it: an input is small. */
	gpa = gpa / PAGE_4K % 4 * PART_BYTES + gpa % PART_BYTES;
	if (gpa >= child->bytes || bytes > child->bytes - gpa)
		return false;
	memcpy(to, child->memory + gpa, bytes);
	return true;
}

static enum hv_translate_code walk(const struct guest_walk *how, uint64_t gva,
                                   uint64_t access, uint64_t *gpa)
{
	enum hv_translate_code code;

	((struct child *)how->context)->reads = 0;
	code = guest_walk(how, gva, access, gpa);
	CHECK(code != HV_TRANSLATE_INVALID_PAGE_TABLE_FLAGS);
	CHECK(code != HV_TRANSLATE_SUCCESS || *gpa < BIT64(52));
	CHECK(code != HV_TRANSLATE_SUCCESS || (*gpa ^ gva) % PAGE_4K == 0);
	return code;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct cursor in = cursor_over(data, size);
	uint8_t mode = cursor_u8(&in), access = cursor_u8(&in) & 7;
	uint64_t cr3 = cursor_le64(&in), gva = cursor_le64(&in), gpa, other;
	struct child child = { .bytes = cursor_left(&in) };
	struct guest_walk how = {
		.cr0 = (mode & 1 ? BIT64(31) : 0) | (mode & 2 ? BIT64(16) : 0),
		.cr3 = cr3,
		.cr4 = (mode & 4 ? BIT64(4) : 0) | (mode & 8 ? BIT64(5) : 0) |
		       (mode & 16 ? BIT64(12) : 0),
		.efer = mode & 32 ? BIT64(10) : 0,
		.user = mode & 64,
		.read = read_memory,
		.context = &child,
	};
	enum hv_translate_code code;

	child.memory = cursor_take(&in, child.bytes);
	if (in.overrun)
		return 0;
	code = walk(&how, gva, access, &gpa);
	if (code == HV_TRANSLATE_SUCCESS) {
		CHECK(walk(&how, gva, 0, &other) == HV_TRANSLATE_SUCCESS && gpa == other);
		CHECK(walk(&how, gva, access | HV_TRANSLATE_PRIVILEGE_EXEMPT, &other) ==
		              HV_TRANSLATE_SUCCESS &&
		      gpa == other);
	}
	if (code == HV_TRANSLATE_PRIVILEGE_VIOLATION)
		CHECK(walk(&how, gva, access | HV_TRANSLATE_PRIVILEGE_EXEMPT, &other) ==
		      HV_TRANSLATE_SUCCESS);
	return 0;
}
