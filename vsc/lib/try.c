/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The table behind try.h: which instructions may fault, and where each goes on. */
#include "vsc/lib/try.h"

#include "vsc/lib/image.h"
#include "vsc/lib/trap.h"

struct fixup {
	int32_t instruction; /* both relative to their own field */
	int32_t go_on;
};

extern const struct fixup fixups_start[], fixups_end[];
extern const uint8_t payload_start[];

const void *image_base(void)
{
	return payload_start;
}

/* Code of try.S that runs at CPL 3 keeps the kernel's stack pointer in RBX. */
static void return_to_kernel(struct trap_frame *frame)
{
	frame->cs = SELECTOR_CODE64;
	frame->ss = SELECTOR_DATA;
	frame->rsp = frame->rbx;
}

bool try_fix(struct trap_frame *frame)
{
	for (const struct fixup *f = fixups_start; f < fixups_end; f++) {
		uint64_t instruction =
			(uint64_t)&f->instruction + (uint64_t)(int64_t)f->instruction;
		bool after = frame->vector == TRAP_BP && frame->rip == instruction + 1;

		if (frame->rip != instruction && !after)
			continue;
		frame->rip = (uint64_t)&f->go_on + (uint64_t)(int64_t)f->go_on;
		frame->rax = frame->error << 32 | frame->vector;
		if (frame->cs & 3)
			return_to_kernel(frame);
		return true;
	}
	return false;
}
