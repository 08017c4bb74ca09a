/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a VP's owner does between exits. */
#pragma once

#include <stdbool.h>
#include <viridis/base/assert.h>

struct vp;

/* Into the state in which it can be entered; false when it must not run now. */
bool vp_prepare(struct vp *vp) MUST_CHECK;

/* After each exit: what the guest took in or ended meanwhile; what the exit leads to comes after that. */
void vp_after_exit(struct vp *vp);

/* The guest has taken the entry's vector. */
void vp_vector_taken(struct vp *vp);
