# SPDX-License-Identifier: GPL-2.0-or-later
# Needs: root guest-initrd target:dns_answer
# Limit: 1500
"""A stock Linux on a user-mode network: addresses by DHCP and of IPv6, names by DNS, TCP both ways byte for byte and by iperf3, ports of the
root that lead into the guest; a root whose loopback stays its own; and an adapter that goes on when its passt was slow, was killed, or stops.
The root has no way out of the machine."""
from lib import iperf
from lib.child import Root, guest_initrd
from lib.paths import BUILD, KERNEL
from lib.programs import with_libraries
from lib.shell import ASH_PROMPT, GuestShell, away
from lib.tap import Tap

BOOT_SECONDS = 240
ROOT, ROOT6, NAME = "10.77.0.1", "fd77::1", "files.example"
GUEST_VM = "--memory 192M --vps 1 --kernel /share/vmlinuz --initrd /share/initrd"
FORWARDS = f"hostfwd=tcp:8080:80,hostfwd=udp:{ROOT}:5353:53,hostfwd=tcp:0.0.0.0:2222:22"
DNS_ANSWER = BUILD / "tests" / "e2e" / "dns_answer"
MIB = 1 << 20
FILE_MIB = 8
FETCHES = 12
PROGRAMS = with_libraries(iperf.PROGRAM)
# It says a word first: without one Debian 12's passt resets a connection that has stood still for 2 s eight times.
TAKER = "(echo; sleep 300) | nc -l"

# What udhcpc calls for each step, in the guest.
DHCP_SCRIPT = """#!/bin/sh
case $1 in
deconfig) ip addr flush dev "$interface"; ip link set "$interface" up ;;
bound | renew)
	ip addr add "$ip/$mask" dev "$interface"
	ip route add default via "$router"
	echo "nameserver $dns" >/etc/resolv.conf
	echo "$ip $mask $router $dns $mtu" >/run/lease ;;
esac
"""


def set_up(root):
    root.tell(f"brctl addbr br0 && ip addr add {ROOT}/24 dev br0 && ip link set br0 up")
    # A bridge without ports gives itself no address of IPv6, and tries none out.
    root.tell(f"echo 0 >/proc/sys/net/ipv6/conf/br0/accept_dad; ip addr add fe80::77/64 dev br0 &&"
              f" ip addr add {ROOT6}/64 dev br0")
    root.tell(f"echo nameserver {ROOT} >/etc/resolv.conf;"
              f" (/share/dns_answer {ROOT} 53 {ROOT} >/dev/null 2>&1 &)")
    iperf.serve(root)
    root.tell(f"mkdir /tmp/www; head -c {FILE_MIB * MIB} /dev/urandom >/tmp/www/file;"
              f" httpd -p {ROOT}:80 -h /tmp/www; httpd -p '[{ROOT6}]:80' -h /tmp/www; httpd -p 127.0.0.1:81 -h /tmp/www")


def check_dhcp(guest):
    guest.tell("readlink /sys/class/net/eth0/device/driver | grep -q hv_netvsc", 90)
    guest.tell("udhcpc -i eth0 -n -q -t 10 -O mtu -s /share/dhcp", 90)
    assert guest.tell("cat /run/lease") == f"10.0.2.15 24 10.0.2.2 {ROOT} 1500"


def check_ipv6(guest, root):
    """An address and a way out by router advertisements, and TCP over them; beside IPv4, not in its place."""
    guest.tell("for i in $(seq 200); do ip -6 addr show dev eth0 | grep -q fd76:6972:6964:: && break; sleep 0.1; done;"
               " ip -6 route | grep -q '^default via fe80::2'", 60)
    guest.tell(f"wget -q -O /tmp/got6 'http://[{ROOT6}]/file'", 200)
    there = guest.tell("sha256sum </tmp/got6; rm /tmp/got6", 60)
    with away(guest):
        assert there == root.tell("sha256sum </tmp/www/file")
        root.tell(f"({TAKER} -p 5006 >/tmp/got6 &)")
    guest.ask(f"nc {ROOT6} 5006 </bin/busybox", 200)
    with away(guest):
        root.wait("cmp -s /tmp/got6 /bin/busybox", 60, "ls -l /tmp/got6 /bin/busybox")
        root.tell("rm /tmp/got6")


