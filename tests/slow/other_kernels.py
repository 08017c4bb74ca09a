# SPDX-License-Identifier: GPL-2.0-or-later
# Needs: root other-roots qemu-disk pc-guest-initrd target:tiny_guest
# Limit: 1800
"""Other kernels than Debian 12's as the root partition: Debian 13's own, and the newest of its
backports. The module was built against each one's headers by that release's compiler. On each, stock QEMU boots a guest."""
import sys
import tempfile
from pathlib import Path

from lib.child import Root
from lib.log import Failure
from lib.paths import BUILD, OTHER_ROOTS, QEMU_DISK
from lib.stock_qemu import StockQemu, disk_of, enter, guest_files
from lib.tap import Tap

TINY = BUILD / "tests" / "guest" / "tiny.bz"
QEMU_SECONDS = 480
CHECKS = """
dmesg | grep 'Hypervisor detected'
echo "check: cpus $(nproc)"
echo "check: $(md5sum </dev/vda)"
"""
AMISS = "Call Trace|BUG:|cut here|unchecked MSR|viridis: .*(lost|not given back)"


def check_ready(root, kernel):
    release = (kernel.parent / "release").read_text().strip()
    assert root.tell("uname -r") == release
    for line in ("Hypervisor detected: Microsoft Hyper-V", "/dev/mshv ready"):
        root.tell(f"dmesg | grep '{line}'")


def check_module_comes_and_goes(root):
    """All of its pages come back, and it can be had again; on a CPU that was away, too."""
    root.tell("echo 0 >/sys/devices/system/cpu/cpu1/online")
    root.tell("rmmod viridis_mshv && insmod /lib/modules/viridis_mshv.ko")
    root.tell("echo 1 >/sys/devices/system/cpu/cpu1/online")


def check_qemu(root):
    """A stock kernel to its userland, with two VPs and a disk, and off by ACPI."""
    enter(root, "/dev/vdb")
    root.tell("dd if=/dev/urandom of=/tmp/a bs=1M count=2 2>/dev/null")
    qemu = StockQemu(root, "pc")
    qemu.start("-M pc -action reboot=shutdown -m 192 -smp 2 -drive file=/tmp/a,format=raw,if=virtio"
               " -kernel /guests/vmlinuz -initrd /guests/initrd"
               " -append 'console=ttyS0 quiet viridis.run=sh%20/checks'")
    qemu.wait_output("guest: exit 0", QEMU_SECONDS)
    qemu.wait_end(0, 60)
    for line in ("Hypervisor detected: Microsoft Hyper-V", "check: cpus 2", f"check: {root.tell('md5sum </tmp/a')}"):
        root.tell(f"grep -aF '{line}' /tmp/pc.out || {{ {qemu.words()}; false; }}")


def check_quiet(root):
    amiss = root.ask(f"dmesg | grep -E '{AMISS}'")
    assert amiss.status == 1, amiss.output


def play(tap, root, name, kernel):
    tap.run(f"{name}: is a root, with /dev/mshv", check_ready, root, kernel)
    tap.run(f"{name}: the module comes and goes", check_module_comes_and_goes, root)
    root.tell("dd if=/dev/zero of=/tmp/disk bs=1M count=8 2>/dev/null")
    root.create("child", "--memory 64M --vps 2 --kernel /share/tiny --disk /tmp/disk"
                " --serial /tmp/child.out", "tests=cpuid,synic,smp,vmbus role=child")
    root.start("child")
    tap.adopt(root.tap_of("child"), f"{name}: child: ")
    root.wait_state("child", "off", 60)
    root.tell("viridis start child && sleep 1 && kill -9 $(pidof viridis-vm)")
    tap.run(f"{name}: nothing is left of a child that was killed", root.nothing_left)
    tap.run(f"{name}: stock QEMU boots a guest", check_qemu, root)
    tap.run(f"{name}: and nothing is left of it", root.nothing_left)
    tap.run(f"{name}: the kernel has nothing to complain of", check_quiet, root)
    tap.run(f"{name}: powers off", root.power_off)


def main(*names):
    with Tap() as tap, tempfile.TemporaryDirectory(prefix="viridis-") as folder:
        guests = disk_of(guest_files(Path(folder), checks=CHECKS), "64M")
        for name in names or OTHER_ROOTS:
            kernel, initrd = OTHER_ROOTS[name]
            with Root(f"kernel-{name}", {"tiny": TINY}, kernel, initrd, scratch_disks=[QEMU_DISK, guests]) as root:
                try:
                    play(tap, root, name, kernel)
                except Failure as failure:
                    raise Failure(f"{failure}\n{root.machine.describe()}") from failure


if __name__ == "__main__":
    main(*sys.argv[1:])
