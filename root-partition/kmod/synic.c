// SPDX-License-Identifier: GPL-2.0-or-later
/* The root's message and event flag pages, and the interrupt that empties them. */
#include "abi.h"
#include "synic.h"

#include "compat.h"
#include "message.h"
#include "vp.h"
#include <asm/irq_vectors.h>
#include <asm/msr.h>
#include <linux/bitmap.h>
#include <linux/bitops.h>
#include <linux/cpu.h>
#include <linux/cpuhotplug.h>
#include <linux/gfp.h>
#include <linux/io.h>
#include <linux/mutex.h>
#include <linux/percpu.h>
#include <linux/printk.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>
#include <linux/xarray.h>

#define FLAG_WORDS (HV_EVENT_FLAGS_PER_SINT / BITS_PER_LONG)
#define DRAIN_MAX  32

struct synic_cpu {
	/* constant after synic_init */
	struct hv_message_page *messages;
	struct hv_event_flags_page *flags;

	/* CPU hotplug lock */
	bool online;
	u32 vp_index;

	/* synic_lock */
	unsigned int port_count;
	DECLARE_BITMAP(taken, HV_EVENT_FLAGS_PER_SINT);

	/* RCU, written under synic_lock */
	struct eventfd_ctx __rcu *owner[HV_EVENT_FLAGS_PER_SINT];
};

static DEFINE_PER_CPU(struct synic_cpu *, synic_cpus);
static DEFINE_MUTEX(
	synic_lock); /* taken inside of the partition's and of cpus_read_lock */
static DEFINE_XARRAY_ALLOC1(synic_ports); /* RCU; value entries are event ports */
static u32 synic_port_next;
static enum cpuhp_state synic_hotplug_state;

static void synic_dispatch(unsigned int sint, const struct hv_message *slot)
{
	struct message_queue *queue;

	if (sint == HV_SINT_INTERCEPT) {
		if (slot->type == HV_MESSAGE_OPAQUE_INTERCEPT)
			vp_intercepted(slot->sender, *(const u32 *)slot->payload);
		return;
	}
	queue = xa_load(&synic_ports, slot->sender);
	if (queue && !xa_is_value(queue))
		message_queue_put(queue, slot);
}

/*
 * Each message that takes the slot raises the interrupt anew, so one left behind at the end of
 * the budget brings us back.
 */
static void synic_drain(struct hv_message *slot, unsigned int sint)
{
	unsigned int budget;

	for (budget = DRAIN_MAX; budget; budget--) {
		/* Pairs with the hypervisor's store of type, its last to the slot. */
		if (smp_load_acquire(&slot->type) == HV_MESSAGE_NONE)
			return;
		synic_dispatch(sint, slot);
		smp_store_release(&slot->type, HV_MESSAGE_NONE);
		/* Free the slot, then read flags; the hypervisor marks them, then looks. TLFS 11.8 */
		smp_mb();
		if (READ_ONCE(slot->flags) & HV_MESSAGE_FLAG_PENDING)
			wrmsrl(HV_MSR_EOM, 0);
	}
}

static void synic_signal(struct synic_cpu *synic, unsigned int word, unsigned long bits)
{
	struct eventfd_ctx *eventfd;
	unsigned int bit;

	for_each_set_bit(bit, &bits, BITS_PER_LONG)
	{
		eventfd = rcu_dereference(synic->owner[word * BITS_PER_LONG + bit]);
		if (eventfd)
			compat_eventfd_signal(eventfd);
	}
}

static void synic_scan_flags(struct synic_cpu *synic)
{
	unsigned long *words = (unsigned long *)synic->flags->flags[HV_SINT_VMBUS];
	unsigned int word;

	for (word = 0; word < FLAG_WORDS; word++) {
		if (READ_ONCE(words[word]))
			synic_signal(synic, word, xchg(&words[word], 0));
	}
}

/* Vector 0xF3, on the CPU it concerns, interrupts off. The kernel's entry code does the EOI. */
static void synic_interrupt(void)
{
	struct synic_cpu *synic = __this_cpu_read(synic_cpus);

	rcu_read_lock();
	synic_drain(&synic->messages->slot[HV_SINT_INTERCEPT], HV_SINT_INTERCEPT);
	synic_drain(&synic->messages->slot[HV_SINT_VMBUS], HV_SINT_VMBUS);
	synic_scan_flags(synic);
	rcu_read_unlock();
}

/* ---- Event flags and port ids ---- */

static struct synic_cpu *synic_claim_locked(struct synic_home *home)
{
	struct synic_cpu *best = NULL;
	unsigned int cpu;

	for_each_possible_cpu(cpu)
	{
		struct synic_cpu *synic = per_cpu(synic_cpus, cpu);

		if (!synic->online || (best && best->port_count <= synic->port_count))
			continue;
		best = synic;
		home->cpu = cpu;
	}
	if (best) {
		home->vp_index = best->vp_index;
		best->port_count++;
	}
	return best;
}

int synic_home_get(struct synic_home *home)
{
	struct synic_cpu *synic;

	cpus_read_lock();
	mutex_lock(&synic_lock);
	synic = synic_claim_locked(home);
	mutex_unlock(&synic_lock);
	cpus_read_unlock();
	return synic ? 0 : -ENODEV;
}

void synic_home_put(const struct synic_home *home)
{
	mutex_lock(&synic_lock);
	per_cpu(synic_cpus, home->cpu)->port_count--;
	mutex_unlock(&synic_lock);
}

