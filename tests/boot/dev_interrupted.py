# SPDX-License-Identifier: GPL-2.0-or-later
# Needs: root target:tiny_guest
# Limit: 400
"""./dev leaves no process, file or lock behind when it is interrupted, wherever it is."""
import fcntl
import os
import signal
import tempfile
import time
from pathlib import Path

from lib.paths import BUILD, RUN, TOP
from lib.session import Session
from lib.tap import Tap

DEV = TOP / "dev"
NAME = "interrupted"
QEMU = "qemu-system-x86_64"
CTRL_C = "\x03"
ROOT = ["root", "--no-build", "--name", NAME]
SLEEP = [*ROOT, "--", "sleep 1000"]
LIMIT = 60


def check_free(path):
    """Who runs next need not wait for this lock."""
    with open(path) as lock:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)


def check_ended(session, status):
    found = session.end(LIMIT)
    assert found == status, f"status {found}\n{session.console.tail()}"
    session.check_clean()


def check_machine(folder, words, interrupt, status):
    """Once the machine runs; and the next run takes the same folder."""
    with Session([DEV, *words], folder) as session:
        session.wait_for_program(QEMU, LIMIT)
        interrupt(session)
        check_ended(session, status)
    check_free(RUN / NAME / "lock")
    assert not (RUN / NAME / "boot.iso").exists()


def ctrl_c(session):
    session.send(CTRL_C)


def twice(session):
    """An impatient person."""
    session.send(CTRL_C)
    time.sleep(0.1)
    session.send(CTRL_C)


def by_signal(number):
    return lambda session: session.signal(number)


def check_hang_up(folder, words):
    """Nobody is there any more to be told a status."""
    with Session([DEV, *words], folder) as session:
        session.wait_for_program(QEMU, LIMIT)
        session.hang_up()
        session.check_clean()


def check_early(folder):
    """Whatever it is doing then: scripts, Python's start (whose status is 1 then), the ISO."""
    for delay in (0.05, 0.15, 0.25, 0.4, 0.8):
        with Session([DEV, *SLEEP], folder) as session:
            time.sleep(delay)
            session.send(CTRL_C)
            assert session.end(LIMIT) in (1, 130), session.console.tail()
            session.check_clean()


def check_test(folder, interrupt, status):
    """./dev test, while a test of its own runs ./dev root."""
    with Session([DEV, "test", "--no-build", "root_trace"], folder) as session:
        session.wait_for_program(QEMU, LIMIT)
        interrupt(session)
        check_ended(session, status)


def kill_alone(session):
    """The first process alone is told, not the group."""
    os.kill(session.program(), signal.SIGTERM)


def check_compiling(folder):
    """A compiler that takes its time, found by PATH before the real one."""
    slow = folder / "bin"
    slow.mkdir()
    (slow / "cmake").write_text("#!/bin/sh\nsleep 1000\n")
    (slow / "cmake").chmod(0o755)
    with Session([DEV, "build"], folder,
                 PATH=f"{slow}:{os.environ['PATH']}") as session:
        session.wait_for_program("sleep", LIMIT)
        session.send(CTRL_C)
        check_ended(session, 130)
    check_free(BUILD / "lock")


def check_waiting(folder):
    """Two at once: the second waits for the first, and can be interrupted."""
    with open(BUILD / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with Session([DEV, "build"], folder) as session:
            session.console.wait("waiting for another ./dev", LIMIT)
            session.send(CTRL_C)
            check_ended(session, 130)


def main():
    with Tap() as tap, tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        tap.run("Ctrl-C ends a command's machine", check_machine, folder, SLEEP, ctrl_c, 130)
        tap.run("so do two", check_machine, folder, SLEEP, twice, 130)
        for signal_name in ("SIGTERM", "SIGHUP"):
            number = getattr(signal, signal_name)
            tap.run(f"so does {signal_name}", check_machine, folder, SLEEP,
                    by_signal(number), 128 + number)
        tap.run("so does a terminal that goes away", check_hang_up, folder, SLEEP)
        for signal_name in ("SIGINT", "SIGTERM"):
            number = getattr(signal, signal_name)
            tap.run(f"{signal_name} ends a shell's machine, and the terminal is as it was",
                    check_machine, folder, ROOT, by_signal(number), 128 + number)
        tap.run("a shell's machine ends with its terminal", check_hang_up, folder, ROOT)
        tap.run("Ctrl-C ends what has hardly begun", check_early, folder)
        tap.run("Ctrl-C ends a test in ./dev test", check_test, folder, ctrl_c, 130)
        tap.run("so does a signal to its first process alone", check_test, folder, kill_alone,
                143)
        tap.run("Ctrl-C ends a build", check_compiling, folder)
        tap.run("and one that waits for another", check_waiting, folder)


if __name__ == "__main__":
    main()
