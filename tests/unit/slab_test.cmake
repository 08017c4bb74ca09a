# SPDX-License-Identifier: GPL-2.0-or-later
# The test stands in for the memory pool that this code takes its frames from.
target_sources(slab_test PRIVATE ${VIRIDIS_TOP}/hypervisor/kernel/slab.c)
