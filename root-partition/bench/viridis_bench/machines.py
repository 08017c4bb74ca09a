# SPDX-License-Identifier: GPL-2.0-or-later
"""The machines that are measured: one of viridis with the synthetic devices, one of QEMU with all others. Each ends with
its `with` block, whatever happened."""
import json
import os
import re
import shlex
import subprocess
import time
import tty
from contextlib import contextmanager
from pathlib import Path

from .guest import Guest, GuestError
from .results import provider_counts
from .signals import whole

# Without what differs from one start to the next.
CMDLINE = "console=ttyS0 quiet nokaslr panic=-1"
BOOT_SECONDS = 600
END_SECONDS = 30
NAME, ATTACHED = "bench", "attached"
PROCESS_RUN_TIME = 2  # in the number of a process's clock: what the scheduler counted
WAITER_FD = 5  # of a provider: vsp/lib/core/protocol.h
PROC = Path("/proc")
LISTENING = r":{port:04X} 0+:0000 0A"  # in /proc/net/tcp and tcp6
SUBNET = "10.77"
NETWORKS = Path("/sys/class/net")


OTHER_QEMU = "name another QEMU by --qemu, 11 or later with -accel mshv, or measure --devices synthetic alone"


class HostError(Exception):
    """Something that is missing here, and what helps."""


def told(words, **options):
    """What a program printed; HostError with its own words if it could not. In a session of its own, so that Ctrl-C is ours."""
    try:
        done = subprocess.run(words, capture_output=True, text=True, stdin=subprocess.DEVNULL,
                              start_new_session=True, **options)
    except OSError as error:
        raise HostError(f"{words[0]} cannot be started: {error.strerror}; it must be installed, and in PATH") from error
    if done.returncode != 0:
        raise HostError(f"{shlex.join(words)}: {(done.stderr or done.stdout).strip()}")
    return done.stdout


def address(index, host):
    """Each adapter has a network of its own, so that the guest's routes choose it."""
    return f"{SUBNET}.{index}.{host}"


@contextmanager
def bridge(nets):
    """The root's end of all adapters."""
    if not nets:
        yield None
        return
    name = f"vb{os.getpid()}"
    if f" {SUBNET}." in told(["ip", "-o", "-4", "addr"]):
        raise HostError(f"this root has an address in {SUBNET}.0.0/16, of which the guests' networks are made: another `viridis "
                        "bench`? Let it end, or measure without networks by --jobs")
    try:
        with whole():
            told(["ip", "link", "add", name, "type", "bridge"])
        for index in range(len(nets)):
            told(["ip", "addr", "add", f"{address(index, 1)}/24", "dev", name])
        told(["ip", "link", "set", name, "up"])
        yield name
    finally:
        with whole():
            if (NETWORKS / name).exists():
                told(["ip", "link", "del", name])


def is_listening(port):
    """Whether anybody answers at a TCP port of the root."""
    return any(re.search(LISTENING.format(port=port), path.read_text()) for path in Path("/proc/net").glob("tcp*"))


@contextmanager
def server(words, port):
    """A program that answers the guests at that port, from when it listens; in a session of its own, so that Ctrl-C is ours to
    pass on. Gives its process."""
    if is_listening(port):
        raise HostError(f"port {port} of this root is taken, at which {words[0]} is to answer the guests; end what listens "
                        "there, or name jobs without it by --jobs")
    process = None
    try:
        with whole():
            process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                       start_new_session=True)
        while not is_listening(port):
            if process.poll() is not None:
                raise GuestError(f"{words[0]} in the root, which answers the guests, ended")
            time.sleep(0.02)
        yield process
    finally:
        with whole():
            if process:
                process.kill()
                process.wait()


class Command:
    """`viridis`, with definitions and run files in a folder of its own, so that nobody's list shows what is there."""

    def __init__(self, folder):
        self.environment = {**os.environ, "VIRIDIS_STATE_DIR": str(folder / "state"),
                            "VIRIDIS_RUN_DIR": str(folder / "run")}

    def __call__(self, *words):
        return json.loads(told(["viridis", *words, "--json"], env=self.environment))

    def end(self, name):
        for order in ("stop", "delete"):
            subprocess.run(["viridis", order, name], env=self.environment, capture_output=True, start_new_session=True)

    def counts(self, name, group):
        """What the providers of a group counted."""
        return provider_counts(group, self("stats", name))


def synthetic_words(disk, devices, bridge_name):
    """For create and attach."""
    return ([f"--disk={disk}" for device in devices if device.group == "disk"]
            + [f"--net=bridge={bridge_name}" for device in devices if device.group == "net"])