def check_names(guest):
    guest.tell(f"nslookup {NAME} | grep -q {ROOT}", 60)


def check_receive(guest, root):
    guest.tell(f"wget -q -O /tmp/got http://{NAME}/file", 200)
    there = guest.tell("sha256sum </tmp/got", 60)
    with away(guest):
        here = root.tell("sha256sum </tmp/www/file")
    assert there == here, (there, here)


def check_send(guest, root):
    with away(guest):
        root.tell(f"({TAKER} -p 5000 >/tmp/got &)")
    guest.ask(f"nc {ROOT} 5000 </tmp/got", 200)  # a reset behind the last byte is an error to it
    with away(guest):
        root.wait("cmp -s /tmp/got /tmp/www/file", 60, "ls -l /tmp/got /tmp/www/file")


def passt_ticks(root):
    """Of the processor, that passt has had: hundredths of a second."""
    fields = root.tell("cat /proc/$(pidof passt || pidof passt.avx2)/stat").rsplit(")", 1)[1].split()
    return int(fields[11]) + int(fields[12])


def check_rest(root, guest):
    """passt does nothing while the guest does not, and has taken all that it was sent."""
    with away(guest):
        before = passt_ticks(root)
        root.tell("sleep 3")
        assert passt_ticks(root) - before < 30, before
        log = root.tell("viridis log first")
        assert "taken nothing" not in log, log[-2000:]


def check_fetches(guest, root):
    """One after the other: Debian 12's passt spins at the end of one or another when it is not spared some segments."""
    told = guest.ask(f"for i in $(seq {FETCHES}); do wget -q -O - http://{ROOT}/file | cmp - /tmp/got ||"
                     f" {{ echo at $i; break; }}; done; [ $i = {FETCHES} ]", 600)
    check_rest(root, guest)
    assert told.status == 0, told


def check_slow(root, guest):
    """A passt that does not run for a while finds a connection's SYN once, however often the guest sent it, and goes on."""
    with away(guest):
        root.tell("(n=0; while [ $n -lt 9 ]; do n=$((n+1)); nc -l -p 5007 -e echo late; done >/dev/null 2>&1 &)")
        held = root.json("stats first")["net0"]["held-back"]
        root.tell("kill -STOP $(pidof passt || pidof passt.avx2)")
    guest.tell(f"(nc {ROOT} 5007 </dev/null >/tmp/late 2>/tmp/late.err &); sleep 8")
    with away(guest):
        assert root.json("stats first")["net0"]["held-back"] > held
        root.tell("kill -CONT $(pidof passt || pidof passt.avx2)")
    guest.tell("for i in $(seq 200); do grep -q late /tmp/late && break; sleep 0.1; done; grep -q late /tmp/late", 90)
    check_rest(root, guest)
    check_names(guest)


def check_iperf(guest):
    for way in ("", "-R"):
        iperf.transfer(guest, way, ROOT)


def refused(shell, address, port):
    """Nobody takes the connection. Not by wget, which dies of its own -T in Debian's static busybox."""
    answer = shell.ask(f"nc -w 5 {address} {port} </dev/null", 60)
    assert answer.status == 1 and ("can't connect" in answer.output or "timed out" in answer.output), answer


def check_forwards(guest, root):
    """From the root's loopback, and from another of its addresses where that was asked for."""
    guest.tell("mkdir -p /tmp/www; cp /tmp/got /tmp/www/file; httpd -p 80 -h /tmp/www")
    guest.tell("(while nc -l -p 22 -e echo shell; do :; done >/dev/null 2>&1 &)")
    with away(guest):
        root.tell("wget -q -O /tmp/back http://127.0.0.1:8080/file", 200)
        root.tell("cmp /tmp/back /tmp/www/file")
        refused(root, ROOT, 8080)
        assert root.tell(f"nc -w 20 {ROOT} 2222 </dev/null") == "shell"


