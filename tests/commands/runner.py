# SPDX-License-Identifier: GPL-2.0-or-later
"""`./dev test`: runs the levels in order, gathers their TAP, prints what failed and a sum.

A boot or e2e test is a Python script in tests/boot or tests/e2e that prints TAP. Lines at its
top may say what it needs built (`# Needs: guest-disk`) and how long it may take in seconds
(`# Limit: 600`).
"""
import argparse
import os
import re
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

from lib import tap
from lib.paths import BUILD, RUN, TOP, shown
from lib.processes import Child, dying_with_parent, end_by_signals, end_session, named, \
    of_session, still_there

LEVELS = ("lint", "unit", "fuzz", "boot", "e2e")
# Run only when it, or a test of it, is named.
ON_DEMAND = "slow"
# Words that the `prepared` of ./dev knows.
LEVEL_NEEDS = {"lint": [], "unit": [], "boot": [], ON_DEMAND: [], "e2e": ["root", "guest-initrd"]}
LIMIT_SECONDS = 300
GRACE_SECONDS = 3
POLL_SECONDS = 0.05
# Levels whose tests run one at a time.
ALONE = ("lint", "unit")
CLEAR = "\r\033[K"
LOGS = RUN / "tests"


@dataclass
class Test:
    level: str
    name: str
    source: Path
    command: list
    needs: list = field(default_factory=list)
    limit: float = LIMIT_SECONDS


def note(source, word):
    """The value of a line `# Word: value` among the first lines of a script."""
    for line in source.read_text().splitlines()[:20]:
        if match := re.match(rf"# {word}: *(.+)", line):
            return match[1]
    return ""


def scripts(level, folder):
    for source in sorted((TOP / "tests" / folder).glob("*.py")):
        yield Test(level, source.stem, source, [sys.executable, str(source)],
                   LEVEL_NEEDS[level] + note(source, "Needs").split(),
                   float(note(source, "Limit") or LIMIT_SECONDS))


def unit_tests():
    for source in sorted((TOP / "tests" / "unit").glob("*_test.c")):
        program = BUILD / "tests" / "unit" / source.stem
        yield Test("unit", source.stem, source, [str(program)], [f"target:{source.stem}"])
    yield from scripts("unit", "unit")


def found_inputs(target):
    """Where what a fuzz target's runs have found is kept, beside its committed corpus."""
    return BUILD / "fuzz" / "corpus" / target


def fuzz_tests(seconds):
    for source in sorted((TOP / "tests" / "fuzz").glob("*_fuzz.c")):
        corpus = found_inputs(source.stem)
        committed = source.parent / "corpus" / source.stem
        yield Test("fuzz", source.stem, source,
                   [str(BUILD / "fuzz" / source.stem), f"-max_total_time={seconds}",
                    "-seed=1", "-print_final_stats=1", f"-artifact_prefix={corpus}.",
                    str(corpus), *([str(committed)] if committed.is_dir() else [])],
                   ["target:fuzzers"], seconds + 60)


def all_tests(fuzz_seconds):
    return [*scripts("lint", "lint"), *unit_tests(), *fuzz_tests(fuzz_seconds),
            *scripts("boot", "boot"), *scripts("e2e", "e2e"),
            *scripts(ON_DEMAND, ON_DEMAND)]


def order(test):
    return (*LEVELS, ON_DEMAND).index(test.level)


def selected(tests, words):
    """The tests named, by level or by name: level by level, and in each the longest first, so that
    none of these is left to run by itself at the end."""
    known = {test.level for test in tests} | {test.name for test in tests}
    for word in words:
        if word not in known:
            print(f"./dev test: no level or test '{word}'; ./dev test --list shows all",
                  file=sys.stderr)
            sys.exit(2)
    chosen = [test for test in tests if test.level in words or test.name in words]
    return sorted(chosen, key=lambda test: (order(test), -test.limit))


class Running:
    """A test under way, in a session of its own, with its output in a log."""

    def __init__(self, test):
        self.test = test
        self.log = LOGS / f"{test.level}-{test.name}.log"
        self.log.with_suffix(".tap").unlink(missing_ok=True)
        environment = dict(os.environ)
        if test.level == "unit":
            environment["CK_TAP_LOG_FILE_NAME"] = str(self.log.with_suffix(".tap"))
            environment.setdefault("CK_DEFAULT_TIMEOUT", "60")
            # Memory of GLib's own allocator is of one block, in which no leak shows; GLib 2.76 and later has none.
            environment.setdefault("G_SLICE", "always-malloc")
        if test.level == "fuzz":
            found_inputs(test.name).mkdir(parents=True, exist_ok=True)
        self.start = time.monotonic()
        with open(self.log, "wb") as output:
            self.process = Child(test.command, stdin=subprocess.DEVNULL, stdout=output,
                                 stderr=subprocess.STDOUT, env=environment, cwd=TOP,
                                 start_new_session=True,
                                 preexec_fn=dying_with_parent(signal.SIGTERM))

    def late(self):
        return time.monotonic() - self.start > self.test.limit

    def over(self):
        return self.process.poll() is not None or self.late()

    def end(self):
        end_session(self.process.pid)
        self.process.wait()

    def results(self):
        """Of a test that is over. What it left behind is ended."""
        status, left = self.process.poll(), ""
        seconds = time.monotonic() - self.start
        if status is not None:
            left = named(still_there(lambda: of_session(self.process.pid), GRACE_SECONDS))
        self.end()
        results = results_of(self.test, self.log, status, left)
        show(self.test, results, seconds, self.log)
        return results


