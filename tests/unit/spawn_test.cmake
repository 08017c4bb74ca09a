# SPDX-License-Identifier: GPL-2.0-or-later
target_sources(spawn_test PRIVATE ${VIRIDIS_TOP}/vsp/lib/spawn.c)
