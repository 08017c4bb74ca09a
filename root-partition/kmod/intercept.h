/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which of a child's instructions its VMM asks to be asked about. */
#ifndef VIRIDIS_KMOD_INTERCEPT_H
#define VIRIDIS_KMOD_INTERCEPT_H

#include "abi.h"

struct viridis_partition;

/* INSTALL_INTERCEPT: `input` is a struct hv_input_install_intercept, and there is no output. */
enum hv_status intercept_install(struct viridis_partition *partition, const void *input,
                                 void *output);

#endif
