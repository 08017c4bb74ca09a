# SPDX-License-Identifier: GPL-2.0-or-later
"""What can be profiled: the machines, and the phases that their guests mark."""
import shlex
import shutil
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from commands import root
from bench import devices, qemu
from boot_iso import Module
from lib.log import Failure
from lib.child import Root
from lib.machine import Machine
from lib.paths import BUILD, GUEST_INITRD, HYPERVISOR_ELF, KERNEL, shown
from lib.tiny import END, TINY
from profiler import ledger
from profiler.symbols import ROOT_PROGRAMS, Child, InlinedSymbols, Processes, Symbols, of_elf, \
    of_kallsyms

sys.path.insert(0, str(devices.PROGRAM.parent))

from viridis_bench.jobs import DEVICES, JOBS  # noqa: E402

RESULT = BUILD / "profile"
PLUGIN = BUILD / "tests" / "profiler" / "profiler.so"
PROGRAMS = BUILD / "tests" / "bench"
IN_ROOT = BUILD / "tests/profiler/in_root"
HERE = Path(__file__).resolve().parent
MEMORY = "3072"
LIMIT_SECONDS = 1800
TINY_ELF = TINY.with_suffix(".elf")


# What a child of Linux runs, by the machine.
MEASURED = {"disk": "disk_reader", "net": "net_speed"}
# Phases that others ask for, by their numbers.
SELF_IPI, SIGNAL, START = 5, 6, 20
SEND, RECEIVE, BOUNCE = 30, 31, 32
READ_1, READ_32, READ_128K, READ_4, READ_128K_8 = 11, 13, 14, 16, 17
PORT_READ, PORT_SECTOR = 40, 41
MEASUREMENT = 50


@dataclass(frozen=True)
class Work:
    what: str
    machine: str
    phases: dict  # number of a phase, as its guest marks it, to its title


WORKS = {
    "loop": Work("the known loop that shows the counts to be exact", "tiny",
                 {1: "a turn of an empty loop"}),
    "exits": Work("round trips: CPUID, VMMCALL, RDMSR", "tiny",
                  {2: "CPUID", 3: "VMMCALL that is refused", 4: "RDMSR of the reference time"}),
    "self-ipi": Work("an IPI to itself, until it is served", "tiny", {SELF_IPI: "IPI to itself"}),
    "signal": Work("a child signals a root that halts on the same CPU, until its handler runs",
                   "tiny", {SIGNAL: "HvSignalEvent"}),
    "read1": Work("a child of Linux reads 4 KiB, one at a time", "disk",
                  {READ_1: "4 KiB read, depth 1"}),
    "read32": Work("the same, 32 at a time", "disk", {READ_32: "4 KiB read, depth 32"}),
    "read128k": Work("128 KiB, one at a time", "disk", {READ_128K: "128 KiB read"}),
    "write128k": Work("the same, written", "disk", {15: "128 KiB write"}),
    "read4": Work("4 KiB, 4 at a time", "disk", {READ_4: "4 KiB read, depth 4"}),
    "read128k8": Work("128 KiB, 8 at a time", "disk", {READ_128K_8: "128 KiB read, depth 8"}),
    "send": Work("a child of Linux sends to the root by TCP", "net", {SEND: "64 KiB sent"}),
    "receive": Work("it receives from the root", "net", {RECEIVE: "64 KiB received"}),
    "bounce": Work("it sends a byte, and the root sends it back", "net",
                   {BOUNCE: "a byte there and back"}),
    "start": Work("viridis create and start, until the child's first instruction", "start",
                  {START: "create and start of a tiny child"}),
    "qemu-port": Work("a guest of stock QEMU reads a port that QEMU answers for", "qemu",
                      {PORT_READ: "IN"}),
    "qemu-read1": Work("it reads 4 KiB by virtio-blk, one at a time", "qemu",
                       {READ_1: "4 KiB read by virtio-blk, depth 1"}),
    "qemu-read32": Work("the same, 32 at a time", "qemu",
                        {READ_32: "4 KiB read by virtio-blk, depth 32"}),
    "qemu-ide": Work("it reads 4 KiB by IDE, one at a time", "qemu-ide",
                     {READ_1: "4 KiB read by IDE"}),
    "qemu-sector": Work("it reads 256 words of it by REP INSW, as a BIOS reads a sector", "qemu",
                        {PORT_SECTOR: "REP INSW of 256 words"}),
}


