# SPDX-License-Identifier: GPL-2.0-or-later
# Needs: target:viridis.elf target:tiny_guest
# Limit: 300
"""The conformance guest as the root partition, on one and on two CPUs."""
from lib.tap import Tap
from lib.tiny import run_tiny


def main():
    with Tap() as tap:
        for cpus in (1, 2):
            run_tiny(tap, f"tiny-root-{cpus}", "default,lock", cpus=cpus, parallel=True,
                     memory="512M")


if __name__ == "__main__":
    main()
