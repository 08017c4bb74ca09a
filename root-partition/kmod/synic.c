// SPDX-License-Identifier: GPL-2.0-or-later
/* The root's message and event flag pages, and the interrupt that empties them. */
#include "abi.h"
#include "synic.h"

#include "compat.h"
#include "message.h"
#include "vp.h"
#include <asm/irq_vectors.h>
#include <linux/bitmap.h>
#include <linux/bitops.h>
#include <linux/cpu.h>
#include <linux/cpuhotplug.h>
#include <linux/gfp.h>
#include <linux/io.h>
#include <linux/irqflags.h>
#include <linux/lockdep.h>
#include <linux/mutex.h>
#include <linux/percpu.h>
#include <linux/printk.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/xarray.h>

#define DRAIN_MAX  32
#define SETTLE_MAX 10000

/* Event flags, and the SINTs that they are of, one behind the other. */
#define SIGNAL_SINTS 4u
#define SIGNAL_FLAGS (SIGNAL_SINTS * HV_EVENT_FLAGS_PER_SINT)
/* Of these, those that partitions of other users than root may have: they cannot take all. */
#define SIGNAL_FLAGS_OF_USERS (SIGNAL_FLAGS / 4 * 3)

struct synic_cpu {
	/* constant after synic_init */
	struct hv_message_page *messages;
	struct hv_event_flags_page *flags;

	/* CPU hotplug lock */
	bool online;
	u32 vp_index;

	/* synic_lock */
	struct list_head homes; /* struct synic_home, port_count of them */
	unsigned int port_count;
};

static DEFINE_PER_CPU(struct synic_cpu *, synic_cpus);
static DEFINE_MUTEX(synic_lock);          /* ARRIVAL-3; taken inside of cpus_read_lock */
static DEFINE_XARRAY_ALLOC1(synic_ports); /* RCU; value entries are event ports */
static u32 synic_port_next;

/* synic_lock */
static DECLARE_BITMAP(synic_flags_taken, SIGNAL_FLAGS);
/* In which flags were ever taken, from the first: read by the interrupt. synic_lock */
static unsigned int synic_flag_words;
/* RCU, written under synic_lock */
static struct eventfd_ctx __rcu *synic_flag_owner[SIGNAL_FLAGS];

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
			compat_wrmsr(HV_MSR_EOM, 0);
	}
}

static void synic_signal(unsigned int word, unsigned long bits)
{
	struct eventfd_ctx *eventfd;
	unsigned int bit;

	for_each_set_bit(bit, &bits, BITS_PER_LONG)
	{
		eventfd = rcu_dereference(synic_flag_owner[word * BITS_PER_LONG + bit]);
		if (eventfd)
			compat_eventfd_signal(eventfd);
	}
}

