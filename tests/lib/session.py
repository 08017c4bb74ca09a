# SPDX-License-Identifier: GPL-2.0-or-later
"""A program on a terminal of its own, as a person starts it: typed at, interrupted, hung up on.

    with Session([TOP / "dev", "root"], folder) as session:
        session.console.wait("Viridis root partition", 60)
        session.send("exit\\n")
        status = session.end(60)
"""
import fcntl
import os
import pty
import select
import signal
import subprocess
import tempfile
import termios
import threading
import uuid
from pathlib import Path

from lib.log import Failure, Log
from lib.processes import children, named, of_session, send, still_there, with_environment

# The session's first process, as a person's shell is: it outlives the program, for the end of a
# session's first process would end what the program left on the terminal.
SHELL = """
trap : INT TERM HUP
"$@"
echo $? >"$0/status.new"
mv "$0/status.new" "$0/status"
read -r end <"$0/end"
"""


def begin():
    """As on a person's terminal: whoever runs the tests in the background has its signals ignored, and so would we."""
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
    for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)


class Session:
    """What it prints is in the Log `console`, and its temporary files in a folder of its own."""

    def __init__(self, words, folder, **environment):
        self.words = words
        # Inherited by all that it starts, in whatever session that runs.
        self.mark = f"VIRIDIS_TEST_SESSION={uuid.uuid4()}"
        self.folder = Path(tempfile.mkdtemp(dir=folder))
        self.temporary = self.folder / "tmp"
        self.temporary.mkdir()
        os.mkfifo(self.folder / "end")
        self.console = Log(self.folder / "terminal.log", self.alive)
        name, value = self.mark.split("=")
        self.environment = {**os.environ, "TMPDIR": str(self.temporary), name: value,
                            **environment}
        self.shell = None

    def __enter__(self):
        self.master, slave = pty.openpty()
        self.modes = termios.tcgetattr(self.master)
        with open(self.console.path, "wb"):
            pass
        self.shell = subprocess.Popen(
            ["sh", "-c", SHELL, self.folder, *self.words], stdin=slave, stdout=slave, stderr=slave, env=self.environment,
            start_new_session=True,
            preexec_fn=begin)
        os.close(slave)
        self.wake = os.pipe()
        self.reader = threading.Thread(target=self._read)
        self.reader.start()
        return self

    def _read(self):
        """Until nobody has the terminal open any more, or it is hung up."""
        with open(self.console.path, "ab", buffering=0) as target:
            while self.wake[0] not in select.select([self.master, self.wake[0]], [], [])[0]:
                try:
                    target.write(os.read(self.master, 65536))
                except OSError:
                    return

    def hang_up(self):
        """The terminal goes away, and the shell with it: the system then tells the foreground."""
        self._close()
        self.shell.kill()

    def _close(self):
        if self.master is not None:
            os.write(self.wake[1], b"x")
            self.reader.join()
            os.close(self.master)
            self.master = None

    def __exit__(self, *_):
        send({*self.left(), *of_session(self.shell.pid)}, signal.SIGKILL)
        self.shell.wait()
        self._close()
        for end in self.wake:
            os.close(end)

    def alive(self):
        return not (self.folder / "status").exists()

    def send(self, text):
        os.write(self.master, text.encode())

    def signal(self, number):
        """To the foreground's process group, as a terminal does it."""
        os.killpg(os.tcgetpgrp(self.master), number)

    def program(self):
        """Its process, without those that it started."""
        return children(self.shell.pid)[0]

    def left(self):
        return [number for number in with_environment(self.mark) if number != self.shell.pid]

    def wait_for_program(self, name, limit=60):
        """Until it, or what it started, runs a program of this name; gives its number."""
        found = []

        def absent():
            for number in self.left():
                try:
                    with open(f"/proc/{number}/comm") as comm:
                        if name.startswith(comm.read().strip()):
                            found.append(number)
                except OSError:
                    continue
            return not found and self.alive()
        still_there(absent, limit)
        if not found:
            raise Failure(f"{name} did not start\n{self.console.tail()}")
        return found[0]

    def end(self, limit):
        """Its exit status, as a shell gives it."""
        if still_there(self.alive, limit):
            raise Failure(f"still running after {limit} s\n{named(self.left())}\n"
                          + self.console.tail())
        return int((self.folder / "status").read_text())

    def check_clean(self):
        """Nothing it started runs, its temporary files are gone, the terminal is as it was."""
        if left := still_there(self.left, 5):
            raise Failure(f"left behind:\n{named(left)}")
        if files := list(self.temporary.iterdir()):
            raise Failure(f"left behind: {files}")
        if self.master is not None and termios.tcgetattr(self.master) != self.modes:
            raise Failure("the terminal's modes have changed")
