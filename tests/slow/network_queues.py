# SPDX-License-Identifier: GPL-2.0-or-later
# Needs: root guest-initrd
# Limit: 1200
"""A stock Linux of two processors with two queues on its adapter: sub-channels on both, Debian's ethtool shows and
changes them, the table and the offloads, iperf3 fills both; the driver is taken out and put back. Filters: promiscuous,
multicast, VLANs. All traffic stays between the root and its child."""
import re

from lib import iperf
from lib.child import Root, guest_initrd
from lib.paths import BUILD, KERNEL
from lib.programs import run_in, with_libraries
from lib.shell import ASH_PROMPT, GuestShell, away
from lib.tap import Tap

BOOT_SECONDS = 300
ROOT, GUEST = "10.77.0.1", "10.77.0.10"
MAC = "02:00:5e:10:00:01"
PROGRAMS = with_libraries("/usr/sbin/ethtool", iperf.PROGRAM, "/usr/sbin/ip")
VLAN_MODULES = ("garp", "mrp", "8021q")
ETHTOOL, IP = (run_in("/share", name) for name in ("ethtool", "ip"))


def module(name):
    return next((BUILD / "kernel" / "root" / "lib" / "modules").rglob(f"{name}.ko"))


def set_up(root):
    root.tell(f"brctl addbr br0 && ip addr add {ROOT}/24 dev br0 && ip link set br0 up")
    iperf.serve(root)
    for name in VLAN_MODULES:
        root.tell(f"insmod /share/{name}.ko")


def address(guest):
    guest.tell(f"ip addr add {GUEST}/24 dev eth0 && ip link set eth0 up", 60)


def ping(guest, there=ROOT, options=""):
    told = guest.tell(f"ping -c 3 -W 10 {options} {there}", 60)
    assert "3 packets received" in told, told


def figure(guest, name):
    told = guest.tell(f"{ETHTOOL} -S eth0")
    return int(re.search(rf"\b{name}: (\d+)", told)[1])


# --- queues

def check_channels(guest):
    told = guest.tell(f"{ETHTOOL} -l eth0")
    assert re.findall(r"Combined:\s+(\d+)", told) == ["2", "2"], told
    cpus = guest.tell("cat $(readlink -f /sys/class/net/eth0/device)/channels/*/cpu")
    assert sorted(cpus.split()) == ["0", "1"], cpus


def check_table(guest):
    told = guest.tell(f"{ETHTOOL} -x eth0")
    rows = re.findall(r"^\s*\d+:\s+([\d\s]+?)$", told, re.MULTILINE)
    entries = {entry for row in rows for entry in row.split()}
    assert entries == {"0", "1"} and "RSS hash key:" in told, told


def check_both_carry(guest, ways=("rx", "tx")):
    before = [figure(guest, f"{way}_queue_1_packets") for way in ways]
    for way in ("", "-R"):
        iperf.transfer(guest, way, ROOT)
    after = [figure(guest, f"{way}_queue_1_packets") for way in ways]
    assert all(now > then + 20 for then, now in zip(before, after)), (before, after)


def check_table_is_obeyed(guest):
    """All entries name the first: then nothing comes by the second."""
    guest.tell(f"{ETHTOOL} -X eth0 equal 1")
    before = figure(guest, "rx_queue_1_packets"), figure(guest, "rx_queue_0_packets")
    iperf.transfer(guest, "-R", ROOT)
    after = figure(guest, "rx_queue_1_packets"), figure(guest, "rx_queue_0_packets")
    assert after[0] == before[0] and after[1] > before[1] + 20, (before, after)


def check_fewer_and_more(guest):
    guest.tell(f"{ETHTOOL} -X eth0 default")
    for count in (1, 2):
        guest.tell(f"{ETHTOOL} -L eth0 combined {count}", 60)
        told = guest.tell(f"{ETHTOOL} -l eth0")
        assert re.findall(r"Combined:\s+(\d+)", told) == ["2", str(count)], told
        ping(guest)
    # Linux 6.1 forgets its hash key with the one channel: with a key of zeros all frames are for the first.
    check_both_carry(guest, ["tx"])


def check_mtu(guest):
    guest.tell("ip link set eth0 mtu 1280", 60)
    ping(guest)
    guest.tell("ip link set eth0 mtu 1500", 60)
    check_channels(guest)
    ping(guest)


# --- offloads

def check_offloads(guest):
    """Each of them off, then on again: what is sent and what comes is whole."""
    for feature in ("tso", "tx", "rx", "sg", "gro", "lro"):
        guest.tell(f"{ETHTOOL} -K eth0 {feature} off || true", 60)
        ping(guest, options="-s 4000")
    for way in ("", "-R"):
        iperf.transfer(guest, way, ROOT)
    guest.tell(f"{ETHTOOL} -K eth0 tx on rx on sg on tso on gro on lro on", 60)
    for way in ("", "-R"):
        iperf.transfer(guest, way, ROOT)


# --- filters

def check_multicast(guest, root):
    """Those of an address that it joined come. Linux asks for all multicast when it has joined any."""
    guest.tell(f"{IP} maddr add 01:00:5e:01:02:03 dev eth0")
    received = int(guest.tell("cat /sys/class/net/eth0/statistics/multicast"))
    with away(guest):
        root.tell("ip route add 224.0.0.0/4 dev br0 || true; ping -c 5 -W 1 224.1.2.3 >/dev/null 2>&1; true", 60)
    now = int(guest.tell("cat /sys/class/net/eth0/statistics/multicast"))
    assert now >= received + 5, (received, now)


