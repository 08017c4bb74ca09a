# SPDX-License-Identifier: GPL-2.0-or-later
# The vendor's table of exits and its registers as they are; the kernel and the processor are the test's.
set(svm ${VIRIDIS_TOP}/hypervisor/arch/x86/svm)
target_sources(svm_exit_test PRIVATE ${svm}/exit.c ${svm}/registers.c)
target_compile_options(svm_exit_test PRIVATE -include ${CMAKE_CURRENT_SOURCE_DIR}/told_cpu.h)