class Viridis:
    """A VM of ours."""
    kind = "viridis"

    def __init__(self, options, folder, devices, bridge_name):
        self.options, self.devices, self.bridge = options, devices, bridge_name
        self.viridis = Command(folder)
        self.terminal = self.guest = None

    def __enter__(self):
        options = self.options
        words = synthetic_words(options.disk, self.devices, self.bridge)
        began = time.monotonic()
        try:
            self.viridis("create", NAME, f"--memory={options.memory}", f"--vps={options.vps}",
                         f"--kernel={options.guest / 'vmlinuz'}",
                         f"--initrd={options.guest / 'initrd'}", f"--cmdline={CMDLINE}", *words)
            with whole():
                self.viridis("start", NAME)
            status = self.viridis("info", NAME)["status"]
            self.pid, self.partition = status["pid"], status["partition"]
            self.terminal = os.open(status["console"], os.O_RDWR | os.O_NOCTTY)
            tty.setraw(self.terminal)
            self.guest = Guest("viridis", self.terminal, self.terminal, self.alive)
            self.guest.wait_ready(BOOT_SECONDS)
        except BaseException:
            self.stop()
            raise
        self.boot_seconds = time.monotonic() - began
        return self

    def alive(self):
        return Path(f"/proc/{self.pid}").exists()

    def __exit__(self, *_):
        self.stop()

    def stop(self):
        with whole():
            if self.guest:
                self.guest.close()
            if self.terminal is not None:
                os.close(self.terminal)
            self.viridis.end(NAME)

    def processes(self, _device):
        """Keeper, worker and providers."""
        return family(self.pid)

    def provider_counts(self, device):
        return self.viridis.counts(NAME, device.group)


class Qemu:
    """A stock QEMU with all devices of one PC; its first serial line is its standard input and output. The synthetic
    devices among them are served by `viridis attach`."""
    kind = "qemu"

    def __init__(self, options, folder, devices, bridge_name):
        self.options, self.devices, self.bridge = options, devices, bridge_name
        self.errors = folder / "qemu.err"
        self.viridis = Command(folder)
        self.attached = [device for device in devices if not device.qemu]
        self.process = self.guest = self.server_pid = None

    def words(self):
        options = self.options
        words = [*shlex.split(options.qemu), "-accel", options.accel, "-M", "pc", "-nodefaults",
                 "-display", "none", "-no-user-config", "-monitor", "none", "-serial", "stdio",
                 "-action", "reboot=shutdown", *self.memory_words(), "-smp", str(options.vps),
                 "-kernel", str(options.guest / "vmlinuz"), "-initrd",
                 str(options.guest / "initrd"), "-append", CMDLINE]
        for device in self.devices:
            if device.qemu:
                words += self.device_words(device)
        return words

    def memory_words(self):
        if not self.attached:
            return ["-m", self.options.memory]
        return self.viridis("qemu-args", f"--memory={self.options.memory}")["arguments"]

    def device_words(self, device):
        name = f"{device.group}-{device.name}"
        if device.group == "disk":
            file = str(self.options.disk).replace(",", ",,")
            words = ["-drive", f"if=none,id={name},file={file},format=raw,cache=none,"
                     f"aio={self.options.aio},file.locking=off"]
        else:
            words = ["-netdev", f"tap,id={name},ifname={self.tap(device)},script=no,"
                     "downscript=no,vhost=off"]
        for text in device.qemu:
            words += ["-device", text.format(id=name)]
        return words

    def tap(self, device):
        return f"{self.bridge}{device.name}"[:15]

    def __enter__(self):
        began = time.monotonic()
        try:
            self.begin()
            self.guest = Guest("QEMU", self.process.stdout.fileno(),
                               self.process.stdin.fileno(), self.alive)
            self.pid = self.process.pid
            self.join_bridge()
            self.partition = self.find_partition()
            if self.attached:
                self.attach()
            self.guest.wait_ready(BOOT_SECONDS)
        except GuestError as error:
            self.stop()
            raise HostError(f"{error}\n{self.errors.read_text().strip()}\n{OTHER_QEMU}") from error
        except BaseException:
            self.stop()
            raise
        self.boot_seconds = time.monotonic() - began
        return self

    def begin(self):
        words = self.words()
        with whole(), open(self.errors, "w") as errors:
            try:
                self.process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors,
                                                start_new_session=True)
            except OSError as error:
                raise HostError(f"{self.options.qemu} cannot be started: {error.strerror}; {OTHER_QEMU}") from error

    def attach(self):
        """As soon as QEMU has made its machine, while the firmware runs."""
        words = synthetic_words(self.options.attached_disk, self.attached, self.bridge)
        deadline = time.monotonic() + END_SECONDS
        while True:
            try:
                with whole():
                    self.viridis("attach", str(self.pid), "--name", ATTACHED, *words)
                break
            except HostError as error:
                if "runs no machine" not in str(error) or not self.alive() or \
                        time.monotonic() > deadline:
                    raise
                time.sleep(0.05)
        self.server_pid = self.viridis("info", ATTACHED)["status"]["pid"]

    def join_bridge(self):
        """QEMU makes the TAP devices when it starts."""
        for device in self.devices:
            if device.group != "net" or not device.qemu:
                continue
            path = NETWORKS / self.tap(device)
            while not path.exists() and self.alive():
                time.sleep(0.05)
            if self.alive():
                told(["ip", "link", "set", self.tap(device), "master", self.bridge])
                told(["ip", "link", "set", self.tap(device), "up"])

    def find_partition(self):
        """Of the QEMU itself, which may be a child of what was started. It makes it before its firmware runs. To ask
        takes processor time from it: so ever more seldom."""
        deadline, pause = time.monotonic() + END_SECONDS, 0.05
        while self.alive() and time.monotonic() < deadline:
            pids = set(family(self.pid))
            for entry in json.loads(told(["viridis", "stats", "--json"]))["partitions"]:
                if entry["pid"] in pids:
                    return entry["partition"]
            time.sleep(pause)
            pause = min(2 * pause, 0.4)
        if not self.alive():
            raise GuestError(self.guest.described("ended"))
        raise HostError(f"{self.options.qemu} runs its guest without /dev/mshv; {OTHER_QEMU}")

    def alive(self):
        return self.process is not None and self.process.poll() is None

    def __exit__(self, *_):
        self.stop()

    def stop(self):
        with whole():
            if self.attached:
                self.viridis.end(ATTACHED)
            if self.process:
                self.end_process()

    def end_process(self):
        for pid in family(self.process.pid) if self.alive() else ():
            try:
                os.kill(pid, 9)
            except ProcessLookupError:
                pass
        self.process.wait(END_SECONDS)
        if self.guest:
            self.guest.close()
        self.process.stdin.close()
        self.process.stdout.close()

    def processes(self, device):
        return family(self.server_pid if device in self.attached else self.process.pid)

    def provider_counts(self, device):
        """QEMU does not say."""
        return self.viridis.counts(ATTACHED, device.group) if device in self.attached else None


