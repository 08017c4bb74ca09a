# SPDX-License-Identifier: GPL-2.0-or-later
# Needs: root guest-initrd other-guests
# Limit: 2400
"""Ten minutes of mixed load on a bridge: a stock Linux with two queues sends and receives by TCP and UDP, fetches files and
pings, to the root and to another stock Linux. Nothing fails, and no counter of an error has risen, in the guests, in
what serves them and in the root; what the root's queues had no room for is counted there. With `trixie` or `newest` behind
it, guests of that kernel; with a number, so many seconds."""
import hashlib
import os
import sys
import tempfile
from pathlib import Path

from lib import iperf
from lib.child import Root, guest_initrd
from lib.log import Failure
from lib.paths import GUEST_INITRD, KERNEL, OTHER_GUESTS
from lib.programs import run_in, with_libraries
from lib.shell import ASH_PROMPT, GuestShell, away
from lib.tap import Tap

SECONDS = 600
BOOT_SECONDS = 300
ROOT, FIRST, SECOND = "10.77.0.1", "10.77.0.10", "10.77.0.11"
MIB = 1 << 20
FILE_MIB = 4
PROGRAMS = with_libraries(iperf.PROGRAM, "/usr/sbin/ethtool")
ETHTOOL = run_in("/share", "ethtool")
# Each has a server of its own: iperf3 serves one client at a time.
PORTS = range(5201, 5206)

# load SECONDS: all works beside each other, each again and again; /tmp/load/NAME has a line for each time.
LOAD = f"""#!/bin/sh
end=$(($(cut -d. -f1 /proc/uptime) + $1))
mkdir -p /tmp/load
work() {{
	name=$1
	shift
	while [ $(cut -d. -f1 /proc/uptime) -lt $end ]; do
		if "$@" >/tmp/load.$name 2>&1; then echo ok; else echo bad; tail -n 3 /tmp/load.$name; fi >>/tmp/load/$name
	done
	echo $name >>/tmp/done
}}
iperf() {{
	{iperf.IPERF} -i 0 -t 10 "$@"
}}
both() {{
	"$@" && "$@" -R
}}
fetch() {{
	wget -q -O /tmp/fetched http://{ROOT}/file && sha256sum </tmp/fetched | cmp - /share/sum
}}
pings() {{
	for size in 20 1000 1472 4000 20000; do
		ping -c 1 -W 20 -s $size {ROOT} && ping -c 1 -W 20 -s $size {SECOND} || return 1
	done
}}
work send iperf -c {ROOT} -p 5201 &
work receive iperf -c {ROOT} -p 5202 -R &
work datagrams iperf -c {ROOT} -p 5203 -u -b 1M -l 300 &
work datagrams-back iperf -c {ROOT} -p 5204 -u -b 1M -l 1400 -R &
work neighbour both iperf -c {SECOND} -p 5205 &
work fetch fetch &
work pings pings &
wait
"""
WORKS = ("send", "receive", "datagrams", "datagrams-back", "neighbour", "fetch", "pings")

# Of an interface of Linux; what a TAP device had no room for, its reader being slow, is tx_dropped there.
ERRORS = ("rx_errors", "tx_errors", "rx_dropped", "tx_dropped", "rx_length_errors", "rx_over_errors", "rx_crc_errors",
          "rx_frame_errors", "rx_fifo_errors", "rx_missed_errors", "tx_aborted_errors", "tx_carrier_errors",
          "tx_fifo_errors", "collisions")
# Of hv_netvsc: frames that it lost. That it had to wait for room (stop_queue, tx_busy) is no error.
LOST = ("tx_no_memory", "tx_no_space", "tx_too_big", "rx_no_memory")
PROVIDER = ("rejected", "send-errors", "receive-errors")


def risen(shell, interface, names=ERRORS):
    values = shell.tell(f"cd /sys/class/net/{interface}/statistics; cat {' '.join(names)}; cd /").split()
    return {name: int(value) for name, value in zip(names, values, strict=True) if value != "0"}


def set_up(root):
    root.tell(f"brctl addbr br0 && ip addr add {ROOT}/24 dev br0 && ip link set br0 up")
    for port in PORTS:
        root.tell(f"({iperf.IPERF} -s -p {port} >/tmp/iperf.{port} 2>&1 &)")
    root.tell(f"mkdir /tmp/www; cp /share/file /tmp/www; httpd -p {ROOT}:80 -h /tmp/www")


