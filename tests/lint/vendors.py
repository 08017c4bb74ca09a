#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The vendor seam: only a vendor's own folder names what is its processor's alone."""
import re

from lib.paths import TOP
from lib.sources import report, sources
from lib.tap import Tap

WORDS = re.compile(r"\b(svm|vmcb|vmrun|vmmcall|vmload|vmsave|asid|vmx|vmcs|vmcall|vmlaunch|vpid)\b"
                   r"|\b(?:svm|vmcb|vmx|vmcs|vm_cr|msr_vm|exception_sx)(?:_\w+|\b)", re.IGNORECASE)
FOLDERS = re.compile(r"^hypervisor/arch/x86/(svm|vmx)/")
# AMD's own MSRs; SYSCFG, which says whether memory is encrypted, is asked for at boot by name.
MSRS = re.compile(r"\b0xc001[0-9a-f]{4}u?\b", re.IGNORECASE)
NAMED_MSRS = "hypervisor/arch/x86/x86.h"
# Where the boot chooses one of them, by the name of its table.
CHOICE = {"hypervisor/arch/x86/virt.h", "hypervisor/kernel/run/main.c"}
TABLES = {"svm_ops", "vmx_ops"}


def main():
    faults = []
    for path in sources(".c", ".h", ".S", ".def", below="hypervisor"):
        if FOLDERS.match(str(path)):
            continue
        for number, line in enumerate((TOP / path).read_text().splitlines(), start=1):
            faults += [f"{path}:{number}: {word[0]} is a vendor's word" for word in WORDS.finditer(line)
                       if str(path) not in CHOICE or word[0] not in TABLES]
            if str(path) != NAMED_MSRS and (number_of := MSRS.search(line)):
                faults.append(f"{path}:{number}: {number_of[0]} is a vendor's MSR")
    with Tap() as tap:
        report(tap, "no file outside a vendor's folder names a fact of its processor", faults)


if __name__ == "__main__":
    main()
