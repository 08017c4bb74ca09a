# SPDX-License-Identifier: GPL-2.0-or-later
# Needs: root other-guests
# Limit: 2700
"""Stock guests of other kernels than Debian 12's, Debian 13's own and the newest of its backports, each with an adapter on
the root's bridge and one on a user-mode network: DHCP, ping, TCP both ways byte for byte and by iperf3; the link down and up,
other MTUs, offloads off and on, fewer and more queues, and the driver's module out and back."""
import contextlib
import re
from dataclasses import dataclass

from lib import iperf
from lib.child import Root, guest_initrd
from lib.log import Failure
from lib.paths import BUILD, OTHER_GUESTS
from lib.programs import run_in, with_libraries
from lib.shell import ASH_PROMPT, GuestShell, away
from lib.tap import Tap

BOOT_SECONDS = 300
# The root's bridge has two addresses: the second is not in the bridge's network, so guests go there by passt.
NEAR, FAR = "10.77.0.1", "10.78.0.1"
FILE_MIB = 4
PROGRAMS = with_libraries("/usr/sbin/ethtool", iperf.PROGRAM)
ETHTOOL = run_in("/share", "ethtool")
AMISS = "Call Trace|WARNING: CPU|BUG:|cut here|hv_(netvsc|vmbus).*(fail|error|unable|invalid)"
ERRORS = ("rx_errors", "tx_errors", "rx_dropped", "tx_dropped", "rx_length_errors", "rx_frame_errors")


@dataclass(frozen=True)
class Net:
    option: str
    mac: str
    address: str  # what DHCP gives
    peer: str     # the root's, by this adapter
    mtu: int      # the largest
    fragments: bool  # of IP get through; passt takes none
    offloads: tuple  # by ethtool's short names, what the adapter has
    queues: int      # those of two processors


BRIDGE = Net("bridge=br0,mtu=9000,queues=2", "02:00:5e:10:00:01", "10.77.0.10", NEAR, 9000, True, ("tx", "rx", "tso", "lro"), 2)
USER = Net("user", "02:00:5e:10:00:02", "10.0.2.15", FAR, 1500, False, ("sg", "gro"), 1)
NETS = {"bridge": BRIDGE, "user": USER}
LONG_NAMES = {"tx": "tx-checksumming", "rx": "rx-checksumming", "tso": "tcp-segmentation-offload",
              "lro": "large-receive-offload", "sg": "scatter-gather", "gro": "generic-receive-offload"}

# What udhcpc calls for each step, in the guest. The bridge's server names no router.
DHCP_SCRIPT = """#!/bin/sh
case $1 in
deconfig) ip addr flush dev "$interface"; ip link set "$interface" up ;;
bound | renew)
	ip addr add "$ip/$mask" dev "$interface"
	[ -z "$router" ] || ip route add default via "$router" ;;
esac
"""
DHCP_SERVER = f"""start 10.77.0.10
end 10.77.0.90
interface br0
lease_file /run/leases
static_lease {BRIDGE.mac} {BRIDGE.address}
option subnet 255.255.255.0
"""


def set_up(root):
    root.tell(f"brctl addbr br0 && ip addr add {NEAR}/24 dev br0 && ip addr add {FAR}/24 dev br0 && ip link set br0 up")
    root.tell(": >/run/leases; udhcpd -S /share/udhcpd.conf")
    # passt pings by sockets that systemd lets everybody have, and this root nobody.
    root.tell("echo 0 2147483647 >/proc/sys/net/ipv4/ping_group_range")
    iperf.serve(root)
    root.tell(f"mkdir /tmp/www; head -c {FILE_MIB << 20} /dev/urandom >/tmp/www/file;"
              f" httpd -p {NEAR}:80 -h /tmp/www; httpd -p {FAR}:80 -h /tmp/www")


# --- one adapter

def name_of(guest, net):
    return guest.tell(f"basename $(dirname $(grep -l {net.mac} /sys/class/net/*/address))")


def check_dhcp(guest, net):
    name = name_of(guest, net)
    guest.tell(f"readlink /sys/class/net/{name}/device/driver | grep -q hv_netvsc")
    guest.tell(f"udhcpc -i {name} -n -q -t 10 -s /share/dhcp", 90)
    found = guest.tell(f"ip -4 addr show dev {name}")
    assert f"inet {net.address}/24" in found, found


def check_ping(guest, net, size=56, count=1):
    told = guest.tell(f"ping -c {count} -s {size} -W 10 {net.peer}", 60)
    assert f"{count} packets received" in told, told


def check_transfer(guest, net, root):
    """There and back, and the same."""
    guest.tell(f"wget -q -O /tmp/got http://{net.peer}/file", 200)
    with away(guest):
        # nc ends when its peer says that it will send no more: this one says a word, and then nothing for a while. Without
        # that word Debian 12's passt resets a connection that has stood still for 2 s eight times, as slow guests' do.
        root.tell("((echo; sleep 300) | nc -l -p 5000 >/tmp/got &)")
    guest.ask(f"nc {net.peer} 5000 </tmp/got; rm /tmp/got", 200)  # passt resets behind the last byte
    with away(guest):
        root.wait("cmp -s /tmp/got /tmp/www/file", 60, "ls -l /tmp/got /tmp/www/file")
        root.tell("rm /tmp/got")


