# SPDX-License-Identifier: GPL-2.0-or-later
# Starting a worker, which has a second for its word here.
pkg_check_modules(JSON REQUIRED IMPORTED_TARGET glib-2.0 jansson)
target_compile_definitions(client_start_test PRIVATE WORKER_START_S=1)
target_sources(client_start_test PRIVATE ${VIRIDIS_TOP}/root-partition/client/worker.c
	${VIRIDIS_TOP}/root-partition/config/error_code.c
	${VIRIDIS_TOP}/root-partition/config/paths.c)
target_link_libraries(client_start_test PRIVATE PkgConfig::JSON)
