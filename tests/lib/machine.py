# SPDX-License-Identifier: GPL-2.0-or-later
"""One emulated machine: boots GRUB with or without the hypervisor under QEMU's TCG.

    with Machine("two-cpus", hypervisor=HYPERVISOR_ELF,
                 modules=[Module(guest, "kernel selftest")]) as machine:
        machine.hypervisor_log.wait(r"boot 9/9", limit=60)

Files of a run are in build/run/NAME: root.log (COM1), hypervisor.log (debug console), qemu.log.
"""
import fcntl
import os
import shlex
import shutil
import signal
import socket
import subprocess
import time

from boot_iso import BIOS, UEFI, make_iso
from lib.log import Failure, Log, POLL_SECONDS
from lib.monitor import Monitor, MonitorError
from lib.paths import RUN
from lib.processes import Child, dying_with_parent

# Reproducible to the instruction; a virtio disk would not be.
ICOUNT = ["-seed", "42", "-icount", "shift=0,sleep=off",
          "-rtc", "base=2020-01-01T00:00:00,clock=vm"]

# COM2..COM4, each with an interrupt of its own: edge-triggered ISA lines cannot be shared.
EXTRA_PORTS = ((0x2f8, 3), (0x3e8, 5), (0x2e8, 7))

# UEFI by Debian's package ovmf: its code, and its variables as they are at first.
OVMF_CODE, OVMF_VARIABLES = (f"/usr/share/OVMF/OVMF_{part}_4M.fd" for part in ("CODE", "VARS"))