def check_udp(guest, root):
    guest.tell("(/share/dns_answer 0.0.0.0 53 192.0.2.7 >/dev/null 2>&1 &)")
    with away(guest):
        root.tell(f"nslookup guest.example {ROOT}:5353 | grep 192.0.2.7", 60)


def check_loopback(guest):
    """What listens for the root alone is not there for guests, by whichever address."""
    for address in ("10.0.2.2", ROOT):
        refused(guest, address, 81)


def kept_back(root, guest):
    with away(guest):
        return root.json("stats first")["net0"]["send-errors"]


def check_forged(guest, root):
    """Nor is it for a guest that routes the loopback's own address to us, which no honest one does."""
    before = kept_back(root, guest)
    guest.tell("echo 1 >/proc/sys/net/ipv4/conf/eth0/route_localnet; ip addr flush dev lo;"
               " ip route add 127.0.0.0/8 via 10.0.2.2 dev eth0")
    refused(guest, "127.0.0.1", 81)
    guest.tell("ip route del 127.0.0.0/8; ip addr add 127.0.0.1/8 dev lo;"
               " echo 0 >/proc/sys/net/ipv4/conf/eth0/route_localnet")
    assert kept_back(root, guest) > before


def check_rights(root):
    """passt is nobody's but the VM's user's, and has no capabilities."""
    told = root.tell("cat /proc/$(pidof passt || pidof passt.avx2)/status")
    fields = dict(line.split(":", 1) for line in told.splitlines() if ":" in line)
    assert int(fields["Uid"].split()[0]) >= 0x70000000, told
    assert int(fields["CapEff"], 16) == 0 and fields["Seccomp"].strip() == "2", told


REFUSED = (
    ("user,tap=tap0", "or 'user'"), ("user,hostfwd=tcp:80", "write for example"),
    ("user,hostfwd=icmp:1:1", "'tcp' and 'udp'"), ("user,hostfwd=tcp:0:80", "from 1 to 65535"),
    ("user,hostfwd=tcp:x:80:80", "of IPv4"), ("user,hostfwd=udp:53:53", "not its loopback"),
    ("bridge=br0,hostfwd=tcp:1:1", "'user' alone"),
    ("user,hostfwd=tcp:1:1 --net user,hostfwd=tcp:0.0.0.0:1:2", "there twice"),
)


def check_refused(root):
    for words, named in REFUSED:
        answer = root.ask(f"viridis create bad {GUEST_VM} --net {words}")
        assert answer.status == 1 and named in answer.output, (words, answer.output)
    assert "bad" not in root.tell("viridis list")


def check_port_in_use(root):
    """What passt cannot have is said at the start, in its words."""
    root.create("late", f"{GUEST_VM} --net user,hostfwd=tcp:127.0.0.1:81:80", "quiet")
    answer = root.ask("viridis start late")
    assert answer.status == 1 and "passt: Failed to bind" in answer.output, answer.output
    root.tell("viridis delete late")


def check_killed(root, guest):
    """Another passt is started, for another process that serves the adapter, under load: the guest sees the link go and come,
    has its address still, and the same ports lead to it."""
    kept = "cat /sys/class/net/eth0/ifindex; ip -4 addr show dev eth0 | grep -c 'inet 10.0.2.15/'"
    before_guest = guest.tell(kept)
    changes = int(guest.tell("cat /sys/class/net/eth0/carrier_changes"))
    guest.tell(f"(while [ ! -e /tmp/enough ]; do wget -q -O - http://{NAME}/file || sleep 1; done >/dev/null 2>&1 &)")
    with away(guest):
        before = root.tell("pidof passt passt.avx2")
        sent = root.json("stats first")["net0"]["received-bytes"]
        root.wait(f"[ $(viridis stats first --json | sed -n 's/.*\"received-bytes\": \\([0-9]*\\).*/\\1/p')"
                  f" -gt {sent + MIB} ]", 60, "viridis stats first --json")
        root.tell("kill -9 $(pidof passt passt.avx2)")
        root.wait("viridis log first | grep -q 'net0: provider-restarted'", 30, "viridis log first")
        log = root.tell("viridis log first")
        assert "the network is gone" in log and "(net) is taken from" not in log, log[-2000:]
        after = root.tell("pidof passt passt.avx2")
        assert after and after != before, (before, after)
    guest.tell(f"for i in $(seq 300); do [ $(cat /sys/class/net/eth0/carrier_changes) -ge {changes + 2} ] &&"
               " [ $(cat /sys/class/net/eth0/carrier) = 1 ] && break; sleep 0.1; done; touch /tmp/enough;"
               f" [ $(cat /sys/class/net/eth0/carrier_changes) -ge {changes + 2} ]", 120)
    assert guest.tell(kept) == before_guest
    check_names(guest)
    check_receive(guest, root)
    check_dhcp(guest)
    with away(guest):
        assert root.tell(f"nc -w 20 {ROOT} 2222 </dev/null", 60) == "shell"


