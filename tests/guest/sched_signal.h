/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Part of the group `sched`. */
#ifndef VSC_TINY_SCHED_SIGNAL_H
#define VSC_TINY_SCHED_SIGNAL_H

/* Signals to a port for any VP of ours. On one CPU there is nothing to choose, and a skip. */
void sched_signals(void);

#endif
