# SPDX-License-Identifier: GPL-2.0-or-later
"""`./dev mutate`: how many small faults, put into PURE code, do the unit tests notice?

A mutant is one file with one operator, constant or return value changed. It is compiled beside the
build, linked into every unit test that uses that file, and these run, the quickest first. A mutant
that makes none of them fail has survived: it is equivalent, or a test is missing. One whose
optimized code is the original's, byte for byte, is equivalent for certain and is not counted. A test
that fails without a mutant ends the survey. Nothing in the work tree or in build/tests is changed.
"""
import argparse
import json
import os
import random
import re
import shlex
import signal
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from lib.paths import BUILD, TOP
from lib.processes import dying_with_parent, end_by_signals, end_session

ARCHIVE = "tests/unit/libpure_sanitized.a"
COMPILE_SECONDS = 60
# A test may take so much longer than it did without a mutant: others use the processors too.
SLOWER, MORE_SECONDS = 4, 20

# What is not code: comments, text, characters, preprocessor lines, assertions about layouts.
NOT_CODE = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\''
                      r"|^[ \t]*#(?:\\\n|[^\n])*|\b_Static_assert\b.*?;|\bASSERT_(?:SIZE|OFFSET)\b.*?;",
                      re.DOTALL | re.MULTILINE)
NUMBER = r"(?:0[xX][0-9a-fA-F]+|[0-9]+)(?P<suffix>[uUlL]*)"
TOKEN = re.compile(
    r"(?P<return>\breturn\s+(?P<value>[^;{}]+);)"
    rf"|(?P<number>\b{NUMBER}\b)"
    r"|(?P<operator><<=|>>=|<<|>>|->|\+\+|--|==|!=|<=|>=|&&|\|\||\+=|-=|&=|\|=|[-+*&|^<>!])")
OPERATORS = {
    "==": ["!="], "!=": ["=="], "<": ["<=", ">="], "<=": ["<", ">"], ">": [">=", "<="],
    ">=": [">", "<"], "&&": ["||"], "||": ["&&"], "+": ["-"], "-": ["+"], "*": ["+"],
    "&": ["|"], "|": ["&"], "^": ["&"], "<<": [">>"], ">>": ["<<"], "+=": ["-="],
    "-=": ["+="], "&=": ["|="], "|=": ["&="], "!": [""], "++": ["--"], "--": ["++"],
}
# Only between two operands, where they are neither pointers' stars nor signs.
BINARY = {"+", "-", "*", "&", "<", ">", "|", "^"}


@dataclass
class Mutant:
    path: str
    start: int
    end: int
    new: str
    text: str = ""

    def line(self):
        return self.text.count("\n", 0, self.start) + 1

    def mutated(self):
        return self.text[:self.start] + self.new + self.text[self.end:]

    def describe(self):
        begin = self.text.rfind("\n", 0, self.start) + 1
        end = self.text.find("\n", self.end)
        old = self.text[begin:end].strip()
        new = (self.text[begin:self.start] + self.new + self.text[self.end:end]).strip()
        return f"{self.path}:{self.line()}:\n    - {old}\n    + {new}"


def is_binary(text, match):
    before, after = text[:match.start()], text[match.end():]
    return (re.search(r"[\w)\]]\s+$", before) is not None and re.match(r"\s", after) is not None
            and not re.search(r"\b(?:return|case|sizeof|else)\s+$", before))


def other_numbers(match):
    value = int(match["number"][:len(match["number"]) - len(match["suffix"])], 0)
    others = {value + 1, 0 if value > 1 else value ^ 1}
    return [f"{other}{match['suffix']}" for other in others if other != value]


def other_values(value):
    if value in ("true", "false"):
        return ["false" if value == "true" else "true"]
    # A number on its own is met again as a number.
    return [] if value == "NULL" or re.fullmatch(NUMBER, value) else ["0"]


def mutants_of(path):
    text = (TOP / path).read_text()
    code = NOT_CODE.sub(lambda match: re.sub(r"[^\n]", " ", match[0]), text)
    position = 0
    while match := TOKEN.search(code, position):
        position = match.end()
        if match["return"]:
            position = match.start() + len("return")
            start, end = match.span("value")
            news = other_values(match["value"].strip())
        elif match["number"]:
            (start, end), news = match.span("number"), other_numbers(match)
        else:
            start, end = match.span("operator")
            news = OPERATORS.get(match["operator"], [])
            if match["operator"] in BINARY and not is_binary(code, match):
                news = []
        for new in news:
            yield Mutant(path, start, end, new, text)


