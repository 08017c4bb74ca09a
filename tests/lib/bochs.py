# SPDX-License-Identifier: GPL-2.0-or-later
"""One machine under Bochs, whose SVM shares no code with QEMU's. Its CPUs take turns of `quantum`
instructions, so that a small quantum interleaves them as one thread of QEMU's never does.

    with BochsMachine("bochs-example", modules, cpus=2, quantum=1) as machine:
        machine.console.wait(r"^1\\.\\.", limit=300)

Files of a run are in build/run/NAME: root.log (COM1), screen.log (debug console and Bochs's own words),
bochs.log (what the emulator found odd).
"""
import os
import pty
import re
import signal
import subprocess
import threading

from boot_iso import make_iso
from lib.log import Failure, Log
from lib.machine import RunFolder
from lib.paths import HYPERVISOR_ELF
from lib.processes import Child, dying_with_parent

SHARE = "/usr/share/bochs"
# `ips` is the rate of the TSC; below 100 MHz the root's loader refuses it.
CONFIGURATION = """cpu: model=ryzen, count={cpus}, quantum={quantum}, ips={ips}, reset_on_triple_fault=0
memory: guest={memory}, host={memory}
romimage: file={share}/BIOS-bochs-latest
vgaromimage: file={share}/VGABIOS-lgpl-latest
display_library: term
ata0-master: type=cdrom, path={iso}, status=inserted
boot: cdrom
com1: enabled=1, mode=file, dev={folder}/root.log
com2: enabled=1, mode=null
com3: enabled=1, mode=null
com4: enabled=1, mode=null
port_e9_hack: enabled=1
clock: sync=none
log: {folder}/bochs.log
"""
ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b[()][A-Z0-9]|[\x00-\x08\x0b-\x1f]")


class BochsMachine:
    def __init__(self, name, modules, cpus=1, quantum=16, memory=512, ips=150_000_000):
        self.folder = RunFolder(name)
        self.path = self.folder.path
        self.modules = modules
        self.options = {"cpus": cpus, "quantum": quantum, "memory": memory, "ips": ips,
                        "share": SHARE, "folder": self.path}
        self.process = self.reader = None
        self.console = Log(self.path / "root.log", self.alive)
        self.screen = Log(self.path / "screen.log", self.alive)

    def __enter__(self):
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_):
        self.stop()

    def start(self):
        iso = make_iso(self.path, self.modules, HYPERVISOR_ELF)
        (self.path / "bochsrc").write_text(CONFIGURATION.format(iso=iso, **self.options))
        # This build stops in its debugger first; `c` goes on.
        (self.path / "commands").write_text("c\n")
        ours, theirs = pty.openpty()
        self.process = Child(["bochs", "-q", "-f", "bochsrc", "-rc", "commands"], cwd=self.path,
                             stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True,
                             env={**os.environ, "TERM": "vt100"},
                             preexec_fn=dying_with_parent(signal.SIGKILL))
        os.close(theirs)
        self.reader = threading.Thread(target=self._read_screen, args=(ours,), daemon=True)
        self.reader.start()

    def _read_screen(self, terminal):
        """The emulator's terminal, without its cursor movements, into screen.log."""
        with open(self.path / "screen.log", "w", errors="replace") as log:
            try:
                while data := os.read(terminal, 65536):
                    log.write(ESCAPES.sub("", data.decode("utf-8", "replace")))
                    log.flush()
            except OSError:  # its other end is closed
                pass
        os.close(terminal)

    def alive(self):
        return self.process is not None and self.process.poll() is None

    def wait_power_off(self, limit):
        """Until the guest has powered the machine off, which ends the emulator."""
        try:
            self.process.wait(limit)
        except subprocess.TimeoutExpired:
            raise Failure(f"still running after {limit} s\n{self.describe()}") from None
        self.reader.join(5)
        if "soft power off" not in self.screen.text():
            raise Failure(f"it ended in another way\n{self.describe()}")

    def stop(self):
        if self.alive():
            self.process.kill()
            self.process.wait()
        if self.reader:
            self.reader.join(5)
        (self.path / "boot.iso").unlink(missing_ok=True)
        self.folder.release()

    def describe(self, lines=30):
        """The last lines of every log, for a failure's text."""
        return "\n".join(log.tail(lines) for log in (self.console, self.screen))
