/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is wrong with a machine, in words: the hypervisor's answer to its description is a number. */
#ifndef VIRIDIS_LOADER_CORE_MACHINE_H
#define VIRIDIS_LOADER_CORE_MACHINE_H

#include <viridis/abi/hv_hypercall.h>

/* Why the hypervisor would not take this description; NULL: it does. */
const char *machine_reject_reason(const struct viridis_input_describe_machine *machine);

/* The number-th thing that will not work there, from 0 on; NULL: there are no more. */
const char *machine_lack(const struct viridis_input_describe_machine *machine,
                         unsigned int number);

#endif
