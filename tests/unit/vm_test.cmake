# SPDX-License-Identifier: GPL-2.0-or-later
# The worker with its orders.
include(${CMAKE_CURRENT_SOURCE_DIR}/worker_sources.cmake)
target_sources(vm_test PRIVATE ${worker_sources} ${vm}/vm.c ${vm}/vm_status.c)
# dsdt.hex is made for viridis-vm.
target_include_directories(vm_test PRIVATE ${CMAKE_CURRENT_SOURCE_DIR}
	${CMAKE_BINARY_DIR}/root-partition/vm)
add_dependencies(vm_test viridis-vm)
target_link_libraries(vm_test PRIVATE PkgConfig::JSON PkgConfig::SECCOMP)
