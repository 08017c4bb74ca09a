# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs our conformance guest (tests/guest) and takes over the TAP it prints on COM1."""
from boot_iso import Module
from lib.machine import Machine
from lib.paths import BUILD, HYPERVISOR_ELF
from lib.tap import parse

TINY = BUILD / "tests" / "guest" / "tiny.bz"
END = r"^(1\.\.\d+|Bail out!.*)$"


def run_tiny(tap, name, tests, words="", hypervisor=True, limit=120, **options):
    """As the root partition, or on the bare machine; gives the console's whole text."""
    role = "role=root" if hypervisor else ""
    command_line = " ".join(filter(None, ["kernel", f"tests={tests}", role, words]))
    with Machine(name, [Module(TINY, command_line)],
                 hypervisor=HYPERVISOR_ELF if hypervisor else None, **options) as machine:
        machine.console.wait(END, limit)
        text = machine.console.text()
        tap.adopt(parse(text))
        tap.run(f"{name}: the guest powers the machine off", machine.wait_exit, 30)
    return text