def results_of(test, log, status, left):
    """What a finished test reported. A bad end without a failed result is one itself."""
    if test.level == "fuzz":
        results = [tap.Result("finds nothing", status == 0)]
    else:
        report = log.with_suffix(".tap") if test.source.suffix == ".c" else log
        text = report.read_text(errors="replace") if report.exists() else ""
        results = tap.parse(text)
    if status is None:
        results.append(tap.Result(f"ends within {test.limit:g} s", False))
    elif status != 0 and all(result.passed for result in results):
        results.append(tap.Result(f"exits with status 0, not {status}", False))
    elif not results:
        results.append(tap.Result("reports a result", False))
    if left:
        results.append(tap.Result("leaves no process behind", False, reason=left))
    return results


def show(test, results, seconds, log):
    counts = tally(results)
    if sys.stdout.isatty():
        print(CLEAR, end="")
    print(f"{test.level:5} {test.name:32} {counts[0]:4} passed {seconds:7.1f} s"
          + (f"  {counts[1]} FAILED" if counts[1] else "")
          + (f"  {counts[2]} skipped" if counts[2] else ""), flush=True)
    for result in results:
        if result.skipped:
            print(f"      skipped: {result.name}: {result.reason}")
        elif not result.passed:
            print(f"      failed: {result.name}: {result.reason}".rstrip(": "))
    if counts[1]:
        lines = log.read_text(errors="replace").splitlines()
        print("\n".join(f"      | {line}" for line in lines[-40:]))
        print(f"      whole output: {shown(log)}", flush=True)


def tally(results):
    skipped = sum(result.skipped for result in results)
    failed = sum(not result.passed for result in results)
    return len(results) - failed - skipped, failed, skipped


def may_start(test, running, jobs):
    """Machines and fuzzers run beside each other, which each keep one CPU busy."""
    levels = {test.level, *(other.test.level for other in running)}
    return not running or (len(running) < jobs and levels.isdisjoint(ALONE))


def run(tests, jobs):
    waiting, running, results = list(tests), [], []
    try:
        while waiting or running:
            while waiting and may_start(waiting[0], running, jobs):
                running.append(Running(waiting.pop(0)))
                if sys.stdout.isatty():
                    names = ", ".join(other.test.name for other in running)
                    print(f"{CLEAR}{names} ...", end="", flush=True)
            for test in [test for test in running if test.over()]:
                results += test.results()
                running.remove(test)
            time.sleep(POLL_SECONDS)
    finally:
        for test in running:
            test.end()
    return results


def arguments():
    p = argparse.ArgumentParser(prog="./dev test", description="Runs the tests: levels "
                                + ", ".join(LEVELS) + f"; {ON_DEMAND} when named, or single "
                                "tests by name.")
    p.add_argument("what", nargs="*", metavar="LEVEL|NAME")
    p.add_argument("--list", action="store_true", help="show the tests")
    p.add_argument("--needs", action="store_true", help="show what must be built for them")
    p.add_argument("--no-build", action="store_true", help="take what build/ holds")
    p.add_argument("--jobs", type=int, default=len(os.sched_getaffinity(0)), metavar="N",
                   help="machines and fuzzers at once (as many as there are CPUs)")
    p.add_argument("--fuzz-seconds", type=int, default=5, metavar="S",
                   help="for each fuzz target (5)")
    return p.parse_args()


def main():
    end_by_signals()
    options = arguments()
    known = all_tests(options.fuzz_seconds)
    tests = known if options.list and not options.what else \
        selected(known, options.what or LEVELS)
    if options.list:
        for test in tests:
            print(f"{test.level:5} {test.name:32} {shown(test.source)}")
        return 0
    if options.needs:
        print("\n".join(dict.fromkeys(need for test in tests for need in test.needs)))
        return 0
    LOGS.mkdir(parents=True, exist_ok=True)
    results = run(tests, max(options.jobs, 1))
    passed, failed, skipped = tally(results)
    print(f"{passed} passed, {failed} failed, {skipped} skipped")
    return 1 if failed or not results else 0


if __name__ == "__main__":
    sys.exit(main())
