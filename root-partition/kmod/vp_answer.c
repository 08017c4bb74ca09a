// SPDX-License-Identifier: GPL-2.0-or-later
/* Registers that wait for RUN_VP: vp_answer.h */
#include "abi.h"
#include "vp_answer.h"

#include "vp.h"
#include "vp_state.h"
#include <linux/compiler.h>
#include <linux/string.h>

void vp_answer_init(struct vp_answer *answer)
{
	mutex_init(&answer->lock);
}

/* Whoever reads it finds what was set before: the vp's going on is later than that. */
static void answer_count_set_locked(struct vp_answer *answer)
{
	/* Pairs with the acquire in vp_answer_go_on(). */
	smp_store_release(&answer->sets, answer->sets + 1);
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
		answer->port &= answer->count != 0;
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

/*
 * Without the lock, where nothing is kept yet. Whoever sets registers meanwhile, and holds it, is as if it had done so
 * before: whether what the vp has is known is asked anew when it matters (vp_answer_tell_locked).
 */
static bool answer_keep_port(struct viridis_vp *vp, u64 rip, u64 rax)
{
	struct vp_answer *answer = &vp->answer;

	/* Pairs with the release in vp_answer_settle_locked(). */
	if (smp_load_acquire(&answer->count) || !vp_answer_has_all(vp))
		return false;
	answer->registers[0] = (struct hv_register_assoc){ .name = HV_X64_REGISTER_RIP,
		                                           .value.reg64 = rip };
	answer->registers[1] = (struct hv_register_assoc){ .name = HV_X64_REGISTER_RAX,
		                                           .value.reg64 = rax };
	answer->port = true;
	/* Whoever holds the lock finds the registers there. */
	smp_store_release(&answer->count, VP_ANSWER_PORT);
	return true;
}

bool vp_answer_keep_port(struct viridis_vp *vp, u64 rip, u64 rax)
{
	bool kept;

	if (!mutex_trylock(&vp->run_lock))
		return false;
	kept = answer_keep_port(vp, rip, rax);
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

/*
 * RIP and RAX alone answer nearly every access to a port. The hypervisor takes them from the register page as it resumes
 * the vp. What its VMM marked there itself counts before them.
 */
static void answer_mark_locked(const struct vp_answer *answer,
                               struct hv_register_page *page)
{
	u32 dirty = READ_ONCE(page->dirty);

	if (!(dirty & HV_REGISTER_PAGE_DIRTY_RIP))
		page->rip = answer->registers[0].value.reg64;
	if (!(dirty & HV_REGISTER_PAGE_DIRTY_GP))
		page->gp[0] = answer->registers[1].value.reg64;
	WRITE_ONCE(page->dirty,
	           dirty | HV_REGISTER_PAGE_DIRTY_RIP | HV_REGISTER_PAGE_DIRTY_RAX);
}

/* What is kept goes into the list, or into the page; returns the list's length. */
static unsigned int answer_put_locked(struct viridis_vp *vp)
{
	struct vp_answer *answer = &vp->answer;

	if (!answer->port || answer->count != VP_ANSWER_PORT)
		return answer->count;
	answer_mark_locked(answer, vp->registers);
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

enum hv_status vp_answer_resume(struct viridis_vp *vp)
{
	static const struct hv_register_assoc run = {
		.name = HV_REGISTER_INTERCEPT_SUSPEND
	};
	struct vp_answer *answer = &vp->answer;
	enum hv_status status;
	unsigned int before;

	if (!READ_ONCE(answer->count))
		return vp_state_resume(vp);
	mutex_lock(&answer->lock);
	before = answer_put_locked(vp);
	answer->registers[before] = run;
	status = before ? vp_state_set(vp, answer->registers, before + 1) :
	                  vp_state_resume(vp);
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
	/* Pairs with the acquire in vp_answer_keep_port(): who finds 0 finds what was counted, too. */
	smp_store_release(&answer->count, 0);
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
