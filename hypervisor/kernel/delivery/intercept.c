/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Intercept messages: intercept.h. Layouts: TLFS 9, abi/hv_intercept.h */
#include "hypervisor/kernel/delivery/intercept.h"
#include <viridis/abi/hv_intercept.h>
#include <viridis/base/mem.h>
#include "hypervisor/kernel/delivery/message.h"
#include "hypervisor/kernel/objects/guest_view.h"
#include "hypervisor/kernel/objects/partition.h"
#include "hypervisor/kernel/objects/trace.h"

static uint16_t execution_state(const struct vp *vp)
{
	uint16_t bits = vp->state.segment[VP_STATE_SS].attributes >> 5 &
	                3; /* the CPL. APM2 4.9.1 */

	if (vp->state.cr0 & CR0_PE)
		bits |= HV_EXECUTION_CR0_PE;
	if (vp->state.cr0 & CR0_AM)
		bits |= HV_EXECUTION_CR0_AM;
	if (vp->state.efer & EFER_LMA)
		bits |= HV_EXECUTION_EFER_LMA;
	if (vp->entry.event.valid)
		bits |= HV_EXECUTION_INTERRUPT_PENDING;
	if (vp->arch.interrupt_shadow)
		bits |= HV_EXECUTION_INTERRUPT_SHADOW;
	return bits;
}

/* The first of an intercept's: what deliver() tells of the VP is from now. */
static struct hv_x64_intercept_header header(struct vp *vp, unsigned int length,
                                             enum hv_intercept_access access)
{
	virt->get_state(vp, &vp->state);
	return (struct hv_x64_intercept_header){
		.vp_index = vp->index,
		.length_and_cr8 = (uint8_t)(length | vlapic_cr8(&vp->lapic) << 4),
		.access_type = (uint8_t)access,
		.execution_state = execution_state(vp),
		.cs = vp->state.segment[VP_STATE_CS],
		.rip = vp->arch.rip,
		.rflags = vp->arch.rflags,
	};
}

/*
 * The parent's VP that let this one run, if it can be told: who waits is there, and this CPU
 * need not leave the child for a VP that would only pass the word on. Else the first that can.
 */
static struct vp *choose_target(const struct vp *child)
{
	struct vp *last = partition_vp(root_partition, __atomic_load_n(&child->resumed_by,
	                                                               __ATOMIC_RELAXED));

	if (last && synic_takes_messages(&last->synic))
		return last;
	for (uint32_t i = 0; i < root_partition->vp_count; i++) {
		struct vp *vp = partition_vp(root_partition, i);

		if (vp && synic_takes_messages(&vp->synic))
			return vp;
	}
	return partition_vp(root_partition, 0);
}

/* A message of an intercept before this one may still fill its one slot: it says the same. */
static void notify_parent(struct vp *vp)
{
	struct hv_message message = {
		.type = HV_MESSAGE_OPAQUE_INTERCEPT,
		.payload_size = sizeof(struct hv_opaque_intercept_message),
		.sender = vp->partition->id,
	};

	memcpy(message.payload, &vp->index, sizeof(vp->index));
	(void)message_post(&vp->intercept_source, choose_target(vp), &message);
}

uint64_t intercept_pending_event(const struct vp *vp)
{
	const struct vp_event *event = &vp->entry.event;

	if (!event->valid)
		return 0;
	return HV_PENDING_INTERRUPTION_VALID | (uint64_t)event->type << 1 |
	       (event->has_error ? HV_PENDING_INTERRUPTION_ERROR_VALID : 0) |
	       (uint64_t)event->vector << 16 | (uint64_t)event->error << 32;
}

static void fill_register_page(struct vp *vp)
{
	struct hv_register_page *page = vp->register_page;

	page->version = HV_REGISTER_PAGE_VERSION;
	page->dirty = 0;
	memcpy(page->gp, vp->arch.gpr, sizeof(page->gp));
	page->rip = vp->arch.rip;
	page->rflags = vp->arch.rflags;
	memcpy(page->segment, vp->state.segment, sizeof(page->segment));
	page->cr0 = vp->state.cr0;
	page->cr3 = vp->state.cr3;
	page->cr4 = vp->state.cr4;
	page->efer = vp->state.efer;
	page->dr7 = vp->state.dr7;
	page->cr8 = vlapic_cr8(&vp->lapic);
	page->xfem = vp->arch.xcr0;
	page->pending_interruption = intercept_pending_event(vp);
	page->interrupt_state = vp->arch.interrupt_shadow;
	page->valid = 1;
}

/* Stop the VP and tell its parent. The page is written before the bit can be seen. */
static void deliver(struct vp *vp, uint32_t type, const void *payload, unsigned int bytes)
{
	struct hv_message *page = &vp->intercept_page->message;

	page->type = type;
	page->payload_size = (uint8_t)bytes;
	page->flags = 0;
	page->reserved = 0;
	page->sender = vp->partition->id;
	memcpy(page->payload, payload, bytes);
	if (vp->page_shown[HV_VP_STATE_PAGE_REGISTERS])
		fill_register_page(vp);
	trace(VIRIDIS_TRACE_INTERCEPT, vp, type, vp->arch.rip);
	stat_count(vp->stats, VIRIDIS_VP_STAT_INTERCEPTS);
	__atomic_fetch_or(&vp->suspend, SUSPEND_INTERCEPT, __ATOMIC_SEQ_CST);
	/* One that looks at the page itself has been told by that. abi/viridis_intercept.h */
	if (!__atomic_exchange_n(&vp->intercept_page->watched, 0, __ATOMIC_SEQ_CST))
		notify_parent(vp);
}

