#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""In the place of viridis-vm where there is no /dev/mshv: lock, state, console and control socket as the worker and its
keeper have them, and a guest that echoes what is typed and does as it is told.

  fake_worker.py --ready-fd N NAME

A definition whose command line has `refuse` does not start; one with `deaf` does not shut down, one with `slow` takes a
second to count. A disk whose path has
`missing` is not there, nor is a bridge of that name."""
import fcntl
import json
import os
import selectors
import signal
import socket
import sys
import time
import tty
from pathlib import Path

STATE_DIR = Path(os.environ.get("VIRIDIS_STATE_DIR", "/var/lib/viridis"))
RUN_DIR = Path(os.environ.get("VIRIDIS_RUN_DIR", "/run/viridis"))
STATS = {"ok": True, "vps": [{"vp": 0, "time-ns": 1500000000}],
         "storage": {"disks": [{"lun": 0, "reads": 3, "writes": 2, "read-bytes": 1536,
                                "written-bytes": 1024, "errors": 0}]},
         "net0": {"sent": 5, "sent-bytes": 500, "send-errors": 0, "received": 7,
                  "received-bytes": 700, "receive-errors": 1},
         "net1": {"sent": 6, "sent-bytes": 600, "send-errors": 0, "received": 8,
                  "received-bytes": 800, "receive-errors": 0}}


GUEST = {"ok": True, "adapters": [{"mac": "00:15:5d:00:00:07", "dhcp": True,
                                   "addresses": ["10.0.2.15/24", "fe80::1/64"]}]}


class Refused(Exception):
    """An order that is answered by an error."""


class Worker:
    def __init__(self, name):
        self.name = name
        self.definition = json.loads((STATE_DIR / f"{name}.json").read_text())
        self.weight = 100
        self.sequence = 0
        self.show_definition()
        self.selector = selectors.DefaultSelector()
        self.subscribed = []
        self.lock = os.open(self.file("lock"), os.O_RDWR | os.O_CREAT, 0o600)
        fcntl.lockf(self.lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        self.pty, self.tty = os.openpty()
        tty.setraw(self.tty)
        self.file("console").unlink(missing_ok=True)
        self.file("console").symlink_to(os.ttyname(self.tty))
        self.file("sock").unlink(missing_ok=True)
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(str(self.file("sock")))
        self.listener.listen()
        self.selector.register(self.listener, selectors.EVENT_READ, self.accept)
        self.selector.register(self.pty, selectors.EVENT_READ, self.echo)

    def file(self, kind):
        return RUN_DIR / f"{self.name}.{kind}"

    def write_state(self, state, reason=""):
        new = self.file("state.new")
        new.write_text(json.dumps({"state": state, "pid": os.getpid(), "reason": reason}))
        new.rename(self.file("state"))

    def show_definition(self):
        new = self.file("running.new")
        new.write_text(json.dumps(self.definition))
        new.rename(self.file("running"))

    def renew(self, kind):
        """Disks or nets."""
        wanted = self.file("wanted")
        if not wanted.exists():
            wanted = STATE_DIR / f"{self.name}.json"
        devices = json.loads(wanted.read_text())[kind]
        if any("missing" in device.get("path", "") for device in devices):
            raise Refused("failed", "disk: No such file")
        if any("missing" in device.get("bridge", "") for device in devices):
            raise Refused("failed", "net: there is no such network device")
        self.definition[kind] = devices
        self.show_definition()

    def tell(self, event):
        self.sequence += 1
        line = json.dumps({"event": event, "sequence": self.sequence, "source": "request"})
        for client in self.subscribed:
            client.send(line.encode() + b"\n")

    def accept(self):
        client, _ = self.listener.accept()
        self.selector.register(client, selectors.EVENT_READ, lambda: self.serve(client))

    def echo(self):
        os.write(self.pty, os.read(self.pty, 256).upper())

    def serve(self, client):
        try:
            line = client.recv(4096)
        except ConnectionResetError:
            line = b""
        if not line:
            self.selector.unregister(client)
            self.subscribed = [other for other in self.subscribed if other is not client]
            client.close()
            return
        request = json.loads(line)
        try:
            answer = self.answer(client, request)
        except Refused as refused:
            answer = {"ok": False, "code": refused.args[0], "error": refused.args[1]}
        if "id" in request:
            answer = {"id": request["id"], **answer}
        client.send(json.dumps(answer).encode() + b"\n")
        if self.end:
            raise SystemExit

    end = None

    def answer(self, client, request):
        command = request["command"]
        if command == "stop":
            self.end = "stopped by request"
        elif command == "shutdown" and "deaf" in self.definition["cmdline"]:
            raise Refused("refused", "the guest refused")
        elif command == "reset" or command == "shutdown" and request.get("reboot"):
            self.tell("reset")
        elif command == "shutdown":
            self.end = "powered off"
        elif command == "pause":
            self.write_state("paused", "by request")
        elif command == "resume":
            self.write_state("running")
        elif command == "events":
            self.subscribed.append(client)
        elif command == "stats":
            time.sleep("slow" in self.definition["cmdline"])
            return {**STATS, "weight": self.weight}
        elif command == "guest":
            return GUEST
        elif command == "weight":
            self.weight = request["weight"]
        elif command in ("disks", "nets"):
            self.renew(command)
        elif command == "console":
            return {"ok": True, "pty": os.ttyname(self.tty)}
        return {"ok": True}

    def run(self, ready):
        self.write_state("running")
        os.write(ready, b"ready")
        os.close(ready)
        signal.signal(signal.SIGTERM, lambda *_: sys.exit())
        try:
            while True:
                for key, _ in self.selector.select():
                    key.data()
        finally:
            self.write_state("off", self.end or "stopped by a signal")
            for kind in ("running", "sock", "console", "lock"):
                self.file(kind).unlink()


def main():
    ready, name = int(sys.argv[2]), sys.argv[3]
    if "refuse" in json.loads((STATE_DIR / f"{name}.json").read_text())["cmdline"]:
        os.write(ready, b"the kernel module is not loaded")
        raise SystemExit(1)
    Worker(name).run(ready)


if __name__ == "__main__":
    main()
