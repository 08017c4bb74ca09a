# SPDX-License-Identifier: GPL-2.0-or-later
"""virt-manager on a screen that nobody sees: an X server without one, its pictures, keys and buttons."""
import os
import signal
import subprocess
import time

from lib.processes import children, named
from lib.screen import parse_xwd

SECONDS = 60
WIDTH, HEIGHT = 1024, 768
PAUSE_BUTTON = (168, 46)  # of a console's window, which fills the screen: there is no window manager


class Screen:
    """An X server of a test's own, what it shows, and its keys and buttons. Pictures are kept in `kept`."""

    def __init__(self, folder, kept):
        kept.mkdir(parents=True, exist_ok=True)
        self.file, self.kept = folder / "Xvfb_screen0", kept
        end, told = os.pipe()
        with open(folder / "Xvfb.log", "w", encoding="utf-8") as log:
            self.server = subprocess.Popen(
                ["Xvfb", "-displayfd", str(told), "-fbdir", folder, "-screen", "0", f"{WIDTH}x{HEIGHT}x24",
                 "-nolisten", "tcp", "-noreset"], pass_fds=[told], stdout=log, stderr=log)
        os.close(told)
        with os.fdopen(end, encoding="ascii") as number:
            self.display = f":{number.readline().strip()}"
        assert self.display != ":", (folder / "Xvfb.log").read_text()
        # The pointer is out of the pictures' way.
        self.do("mousemove", WIDTH - 1, 0)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.server.terminate()
        self.server.wait(SECONDS)

    def picture(self, name):
        picture = parse_xwd(self.file.read_bytes())
        (self.kept / f"{name}.png").write_bytes(picture.png())
        return picture

    def do(self, *words, limit=SECONDS):
        subprocess.run(["xdotool", *map(str, words)], env={**os.environ, "DISPLAY": self.display}, check=True,
                       timeout=limit, stdout=subprocess.DEVNULL)

    def click(self, place):
        self.do("mousemove", *place, "click", 1, "mousemove", WIDTH - 1, 0)

    def wait(self, name, condition, limit=SECONDS):
        """Of a picture, which is kept, and returned when it is so."""
        end = time.monotonic() + limit
        while not condition(self.picture(name)):
            assert time.monotonic() < end, f"{self.kept}/{name}.png shows something else"
            time.sleep(0.2)
        return self.picture(name)


class Manager:
    """virt-manager at a URI, with a session bus, and settings of its own in the folder."""

    def __init__(self, folder, screen, uri, *words, environment=None):
        home = folder / "home"
        home.mkdir(exist_ok=True, mode=0o700)
        self.log = screen.kept / "virt-manager.log"
        environment = {**(environment or os.environ), "DISPLAY": screen.display, "HOME": str(home),
                       "XDG_RUNTIME_DIR": str(home), "GSETTINGS_BACKEND": "memory", "NO_AT_BRIDGE": "1"}
        with open(self.log, "w", encoding="utf-8") as log:
            self.process = subprocess.Popen(
                ["dbus-run-session", "--", "virt-manager", "--no-fork", "--debug", "--connect", uri, *words],
                env=environment, stdout=log, stderr=log)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        # The session ends with its program, but not by a signal of its own.
        for number in children(self.process.pid):
            if "virt-manager" in named([number]):
                os.kill(number, signal.SIGTERM)
        self.process.wait(SECONDS)

    def no_errors(self):
        text = self.log.read_text()
        assert " ERROR " not in text and "Traceback" not in text, text[-3000:]
