# SPDX-License-Identifier: GPL-2.0-or-later
"""`./dev root` and `./dev bare`: the root partition under QEMU, with the hypervisor or without.

A command and the content of --share travel in a second cpio behind the initrd; what the
command prints comes back over serial ports of its own (root-partition/image/root-init).
"""
import argparse
import io
import re
import shlex
import shutil
import subprocess
import sys
import tarfile
import tempfile
import termios
import time
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path

from boot_iso import Module
from lib.log import Failure, POLL_SECONDS
from lib.machine import Machine
from lib.paths import FULL_DISK, HYPERVISOR_ELF, KERNEL, ROOT_INITRD, ROOT_SUITES, root_disk, shown
from lib.processes import end_by_signals

# Exit statuses of our own, beside those of the command. 124 is timeout(1)'s.
STATUS_USAGE, STATUS_TIMEOUT, STATUS_MACHINE = 2, 124, 125
POWER_OFF_SECONDS = 40
KERNEL_COMMAND_LINE = "console=ttyS0 panic=-1"


def parser(verb):
    what = {"root": "Boots GRUB, the hypervisor and the root partition under QEMU.",
            "bare": "Boots the root's image on the same QEMU without the hypervisor."}[verb]
    p = argparse.ArgumentParser(
        prog=f"./dev {verb}", usage=f"./dev {verb} [OPTIONS] [-- COMMAND...]", description=what + " With a command: runs it there and exits "
        "with its status (124: timeout, 125: the machine failed). Without: a shell.")
    p.add_argument("--cpus", type=int, default=2, metavar="N")
    p.add_argument("--memory", default="2G", metavar="SIZE")
    p.add_argument("--share", type=Path, metavar="DIR", help="its content is /share there")
    p.add_argument("--out", type=Path, metavar="DIR", help="receives what is left in /out")
    p.add_argument("--disk", type=Path, action="append", default=[], metavar="FILE",
                   help="a raw image as a virtio disk; may be repeated")
    p.add_argument("--icount", action="store_true", help="reproducible: time is instructions")
    p.add_argument("--timeout", type=float, metavar="S", help="give up (command: 600)")
    p.add_argument("--debian", action="store_true", help="Debian's own root, from a disk")
    p.add_argument("--suite", choices=ROOT_SUITES, help="of --debian; " + ROOT_SUITES[0])
    p.add_argument("--full", action="store_true", help="Debian 13 as our packages make it a root, with libvirt, from its"
                   " disk by UEFI")
    p.add_argument("--append", default="", metavar="WORDS", help="for the kernel command line")
    p.add_argument("--hypervisor-append", default="", metavar="WORDS")
    p.add_argument("--name", default=verb, help="of the folder below build/run")
    p.add_argument("--uefi", action="store_true", help="OVMF and a screen instead of a BIOS")
    p.add_argument("--iommu", metavar="DEVICE", help="as for QEMU's -device")
    p.add_argument("--gdb", metavar="PORT", help="wait for gdb, e.g. tcp::1234")
    p.add_argument("--check-only", action="store_true", help=argparse.SUPPRESS)
    p.add_argument("--no-build", action="store_true", help="take what build/ holds")
    p.epilog = "What follows `--` is the command; one word alone is given to the shell."
    return p


def checked(verb, words):
    """The options, with what they name looked at before anything starts."""
    split = words.index("--") if "--" in words else len(words)
    p = parser(verb)
    options = p.parse_args(words[:split])
    options.command = words[split + 1:]
    if split == len(words) - 1:
        p.error("no command behind --")
    if options.cpus < 1 or options.cpus > 64:
        p.error(f"--cpus {options.cpus}: from 1 to 64")
    if options.share and not options.share.is_dir():
        p.error(f"--share {options.share}: no such folder")
    if options.out and options.out.exists() and not options.out.is_dir():
        p.error(f"--out {options.out}: is not a folder")
    if options.timeout is not None and not options.timeout > 0:
        p.error(f"--timeout {options.timeout:g}: must be more than 0")
    if not re.fullmatch(r"[0-9]+[KMGkmg]?", options.memory):
        p.error(f"--memory {options.memory}: a number with K, M or G behind it")
    for disk in options.disk:
        if not disk.exists():
            p.error(f"--disk {disk}: no such file")
        if disk.is_dir():
            p.error(f"--disk {disk}: is a folder")
    if options.icount and (options.disk or options.debian):
        p.error("--icount is reproducible only without disks")
    if options.full and verb == "bare":
        p.error("--full boots the hypervisor: it is of root")
    if options.full and (options.command or options.debian or options.icount or options.share or options.iommu
                         or options.append or options.hypervisor_append):
        p.error("--full is a machine of its own, with GRUB's menu on its disk: no command, --share, --debian, --icount,"
                " --iommu, --append or --hypervisor-append")
    if options.suite and not options.debian:
        p.error("--suite is of --debian")
    options.suite = options.suite or ROOT_SUITES[0]
    if options.out and not options.command:
        p.error("--out needs a command")
    return options


