# SPDX-License-Identifier: GPL-2.0-or-later
# Needs: root guest-initrd guest-disk target:tiny_guest
# Limit: 1500
"""A stock Linux on the root's bridge: an address by DHCP, ping, TCP both ways byte for byte; the link down and up, a
larger MTU; two guests that talk; networks that cannot be; what the guest's own daemon tells of its addresses and is told for
its programs, a disk frozen by another, and files written by a third; adapters that come and go, under load too; and one that
returns when the process that serves it was killed.
All traffic stays between the root and its children."""
import contextlib
import subprocess
import tempfile
from pathlib import Path

from lib import iperf
from lib.child import Root, guest_initrd
from lib.disks import ext4_needs_recovery
from lib.paths import GUEST_DISK, KERNEL
from lib.programs import run_in, with_libraries
from lib.shell import ASH_PROMPT, GuestShell, away
from lib.tap import Tap
from lib.tiny import TINY

BOOT_SECONDS = 240
ROOT = "10.77.0.1"
FIRST_MAC, SECOND_MAC, THIRD_MAC = "02:00:5e:10:00:01", "02:00:5e:10:00:02", "02:00:5e:10:00:03"
GUEST_VM = "--memory 192M --vps 1 --kernel /share/vmlinuz --initrd /share/initrd"
MIB = 1 << 20
FILE_MIB = 24
SMALL_DISK_MIB = 16

# What udhcpc calls for each step, in the guest.
DHCP_SCRIPT = """#!/bin/sh
case $1 in
deconfig) ip addr flush dev "$interface"; ip link set "$interface" up ;;
bound | renew) ip addr add "$ip/$mask" dev "$interface"; echo "$ip" >/run/address ;;
esac
"""
DHCP_SERVER = f"""start 10.77.0.10
end 10.77.0.90
interface br0
lease_file /run/leases
static_lease {FIRST_MAC} 10.77.0.10
static_lease {SECOND_MAC} 10.77.0.11
static_lease {THIRD_MAC} 10.77.0.12
option subnet 255.255.255.0
option router {ROOT}
"""


IPERF = with_libraries(iperf.PROGRAM)
DAEMONS = ("hv_fcopy_daemon", "hv_kvp_daemon", "hv_vss_daemon")


@contextlib.contextmanager
def daemons():
    """Debian's hyperv-daemons, as the guest's disk has them, with their libraries."""
    with tempfile.TemporaryDirectory(prefix="viridis-") as folder:
        for name in DAEMONS:
            subprocess.run(["debugfs", "-R", f"dump -p /usr/sbin/{name} {folder}/{name}", GUEST_DISK],
                           capture_output=True, check=True)
        yield with_libraries(*(Path(folder, name) for name in DAEMONS))


@contextlib.contextmanager
def small_disk():
    """With an ext4 that has a journal."""
    with tempfile.TemporaryDirectory(prefix="viridis-") as folder:
        path = Path(folder, "disk")
        subprocess.run(["mke2fs", "-q", "-t", "ext4", path, f"{SMALL_DISK_MIB}M"], check=True)
        yield path


def set_up(root):
    root.tell("brctl addbr br0 && ip addr add 10.77.0.1/24 dev br0 && ip link set br0 up")
    for port in (5201, 5202):
        root.tell(f"({iperf.IPERF} -s -p {port} >/tmp/iperf.{port} 2>&1 &)")
    root.tell("tunctl -t tap0 && ip link set tap0 up")
    root.tell(": >/run/leases; udhcpd -S /share/udhcpd.conf")
    root.tell(f"mkdir /tmp/www; head -c {FILE_MIB * MIB} /dev/urandom >/tmp/www/file;"
              f" httpd -p {ROOT}:80 -h /tmp/www")


def define(root, name, net, words=""):
    root.create(name, f"{GUEST_VM} --net {net} {words}", "console=ttyS0 quiet")


def attach(root, name):
    return GuestShell(root.shell, name, ASH_PROMPT, BOOT_SECONDS)


# --- one guest