# Each job of `viridis bench` on each of its devices, on a machine of its own.
BENCH = "bench-"
BENCH_RUNS = {f"{BENCH}{device.name}-{job.name}": (device, job) for device in DEVICES for job in JOBS
              if device.group == job.group and job.program}
BENCH_SECONDS = 0.25
WORKS |= {name: Work(f"{job.program}'s {job.name} on {device.name}, as `viridis bench` runs it", name,
                     {MEASUREMENT: f"{job.name} on {device.name}"}) for name, (device, job) in BENCH_RUNS.items()}


def folder_of(machine):
    return RESULT / machine


def plugin(machine):
    """Arguments for QEMU. What it writes begins anew, beside the programs as they are now, which name the
    functions also when the build has gone on."""
    folder = folder_of(machine)
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "programs").mkdir(parents=True)
    for program in (HYPERVISOR_ELF, TINY_ELF, *(PROGRAMS / name for name in MEASURED.values()),
                    *ROOT_PROGRAMS.values()):
        if program.exists():
            shutil.copy(program, folder / "programs")
    out = str(folder / "ledger.txt").replace(",", ",,")
    return ["-plugin", f"{str(PLUGIN).replace(',', ',,')},out={out}"]


# --- machines

def run_tiny():
    """Our tiny guest as the root."""
    modules = [Module(TINY, "kernel tests=profile,signal role=root")]
    with Machine("profile-tiny", modules, hypervisor=HYPERVISOR_ELF, cpus=1, memory=MEMORY,
                 icount=True, extra=plugin("tiny")) as machine:
        machine.console.wait(END, 300)
        text = machine.console.text()
    (folder_of("tiny") / "console.txt").write_text(text)
    if "\nnot ok" in text:
        raise Failure("the tiny guest failed:\n" + text[text.find("TAP version"):])


def share(folder):
    """/share of the root: programs, and a child's kernel and initrd."""
    tree = folder / "share" / "profile"
    tree.mkdir(parents=True)
    for source in (*(PROGRAMS / name for name in MEASURED.values()),
                   IN_ROOT, HERE / "in-root", TINY, KERNEL):
        shutil.copy(source, tree / source.name)
    guest = folder / "guest"
    (guest / "bench").mkdir(parents=True)
    for source in (*(PROGRAMS / name for name in MEASURED.values()),
                   HERE.parent / "bench" / "guest-init"):
        shutil.copy(source, guest / "bench" / source.name)
    root.concatenated_initrd(guest, GUEST_INITRD, tree / "initrd")
    return folder / "share"


def run_root(name, *words):
    """The root, which runs in-root NAME WORDS."""
    with tempfile.TemporaryDirectory(prefix="viridis-") as scratch:
        scratch = Path(scratch)
        options = root.checked("root", [
            "--name", f"profile-{name}", "--cpus", "1", "--memory", MEMORY, "--icount",
            "--append", "nokaslr norandmaps", "--share", str(share(scratch)),
            "--", "sh", "/share/profile/in-root", name, *words])
        with root.machine_for("root", options, scratch, extra=plugin(name)) as machine:
            end = time.monotonic() + LIMIT_SECONDS
            try:
                status = root.follow(machine, options, end)
            except TimeoutError:
                raise Failure(f"{name}: no end\n{machine.describe()}") from None
            if status:
                raise Failure(f"{name}: in-root ends with {status}\n{machine.describe()}")


# Its disk, by the machine.
QEMU_DISKS = {"qemu": "virtio", "qemu-ide": "ide"}


def run_qemu(name, phases):
    """A guest of stock QEMU, which reads the port and, in these phases, its disk."""
    program = "/share/in_root"
    with qemu.qemu_root(f"profile-{name}", MEMORY, {"in_root": IN_ROOT}, extra=plugin(name),
                        append="nokaslr norandmaps") as root:
        root.tell(f"echo 0 >/proc/sys/kernel/kptr_restrict && {program} tasks")
        qemu.guest(root, QEMU_DISKS[name], phases or ["none"])
        root.tell(f"{program} keep kallsyms </proc/kallsyms && {program} keep libraries </dev/null")


