# SPDX-License-Identifier: GPL-2.0-or-later
"""A root with its shell, and children in it made by the `viridis` command: for tests/e2e.

    with Root("example", {"tiny": TINY}) as root:
        root.create("one", "--memory 64M --kernel /share/tiny", cmdline="tests=default")
        root.tell("viridis start one")
        tap.adopt(root.tap_of("one"))
"""
import contextlib
import json
import shlex
import shutil
import tempfile
from pathlib import Path

from boot_iso import Module
from lib.log import Failure
from lib.machine import Machine
from lib.paths import GUEST_INITRD, HYPERVISOR_ELF, KERNEL, ROOT_INITRD
from commands.root import concatenated_initrd
from lib.shell import RootShell
from lib.tap import parse

STEP_SECONDS = 0.2


def shared_initrd(folder, files, initrd):
    """An initrd in the folder: this one, and in /share there the files, by name: a path, or text, which may be a script."""
    share = folder / "tree" / "share"
    share.mkdir(parents=True)
    for name, content in files.items():
        if isinstance(content, Path):
            shutil.copy(content, share / name)
        else:
            (share / name).write_text(content)
            (share / name).chmod(0o755)
    return concatenated_initrd(folder / "tree", initrd, folder / "initrd")


@contextlib.contextmanager
def guest_initrd(files, initrd=GUEST_INITRD):
    """The small guest's, with these in /share."""
    with tempfile.TemporaryDirectory(prefix="viridis-") as folder:
        yield shared_initrd(Path(folder), files, initrd)


class Root:
    """The small root. `files`: what is in /share there, by name: a path, or text; `append`: words for its kernel."""

    def __init__(self, name, files=None, kernel=KERNEL, initrd=ROOT_INITRD, append="", **options):
        self.name, self.files, self.append, self.options = name, files or {}, append, options
        self.kernel, self.initrd = kernel, initrd

    def __enter__(self):
        with tempfile.TemporaryDirectory(prefix="viridis-") as folder:
            modules = [Module(self.kernel, f"kernel console=ttyS0 panic=-1 {self.append}"),
                       Module(self._initrd(Path(folder)), "initrd")]
            self.machine = Machine(self.name, modules, hypervisor=HYPERVISOR_ELF,
                                   **self.options).__enter__()
        try:
            self.shell = RootShell(self.machine, limit=240)
        except BaseException:
            self.machine.stop()
            raise
        return self

    def __exit__(self, *_):
        self.machine.stop()

    def _initrd(self, folder):
        return shared_initrd(folder, self.files, self.initrd)

    # --- commands in the root

    def ask(self, line, limit=240):
        return self.shell.ask(line, limit)

    def tell(self, line, limit=240):
        return self.shell.tell(line, limit)

    def json(self, line, limit=240):
        """The answer of a `viridis` command, which must be good."""
        return json.loads(self.tell(f"viridis {line} --json", limit))

    def wait(self, line, limit, why="", step=STEP_SECONDS):
        """Repeats a line until it succeeds; `why` is a line that tells more if it does not."""
        steps = int(limit / step)
        answer = self.ask(f"n=0; until {line}; do n=$((n+1)); [ $n -lt {steps} ] || break;"
                          f" sleep {step}; done; [ $n -lt {steps} ]", limit * 3 + 60)
        if answer.status != 0:
            more = self.ask(why).output if why else ""
            raise Failure(f"not within {limit} s: {line}\n{answer.output}\n{more}\n"
                          f"{self.machine.hypervisor_log.tail(15)}")
        return answer.output

    # --- children

    def create(self, name, words, cmdline=""):
        self.tell(f"viridis create {name} {words} --cmdline {shlex.quote(cmdline)}")

    def start(self, name, limit=240):
        self.tell(f"viridis start {name}", limit)

    def state(self, name):
        return self.json(f"info {name}")["state"]

    def wait_state(self, name, state, limit):
        self.wait(f"viridis info {name} | grep -q '^state *{state}'", limit,
                  f"viridis info {name}; viridis log {name} | tail -n 20")

    def wait_output(self, name, pattern, limit):
        """Until the file /tmp/NAME.out, the child's serial line, has a line like this."""
        self.wait(f"grep -Eq '{pattern}' /tmp/{name}.out", limit,
                  f"tail -n 20 /tmp/{name}.out; viridis log {name} | tail -n 20;"
                  f" viridis stats {name}")

    def tap_of(self, name, limit=240):
        """The results that a tiny guest printed to /tmp/NAME.out, once it is through."""
        self.wait_output(name, "^(1[.][.]|Bail out)", limit)
        return parse(self.tell(f"cat /tmp/{name}.out"))

    def memory(self):
        """Whose pages the hypervisor holds, and which are pinned."""
        told = self.json("stats")
        return {name: told[name] for name in ("partitions", "deposited-pages", "root-deposited-pages",
                                              "pinned-pages")}

    def nothing_left(self):
        """No partition, no page with the hypervisor or pinned, no process of ours."""
        self.wait("[ -z \"$(ps | grep -o '[v]iridis-[vsun][mtue].*')\" ]", 10, "ps")
        found = self.memory()
        if found["partitions"] or found["pinned-pages"] or found["deposited-pages"]:
            raise Failure(f"left behind: {found}\n{self.machine.hypervisor_log.tail(15)}")

    def power_off(self):
        self.machine.send("exit\n")
        self.machine.wait_exit(60)
