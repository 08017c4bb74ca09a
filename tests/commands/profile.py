# SPDX-License-Identifier: GPL-2.0-or-later
"""`./dev profile`: where the instructions of a work go: by party, by function, by exit."""
import argparse
import json
import sys
import time

from lib.log import Failure
from lib.paths import shown
from lib.processes import end_by_signals
from profiler import ledger, report
from profiler.works import BENCH, BENCH_RUNS, RESULT, WORKS, phase_of, phases_of, run_machine

BENCH_EXAMPLES = "bench-synthetic-randread-4k-32, bench-e1000-receive"


def parser():
    works = "\n".join(f"  {name:<12}{work.what}" for name, work in WORKS.items() if name not in BENCH_RUNS)
    works += f"\n  {BENCH}DEVICE-JOB, such as {BENCH_EXAMPLES}: one of `viridis bench`, by fio or iperf3"
    p = argparse.ArgumentParser(
        prog="./dev profile", formatter_class=argparse.RawDescriptionHelpFormatter,
        description="Counts every instruction of a work, exactly, and tells whose it was:\n"
        "the guest's, the hypervisor's, the root's kernel's or a process's, and of which "
        "function.", epilog=f"works:\n{works}\n\nTables and JSON are left in "
        f"{shown(RESULT)}. One CPU, time counted in instructions.")
    p.add_argument("works", nargs="+", metavar="WORK")
    p.add_argument("--top", type=int, default=15, metavar="N", help="functions a party (15)")
    p.add_argument("--by-exit", action="store_true",
                   help="the hypervisor's functions for each kind of exit too")
    p.add_argument("--by-task", action="store_true",
                   help="the root's kernel's functions for each task too")
    p.add_argument("--json", action="store_true", help="print JSON instead of tables")
    p.add_argument("--last", action="store_true", help="show the last run again")
    p.add_argument("--no-build", action="store_true", help="take what build/ holds")
    p.add_argument("--check-only", action="store_true", help=argparse.SUPPRESS)
    return p


def checked(words):
    p = parser()
    options = p.parse_args(words)
    if unknown := [work for work in options.works if work not in WORKS]:
        known = [name for name in WORKS if name.startswith(BENCH) == unknown[0].startswith(BENCH)]
        p.error(f"no work '{unknown[0]}'; there are {', '.join(known)}")
    if options.top < 1:
        p.error(f"--top {options.top}: at least 1")
    return options


def measure(works):
    """Each machine that the works need runs once."""
    for machine in dict.fromkeys(WORKS[work].machine for work in works):
        begin = time.monotonic()
        print(f"profile: {machine} ...", file=sys.stderr, flush=True)
        run_machine(machine, works)
        print(f"profile: {machine}: {time.monotonic() - begin:.0f} s", file=sys.stderr)


def tables(phases, work, options):
    for number, title in work.phases.items():
        phase = phase_of(phases, number)
        yield from report.table(title, phase, options.top)
        if options.by_exit:
            yield from report.by_exit(phase, options.top)
        if options.by_task:
            yield from report.by_task(phase, options.top)


def show(works, options):
    result, found = {}, {}
    for name in works:
        work = WORKS[name]
        if work.machine not in found:
            found[work.machine] = phases_of(work.machine)
        phases = found[work.machine]
        result[name] = {title: ledger.as_json(phase_of(phases, number))
                        for number, title in work.phases.items()}
        lines = "\n".join(tables(phases, work, options)) + "\n"
        (RESULT / f"{name}.txt").write_text(lines)
        (RESULT / f"{name}.json").write_text(json.dumps(result[name], indent="\t") + "\n")
        if not options.json:
            print(lines, end="")
    if options.json:
        print(json.dumps(result, indent="\t"))
    else:
        print(f"\nKept: {shown(RESULT)}/WORK.txt and .json")


def main(words):
    end_by_signals()
    options = checked(words)
    if options.check_only:
        return 0
    works = list(dict.fromkeys(options.works))
    try:
        if not options.last:
            measure(works)
        show(works, options)
    except Failure as failure:
        print(f"./dev profile: {failure}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
