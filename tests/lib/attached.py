# SPDX-License-Identifier: GPL-2.0-or-later
"""A guest of stock QEMU that is given our disks and networks: for tests of `viridis attach`."""
import tempfile
from contextlib import contextmanager
from pathlib import Path

from lib.child import Root
from lib.log import Failure
from lib.paths import QEMU_DISK
from lib.stock_qemu import STEP_SECONDS, StockQemu, disk_of, enter, guest_files

BOOT_SECONDS = 480
# The guest: waits for the disk, reads and writes on it, uses the network; tells when the disk has gone, and how
# many devices are left whenever that changes.
CHECKS = """
until [ -b /dev/sda ]; do sleep 1; done
mkdir /disk && mount /dev/sda /disk && echo "check: mounted $(md5sum </disk/file)"
cp /bin/busybox /disk/written && sync && echo "check: written"
basename $(readlink -f /sys/block/sda/device/../../../driver) | sed 's/^/check: driver /'
ip link set eth0 up && ip addr add 10.9.0.2/24 dev eth0 && ping -c 2 -w 60 10.9.0.1
[ ! -e /disk/reboots ] || reboot -f
umount /disk
while [ -b /dev/sda ]; do sleep 1; done
echo "check: the disk has gone"
left=
until [ "$left" = 0 ]; do
	sleep 1
	now=$(ls /sys/bus/vmbus/devices | wc -l)
	[ "$now" = "$left" ] || echo "check: $now devices are left"
	left=$now
done
poweroff -f
"""
QEMU = ("-action reboot=shutdown -kernel /guests/vmlinuz -initrd /guests/initrd"
        " -append 'console=ttyS0 quiet viridis.run=sh%20/checks'")


@contextmanager
def attach_root(name, files=None):
    """A root with QEMU, guests for it, a bridge, and the disk that they are to be given; `files` in /share by name."""
    with tempfile.TemporaryDirectory(prefix="viridis-") as temporary:
        guests = disk_of(guest_files(Path(temporary), checks=CHECKS), "64M")
        with Root(name, files, scratch_disks=[QEMU_DISK], disks=[guests]) as root:
            enter(root, "/dev/vdb")
            root.tell("ip link add br9 type bridge && ip addr add 10.9.0.1/24 dev br9 && ip link set br9 up")
            root.tell("mkdir -p /tmp/m && head -c 3000000 /dev/urandom >/tmp/file && cp /tmp/file /tmp/m/")
            try:
                yield root
            except Failure as failure:
                raise Failure(f"{failure}\n{root.machine.describe()}") from failure


def make_disk(root, more="true"):
    """/tmp/disk.img with /tmp/file in it; `more` is run with it mounted at /tmp/m."""
    root.tell("truncate -s 16M /tmp/disk.img && mke2fs -F /tmp/disk.img >/dev/null 2>&1 && "
              f"mount -o loop /tmp/disk.img /tmp/m && cp /tmp/file /tmp/m/ && {more} && umount /tmp/m")


def check_written(root):
    root.tell("mount -o loop,ro /tmp/disk.img /tmp/m && cmp /tmp/m/written /bin/busybox && umount /tmp/m")


def check_over(root, name):
    """The end of QEMU was that of what was attached."""
    root.wait_state(name, "off", 60)
    assert "the VMM that runs it ended" in root.tell(f"viridis log {name}")
    root.tell(f"viridis delete {name}")
    root.nothing_left()


def start(root, name, machine="pc", more=""):
    words = root.tell("viridis qemu-args --memory 192M")
    qemu = StockQemu(root, name)
    qemu.start(f"-M {machine} {QEMU} {words} {more} -name guest={name}")
    return qemu


def attach(root, qemu, which, name):
    """Once QEMU has made its machine; its firmware may run by then."""
    root.wait(f"viridis attach {which} --name {name} --disk /tmp/disk.img --net bridge=br9", 120,
              qemu.words(), STEP_SECONDS)


def wait_used(root, qemu):
    """The guest has read, written and pinged."""
    for line in (f"check: mounted {root.tell('md5sum </tmp/file')}", "check: written",
                 "check: driver hv_storvsc", "2 packets received"):
        qemu.wait_output(line, BOOT_SECONDS)
