# SPDX-License-Identifier: GPL-2.0-or-later
# Needs: target:viridis.elf target:tiny_guest
# Limit: 300
"""The conformance guest as the root partition, on one and on two CPUs; and on a CPU with features that
are to be hidden, and without one that others have."""
from lib.tap import Tap
from lib.tiny import run_tiny


def main():
    with Tap() as tap:
        for cpus in (1, 2):
            run_tiny(tap, f"tiny-root-{cpus}", "default,lock", cpus=cpus, parallel=True,
                     memory="512M")
        run_tiny(tap, "tiny-root-odd", "exceptions,cpuid,msr", cpus=1, memory="512M",
                 extra=["-cpu", "EPYC,+x2apic,+pku,+la57,+wbnoinvd,-rdtscp"])


if __name__ == "__main__":
    main()
