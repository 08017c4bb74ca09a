# SPDX-License-Identifier: GPL-2.0-or-later
# Needs: target:viridis.elf target:tiny_guest
# Limit: 180
"""A PM timer that is not where ACPI says: the root's loader measures the TSC by the PIT then, and says so. GRUB moves the
chipset's power block before it starts the hypervisor."""
import tempfile
from pathlib import Path

from boot_iso import BIOS, GRUB_MODULES, Module, hypervisor_config, place, write_tree
from lib.machine import Machine
from lib.paths import HYPERVISOR_ELF
from lib.tap import Tap, parse
from lib.tiny import END, TINY

# PMBASE of QEMU's ICH9: its ports were at 0x600.
MOVE = "insmod setpci\nsetpci -s 00:1f.0 0x40.L=0xb001\n"
GUEST = Module(TINY, "kernel tests=cpuid,time role=root exit=halt")


def make_iso(folder):
    boot = folder / "tree" / "boot"
    boot.mkdir(parents=True)
    place(GUEST.path, boot / GUEST.name)
    place(HYPERVISOR_ELF, boot / "viridis.elf")
    return write_tree(folder, folder / "boot.iso", MOVE + hypervisor_config("", [GUEST]), BIOS,
                      f"--install-modules={GRUB_MODULES} {BIOS[1]} setpci")


def check_told(machine):
    machine.console.wait("root loader: ACPI's PM timer stands still: the PIT is asked instead", 60)


def main():
    with Tap() as tap, tempfile.TemporaryDirectory(prefix="viridis-") as folder:
        with Machine("stopped-clock", [], iso=make_iso(Path(folder)), cpus=1, memory="512M") as machine:
            tap.run("the loader tells that the timer stands still", check_told, machine)
            machine.console.wait(END, 60)
            tap.adopt(parse(machine.console.text()))


if __name__ == "__main__":
    main()
