# SPDX-License-Identifier: GPL-2.0-or-later
"""Debian 13's QEMU, unpatched, in a root of tests/lib/child.py: started, watched, spoken to.

    with Root("example", scratch_disks=[QEMU_DISK]) as root:
        enter(root)
        machine = StockQemu(root, "pc")
        machine.start("-M pc -m 256 -kernel /guests/vmlinuz")
        machine.wait_output("guest: init runs", 120)
"""
import shlex
import shutil
import subprocess

from commands.root import concatenated_initrd
from lib.paths import KERNEL, PC_GUEST_INITRD

# Its disk is not ours: it changes its root folder to this.
TREE = "/mnt"
BINARY = "qemu-system-x86_64"
# What is asked oftener takes from a guest under three layers of emulation what it boots with.
STEP_SECONDS = 3


def guest_files(folder, programs=(), **scripts):
    """folder/guests with vmlinuz and initrd, the latter with these programs and scripts in /, by name."""
    tree, guests = folder / "tree", folder / "guests"
    tree.mkdir()
    guests.mkdir()
    for program in programs:
        shutil.copy(program, tree / program.name)
    for name, text in scripts.items():
        (tree / name).write_text(text)
    concatenated_initrd(tree, PC_GUEST_INITRD, guests / "initrd")
    subprocess.run(["cp", "-L", KERNEL, guests / "vmlinuz"], check=True)
    return guests


def disk_of(files, size):
    """A disk image with these files, beside their folder."""
    disk = files.with_suffix(".raw")
    subprocess.run(["mke2fs", "-q", "-t", "ext4", "-d", files, disk, size], check=True,
                   stdout=subprocess.DEVNULL)
    return disk


def enter(root, guests=None):
    """Mounts QEMU's disk, the first of the machine, and what it needs of the root's folders;
    `guests`, a disk with files for it, by its name in the root."""
    root.tell(f"mount -t ext4 -o ro /dev/vda {TREE} && mount -o bind /dev {TREE}/dev && "
              f"mount -o bind /tmp {TREE}/tmp && mount -o bind /run {TREE}/run && "
              f"mount -t proc proc {TREE}/proc")
    if guests:
        root.tell(f"mount -t ext4 {guests} {TREE}/guests")


class StockQemu:
    """One QEMU; its guest's COM1 is /tmp/NAME.out, its own words are in /tmp/NAME.err, the
    monitor's in /tmp/NAME.said."""

    def __init__(self, root, name):
        self.root, self.name, self.pid = root, name, None

    def start(self, words, accel="mshv", typed=False):
        """Its status will be in /tmp/NAME.status. `typed`: type() is for its COM1."""
        name = self.name
        serial = f"pipe:/tmp/{name}.com" if typed else f"file:/tmp/{name}.out"
        line = (f"{BINARY} -accel {accel} -nodefaults -display none -no-user-config"
                f" -serial {serial} -monitor pipe:/tmp/{name}.mon {words}")
        self.root.tell(f"cd /tmp && rm -f {name}.* && mkfifo {name}.mon.in {name}.mon.out {name}.com.in {name}.com.out")
        if typed:
            self.root.tell(f"(cat {name}.com.out >{name}.out &) 2>/dev/null")
        self.root.tell(f"(cat {name}.mon.out >{name}.said &) 2>/dev/null;"
                       f" (sh -c {shlex.quote(self.wrapped(line))} &)")
        self.root.wait(f"[ -s {name}.pid ]", 20)
        self.pid = int(self.root.tell(f"cat {name}.pid"))

    def wrapped(self, line):
        """chroot becomes QEMU, so that the shell's child is QEMU itself."""
        name = self.name
        return (f"chroot {TREE} /usr/bin/{line} >/tmp/{name}.err 2>&1 </dev/null &"
                f" echo $! >/tmp/{name}.pid; wait $!; echo $? >/tmp/{name}.status")

    def tell(self, command):
        """One command for the monitor."""
        self.root.tell(f"echo {shlex.quote(command)} >/tmp/{self.name}.mon.in")

    def type(self, line):
        """One line into its guest's COM1."""
        self.root.tell(f"echo {shlex.quote(line)} >/tmp/{self.name}.com.in")

    def words(self):
        return (f"tail -n 25 /tmp/{self.name}.out; tail -n 15 /tmp/{self.name}.err;"
                f" tail -n 3 /tmp/{self.name}.said; cat /tmp/{self.name}.status")

    def wait_file(self, kind, pattern, limit):
        """Until one of its files has a line like this, or it ended."""
        file, status = f"/tmp/{self.name}.{kind}", f"/tmp/{self.name}.status"
        self.root.wait(f"grep -aEq '{pattern}' {file} || [ -e {status} ]", limit, self.words(),
                       STEP_SECONDS)
        self.root.tell(f"grep -aE '{pattern}' {file} || {{ {self.words()}; false; }}")

    def wait_count(self, kind, pattern, count, limit):
        """Until one of its files has so many lines like this."""
        self.root.wait(f"[ $(grep -aEc '{pattern}' /tmp/{self.name}.{kind}) -ge {count} ]", limit,
                       self.words())

    def wait_output(self, pattern, limit):
        self.wait_file("out", pattern, limit)

    def wait_end(self, status, limit):
        """Until it ended, by itself and with this status."""
        file = f"/tmp/{self.name}.status"
        self.root.wait(f"[ -e {file} ]", limit, self.words(), STEP_SECONDS)
        self.root.tell(f"[ $(cat {file}) = {status} ] || {{ {self.words()}; false; }}")
