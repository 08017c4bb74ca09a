# SPDX-License-Identifier: GPL-2.0-or-later
# The provider's ring, on the kernel that runs the test.
pkg_check_modules(URING REQUIRED IMPORTED_TARGET liburing)
target_sources(uring_test PRIVATE ${VIRIDIS_TOP}/vsp/storage/uring.c)
target_link_libraries(uring_test PRIVATE PkgConfig::URING)
