/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A guest's report of its own crash, by the crash MSRs: logged, nothing else. TLFS 7.8 */
#ifndef VIRIDIS_KERNEL_CRASH_H
#define VIRIDIS_KERNEL_CRASH_H

#include <stdbool.h>

struct vp;

/* has_text: P3 is the GPA and P4 the byte count of a text. */
void crash_report(struct vp *vp, bool has_text);

#endif
