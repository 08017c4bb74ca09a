# SPDX-License-Identifier: GPL-2.0-or-later
"""`./dev gdb`: the machine of `./dev root`, stopped at its first instruction, under gdb."""
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

from commands import root
from lib.paths import HYPERVISOR_ELF, TOP
from lib.processes import end_by_signals

GDB_SCRIPT = TOP / "tests" / "gdb" / "viridis.py"


def main(words):
    if "-h" in words or "--help" in words:
        print("Usage: ./dev gdb [options of ./dev root]\n\nBoots stopped, with gdb attached "
              "and the hypervisor's symbols loaded.")
        return 0
    end_by_signals()
    with tempfile.TemporaryDirectory(prefix="viridis-") as folder:
        port = Path(folder) / "gdb"
        words = ["--name", "gdb", "--gdb", f"unix:{port},server=on,wait=off", *words]
        options = root.checked("root", words)
        if options.full:
            print("./dev gdb: --full has its terminal for itself: ./dev root --full --gdb PORT", file=sys.stderr)
            return root.STATUS_USAGE
        if options.check_only:
            return 0
        if absent := root.missing("root", options):
            print(f"./dev gdb: {', '.join(absent)}: not built; call it without --no-build", file=sys.stderr)
            return 1
        # A command, even if none was given: the console must leave the terminal to gdb.
        options.command = options.command or ["sleep 1000000"]
        with root.machine_for("root", options, Path(folder)):
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            command = ["gdb", "-q", str(HYPERVISOR_ELF), "-ex", f"target remote {port}"]
            if GDB_SCRIPT.exists():
                command += ["-ex", f"source {GDB_SCRIPT}"]
            return subprocess.run(command, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
