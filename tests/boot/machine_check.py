# SPDX-License-Identifier: GPL-2.0-or-later
# Needs: target:viridis.elf target:tiny_guest
# Limit: 120
"""A machine check while a guest runs that has not set CR4.MCE is one, and no shutdown of the processor. A
processor's comes to the hypervisor, which panics; QEMU gives it to the guest, intercept or not."""
from boot_iso import Module
from lib.machine import Machine
from lib.paths import HYPERVISOR_ELF
from lib.tap import Tap
from lib.tiny import TINY

MODULES = [Module(TINY, "kernel tests=spin role=root seconds=600")]
UNCORRECTED = 0xb200000000000000  # valid, uncorrected, enabled, context corrupt. APM2 9.3.2


def check(machine):
    machine.console.wait(r"spinning on 1 VPs", 60)
    machine.monitor.hmp(f"mce 0 1 {UNCORRECTED:#x} 0x4 0 0")
    machine.console.wait(r"exception 18", 30)


def main():
    with Tap() as tap:
        with Machine("machine-check", MODULES, hypervisor=HYPERVISOR_ELF, cpus=1,
                     memory="512M") as machine:
            tap.run("a machine check is an exception", check, machine)


if __name__ == "__main__":
    main()