def check_driver(guest):
    guest.tell("readlink /sys/class/net/eth0/device/driver | grep -q hv_netvsc", 90)
    assert guest.tell("cat /sys/class/net/eth0/address") == FIRST_MAC
    assert guest.tell("cat /sys/class/net/eth0/mtu") == "1500"
    amiss = guest.ask("dmesg | grep -E 'hv_netvsc|hv_vmbus' | grep -iE 'fail|error|unable|invalid'")
    assert amiss.status == 1, amiss.output


def check_dhcp_of(guest, address, interface="eth0"):
    guest.tell(f"udhcpc -i {interface} -n -q -t 10 -s /share/dhcp", 90)
    assert guest.tell("cat /run/address") == address


def check_dhcp(guest):
    check_dhcp_of(guest, "10.77.0.10")


def ping(guest, address, size=56):
    told = guest.tell(f"ping -c 3 -s {size} -W 5 {address}", 60)
    assert "3 packets received" in told, told


def check_ping(guest):
    for size in (56, 1400, 1472, 1473, 6000):
        ping(guest, ROOT, size)


def check_receive(guest, root):
    guest.tell(f"wget -q -O /tmp/got http://{ROOT}/file", 200)
    there = guest.tell("sha256sum </tmp/got", 60)
    with away(guest):
        here = root.tell("sha256sum </tmp/www/file")
    assert there == here, (there, here)


def check_send(guest, root):
    with away(guest):
        # nc ends when its peer says that it will send no more: this one says nothing for a while.
        root.tell("(sleep 300 | nc -l -p 5000 >/tmp/got &)")
    guest.tell(f"nc {ROOT} 5000 </tmp/got", 200)
    with away(guest):
        root.wait("cmp -s /tmp/got /tmp/www/file", 60, "ls -l /tmp/got /tmp/www/file")


def check_down_and_up(guest):
    for _ in range(3):
        guest.tell("ip link set eth0 down && ip link set eth0 up", 60)
    ping(guest, ROOT)


def check_mtu(guest):
    """The host gives 9000; the guest begins with what it is used to."""
    guest.tell("ip link set eth0 mtu 9000", 60)
    assert guest.tell("cat /sys/class/net/eth0/mtu") == "9000"
    ping(guest, ROOT, 8900)
    guest.tell("ip link set eth0 mtu 1280", 60)
    ping(guest, ROOT, 8900)
    guest.tell("ip link set eth0 mtu 1500", 60)
    ping(guest, ROOT)


def check_rebind(guest):
    """The driver lets go of the device and takes it anew."""
    guest.tell("d=$(basename $(readlink /sys/class/net/eth0/device));"
               " cd /sys/bus/vmbus/drivers/hv_netvsc; echo $d >unbind;"
               " ! ls /sys/class/net | grep eth0 && echo $d >bind; cd /", 60)
    check_dhcp(guest)
    ping(guest, ROOT)


def check_errors(guest):
    names = ("rx_errors", "tx_errors", "rx_dropped", "tx_dropped", "rx_length_errors",
             "rx_frame_errors", "rx_crc_errors", "tx_carrier_errors")
    told = guest.tell("cd /sys/class/net/eth0/statistics; cat " + " ".join(names) + "; cd /")
    assert told.split() == ["0"] * len(names), told


def check_stats(root):
    told = root.json("stats first")["net0"]
    assert told["sent-bytes"] > FILE_MIB * MIB and told["received-bytes"] > FILE_MIB * MIB, told
    assert told["rejected"] == told["send-errors"] == told["receive-errors"] == 0, told
    # A segment of 1,460 bytes a frame would be 17,000 frames.
    assert told["sent"] < 8000, told
    assert "sent-bytes" in root.tell("viridis stats first")


# --- two guests

def check_two(root, first):
    with away(first):
        root.start("second")
        second = attach(root, "second")
        try:
            check_dhcp_of(second, "10.77.0.11")
            ping(second, "10.77.0.10")
            ping(second, ROOT)
        finally:
            second.detach()
        root.tell("viridis stop second")


# --- networks that cannot be

