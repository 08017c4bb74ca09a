# SPDX-License-Identifier: GPL-2.0-or-later
"""`./dev demo`: the main job, step by step, and a summary of it.

GRUB, hypervisor, root; in the root `viridis create` and `start` for a child on the Debian guest
disk; a file written through storvsc is there after a restart and, byte for byte, on the host. The
child gets an address by DHCP on a user-mode network, and the root fetches the file by SSH.
Writes build/demo/result.json.
"""
import argparse
import fcntl
import hashlib
import json
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from lib.disks import ext4_needs_recovery
from boot_iso import Module
from lib.log import Failure
from lib.machine import Machine
from lib.paths import BUILD, GUEST_DISK, GUEST_DISK_INITRD, GUEST_VMLINUZ, HYPERVISOR_ELF, \
    KERNEL, ROOT_INITRD, shown
from lib.processes import end_by_signals
from lib.programs import run_in, with_libraries
from commands.root import concatenated_initrd
from lib.shell import GuestShell, RootShell

DEMO = BUILD / "demo"
DISK = DEMO / "guest.raw"
FILE = "/var/tmp/proof"
FILE_MIB = 8
STEPS = 16
SSH = (f"HOME=/tmp {run_in('/share/ssh', 'dbclient')} -y -p 2222 root@127.0.0.1")
CREATE = ("viridis create demo --memory 512M --vps 2 --kernel /share/vmlinuz"
          " --initrd /share/initrd --disk /dev/vda --net user,hostfwd=tcp:2222:22"
          " --cmdline 'console=ttyS0 root=LABEL=guest ro quiet"
          " systemd.default_device_timeout_sec=600'")


