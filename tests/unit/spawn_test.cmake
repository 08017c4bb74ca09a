# SPDX-License-Identifier: GPL-2.0-or-later
# The one call that starts providers.
target_sources(spawn_test PRIVATE ${VIRIDIS_TOP}/vsp/lib/spawn.c)
