# SPDX-License-Identifier: GPL-2.0-or-later
"""libvirt's daemon of ours on this machine, with folders and workers of a test's own (fake_worker.py), and virsh; and
the stock libvirtd beside it."""
import os
import signal
import subprocess
import time
from pathlib import Path

from lib.paths import BUILD, TOP

OUT = BUILD / "libvirt" / "out"
SUITE = BUILD / "libvirt-trixie"  # the same for Debian 13, and one of these to compile it
VIRIDIS = BUILD / "root-partition" / "cli" / "viridis"
SECONDS = 20
CONFIGURATION = TOP / "root-partition" / "libvirt" / "virtviridisd.conf"
MODULES = Path("/usr/lib/x86_64-linux-gnu/libvirt/connection-driver")
PARTS = ("network", "storage", "secret", "nodedev", "interface", "nwfilter")
STOCK_CONFIGURATION = """unix_sock_group = "root"
auth_unix_rw = "none"
auth_unix_ro = "none"
"""
XML = """<domain type='hyperv'>
  <name>{name}</name>
  <memory unit='MiB'>64</memory>
  <os><type arch='x86_64'>hvm</type><kernel>/k</kernel><cmdline>{cmdline}</cmdline></os>
  <devices>
    <disk type='file' device='disk'>
      <driver type='raw'/><source file='/d'/><target dev='sda' bus='scsi'/>
    </disk>
    <interface type='bridge'><source bridge='br0'/></interface>
    <console type='pty'/>
  </devices>
</domain>
"""


def in_suite(program, out=SUITE / "out"):
    """A program of ours with the libraries of Debian 13."""
    root = SUITE / "root"
    return [root / "lib64/ld-linux-x86-64.so.2", "--library-path", root / "usr/lib/x86_64-linux-gnu", out / program]


class Host:
    """Folders, a daemon, and virsh, all of this test's own. `suite`: the daemon that is made for Debian 13, with that one's
    libraries."""

    def __init__(self, folder, suite=False):
        self.folder, self.suite = folder, suite
        self.program = in_suite("virtviridisd") if suite else [OUT / "virtviridisd"]
        for name in ("bin", "state", "run", "sock"):
            (folder / name).mkdir()
        (folder / "bin" / "viridis-vm").symlink_to(TOP / "tests" / "lib" / "fake_worker.py")
        # The package's, with another group.
        (folder / "conf").write_text(CONFIGURATION.read_text().replace('"libvirt"', '"root"') +
                                     f'unix_sock_dir = "{folder}/sock"\n')
        self.environment = {**os.environ, "PATH": f"{folder}/bin:{os.environ['PATH']}",
                            "VIRIDIS_STATE_DIR": f"{folder}/state",
                            "VIRIDIS_RUN_DIR": f"{folder}/run", "LC_ALL": "C.UTF-8",
                            "LIBVIRT_DRIVER_DIR": str(SUITE / "out" if suite else OUT)}
        self.daemon = None

    def __enter__(self):
        self.start_daemon()
        return self

    def __exit__(self, *_):
        for file in (self.folder / "state").glob("*.json"):
            self.viridis("stop", file.stem)
        self.end_daemon(signal.SIGTERM)

    def start_daemon(self):
        socket = self.folder / "sock" / "virtviridisd-sock"
        socket.unlink(missing_ok=True)
        with open(self.folder / "log", "a", encoding="utf-8") as log:
            self.daemon = subprocess.Popen(
                [*self.program, "--config", self.folder / "conf", "--pid-file",
                 self.folder / "pid"], env=self.environment, stdin=subprocess.DEVNULL,
                stdout=log, stderr=log)
        self.wait(socket.exists)

    def end_daemon(self, number):
        self.daemon.send_signal(number)
        self.daemon.wait(SECONDS)

    def wait(self, condition, shown=lambda: ""):
        """On failure with what is `shown`."""
        end = time.monotonic() + SECONDS
        while not condition():
            assert time.monotonic() < end, (shown(), (self.folder / "log").read_text()[-3000:])
            time.sleep(0.05)

    def command(self, *words):
        uri = f"viridis+unix:///system?socket={self.folder}/sock/virtviridisd-sock"
        return ["virsh", "-q", "-c", uri, *words]

    def virsh(self, *words):
        return subprocess.run(self.command(*words), env=self.environment, capture_output=True,
                              text=True, timeout=60, stdin=subprocess.DEVNULL)

    def tell(self, *words):
        done = self.virsh(*words)
        assert done.returncode == 0, (words, done.stderr)
        return done.stdout

    def refuse(self, why, *words):
        done = self.virsh(*words)
        assert done.returncode != 0 and why in done.stderr, (words, done)

    def viridis(self, *words):
        return subprocess.run([VIRIDIS, *words], env=self.environment, capture_output=True,
                              text=True, timeout=90)

    def xml(self, name="web", cmdline="console=ttyS0", change=lambda text: text):
        file = self.folder / "domain.xml"
        file.write_text(change(XML.format(name=name, cmdline=cmdline)))
        return str(file)

    def state(self, name="web"):
        return self.tell("domstate", name, "--reason").strip()

    def wait_state(self, state, name="web"):
        self.wait(lambda: self.state(name) == state)

    def names(self, *words):
        return self.tell("list", "--name", *words).split()


class Stock:
    """libvirtd without its QEMU driver, for a process with mounts of its own, where this machine's daemons are not seen."""

    def __init__(self, folder):
        self.folder = folder
        for place in ("/etc/libvirt", "/run/libvirt", "/var/lib/libvirt"):
            Path(place).mkdir(parents=True, exist_ok=True)
            subprocess.run(["mount", "-t", "tmpfs", "tmpfs", place], check=True)
        (folder / "modules").mkdir()
        for part in PARTS:
            (folder / "modules" / f"libvirt_driver_{part}.so").symlink_to(
                MODULES / f"libvirt_driver_{part}.so")
            # As the package viridis-libvirt has them.
            Path(f"/run/libvirt/virt{part}d-sock").symlink_to("libvirt-sock")
        (folder / "stock.conf").write_text(STOCK_CONFIGURATION)
        self.daemon = None

    def __enter__(self):
        with open(self.folder / "stock.log", "w", encoding="utf-8") as log:
            self.daemon = subprocess.Popen(
                ["libvirtd", "--config", self.folder / "stock.conf", "--pid-file",
                 self.folder / "stock.pid"], stdout=log, stderr=log,
                env={**os.environ, "LIBVIRT_DRIVER_DIR": f"{self.folder}/modules"})
        end = time.monotonic() + SECONDS
        while not Path("/run/libvirt/libvirt-sock").exists():
            assert time.monotonic() < end, (self.folder / "stock.log").read_text()
            time.sleep(0.1)
        return self

    def __exit__(self, *_):
        self.daemon.terminate()
        self.daemon.wait(SECONDS)
