# SPDX-License-Identifier: GPL-2.0-or-later
"""What a guest of stock QEMU costs on /dev/mshv: a port that QEMU answers for, byte by byte
and as a BIOS reads a sector, and its disks; the disk behind both is the
small root's RAM disk, as in-root's is, for one of QEMU's outside takes no virtual time."""
import tempfile
from contextlib import contextmanager
from pathlib import Path

from bench.phases import from_phases
from lib.child import Root
from lib.paths import BUILD, QEMU_DISK
from lib.stock_qemu import StockQemu, disk_of, enter, guest_files

PROGRAMS = [BUILD / "tests" / "bench" / name for name in ("disk_reader", "port_reader")]
# As much real time as an emulated machine takes under icount.
GUEST_SECONDS = 1500
SCRIPT = """
/port_reader
until [ -b /dev/$1 ]; do sleep 1; done
phases=$2 /disk_reader /dev/$1 /dev/null
"""
GUEST = ("-action reboot=shutdown -m 192 -kernel /guests/vmlinuz -initrd /guests/initrd -append"
         " 'console=ttyS0 quiet nokaslr viridis.run=sh%20/measure%20{disk}%20{phases}'"
         " -drive if=none,id=disk,file=/dev/ram0,format=raw,cache=none,aio=native,file.locking=off"
         " -device {device},drive=disk")
DEPTH_1, DEPTH_32 = "read-4k-depth-1", "read-4k-depth-32"
# Kind of disk to QEMU's machine and device, and its name in the guest.
DISKS = {"virtio": ("q35", "virtio-blk-pci", "vda"), "ide": ("pc", "ide-hd,bus=ide.0", "sda")}


def guest(root, kind, phases):
    """Phase name to figure."""
    machine, device, disk = DISKS[kind]
    qemu = StockQemu(root, kind)
    qemu.start(f"-M {machine} " + GUEST.format(disk=disk, device=device, phases=",".join(phases)))
    qemu.wait_output("guest: exit 0", GUEST_SECONDS)
    qemu.wait_end(0, GUEST_SECONDS)
    return from_phases(root.tell(f"tr -d '\\r' </tmp/{kind}.out | grep -a '^phase '"))


@contextmanager
def qemu_root(name, memory, files=None, **options):
    """A root with QEMU, its guest, and the disk that the guest reads."""
    with tempfile.TemporaryDirectory(prefix="viridis-") as folder:
        disk = disk_of(guest_files(Path(folder), PROGRAMS, measure=SCRIPT), "96M")
        with Root(name, files, scratch_disks=[QEMU_DISK], disks=[disk], icount=True, cpus=1,
                  memory=memory, **options) as root:
            enter(root, "/dev/vdb")
            root.tell("dd if=/dev/zero of=/dev/ram0 bs=1M count=64 2>/dev/null")
            yield root


def measure(memory):
    """Figure name to value, as anchors has them."""
    with qemu_root("bench-qemu", memory) as root:
        virtio = guest(root, "virtio", (DEPTH_1, DEPTH_32))
        ide = guest(root, "ide", (DEPTH_1,))
        root.nothing_left()
    return {"qemu-port-read": virtio["port-read"], "qemu-port-sector": virtio["port-sector"],
            "qemu-virtio-4k-depth-1": virtio[DEPTH_1], "qemu-virtio-4k-depth-32": virtio[DEPTH_32],
            "qemu-ide-4k-depth-1": ide[DEPTH_1]}