# --- the build: what it does for a file and for a test is asked of it


def compile_commands():
    """How the sanitized build compiles each PURE file, by the file's name."""
    commands = {}
    for entry in json.loads((BUILD / "compile_commands.json").read_text()):
        if "pure_sanitized.dir" in entry["command"]:
            name = str(Path(entry["file"]).relative_to(TOP))
            commands[name] = shlex.split(entry["command"])
    return commands


def link_command(test):
    done = subprocess.run(["ninja", "-C", str(BUILD), "-t", "commands", test],
                          capture_output=True, text=True, check=True)
    last = done.stdout.strip().splitlines()[-1]
    return shlex.split(last.removeprefix(": && ").removesuffix(" && :"))


def objects_of(link):
    """The members of the archive of PURE code that a test's program takes."""
    words = with_output(link, "/dev/null") + ["-Wl,-t,-t"]
    done = subprocess.run(words, cwd=BUILD, capture_output=True, text=True)
    return set(re.findall(r"libpure_sanitized\.a[():]+([\w.]+\.o)", done.stdout + done.stderr))


def with_output(command, target):
    command = list(command)
    command[command.index("-o") + 1] = str(target)
    return command


@dataclass
class Test:
    name: str
    link: list
    # `check` runs all in one process where that works: far quicker. Set when it is first run.
    forks: bool = False
    seconds: float = 0

    def run(self, program, limit):
        more = {"CK_DEFAULT_TIMEOUT": str(int(limit)), "CK_FORK": "yes" if self.forks else "no"}
        return run([str(program)], TOP, limit, more)

    def try_out(self):
        program = BUILD / "tests" / "unit" / self.name
        for self.forks in (False, True):
            begin = time.monotonic()
            if self.run(program, 10 * COMPILE_SECONDS) == 0:
                self.seconds = time.monotonic() - begin
                return
        sys.exit(f"{self.name} fails without a mutant")

    def fails(self, program):
        """With a mutant. What depends on time, and so runs alone, is believed at the second time."""
        limit = SLOWER * self.seconds + MORE_SECONDS
        return all(self.run(program, limit) != 0 for _ in range(2 if self.forks else 1))


class Suite:
    """Which unit tests use which file, and how their programs are linked."""

    def __init__(self):
        self.compile = compile_commands()
        self.originals = {}
        self.users = {}
        for source in sorted((TOP / "tests" / "unit").glob("*_test.c")):
            link = link_command(source.stem)
            if ARCHIVE not in link:
                continue
            test = Test(source.stem, link)
            for member in objects_of(link):
                self.users.setdefault(member, []).append(test)

    def tests_of(self, path):
        return self.users.get(Path(path).name + ".o", [])

    def try_out(self, paths):
        """Every test that uses one of these files, once; the quickest goes first from then on."""
        tests = {test.name: test for path in paths for test in self.tests_of(path)}
        for test in tests.values():
            test.try_out()
        for users in self.users.values():
            users.sort(key=lambda test: test.seconds)

    def build_object(self, mutant, folder):
        source = folder / Path(mutant.path).name
        source.write_text(mutant.mutated())
        command = with_output(self.compile[mutant.path], folder / "mutant.o")
        command[command.index("-c") + 1] = str(source)
        # Its own folder's headers are included by their whole path, so the copy may lie anywhere.
        return run([*command, "-w"], BUILD, COMPILE_SECONDS) == 0

    def optimized(self, path, text, folder):
        """The object that a compiler without sanitizers makes of a file; None: it does not compile."""
        source = folder / Path(path).name
        source.write_text(text)
        target = folder / "optimized.o"
        command = with_output(self.compile[path], target)
        command[command.index("-c") + 1] = str(source)
        command = [word for word in command if not word.startswith(("-fsanitize", "-fno-sanitize"))]
        command += ["-w", "-O2", "-g0", f"-ffile-prefix-map={folder}=."]
        return target.read_bytes() if run(command, BUILD, COMPILE_SECONDS) == 0 else None

    def is_equivalent(self, mutant, folder):
        if mutant.path not in self.originals:
            self.originals[mutant.path] = self.optimized(mutant.path, mutant.text, folder)
        return self.optimized(mutant.path, mutant.mutated(), folder) == self.originals[mutant.path]

    def notices(self, test, folder):
        """Does this test, with the mutant in it, fail?"""
        link = with_output(test.link, folder / "test")
        link.insert(link.index(ARCHIVE), str(folder / "mutant.o"))
        return run(link, BUILD, COMPILE_SECONDS) == 0 and test.fails(folder / "test")