class RunFolder:
    """build/run/NAME, held by a lock; a second run at once gets NAME-2, and so on."""

    def __init__(self, name):
        number = 1
        while True:
            self.path = RUN / (name if number == 1 else f"{name}-{number}")
            self.path.mkdir(parents=True, exist_ok=True)
            self.lock = open(self.path / "lock", "w")
            try:
                fcntl.flock(self.lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                self.lock.close()
                number += 1
        for old in self.path.iterdir():
            if old.is_dir():
                shutil.rmtree(old)
            elif old.name != "lock":
                old.unlink()

    def release(self):
        self.lock.close()


class Machine:
    """hypervisor=None boots the modules `kernel` and `initrd` as plain Linux; `iso`, an ISO that
    exists already, or False: there is none. `uefi`: OVMF in the BIOS's place; with a Path, that file has its variables."""

    def __init__(self, name, modules, hypervisor=None, hypervisor_command_line="",
                 cpus=2, memory="2G", disks=(), scratch_disks=(), icount=False, interactive=False,
                 parallel=False, iommu=None, extra=(), extra_ports=False, gdb=None,
                 iso=None, uefi=False):
        self.folder = RunFolder(name)
        self.path = self.folder.path
        self.process = None
        self.input = None
        self.modules = list(modules)
        self.hypervisor = hypervisor
        self.iso = iso
        self.uefi = uefi
        self.hypervisor_command_line = hypervisor_command_line
        self.cpus, self.memory = cpus, memory
        # What is written to a scratch disk is dropped at the end.
        self.disks = [(disk, ",snapshot=on") for disk in scratch_disks]
        self.disks += [(disk, "") for disk in disks]
        self.icount, self.interactive, self.extra = icount, interactive, list(extra)
        self.parallel = parallel
        self.iommu, self.extra_ports, self.gdb = iommu, extra_ports, gdb
        self.console = Log(self.path / "root.log", self.alive)
        self.hypervisor_log = Log(self.path / "hypervisor.log", self.alive)
        self.ports = [Log(self.path / f"com{2 + i}.out", self.alive)
                      for i in range(len(EXTRA_PORTS))]

    def __enter__(self):
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_):
        self.stop()

    # --- QEMU's command line

    def _console_arguments(self):
        if self.interactive:
            return ["-chardev", f"stdio,id=com1,mux=on,signal=off,logfile={self.console.path}",
                    "-mon", "com1"]
        fifo = self.path / "console.in"
        os.mkfifo(fifo)
        # Opened for both, so that neither side ever sees an end of file.
        self.input = os.open(fifo, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
        return ["-chardev", f"file,id=com1,path={self.console.path},input-path={fifo}"]

    def _port_arguments(self):
        arguments = []
        for number, ((base, irq), log) in enumerate(zip(EXTRA_PORTS, self.ports), start=2):
            arguments += ["-chardev", f"file,id=com{number},path={log.path}", "-device",
                          f"isa-serial,chardev=com{number},iobase={base:#x},irq={irq}"]
        return arguments

    def _disk_arguments(self):
        arguments = []
        suffix = ",iommu_platform=on,disable-legacy=on" if self.iommu else ""
        for number, (disk, options) in enumerate(self.disks):
            escaped = str(disk).replace(",", ",,")
            arguments += ["-drive", f"file={escaped},if=none,format=raw,id=disk{number}"
                          + options,
                          "-device", f"virtio-blk-pci,drive=disk{number}{suffix}"]
        return arguments

    def _uefi_arguments(self):
        """Two flash chips, as a board has them; the second is written."""
        variables = self.uefi
        if variables is True:
            variables = self.path / "variables.fd"
            shutil.copyfile(OVMF_VARIABLES, variables)
        return ["-drive", f"if=pflash,format=raw,readonly=on,file={OVMF_CODE}",
                "-drive", f"if=pflash,format=raw,file={variables}"]

    def arguments(self, iso, monitor_fd):
        # One thread for all CPUs, unless the test is sure that CPU 1 restores no x87 state: such a
        # restore there races in QEMU with CPU 0's VMRUN and #VMEXIT. tests/README.md
        accelerator = "tcg,thread=multi" if self.parallel else "tcg,thread=single"
        arguments = ["qemu-system-x86_64", "-M", "q35,smm=off", "-accel", accelerator,
                     "-cpu", "EPYC,+x2apic", "-smp", str(self.cpus), "-m", str(self.memory),
                     "-nodefaults", "-nic", "none", "-display", "none", "-no-reboot"]
        if self.iommu:
            arguments += ["-device", self.iommu]
        arguments += self._console_arguments() + ["-serial", "chardev:com1"]
        arguments += ["-debugcon", f"file:{self.hypervisor_log.path}"]
        if iso:
            arguments += ["-drive", f"file={iso},if=none,format=raw,media=cdrom,readonly=on,"
                          "id=boot", "-device", "ide-cd,drive=boot,bootindex=0"]
        arguments += ["-chardev", f"socket,id=qmp,fd={monitor_fd}",
                      "-mon", "chardev=qmp,mode=control"]
        if self.uefi:
            arguments += self._uefi_arguments()
        if self.extra_ports:
            arguments += self._port_arguments()
        arguments += self._disk_arguments()
        if self.icount:
            arguments += ICOUNT
        if self.gdb:
            arguments += ["-gdb", self.gdb, "-S"]
        return arguments + self.extra

    # --- life

    def start(self):
        iso = self.iso if self.iso is not None else make_iso(self.path, self.modules, self.hypervisor,
                       self.hypervisor_command_line, UEFI if self.uefi else BIOS)
        ours, theirs = socket.socketpair()
        self.monitor = Monitor(ours)
        command = self.arguments(iso, theirs.fileno())
        (self.path / "qemu.command").write_text(shlex.join(command) + "\n")
        with open(self.path / "qemu.log", "w") as errors:
            self.process = Child(
                command, pass_fds=[theirs.fileno()], preexec_fn=dying_with_parent(signal.SIGKILL),
                # Ctrl-C on the terminal is for us, who end QEMU; not for QEMU itself.
                start_new_session=not self.interactive,
                env={**os.environ, "TMPDIR": str(self.path)},
                stdin=None if self.interactive else subprocess.DEVNULL,
                stdout=None if self.interactive else errors, stderr=errors)
        theirs.close()

    def alive(self):
        return self.process is not None and self.process.poll() is None

    def send(self, text, limit=60):
        """Types on COM1, as fast as the machine takes it."""
        data = text.encode()
        deadline = time.monotonic() + limit
        while data:
            try:
                data = data[os.write(self.input, data):]
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise Failure(f"{len(data)} bytes are not taken within {limit} s\n{self.describe()}") from None
                time.sleep(POLL_SECONDS)

    def wait_exit(self, limit):
        """Waits until the machine powered itself off."""
        try:
            return self.process.wait(limit)
        except subprocess.TimeoutExpired:
            raise Failure(f"still running after {limit} s\n{self.describe()}") from None

    def stop(self):
        """Ends QEMU in whatever state it is; safe to call twice."""
        if self.alive():
            try:
                self.monitor.qmp("quit")
                self.process.wait(5)
            except (MonitorError, OSError, subprocess.TimeoutExpired):
                self.process.kill()
                self.process.wait()
        if self.input is not None:
            os.close(self.input)
            self.input = None
        (self.path / "boot.iso").unlink(missing_ok=True)
        self.folder.release()

    def describe(self, lines=30):
        """The last lines of every log, for a failure's text."""
        parts = [log.tail(lines) for log in (self.hypervisor_log, self.console)]
        errors = Log(self.path / "qemu.log", self.alive).text()
        noise = "warning: TCG doesn't support"
        parts += [f"  qemu| {line}" for line in errors.splitlines() if noise not in line]
        return "\n".join(part for part in parts if part)
