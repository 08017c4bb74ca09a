# SPDX-License-Identifier: GPL-2.0-or-later
# As worker_vmbus_test.
include(${CMAKE_CURRENT_SOURCE_DIR}/worker_sources.cmake)
target_sources(user_network_test PRIVATE ${worker_sources} worker_machine.c worker_provider.c
	worker_io.c)
target_compile_definitions(user_network_test PRIVATE START_MS=1000)
# dsdt.hex is made for viridis-vm.
target_include_directories(user_network_test PRIVATE ${CMAKE_CURRENT_SOURCE_DIR}
	${CMAKE_BINARY_DIR}/root-partition/vm)
add_dependencies(user_network_test viridis-vm)
target_link_libraries(user_network_test PRIVATE PkgConfig::JSON PkgConfig::SECCOMP)
