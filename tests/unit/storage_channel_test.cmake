# SPDX-License-Identifier: GPL-2.0-or-later
# The storage provider between its rings and its io_uring: both are the test's.
pkg_check_modules(URING REQUIRED IMPORTED_TARGET liburing)
set(storage ${VIRIDIS_TOP}/vsp/storage)
target_sources(storage_channel_test PRIVATE ${storage}/channel.c ${storage}/request.c ${storage}/limits.c
	${storage}/backend_file.c)
target_link_libraries(storage_channel_test PRIVATE PkgConfig::URING)