class Demo:
    """The steps share what they found in `facts`; the first that fails ends the demo."""

    def __init__(self):
        self.steps = []
        self.facts = {}

    def step(self, name, action):
        print(f"  {name} ...", end="", flush=True)
        start = time.monotonic()
        try:
            shown_facts = action() or {}
        except BaseException as error:
            self.record(name, start, False, {"error": str(error)})
            print(" FAILED", flush=True)
            raise
        self.record(name, start, True, shown_facts)
        print(f" {time.monotonic() - start:.1f} s", flush=True)
        for key, value in shown_facts.items():
            print(f"      {key}: {value}", flush=True)

    def record(self, name, start, passed, facts):
        self.steps.append({"step": name, "passed": passed, "facts": facts,
                           "seconds": round(time.monotonic() - start, 2)})

    # --- the steps

    def boot(self, machine):
        self.root = RootShell(machine, limit=240)
        self.facts["memory"] = self.memory()
        return {"root": self.root.tell("uname -r"), "cpus": self.root.tell("nproc"),
                **self.facts["memory"]}

    def memory(self):
        """What of the root's memory is with the hypervisor or pinned for children, in pages."""
        stats = json.loads(self.root.tell("viridis stats --json"))
        return {"partitions": len(stats["partitions"]),
                "deposited pages": stats["deposited-pages"],
                "pinned pages": stats["pinned-pages"]}

    def create(self):
        self.root.tell(CREATE)
        return {"command": CREATE}

    def start(self):
        self.root.tell("viridis start demo", limit=120)
        self.guest = GuestShell(self.root, "demo", limit=600)
        return {"kernel": self.guest.tell("uname -r"), "vps": self.guest.tell("nproc")}

    def write(self):
        self.guest.tell(f"dd if=/dev/urandom of={FILE} bs=1M count={FILE_MIB}"
                        " 2>/dev/null && sync && echo 3 >/proc/sys/vm/drop_caches", 120)
        self.facts["sha256"] = self.guest.tell(f"sha256sum {FILE}", 120).split()[0]
        return {"file": f"{FILE_MIB} MiB", "sha256": self.facts["sha256"]}

    def proofs(self):
        """Each has to hold: (what is shown, the line asked, what its answer must contain)."""
        asked = [
            ("hypervisor", "dmesg | grep -m1 -o 'Hypervisor detected: .*'", "Microsoft"),
            ("VMBus", "dmesg | grep -m1 -o 'Vmbus version:.*'", "5.3"),
            ("disk", "basename $(readlink -f /sys/block/sda/device/../../../driver)",
             "hv_storvsc"),
            ("TSC", "grep -m1 -o tsc_known_freq /proc/cpuinfo", "tsc_known_freq"),
            ("TSC calibrated by the guest", "dmesg | grep -E 'tsc:.*(calibrat|PIT|HPET|PMTIMER)'"
             " || echo no", "no"),
            ("clocks", "cat /sys/devices/system/clocksource/clocksource0/"
             "available_clocksource", "hyperv_clocksource_tsc_page")]
        found = {name: self.guest.tell(line) for name, line, _ in asked}
        for name, _, needed in asked:
            if needed not in found[name]:
                raise Failure(f"{name}: '{found[name]}' does not have '{needed}'")
        return found

    def network(self):
        """An address from passt, and the driver that has it."""
        found = self.guest.tell("for i in $(seq 60); do ip -4 -o addr show dev eth0 | grep -q inet"
                                " && break; sleep 1; done; ip -4 -o addr show dev eth0", 120)
        driver = self.guest.tell("basename $(readlink /sys/class/net/eth0/device/driver)")
        if "10.0.2.15/24" not in found or driver != "hv_netvsc":
            raise Failure(f"'{found}' by '{driver}'")
        return {"address": "10.0.2.15/24", "driver": driver}

    def transfer(self):
        """The file by TCP, out of the guest through a forwarded port."""
        self.guest.tell("mkdir -p /etc/dropbear && dropbear -R -B -p 22")
        self.guest.detach()
        try:
            name = self.root.tell(f"{SSH} hostname </dev/null 2>/tmp/ssh || cat /tmp/ssh", 120)
            found = self.root.tell(f"{SSH} cat {FILE} </dev/null 2>/dev/null | sha256sum",
                                   180).split()[0]
        finally:
            self.guest.attach()
        if name.split()[-1:] != ["guest"] or found != self.facts["sha256"]:
            raise Failure(f"'{name}' sends a file with checksum {found}")
        return {"command": "ssh -p 2222 root@127.0.0.1", "sha256": found}

    def guest_facts(self):
        """What the guest's own daemon tells the root."""
        guest = json.loads(self.root.tell("viridis info demo --json"))["guest"]
        addresses = guest["adapters"][0]["addresses"]
        names = guest["names"]
        if not guest["heartbeat"]["alive"] or "10.0.2.15/24" not in addresses \
                or not names["OSName"].startswith("Debian"):
            raise Failure(f"the guest tells {guest}")
        return {"system": f"{names['OSName']} {names['OSMajorVersion']}",
                "kernel": names["OSBuildNumber"], "addresses": " ".join(addresses)}

    def freeze(self):
        """While it is frozen all that the file system knows is on the disk, in its place."""
        found = [ext4_needs_recovery(self.root, "/dev/vda")]
        self.root.tell("viridis freeze demo", 120)
        found.append(ext4_needs_recovery(self.root, "/dev/vda"))
        self.root.tell("viridis thaw demo", 120)
        found.append(ext4_needs_recovery(self.root, "/dev/vda"))
        if found != [True, False, True]:
            raise Failure(f"its journal has to be replayed: {found}")
        return {"journal to be replayed": "yes, no while frozen, yes"}

    def shutdown(self):
        self.guest.detach()
        self.root.tell("viridis shutdown demo --timeout 120", limit=150)

    def again(self):
        self.start()
        found = self.guest.tell(f"sha256sum {FILE}", 120).split()[0]
        if found != self.facts["sha256"]:
            raise Failure(f"the file's checksum is {found}")
        return {"sha256": found}

    def stats(self):
        self.guest.detach()
        text = self.root.tell("viridis stats demo --json")
        self.facts["stats"] = json.loads(text)
        print("\n" + self.root.tell("viridis stats demo; viridis stats"), flush=True)
        for name, pages in self.memory().items():
            if pages <= self.facts["memory"][name]:
                raise Failure(f"a running child has no {name}")
        self.root.machine.send("viridis console demo\n")

    def delete(self):
        self.root.tell("viridis delete demo")
        memory = self.memory()
        if memory != self.facts["memory"]:
            raise Failure(f"{self.facts['memory']} pages before, {memory} now")
        return memory

    def power_off(self, machine):
        machine.send("exit\n")
        machine.wait_exit(60)

    def host(self):
        """The same bytes, seen from outside: the file system is clean, the file is there."""
        check = subprocess.run(["e2fsck", "-fn", DISK], capture_output=True, text=True)
        if check.returncode != 0:
            raise Failure(f"e2fsck: {check.stdout}{check.stderr}")
        content = subprocess.run(["debugfs", "-R", f"cat {FILE}", DISK],
                                 capture_output=True, check=True).stdout
        found = hashlib.sha256(content).hexdigest()
        if found != self.facts["sha256"]:
            raise Failure(f"the host reads a file with checksum {found}")
        return {"e2fsck": "clean", "sha256": found}

    def run(self, machine):
        self.step("GRUB, hypervisor, root", lambda: self.boot(machine))
        self.step("create a child: 2 VPs, 512 MiB, Debian disk", self.create)
        self.step("start it, and wait for its login", self.start)
        self.step("write a file in it, sync, read it back", self.write)
        self.step("proof that it runs enlightened", self.proofs)
        self.step("it has an address by DHCP", self.network)
        self.step("SSH into it: the root has the file by TCP", self.transfer)
        self.guest.detach()
        self.step("viridis info: what its own daemon tells", self.guest_facts)
        self.step("viridis freeze and thaw: a disk of one moment", self.freeze)
        self.guest.attach()
        self.step("viridis shutdown", self.shutdown)
        self.step("start it again: the file is there", self.again)
        self.step("what it cost", self.stats)
        self.step("viridis shutdown again", self.shutdown)
        self.step("delete it: every page is back", self.delete)
        self.step("power off the root", lambda: self.power_off(machine))
        self.step("the host sees the same bytes", self.host)


