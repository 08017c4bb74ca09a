#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What tools decide: clang-format over all C, shellcheck over shell, groff over the manual."""
import re
import shutil
import subprocess

from lib.paths import TOP
from lib.sources import report, sources
from lib.tap import Tap


def run(command):
    return subprocess.run(command, cwd=TOP, capture_output=True, text=True)


# Debian 12's; others format some lines otherwise. `./dev fmt` wants it too.
FORMAT_VERSION = "14"


def format_version():
    return re.search(r"version (\d+)", run(["clang-format", "--version"]).stdout)[1]


def unformatted():
    files = [str(path) for path in sources(".c", ".h")]
    if not files:
        return []
    done = run(["clang-format", "--dry-run", "-Werror", "--", *files])
    named = {line.split(":")[0] for line in done.stderr.splitlines() if "error:" in line}
    return [f"{name}: ./dev fmt changes it" for name in sorted(named)]


def is_script(path):
    """Its first line names a shell. What is only sourced has none: -x follows it from there."""
    with open(TOP / path, "rb") as file:
        return re.match(rb"#!.*\b(ba|da)?sh\s*$", file.readline(80)) is not None


def shell_faults():
    scripts = [str(path) for path in sources("") if is_script(path)]
    return run(["shellcheck", "-x", "-f", "gcc", "root-partition/cli/viridis.bash", *scripts]).stdout.splitlines()


# The first that is there judges the manual pages; both say nothing when nothing is wrong.
MANUAL_TOOLS = (["mandoc", "-T", "lint", "-W", "warning"],
                ["groff", "-mandoc", "-Tutf8", "-ww", "-z"])


def manual_faults(tool):
    pages = [str(path) for path in sources(".1", ".4", ".8", below="root-partition")]
    done = run([*tool, *pages])
    return (done.stdout + done.stderr).splitlines() + ([] if pages else ["no pages"])


def main():
    with Tap() as tap:
        if format_version() == FORMAT_VERSION:
            report(tap, "clang-format changes nothing", unformatted())
        else:
            tap.skip("clang-format changes nothing",
                     f"it is version {format_version()}, and the style is that of {FORMAT_VERSION}")
        if shutil.which("shellcheck"):
            report(tap, "shellcheck finds nothing", shell_faults())
        else:
            tap.skip("shellcheck finds nothing", "shellcheck is not installed")
        tool = next((tool for tool in MANUAL_TOOLS if shutil.which(tool[0])), None)
        if tool:
            report(tap, "manual pages are sound", manual_faults(tool))
        else:
            tap.skip("manual pages are sound", "neither mandoc nor groff is installed")


if __name__ == "__main__":
    main()
