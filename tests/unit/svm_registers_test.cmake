# SPDX-License-Identifier: GPL-2.0-or-later
# The vendor's registers as they are; only their place in memory is the test's.
target_sources(svm_registers_test PRIVATE ${VIRIDIS_TOP}/hypervisor/arch/x86/svm/registers.c)
