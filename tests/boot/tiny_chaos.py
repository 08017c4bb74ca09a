# SPDX-License-Identifier: GPL-2.0-or-later
# Needs: target:viridis.elf target:tiny_guest
# Limit: 900
"""A child of random code in random states, which must harm nobody."""
from lib.tap import Tap
from lib.tiny import run_tiny


def main():
    with Tap() as tap:
        for seed in (1, 2, 3):
            run_tiny(tap, f"tiny-chaos-{seed}", "chaos", f"seed={seed}", cpus=2, memory="512M",
                     limit=240)


if __name__ == "__main__":
    main()
