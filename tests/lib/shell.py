# SPDX-License-Identifier: GPL-2.0-or-later
"""A shell at the other end of a machine's console: the root's, or a child's through it."""
import contextlib
import re
from dataclasses import dataclass

from lib.log import Failure


# What the small guest's shell says before its first line.
ASH_PROMPT = r"built-in shell [(]ash[)][^#]*/ # "

# What programs colour their words with, where they are shown on a terminal: iproute2 from Debian 13 on.
COLOUR = re.compile(r"\x1b\[[0-9;]*m")


@dataclass
class Answer:
    status: int
    output: str


class Shell:
    """Works with any shell, echo and prompt: the markers are never in what is typed whole."""

    def __init__(self, machine):
        self.machine = machine
        self.count = 0

    def ask(self, command, limit=60):
        """Runs one line; gives its status and what it printed."""
        self.count += 1
        number = self.count
        self.machine.send(f'echo "[[beg""in:{number}]]"; {command}; '
                          f'echo "[[e""nd:$?:{number}]]"\n')
        console = self.machine.console
        console.wait(rf"\[\[begin:{number}\]\]\n", limit)
        start = console.position
        end = console.wait(rf"\[\[end:(\d+):{number}\]\]", limit)
        return Answer(int(end[1]), COLOUR.sub("", console.text()[start:end.start()]).strip("\n"))

    def tell(self, command, limit=60):
        """Runs one line that must succeed; gives what it printed."""
        answer = self.ask(command, limit)
        if answer.status != 0:
            raise Failure(f"'{command}' ended with {answer.status}: {answer.output}")
        return answer.output


class RootShell(Shell):
    """The root's own shell, from its first prompt on."""

    def __init__(self, machine, limit=60):
        super().__init__(machine)
        machine.console.wait(r"Viridis root partition", limit)
        self.tell("dmesg -n 1; stty cols 1000")


class GuestShell(Shell):
    """A child's console, by `viridis console` in the root's shell; Debian logs root in."""

    DETACH = "\x1d"

    def __init__(self, root, name, prompt=r"root@guest:~# ", limit=300):
        super().__init__(root.machine)
        self.root, self.name = root, name
        root.machine.send(f"viridis console {name}\n")
        root.machine.console.wait(prompt, limit)
        self.tell("dmesg -n 1; stty cols 1000")

    def attach(self):
        """After detach(): the shell there still waits for its next line."""
        self.machine.send(f"viridis console {self.name}\n")
        self.machine.console.wait("Attached", 20)

    def detach(self):
        self.machine.send(self.DETACH)
        # What is typed before the console program has let go would go to it.
        self.machine.console.wait(r"Detached\.", 60)
        # The counts of markers go on, so that an old one cannot be taken for a new one.
        self.root.tell("true")


@contextlib.contextmanager
def away(guest):
    """In the root's shell for a while, whatever happens there."""
    guest.detach()
    try:
        yield
    finally:
        guest.attach()
