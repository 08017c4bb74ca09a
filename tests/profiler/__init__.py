# SPDX-License-Identifier: GPL-2.0-or-later
"""`./dev profile`: machines with our plugin of QEMU, and what it counted as tables."""
