# SPDX-License-Identifier: GPL-2.0-or-later
# The scheduler as it is, with CPUs of the test's own.
target_sources(sched_test PRIVATE ${VIRIDIS_TOP}/hypervisor/kernel/objects/sched.c)
target_compile_options(sched_test PRIVATE -include ${CMAKE_CURRENT_SOURCE_DIR}/fake_cpu.h)
