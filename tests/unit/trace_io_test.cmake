# SPDX-License-Identifier: GPL-2.0-or-later
# What finds requests in a trace.
target_sources(trace_io_test PRIVATE ${VIRIDIS_TOP}/root-partition/cli/trace_io.c)