REFUSED = (
    ("bridge=br9", "br9: there is no such"), ("bridge=lo", "lo: it is no bridge"),
    ("tap=tap9", "tap9: there is no such"), ("tap=br0", "br0: it is no TAP"),
    ("tap=", "no name of a network"), ("br0", "write user, tap=NAME"), ("mtu=9000", "is needed"),
    ("bridge=br0,tap=tap0", "or 'user'"), ("bridge=br0,mtu=90", "mtu 90"),
    ("bridge=br0,mtu=x", "not a number"), ("bridge=br0,queues=9", "from 1 to 8"), ("bridge=br0,mac=01:00:00:00:00:01", "one station"),
    ("bridge=br0,mac=2:0:0", "mac '2:0:0'"), ("bridge=br0,color=red", "no 'color'"),
    (f"bridge=br0,mac={FIRST_MAC} --net bridge=br0,mac={FIRST_MAC}", "another adapter's"),
    ("tap=tap0 --net tap=tap0", "one adapter"),
)


def check_refused(root):
    for words, named in REFUSED:
        answer = root.ask(f"viridis create bad {GUEST_VM} --net {words}")
        assert answer.status == 1 and named in answer.output, (words, answer.output)
    assert "bad" not in root.tell("viridis list")


def check_mac_twice(root):
    """An address is one VM's: said when another is made, and when a definition was edited."""
    answer = root.ask(f"viridis create bad {GUEST_VM} --net bridge=br0,mac={FIRST_MAC}")
    assert answer.status == 1 and "of the VM 'first' too" in answer.output, answer.output
    define(root, "edited", "bridge=br0,mac=02:00:5e:10:00:09")
    root.tell(f"sed -i s/02:00:5e:10:00:09/{FIRST_MAC}/ /var/lib/viridis/edited.json")
    answer = root.ask("viridis start edited")
    assert answer.status == 1 and "of the VM 'first' too" in answer.output, answer.output
    root.tell("viridis delete edited")


# --- our own guest, which has no network but what it makes

def udp_to_nobody(root):
    """Datagrams to ports where nobody listens."""
    names, values = root.tell("grep ^Udp: /proc/net/snmp").splitlines()
    return int(dict(zip(names.split(), values.split()))["NoPorts"])


def check_tiny(tap, root):
    before = udp_to_nobody(root)
    root.create("tiny", "--memory 32M --kernel /share/tiny.bz --serial /tmp/tiny.out"
                " --net bridge=br0", "tests=net role=child pings=5 blast=2000")
    root.start("tiny")
    told = root.tell("ping -c 5 -s 1400 -W 20 10.77.0.20", 120)
    assert "5 packets received" in told, told
    tap.adopt(root.tap_of("tiny"))
    arrived = udp_to_nobody(root) - before
    assert arrived == 2000, arrived
    root.wait_state("tiny", "off", 30)
    root.tell("viridis delete tiny")


KEPT = 15


def device_of(root, name):
    """The TAP device of a VM's only adapter."""
    pid = root.tell(f"for p in $(pidof viridis-net); do grep -q '^PPid:[[:space:]]*'{root.json(f'info {name}')['status']['pid']}$"
                    " /proc/$p/status && echo $p; done")
    return root.tell(f"sed -n 's/^iff:[[:space:]]*//p' /proc/{pid}/fdinfo/*")


def check_keeps(root):
    """A guest that gives nothing back has what it has, its device drops the rest and counts it; another is served."""
    for name, number, words in (("keeps", 20, f"pings=1 keep={KEPT}"), ("other", 21, "pings=13")):
        root.create(name, f"--memory 32M --kernel /share/tiny.bz --serial /tmp/{name}.out --net bridge=br0",
                    f"tests=net role=child address={number} {words}")
        root.start(name)
        root.tell(f"ping -c 1 -W 20 10.77.0.{number}", 60)
    root.wait_output("keeps", "keeps what comes", 30)
    device = device_of(root, "keeps")
    dropped = f"cat /sys/class/net/{device}/statistics/tx_dropped"
    assert root.tell(dropped) == "0"
    # Each in some forty pieces.
    root.tell("for n in $(seq 40); do ping -c 1 -W 1 -s 60000 10.77.0.20 >/dev/null 2>&1 & done; wait", 60)
    root.wait_output("keeps", f"{KEPT} frames are kept", 30)
    root.wait(f"[ $({dropped}) -gt 0 ]", 20, dropped)
    told = root.json("stats keeps")["net0"]
    assert told["stalls"] >= 1 and told["free-sections"] == 8 and told["rejected"] == 0, told
    told = root.tell("ping -c 12 -s 1400 -W 20 10.77.0.21", 60)
    assert "12 packets received" in told, told
    assert all(result.passed for result in root.tap_of("other")), root.tell("cat /tmp/other.out")
    assert root.json("stats keeps")["net0"]["received"] < 1000
    root.tell("viridis stop keeps; viridis delete keeps; viridis delete other")


