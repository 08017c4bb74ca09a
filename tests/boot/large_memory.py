# SPDX-License-Identifier: GPL-2.0-or-later
# Needs: target:viridis.elf target:tiny_guest
# Limit: 240
"""A machine with nearly all the memory that QEMU's 40 bits of address can have: it starts, a root makes
children in it, and what is not used is not even touched."""
import re

from boot_iso import Module
from lib.machine import Machine
from lib.paths import HYPERVISOR_ELF
from lib.tap import Tap, parse
from lib.tiny import END, TINY

GIB = 1 << 30
SIZE = 960 * GIB
TOUCHED_MOST = 1 << 20  # KiB


def check_reserve(machine):
    """In the RAM above 4 GiB, and of 6 MiB for each GiB."""
    found = re.search(r"reserve 0x([0-9a-f]+)-0x([0-9a-f]+)", machine.hypervisor_log.text())
    start, end = (int(number, 16) for number in found.groups())
    assert start >= 4 * GIB and end - start >= SIZE // GIB * (6 << 20), found[0]


def check_touched(machine):
    """The emulator's own memory too."""
    with open(f"/proc/{machine.process.pid}/status", encoding="ascii") as status:
        resident = int(re.search(r"VmHWM:\s+(\d+) kB", status.read())[1])
    print(f"# {resident >> 10} MiB resident")
    assert resident <= TOUCHED_MOST


def main():
    modules = [Module(TINY, "kernel tests=parent role=root exit=halt")]
    memory = ["-object", f"memory-backend-ram,id=ram,size={SIZE},reserve=off",
              "-machine", "memory-backend=ram"]
    with Tap() as tap, \
            Machine("large-memory", modules, hypervisor=HYPERVISOR_ELF, cpus=2,
                    memory=f"{SIZE // GIB}G", extra=memory) as machine:
        machine.console.wait(END, 180)
        tap.adopt(parse(machine.console.text()))
        tap.run("the reserve lies above 4 GiB", check_reserve, machine)
        tap.run("little of the memory was touched", check_touched, machine)


if __name__ == "__main__":
    main()
