# SPDX-License-Identifier: GPL-2.0-or-later
# Needs: target:viridis.elf
# Limit: 180
"""A machine that cannot run the hypervisor or its root is told why, on its serial port, in plain words."""
from lib.machine import Machine
from lib.paths import HYPERVISOR_ELF
from lib.tap import Tap

CANNOT = (
    # what it lacks, QEMU's words, what is said
    ("SVM", ["-cpu", "EPYC,-svm"], r"no SVM \(AMD-V\)"),
    ("nested paging", ["-cpu", "EPYC,-npt"], "no nested paging"),
    ("XSAVE", ["-cpu", "EPYC,-xsave"], "no XSAVE"),
    ("NX", ["-cpu", "EPYC,-nx"], "no long mode, or no NX"),
    ("ACPI", ["-machine", "acpi=off"], "root loader: .*ACPI|root loader: .*RSDP"),
    ("a kernel", [], "no module named `kernel`"),
)


def check(name, extra, words):
    with Machine(f"cannot-boot-{name.split()[-1].lower()}", [], hypervisor=HYPERVISOR_ELF, cpus=1,
                 memory="256M", extra=extra) as machine:
        machine.console.wait(words, 40)


def main():
    with Tap() as tap:
        for name, extra, words in CANNOT:
            tap.run(f"without {name}: the reason is told", check, name, extra, words)


if __name__ == "__main__":
    main()
