# SPDX-License-Identifier: GPL-2.0-or-later
# Needs: target:viridis.elf
# Limit: 240
"""GRUB boots the hypervisor on two CPUs; its address space, its guards and its panic."""
import re
import subprocess
import tempfile
import time
from pathlib import Path

from lib.machine import Machine
from lib.page_tables import PhysicalMemory, breaches, mappings
from lib.paths import HYPERVISOR_ELF
from lib.tap import Tap

CPUS = 2
WAY = ("svm_exited", "svm_enter", "cpu_loop", "main", "boot_high")
LOADER = range(0x20000, 0x40000)  # root_loader.h
CR0_WP, CR4_SMEP, CR4_SMAP, EFER_NXE = 1 << 16, 1 << 20, 1 << 21, 1 << 11


def machine(name, gdb=None):
    return Machine(name, modules=[], hypervisor=HYPERVISOR_ELF, cpus=CPUS, memory="512M",
                   gdb=gdb)


def check_steps(m):
    steps = re.findall(r"boot (\d+)/(\d+) (\w+):", m.hypervisor_log.text())
    numbers = [int(number) for number, _, _ in steps]
    assert numbers == list(range(1, len(steps) + 1)), steps
    assert len({total for _, total, _ in steps}) == 1, steps


def check_serial(m):
    """COM1 shows what the debug console shows, as far as it has come."""
    console = m.console.text()
    log = m.hypervisor_log.text()
    start = console.index("[    0.000000]")
    assert log.startswith(console[start:][:1000])


def tables(m):
    root = re.search(r"paging: tables at (0x[0-9a-f]+)", m.hypervisor_log.text())[1]
    return list(mappings(PhysicalMemory(m.monitor, m.path), int(root, 16)))


def check_rights(found):
    wrong = list(breaches(found))
    assert not wrong, "\n".join(wrong[:20])


def check_parts(found):
    """All three kinds of pages are there: the check above did not look at nothing."""
    assert any(p.executable for p in found)
    assert any(p.writable for p in found)
    assert any(not p.executable and not p.writable for p in found)


def check_protections(m):
    for cpu in range(CPUS):
        text = m.monitor.qmp("human-monitor-command", **{
            "command-line": "info registers", "cpu-index": cpu})
        cr0, cr4, efer = (int(re.search(rf"{name}=([0-9a-f]+)", text)[1], 16)
                          for name in ("CR0", "CR4", "EFER"))
        assert cr0 & CR0_WP, f"cpu {cpu}: CR0 {cr0:#x}"
        assert cr4 & CR4_SMEP and cr4 & CR4_SMAP, f"cpu {cpu}: CR4 {cr4:#x}"
        assert efer & EFER_NXE, f"cpu {cpu}: EFER {efer:#x}"


def break_with_gdb(name, check, *commands):
    """Changes the first CPU's registers once all CPUs run, and looks what comes of it."""
    with tempfile.TemporaryDirectory(prefix="viridis-") as folder:
        port = f"{folder}/gdb"
        words = ["gdb", "-nx", "-q", "-batch", str(HYPERVISOR_ELF)]
        for command in (f"target remote {port}", "hbreak smp_start_all", "continue",
                        "finish", *commands, "delete", "detach"):
            words += ["-ex", command]
        with machine(name, f"unix:{port},server=on,wait=off") as m:
            wait_for(Path(port))
            done = subprocess.run(words, stdin=subprocess.DEVNULL, text=True, timeout=90,
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
            assert done.returncode == 0, done.stdout
            check(m)


def wait_for(path):
    deadline = time.monotonic() + 10
    while not path.exists():
        assert time.monotonic() < deadline, f"QEMU made no {path}"
        time.sleep(0.05)


def functions(addresses):
    """The functions that made the calls which return to these addresses, inlined ones too."""
    calls = [hex(int(address, 16) - 1) for address in addresses]
    words = ["addr2line", "-f", "-i", "-e", str(HYPERVISOR_ELF), *calls]
    done = subprocess.run(words, text=True, check=True, timeout=60, stdout=subprocess.PIPE)
    return done.stdout.splitlines()[::2]


def check_backtrace(text):
    """From the hypercall in which all CPUs are started back to the CPU's first function."""
    names = functions(re.findall(r"  called from (0x[0-9a-f]+)", text))
    assert [name for name in names if name in WAY] == list(WAY), names


def check_vp(text):
    """The VP that was running is the root's loader, which has just made a hypercall."""
    found = re.search(r"p0 vp0: rip (0x[0-9a-f]+) rflags (0x[0-9a-f]+) rax 0x[0-9a-f]+ "
                      r"rsp (0x[0-9a-f]+)", text)
    assert found, text
    rip, rflags, rsp = (int(value, 16) for value in found.groups())
    assert rip in LOADER and rsp in LOADER and rflags & 2, found[0]


def check_panic(m):
    log = m.hypervisor_log
    log.wait(r"PANIC on cpu 0 \(apic 0\): exception 14: #PF, error code 0", 30)
    log.wait(r"rip 0000000012345678", 10)
    log.wait(r"cr2 0000000012345678", 10)
    log.wait(r"all CPUs are stopped", 10)
    log_size = len(log.text())
    m.console.wait(r"all CPUs are stopped", 30)
    check_backtrace(log.text())
    check_vp(log.text())
    assert len(log.text()) == log_size, "a CPU went on after the panic"


def check_double_fault(m):
    m.hypervisor_log.wait(r"PANIC on cpu 0 .*exception 8: #DF", 30)
    m.hypervisor_log.wait(r"all CPUs are stopped", 10)


def main():
    with Tap() as tap:
        with machine("bring-up") as m:
            m.hypervisor_log.wait(rf"smp: {CPUS} of {CPUS} CPUs run", 60)
            m.monitor.qmp("stop")
            tap.run("every boot step is numbered, in order", check_steps, m)
            tap.run("COM1 shows the log too", check_serial, m)
            found = tables(m)
            tap.run("no page is writable and executable, under any address",
                    check_rights, found)
            tap.run("code, constants and data have rights of their own", check_parts, found)
            tap.run("every CPU has WP, NX, SMEP and SMAP on", check_protections, m)
        tap.run("a wild jump ends in a panic with registers, backtrace and VP that stops every CPU",
                break_with_gdb, "panic", check_panic, "set $rip = 0x12345678")
        tap.run("a stack that runs into its guard page is told on a stack apart",
                break_with_gdb, "stack-guard", check_double_fault,
                "set $rsp = (unsigned long)&boot_stack",
                "set $rip = (unsigned long)&log_line")


if __name__ == "__main__":
    main()
