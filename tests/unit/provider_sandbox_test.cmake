# SPDX-License-Identifier: GPL-2.0-or-later
# The hostile provider is linked with the library that providers have, as they have it: sanitizers would make
# system calls of their own.
include(${CMAKE_CURRENT_SOURCE_DIR}/provider_host.cmake)
add_executable(hostile_provider EXCLUDE_FROM_ALL hostile_provider.c)
target_link_libraries(hostile_provider PRIVATE vsp_lib vmbus)
target_sources(provider_sandbox_test PRIVATE sandboxed.c)
provider_host_test(provider_sandbox_test hostile_provider)
