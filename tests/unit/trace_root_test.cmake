# SPDX-License-Identifier: GPL-2.0-or-later
# Lines of the root's own trace.
pkg_check_modules(JSON REQUIRED IMPORTED_TARGET glib-2.0 jansson)
target_sources(trace_root_test PRIVATE ${VIRIDIS_TOP}/root-partition/cli/trace_root.c)
target_link_libraries(trace_root_test PRIVATE PkgConfig::JSON)
