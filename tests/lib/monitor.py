# SPDX-License-Identifier: GPL-2.0-or-later
"""QEMU's monitor: QMP over a socket that QEMU inherited, and HMP through it."""
import json


class MonitorError(Exception):
    """QEMU refused a command, or is gone."""


class Monitor:
    def __init__(self, socket, limit=30):
        self.socket = socket
        self.socket.settimeout(limit)
        self.stream = socket.makefile("rw", encoding="utf-8", newline="\n")
        self.ready = False

    def _receive(self):
        line = self.stream.readline()
        if not line:
            raise MonitorError("QEMU closed its monitor")
        return json.loads(line)

    def qmp(self, command, **arguments):
        """Runs one QMP command and gives back what it returned; events are passed over."""
        if not self.ready:
            self.ready = True
            self._receive()
            self.qmp("qmp_capabilities")
        request = {"execute": command}
        if arguments:
            request["arguments"] = arguments
        self.stream.write(json.dumps(request) + "\n")
        self.stream.flush()
        while True:
            answer = self._receive()
            if "error" in answer:
                raise MonitorError(f"{command}: {answer['error']['desc']}")
            if "return" in answer:
                return answer["return"]

    def hmp(self, line):
        """Runs one command of the human monitor; gives its text."""
        return self.qmp("human-monitor-command", **{"command-line": line})
