# SPDX-License-Identifier: GPL-2.0-or-later
# The kernel's loop as it is, on a processor of the test's own.
set(loop ${VIRIDIS_TOP}/hypervisor/kernel/run)
target_sources(run_loop_test PRIVATE run_loop_fakes.c ${loop}/run.c ${loop}/exit.c ${loop}/vp_enter.c)
target_compile_options(run_loop_test PRIVATE -include ${CMAKE_CURRENT_SOURCE_DIR}/fake_cpu.h)
