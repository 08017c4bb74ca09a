# SPDX-License-Identifier: GPL-2.0-or-later
# Needs: root guest-initrd guest-disk nbd-disk nbd-client
# Limit: 1200
"""A stock Debian whose root file system comes by the network: its VM has an adapter on the root's bridge and no disk. Its
initrd gets an address by DHCP and the root folder from an NBD server; systemd starts from there to a login."""
from lib.child import Root, guest_initrd
from lib.log import Failure
from lib.paths import BUILD, GUEST_DISK, GUEST_VMLINUZ, NBD_DISK
from lib.programs import run_in, with_libraries
from lib.shell import GuestShell
from lib.tap import Tap

BOOT_SECONDS = 480
SERVER = "10.77.0.1"
MAC, ADDRESS = "02:00:5e:10:00:01", "10.77.0.10"
CLIENT = BUILD / "nbd-client"
MIB = 1 << 20
PROOF = "/var/tmp/proof"
AMISS = "I/O error|EXT4-fs error|Remounting|Call Trace|nbd0: .*(timed out|disconnect|shutting)"

# The image is the root's first disk, its changes are thrown away; the second has the server.
SERVE = (f"LD_LIBRARY_PATH=/nbd/lib setsid /nbd/bin/qemu-nbd --persistent --format raw --export-name root --cache none"
         f" --aio threads --bind {SERVER} /dev/vda")
DHCP_SERVER = f"""start 10.77.0.10
end 10.77.0.90
interface br0
lease_file /run/leases
static_lease {MAC} {ADDRESS}
option subnet 255.255.255.0
"""
DHCP_SCRIPT = """#!/bin/sh
case $1 in
deconfig) ip addr flush dev "$interface"; ip link set "$interface" up ;;
bound) ip addr add "$ip/$mask" dev "$interface" ;;
esac
"""
INIT = f"""#!/bin/sh
export PATH=/bin
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
while read -r module; do insmod "$module"; done </lib/modules/load
insmod /share/nbd.ko nbds_max=1
for _ in $(seq 300); do [ -e /sys/class/net/eth0 ] && break; sleep 0.1; done
udhcpc -i eth0 -n -q -t 10 -s /share/dhcp
{run_in("/share", "nbd-client")} -N root {SERVER} /dev/nbd0
mount -t ext4 /dev/nbd0 /mnt || exec sh
for folder in dev proc sys; do mount -o move /$folder /mnt/$folder; done
exec switch_root /mnt /sbin/init
"""


def set_up(root):
    root.tell(f"brctl addbr br0 && ip addr add {SERVER}/24 dev br0 && ip link set br0 up")
    root.tell(": >/run/leases; udhcpd -S /share/udhcpd.conf")
    root.tell("mkdir /nbd && mount -t ext4 -o ro /dev/vdb /nbd")
    root.tell(f"({SERVE} >/tmp/nbd.log 2>&1 & echo $! >/tmp/nbd.pid)")
    root.wait("netstat -ltn | grep -q :10809", 30, "cat /tmp/nbd.log")


def check_root(guest):
    """Of the network's adapter and the server, and of nothing else."""
    assert guest.tell("findmnt -no SOURCE,FSTYPE /") == "/dev/nbd0 ext4"
    assert guest.tell("ls /sys/class/scsi_disk 2>/dev/null || true") == ""
    assert f"inet {ADDRESS}/24" in guest.tell("ip -4 addr show")
    assert guest.tell("cat /proc/1/comm") == "systemd"


def check_files(guest, sums):
    """What it writes is there when its cache is empty, and so is what Debian brought."""
    guest.tell(f"dd if=/dev/urandom of={PROOF} bs=1M count=8 status=none && sync", 120)
    before = guest.tell(f"sha256sum {PROOF} /bin/bash", 120)
    guest.tell("echo 3 >/proc/sys/vm/drop_caches")
    assert guest.tell(f"sha256sum {PROOF} /bin/bash", 120) == before
    sums.append(before.split()[0])


def check_amiss(guest):
    amiss = guest.ask(f"dmesg | grep -E '{AMISS}'")
    assert amiss.status == 1, amiss.output


def check_carried(root):
    """It all went by the adapter: the VM has no other way."""
    told = root.json("stats web")
    assert told["storage"]["disks"] == [], told["storage"]
    assert told["net0"]["received-bytes"] > 16 * MIB and told["net0"]["sent-bytes"] > 8 * MIB, told["net0"]
    assert told["net0"]["rejected"] == told["net0"]["send-errors"] == told["net0"]["receive-errors"] == 0, told["net0"]


def check_image(root, sums):
    """The root finds the file in the image."""
    root.tell("kill $(cat /tmp/nbd.pid); while kill -0 $(cat /tmp/nbd.pid) 2>/dev/null; do sleep 0.1; done")
    root.tell("mkdir -p /mnt && mount -t ext4 /dev/vda /mnt", 60)
    assert root.tell(f"sha256sum </mnt{PROOF}", 60).split()[0] == sums[0]
    root.tell("umount /mnt")


def play(tap, root):
    set_up(root)
    root.create("web", "--memory 384M --kernel /share/vmlinuz --initrd /share/initrd"
                f" --net bridge=br0,mac={MAC}",
                # networkd would take the address away before it asks for one.
                "console=ttyS0 quiet rdinit=/share/init systemd.mask=systemd-networkd.service")
    root.start("web")
    guest = GuestShell(root.shell, "web", limit=BOOT_SECONDS)
    tap.ok(True, "a stock Debian starts to its login, without a disk")
    sums = []
    tap.run("its root folder is the NBD server's", check_root, guest)
    tap.run("it writes there, and reads it back", check_files, guest, sums)
    tap.run("it complains of nothing", check_amiss, guest)
    guest.detach()
    tap.run("all of it went by its adapter", check_carried, root)
    root.tell("viridis stop web", 60)
    tap.run("the image has what it wrote", check_image, root, sums)
    tap.run("nothing is left", root.nothing_left)
    tap.run("the root powers off", root.power_off)


def main():
    client = with_libraries(CLIENT / "sbin" / "nbd-client", libraries=CLIENT / "lib" / "x86_64-linux-gnu")
    files = {"init": INIT, "dhcp": DHCP_SCRIPT, "nbd.ko": CLIENT / "nbd.ko", **client}
    with Tap() as tap, guest_initrd(files) as initrd, \
            Root("network-root", {"vmlinuz": GUEST_VMLINUZ, "initrd": initrd, "udhcpd.conf": DHCP_SERVER},
                 scratch_disks=[GUEST_DISK], disks=[NBD_DISK]) as root:
        try:
            play(tap, root)
        except Failure as failure:
            raise Failure(f"{failure}\n{root.machine.describe()}") from failure


if __name__ == "__main__":
    main()
