# SPDX-License-Identifier: GPL-2.0-or-later
# Needs: target:tiny_guest
# Limit: 180
"""The conformance guest without the hypervisor: it judges an emulated PC to be one, so that what it
says about the hypervisor can be believed."""
from lib.tap import Tap
from lib.tiny import run_tiny

GROUPS = "exceptions,debug,apic,smp,init"


def main():
    with Tap() as tap:
        for cpus in (1, 3):
            run_tiny(tap, f"tiny-bare-{cpus}", GROUPS, hypervisor=False, cpus=cpus, parallel=True,
                     memory="512M")


if __name__ == "__main__":
    main()
