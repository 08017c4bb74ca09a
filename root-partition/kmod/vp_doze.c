// SPDX-License-Identifier: GPL-2.0-or-later
/* What is answered while RUN_VP sleeps: vp_doze.h */
#include "abi.h"
#include "vp_doze.h"

#include "vp.h"
#include "vp_state.h"
#include <linux/atomic.h>
#include <linux/processor.h>
#include <linux/sched.h>

/* Pairs with the interrupt's acquire: what RUN_VP did to the vp before it sleeps is seen there. */
void vp_doze_begin(struct viridis_vp *vp)
{
	smp_store_release(&vp->doze, DOZE_ASLEEP);
}

void vp_doze_end(struct viridis_vp *vp)
{
	while (cmpxchg(&vp->doze, DOZE_ASLEEP, DOZE_AWAKE) != DOZE_ASLEEP)
		cpu_relax(); /* DOZE-1 */
}

bool vp_doze_answered(struct viridis_vp *vp)
{
	bool answered;

	if (!is_idle_task(current) || need_resched() || /* DOZE-2 */
	    cmpxchg(&vp->doze, DOZE_ASLEEP, DOZE_ANSWERING) != DOZE_ASLEEP)
		return false;
	/* What suspended it otherwise meanwhile goes on to. */
	answered = vp_exit_signalled(vp) && vp_state_resume(vp) == HV_STATUS_SUCCESS;
	smp_store_release(&vp->doze, DOZE_ASLEEP);
	return answered;
}
