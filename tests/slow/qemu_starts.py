# SPDX-License-Identifier: GPL-2.0-or-later
# Needs: root qemu-disk
# Limit: 9000
"""Stock QEMU with `-accel mshv` started 200 times: to the end of its BIOS and ended by its monitor, or killed
at whatever moment of its start. Each time every page comes back."""
import random
import sys

from lib.child import Root
from lib.paths import QEMU_DISK
from lib.stock_qemu import StockQemu, enter
from lib.tap import Tap

SEED = 20260930
BIOS_SECONDS = 200
WORDS = ("-M {machine} -smp 2 -m 64 -chardev file,id=bios,path=/tmp/{name}.bios"
         " -device isa-debugcon,iobase=0x402,chardev=bios")


def start(root, machine):
    qemu = StockQemu(root, "often")
    qemu.start(WORDS.format(machine=machine, name=qemu.name))
    return qemu


def to_its_end(root, machine):
    qemu = start(root, machine)
    qemu.wait_file("bios", "No bootable device", BIOS_SECONDS)
    qemu.tell("quit")
    qemu.wait_end(0, 60)


def killed(root, machine, moment):
    qemu = start(root, machine)
    root.tell(f"sleep {moment:.2f}; kill -9 {qemu.pid}; true")
    qemu.wait_end(137, 60)


def main(count=200):
    choice = random.Random(SEED)
    with Tap() as tap, Root("qemu-starts", scratch_disks=[QEMU_DISK]) as root:
        enter(root)
        for number in range(count):
            machine = choice.choice(("pc", "q35"))
            moment = choice.uniform(0, 2)
            if number % 8 == 0:
                tap.run(f"start {number}: {machine}, to its end", to_its_end, root, machine)
            else:
                tap.run(f"start {number}: {machine}, killed after {moment:.2f} s", killed, root,
                        machine, moment)
            root.nothing_left()
        tap.run("the root powers off", root.power_off)


if __name__ == "__main__":
    main(*(int(word) for word in sys.argv[1:]))
