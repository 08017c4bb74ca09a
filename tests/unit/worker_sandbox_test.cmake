# SPDX-License-Identifier: GPL-2.0-or-later
# The hostile worker is linked with the keeper and the sandbox as viridis-vm has them, over a stand-in for
# /dev/mshv: sanitizers would make system calls of their own.
set(vm ${VIRIDIS_TOP}/root-partition/vm)
add_executable(hostile_worker EXCLUDE_FROM_ALL hostile_worker.c worker_fake.c worker_guest.c kernel_image.c
	${vm}/serial_file.c ${vm}/control.c
	${VIRIDIS_TOP}/root-partition/vmbusd/offers.c)
target_link_libraries(hostile_worker PRIVATE keeper PkgConfig::CHECK)
target_sources(worker_sandbox_test PRIVATE sandboxed.c)
target_compile_definitions(worker_sandbox_test PRIVATE
	WORKER="$<TARGET_FILE:hostile_worker>")
add_dependencies(worker_sandbox_test hostile_worker)
