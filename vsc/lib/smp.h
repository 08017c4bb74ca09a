/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The guest's other VPs: started by INIT/SIPI, then they wait for work. */
#ifndef VSC_LIB_SMP_H
#define VSC_LIB_SMP_H

#include <stdbool.h>
#include "vsc/lib/vp.h"

struct vp *smp_first_vp(void);

/* VPs that run, the first included. */
unsigned int smp_online(void);
struct vp *smp_vp(unsigned int index);

/* Starts the VPs of the MADT that do not run yet, up to `limit` in all; gives back how many run. */
unsigned int smp_start(unsigned int limit);

/* INIT and SIPI to a VP that was started before, whatever it does; does it run? */
bool smp_restart(unsigned int index);

/* Only the SIPI, which nobody takes but a VP that an INIT has stopped; has it begun in that time? */
bool smp_startup(unsigned int index, unsigned int timeout_ms);

/* Has VP `index` (not the first) call work(argument); it must be idle. Returns at once. */
void smp_run(unsigned int index, void (*work)(void *), void *argument);

/* Waits until it is done; false: not within `timeout_ms`. */
bool smp_wait(unsigned int index, unsigned int timeout_ms);

#endif
