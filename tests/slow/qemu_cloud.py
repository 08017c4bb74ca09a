# SPDX-License-Identifier: GPL-2.0-or-later
# Needs: root qemu-disk cloud-disk
# Limit: 3600
"""A disk as Debian's cloud images are, in stock QEMU with `-accel mshv`: by its BIOS and GRUB from a virtio disk, then from an
IDE disk, to systemd's multi-user.target; on the same machine it works on a disk and an adapter that `viridis attach` gives it.
Names behind it (`virtio`, `ide`) choose among them."""
import sys

from lib.attached import attach, check_over
from lib.child import Root
from lib.log import Failure
from lib.paths import CLOUD_DISK, QEMU_DISK
from lib.stock_qemu import StockQemu, enter
from lib.tap import Tap

# By IDE, QEMU takes each sector of kernel and initrd word by word (qemu_mshv.py).
DISKS = {"virtio": ("-drive file=/dev/vdb,format=raw,if=virtio", "virtio", 900),
         "ide": ("-drive file=/dev/vdb,format=raw,if=ide", "ata", 1800)}
WORK_SECONDS = 900
ROOT, GUEST = "10.9.0.1", "10.9.0.40"
DHCP_SERVER = f"""start {GUEST}
end {GUEST}
interface br9
lease_file /run/leases
option subnet 255.255.255.0
"""

# The guest's side, from our disk. Its own root disk is QEMU's, this one and the adapter are ours.
WORK = f"""
bus() {{ readlink -f /sys/class/block/$1 | sed -n 's#.*/\\(ata\\|virtio\\|vmbus\\)[^/]*/.*#\\1#Ip' | tr A-Z a-z; }}
node() {{ findmnt -n -o SOURCE $1 | sed 's#/dev/##'; }}
systemctl is-system-running --wait >/dev/null
echo "check: $(systemctl is-active multi-user.target) failed $(systemctl --failed --plain --no-legend | wc -l)"
echo "check: kernel $(uname -r | sed 's/.*-cloud-/cloud-/') by $(sed -n 's/.* root=\\([A-Z]*\\)=.*/\\1/p' /proc/cmdline)"
echo "check: root on $(bus $(node /)), work on $(bus $(node /mnt))"
echo "check: read $(md5sum </mnt/file)"
cp /mnt/file /mnt/written && sync
echo "check: adapter $(basename $(readlink /sys/class/net/eth0/device/driver))"
for second in $(seq 120); do
	ip -4 -o address show dev eth0 | grep -q {GUEST}/24 && break
	sleep 1
done
echo "check: address $(ip -4 -o address show dev eth0 | sed 's#.* \\([0-9.]*/24\\) .*#\\1#')"
echo "check: received $(cat </dev/tcp/{ROOT}/5000 | md5sum)"
cat /mnt/file >/dev/tcp/{ROOT}/5001 && echo "check: sent"
dmesg | grep -E 'Call Trace|BUG:|cut here|soft lockup|timed out' || echo "check: quiet"
systemctl poweroff
"""


def prepare(root):
    root.tell(f"ip link add br9 type bridge && ip addr add {ROOT}/24 dev br9 && ip link set br9 up")
    root.tell(": >/run/leases; udhcpd -S /share/udhcpd.conf")
    root.tell("mkdir -p /tmp/m && head -c 3000000 /dev/urandom >/tmp/file")


def make_disk(root):
    root.tell("truncate -s 16M /tmp/disk.img && mke2fs -F -L work /tmp/disk.img >/dev/null 2>&1 && "
              "mount -o loop /tmp/disk.img /tmp/m && cp /tmp/file /share/work /tmp/m/ && umount /tmp/m")


def check_boot(root, qemu, limit):
    """To root's shell on its console, into which nothing was typed yet."""
    attach(root, qemu, qemu.name, "web")
    qemu.wait_output("root@cloud:~# ", limit)


def check_work(root, qemu, bus):
    root.tell("(nc -l -p 5000 </tmp/file >/dev/null 2>&1 &); (sleep 600 | nc -l -p 5001 >/tmp/sent 2>/dev/null &)")
    qemu.type("until mount LABEL=work /mnt; do sleep 2; done; bash /mnt/work")
    qemu.wait_end(0, WORK_SECONDS)
    content = root.tell("md5sum </tmp/file")
    for line in ("check: active failed 0", "check: kernel cloud-amd64 by UUID", f"check: root on {bus}, work on vmbus",
                 f"check: read {content}", "check: adapter hv_netvsc", f"check: address {GUEST}/24",
                 f"check: received {content}", "check: sent", "check: quiet"):
        root.tell(f"grep -aF '{line}' /tmp/{qemu.name}.out || {{ {qemu.words()}; false; }}")


def check_host(root):
    """What came by TCP, and what is on the disk, as seen from here; and nothing else is left."""
    root.tell("cmp /tmp/sent /tmp/file && rm /tmp/sent")
    root.tell("mount -o loop,ro /tmp/disk.img /tmp/m && cmp /tmp/m/written /tmp/file && umount /tmp/m")
    check_over(root, "web")


def play(tap, root, name):
    disk, bus, limit = DISKS[name]
    make_disk(root)
    qemu = StockQemu(root, name)
    words = root.tell("viridis qemu-args --memory 384M")
    qemu.start(f"-M pc -action reboot=shutdown {disk} {words} -name guest={name}", typed=True)
    tap.run(f"{name}: SeaBIOS, GRUB and systemd to a shell", check_boot, root, qemu, limit)
    tap.run(f"{name}: it works on storvsc and netvsc", check_work, root, qemu, bus)
    tap.run(f"{name}: as the host sees", check_host, root)


def main(*names):
    files = {"udhcpd.conf": DHCP_SERVER, "work": WORK}
    with Tap() as tap, Root("qemu-cloud", files, scratch_disks=[QEMU_DISK, CLOUD_DISK]) as root:
        enter(root)
        prepare(root)
        try:
            for name in names or DISKS:
                play(tap, root, name)
        except Failure as failure:
            raise Failure(f"{failure}\n{root.machine.describe()}") from failure
        tap.run("the root powers off", root.power_off)


if __name__ == "__main__":
    main(*sys.argv[1:])