def check_busy(root):
    """A TAP device serves one; what is gone since is said at the start."""
    define(root, "tapped", "tap=tap0")
    define(root, "late", "tap=tap0")
    root.start("tapped")
    answer = root.ask("viridis start late")
    assert answer.status == 1 and "in use" in answer.output, answer.output
    root.tell("viridis stop tapped; tunctl -d tap0")
    answer = root.ask("viridis start tapped")
    assert answer.status == 1 and "tap0: there is no such" in answer.output, answer.output
    root.tell("viridis delete tapped; viridis delete late")


# --- what the guest tells, and a disk of one moment

def check_guest_facts(root, guest):
    release = guest.tell("uname -r")
    guest.tell("mkdir -p /var/lib/hyperv; echo NAME=Small >/etc/os-release;"
               f" {run_in('/share', 'hv_kvp_daemon')}", 60)
    with away(guest):
        root.wait("viridis info first | grep -q '^guest *Small'", 60, "viridis info first --json")
        told = root.json("info first")["guest"]
    assert told["heartbeat"]["alive"] and told["kvp"]["state"] == "ready", told
    assert told["names"]["OSBuildNumber"] == release, told
    adapter = told["adapters"][0]
    assert adapter["mac"] == FIRST_MAC and "10.77.0.10/24" in adapter["addresses"], told


def check_item(root, guest):
    """What the host tells is in the pool that the guest's programs read, until it is removed."""
    pool = "tr -d '\\000' </var/lib/hyperv/.kvp_pool_0"
    with away(guest):
        root.tell("viridis item set first role=web && viridis item set first place=here"
                  " && viridis item set first role=mail", 60)
    assert guest.tell(pool) == "rolemailplacehere", guest.tell(pool)
    with away(guest):
        root.tell("viridis item remove first role", 60)
        answer = root.ask("viridis item remove first role", 60)
        assert answer.status == 5 and "refused" in answer.output, answer.output
    assert guest.tell(pool) == "placehere", guest.tell(pool)


def check_freeze(root, guest):
    """While it is frozen nobody writes there, and the file system on the disk is whole without its journal."""
    guest.tell(f"mkdir -p /mnt; mount /dev/sda /mnt; {run_in('/share', 'hv_vss_daemon')}", 60)
    found = []
    with away(guest):
        found.append(ext4_needs_recovery(root, "/dev/ram0"))
        root.wait("viridis freeze first", 60)
        found.append(ext4_needs_recovery(root, "/dev/ram0"))
    guest.tell("(echo late >/mnt/late; echo through >/tmp/late) & sleep 2; ! [ -e /tmp/late ]", 60)
    with away(guest):
        root.tell("viridis info first | grep -q ^frozen")
        root.tell("viridis thaw first", 100)
    guest.tell("for i in $(seq 100); do [ -e /tmp/late ] && break; sleep 0.1; done; cat /mnt/late", 60)
    with away(guest):
        found.append(ext4_needs_recovery(root, "/dev/ram0"))
        answer = root.ask("viridis thaw first")
        assert answer.status == 5 and "not frozen" in answer.output, answer.output
    assert found == [True, False, True], found


# --- files from the root

def copying(root, so):
    root.wait(f"viridis stats first --json | grep -q '\"copying\": {so}'", 60, "viridis stats first --json")