def run_bench(name):
    """`viridis bench` in the root, for one job on one device: it marks where the job begins and ends."""
    device, job = BENCH_RUNS[name]
    with Root(f"profile-{name}", {"in_root": IN_ROOT}, disks=[devices.DISK], icount=True, cpus=1, memory=MEMORY,
              append="nokaslr norandmaps", extra=plugin(name)) as root:
        devices.enter(root)
        root.tell("cp /share/in_root /tmp/ && echo 0 >/proc/sys/kernel/kptr_restrict && /tmp/in_root tasks")
        mark = shlex.quote(f"/tmp/in_root mark {MEASUREMENT}")
        answer = devices.bench(root, f"{job.group} --devices {device.name} --jobs {job.name} --seconds {BENCH_SECONDS}"
                               f" --repeat 1 --at-mark {mark} {devices.WORDS} {devices.ICOUNT_WORDS}", LIMIT_SECONDS)
        if answer.status:
            raise Failure(f"viridis bench ended with {answer.status}:\n{answer.output}")
        root.tell("/tmp/in_root keep kallsyms </proc/kallsyms && /tmp/in_root keep libraries </dev/null")
        root.nothing_left()


DISK_PHASES = {READ_1: "read-4k-depth-1", 12: "read-4k-aio-1", READ_32: "read-4k-depth-32",
               READ_128K: "read-128k", 15: "write-128k", READ_4: "read-4k-depth-4",
               READ_128K_8: "read-128k-depth-8"}


# As disk_reader and net_speed call them.
PHASES = DISK_PHASES | {SEND: "net-send", RECEIVE: "net-receive", BOUNCE: "net-bounce"}


def run_machine(name, works):
    """The machine with this name, for those of the works that run on it."""
    if name == "tiny":
        run_tiny()
    elif name in BENCH_RUNS:
        run_bench(name)
    elif name in QEMU_DISKS or name in MEASURED:
        numbers = sorted(number for work in works if WORKS[work].machine == name
                         for number in WORKS[work].phases)
        phases = [PHASES[number] for number in numbers if number in PHASES]
        if name in QEMU_DISKS:
            run_qemu(name, phases)
        else:
            run_root(name, ",".join(phases))
    else:
        run_root(name)


# --- what they left

def _tiny_resolver(folder, text):
    programs = folder / "programs"
    slide = ledger.notes(text).get("text-root", 0)
    return ledger.Resolver(InlinedSymbols(programs / HYPERVISOR_ELF.name),
                           root=of_elf(programs / TINY_ELF.name, slide))


def _root_resolver(folder, machine):
    kernel = of_kallsyms((folder / "ledger.txt.kallsyms").read_text())
    libraries = (folder / "ledger.txt.libraries").read_text()
    programs = folder / "programs"
    # A guest of `viridis bench` runs several programs, at the same addresses.
    program = Symbols(()) if machine in BENCH_RUNS else of_elf(programs / MEASURED.get(machine, "disk_reader"))
    return ledger.Resolver(InlinedSymbols(programs / HYPERVISOR_ELF.name), root=kernel, child=Child(kernel, program),
                           processes=Processes(programs, libraries))


def _ledger(machine):
    path = folder_of(machine) / "ledger.txt"
    if not path.exists():
        raise Failure(f"{shown(path)} is not there; run it without --last")
    return path.read_text()


def totals_of(machine):
    """All that the machine's last run marked, by party alone."""
    return ledger.read(_ledger(machine), ledger.Resolver())


def phases_of(machine):
    """The same by function."""
    folder, text = folder_of(machine), _ledger(machine)
    return ledger.read(text, _tiny_resolver(folder, text) if machine == "tiny"
                       else _root_resolver(folder, machine))


def _typical(phases):
    """Of phases that were marked again and again that of the middle."""
    ordered = sorted(phases, key=lambda phase: phase.instructions)
    return ordered[len(ordered) // 2]


def phase_of(phases, number):
    found = [phase for phase in phases if phase.number == number]
    if not found:
        raise Failure(f"phase {number} was not marked, or did not end")
    return _typical(found)


