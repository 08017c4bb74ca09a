/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The guest's other VPs: started by INIT/SIPI, then they wait for work. */
#include "vsc/lib/smp.h"

#include <viridis/base/assert.h>
#include <viridis/base/bits.h>
#include <viridis/base/mem.h>
#include "vsc/lib/apic.h"
#include "vsc/lib/clock.h"
#include "vsc/lib/cpu.h"
#include "vsc/lib/guest.h"
#include "vsc/lib/paging.h"
#include "vsc/lib/tap.h"
#include "vsc/lib/trap.h"

#define START_TIMEOUT_MS 2000
#define INIT_DELAY_MS    10

/* The end of trampoline.S. */
struct trampoline_fields {
	uint64_t root;
	uint64_t stack;
	uint64_t vp;
	uint64_t entry;
	uint32_t jump_offset;
	uint16_t jump_selector;
	uint16_t gdt_limit;
	uint32_t gdt_base;
} __attribute__((packed));
ASSERT_SIZE(struct trampoline_fields, 44);

extern const uint8_t trampoline_start[], trampoline_end[], trampoline_fields[];

static struct vp first_vp;
static struct vp *vps[VP_MAX] = { &first_vp };
static unsigned int online = 1;

struct vp *smp_first_vp(void)
{
	return &first_vp;
}

unsigned int smp_online(void)
{
	return online;
}

struct vp *smp_vp(unsigned int index)
{
	return vps[index];
}

/* The life of every VP but the first. */
static _Noreturn void serve(struct vp *vp)
{
	trap_init_vp(vp);
	apic_init();
	/* Release: all of the above is seen by who sees `online`. */
	__atomic_store_n(&vp->online, true, __ATOMIC_RELEASE);
	for (;;) {
		void (*work)(void *) = __atomic_load_n(&vp->work, __ATOMIC_ACQUIRE);

		if (!work) {
			cpu_pause();
			continue;
		}
		work(vp->work_argument);
		/* Release: the work's results are seen by smp_wait(). */
		__atomic_store_n(&vp->work, NULL, __ATOMIC_RELEASE);
	}
}

static void place_trampoline(uint64_t page, struct vp *vp)
{
	struct trampoline_fields *fields =
		(void *)(page + (uint64_t)(trampoline_fields - trampoline_start));

	memcpy((void *)page, trampoline_start,
	       (size_t)(trampoline_end - trampoline_start));
	fields->root = paging_root();
	fields->stack = (uint64_t)vp->stack + STACK_BYTES;
	fields->vp = (uint64_t)vp;
	fields->entry = (uint64_t)serve;
	fields->jump_offset += (uint32_t)page;
	fields->gdt_base += (uint32_t)page;
}

/* Two SIPIs, as every system sends them: the second is for a processor that missed the first. */
static bool startup(struct vp *vp, unsigned int timeout_ms)
{
	uint64_t page = guest_low_page();
	uint64_t deadline = clock_deadline(timeout_ms);

	place_trampoline(page, vp);
	for (unsigned int attempt = 0; attempt < 2; attempt++) {
		apic_send(vp->apic_id,
		          APIC_ICR_STARTUP | (uint32_t)(page >> PAGE_SHIFT_4K));
		clock_wait_ms(1);
	}
	while (!__atomic_load_n(&vp->online, __ATOMIC_ACQUIRE))
		if (clock_passed(deadline))
			return false;
	return true;
}

static bool start(struct vp *vp)
{
	apic_send(vp->apic_id, APIC_ICR_INIT);
	clock_wait_ms(INIT_DELAY_MS);
	return startup(vp, START_TIMEOUT_MS);
}

static bool is_started(uint32_t apic_id)
{
	for (unsigned int i = 0; i < online; i++)
		if (vps[i]->apic_id == apic_id)
			return true;
	return false;
}

static struct vp *as_new(struct vp *vp)
{
	vp->online = false;
	vp->work = NULL;
	return vp;
}

bool smp_restart(unsigned int index)
{
	return start(as_new(vps[index]));
}

bool smp_startup(unsigned int index, unsigned int timeout_ms)
{
	return startup(as_new(vps[index]), timeout_ms);
}

unsigned int smp_start(unsigned int limit)
{
	const struct acpi_info *info = guest_acpi();

	first_vp.apic_id = apic_id();
	if (guest_low_page() == 0)
		return online;
	for (unsigned int i = 0; i < info->cpu_count && online < limit; i++) {
		struct vp *vp;

		if (is_started(info->cpus[i].apic_id))
			continue;
		vp = pages_take(round_up(sizeof(*vp), PAGE_4K) / PAGE_4K);
		vp->index = online;
		vp->apic_id = info->cpus[i].apic_id;
		if (!start(vp)) {
			note("APIC id %u did not start", vp->apic_id);
			continue;
		}
		vps[online++] = vp;
	}
	return online;
}

void smp_run(unsigned int index, void (*work)(void *), void *argument)
{
	vps[index]->work_argument = argument;
	/* Release: the argument is seen by serve(). */
	__atomic_store_n(&vps[index]->work, work, __ATOMIC_RELEASE);
}

bool smp_wait(unsigned int index, unsigned int timeout_ms)
{
	uint64_t deadline = clock_deadline(timeout_ms);

	while (__atomic_load_n(&vps[index]->work, __ATOMIC_ACQUIRE)) {
		if (clock_passed(deadline))
			return false;
		cpu_pause();
	}
	return true;
}