def figure_of(root, guest, name):
    with away(guest):
        return root.json("stats first")["net0"][name]


def check_promiscuous(guest, root):
    """Frames to a station that is nobody are flooded by the bridge, and left out before the guest asks for all."""
    stranger = "02:00:5e:99:99:99"
    with away(guest):
        root.tell(f"{IP} neigh replace 10.77.0.99 lladdr {stranger} dev br0")
    counts = []
    filtered = figure_of(root, guest, "filtered")
    for mode in ("off", "on"):
        guest.tell(f"ip link set eth0 promisc {mode}")
        before = int(guest.tell("cat /sys/class/net/eth0/statistics/rx_packets"))
        with away(guest):
            root.tell("ping -c 10 -W 1 10.77.0.99 >/dev/null 2>&1; true", 60)
        counts.append(int(guest.tell("cat /sys/class/net/eth0/statistics/rx_packets")) - before)
    guest.tell("ip link set eth0 promisc off")
    assert counts[0] < 10 <= counts[1], counts
    assert figure_of(root, guest, "filtered") >= filtered + 10


def check_vlan(guest, root):
    for name in ("llc", "stp", *VLAN_MODULES):
        guest.tell(f"insmod /share/{name}.ko")
    guest.tell("vconfig add eth0 5 && ip addr add 10.78.0.10/24 dev eth0.5"
               " && ip link set eth0.5 up")
    with away(guest):
        root.tell("vconfig add br0 5 && ip addr add 10.78.0.1/24 dev br0.5"
                  " && ip link set br0.5 up")
    ping(guest, "10.78.0.1")
    ping(guest, "10.78.0.1", "-s 6000")
    iperf.transfer(guest, "", "10.78.0.1")
    guest.tell("vconfig rem eth0.5")


# --- the driver

def check_rebind(guest):
    guest.tell("d=$(basename $(readlink /sys/class/net/eth0/device));"
               " cd /sys/bus/vmbus/drivers/hv_netvsc; echo $d >unbind; echo $d >bind; cd /", 60)
    address(guest)
    check_channels(guest)
    ping(guest)


def check_reload(guest):
    guest.tell("rmmod hv_netvsc && ! [ -e /sys/class/net/eth0 ]", 60)
    guest.tell("insmod $(grep -o '/[^ ]*hv_netvsc.ko' /lib/modules/load)", 60)
    guest.tell("for i in $(seq 50); do [ -e /sys/class/net/eth0 ] && break; sleep 0.1; done")
    address(guest)
    check_channels(guest)
    ping(guest)


def check_amiss(guest):
    told = guest.ask("dmesg | grep -iE 'Call Trace|WARNING: CPU|hv_(netvsc|vmbus).*(fail|error|unable|invalid)'")
    assert told.status == 1, told.output


def check_removed(guest, root):
    """The device that stands for the adapter goes: the link is down, and the machine goes on."""
    with away(guest):
        root.tell(f"{IP} link del viridis0")
        root.wait("viridis log first | grep -q 'the network is gone'", 20, "viridis log first")
        assert root.state("first") == "running"
    guest.tell("for i in $(seq 100); do [ $(cat /sys/class/net/eth0/carrier) = 0 ] && break;"
               " sleep 0.1; done; [ $(cat /sys/class/net/eth0/carrier) = 0 ]", 60)


def main():
    files = {**PROGRAMS, **{f"{name}.ko": module(name) for name in (*VLAN_MODULES, "stp", "llc")}}
    with Tap() as tap, guest_initrd(files) as initrd, \
            Root("network-queues", {**files, "vmlinuz": KERNEL, "initrd": initrd}) as root:
        set_up(root)
        root.create("first", "--memory 256M --vps 2 --kernel /share/vmlinuz --initrd"
                    f" /share/initrd --net bridge=br0,mac={MAC},queues=2", "console=ttyS0 quiet")
        root.start("first")
        guest = GuestShell(root.shell, "first", ASH_PROMPT, BOOT_SECONDS)
        address(guest)
        tap.run("two channels, one on each processor", check_channels, guest)
        tap.run("the table names both", check_table, guest)
        tap.run("both carry frames, both ways", check_both_carry, guest)
        tap.run("another table is obeyed", check_table_is_obeyed, guest)
        tap.run("one channel, and two again", check_fewer_and_more, guest)
        tap.run("another MTU, with both", check_mtu, guest)
        tap.run("offloads off and on", check_offloads, guest)
        tap.run("multicast", check_multicast, guest, root)
        tap.run("promiscuous", check_promiscuous, guest, root)
        tap.run("VLANs", check_vlan, guest, root)
        tap.run("the driver lets go and comes back", check_rebind, guest)
        tap.run("its module is taken out and put back", check_reload, guest)
        tap.run("both carry frames again", check_both_carry, guest)
        tap.run("the guest complains of nothing", check_amiss, guest)
        tap.run("its device removed, the link is down", check_removed, guest, root)
        guest.detach()
        root.tell("viridis stop first")
        tap.run("nothing is left of it", root.nothing_left)


if __name__ == "__main__":
    main()