def family(pid):
    """A process and all that descend from it."""
    children = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            rest = path.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        children.setdefault(int(rest[1]), []).append(int(path.parent.name))
    found = [pid]
    for parent in found:
        found += children.get(parent, [])
    return found


def halted_ns(pids):
    """How long providers left their CPU to whom they waited for, and ran by the root's scheduler: kmod/waiter.h"""
    total = 0
    for pid in pids:
        try:
            told = dict(line.split(":", 1) for line in
                        (PROC / f"{pid}/fdinfo/{WAITER_FD}").read_text().splitlines())
        except OSError:
            continue
        total += int(told.get("halted-ns", 0))
    return total


def run_ns(pids):
    """How long processes ran, with their system calls and all threads that they ever had, by the root's scheduler: the
    clock that clock_getcpuclockid(3) names. It goes on while the hypervisor has taken the CPU away."""
    total = 0
    for pid in pids:
        try:
            total += time.clock_gettime_ns(~pid << 3 | PROCESS_RUN_TIME)
        except OSError:
            continue
    return total


def user_ns(pids):
    """How much of that was in user mode, as the root's kernel samples it."""
    total = 0
    for pid in pids:
        try:
            total += int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11])
        except OSError:
            continue
    return total * 10**9 // os.sysconf("SC_CLK_TCK")


def tasks_ns():
    """How long all processes and threads of the root ran, those of its kernel among them. Linux:
    Documentation/scheduler/sched-stats.rst"""
    return sum(int(line.split()[7]) for line in Path("/proc/schedstat").read_text().splitlines()
               if line.startswith("cpu"))


def stats():
    return {"ns": time.monotonic_ns()} | json.loads(told(["viridis", "stats", "--json"]))


def root_times(served, peers):
    """Of the processes that serve a device, of those at the other end of its network, and of all."""
    halted = halted_ns(served)
    return {"tasks-ns": tasks_ns() - halted, "backend-user-ns": user_ns(served),
            "peer-ns": run_ns(peers), "backend-ns": run_ns(served) - halted}


def counters(machine, device, mark, peers=()):
    """All there is, at one moment: the hypervisor's come nearest to the job, last before it and first behind it."""
    parts = (lambda: {"provider": machine.provider_counts(device)},
             lambda: root_times(machine.processes(device), peers),
             stats)
    found = {}
    for part in parts if mark == "begin" else reversed(parts):
        found |= part()
    return found
