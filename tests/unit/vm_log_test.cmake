# SPDX-License-Identifier: GPL-2.0-or-later
# Beside PURE code this test needs the log, and that needs GLib.
pkg_check_modules(JSON_GLIB REQUIRED IMPORTED_TARGET json-glib-1.0)
target_sources(vm_log_test PRIVATE ${VIRIDIS_TOP}/root-partition/config/vm_log.c)
target_link_libraries(vm_log_test PRIVATE PkgConfig::JSON_GLIB)