static void synic_scan_flags(struct synic_cpu *synic)
{
	unsigned long *words = (unsigned long *)synic->flags->flags[HV_SINT_VMBUS];
	unsigned int count = READ_ONCE(synic_flag_words), word;

	for (word = 0; word < count; word++) {
		if (READ_ONCE(words[word]))
			synic_signal(word, xchg(&words[word], 0));
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

void synic_ports_lock(void)
{
	cpus_read_lock();
	mutex_lock(&synic_lock);
}

void synic_ports_unlock(void)
{
	mutex_unlock(&synic_lock);
	cpus_read_unlock();
}

static struct synic_cpu *synic_find_home_locked(unsigned int *home)
{
	struct synic_cpu *best = NULL;
	unsigned int cpu;

	for_each_possible_cpu(cpu)
	{
		struct synic_cpu *synic = per_cpu(synic_cpus, cpu);

		if (!synic->online || (best && best->port_count <= synic->port_count))
			continue;
		best = synic;
		*home = cpu;
	}
	return best;
}

int synic_home_get_locked(struct synic_home *home, const struct synic_mover *mover)
{
	struct synic_cpu *synic = synic_find_home_locked(&home->cpu);

	lockdep_assert_held(&synic_lock);
	if (!synic)
		return -ENODEV;
	home->vp_index = synic->vp_index;
	home->mover = mover;
	list_add_tail(&home->node, &synic->homes);
	synic->port_count++;
	return 0;
}

void synic_home_put_locked(struct synic_home *home)
{
	lockdep_assert_held(&synic_lock);
	list_del(&home->node);
	per_cpu(synic_cpus, home->cpu)->port_count--;
}

/* There is one: the last CPU does not go offline. */
void synic_home_move_locked(struct synic_home *home)
{
	synic_home_put_locked(home);
	WARN_ON(synic_home_get_locked(home, home->mover));
}

int synic_flag_get_locked(struct eventfd_ctx *eventfd, bool of_root, u16 *number)
{
	unsigned int limit = of_root ? SIGNAL_FLAGS : SIGNAL_FLAGS_OF_USERS;
	unsigned int free = find_first_zero_bit(synic_flags_taken, limit);

	lockdep_assert_held(&synic_lock);
	if (free >= limit)
		return -ENOSPC;
	__set_bit(free, synic_flags_taken);
	if (free / BITS_PER_LONG >= synic_flag_words)
		WRITE_ONCE(synic_flag_words, free / BITS_PER_LONG + 1);
	rcu_assign_pointer(synic_flag_owner[free], eventfd);
	*number = free;
	return 0;
}

void synic_flag_put_locked(u16 number)
{
	lockdep_assert_held(&synic_lock);
	RCU_INIT_POINTER(synic_flag_owner[number], NULL);
	__clear_bit(number, synic_flags_taken);
}

/* One signal too many is no harm. */
static void synic_signal_all(void)
{
	unsigned int word;

	rcu_read_lock();
	for (word = 0; word < synic_flag_words; word++)
		synic_signal(word, synic_flags_taken[word]);
	rcu_read_unlock();
}

/* ARRIVAL-2 */
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
	unsigned int sint;

	synic->vp_index = compat_rdmsr(HV_MSR_VP_INDEX);
	compat_wrmsr(HV_MSR_SIMP, virt_to_phys(synic->messages) | HV_MSR_PAGE_ENABLE);
	compat_wrmsr(HV_MSR_SIEFP, virt_to_phys(synic->flags) | HV_MSR_PAGE_ENABLE);
	/* ARRIVAL-3 A flag that is up already raises no interrupt. */
	memset(synic->flags->flags[HV_SINT_VMBUS], 0,
	       SIGNAL_SINTS * sizeof(synic->flags->flags[HV_SINT_VMBUS]));
	compat_wrmsr(HV_MSR_SINT0 + HV_SINT_INTERCEPT, HYPERVISOR_CALLBACK_VECTOR);
	for (sint = HV_SINT_VMBUS; sint < HV_SINT_VMBUS + SIGNAL_SINTS; sint++)
		compat_wrmsr(HV_MSR_SINT0 + sint, HYPERVISOR_CALLBACK_VECTOR);
	compat_wrmsr(HV_MSR_SCONTROL, HV_MSR_SCONTROL_ENABLE);
	synic->online = true;
	return 0;
}

static bool synic_is_empty(const struct synic_cpu *synic)
{
	return READ_ONCE(synic->messages->slot[HV_SINT_INTERCEPT].type) ==
	               HV_MESSAGE_NONE &&
	       READ_ONCE(synic->messages->slot[HV_SINT_VMBUS].type) == HV_MESSAGE_NONE;
}

/* What the hypervisor still holds for this CPU comes into its slots one after the other. */
static void synic_settle(struct synic_cpu *synic)
{
	unsigned int budget = SETTLE_MAX;

	do {
		local_irq_disable();
		synic_interrupt();
		local_irq_enable();
	} while (!synic_is_empty(synic) && --budget);
	if (!budget)
		pr_err("cpu%u: its messages have no end\n", smp_processor_id());
}

/* On the CPU itself. Nothing may be left in its pages: without them it is lost. */
static void synic_turn_off(void *unused)
{
	unsigned long flags;
	unsigned int sint;

	local_irq_save(flags);
	compat_wrmsr(HV_MSR_SCONTROL, 0);
	synic_interrupt();
	compat_wrmsr(HV_MSR_SINT0 + HV_SINT_INTERCEPT, HV_SINT_MASKED);
	for (sint = HV_SINT_VMBUS; sint < HV_SINT_VMBUS + SIGNAL_SINTS; sint++)
		compat_wrmsr(HV_MSR_SINT0 + sint, HV_SINT_MASKED);
	compat_wrmsr(HV_MSR_SIEFP, 0);
	compat_wrmsr(HV_MSR_SIMP, 0);
	local_irq_restore(flags);
}

/*
 * ARRIVAL-3 Its ports move to CPUs that stay; a child that posted a message while one was neither here nor there was told
 * so, and posts it again. Signals go elsewhere as soon as it takes none; for one that came just then one from us makes up.
 */
static int synic_cpu_offline(unsigned int cpu)
{
	struct synic_cpu *synic = per_cpu(synic_cpus, cpu);
	struct synic_home *home, *next;

	mutex_lock(&synic_lock);
	synic->online = false;
	list_for_each_entry(home, &synic->homes, node)
		home->mover->detach(home);
	synic_settle(synic);
	list_for_each_entry_safe(home, next, &synic->homes, node)
		home->mover->attach(home);
	synic_turn_off(NULL);
	synic_signal_all();
	mutex_unlock(&synic_lock);
	return 0;
}

void synic_shutdown(void)
{
	on_each_cpu(synic_turn_off, NULL, 1);
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
		INIT_LIST_HEAD(&synic->homes);
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
