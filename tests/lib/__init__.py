# SPDX-License-Identifier: GPL-2.0-or-later
"""Test harness: machines under QEMU, their logs and monitor, TAP. Standard library only."""
