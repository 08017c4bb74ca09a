# SPDX-License-Identifier: GPL-2.0-or-later
# vsc/ is freestanding and so in no host library; what this file of it needs of a machine the test plays.
target_sources(${name} PRIVATE ${VIRIDIS_TOP}/vsc/net/net.c)
