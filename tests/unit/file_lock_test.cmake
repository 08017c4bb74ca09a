# SPDX-License-Identifier: GPL-2.0-or-later
# Beside PURE code this test needs the locks, and they need GLib.
pkg_check_modules(JSON REQUIRED IMPORTED_TARGET glib-2.0 jansson)
target_sources(file_lock_test PRIVATE ${VIRIDIS_TOP}/root-partition/config/file_lock.c)
target_link_libraries(file_lock_test PRIVATE PkgConfig::JSON)
