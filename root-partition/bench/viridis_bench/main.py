# SPDX-License-Identifier: GPL-2.0-or-later
"""The command line, and what becomes of a result."""
import argparse
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from . import jobs, numbers, plot, report
from .guest import GuestError
from .machines import HostError, OTHER_QEMU
from .measure import Measure
from .signals import Interrupted, end_by_signals

DONE, FAILED, USAGE, INTERRUPTED = 0, 1, 2, 130
GUEST = Path(__file__).resolve().parents[1] / "guest"
DISK_BYTES = 256 << 20
MEMORY_LEAST = 128 << 20
REPEAT_MOST = 1000
DISK_LEAST = 8 << 20  # some of the largest requests at once
SIZE = re.compile(r"[0-9]{1,9}[MG]")
FORMAT = 3
BEGAN = time.monotonic()


def by_group(known):
    """The names of devices or jobs, for help: a line for each group."""
    return "\n".join(f"{group}: " + ", ".join(item.name for item in known if item.group == group)
                     for group in numbers.GROUPS)


class Parser(argparse.ArgumentParser):
    """Its errors are as those of other commands."""

    def error(self, message):
        if "--json" in sys.argv:
            print(json.dumps({"ok": False, "code": "usage", "error": f"{message}; usage: {self.usage}"}), flush=True)
            self.exit(USAGE)
        super().error(message)


def parser():
    p = Parser(
        prog="viridis bench", add_help=False, formatter_class=argparse.RawTextHelpFormatter,
        usage="viridis bench [disk|net|boot|all] [OPTION...]",
        description="Measure synthetic devices beside those of QEMU, on this hypervisor.")
    p.add_argument("what", nargs="?", choices=(*numbers.GROUPS, "all"), default="all",
                   help=argparse.SUPPRESS)
    add = p.add_argument
    add("--devices", metavar="LIST", help="Some of these, with commas (all)\n" + by_group(jobs.DEVICES))
    add("--jobs", metavar="LIST", help="Some of these, with commas (all)\n" + by_group(jobs.JOBS))
    add("--vps", type=int, default=1, metavar="N", help="Processors of a guest (1)")
    add("--memory", default="256M", metavar="SIZE", help="Memory of a guest (256M)")
    add("--seconds", type=float, default=5, metavar="S", help="Length of a run; of iperf3's, in whole seconds (5)")
    add("--repeat", type=int, default=3, metavar="N", help="Rounds (3)")
    add("--scheduler", default="none", metavar="NAME",
        help="The guest's I/O scheduler of all disks (none); 'kernel': what its kernel chooses")
    add("--disk", type=Path, metavar="FILE",
        help="What all disks are: its content is lost! (a new file in --work)")
    add("--attached-disk", type=Path, metavar="FILE",
        help="The same for an attached one, as a disk has one owner (a new file)")
    add("--work", type=Path, default=Path("/var/tmp"), metavar="DIR", help="For that file (/var/tmp)")
    add("--guest", type=Path, default=GUEST, metavar="DIR", help="Has the guest's vmlinuz and initrd")
    add("--qemu", default="qemu-system-x86_64", metavar="COMMAND", help="The QEMU to compare with")
    add("--accel", default="mshv", metavar="NAME", help=argparse.SUPPRESS)
    add("--aio", default="io_uring", help=argparse.SUPPRESS)
    add("--instructions", action="store_true", help=argparse.SUPPRESS)
    add("--ticks-per-ns", type=float, help=argparse.SUPPRESS)
    add("--at-mark", type=shlex.split, default=[], help=argparse.SUPPRESS)
    add("--plot", type=Path, metavar="FILE", help="Bars as SVG")
    add("--report", type=Path, metavar="FILE", help="All of it as one page of HTML")
    add("--result", type=Path, metavar="FILE", help="Keep the result, also a partial one")
    add("--from", type=Path, dest="kept", metavar="FILE", help="Measure nothing; show a kept result")
    add("--json", action="store_true", help="Answer in JSON")
    add("-h", "--help", action="help", help="Show help")
    return p


def checked(words):
    p = parser()
    options = p.parse_args(words)
    try:
        devices, wanted = jobs.chosen("device", jobs.DEVICES, options.devices), jobs.chosen("job", jobs.JOBS, options.jobs)
        if not shlex.split(options.qemu):
            p.error("--qemu names no program")
    except (jobs.Unknown, ValueError) as error:  # ValueError: quotes that do not end
        p.error(str(error))
    groups = {device.group for device in devices} & {job.group for job in wanted}
    if options.what != "all":
        groups &= {options.what}
    options.devices, options.jobs = ([item for item in items if item.group in groups] for items in (devices, wanted))
    if not groups:
        p.error(f"none of these jobs of '{options.what}' is one of these devices'; --help has both by their group")
    if options.vps < 1 or not 1 <= options.repeat <= REPEAT_MOST:
        p.error(f"--vps is at least 1, --repeat from 1 to {REPEAT_MOST}")
    if not 0.05 <= options.seconds <= 3600:
        p.error("--seconds: from 0.05 to 3600")
    if not SIZE.fullmatch(options.memory):
        p.error(f"--memory {options.memory}: a number with M or G behind it")
    if memory_bytes(options.memory) < MEMORY_LEAST:
        p.error(f"--memory {options.memory}: the guest's kernel and programs need {MEMORY_LEAST >> 20}M")
    files = [path.resolve() for path in (options.plot, options.report, options.result) if path]
    if len(set(files)) < len(files):
        p.error("--plot, --report and --result: a file of its own for each")
    if not re.fullmatch("[a-z0-9-]+", options.scheduler):
        p.error(f"--scheduler {options.scheduler}: none, mq-deadline, ..., or kernel")
    return options


