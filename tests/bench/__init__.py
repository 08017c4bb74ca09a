# SPDX-License-Identifier: GPL-2.0-or-later
"""The benchmark: `./dev bench` runs it, nothing gates on it."""