def check_copy(root, guest):
    """A file arrives byte for byte; one that is there is replaced only by force; what is interrupted is removed."""
    copy = "viridis copy /tmp/file first:/tmp/file"
    with away(guest):
        root.tell("head -c 300001 /tmp/www/file >/tmp/file; tail -c 20000 /tmp/www/file >/tmp/other")
        answer = root.ask(copy, 60)
        assert answer.status == 5 and "hyperv-daemons" in answer.output, answer.output
    guest.tell(run_in("/share", "hv_fcopy_daemon"), 60)
    with away(guest):
        root.wait(copy, 200)
        sums = root.tell("sha256sum </tmp/file; sha256sum </tmp/other").splitlines()
    assert guest.tell("sha256sum </tmp/file", 60) == sums[0]
    with away(guest):
        answer = root.ask(copy, 60)
        assert answer.status == 5 and "--force" in answer.output, answer.output
        answer = root.ask("viridis copy /tmp/file first:/none/file", 60)
        assert answer.status == 5 and "no such folder" in answer.output, answer.output
    assert guest.tell("sha256sum </tmp/file", 60) == sums[0]
    with away(guest):
        root.tell("viridis copy /tmp/other first:/tmp/file --force", 60)
    assert guest.tell("sha256sum </tmp/file", 60) == sums[1]
    with away(guest):
        root.tell("(viridis copy /tmp/www/file first:/tmp/part >/tmp/copy.out 2>&1 & echo $! >/tmp/copy.pid)")
        copying(root, "true")
        answer = root.ask("viridis copy /tmp/other first:/tmp/other", 60)
        assert answer.status == 5 and "another copy" in answer.output, answer.output
        root.tell("kill $(cat /tmp/copy.pid)")
        copying(root, "false")
    assert guest.tell("ls /tmp/part /tmp/other 2>&1 | grep -c 'No such file'") == "2"


# --- adapters come and go

def wait_interface(guest, mac, there=True):
    """By its address; its name is the guest's affair."""
    seen = f"grep -qs {mac} /sys/class/net/*/address"
    guest.tell(f"for i in $(seq 300); do {'' if there else '! '}{seen} && break; sleep 0.1; done;"
               f" {'' if there else '! '}{seen}", 120)
    return guest.tell(f"basename $(dirname $(grep -l {mac} /sys/class/net/*/address))") if there else None


def adapters_of(root):
    return [(net["slot"], net["mac"]) for net in root.json("info first")["nets"]]


def check_hot_plug(root, guest):
    """A second adapter gets an address; the first goes, and the second stays the device it was; the first comes back."""
    with away(guest):
        root.tell("(viridis events first >/tmp/events &); viridis net add first"
                  f" bridge=br0,mac={THIRD_MAC}", 60)
    new = wait_interface(guest, THIRD_MAC)
    index = guest.tell(f"cat /sys/class/net/{new}/ifindex")
    check_dhcp_of(guest, "10.77.0.12", new)
    with away(guest):
        root.wait("viridis info first | grep -q '10.77.0.12/24'", 60, "viridis info first")
        root.tell("viridis net remove first 0", 60)
    wait_interface(guest, FIRST_MAC, there=False)
    assert guest.tell(f"cat /sys/class/net/{new}/ifindex") == index
    ping(guest, ROOT, 6000)
    with away(guest):
        assert adapters_of(root) == [(1, THIRD_MAC)], adapters_of(root)
        assert "net0" not in root.json("info first")["status"]["providers"]
        assert root.json("stats first")["net1"]["sent"] > 0
        answer = root.ask("viridis net add first bridge=br9")
        assert answer.status == 1 and "br9: there is no such" in answer.output, answer.output
        root.tell(f"viridis net add first bridge=br0,mtu=9000,mac={FIRST_MAC}", 60)
    wait_interface(guest, FIRST_MAC)
    with away(guest):
        root.tell(f"viridis net remove first {THIRD_MAC}", 60)
        root.wait("[ $(grep -c '^device-' /tmp/events) = 4 ]", 30, "cat /tmp/events")
        told = root.tell("grep '^device-' /tmp/events")
    assert told.splitlines() == [f"device-added: net {THIRD_MAC}", f"device-removed: net {FIRST_MAC}",
                                 f"device-added: net {FIRST_MAC}", f"device-removed: net {THIRD_MAC}"], told
    wait_interface(guest, THIRD_MAC, there=False)
    check_dhcp(guest)
    ping(guest, ROOT, 6000)


