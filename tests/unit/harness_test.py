# SPDX-License-Identifier: GPL-2.0-or-later
"""What judges all other tests: what counts as a result, and what is a failure though nothing says so."""
import contextlib
import io
import tempfile
from pathlib import Path

from commands.runner import Test, results_of
from lib.log import Log
from lib.shell import Shell
from lib.tap import Tap, parse


def failed(results):
    return [result.name for result in results if not result.passed]


def check_parse():
    text = "noise\r\n  ok 1 - one\nnot ok 2 - two\nok 3 # SKIP no disk\nokay\n1..3\n"
    results = parse(text)
    assert [(result.name, result.passed, result.skipped) for result in results] == \
        [("one", True, False), ("two", False, False), ("test 3", True, True)], results
    assert results[2].reason == "no disk"


def check_plans():
    assert failed(parse("ok 1 - one\n1..2\n")) == ["the plan of 2 tests was kept"]
    assert failed(parse("ok 1 - one\nok 2 - two\n1..1\n")) == ["the plan of 1 tests was kept"]
    assert failed(parse("ok 1 - one\nBail out! no memory\n")) == ["bailed out"]
    assert failed(parse("not ok 1 - x # SKIP it is not there\n1..1\n")) == []


def adopted(results):
    """How many a Tap has then, and how many of them failed."""
    tap = Tap()
    with contextlib.redirect_stdout(io.StringIO()):
        tap.adopt(results, "guest: ")
    return tap.count, tap.failed


def check_adopted():
    assert adopted(parse("ok 1 - one\nnot ok 2 - two\n1..2\n")) == (2, 1)
    assert adopted(parse("1..0\n")) == (1, 1), "a guest that judged nothing has passed"


def judged(folder, text, status, left=""):
    log = Path(folder) / "log"
    log.write_text(text)
    return failed(results_of(Test("e2e", "x", Path("x.py"), []), log, status, left))


def check_ends():
    with tempfile.TemporaryDirectory() as folder:
        good = "ok 1 - one\n1..1\n"
        assert judged(folder, good, 0) == []
        assert judged(folder, good, 1) == ["exits with status 0, not 1"]
        assert judged(folder, good, -9) == ["exits with status 0, not -9"]
        assert judged(folder, good, None) == ["ends within 300 s"]
        assert judged(folder, good, 0, "12: sleep") == ["leaves no process behind"]
        assert judged(folder, "", 0) == ["reports a result"]
        assert judged(folder, "not ok 1 - one\n1..1\n", 1) == ["one"]


class Typist:
    """In a machine's place: a console on which what is typed is shown, and then what a program prints on a terminal."""

    def __init__(self, folder, printed):
        self.path, self.printed = Path(folder) / "console", printed
        self.path.touch()
        self.console = Log(self.path, lambda: True)

    def send(self, text):
        with self.path.open("a", newline="") as console:
            console.write(f"# {text}[[begin:1]]\r\n{self.printed}[[end:3:1]]\r\n")


def check_colours():
    with tempfile.TemporaryDirectory() as folder:
        answer = Shell(Typist(folder, "inet \x1b[35m10.0.2.15\x1b[0m/24\r\n[35m\x1b[1;31mx\x1b[m\r\n")).ask("ip addr", 5)
    assert (answer.status, answer.output) == (3, "inet 10.0.2.15/24\n[35mx"), answer


def main():
    with Tap() as tap:
        tap.run("lines of TAP are results, and others are none", check_parse)
        tap.run("a plan that is not kept, or a bail-out, is a failure", check_plans)
        tap.run("a guest that reports nothing has failed", check_adopted)
        tap.run("a test that ends badly has failed, whatever it printed", check_ends)
        tap.run("a shell's words are without the colours of a terminal", check_colours)


if __name__ == "__main__":
    main()
