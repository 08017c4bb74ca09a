# SPDX-License-Identifier: GPL-2.0-or-later
"""`./dev trace`: the command of ./dev root, and then what the hypervisor traced until its end."""
import shlex
import sys
import tempfile
from pathlib import Path

from commands import root
from lib.paths import BUILD, shown

TRACE = BUILD / "trace.txt"


def main(words):
    if "-h" in words or "--help" in words:
        print("Usage: ./dev trace [OPTIONS of ./dev root] [-- COMMAND...]\n\nRuns COMMAND in "
              "the root (without one: true) and leaves the hypervisor's newest trace\nrecords "
              f"in {shown(TRACE)}. Exits with the command's status.")
        return 0
    split = words.index("--") if "--" in words else len(words)
    command = words[split + 1:] or ["true"]
    line = command[0] if len(command) == 1 else shlex.join(command)
    line = f"viridis trace >/dev/null; ({line}); status=$?; viridis trace >/out/trace.txt; exit $status"
    with tempfile.TemporaryDirectory(prefix="viridis-") as folder:
        if "--out" in words[:split]:
            print("./dev trace: --out is taken by the trace itself", file=sys.stderr)
            return root.STATUS_USAGE
        status = root.main("root", ["--name", "trace", *words[:split], "--out", folder, "--",
                                    line])
        found = Path(folder) / "trace.txt"
        if found.exists():
            TRACE.write_bytes(found.read_bytes())
            print(f"{len(TRACE.read_text().splitlines())} records in {shown(TRACE)}",
                  file=sys.stderr)
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
