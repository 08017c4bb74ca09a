# SPDX-License-Identifier: GPL-2.0-or-later
"""The bridge of viridis-bridge.service, in network namespaces of the test's own: a client gets an address and a name
server by DHCP and a way out, nobody from outside gets in, IPv6 is off, and nothing is left."""
import os
import subprocess
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path

from lib.paths import TOP
from lib.tap import Tap

PROGRAM = TOP / "root-partition" / "packages" / "viridis-bridge"
PATIENCE_S = 30
# What udhcpc calls with what it was given.
TAKE = """#!/bin/sh
[ "$1" = bound ] || exit 0
echo "$ip $router $dns" >"$TOLD"
ip address add "$ip/24" dev "$interface" && ip route add default via "$router"
"""


class Host:
    """Namespaces root, guest and outside: the guest's interface is to be a port of root's bridge."""

    def __init__(self, folder):
        self.folder = Path(folder)
        self.names = {name: f"vbt-{os.getpid()}-{name}" for name in ("root", "guest", "outside")}
        self.environment = os.environ | {"STATE_DIRECTORY": folder, "RUNTIME_DIRECTORY": folder, "BRIDGE": "vbr0",
                                         "NETWORK": "10.99.7", "TOLD": str(self.folder / "told")}

    def run(self, where, *words, check=True):
        done = subprocess.run(["ip", "netns", "exec", self.names[where], *map(str, words)],
                              env=self.environment, capture_output=True, text=True, timeout=60)
        assert not check or done.returncode == 0, done
        return done

    def begin(self):
        for name in self.names.values():
            subprocess.run(["ip", "netns", "add", name], check=True)
        for other, address in (("guest", None), ("outside", "192.0.2")):
            self.run("root", "ip", "link", "add", other, "type", "veth", "peer", "name", "eth0",
                     "netns", self.names[other])
            self.run("root", "ip", "link", "set", other, "up")
            self.run(other, "ip", "link", "set", "eth0", "up")
            if address:
                self.run("root", "ip", "address", "add", f"{address}.1/24", "dev", other)
                self.run(other, "ip", "address", "add", f"{address}.2/24", "dev", "eth0")
                self.run(other, "ip", "route", "add", "10.99.7.0/24", "via", f"{address}.1")

    def end(self):
        for name in self.names.values():
            subprocess.run(["ip", "netns", "delete", name], check=False)


@contextmanager
def served(host):
    host.run("root", PROGRAM, "up")
    server = subprocess.Popen(["ip", "netns", "exec", host.names["root"], PROGRAM, "serve"],
                              env=host.environment)
    try:
        yield
    finally:
        server.terminate()
        server.wait()
        host.run("root", PROGRAM, "down")


def has_link(host, name):
    return host.run("root", "ip", "link", "show", name, check=False).returncode == 0


def ping(host, where, address):
    return host.run(where, "busybox", "ping", "-c", "1", "-W", "3", address, check=False).returncode == 0


def check_client(host):
    take = host.folder / "take"
    take.write_text(TAKE)
    take.chmod(0o755)
    with served(host):
        host.run("root", "ip", "link", "set", "guest", "master", "vbr0")
        until = time.monotonic() + PATIENCE_S
        while not (host.folder / "told").exists():
            assert time.monotonic() < until, "no address"
            host.run("guest", "busybox", "udhcpc", "-i", "eth0", "-n", "-q", "-t", "5", "-T", "1",
                     "-s", take, check=False)
        address, router, names = (host.folder / "told").read_text().split()
        assert address.startswith("10.99.7.") and router == names == "10.99.7.1", address
        assert address in (host.folder / "leases").read_text()
        assert ping(host, "guest", "10.99.7.1"), "the root does not answer"
        assert ping(host, "guest", "192.0.2.2"), "there is no way out"
        assert not ping(host, "outside", address), "there is a way in"
        assert not host.run("root", "ip", "-6", "address", "show", "dev", "vbr0").stdout


def forwarding(host):
    return host.run("root", "cat", "/proc/sys/net/ipv4/ip_forward").stdout.strip()


def check_forwarding(host):
    """Given back as it was found, also by one that was begun twice; here it was off, or another's."""
    for before in "01":
        host.run("root", "sh", "-c", f"echo {before} >/proc/sys/net/ipv4/ip_forward")
        host.run("root", PROGRAM, "up")
        with served(host):
            assert forwarding(host) == "1"
        assert forwarding(host) == before


def check_restart(host):
    """It has a port still, which the next one must find."""
    assert has_link(host, "vbr0"), "the bridge has gone from under its port"
    with served(host):
        assert ping(host, "guest", "10.99.7.1")


def check_end(host):
    host.run("root", "ip", "link", "set", "guest", "nomaster")
    with served(host):
        pass
    assert not has_link(host, "vbr0")
    assert "viridis" not in host.run("root", "nft", "list", "ruleset").stdout


def check_refusals(host):
    done = host.run("root", PROGRAM, check=False)
    assert done.returncode == 1 and "usage" in done.stderr, done
    host.run("root", "ip", "link", "add", "vbr0", "type", "veth", "peer", "name", "vbr1")
    done = host.run("root", PROGRAM, "up", check=False)
    assert done.returncode == 1 and "no bridge" in done.stderr, done
    host.run("root", "ip", "link", "delete", "vbr0")
    # The same network, a part of it, and one that it is a part of.
    for address in ("10.99.7.9/24", "10.99.7.9/25", "10.99.200.9/16"):
        host.run("root", "ip", "address", "add", address, "dev", "guest")
        done = host.run("root", PROGRAM, "up", check=False)
        assert done.returncode == 1 and "NETWORK" in done.stderr and not has_link(host, "vbr0"), (address, done)
        host.run("root", "ip", "address", "delete", address, "dev", "guest")


def check_others(host):
    """Another network, though its name ends so, and what leads everywhere."""
    host.run("root", "ip", "address", "add", "110.99.7.9/24", "dev", "guest")
    host.run("root", "ip", "route", "add", "0.0.0.0/1", "via", "192.0.2.2")
    host.run("root", "ip", "route", "add", "default", "dev", "outside")
    host.run("root", PROGRAM, "up")
    host.run("root", PROGRAM, "down")


def main():
    with Tap() as tap, tempfile.TemporaryDirectory() as folder:
        host = Host(folder)
        try:
            host.begin()
            tap.run("a client gets an address, a name server and a way out", check_client, host)
            tap.run("guests keep their bridge over a restart", check_restart, host)
            tap.run("forwarding is given back as it was", check_forwarding, host)
            tap.run("the last one takes everything along", check_end, host)
            tap.run("what is in use already is named", check_refusals, host)
            tap.run("and nothing else", check_others, host)
        finally:
            host.end()


if __name__ == "__main__":
    main()
