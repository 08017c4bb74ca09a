#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Who may see whom: the include rules 1 to 5 of the architecture, read off the files. And the hypervisor's includes: each
brings something that the others do not."""
import re
from fnmatch import fnmatch

from lib.paths import TOP
from lib.sources import report, sources
from lib.tap import Tap

INCLUDE = re.compile(r'^\s*#\s*include\s*[<"]([^>"]+)[>"]')
FREESTANDING = ["stdint.h", "stddef.h", "stdbool.h", "stdarg.h"]
# Macros and static assertions, which make no code.
ABI_HELPERS = ["viridis/base/assert.h", "viridis/base/bits.h"]
# The one header that knows three worlds' memcpy: freestanding, kernel module, libc.
MEM_BRIDGE = ("include/viridis/base/mem.h", "linux/string.h")
# The one program that sees /dev/mshv as programs of others do.
UAPI_TEST = ("tests/e2e/mshv/uapi_test.c", "linux/mshv.h")
# Headers of single system calls, for which the C library has none.
SYSTEM_CALLS = ["linux/aio_abi.h", "linux/capability.h", "linux/falloc.h", "linux/fs.h", "linux/if_tun.h",
                "linux/memfd.h", "linux/securebits.h", "linux/sockios.h"]

PURE = ["hypervisor/core/*", "root-partition/kmod/core/*", "root-partition/loader/core/*", "vmbus/core/*", "vmbus/class/*", "vsp/*/core/*",
        "root-partition/bzimage/*", "root-partition/vm/model/*"]
DEVICE_ABI = ["viridis/abi/vmbus.h", "viridis/abi/storvsc.h", "viridis/abi/ic.h", "viridis/abi/kvp.h",
              "viridis/abi/fcopy.h", "viridis/abi/nvsp.h", "viridis/abi/rndis.h", "viridis/abi/ndis.h"]


def matches(name, patterns):
    return any(fnmatch(name, pattern) for pattern in patterns)


def rule_1(file, header):
    """abi sees abi; base sees abi; PURE code sees those, PURE code and four headers."""
    if fnmatch(file, "include/viridis/abi/*"):
        return matches(header, ["viridis/abi/*", *ABI_HELPERS, *FREESTANDING])
    if fnmatch(file, "include/viridis/base/*"):
        return ((file, header) == MEM_BRIDGE
                or matches(header, ["viridis/*", *FREESTANDING]))
    if matches(file, PURE):
        return matches(header, ["viridis/*", *PURE, *FREESTANDING])
    return True


def rule_2(file, header):
    """The hypervisor knows no device, and nobody above it."""
    if not file.startswith("hypervisor/"):
        return True
    above = ["vmbus/*", "vsp/*", "vsc/*", "root-partition/*"]
    return not matches(header, above + DEVICE_ABI)


def rule_3(file, header):
    """The hypervisor's kernel sees no vendor; the vendors do not see each other."""
    svm, vmx = "hypervisor/arch/x86/svm/*", "hypervisor/arch/x86/vmx/*"
    if fnmatch(file, "hypervisor/kernel/*"):
        return not matches(header, [svm, vmx])
    if fnmatch(file, svm):
        return not fnmatch(header, vmx)
    if fnmatch(file, vmx):
        return not fnmatch(header, svm)
    return True


def rule_4(file, header):
    """Providers and clients do not see each other; nor does one provider another."""
    if file.startswith("vsc/"):
        return not header.startswith("vsp/")
    if not file.startswith("vsp/"):
        return True
    if header.startswith("vsc/"):
        return False
    if fnmatch(file, "vsp/*/backend*") and header.startswith("vmbus/"):
        return False
    provider = file.split("/")[1]
    return not header.startswith("vsp/") or header.split("/")[1] in (provider, "lib")


def rule_5(file, header):
    """Linux headers appear only in the kernel module."""
    if not matches(header, ["linux/*", "asm/*"]):
        return True
    return (file.startswith("root-partition/kmod/") or (file, header) in (MEM_BRIDGE, UAPI_TEST)
            or header in SYSTEM_CALLS and not matches(file, ["hypervisor/*", "vsc/*", *PURE]))


def path_of(header):
    """Of ours, its file; of others, its name."""
    return next((path for path in (header, f"include/{header}") if (TOP / path).is_file()), header)


def reached(file, headers):
    """All that a file brings: its headers, and theirs."""
    found, ahead = set(), set(headers.get(file, ()))
    while ahead:
        found |= ahead
        ahead = set().union(*(headers.get(header, ()) for header in ahead)) - found
    return found


def needless(includes):
    """Includes in hypervisor/ that another one brings; a file's own header stands for itself, and a table is no header."""
    headers = {}
    for file, _, header in includes:
        headers.setdefault(file, []).append(path_of(header))
    for file, number, header in includes:
        if (not file.startswith("hypervisor/") or header == file[:-1] + "h"
                or header.endswith(".def")):
            continue
        others = [other for other in headers[file] if other != path_of(header)]
        if any(path_of(header) in reached(other, headers) for other in others):
            yield f"{file}:{number}: another one brings {header}"


def main():
    includes = []
    for path in sources(".c", ".h", ".S"):
        for number, line in enumerate((TOP / path).read_text().splitlines(), start=1):
            if match := INCLUDE.match(line):
                includes.append((str(path), number, match[1]))
    with Tap() as tap:
        for rule in (rule_1, rule_2, rule_3, rule_4, rule_5):
            faults = [f"{file}:{number}: may not include {header}"
                      for file, number, header in includes if not rule(file, header)]
            report(tap, rule.__doc__.rstrip("."), faults)
        report(tap, "hypervisor/ includes nothing twice", list(needless(includes)))


if __name__ == "__main__":
    main()
