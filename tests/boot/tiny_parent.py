# SPDX-License-Identifier: GPL-2.0-or-later
# Needs: target:viridis.elf target:tiny_guest
# Limit: 600
"""A root that makes, serves and takes down children by raw hypercalls, each tried in all its ways,
and counts every page; and what the scheduler gives to root and children that want more than there
is, and takes from who has nothing to do."""
import re
import time

from boot_iso import Module
from lib.machine import Machine
from lib.paths import HYPERVISOR_ELF
from lib.tap import Tap, parse
from lib.tiny import END, TINY, run_tiny

LOOKS = 5


def check_halted(machine, cpus):
    """The processors themselves, at several moments: in HLT, and in the hypervisor's."""
    for _ in range(LOOKS):
        text = machine.monitor.hmp("info registers -a")
        assert re.findall(r"HLT=(\d)", text) == ["1"] * cpus, text
        time.sleep(0.1)


def schedule(tap, cpus):
    """By icount: time that the host gives to others does not count."""
    modules = [Module(TINY, "kernel tests=sched role=root exit=halt")]
    with Machine(f"tiny-sched-{cpus}", modules, hypervisor=HYPERVISOR_ELF, cpus=cpus,
                 memory="512M", icount=True) as machine:
        machine.console.wait(END, 240)
        tap.adopt(parse(machine.console.text()))
        tap.run(f"{cpus} CPUs: all halt when the root does", check_halted, machine, cpus)


def main():
    with Tap() as tap:
        for cpus in (1, 2):
            run_tiny(tap, f"tiny-parent-{cpus}", "parent,calls", cpus=cpus, memory="512M",
                     limit=200)
        for cpus in (1, 2):
            schedule(tap, cpus)


if __name__ == "__main__":
    main()
