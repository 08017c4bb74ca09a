/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The memory of a machine that is attached to, for keeper and worker alike. */
#ifndef VIRIDIS_KEEPER_ATTACHED_H
#define VIRIDIS_KEEPER_ATTACHED_H

#include <glib.h>
#include <stdbool.h>

#include "root-partition/libmshv/mshv.h"
#include "vsp/lib/memory.h"

/*
 * Waits, as a VMM maps its memory in pieces, until all of the file is there but for what a PC's firmware hides. The
 * partition's descriptor is an attachment's.
 */
bool attached_memory(const struct mshv_partition *partition,
                     struct vsp_guest_memory *memory, GError **error);

#endif