# --- Before anything starts

def memory_bytes(text):
    return int(text[:-1]) << {"M": 20, "G": 30}[text[-1]]


def check_disk(word, path):
    """A file, or a block device that nobody has mounted, opened as whoever serves it will."""
    try:
        alone = os.O_EXCL if path.is_block_device() else 0
        with open(path, "r+b", buffering=0, opener=lambda name, flags: os.open(name, flags | alone)) as disk:
            size = disk.seek(0, os.SEEK_END)
    except OSError as error:
        raise HostError(f"{path} cannot be written: {error.strerror}; name another by {word}, or none, for a new "
                        "file") from error
    if size < DISK_LEAST:
        raise HostError(f"{path} has {size >> 10}K, the jobs need {DISK_LEAST >> 20}M; name another by {word}, or none, "
                        "for a new file")


def check_outputs(options):
    """What would be missed only at the end otherwise."""
    for word, path in (("--plot", options.plot), ("--report", options.report), ("--result", options.result)):
        if path and (path.is_dir() or not os.access(path.parent, os.W_OK | os.X_OK)):
            raise HostError(f"{word} {path} cannot be written; name a file in a folder that is there and can be written to")
    if (options.plot or options.report) and not shutil.which("gnuplot"):
        raise HostError("gnuplot is not installed, and --plot and --report need it; install gnuplot-nox, or keep the "
                        "result by --result, and draw it elsewhere by --from")


def check_host(options):
    for name in ("vmlinuz", "initrd"):
        if not (options.guest / name).is_file():
            raise HostError(f"{options.guest / name} is not there; --guest names a folder that has it")
    machines = len({device.machine for device in options.devices})
    needed = machines * memory_bytes(options.memory)
    available = int(re.search(r"MemAvailable: *(\d+)", Path("/proc/meminfo").read_text())[1]) << 10
    if needed > available:
        raise HostError(f"{machines} guest(s) of {options.memory} need more than the "
                        f"{available >> 20}M that are free; give them less by --memory")
    for job in options.jobs:
        if job.group == "net" and not shutil.which(job.program):
            raise HostError(f"{job.program} is not installed in this root, and the job '{job.name}' needs it to answer; "
                            "install it, or name other jobs by --jobs")
    if any(device.machine == "qemu" for device in options.devices) and \
            not shutil.which(shlex.split(options.qemu)[0]):
        raise HostError(f"{options.qemu} is not installed: install qemu-system-x86; or {OTHER_QEMU}")
    for word, disk in (("--disk", options.disk), ("--attached-disk", options.attached_disk)):
        if disk:
            check_disk(word, disk)
    if options.disk and options.attached_disk and options.disk.samefile(options.attached_disk):
        raise HostError(f"--disk and --attached-disk are both {options.disk}, and a disk has one owner; name another by one of "
                        "them, or none, for a new file")
    check_outputs(options)


def make_disk(path):
    """Written once, so that its blocks exist."""
    free = shutil.disk_usage(path.parent).free
    if free < DISK_BYTES * 1.1:
        raise HostError(f"{path.parent} has {free >> 20}M free, a disk needs {DISK_BYTES >> 20}M; give "
                        "others by --disk and --attached-disk, or another folder by --work")
    with open(path, "wb") as file:
        for _ in range(DISK_BYTES >> 20):
            file.write(os.urandom(1 << 20))
    return path


def make_disks(options, folder):
    """Those that are needed and not given."""
    names = {device.name for device in options.devices if device.group == "disk"}
    if names - {"attached"} and not options.disk:
        options.disk = make_disk(folder / "disk")
    if "attached" in names and not options.attached_disk:
        options.attached_disk = make_disk(folder / "attached-disk")


# --- The result

def replace(path, content):
    new = path.with_name(path.name + ".new")
    try:
        new.write_text(content)
        new.replace(path)
    except BaseException:
        new.unlink(missing_ok=True)
        raise


def machine_facts():
    model = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
    return {"processor": model[1] if model else "unknown processor", "cpus": os.cpu_count(),
            "kernel": os.uname().release}


def ticks_per_ns(options):
    """Of the TSC, as the kernel measured it."""
    if options.ticks_per_ns:
        return options.ticks_per_ns
    mhz = re.search(r"cpu MHz\s*: ([\d.]+)", Path("/proc/cpuinfo").read_text())
    return float(mhz[1]) / 1e3 if mhz else 1.0


