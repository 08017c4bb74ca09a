# SPDX-License-Identifier: GPL-2.0-or-later
# Needs: root qemu-disk pc-guest-initrd
# Limit: 1200
"""`viridis attach`: a stock guest of an unmodified QEMU has our disks, network and services on VMBus;
QEMU's end is the attachment's, and an attachment's end takes the devices from the guest."""
import subprocess
import tempfile
from pathlib import Path

from commands.root import concatenated_initrd
from lib.child import Root
from lib.log import Failure
from lib.paths import KERNEL, PC_GUEST_INITRD, QEMU_DISK
from lib.stock_qemu import StockQemu, enter
from lib.tap import Tap

BOOT_SECONDS = 300
# The guest: waits for the disk, writes and reads on it, uses the network, then tells of each second.
CHECKS = """
until [ -b /dev/sda ]; do sleep 1; done
mkdir /disk && mount /dev/sda /disk && echo "check: mounted $(md5sum </disk/file)"
cp /bin/busybox /disk/written && sync && echo "check: written"
basename $(readlink -f /sys/block/sda/device/../../../driver) | sed 's/^/check: driver /'
ip link set eth0 up && ip addr add 10.9.0.2/24 dev eth0 && ping -c 2 -w 60 10.9.0.1
umount /disk
while [ -b /dev/sda ]; do sleep 1; done
echo "check: the disk has gone, $(ls /sys/bus/vmbus/devices | wc -l) devices left"
sleep 3
poweroff -f
"""
QEMU = ("-M pc -action reboot=shutdown -kernel /guests/vmlinuz -initrd /guests/initrd"
        " -append 'console=ttyS0 quiet viridis.run=sh%20/checks'")


def make_guests(folder):
    tree, guests = folder / "tree", folder / "guests"
    tree.mkdir()
    guests.mkdir()
    (tree / "checks").write_text(CHECKS)
    concatenated_initrd(tree, PC_GUEST_INITRD, guests / "initrd")
    subprocess.run(["cp", "-L", KERNEL, guests / "vmlinuz"], check=True)
    disk = folder / "guests.raw"
    subprocess.run(["mke2fs", "-q", "-t", "ext4", "-d", guests, disk, "64M"], check=True)
    return disk


def prepare(root):
    root.tell("mount -o bind /run /mnt/run")
    root.tell("ip link add br9 type bridge && ip addr add 10.9.0.1/24 dev br9 && ip link set br9 up")
    root.tell("mkdir -p /tmp/content && head -c 3000000 /dev/urandom >/tmp/content/file")
    root.tell("truncate -s 16M /tmp/disk.img && mke2fs -F /tmp/disk.img >/dev/null 2>&1 &&"
              " mkdir -p /tmp/m && mount -o loop /tmp/disk.img /tmp/m &&"
              " cp /tmp/content/file /tmp/m/ && umount /tmp/m")


def start(root, name):
    words = root.tell("viridis qemu-args --memory 192M")
    qemu = StockQemu(root, name)
    qemu.start(f"{QEMU} {words} -name guest={name},debug-threads=off")
    return qemu


def check_attach(root, qemu):
    """By name, while its firmware runs; then what the guest says."""
    root.wait(f"viridis attach {qemu.name} --name web --disk /tmp/disk.img --net bridge=br9", 60,
              qemu.words())
    assert root.state("web") == "running"
    for line in (f"check: mounted {root.tell('md5sum </tmp/content/file')}", "check: written",
                 "check: driver hv_storvsc", "2 packets received"):
        qemu.wait_output(line, BOOT_SECONDS)


def check_services(root):
    """Its heart beats, and what it read and wrote is counted."""
    root.wait("viridis log web | grep heartbeat | grep -q alive", 60, "viridis log web")
    told = root.json("stats web")
    assert told["util"]["heartbeat"]["alive"] is True, told
    disk = told["storage"]["disks"][0]
    assert disk["read-bytes"] > 0 and disk["written-bytes"] > 0, disk


def check_rights(root, qemu):
    """One machine has one VMBus; who attaches can do no more; no machine, no attachment."""
    again = root.ask(f"viridis attach {qemu.pid} --name two")
    assert again.status == 1, again.output
    for order in ("pause", "reset"):
        refused = root.ask(f"viridis {order} web")
        assert refused.status == 1 and "another VMM" in refused.output, refused.output
    for which in ("1", "nobody"):
        refused = root.ask(f"viridis attach {which}")
        assert refused.status == 1 and "machine" in refused.output, refused.output


def check_detach(root, qemu):
    """The keeper alone is left to say it: the worker is killed."""
    keeper = root.json("info web")["status"]["pid"]
    root.tell(f"for p in $(pidof viridis-vm); do grep -q '^PPid:.{keeper}$' /proc/$p/status"
              " && kill -9 $p; done; true")
    root.wait_state("web", "failed", 60)
    qemu.wait_output("check: the disk has gone, 0 devices left", 60)
    qemu.wait_end(0, 120)
    root.tell("mount -o loop /tmp/disk.img /tmp/m && cmp /tmp/m/written /bin/busybox &&"
              " umount /tmp/m")
    root.tell("viridis delete web")
    root.nothing_left()


def check_qemu_killed(root):
    qemu = start(root, "second")
    root.wait(f"viridis attach {qemu.pid} --disk /tmp/disk.img", 60, qemu.words())
    name = f"qemu-{qemu.pid}"
    qemu.wait_output("check: written", BOOT_SECONDS)
    root.tell(f"kill -9 {qemu.pid}")
    root.wait_state(name, "off", 30)
    assert "the VMM that runs it ended" in root.tell(f"viridis log {name}")
    root.tell(f"viridis delete {name}")
    root.nothing_left()


def play(tap, root):
    prepare(root)
    qemu = start(root, "first")
    tap.run("its guest mounts our disk and uses our network", check_attach, root, qemu)
    tap.run("its heart beats, and its disk is counted", check_services, root)
    tap.run("what is no machine, or has its VMBus, is refused", check_rights, root, qemu)
    tap.run("an attachment that dies takes the devices, not the guest", check_detach, root, qemu)
    tap.run("QEMU killed ends the attachment, and no page is left", check_qemu_killed, root)
    tap.run("the root powers off", root.power_off)


def main():
    with Tap() as tap, tempfile.TemporaryDirectory(prefix="viridis-") as temporary:
        guests = make_guests(Path(temporary))
        with Root("qemu-attach", disks=[QEMU_DISK, guests]) as root:
            enter(root, "/dev/vdb")
            try:
                play(tap, root)
            except Failure as failure:
                raise Failure(f"{failure}\n{root.machine.describe()}") from failure


if __name__ == "__main__":
    main()
