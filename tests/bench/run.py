# SPDX-License-Identifier: GPL-2.0-or-later
"""`./dev bench`: what an exit, an I/O, a start cost, beside KVM and Xen. Nothing here gates.

Reproducible: one CPU, time counted in instructions. Writes build/bench/result.json, and for each
phase on the child's disk the end of the hypervisor's trace, build/bench/trace-PHASE.txt.
"""
import argparse
import json
import re
import shutil
import sys
import tempfile
import time
from pathlib import Path

from bench import aims, devices, qemu
from bench.anchors import FIGURES
from bench.phases import from_marks, from_phases, operations
from commands import root
from boot_iso import Module
from lib.log import Failure
from lib.machine import Machine
from lib.paths import BUILD, GUEST_INITRD, HYPERVISOR_ELF, KERNEL, shown
from lib.processes import end_by_signals
from lib.tiny import END, TINY
from profiler import works

RESULT = BUILD / "bench"
PROGRAMS = BUILD / "tests" / "bench"
HERE = Path(__file__).resolve().parent
MEMORY = "3072"
LIMIT_SECONDS = 1800
STEP = r"^(step: .*|uptime .*|phase .*)\n"


def progress(text):
    print(f"[{time.monotonic() - START:5.0f}s] {text}", flush=True)


def costs(text, who):
    """The lines that the tiny guest's cost group prints."""
    return {f"{name}-{who}": int(ticks)
            for name, ticks in re.findall(r"# cost (\w+) (\d+) ticks", text)}


def exits():
    """Round trips, an IPI, signals: by our tiny guest as the root."""
    modules = [Module(TINY, "kernel tests=cost,profile,signal role=root")]
    with Machine("bench-exits", modules, hypervisor=HYPERVISOR_ELF, cpus=1, memory=MEMORY,
                 icount=True, extra=works.plugin("bench-exits")) as machine:
        machine.console.wait(END, 300)
        found = costs(machine.console.text(), "root")
    found.pop("port-root", None)  # the root's own: no exit
    phases = works.totals_of("bench-exits")
    for figure, number in (("self-ipi", works.SELF_IPI), ("signal", works.SIGNAL)):
        phase = works.phase_of(phases, number)
        found[figure] = round(phase.instructions / phase.operations, 1)
    return {"figures": found}


def start():
    """viridis create and start, until a tiny child's first instruction."""
    works.run_root("start")
    phase = works.phase_of(works.totals_of("start"), works.START)
    return {"figures": {"create-to-first": round(phase.nanoseconds() / 1e6, 3)}}


def share(folder):
    """/share of the root: the programs, and a child's kernel and initrd with them inside."""
    tree = folder / "share" / "bench"
    tree.mkdir(parents=True)
    for source in (PROGRAMS / "disk_reader", PROGRAMS / "net_speed", PROGRAMS / "root_watch",
                   HERE / "in-root", TINY):
        shutil.copy(source, tree / source.name)
    shutil.copyfile(KERNEL, tree / "vmlinuz")
    guest = folder / "guest"
    (guest / "bench").mkdir(parents=True)
    for source in (PROGRAMS / "disk_reader", PROGRAMS / "net_speed", HERE / "guest-init"):
        shutil.copy(source, guest / "bench" / source.name)
    root.concatenated_initrd(guest, GUEST_INITRD, tree / "initrd")
    return folder / "share"


def in_root(verb):
    """Boots the root, or the same image bare; gives what in-root printed."""
    with tempfile.TemporaryDirectory(prefix="viridis-") as folder:
        folder = Path(folder)
        options = root.checked(verb, [
            "--name", f"bench-{verb}", "--cpus", "1", "--memory", MEMORY, "--icount",
            "--share", str(share(folder)), "--", "sh", "/share/bench/in-root", verb])
        extra = works.plugin("bench-root") if verb == "root" else ()
        with root.machine_for(verb, options, folder, extra=extra) as machine:
            output, end = machine.ports[0], time.monotonic() + LIMIT_SECONDS
            while not (done := root.header(machine.ports[2].path, "exit")):
                if not machine.alive() or time.monotonic() > end:
                    raise Failure(f"{verb}: no end\n{output.tail()}\n{machine.describe()}")
                while line := output.find(STEP):
                    progress(f"  {line[1][:70]}")
                time.sleep(0.2)
            if done[0] != 0:
                errors = machine.ports[1].text()
                raise Failure(f"{verb}: in-root ends with {done[0]}\n{errors}\n"
                              f"{machine.describe()}")
            return output.text()


def lines_of(who, text):
    """Those that are marked so; or, of nobody, those without a mark."""
    return "\n".join(line.removeprefix(f"{who}: ") for line in text.splitlines()
                     if (line.startswith(f"{who}: ") if who
                         else not line.startswith(("child: ", "trace: "))))


def root_and_bare(verb):
    """What both have in common: uptime, and the reader on the RAM disk itself."""
    text = in_root(verb)
    uptime = re.search(r"^uptime ([\d.]+)$", text, re.MULTILINE)
    figures = {f"uptime-{verb}": float(uptime[1])}
    ramdisk = from_phases(lines_of("", text))
    for name, value in ramdisk.items():
        where = "" if name.startswith("net-") else "ramdisk-"
        figures[f"{where}{verb}-{name.removeprefix('read-')}"] = value
    return text, {"figures": figures}


def bare():
    """Linux on the bare machine: the limit."""
    return root_and_bare("bare")[1]