void intercept_io(struct vp *vp, const struct exit_port *exit)
{
	struct hv_x64_io_port_intercept io = {
		.header = header(vp, vp->arch.exit.length,
		                 exit->in ? HV_INTERCEPT_READ : HV_INTERCEPT_WRITE),
		.port_number = exit->port,
		.access_info =
			(uint8_t)(exit->bytes | (exit->string ? HV_IO_PORT_STRING : 0) |
		                  (exit->rep ? HV_IO_PORT_REP : 0)),
		.rax = vp->arch.gpr[GPR_RAX],
		.rcx = vp->arch.gpr[GPR_RCX],
		.rsi = vp->arch.gpr[GPR_RSI],
		.rdi = vp->arch.gpr[GPR_RDI],
	};

	if (exit->string) {
		io.ds = vp_register(vp, HV_X64_REGISTER_DS).segment;
		io.es = vp_register(vp, HV_X64_REGISTER_ES).segment;
		/* At most 15, whatever the processor makes of an instruction that wraps around. */
		io.instruction_byte_count = (uint8_t)guest_fetch(
			vp, io.instruction_bytes,
			vp->arch.exit.length & (sizeof(io.instruction_bytes) - 1));
	}
	deliver(vp, HV_MESSAGE_X64_IO_PORT, &io, sizeof(io));
}

void intercept_cpuid(struct vp *vp, const struct cpuid_regs *regs)
{
	const uint64_t *gpr = vp->arch.gpr;
	const struct hv_x64_cpuid_intercept cpuid = {
		.header = header(vp, vp->arch.exit.length, HV_INTERCEPT_EXECUTE),
		.given = { gpr[GPR_RAX], gpr[GPR_RCX], gpr[GPR_RDX], gpr[GPR_RBX] },
		.usual = { regs->eax, regs->ecx, regs->edx, regs->ebx },
	};

	deliver(vp, HV_MESSAGE_X64_CPUID, &cpuid, sizeof(cpuid));
}

void intercept_msr_write(struct vp *vp, uint32_t msr, uint64_t value)
{
	const struct hv_x64_msr_intercept write = {
		.header = header(vp, 0, HV_INTERCEPT_WRITE),
		.msr_number = msr,
		.rdx = value >> 32,
		.rax = (uint32_t)value,
	};

	deliver(vp, HV_MESSAGE_X64_MSR, &write, sizeof(write));
}

void intercept_memory(struct vp *vp, const struct exit_fault *exit)
{
	struct hv_x64_memory_intercept memory = { .gpa = exit->gpa };

	memory.header = header(vp, 0,
	                       exit->fetch ? HV_INTERCEPT_EXECUTE :
	                       exit->write ? HV_INTERCEPT_WRITE :
	                                     HV_INTERCEPT_READ);
	if (!exit->fetch && !exit->table_walk)
		memory.instruction_byte_count =
			(uint8_t)guest_fetch(vp, memory.instruction_bytes, 15);
	memory.tpr_priority = (uint8_t)vlapic_cr8(&vp->lapic);
	deliver(vp, exit->present ? HV_MESSAGE_GPA_INTERCEPT : HV_MESSAGE_UNMAPPED_GPA,
	        &memory, sizeof(memory));
}

void intercept_triple_fault(struct vp *vp)
{
	const struct hv_x64_intercept_header payload =
		header(vp, 0, HV_INTERCEPT_EXECUTE);

	deliver(vp, HV_MESSAGE_UNRECOVERABLE_EXCEPTION, &payload, sizeof(payload));
}

/* Not inlined, as few EOIs come to it. */
__attribute__((noinline)) void intercept_apic_eoi(struct vp *vp, uint8_t vector)
{
	const struct hv_x64_apic_eoi_message eoi = { .vp_index = vp->index,
		                                     .vector = vector };

	virt->get_state(vp, &vp->state);
	deliver(vp, HV_MESSAGE_X64_APIC_EOI, &eoi, sizeof(eoi));
}

void intercept_sint_deliverable(struct vp *vp, uint16_t sints)
{
	const struct hv_sint_deliverable_message message = {
		.header = header(vp, 0, HV_INTERCEPT_READ),
		.deliverable_sints = sints
	};

	deliver(vp, HV_MESSAGE_SINT_DELIVERABLE, &message, sizeof(message));
}

void intercept_interrupt_deliverable(struct vp *vp)
{
	const struct hv_x64_interruption_deliverable_message message = {
		.header = header(vp, 0, HV_INTERCEPT_EXECUTE),
		.type = EVENT_EXTERNAL
	};

	deliver(vp, HV_MESSAGE_X64_INTERRUPTION_DELIVERABLE, &message, sizeof(message));
}
