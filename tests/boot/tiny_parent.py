# SPDX-License-Identifier: GPL-2.0-or-later
# Needs: target:viridis.elf target:tiny_guest
# Limit: 300
"""A root that makes, serves and takes down children by raw hypercalls, and counts every page."""
from lib.tap import Tap
from lib.tiny import run_tiny


def main():
    with Tap() as tap:
        for cpus in (1, 2):
            run_tiny(tap, f"tiny-parent-{cpus}", "parent", cpus=cpus, memory="512M",
                     limit=200)


if __name__ == "__main__":
    main()