# --- the process that serves it dies

KILLS = 5


def wait_load(root):
    """Frames in and out of the process that serves now, whose counters began at 0."""
    for what in ("received-bytes", "sent-bytes"):
        root.wait("viridis stats first --json | grep -q '\"" + what + "\": [1-9][0-9][0-9][0-9][0-9][0-9]'", 120,
                  "viridis stats first --json")


def check_killed(root, guest):
    """Under load both ways, again and again: the adapter stays what it was, and another process serves it. The driver,
    which waits for the end of all that it ever sent, lets go of it in the end."""
    kept = "cat /sys/class/net/eth0/ifindex; ip -4 addr show dev eth0 | grep -c 'inet 10.77.0.10/'"
    before = guest.tell(kept)
    with away(guest):
        taken = root.ask("viridis log first | grep -c '(net) is taken from'").output
        root.tell("(while [ ! -e /tmp/enough ]; do nc -l -p 5001 >/dev/null; done >/dev/null 2>&1 &)")
    guest.tell(f"(while [ ! -e /tmp/enough ]; do wget -q -O - http://{ROOT}/file || sleep 1; done >/dev/null 2>&1 &)")
    guest.tell(f"(while [ ! -e /tmp/enough ]; do head -c 4000000 /dev/zero | nc {ROOT} 5001 || sleep 1; done"
               " >/dev/null 2>&1 &)")
    with away(guest):
        for kill in range(1, KILLS + 1):
            wait_load(root)
            root.tell("kill -9 $(pidof viridis-net)")
            root.wait(f"[ $(viridis log first | grep -c 'net0: provider-restarted') = {kill} ]", 30, "viridis log first")
            root.wait("viridis info first | grep -q '^net0 *serving'", 5, "viridis info first")
        wait_load(root)
        assert root.ask("viridis log first | grep -c '(net) is taken from'").output == taken
        root.tell("touch /tmp/enough")
    guest.tell("touch /tmp/enough")
    assert guest.tell(kept) == before
    ping(guest, ROOT, 6000)
    check_receive(guest, root)
    check_send(guest, root)
    check_rebind(guest)
    guest.tell("! dmesg | grep -E 'hv_netvsc.*(Incorrect transaction|Unknown send completion|no rndis request)'")


# --- taken from a guest that sends

AWAY, AWAY_GUEST = "10.78.0.1", "10.78.0.2"
WAITS = "cat /proc/[0-9]*/stack 2>/dev/null | grep rndis_filter"


def begin_load(root, guest):
    """An adapter on a bridge of its own, by which the guest sends and receives by TCP and UDP at a rate that leaves it some time."""
    with away(guest):
        root.tell(f"brctl addbr br1 && ip addr add {AWAY}/24 dev br1 && ip link set br1 up")
        root.tell(f"viridis net add first bridge=br1,mac={THIRD_MAC}", 60)
    new = wait_interface(guest, THIRD_MAC)
    guest.tell(f"ip addr add {AWAY_GUEST}/24 dev {new} && ip link set {new} up; ping -c 1 -W 20 {AWAY}", 60)
    for port, words in ((5201, "--bidir -b 20M"), (5202, "-u -b 4M -l 1400")):
        guest.tell(f"({iperf.IPERF} -c {AWAY} -p {port} -t 900 {words} >/tmp/iperf.{port} 2>&1 &)")
    guest.tell(f"n=$(cat /sys/class/net/{new}/statistics/tx_packets); for i in $(seq 300); do"
               f" [ $(cat /sys/class/net/{new}/statistics/tx_packets) -gt $((n + 2000)) ] && break; sleep 0.1; done; [ $i -lt 300 ]",
               120)


