# SPDX-License-Identifier: GPL-2.0-or-later
# What is moved when a CPU changes VPs, as it is, on a processor of the test's own.
target_sources(context_test PRIVATE ${VIRIDIS_TOP}/hypervisor/arch/x86/context.c)
target_compile_options(context_test PRIVATE -include ${CMAKE_CURRENT_SOURCE_DIR}/told_cpu.h)
