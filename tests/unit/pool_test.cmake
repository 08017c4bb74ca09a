# SPDX-License-Identifier: GPL-2.0-or-later
# The kernel's frames and pools as they are, over RAM of the test's own.
set(memory ${VIRIDIS_TOP}/hypervisor/kernel/memory)
target_sources(pool_test PRIVATE ${memory}/frames.c ${memory}/pool.c)
target_compile_options(pool_test PRIVATE
	-include ${CMAKE_CURRENT_SOURCE_DIR}/fake_frame_map.h)
