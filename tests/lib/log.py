# SPDX-License-Identifier: GPL-2.0-or-later
"""A growing log file of a machine, read as it grows: waiting for a pattern in it, its TAP."""
import re
import time

POLL_SECONDS = 0.05
SHOWN_LINES = 30


class Failure(Exception):
    """A machine did not do what was awaited; the text holds the last lines of its logs."""


class Log:
    """`position` moves behind each match, so that waits follow each other in order."""

    def __init__(self, path, alive):
        self.path = path
        self.alive = alive
        self.position = 0
        self._size = 0
        self._text = ""

    def text(self):
        """All of it so far, without carriage returns; decoded anew only when it grew."""
        size = self.path.stat().st_size if self.path.exists() else 0
        if size != self._size:
            data = self.path.read_bytes()
            self._size = len(data)
            self._text = data.decode("utf-8", "replace").replace("\r", "")
        return self._text

    def tail(self, lines=SHOWN_LINES):
        last = self.text().splitlines()[-lines:]
        return "\n".join(f"  {self.path.name}| {line}" for line in last)

    def find(self, pattern):
        """The next match behind the last one, or None."""
        match = re.compile(pattern, re.MULTILINE).search(self.text(), self.position)
        if match:
            self.position = match.end()
        return match

    def wait(self, pattern, limit):
        """The next match of a regular expression, at most `limit` seconds from now."""
        deadline = time.monotonic() + limit
        while True:
            alive = self.alive()
            match = self.find(pattern)
            if match:
                return match
            if not alive:
                raise Failure(f"the machine ended before /{pattern}/\n{self.tail()}")
            if time.monotonic() > deadline:
                raise Failure(f"no /{pattern}/ within {limit} s\n{self.tail()}")
            time.sleep(POLL_SECONDS)

    def wait_text(self, end, limit):
        """Waits for `end`; gives the text from the last match up to and with it."""
        start = self.position
        match = self.wait(end, limit)
        return self._text[start:match.end()]
