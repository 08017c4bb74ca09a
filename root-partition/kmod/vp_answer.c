// SPDX-License-Identifier: GPL-2.0-or-later
/* Registers that wait for RUN_VP: vp_answer.h */
#include "abi.h"
#include "vp_answer.h"

#include "vp.h"
#include "vp_state.h"
#include <linux/compiler.h>
#include <linux/mm.h>
#include <linux/string.h>

void vp_answer_init(struct vp_answer *answer)
{
	mutex_init(&answer->lock);
}

/* Whoever reads it finds what was set before: the vp's going on is later than that. */
static void answer_count_set_locked(struct vp_answer *answer)
{
	/* Pairs with the acquire in vp_answer_go_on. */
	smp_store_release(&answer->sets, answer->sets + 1);
}

void vp_answer_go_on(struct viridis_vp *vp)
{
	/* Pairs with the release in answer_count_set_locked. */
	WRITE_ONCE(vp->answer.sets_before, smp_load_acquire(&vp->answer.sets));
}

bool vp_answer_has_all(const struct viridis_vp *vp)
{
	const struct vp_answer *answer = &vp->answer;

	return READ_ONCE(answer->open) &&
	       READ_ONCE(answer->sets) == READ_ONCE(answer->sets_before);
}

/* ANSWER-1 */
static bool answer_may_wait(const struct hv_register_assoc *registers, unsigned int count)
{
	unsigned int i;

	for (i = 0; i < count; i++) {
		if (registers[i].name < HV_X64_REGISTER_RAX ||
		    registers[i].name > HV_X64_REGISTER_RIP)
			return false;
	}
	return true;
}

static bool answer_keep_locked(struct viridis_vp *vp,
                               const struct hv_register_assoc *registers,
                               unsigned int count)
{
	struct vp_answer *answer = &vp->answer;
	bool fits = vp_answer_has_all(vp) && count <= VP_ANSWER_MAX - answer->count;

	if (fits) {
		memcpy(answer->registers + answer->count, registers,
		       count * sizeof(*registers));
		WRITE_ONCE(answer->count, answer->count + count);
	}
	return fits;
}

static bool answer_keep(struct viridis_vp *vp, const struct hv_register_assoc *registers,
                        unsigned int count)
{
	bool kept;

	mutex_lock(&vp->answer.lock);
	kept = answer_keep_locked(vp, registers, count);
	mutex_unlock(&vp->answer.lock);
	return kept;
}

bool vp_answer_keep(struct viridis_vp *vp, const struct hv_input_set_vp_registers *header,
                    const struct hv_register_assoc *registers, unsigned int count)
{
	bool kept;

	if (header->input_vtl || !answer_may_wait(registers, count) ||
	    !mutex_trylock(&vp->run_lock))
		return false;
	kept = answer_keep(vp, registers, count);
	mutex_unlock(&vp->run_lock);
	return kept;
}

void vp_answer_add_locked(struct viridis_vp *vp,
                          const struct hv_register_assoc *registers)
{
	if (answer_keep_locked(vp, registers, 1))
		return;
	vp_answer_settle_locked(vp);
	(void)vp_state_set(vp, registers, 1); /* ANSWER-1 */
}

bool vp_answer_tell_locked(const struct viridis_vp *vp, u32 name, u64 *value)
{
	const struct vp_answer *answer = &vp->answer;
	unsigned int i;

	for (i = 0; i < answer->count; i++) {
		if (answer->registers[i].name == name)
			*value = answer->registers[i].value.reg64;
	}
	return vp_answer_has_all(vp);
}

static bool answer_is_of_rip_and_rax(const struct vp_answer *answer)
{
	unsigned int i;

	for (i = 0; i < answer->count; i++) {
		if (answer->registers[i].name != HV_X64_REGISTER_RIP &&
		    answer->registers[i].name != HV_X64_REGISTER_RAX)
			return false;
	}
	return true;
}

/*
 * RIP and RAX alone answer nearly every access to a port. The hypervisor takes them from the register page as it resumes
 * the vp. What its VMM marked there itself counts before them.
 */
static void answer_mark_locked(const struct vp_answer *answer,
                               struct hv_register_page *page)
{
	u32 dirty = READ_ONCE(page->dirty), marks = 0;
	unsigned int i;

	for (i = 0; i < answer->count; i++) {
		u64 value = answer->registers[i].value.reg64;

		if (answer->registers[i].name == HV_X64_REGISTER_RIP &&
		    !(dirty & HV_REGISTER_PAGE_DIRTY_RIP)) {
			page->rip = value;
			marks |= HV_REGISTER_PAGE_DIRTY_RIP;
		}
		if (answer->registers[i].name == HV_X64_REGISTER_RAX &&
		    !(dirty & HV_REGISTER_PAGE_DIRTY_GP)) {
			page->gp[0] = value;
			marks |= HV_REGISTER_PAGE_DIRTY_RAX;
		}
	}
	WRITE_ONCE(page->dirty, dirty | marks);
}

/* What is kept goes into the list, or into the page; returns the list's length. */
static unsigned int answer_put_locked(struct viridis_vp *vp)
{
	struct vp_answer *answer = &vp->answer;

	if (!answer_is_of_rip_and_rax(answer))
		return answer->count;
	answer_mark_locked(answer, page_address(vp->pages[MSHV_VP_PAGE_REGISTERS]));
	return 0;
}

/*
 * The lock until they are there: who settles meanwhile waits for that. Where the call lends the CPU too, that is for
 * a millisecond at most (abi/viridis_intercept.h).
 */
enum hv_status vp_answer_give(struct viridis_vp *vp,
                              const struct hv_register_assoc *registers,
                              unsigned int count)
{
	struct vp_answer *answer = &vp->answer;
	enum hv_status status;
	unsigned int before;

	if (!READ_ONCE(answer->count))
		return vp_state_set(vp, registers, count);
	mutex_lock(&answer->lock);
	before = answer_put_locked(vp);
	memcpy(answer->registers + before, registers, count * sizeof(*registers));
	status = vp_state_set(vp, answer->registers, before + count);
	WRITE_ONCE(answer->count, 0);
	mutex_unlock(&answer->lock);
	return status;
}

void vp_answer_settle_locked(struct viridis_vp *vp)
{
	struct vp_answer *answer = &vp->answer;

	if (!answer->count)
		return;
	(void)vp_state_set(vp, answer->registers, answer->count); /* ANSWER-1 */
	answer_count_set_locked(answer);
	WRITE_ONCE(answer->count, 0);
}

void vp_answer_settle(struct viridis_vp *vp)
{
	if (!READ_ONCE(vp->answer.count))
		return;
	mutex_lock(&vp->answer.lock);
	vp_answer_settle_locked(vp);
	mutex_unlock(&vp->answer.lock);
}

void vp_answer_begin_set(struct viridis_vp *vp)
{
	mutex_lock(&vp->answer.lock);
	vp_answer_settle_locked(vp);
}

void vp_answer_end_set(struct viridis_vp *vp)
{
	answer_count_set_locked(&vp->answer);
	vp_may_be_held(vp);
	mutex_unlock(&vp->answer.lock);
}
