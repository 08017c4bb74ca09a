# SPDX-License-Identifier: GPL-2.0-or-later
"""`viridis bench` in the small root, which enters a disk with stock QEMU, Python and the guest for it."""
import base64
import gzip
import json
import shlex
import subprocess
import sys

from bench.anchors import FIGURES
from lib.child import Root
from lib.log import Failure
from lib.paths import BUILD, TOP

DISK = BUILD / "image" / "bench.raw"
PROGRAM = TOP / "root-partition" / "bench" / "viridis-bench"
# RAM disks, for a disk of QEMU's outside takes no virtual time.
WORDS = "--disk /dev/ram0 --attached-disk /dev/ram1 --work /tmp --result /tmp/result.json"
ICOUNT_WORDS = "--instructions --ticks-per-ns 1"
# By whether time is instructions. Short then, as a virtual second takes some twenty.
MEASURED = {True: "all --seconds 0.25 --repeat 3", False: "all --seconds 1 --repeat 5"}
MEMORY = "3072"
LIMIT_SECONDS = 4 * 3600
# Jobs that others were measured by: (job, figure of theirs, from it to the job's own).
OTHERS = (("randread-4k-1", "read-4k-depth-1", lambda value: 1e9 / value),
          ("randread-4k-32", "read-4k-depth-32", lambda value: 1e9 / value),
          ("send", "net-send", float), ("receive", "net-receive", float))


def enter(root):
    """Prepares the disk as a root folder for `bench`."""
    root.tell("mount -t ext4 -o ro /dev/vda /mnt && for f in dev proc sys run tmp; do"
              " mount --rbind /$f /mnt/$f || break; done")
    for disk in ("ram0", "ram1"):
        root.tell(f"dd if=/dev/urandom of=/dev/{disk} bs=1M count=64 2>/dev/null")


def entered(line):
    """A line of the small root's shell that runs `line` with the disk as its root folder. The disk is moved over the root
    folder, as the sandboxes of workers and passt need one that is no chroot's."""
    inner = f"export PATH=/usr/local/bin:/usr/bin HOME=/root; exec {line}"
    return ("unshare -m sh -c " + shlex.quote(
        f"cd /mnt && mount --move . / && exec chroot . /usr/bin/sh -c {shlex.quote(inner)}"))


def bench(root, words, limit):
    """One call; its answer is in /tmp/bench.out, and its progress on the console. In front, as whoever looked from outside
    would be measured, too."""
    return root.ask(f"rm -f /tmp/result.json; {entered('viridis bench ' + words)} >/tmp/bench.out", limit)


def result_of(root):
    """The file that --result wrote."""
    return json.loads(gzip.decompress(base64.b64decode(
        root.tell("gzip -c /tmp/result.json | base64"))))


def bench_root(name, icount):
    return Root(name, disks=[DISK], icount=icount, cpus=1, memory=MEMORY)


def references():
    """What KVM and Xen do on the same emulated machine, a virtual second being as many instructions there."""
    figures = {figure.name: figure for figure in FIGURES}
    return [{"job": job, "who": who, "value": convert(value)}
            for job, name, convert in OTHERS
            for who, value in (("KVM virtio", figures[name].kvm), ("Xen PV", figures[name].xen)) if value]


def render(result, folder, name):
    """Page and pictures, here: they need nothing of the root. Gives the table."""
    kept = folder / f"{name}.json"
    kept.write_text(json.dumps(result, indent=1) + "\n")
    done = subprocess.run([sys.executable, PROGRAM, "--from", kept, "--report",
                           folder / f"{name}.html", "--plot", folder / f"{name}.svg"],
                          capture_output=True, text=True)
    if done.returncode not in (0, 1) or not done.stdout:
        raise Failure(done.stderr)
    return done.stdout


def measure(folder, icount=True, words=None):
    """Everything, or what `words` say, in one boot; the result and its table."""
    with bench_root("bench-devices", icount) as root:
        enter(root)
        answer = bench(root, f"{words or MEASURED[icount]} {WORDS} {ICOUNT_WORDS if icount else ''}", LIMIT_SECONDS)
        if root.ask("[ -s /tmp/result.json ]").status != 0:
            raise Failure(f"viridis bench ended with {answer.status}:\n{answer.output}")
        result = result_of(root)
        root.nothing_left()
    if icount:
        result["references"] = references()
    return result, render(result, folder, "report" if icount else "report-timed")
