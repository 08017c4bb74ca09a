# SPDX-License-Identifier: GPL-2.0-or-later
"""TAP: parsing what guests and unit tests print, and printing it from a test script."""
import re
import sys
import traceback
from dataclasses import dataclass

from lib.processes import end_by_signals

LINE = re.compile(r"^(?P<not>not )?ok\b *(?P<number>\d+)?(?: *-)? *(?P<name>[^#]*)"
                  r"(?P<skip># *SKIP\b *(?P<reason>.*))?", re.IGNORECASE)
PLAN = re.compile(r"^1\.\.(\d+)")
BAIL = re.compile(r"^Bail out!\s*(.*)")


@dataclass
class Result:
    name: str
    passed: bool
    skipped: bool = False
    reason: str = ""


def parse(text):
    """The results in a text that may hold other lines too. A broken plan is a failure."""
    results, planned = [], None
    for line in text.splitlines():
        line = line.strip()
        if plan := PLAN.match(line):
            planned = int(plan[1])
        elif bail := BAIL.match(line):
            results.append(Result("bailed out", False, reason=bail[1]))
        elif match := LINE.match(line):
            name = match["name"].strip() or f"test {match['number']}"
            skipped = match["skip"] is not None
            results.append(Result(name, skipped or not match["not"], skipped,
                                  match["reason"] or ""))
    if planned is not None and planned != len(results):
        results.append(Result(f"the plan of {planned} tests was kept", False,
                              reason=f"{len(results)} reported"))
    return results


class Skip(Exception):
    """Raised in a test that cannot run here; the text says why."""


class Tap:
    """Prints TAP. Use as: with Tap() as tap: tap.ok(...); tap.run("sentence", function)."""

    def __init__(self):
        self.count = 0
        self.failed = 0

    def __enter__(self):
        end_by_signals()
        return self

    def __exit__(self, kind, error, trace):
        if kind is not None and issubclass(kind, Skip):
            self.skip("all", str(error))
        elif kind is not None and issubclass(kind, Exception):
            self.ok(False, f"ended by {kind.__name__}", str(error))
            traceback.print_tb(trace, file=sys.stdout)
        print(f"1..{self.count}", flush=True)
        if kind is None or issubclass(kind, Exception):
            sys.exit(1 if self.failed else 0)

    def ok(self, passed, name, detail=""):
        self.count += 1
        self.failed += not passed
        print(f"{'ok' if passed else 'not ok'} {self.count} - {name}", flush=True)
        if not passed and detail:
            print("".join(f"# {line}\n" for line in str(detail).splitlines()), end="",
                  flush=True)
        return passed

    def skip(self, name, reason):
        self.count += 1
        print(f"ok {self.count} - {name} # SKIP {reason}", flush=True)

    def run(self, name, function, *arguments):
        """One test that passes unless the function raises; gives what it returned."""
        try:
            value = function(*arguments)
        except Skip as reason:
            self.skip(name, reason)
        except Exception as error:
            self.ok(False, name, f"{type(error).__name__}: {error}")
        else:
            self.ok(True, name)
            return value
        return None

    def adopt(self, results, prefix=""):
        """Takes over the results a guest printed. To print none, as for groups that nobody knows, is to fail."""
        if not results:
            self.ok(False, prefix + "reports a result")
        for result in results:
            if result.skipped:
                self.skip(prefix + result.name, result.reason)
            else:
                self.ok(result.passed, prefix + result.name, result.reason)
