# SPDX-License-Identifier: GPL-2.0-or-later
# The worker's VMBus, below its orders.
include(${CMAKE_CURRENT_SOURCE_DIR}/worker_sources.cmake)
target_sources(worker_vmbus_test PRIVATE ${worker_sources} worker_machine.c worker_provider.c
	worker_io.c worker_told.c)
# dsdt.hex is made for viridis-vm.
target_include_directories(worker_vmbus_test PRIVATE ${CMAKE_CURRENT_SOURCE_DIR}
	${CMAKE_BINARY_DIR}/root-partition/vm)
add_dependencies(worker_vmbus_test viridis-vm)
target_link_libraries(worker_vmbus_test PRIVATE PkgConfig::JSON PkgConfig::SECCOMP)