def machine_for(folder):
    """A root on two CPUs with the guest's kernel and initrd in /share, its disk as vda."""
    share = folder / "tree" / "share"
    (share / "ssh").mkdir(parents=True)
    for name, path in with_libraries("/usr/bin/dbclient").items():
        shutil.copy(path, share / "ssh" / name)
    shutil.copyfile(GUEST_VMLINUZ, share / "vmlinuz")
    shutil.copyfile(GUEST_DISK_INITRD, share / "initrd")
    initrd = concatenated_initrd(folder / "tree", ROOT_INITRD, folder / "initrd")
    modules = [Module(KERNEL, "kernel console=ttyS0 panic=-1"), Module(initrd, "initrd")]
    return Machine("demo", modules, hypervisor=HYPERVISOR_ELF, cpus=2, memory="3G",
                   disks=[DISK])


def summary(demo, passed, machine):
    (DEMO / "result.json").write_text(json.dumps(
        {"passed": passed, "steps": demo.steps, "stats": demo.facts.get("stats")},
        indent="\t") + "\n")
    seconds = sum(step["seconds"] for step in demo.steps)
    print(f"\n{'The main job runs' if passed else 'The main job FAILED'}: "
          f"{sum(step['passed'] for step in demo.steps)} steps in {seconds:.0f} s.\n"
          f"Result: {shown(DEMO / 'result.json')}   logs: {shown(machine.path)}")


def play():
    demo = Demo()
    DEMO.mkdir(parents=True, exist_ok=True)
    lock = open(DEMO / "lock", "w")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        sys.exit(f"./dev demo: another one runs, with {shown(DISK)}")
    (DEMO / "result.json").unlink(missing_ok=True)  # an interrupted run leaves none
    subprocess.run(["cp", "--sparse=always", GUEST_DISK, DISK], check=True)
    print("Viridis: a stock Debian guest on a hypervisor of our own\n")
    with tempfile.TemporaryDirectory(prefix="viridis-") as folder:
        machine = machine_for(Path(folder))
        try:
            with machine:
                demo.run(machine)
            passed = True
        except (Failure, ValueError, KeyError, subprocess.CalledProcessError) as failure:
            print(f"\n{failure}\n{machine.describe()}", file=sys.stderr)
            passed = False
        summary(demo, passed, machine)
    return 0 if passed else 1


def main():
    end_by_signals()
    p = argparse.ArgumentParser(prog="./dev demo", description="The main job, whole: boots "
                                "hypervisor and root, runs a stock Debian child on a disk "
                                "of ours, and leaves build/demo/result.json.")
    p.add_argument("--no-build", action="store_true", help="take what build/ holds")
    p.add_argument("--check-only", action="store_true", help=argparse.SUPPRESS)
    return 0 if p.parse_args().check_only else play()


if __name__ == "__main__":
    sys.exit(main())