def command_tree(options, tree):
    """What the root finds in its initrd beside what the image has."""
    (tree / "viridis").mkdir()
    # One word may be a whole line for the shell; several are quoted each.
    line = options.command[0] if len(options.command) == 1 else shlex.join(options.command)
    (tree / "viridis" / "command").write_text(line + "\n")
    if options.out:
        (tree / "viridis" / "out").touch()


def concatenated_initrd(tree, base, target):
    """A cpio of `tree`, uncompressed, and behind it an initrd: the order that Linux knows
    from microcode. Cpios start at multiples of four; cpio pads to 512."""
    names = sorted(str(path.relative_to(tree)) for path in tree.rglob("*"))
    with open(target, "wb") as archive:
        if names:
            subprocess.run(["cpio", "--quiet", "-o", "-H", "newc", "-R", "0:0"], cwd=tree,
                           input="\n".join(names).encode(), stdout=archive, check=True)
    with open(target, "ab") as archive, open(base, "rb") as initrd:
        shutil.copyfileobj(initrd, archive)
    return target


def make_initrd(options, target):
    """The root's initrd with the command and --share."""
    base = root_disk(options.suite, "initrd") if options.debian else ROOT_INITRD
    with tempfile.TemporaryDirectory() as folder:
        tree = Path(folder)
        if options.command:
            command_tree(options, tree)
        if options.share:
            shutil.copytree(options.share, tree / "share", symlinks=True)
        return concatenated_initrd(tree, base, target)


def full_machine(options):
    """What is written to its own disk is dropped at the end."""
    return Machine(options.name, [], iso=False, uefi=True, cpus=options.cpus, memory=options.memory,
                   scratch_disks=[FULL_DISK], disks=options.disk, interactive=True,
                   gdb=options.gdb, extra=["-vga", "std"])


def machine_for(verb, options, folder, extra=()):
    if options.full:
        return full_machine(options)
    words = [KERNEL_COMMAND_LINE, options.append]
    if options.debian:
        words.append("root=LABEL=root rw")
    modules = [Module(root_disk(options.suite, "vmlinuz") if options.debian else KERNEL,
                      " ".join(["kernel", *filter(None, words)])),
               Module(make_initrd(options, folder / "initrd"), "initrd")]
    return Machine(options.name, modules,
                   hypervisor=HYPERVISOR_ELF if verb == "root" else None,
                   hypervisor_command_line=options.hypervisor_append,
                   cpus=options.cpus, memory=options.memory, disks=options.disk,
                   scratch_disks=[root_disk(options.suite, "raw")] if options.debian else [],
                   icount=options.icount, interactive=not options.command,
                   iommu=options.iommu, extra_ports=bool(options.command),
                   gdb=options.gdb, uefi=options.uefi,
                   extra=[*extra, *(["-vga", "std"] if options.uefi else [])])


def missing(verb, options):
    """What has not been built; ./dev builds it all unless told not to."""
    if options.full:
        return [] if FULL_DISK.exists() else [shown(FULL_DISK)]
    files = [root_disk(options.suite, kind) for kind in ("vmlinuz", "raw", "initrd")] \
        if options.debian else [KERNEL, ROOT_INITRD]
    if verb == "root":
        files.append(HYPERVISOR_ELF)
    return [shown(file) for file in files if not file.exists()]


