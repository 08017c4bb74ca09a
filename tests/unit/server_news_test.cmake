# SPDX-License-Identifier: GPL-2.0-or-later
# Beside PURE code this test needs the worker's part and jansson; the rest of the worker is not there.
pkg_check_modules(JSON REQUIRED IMPORTED_TARGET glib-2.0 jansson)
target_sources(server_news_test PRIVATE ${VIRIDIS_TOP}/root-partition/vmbusd/servers.c
	${VIRIDIS_TOP}/root-partition/config/json_text.c)
target_link_libraries(server_news_test PRIVATE PkgConfig::JSON)
