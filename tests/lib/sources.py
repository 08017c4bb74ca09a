# SPDX-License-Identifier: GPL-2.0-or-later
"""The repository's own files, for the lints: what git knows or would add."""
import subprocess
from pathlib import Path

from lib.paths import TOP


def all_names(below):
    # A clone made by another user is still ours to list.
    done = subprocess.run(["git", "-c", f"safe.directory={TOP}", "ls-files", "-co",
                           "--exclude-standard", "-z", "--", below or "."],
                          cwd=TOP, capture_output=True, text=True)
    if done.returncode == 0:
        return done.stdout.split("\0")
    # A copy without its history.
    names = (str(path.relative_to(TOP)) for path in (TOP / below).rglob("*"))
    return [name for name in names if not name.startswith(("build/", ".git/"))]


def sources(*endings, below=""):
    """Relative paths of the files with one of these endings, that exist."""
    return [Path(name) for name in sorted(all_names(below))
            if name and name.endswith(endings) and (TOP / name).is_file()]


def report(tap, name, faults):
    """One TAP result for a list of faults, each a line `file:line: what`."""
    tap.ok(not faults, name, "\n".join(faults))