def partition():
    """The root and its children."""
    text, result = root_and_bare("root")
    child = lines_of("child", text)
    traces = lines_of("trace", text).split("end\n")
    RESULT.mkdir(parents=True, exist_ok=True)
    for name, trace in zip(operations(child), traces):
        (RESULT / f"trace-{name}.txt").write_text(trace)
    result["figures"] |= costs(child, "child") | from_phases(child)
    phase = works.phase_of(works.totals_of("bench-root"), works.READ_1)
    result["figures"]["hypervisor-4k-depth-1"] = round(
        phase.party_total("hypervisor") / phase.operations, 1)
    marked = from_marks(text, child)
    result["figures"] |= marked.pop("figures")
    return result | marked


def qemu_part():
    """a guest of stock QEMU on /dev/mshv: a port of QEMU's, virtio-blk, IDE"""
    return {"figures": qemu.measure(MEMORY)}


def device_part(words=None, icount=True):
    """`viridis bench`: synthetic devices beside those of stock QEMU; build/bench/report.html."""
    RESULT.mkdir(parents=True, exist_ok=True)
    result, table = devices.measure(RESULT, icount, words)
    print(table)
    failed = {f"{run['job']} {run['device']}, round {run['round'] + 1}": run["error"] for run in result["failures"]}
    if result["partial"]:
        failed["partial"] = result["partial"]
    return {"devices": {f"{row['job']} {row['device']}": row for row in result["rows"]}, "failed": failed}


def timed_device_part(words=None):
    """the same by this machine's clock; build/bench/report-timed.html"""
    part = device_part(words, icount=False)
    return part | {"devices": {f"{name} timed": row for name, row in part["devices"].items()}}


PARTS = {"exits": exits, "start": start, "bare": bare, "root": partition, "qemu": qemu_part,
         "devices": device_part, "devices-timed": timed_device_part}
OF_DEVICES = ("devices", "devices-timed")  # are given words
LONG = ("qemu", *OF_DEVICES)  # only when named


def ratio(ours, theirs):
    return "-" if not theirs or ours is None else f"{ours / theirs:.2f}"


def number(value):
    return "-" if value is None else aims.number(value)


def show(figures):
    head = ("figure", "unit", "ours", "KVM", "ratio", "Xen", "ratio", "limit", "ratio")
    widths = (26, 9, 10, 8, 6, 8, 6, 8, 6)
    print("\n" + "".join(f"{word:<{width}}" if i < 2 else f"{word:>{width}} "
                         for i, (word, width) in enumerate(zip(head, widths))))
    for figure in FIGURES:
        ours = figures.get(figure.name)
        if ours is None:
            continue
        print(f"{figure.name:<26}{figure.unit:<9}{number(ours):>10} {number(figure.kvm):>8} "
              f"{ratio(ours, figure.kvm):>6} {number(figure.xen):>8} "
              f"{ratio(ours, figure.xen):>6} {number(figure.limit):>8} "
              f"{ratio(ours, figure.limit):>6}" + ("  more is better"
                                                   if figure.more_is_better else ""))


def show_split(split):
    """Where the instructions of one operation went, and whose exits they were."""
    for name, parts in split.items():
        print(f"\n{name}: per operation")
        for what, value in parts.items():
            print(f"  {what:<28}{value:>12,.2f}")


def merged(results):
    merged_result = {"figures": {}, "per-operation": {}, "counters": {}, "devices": {}, "failed": {}}
    for result in results:
        for key, value in result.items():
            merged_result[key] |= value
    return merged_result


def main():
    end_by_signals()
    p = argparse.ArgumentParser(prog="./dev bench", description=__doc__.splitlines()[0],
                                epilog="Parts: " + "; ".join(
                                    f"{name}: {part.__doc__}" for name, part in PARTS.items()))
    p.add_argument("parts", nargs="*", metavar="PART", help="default: all but those of devices and qemu, some minutes")
    p.add_argument("--devices", metavar="WORDS", help=f"what {' and '.join(OF_DEVICES)} give `viridis bench`, in the place of "
                   f"'{devices.MEASURED[True]}' and '{devices.MEASURED[False]}'")
    p.add_argument("--no-build", action="store_true", help="take what build/ holds")
    p.add_argument("--check-only", action="store_true", help=argparse.SUPPRESS)
    options = p.parse_args()
    if options.devices and not set(OF_DEVICES) & set(options.parts):
        p.error(f"--devices is for the parts {' and '.join(OF_DEVICES)}; name one")
    if unknown := set(options.parts) - set(PARTS):
        p.error(f"no part '{unknown.pop()}'; there are {', '.join(PARTS)}")
    if options.check_only:
        return 0
    results = []
    try:
        for name, part in PARTS.items():
            if name in options.parts or not options.parts and name not in LONG:
                progress(f"{name}: {part.__doc__}")
                results.append(part(options.devices) if name in OF_DEVICES else part())
    except Failure as failure:
        print(failure, file=sys.stderr)
        return 1
    result = merged(results)
    RESULT.mkdir(parents=True, exist_ok=True)
    (RESULT / "result.json").write_text(json.dumps(result, indent="\t") + "\n")
    show(result["figures"])
    show_split(result["per-operation"])
    print("\n".join(aims.lines(result["figures"])))
    print(f"\nResult: {shown(RESULT / 'result.json')}")
    if result["failed"]:
        print(f"failed: {'; '.join(result['failed'])}", file=sys.stderr)
    return 1 if result["failed"] else 0


START = time.monotonic()
if __name__ == "__main__":
    sys.exit(main())
