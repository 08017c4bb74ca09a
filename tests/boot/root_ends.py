# SPDX-License-Identifier: GPL-2.0-or-later
# Needs: target:viridis.elf target:tiny_guest
# Limit: 300
"""A root that triple-faults or powers off ends the machine, and the log says which."""
from boot_iso import Module
from lib.machine import Machine
from lib.paths import HYPERVISOR_ELF
from lib.tap import Tap
from lib.tiny import TINY


def check_end(tests, line):
    with Machine(f"root-ends-{tests}", [Module(TINY, f"kernel tests={tests} role=root")],
                 hypervisor=HYPERVISOR_ELF, cpus=2, memory="512M") as machine:
        machine.hypervisor_log.wait(line, 120)
        machine.wait_exit(60)


def main():
    with Tap() as tap:
        tap.run("a root that triple-faults ends the machine", check_end, "triple",
                r"error: root: the root has triple-faulted.*the machine ends here")
        tap.run("so does one that powers off", check_end, "none",
                r"root: powers the machine off")


if __name__ == "__main__":
    main()