def result_of(measure, options, partial):
    kept = ("vps", "memory", "scheduler", "seconds", "repeat")
    wrong = partial or (f"{len(measure.failures)} of {len(measure.plan)} runs failed" if measure.failures else "")
    return {"ok": not wrong, **({"code": "failed", "error": wrong} if wrong else {}), "format": FORMAT,
            "command": shlex.join(["viridis", "bench", *sys.argv[1:]]),
            "machine": machine_facts(),
            "unit": "instructions" if options.instructions else "cycles",
            "ticks-per-ns": ticks_per_ns(options),
            "options": {name: getattr(options, name) for name in kept},
            "partial": partial, "boots": measure.boots, "failures": measure.failures,
            "runs": measure.runs, "rows": numbers.rows(measure.runs)}


def write(path, content):
    """Whole or not at all; into what is there, if it is a device or a pipe, and into what a link leads to."""
    try:
        if path.exists() and not path.is_file():
            path.write_text(content)
        else:
            replace(path.resolve(), content)
    except OSError as error:
        raise HostError(f"{path} cannot be written: {error.strerror}; make room there or name another file, and draw "
                        "again by --from what --result kept") from error


def answer(result, options):
    try:
        print(json.dumps(result) if options.json else report.text(result), flush=True)
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # what Python still has for it would fail again
        raise HostError(f"the answer cannot be written: {error.strerror}") from error


def keep(result, options):
    if options.result:
        write(options.result, json.dumps(result, indent=1) + "\n")


def draw(result, options):
    if not (options.plot or options.report):
        return
    if not result["rows"]:
        raise HostError("no run came to its end, so --plot and --report are not written; what is there of these names is older")
    drawn = [(picture, plot.gnuplot(picture.text)) for picture in plot.pictures(result)]
    if options.plot:
        bars = [(picture, svg) for picture, svg in drawn if picture.name == plot.BARS]
        for index, (picture, svg) in enumerate(bars):  # the first has the name that was asked for
            write(options.plot.with_name(f"{options.plot.stem}-{picture.group}-bars.svg") if index else options.plot, svg)
    if options.report:
        write(options.report, report.html(result, [(picture.group, svg) for picture, svg in drawn]))


def show(result, options):
    """Each by itself, so that what cannot be written takes nothing else along. True: all could."""
    good = True
    for output in (keep, answer, draw):
        try:
            output(result, options)
        except HostError as error:
            say(f"viridis: {error}")
            good = False
    return good


def say(line):
    """On stderr, as stdout has the answer alone. That nobody hears it, as its terminal or log is gone, ends nothing."""
    try:
        print(line, file=sys.stderr, flush=True)
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)


def progress(line):
    say(f"[{time.monotonic() - BEGAN:7.2f} s] {line}")


def measured(options):
    check_host(options)
    measure = Measure(options, options.devices, options.jobs, progress)
    partial = ""
    with tempfile.TemporaryDirectory(prefix="viridis-bench-", dir=options.work) as folder:
        make_disks(options, Path(folder))
        try:
            measure.run(Path(folder))
        except (GuestError, HostError, OSError, subprocess.SubprocessError) as error:
            if not measure.runs:
                raise
            partial = str(error)
        except Interrupted as error:
            if not measure.runs:
                raise
            partial = f"interrupted by {error}"
    return result_of(measure, options, partial)


def kept(path):
    """A result is what can be shown; whoever calls this does so anyway."""
    try:
        result = json.loads(path.read_text())
        if result["format"] != FORMAT:
            raise HostError(f"{path}: a result of another version")
        if not isinstance(result["ok"], bool) or not isinstance(result["partial"], str):
            raise HostError(f"{path}: no result of viridis bench")
        report.html(result, [])
        report.text(result)
        plot.pictures(result)
        return result
    except OSError as error:
        raise HostError(f"{path}: {error.strerror}") from error
    except (ArithmeticError, AttributeError, LookupError, RuntimeError, StopIteration, TypeError, ValueError) as error:
        raise HostError(f"{path}: no result of viridis bench") from error


def fail(options, error):
    if options.json:
        print(json.dumps({"ok": False, "code": "failed", "error": str(error)}), flush=True)
    else:
        say(f"viridis: {error}")
    return FAILED


def main():
    options = checked(sys.argv[1:])
    end_by_signals()
    result = None
    try:
        result = kept(options.kept) if options.kept else measured(options)
        good = show(result, options)
    except (HostError, GuestError) as error:
        return fail(options, error)
    except OSError as error:
        return fail(options, f"{error.filename or options.work}: {error.strerror}")
    except subprocess.SubprocessError as error:
        return fail(options, error)
    except Interrupted as error:
        if result:
            say(f"viridis: interrupted by {error}")
        else:
            fail(options, f"interrupted by {error}; nothing was measured")
        return INTERRUPTED
    if result["partial"].startswith("interrupted"):
        return INTERRUPTED
    return DONE if good and result["ok"] else FAILED