def check_down_and_up(guest, net, root):
    name = name_of(guest, net)
    for _ in range(3):
        guest.tell(f"ip link set {name} down && ip link set {name} up", 60)
    check_dhcp(guest, net)
    check_transfer(guest, net, root)


def check_mtu(guest, net):
    name = name_of(guest, net)
    for mtu in (1280, net.mtu, 1500):
        guest.tell(f"ip link set {name} mtu {mtu}", 60)
        assert guest.tell(f"cat /sys/class/net/{name}/mtu") == str(mtu)
        check_dhcp(guest, net)
        check_ping(guest, net, (net.mtu if net.fragments else mtu) - 100)


def check_offloads(guest, net, root):
    """Those of the adapter off, one after the other, and on again; it is carried whole either way."""
    name = name_of(guest, net)
    for state in ("off", "on"):
        for feature in net.offloads:
            guest.tell(f"{ETHTOOL} -K {name} {feature} {state}", 60)
            check_ping(guest, net, 1400)
        told = guest.tell(f"{ETHTOOL} -k {name}")
        for feature in net.offloads:
            assert f"\n{LONG_NAMES[feature]}: {state}" in told, (feature, state, told)
        check_transfer(guest, net, root)


def check_iperf(guest, net):
    for way in ("", "-R"):
        iperf.transfer(guest, way, net.peer)


def check_queues(guest, net, root):
    """The driver takes the adapter anew each time, with its address."""
    name = name_of(guest, net)
    for count in (1, 2):
        guest.tell(f"{ETHTOOL} -L {name} combined {count}", 60)
        told = guest.tell(f"{ETHTOOL} -l {name}")
        assert re.findall(r"Combined:\s+(\d+)", told) == [str(net.queues), str(count)], told
        check_dhcp(guest, net)
        check_iperf(guest, net)
    check_transfer(guest, net, root)


def check_errors(guest, net):
    told = guest.tell(f"cd /sys/class/net/{name_of(guest, net)}/statistics; cat {' '.join(ERRORS)}; cd /")
    assert told.split() == ["0"] * len(ERRORS), told


# --- the driver of both

def check_reload(guest, root):
    guest.tell("rmmod hv_netvsc && ! ls /sys/class/net | grep -v lo", 60)
    guest.tell("insmod $(grep -o '/[^ ]*hv_netvsc.ko' /lib/modules/load)", 60)
    for net in NETS.values():
        guest.tell(f"for i in $(seq 100); do grep -q {net.mac} /sys/class/net/*/address && break; sleep 0.1; done")
        check_dhcp(guest, net)
        check_transfer(guest, net, root)


def check_amiss(guest):
    told = guest.ask(f"dmesg | grep -iE '{AMISS}'")
    assert told.status == 1, told.output


# --- one guest

def play(tap, root, kernel):
    release = (BUILD / f"kernel-{kernel}" / "release").read_text().strip()
    root.create(kernel, f"--memory 256M --vps 2 --kernel /share/{kernel}.vmlinuz --initrd /share/{kernel}.initrd "
                + " ".join(f"--net {net.option},mac={net.mac}" for net in NETS.values()), "console=ttyS0 quiet")
    root.start(kernel)
    guest = GuestShell(root.shell, kernel, ASH_PROMPT, BOOT_SECONDS)
    assert guest.tell("uname -r") == release
    for which, net in NETS.items():
        where = f"{kernel}, {release}, {which}: "
        tap.run(where + "an address by DHCP", check_dhcp, guest, net)
        tap.run(where + "ping", check_ping, guest, net, 56, 3)
        tap.run(where + "TCP both ways", check_transfer, guest, net, root)
        tap.run(where + "iperf3 both ways", check_iperf, guest, net)
        tap.run(where + "the link down and up", check_down_and_up, guest, net, root)
        tap.run(where + "other MTUs", check_mtu, guest, net)
        tap.run(where + "offloads off and on", check_offloads, guest, net, root)
        if net.queues > 1:
            tap.run(where + "one queue, and all again", check_queues, guest, net, root)
        tap.run(where + "no error was counted", check_errors, guest, net)
    tap.run(f"{kernel}: the driver's module is taken out and put back", check_reload, guest, root)
    tap.run(f"{kernel}: the guest complains of nothing", check_amiss, guest)
    guest.detach()
    root.tell(f"viridis stop {kernel}; viridis delete {kernel}")


def main():
    with Tap() as tap, contextlib.ExitStack() as stack:
        share = {"udhcpd.conf": DHCP_SERVER, **PROGRAMS}
        for kernel, (vmlinuz, initrd) in OTHER_GUESTS.items():
            share[f"{kernel}.vmlinuz"] = vmlinuz
            share[f"{kernel}.initrd"] = stack.enter_context(guest_initrd({"dhcp": DHCP_SCRIPT, **PROGRAMS}, initrd))
        root = stack.enter_context(Root("network-kernels", share))
        set_up(root)
        for kernel in OTHER_GUESTS:
            try:
                play(tap, root, kernel)
            except Failure as failure:
                raise Failure(f"{failure}\n{root.machine.describe()}") from failure
        tap.run("nothing is left of them", root.nothing_left)


if __name__ == "__main__":
    main()
