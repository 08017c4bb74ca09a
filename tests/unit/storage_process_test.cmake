# SPDX-License-Identifier: GPL-2.0-or-later
# This test talks to the real program, and to it as the worker does.
include(${CMAKE_CURRENT_SOURCE_DIR}/provider_host.cmake)
provider_host_test(storage_process_test viridis-storage)
pkg_check_modules(URING REQUIRED IMPORTED_TARGET liburing)
target_link_libraries(storage_process_test PRIVATE PkgConfig::URING)