def check_stalled(root, guest):
    """One that takes nothing any more, and does not end, is replaced as well; it is gone itself."""
    restarted = "viridis log first | grep -c 'net0: provider-restarted'"
    with away(guest):
        before = root.tell("pidof passt passt.avx2")
        count = int(root.tell(restarted))
        root.tell(f"kill -STOP {before}")
    guest.ask(f"ping -c 1 -W 1 {ROOT}")
    with away(guest):
        root.wait(f"[ $({restarted}) -gt {count} ]", 120, "viridis log first")
        assert "has taken nothing for 30 s" in root.tell("viridis log first")
        after = root.tell("pidof passt passt.avx2")
        assert after and before not in after.split(), (before, after)
        root.tell(f"[ ! -e /proc/{before} ]")
    check_dhcp(guest)


def check_nothing_left(root):
    root.nothing_left()
    root.wait("[ -z \"$(pidof passt passt.avx2)\" ]", 10, "ps")


def check_restart(root):
    """A VM that is stopped takes its passt with it, and gets another."""
    root.start("first")
    root.tell("viridis stop first")
    check_nothing_left(root)


def main():
    with Tap() as tap, guest_initrd({"dhcp": DHCP_SCRIPT, "dns_answer": DNS_ANSWER, **PROGRAMS}) as initrd, \
            Root("network-user", {"vmlinuz": KERNEL, "initrd": initrd,
                                  "dns_answer": DNS_ANSWER, **PROGRAMS}) as root:
        set_up(root)
        tap.run("networks that cannot be are refused", check_refused, root)
        tap.run("a port that is taken is said at the start", check_port_in_use, root)
        root.create("first", f"{GUEST_VM} --net user,{FORWARDS}", "console=ttyS0 quiet")
        root.start("first")
        tap.run("passt has no rights", check_rights, root)
        guest = GuestShell(root.shell, "first", ASH_PROMPT, BOOT_SECONDS)
        tap.run("an address by DHCP", check_dhcp, guest)
        tap.run("and one of IPv6, by which it sends and receives", check_ipv6, guest, root)
        tap.run("a name by DNS", check_names, guest)
        tap.run("a file comes by TCP", check_receive, guest, root)
        tap.run("and goes", check_send, guest, root)
        tap.run("iperf3 both ways", check_iperf, guest)
        tap.run("a file comes again and again", check_fetches, guest, root)
        tap.run("passt slow: what the guest repeats is kept from it", check_slow, root, guest)
        tap.run("ports of the root lead to the guest's", check_forwards, guest, root)
        tap.run("of UDP too", check_udp, guest, root)
        tap.run("the root's loopback is not for guests", check_loopback, guest)
        tap.run("nor for one that forges its packets", check_forged, guest, root)
        tap.run("passt killed: the link goes and comes, the adapter stays", check_killed, root, guest)
        tap.run("passt stopped: it is replaced, and gone", check_stalled, root, guest)
        guest.detach()
        root.tell("viridis stop first")
        tap.run("nothing is left of them", check_nothing_left, root)
        tap.run("nor after a start and a stop", check_restart, root)


if __name__ == "__main__":
    main()
