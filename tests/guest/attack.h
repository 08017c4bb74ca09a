/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The attack group's parts. */
#ifndef VSC_TINY_ATTACK_H
#define VSC_TINY_ATTACK_H

/* The overlay pages of the root's registers. attack_overlay.c */
void attack_overlays(void);

/* What was refused is told in the log; run last, when the lines of the others are over. attack_log.c */
void attack_logs(void);

#endif
