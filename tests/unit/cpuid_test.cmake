# SPDX-License-Identifier: GPL-2.0-or-later
# What guests are told of the processor, as it is; the processor is the test's.
target_sources(cpuid_test PRIVATE ${VIRIDIS_TOP}/hypervisor/kernel/guest/cpuid.c)
target_compile_options(cpuid_test PRIVATE -include ${CMAKE_CURRENT_SOURCE_DIR}/told_cpu.h)