def begin(root, name, address, words):
    root.create(name, f"--memory 192M --kernel /share/vmlinuz --initrd /share/initrd {words}", "console=ttyS0 quiet")
    root.start(name)
    guest = GuestShell(root.shell, name, ASH_PROMPT, BOOT_SECONDS)
    guest.tell(f"ip addr add {address}/24 dev eth0 && ip link set eth0 up", 60)
    return guest


def check_load(guest, seconds):
    """Each work was done many times, and never failed."""
    found = {}
    for name in WORKS:
        told = guest.tell(f"cat /tmp/load/{name}").splitlines()
        found[name] = (told.count("ok"), told.count("bad"))
        print(f"# {name}: {told.count('ok')} times, {told.count('bad')} failed")
        assert told.count("bad") == 0, (name, told[-8:])
    assert all(done >= seconds // 60 for done, _ in found.values()), found


def check_guest(guest):
    assert risen(guest, "eth0") == {}, risen(guest, "eth0")
    told = {line.split(":")[0].strip(): int(line.split(":")[1]) for line in guest.tell(f"{ETHTOOL} -S eth0").splitlines()
            if ":" in line and line.split(":")[1].strip().isdigit()}
    assert {name: told[name] for name in LOST if told[name] != 0} == {}, told
    amiss = guest.ask("dmesg | grep -iE 'Call Trace|WARNING: CPU|NETDEV WATCHDOG|hv_(netvsc|vmbus).*(fail|error|unable)'")
    assert amiss.status == 1, amiss.output


def check_provider(root, name, least):
    told = root.json(f"stats {name}")["net0"]
    print(f"# {name}: {told}")
    assert {key: told[key] for key in PROVIDER if told[key] != 0} == {}, told
    assert min(told["sent-bytes"], told["received-bytes"]) >= least, told


def check_root(root):
    """A TAP device's dropped frames are those that its guest was too slow for, which each sender notices itself."""
    assert risen(root, "br0") == {}, risen(root, "br0")
    for device in root.tell("ls /sys/class/net/br0/brif").split():
        found = risen(root, device)
        print(f"# {device}: {found or 'no error'}")
        assert set(found) <= {"tx_dropped"}, (device, found)
        sent = int(root.tell(f"cat /sys/class/net/{device}/statistics/tx_packets"))
        assert found.get("tx_dropped", 0) * 100 <= sent, (found, sent)


def play(tap, root, seconds):
    set_up(root)
    second = begin(root, "second", SECOND, "--vps 1 --net bridge=br0")
    second.tell(f"({iperf.IPERF} -s -p 5205 >/tmp/iperf 2>&1 &)")
    second.detach()
    first = begin(root, "first", FIRST, "--vps 2 --net bridge=br0,queues=2")
    first.tell(f"(/share/load {seconds} >/tmp/loads 2>&1 &)")
    first.tell(f"until [ \"$(cat /tmp/done 2>/dev/null | wc -l)\" = {len(WORKS)} ]; do sleep 2; done", 2 * seconds + 200)
    tap.run(f"{seconds} seconds of seven works, none of which fails", check_load, first, seconds)
    tap.run("no error was counted in the guest", check_guest, first)
    with away(first):
        for name, least in (("first", seconds * MIB // 32), ("second", seconds * MIB // 256)):
            tap.run(f"nor in what serves '{name}'", check_provider, root, name, least)
        tap.run("nor in the root", check_root, root)
    first.detach()
    second.attach()
    tap.run("nor in the other guest", check_guest, second)
    second.detach()
    root.tell("viridis stop first; viridis stop second")
    tap.run("nothing is left", root.nothing_left)


def main(*words):
    seconds = next((int(word) for word in words if word.isdigit()), SECONDS)
    kernel, initrd = next((OTHER_GUESTS[word] for word in words if not word.isdigit()), (KERNEL, GUEST_INITRD))
    with Tap() as tap, tempfile.TemporaryDirectory(prefix="viridis-") as folder:
        file = Path(folder, "file")
        file.write_bytes(os.urandom(FILE_MIB * MIB))
        total = f"{hashlib.sha256(file.read_bytes()).hexdigest()}  -\n"
        with guest_initrd({**PROGRAMS, "load": LOAD, "sum": total}, initrd) as initrd, \
                Root("network-load", {**PROGRAMS, "vmlinuz": kernel, "initrd": initrd, "file": file}) as root:
            try:
                play(tap, root, seconds)
            except Failure as failure:
                raise Failure(f"{failure}\n{root.machine.describe()}") from failure


if __name__ == "__main__":
    main(*sys.argv[1:])