class Follower:
    """Copies what has grown in a file to a stream of ours."""

    def __init__(self, path, stream):
        self.path, self.stream, self.offset = path, stream, 0

    def copy(self):
        if not self.path.exists():
            return
        with open(self.path, "rb") as source:
            source.seek(self.offset)
            data = source.read()
        self.offset += len(data)
        if data:
            self.stream.write(data)
            self.stream.flush()


def receive_out(events, position, size, deadline, machine):
    """The tar of /out: `size` bytes behind `position` of the event port's file."""
    while events.stat().st_size < position + size:
        if not machine.alive() and events.stat().st_size < position + size:
            raise Failure("the machine ended before all of /out had come")
        if time.monotonic() > deadline:
            raise Failure("timeout while /out came")
        time.sleep(POLL_SECONDS)
    with open(events, "rb") as source:
        source.seek(position)
        return source.read(size)


def unpack(data, folder):
    folder.mkdir(parents=True, exist_ok=True)
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        archive.extractall(folder)


def header(events, word):
    """The line `word NUMBER` of the event port: (number, offset behind it), or None."""
    data = events.read_bytes() if events.exists() else b""
    offset = 0
    for line in data.splitlines(keepends=True):
        offset += len(line)
        if line.startswith(word.encode() + b" ") and line.endswith(b"\n"):
            return int(line.split()[1]), offset
        if line.startswith(b"out "):
            break
    return None


def follow(machine, options, deadline):
    """Passes the command's output through until it has ended; gives its exit status."""
    outputs = [Follower(machine.ports[0].path, sys.stdout.buffer),
               Follower(machine.ports[1].path, sys.stderr.buffer)]
    events = machine.ports[2].path
    status = None
    while status is None:
        alive = machine.alive()
        # The status is looked for first: what was printed before it is then complete.
        status = header(events, "exit")
        for output in outputs:
            output.copy()
        if status is None:
            if not alive:
                raise Failure("the machine ended before the command did")
            if time.monotonic() > deadline:
                raise TimeoutError
            time.sleep(POLL_SECONDS)
    if options.out:
        while (out := header(events, "out")) is None:
            if not machine.alive() or time.monotonic() > deadline:
                raise Failure("/out did not come back")
            time.sleep(POLL_SECONDS)
        unpack(receive_out(events, out[1], out[0], deadline, machine), options.out)
    return status[0]


def run_command(machine, options):
    limit = options.timeout or 600
    try:
        status = follow(machine, options, time.monotonic() + limit)
    except TimeoutError:
        print(f"timeout after {limit:g} s\n{machine.describe()}", file=sys.stderr)
        return STATUS_TIMEOUT
    except Failure as failure:
        print(f"{failure}\n{machine.describe()}\nlogs: {shown(machine.path)}",
              file=sys.stderr)
        return STATUS_MACHINE
    try:
        machine.wait_exit(POWER_OFF_SECONDS)
    except Failure as failure:
        print(f"the root did not power off: {failure}", file=sys.stderr)
        return status or STATUS_MACHINE
    return status


@contextmanager
def terminal_kept():
    """QEMU puts the modes back that it found, but not when it is killed or hardly runs yet."""
    modes = termios.tcgetattr(0) if sys.stdin.isatty() else None
    try:
        yield
    finally:
        with suppress(termios.error):  # it may be gone
            if modes:
                termios.tcsetattr(0, termios.TCSANOW, modes)


def run_interactive(machine, options):
    try:
        machine.process.wait(options.timeout)
    except subprocess.TimeoutExpired:
        print(f"\r\ntimeout after {options.timeout:g} s", file=sys.stderr)
        return STATUS_TIMEOUT
    return 0 if machine.process.returncode == 0 else STATUS_MACHINE


def main(verb, words):
    end_by_signals()
    options = checked(verb, words)
    if options.check_only:
        return 0
    if absent := missing(verb, options):
        print(f"./dev {verb}: {', '.join(absent)}: not built; call it without --no-build",
              file=sys.stderr)
        return 1
    with tempfile.TemporaryDirectory(prefix="viridis-") as folder:
        # A command leaves the terminal alone, and may run in its background.
        with (nullcontext() if options.command else terminal_kept(),
              machine_for(verb, options, Path(folder)) as machine):
            run = run_command if options.command else run_interactive
            return run(machine, options)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
