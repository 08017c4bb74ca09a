# SPDX-License-Identifier: GPL-2.0-or-later
"""Processes: how ours end on a signal, and that none of those they started stays behind."""
import ctypes
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

PR_SET_PDEATHSIG = 1
ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
POLL_SECONDS = 0.05
_libc = ctypes.CDLL(None)


def end_by_signals():
    """Ctrl-C, a kill or a lost terminal end the program through its `with` and `finally`, with
    status 128 + N. Only the first does: cleaning up takes seconds at most and is not to be cut
    short. What was ignored when the program started (nohup) stays so."""
    def end(number, _):
        for other in ENDING:
            signal.signal(other, lambda *_: None)
        sys.exit(128 + number)
    for number in ENDING:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, end)


class Child(subprocess.Popen):
    """Popen's poll() and wait(timeout) take a lock in two steps; an exception out of a signal
    handler between them leaves it taken, and whoever cleans up then waits for good. These take none.
    """

    def poll(self):
        if self.returncode is None:
            try:
                number, status = os.waitpid(self.pid, os.WNOHANG)
            except ChildProcessError:
                # Asked for already, by a call that a signal ended.
                number, status = self.pid, signal.SIGKILL
            if number:
                self.returncode = os.waitstatus_to_exitcode(status)
        return self.returncode

    def wait(self, timeout=None):
        end = None if timeout is None else time.monotonic() + timeout
        while self.poll() is None:
            if end is not None and time.monotonic() > end:
                raise subprocess.TimeoutExpired(self.args, timeout)
            time.sleep(POLL_SECONDS / 5)
        return self.returncode


def dying_with_parent(number):
    """For a child's preexec_fn: it gets this signal when its parent is gone."""
    return lambda: _libc.prctl(PR_SET_PDEATHSIG, number)


def processes():
    """(number, parent, session) of each; not of zombies, which only wait to be asked for."""
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit():
            continue
        try:
            # The name, in parentheses, may hold anything.
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if fields[0] not in ("Z", "X"):
            yield int(folder.name), int(fields[1]), int(fields[3])


def of_session(session):
    return [number for number, _, its in processes() if its == session]


def children(parent):
    return [number for number, its, _ in processes() if its == parent]


def with_environment(word):
    """Those that inherited NAME=VALUE, in whatever session they are."""
    found = []
    for number, _, _ in processes():
        try:
            words = Path(f"/proc/{number}/environ").read_bytes().split(b"\0")
        except OSError:
            continue
        if word.encode() in words:
            found.append(number)
    return found


def named(numbers):
    """For a message: the processes with their command lines."""
    lines = []
    for number in numbers:
        try:
            words = Path(f"/proc/{number}/cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        lines.append(f"{number}: {b' '.join(words).decode(errors='replace')[:200]}")
    return "\n".join(lines)


def still_there(find, limit):
    """What find() gives, as soon as that is nothing, or else after `limit` seconds."""
    deadline = time.monotonic() + limit
    while (left := find()) and time.monotonic() < deadline:
        time.sleep(POLL_SECONDS)
    return left


def send(numbers, signal_number):
    for number in numbers:
        try:
            os.kill(number, signal_number)
        except ProcessLookupError:
            pass


def end_session(session, limit=15):
    """Ends all that is left of a session: asked first, killed after `limit` seconds."""
    send(of_session(session), signal.SIGTERM)
    send(still_there(lambda: of_session(session), limit), signal.SIGKILL)
