#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What tools decide: clang-format over all C, shellcheck over ./dev and what it sources."""
import shutil
import subprocess

from lib.paths import TOP
from lib.sources import report, sources
from lib.tap import Tap


def run(command):
    return subprocess.run(command, cwd=TOP, capture_output=True, text=True)


def unformatted():
    files = [str(path) for path in sources(".c", ".h")]
    if not files:
        return []
    done = run(["clang-format", "--dry-run", "-Werror", "--", *files])
    named = {line.split(":")[0] for line in done.stderr.splitlines() if "error:" in line}
    return [f"{name}: ./dev fmt changes it" for name in sorted(named)]


def shell_faults():
    scripts = ["dev", "root-partition/image/root-init", "root-partition/image/guest-init",
               "tests/bench/in-root", "tests/bench/guest-init"]
    return run(["shellcheck", "-x", "-f", "gcc", *scripts]).stdout.splitlines()


def main():
    with Tap() as tap:
        report(tap, "clang-format changes nothing", unformatted())
        if shutil.which("shellcheck"):
            report(tap, "shellcheck finds nothing", shell_faults())
        else:
            tap.skip("shellcheck finds nothing", "shellcheck is not installed")


if __name__ == "__main__":
    main()
