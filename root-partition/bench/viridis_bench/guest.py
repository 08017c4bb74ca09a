# SPDX-License-Identifier: GPL-2.0-or-later
"""The guest's serial line: one job at a time is typed there, and its answer read (image/bench-guest-init)."""
import os
import selectors
import time


class GuestError(Exception):
    """The guest ended, fell silent, or could not do what it was told."""


class Guest:
    """`reader` and `writer` are descriptors of the line; `alive` tells whether its machine still runs."""

    KEPT = 30  # lines, to show when something goes wrong

    def __init__(self, name, reader, writer, alive):
        self.name, self.writer, self.alive, self.reader = name, writer, alive, reader
        self.rest, self.lines, self.last = b"", [], []
        self.busy = False  # with a line whose answer has not been read to its end
        os.set_blocking(reader, False)
        self.selector = selectors.DefaultSelector()
        self.selector.register(reader, selectors.EVENT_READ)

    def close(self):
        self.selector.close()

    def _fill(self, deadline):
        """More lines, whole ones."""
        while not self.lines:
            left = deadline - time.monotonic()
            if left <= 0:
                raise GuestError(self.described("said nothing more"))
            if not self.selector.select(min(left, 1)) and not self.alive():
                raise GuestError(self.described("ended"))
            try:
                data = os.read(self.reader, 65536)
            except BlockingIOError:
                continue
            except OSError:  # a terminal whose other end is gone
                data = b""
            if not data:
                raise GuestError(self.described("ended"))
            *whole, self.rest = (self.rest + data).replace(b"\r", b"").split(b"\n")
            self.lines = [line.decode(errors="replace") for line in whole]

    def _tell(self, data):
        try:
            os.write(self.writer, data)
        except OSError as error:
            raise GuestError(self.described("ended")) from error

    def line(self, deadline):
        self._fill(deadline)
        line = self.lines.pop(0)
        if not line.startswith("@out"):
            self.last = [*self.last[1 - self.KEPT:], line]
        return line

    def described(self, what):
        return "\n".join([f"the guest of {self.name} {what}; its last lines:", *self.last,
                          self.rest.decode(errors="replace")]).rstrip()

    def wait_ready(self, seconds):
        """Until its init listens; gives the seconds of its own clock."""
        deadline = time.monotonic() + seconds
        while not (line := self.line(deadline)).startswith("@ready "):
            pass
        return float(line.split()[1])

    def run(self, job, seconds, on_mark=lambda name, counts: None):
        """One line for its shell. Gives what it sent back, and what its device counted at each mark; at a mark it waits for
        `on_mark`."""
        if self.busy:  # what it says next is of that line, and might be taken for this one's
            raise GuestError(f"the guest of {self.name} is not done with an earlier run")
        self.busy = True
        self._tell(job.encode() + b"\n")
        deadline = time.monotonic() + seconds
        out, marks = [], {}
        while not (line := self.line(deadline)).startswith("@done "):
            if line.startswith("@out "):
                out.append(line[5:])
            elif line.startswith("@mark "):
                name, _, marks_text = line[6:].partition(" ")
                marks[name] = marks_text
                on_mark(name, marks_text)
                self._tell(b"\n")
        self.busy = False
        if line != "@done 0":
            raise GuestError(self.described(f"could not carry out '{job}'"))
        return out, marks
