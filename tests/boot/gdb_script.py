# SPDX-License-Identifier: GPL-2.0-or-later
# Needs: target:viridis.elf target:tiny_guest
# Limit: 240
"""The gdb commands of tests/gdb/viridis.py on a root that is stopped while its guest runs."""
import re
import subprocess
import tempfile
import time
from pathlib import Path

from boot_iso import Module
from lib.machine import Machine
from lib.paths import HYPERVISOR_ELF, TOP
from lib.tap import Tap
from lib.tiny import TINY

SCRIPT = TOP / "tests" / "gdb" / "viridis.py"
CPUS = 2
SPIN = "kernel tests=spin role=root seconds=600"


def gdb(port, *commands, limit=90):
    """What each command printed, errors included, in order."""
    words = ["gdb", "-nx", "-q", "-batch", str(HYPERVISOR_ELF), "-ex", f"source {SCRIPT}",
             "-ex", f"target remote {port}"]
    for command in commands:
        words += ["-ex", f"echo [[{command}]]\\n", "-ex", command]
    done = subprocess.run([*words, "-ex", "echo [[end]]\\n", "-ex", "detach"], text=True,
                          stdin=subprocess.DEVNULL, timeout=limit,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    print("".join(f"# {line}\n" for line in done.stdout.splitlines()))
    parts = re.split(r"^\[\[.*\]\]\n", done.stdout, flags=re.MULTILINE)
    assert len(parts) == len(commands) + 2, done.stdout
    return parts[1:-1]


def matches(text, *patterns):
    for pattern in patterns:
        assert re.search(pattern, text, re.MULTILINE), f"no /{pattern}/ in\n{text}"


def check_objects(port, image):
    """Read while the CPUs stand in the guest, whose page tables do not show the hypervisor."""
    answers = gdb(port, "viridis-partitions", "viridis-vps", "viridis-vmcb 0.1",
                  "viridis-npt 0 0x200000", f"viridis-npt p0 {image}", "viridis-trace 0 30",
                  "viridis-trace", "viridis-log 5")
    matches(answers[0], rf"^p0 +0x[0-9a-f]+ +active +{CPUS} ")
    matches(answers[1], r"^p0\.0 +running +0 ", r"^p0\.1 +running +1 ")
    matches(answers[2], r"^last exit: \w+ ", r"nested_cr3 0x[0-9a-f]+000\b",
            r"efer 0x1500\b", r"^cs +0x")
    matches(answers[3], r"^512G table ", r"leaf rwx", r"^0x200000 is 0x200000 of the machine")
    matches(answers[4], r"absent", rf"^{image} is not mapped")
    matches(answers[5], r"^\d+ +\+\d+ +0 +p0\.0 +exit +\w+ +0x[0-9a-f]+")
    matches(answers[6], r"^\d+ +\+\d+ +0 +p0\.0 ", r"^\d+ +\+\d+ +1 +p0\.1 ")
    assert len(answers[6].splitlines()) <= 41, answers[6]
    matches(answers[7], r"boot done")
    assert len(answers[7].splitlines()) == 5, answers[7]


def check_mistakes(port):
    answers = gdb(port, "viridis-vmcb", "viridis-vmcb 0.77", "viridis-npt 9 0",
                  "viridis-npt 0 zero", "viridis-trace 99", "viridis-vps x")
    for answer, pattern in zip(answers, (r"usage: viridis-vmcb PARTITION\.VP", r"no VP 0\.77",
                                         r"no partition 9", r"'zero' is not a number",
                                         r"no CPU 99", r"'x': a partition is a slot")):
        matches(answer, pattern)
        assert "Traceback" not in answer, answer


def check_path(port):
    """Whole steps through the hypervisor: from entry to entry, and the guest's part."""
    answer = gdb(port, "delete", "viridis-path svm_exited 100")[1]
    matches(answer, r"^svm_exited: \d+ instructions", r"^ +\d+ svm_exited$",
            r"^ +\d+ svm_enter$", r"^ +\d+ \(guest\)$")


def started(folder, name, command_line, cpus):
    port = Path(folder) / name
    machine = Machine(f"gdb-script-{name}", [Module(TINY, command_line)], cpus=cpus,
                      hypervisor=HYPERVISOR_ELF, memory="512M",
                      gdb=f"unix:{port},server=on,wait=off")
    return machine, port


def main():
    with Tap() as tap, tempfile.TemporaryDirectory(prefix="viridis-") as folder:
        machine, port = started(folder, "spin", SPIN, CPUS)
        with machine as m:
            while not port.exists():
                time.sleep(0.05)
            m.monitor.qmp("cont")
            m.console.wait(r"spinning on 2 VPs", 60)
            image = re.search(r"paging: .*image (0x[0-9a-f]+)", m.hypervisor_log.text())[1]
            tap.run("the objects are shown, from inside the guest", check_objects, port, image)
            tap.run("mistakes are named, without a traceback", check_mistakes, port)
        machine, port = started(folder, "path", "kernel tests=cost role=root", 1)
        with machine:
            while not port.exists():
                time.sleep(0.05)
            tap.run("an exit's instructions are counted", check_path, port)


if __name__ == "__main__":
    main()
