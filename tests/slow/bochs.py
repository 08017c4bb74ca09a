# SPDX-License-Identifier: GPL-2.0-or-later
# Needs: bochs root target:viridis.elf target:tiny_guest
# Limit: 9000
"""The same hypervisor on Bochs, an emulator whose SVM shares no code with QEMU's: the conformance guest as a
root, on CPUs that take turns of a few instructions; the ISO with Linux as the root, and a child of it with a
disk. What Bochs does otherwise than a processor, and what is left out here because of it: README.md"""
import shutil
import tempfile
from pathlib import Path
from types import SimpleNamespace

from commands.root import KERNEL_COMMAND_LINE, make_initrd
from lib.bochs import BochsMachine
from boot_iso import Module
from lib.paths import BUILD, KERNEL
from lib.tap import Tap, parse
from lib.tiny import END, TINY

CONFORMANCE = "exceptions,cpuid,msr,hypercall,time,apic,stimer,synic,smp"
RUNS = (
    # name, groups, CPUs, instructions a turn, seconds
    ("one", CONFORMANCE + ",init", 1, 16, 300),
    ("two", CONFORMANCE, 2, 5, 900),
    ("two-fine", "apic,synic,smp", 2, 1, 900),
    ("two-attack", "attack", 2, 16, 600),
)
# What is written to the console in one go loses characters there; the kernel waits for each.
CHILD = """exec >/dev/kmsg 2>&1
truncate -s 8M /tmp/disk
viridis create one --memory 64M --kernel /share/tiny --disk /tmp/disk --serial /tmp/one.out \
	--cmdline 'tests=vmbus,storage write=yes role=child' && viridis start one
for second in $(seq 300); do grep -q '^1[.][.]' /tmp/one.out && break; sleep 1; done
grep '^not ok' /tmp/one.out
echo "the child: $(grep -c '^ok' /tmp/one.out) of $(sed -n 's/^1[.][.]//p' /tmp/one.out) ok"
sleep 1
"""


def run_tiny(tap, name, groups, cpus, quantum, limit):
    modules = [Module(TINY, f"kernel tests={groups} role=root")]
    with BochsMachine(f"bochs-{name}", modules, cpus=cpus, quantum=quantum) as machine:
        tap.run(f"{name}: it comes to its end", machine.console.wait, END, limit)
        tap.adopt(parse(machine.console.text()), f"{cpus} CPUs in turns of {quantum}: ")
        tap.run(f"{name}: the guest powers the machine off", machine.wait_power_off, 120)


def linux_root(name, folder, cpus, command=None):
    share = folder / "share"
    share.mkdir()
    shutil.copy(BUILD / "tests" / "guest" / "tiny.bz", share / "tiny")
    options = SimpleNamespace(debian=False, share=share, out=None,
                              command=[command] if command else [])
    modules = [Module(KERNEL, f"kernel {KERNEL_COMMAND_LINE}"),
               Module(make_initrd(options, folder / "initrd"), "initrd")]
    return BochsMachine(name, modules, cpus=cpus, quantum=16, memory=1024)


def check_linux_root(cpus):
    with tempfile.TemporaryDirectory() as folder, \
            linux_root(f"bochs-linux-{cpus}", Path(folder), cpus) as machine:
        machine.console.wait("root partition p[0-9]+, /dev/mshv ready", 3600)


def check_child():
    with tempfile.TemporaryDirectory() as folder, \
            linux_root("bochs-child", Path(folder), 1, CHILD) as machine:
        machine.console.wait("one runs", 2400)
        found = machine.console.wait(r"the child: (\d+) of (\d+) ok", 1200)
        assert found[1] == found[2] and int(found[1]) > 20, machine.console.text()[-2000:]


def main():
    with Tap() as tap:
        for run in RUNS:
            run_tiny(tap, *run)
        tap.run("Linux as the root, and its child with a disk", check_child)
        tap.run("Linux as the root of two CPUs: /dev/mshv is there", check_linux_root, 2)


if __name__ == "__main__":
    main()
