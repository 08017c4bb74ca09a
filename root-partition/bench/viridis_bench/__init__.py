# SPDX-License-Identifier: GPL-2.0-or-later
"""viridis bench: synthetic devices beside emulated and paravirtual ones, on one hypervisor."""