def check_let_go(root, guest):
    """The driver waits for nothing, and whoever asks for interfaces is answered: it held their lock."""
    wait_interface(guest, THIRD_MAC, there=False)
    guest.tell("ip link show eth0 >/dev/null", 60)
    waits = guest.ask(WAITS)
    assert waits.status == 1, waits.output
    ping(guest, ROOT, 6000)
    guest.ask("killall iperf3 ld-linux-x86-64.so.2")
    with away(guest):
        root.tell("ip link del br1 2>/dev/null; true")


def check_taken_from_sender(root, guest):
    begin_load(root, guest)
    with away(guest):
        root.tell(f"viridis net remove first {THIRD_MAC}", 120)
    check_let_go(root, guest)


def check_given_up_from_sender(root, guest):
    """Its bridge goes, and so no process can serve it any more: one that has no network sees to the guest's packets."""
    begin_load(root, guest)
    with away(guest):
        root.tell("ip link set br1 down; ip link del br1")
        root.tell("for p in $(pidof viridis-net); do"
                  " [ -e /sys/class/net/br0/brif/$(sed -n 's/^iff:[[:space:]]*//p' /proc/$p/fdinfo/*) ] || kill -9 $p; done")
        root.wait("viridis log first | grep -q 'net1: provider-given-up'", 120, "viridis log first")
    check_let_go(root, guest)
    with away(guest):
        assert root.json("info first")["status"]["providers"]["net1"] == "died"
        root.tell(f"viridis net remove first {THIRD_MAC}", 60)


def main():
    with Tap() as tap, daemons() as programs, small_disk() as disk, \
            guest_initrd({"dhcp": DHCP_SCRIPT, **programs, **IPERF}) as initrd, \
            Root("network", {**IPERF, "vmlinuz": KERNEL, "initrd": initrd, "tiny.bz": TINY, "disk": disk,
                             "udhcpd.conf": DHCP_SERVER}) as root:
        set_up(root)
        tap.run("networks that cannot be are refused", check_refused, root)
        tap.run("our own guest answers pings, and sends", check_tiny, tap, root)
        tap.run("one that gives no buffer back starves only itself", check_keeps, root)
        root.tell("dd if=/share/disk of=/dev/ram0 bs=1M 2>/dev/null")
        define(root, "first", f"bridge=br0,mac={FIRST_MAC},mtu=9000", "--disk /dev/ram0")
        define(root, "second", f"bridge=br0,mac={SECOND_MAC}")
        tap.run("an address is one VM's", check_mac_twice, root)
        root.start("first")
        guest = attach(root, "first")
        tap.run("the driver takes the adapter", check_driver, guest)
        tap.run("an address by DHCP", check_dhcp, guest)
        tap.run("ping", check_ping, guest)
        tap.run("a file comes by TCP", check_receive, guest, root)
        tap.run("and goes", check_send, guest, root)
        tap.run("the link down and up", check_down_and_up, guest)
        tap.run("a larger MTU, and a smaller", check_mtu, guest)
        tap.run("no error was counted", check_errors, guest)
        tap.run("two guests talk", check_two, root, guest)
        tap.run("the driver lets go and comes back", check_rebind, guest)
        with away(guest):
            tap.run("frames and bytes are counted", check_stats, root)
        tap.run("its daemon tells system and addresses", check_guest_facts, root, guest)
        tap.run("its programs are told something by the host", check_item, root, guest)
        tap.run("frozen and thawed", check_freeze, root, guest)
        tap.run("a file is written into it", check_copy, root, guest)
        tap.run("adapters come and go", check_hot_plug, root, guest)
        tap.run("one that sends is taken from it", check_taken_from_sender, root, guest)
        tap.run("and one that nobody can serve any more", check_given_up_from_sender, root, guest)
        tap.run("its provider killed under load, the adapter stays and goes on", check_killed, root, guest)
        guest.detach()
        root.tell("viridis stop first")
        tap.run("a TAP device has one guest", check_busy, root)
        tap.run("and nothing is left of them", root.nothing_left)


if __name__ == "__main__":
    main()
