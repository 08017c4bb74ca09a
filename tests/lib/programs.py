# SPDX-License-Identifier: GPL-2.0-or-later
"""Debian's own programs for a root or guest that has busybox alone: each with the libraries it names."""
import os
import re
import subprocess
from pathlib import Path


def with_libraries(*programs, libraries=""):
    """Paths by name, for one folder F there: LD_LIBRARY_PATH=F runs them, with the C library's loader in place.
    `libraries`: a folder of some that are not installed here."""
    found = {Path(program).name: Path(program) for program in programs}
    told = subprocess.run(["ldd", *programs], capture_output=True, text=True, check=True,
                          env={**os.environ, "LD_LIBRARY_PATH": str(libraries)}).stdout
    for path in re.findall(r"(?:=> |^\t)(/\S+) \(0x", told, re.MULTILINE):
        found[Path(path).name] = Path(path)
    return found


LOADER = "ld-linux-x86-64.so.2"


def run_in(folder, program):
    """The words that run one of them there, whether or not the loader is in place."""
    return f"{folder}/{LOADER} --library-path {folder} {folder}/{program}"
