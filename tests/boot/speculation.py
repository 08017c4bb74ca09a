# SPDX-License-Identifier: GPL-2.0-or-later
# Needs: target:viridis.elf target:tiny_guest
# Limit: 400
"""What is done against speculation follows from what CPUID shows, which QEMU shows only when it is told to; a root
and its children run with all of it, and the boot option turns it off."""
import re
import subprocess

from lib.paths import BUILD, HYPERVISOR_ELF
from lib.tap import Tap
from lib.tiny import run_tiny

# QEMU leaves out what TCG does not do, unless it is forced: so all else that TCG does not do is left out here.
FORCED = ("EPYC,+x2apic,x-force-features=on,-fxsr-opt,-misalignsse,-osvw,-topoext,-nrip-save,-xsavec,"
          "+tsc-adjust,+ibpb")
MACHINES = (
    # name, CPU, the hypervisor's words, what the log says, whether there are barriers
    ("ibpb", FORCED, "", "retpolines, barriers, returns stuffed$", True),
    ("auto-ibrs", f"{FORCED},+auto-ibrs,min-xlevel=0x80000021", "",
     "retpolines, barriers, automatic IBRS$", True),
    ("off", FORCED, "speculation=off", "retpolines, the rest is off$", False),
)


def check(tap, name, cpu, words, line, barriers):
    run = f"speculation-{name}"
    text = run_tiny(tap, run, "cpuid,msr,chaos", "rounds=60", cpus=1, memory="512M", limit=120,
                    extra=["-cpu", cpu], hypervisor_command_line=words)
    log = (BUILD / "run" / run / "hypervisor.log").read_text()
    tap.ok(re.search(f"speculation: {line}", log, re.MULTILINE), f"{name}: the log says so", log)
    counted = int(re.search(r"(\d+) branch barriers", text)[1])
    # One CPU goes from the root to the child and back, often.
    tap.ok(counted > 100 if barriers else counted == 0, f"{name}: {counted} barriers")


def check_branches(tap, listing):
    """Of the image that runs at its own addresses: boot.S jumps there by a register, before any guest."""
    tap.ok(re.search(r"call.*<__x86_indirect_thunk_", listing), "there are indirect branches")
    bare = re.findall(r".*(?:jmp|call)\s+\*.*", listing)
    tap.ok(not bare, "each of them is a retpoline", "\n".join(bare))


# All but RSP, which VMRUN swaps, and those that run.S has written itself by then: RAX, RDX, RDI and RBP.
GUESTS = ("ecx", "ebx", "esi", *(f"r{number}d" for number in range(8, 16)))


def check_registers(tap, listing, function, stuffs):
    """What is done behind each exit, before the first function is called."""
    body = re.search(rf"<{function}>:\n(.*?)\n\n", listing + "\n\n", re.DOTALL)[1]
    behind = re.search(r"\tvmrun.*?<svm_exited>", body, re.DOTALL)[0]
    left = [name for name in GUESTS if not re.search(rf"\txor +%{name},%{name}\b", behind)]
    tap.ok(not left, f"{function}: no general register of the guest's is left", " ".join(left))
    returns = len(re.findall(rf"\tcall .*<{function}\+", behind))
    tap.ok(returns == (2 if stuffs else 0), f"{function}: returns are {'' if stuffs else 'not '}stuffed", behind)


def main():
    with Tap() as tap:
        listing = subprocess.run(["objdump", "-d", "-j", ".text", HYPERVISOR_ELF], check=True, text=True,
                                 capture_output=True).stdout
        check_branches(tap, listing)
        check_registers(tap, listing, "svm_enter", stuffs=False)
        check_registers(tap, listing, "svm_enter_stuffing", stuffs=True)
        for machine in MACHINES:
            check(tap, *machine)


if __name__ == "__main__":
    main()
