# SPDX-License-Identifier: GPL-2.0-or-later
# Needs: target:viridis libvirt virt-manager
# Limit: 300
"""virt-manager on a screen that nobody sees: it shows a domain of ours, its console carries text both ways, its buttons
pause and resume. Beside the stock libvirtd and workers that are not there, as libvirt_tools. Pictures stay in
build/run/libvirt-manager. Needs root."""
import os
import sys
import tempfile
import time
from pathlib import Path

from lib.libvirt_host import Host, Stock
from lib.manager import Manager, PAUSE_BUTTON, Screen
from lib.paths import RUN
from lib.tap import Tap

# Without a window manager a console's window fills the screen: below menu and buttons there is its text, black at first.
TOP = 72
KEPT = RUN / "libvirt-manager"


# ---- What is on a picture ----

def rows_of(picture):
    """Of a console, those below menu and buttons."""
    step = 3 * picture.width
    return [picture.pixels[y * step:(y + 1) * step] for y in range(TOP, picture.height)]


def row_of_web(picture):
    """Of the manager's list: picture, name and state, without the load behind them."""
    return [picture.cell(0, y, 400, 1) for y in range(121, 158)]


def is_console(picture):
    """Black but for a line of text at most."""
    rows = rows_of(picture)
    return sum(not any(row[3:-3]) for row in rows) > len(rows) - 30


def first_line(picture):
    """What is written there, as the smallest box around it: its left edge in bytes, and its rows. None: nothing."""
    rows = rows_of(picture)
    # The edges of the window are no text; the cursor, in the second line by then, is not in the first.
    lit = [y for y, row in enumerate(rows) if any(row[3:-3])]
    if not lit:
        return None
    end = next(y for y in range(lit[0], len(rows)) if not any(rows[y][3:-3]))
    box = [row[3:-3] for row in rows[lit[0]:end]]
    columns = [x for x in range(len(box[0])) if any(row[x] for row in box)]
    return columns[0] + 3, [row[columns[0]:columns[-1] + 1] for row in box]


def times_seen(picture, line):
    """How often the same stands there, below one another."""
    left, box = line
    rows = [row[left:left + len(box[0])] for row in rows_of(picture)]
    return sum(rows[y:y + len(box)] == box for y in range(len(rows) - len(box) + 1))


# ---- The test ----

def manager_of(host, screen, *words):
    return Manager(host.folder, screen, host.command()[3], *words, environment=host.environment)


def lists(host, screen):
    """The domain in the manager's window; what becomes of it is seen."""
    with manager_of(host, screen) as manager:
        screen.do("search", "--sync", "--onlyvisible", "--name", "Virtual Machine Manager")
        host.wait(lambda: "domain=web status=Running added" in manager.log.read_text())
        time.sleep(2)
        running = screen.picture("manager-running")
        host.tell("suspend", "web")
        screen.wait("manager-paused", lambda picture: row_of_web(picture) != row_of_web(running))
        host.tell("resume", "web")
        manager.no_errors()


def console(host, screen):
    """What the guest writes is shown, and what is typed comes to it, which answers in capitals."""
    with manager_of(host, screen, "--show-domain-console", "web") as manager:
        screen.do("search", "--sync", "--onlyvisible", "--name", "^web on")
        screen.wait("console-empty", is_console)
        host.wait(lambda: "Opening console stream" in manager.log.read_text())
        with open(host.folder / "run" / "web.console", "wb", buffering=0) as guest:
            guest.write(b"viridis\r\n")
        written = screen.wait("console-written", is_written)
        line = first_line(written)
        assert times_seen(written, line) == 1
        screen.click((500, 400))
        screen.do("type", "--delay", 100, "viridis")
        screen.wait("console-typed", lambda picture: times_seen(picture, line) == 2)
        buttons(host, screen)
        manager.no_errors()


def is_written(picture):
    """A line that is longer than a cursor is wide."""
    line = first_line(picture)
    return line is not None and len(line[1][0]) > 3 * 50


def buttons(host, screen):
    assert host.state().startswith("running"), host.state()
    screen.click(PAUSE_BUTTON)
    host.wait(lambda: host.state() == "paused (user)")
    screen.picture("console-paused")
    screen.click(PAUSE_BUTTON)
    host.wait(lambda: host.state() == "running (unpaused)")


def main():
    if len(sys.argv) == 1:
        # Mounts of its own, which end with it.
        os.execvp("unshare", ["unshare", "--mount", "--propagation", "private", sys.executable,
                              __file__, "inside"])
    with Tap() as tap, tempfile.TemporaryDirectory(prefix="viridis-") as name:
        folder = Path(name)
        with Stock(folder), Host(folder) as host, Screen(folder, KEPT) as screen:
            host.tell("define", host.xml())
            host.tell("start", "web")
            tap.run("virt-manager lists the domain, and what becomes of it", lists, host, screen)
            tap.run("its console carries text both ways, its buttons pause and resume", console, host, screen)


if __name__ == "__main__":
    main()
