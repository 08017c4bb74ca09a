# SPDX-License-Identifier: GPL-2.0-or-later
"""What `./dev` starts: root, gdb, demo, test, trace, docs."""