int synic_flag_get(struct eventfd_ctx *eventfd, struct synic_flag *flag)
{
	struct synic_cpu *synic;
	int result = synic_home_get(&flag->home);

	if (result)
		return result;
	synic = per_cpu(synic_cpus, flag->home.cpu);
	mutex_lock(&synic_lock);
	flag->number = find_first_zero_bit(synic->taken, HV_EVENT_FLAGS_PER_SINT);
	if (flag->number < HV_EVENT_FLAGS_PER_SINT) {
		__set_bit(flag->number, synic->taken);
		rcu_assign_pointer(synic->owner[flag->number], eventfd);
	} else {
		synic->port_count--;
		result = -ENOSPC;
	}
	mutex_unlock(&synic_lock);
	return result;
}

void synic_flag_put(const struct synic_flag *flag)
{
	struct synic_cpu *synic = per_cpu(synic_cpus, flag->home.cpu);

	mutex_lock(&synic_lock);
	RCU_INIT_POINTER(synic->owner[flag->number], NULL);
	__clear_bit(flag->number, synic->taken);
	synic->port_count--;
	mutex_unlock(&synic_lock);
}

/* S2 */
int synic_port_get(struct message_queue *queue, u32 *port_id)
{
	void *entry = queue ? (void *)queue : xa_mk_value(0);
	int result = xa_alloc_cyclic(&synic_ports, port_id, entry,
	                             XA_LIMIT(1, HV_CONNECTION_ID_MASK), &synic_port_next,
	                             GFP_KERNEL);

	return result < 0 ? result : 0;
}

void synic_port_put(u32 port_id)
{
	xa_erase(&synic_ports, port_id);
}

/* ---- CPUs come and go ---- */

static int synic_cpu_online(unsigned int cpu)
{
	struct synic_cpu *synic = per_cpu(synic_cpus, cpu);
	u64 vp_index;

	rdmsrl(HV_MSR_VP_INDEX, vp_index);
	synic->vp_index = vp_index;
	wrmsrl(HV_MSR_SIMP, virt_to_phys(synic->messages) | HV_MSR_PAGE_ENABLE);
	wrmsrl(HV_MSR_SIEFP, virt_to_phys(synic->flags) | HV_MSR_PAGE_ENABLE);
	wrmsrl(HV_MSR_SINT0 + HV_SINT_INTERCEPT, HYPERVISOR_CALLBACK_VECTOR);
	wrmsrl(HV_MSR_SINT0 + HV_SINT_VMBUS, HYPERVISOR_CALLBACK_VECTOR);
	wrmsrl(HV_MSR_SCONTROL, HV_MSR_SCONTROL_ENABLE);
	synic->online = true;
	return 0;
}

/* Ports do not move, so their home has to stay. */
static int synic_cpu_offline(unsigned int cpu)
{
	struct synic_cpu *synic = per_cpu(synic_cpus, cpu);
	unsigned int ports;

	mutex_lock(&synic_lock);
	ports = synic->port_count;
	mutex_unlock(&synic_lock);
	if (ports) {
		pr_err("cpu%u stays: it is home to %u ports\n", cpu, ports);
		return -EBUSY;
	}
	synic->online = false;
	wrmsrl(HV_MSR_SINT0 + HV_SINT_INTERCEPT, HV_SINT_MASKED);
	wrmsrl(HV_MSR_SINT0 + HV_SINT_VMBUS, HV_SINT_MASKED);
	wrmsrl(HV_MSR_SCONTROL, 0);
	wrmsrl(HV_MSR_SIEFP, 0);
	wrmsrl(HV_MSR_SIMP, 0);
	return 0;
}

static void synic_free_cpus(void)
{
	unsigned int cpu;

	for_each_possible_cpu(cpu)
	{
		struct synic_cpu *synic = per_cpu(synic_cpus, cpu);

		if (!synic)
			continue;
		free_page((unsigned long)synic->messages);
		free_page((unsigned long)synic->flags);
		kvfree(synic);
		per_cpu(synic_cpus, cpu) = NULL;
	}
}

static int synic_allocate_cpus(void)
{
	unsigned int cpu;

	for_each_possible_cpu(cpu)
	{
		struct synic_cpu *synic = kvzalloc(sizeof(*synic), GFP_KERNEL);

		if (!synic)
			return -ENOMEM;
		per_cpu(synic_cpus, cpu) = synic;
		synic->messages = (void *)get_zeroed_page(GFP_KERNEL);
		synic->flags = (void *)get_zeroed_page(GFP_KERNEL);
		if (!synic->messages || !synic->flags)
			return -ENOMEM;
	}
	return 0;
}

int synic_init(void)
{
	int result;

	BUILD_BUG_ON(BITS_PER_LONG != 64);
	result = synic_allocate_cpus();
	if (result)
		goto free_cpus;
	hv_setup_vmbus_handler(synic_interrupt);
	result = cpuhp_setup_state(CPUHP_AP_ONLINE_DYN, "viridis/synic:online",
	                           synic_cpu_online, synic_cpu_offline);
	if (result < 0)
		goto remove_handler;
	synic_hotplug_state = result;
	return 0;

remove_handler:
	hv_remove_vmbus_handler();
free_cpus:
	synic_free_cpus();
	return result;
}

/* After cpuhp_remove_state no CPU raises the vector; one that has it pending sees no handler. */
void synic_exit(void)
{
	cpuhp_remove_state(synic_hotplug_state);
	hv_remove_vmbus_handler();
	synchronize_rcu();
	xa_destroy(&synic_ports);
	synic_free_cpus();
}