def run(command, folder, limit, more=None):
    """Its exit status; 1 at the limit. Whatever it started ends with it."""
    process = subprocess.Popen(command, cwd=folder, stdin=subprocess.DEVNULL,
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                               env={**os.environ, **(more or {})}, start_new_session=True,
                               preexec_fn=dying_with_parent(signal.SIGKILL))
    try:
        return process.wait(limit)
    except subprocess.TimeoutExpired:
        return 1
    finally:
        # `check` gives each of its tests a process group of its own.
        end_session(process.pid)
        process.wait()


def judge(suite, mutant):
    """`invalid`: it does not compile, or changes nothing; else the test that noticed it, or None."""
    with tempfile.TemporaryDirectory(prefix="viridis-mutant-") as name:
        folder = Path(name)
        if suite.is_equivalent(mutant, folder) or not suite.build_object(mutant, folder):
            return "invalid"
        return next((test for test in suite.tests_of(mutant.path)
                     if suite.notices(test, folder)), None)


def survey(suite, mutants, count, jobs):
    """Judges mutants, in their order, until `count` of them count."""
    killed, survived, done = [], [], 0
    with ThreadPoolExecutor(jobs) as pool:
        for mutant, verdict in zip(mutants, pool.map(lambda m: judge(suite, m), mutants)):
            if verdict == "invalid":
                continue
            (killed if verdict else survived).append((mutant, verdict))
            done += 1
            if sys.stderr.isatty():
                print(f"\r{done} of {count}, {len(survived)} survived", end="",
                      file=sys.stderr, flush=True)
            if done == count:
                pool.shutdown(wait=False, cancel_futures=True)
                break
    if sys.stderr.isatty():
        print(file=sys.stderr)
    return killed, survived


def arguments():
    p = argparse.ArgumentParser(
        prog="./dev mutate", description="Puts single faults into PURE code and counts those that "
        "no unit test notices.")
    p.add_argument("count", nargs="?", type=int, default=100, metavar="COUNT")
    p.add_argument("seed", nargs="?", type=int, default=1, metavar="SEED")
    p.add_argument("files", nargs="*", metavar="FILE", help="PURE files; default: all")
    p.add_argument("--jobs", type=int, default=os.cpu_count(), metavar="N")
    p.add_argument("--json", action="store_true")
    p.add_argument("--no-build", action="store_true", help="take what build/ holds")
    p.add_argument("--check-only", action="store_true", help=argparse.SUPPRESS)
    options = p.parse_intermixed_args()
    if options.count < 1 or options.jobs < 1:
        p.error("COUNT and --jobs are at least 1")
    for name in options.files:
        if not (TOP / name).is_file():
            p.error(f"{name}: no such file")
    return p, options


def main():
    end_by_signals()
    parser, options = arguments()
    if options.check_only:
        return 0
    suite = Suite()
    files = options.files or sorted(suite.compile)
    for name in files:
        if name not in suite.compile:
            parser.error(f"{name}: is not PURE code")
    mutants = [mutant for name in files for mutant in mutants_of(name)]
    random.Random(options.seed).shuffle(mutants)
    # Some do not compile or change nothing; more are drawn than are asked for.
    drawn = mutants[:2 * options.count + 10]
    suite.try_out({mutant.path for mutant in drawn})
    killed, survived = survey(suite, drawn, options.count, options.jobs)
    total = len(killed) + len(survived)
    if options.json:
        print(json.dumps({"seed": options.seed, "mutants": total, "killed": len(killed),
                          "survivors": [{"file": mutant.path, "line": mutant.line(),
                                         "change": mutant.describe().split("\n", 1)[1]}
                                        for mutant, _ in survived]}, indent=1))
    else:
        for mutant, _ in survived:
            tests = " ".join(test.name for test in suite.tests_of(mutant.path)) or "no test uses this file"
            print(f"{mutant.describe()}\n    survives: {tests}")
        print(f"{len(killed)} of {total} mutants were noticed ({100 * len(killed) // max(total, 1)} %),"
              f" {len(survived)} survived; {len(mutants)} could be made; seed {options.seed}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
