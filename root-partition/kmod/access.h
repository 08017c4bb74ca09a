/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Calls on a child's memory that need no hypervisor: it is the root's memory, and pinned. */
#ifndef VIRIDIS_KMOD_ACCESS_H
#define VIRIDIS_KMOD_ACCESS_H

#include "abi.h"

struct viridis_partition;
struct viridis_vp;

/*
 * Blocks and statuses are the hypercalls' of the same name. Neither sees what an overlay shows: they see
 * the child's memory beneath it. The VP whose tables are walked is stopped.
 */
enum hv_status access_translate(struct viridis_partition *partition, const void *input,
                                void *output);
/* The first, of a vp whose VMM may ask the same page again and again; `in` names it. */
enum hv_status access_translate_again(struct viridis_vp *vp,
                                      const struct hv_input_translate_va *in,
                                      struct hv_output_translate_va *out);
enum hv_status access_read(struct viridis_partition *partition, const void *input,
                           void *output);
enum hv_status access_write(struct viridis_partition *partition, const void *input,
                            void *output);

#endif
