# SPDX-License-Identifier: GPL-2.0-or-later
# vsc/ is freestanding and so in no host library; this one file of it needs nothing.
target_sources(${name} PRIVATE ${VIRIDIS_TOP}/vsc/lib/options.c)
