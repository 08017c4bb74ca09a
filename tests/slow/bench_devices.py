# SPDX-License-Identifier: GPL-2.0-or-later
# Needs: root bench-disk
# Limit: 5400
"""`viridis bench` in the root: disks and adapters of a viridis VM beside those of stock QEMU, a run that is interrupted,
and machines that cannot be measured."""
import shutil
import subprocess
import tempfile
from pathlib import Path

from bench.devices import DISK, bench, enter, entered, result_of, WORDS
from lib.child import Root
from lib.paths import BUILD
from lib.tap import Tap

GUEST_TREE = BUILD / "image" / "bench-guest"
SECONDS = 1800


def without_fio(folder):
    """The guest's initrd, less fio."""
    initrd = folder / "initrd"
    with open(initrd, "wb") as target:
        subprocess.run(["sh", "-c", "find . ! -path ./bin/fio | cpio --quiet -o -H newc -R 0:0"],
                       cwd=GUEST_TREE, stdout=target, check=True)
    return initrd


def measured(root, words, devices):
    """What is true of each good result."""
    answer = bench(root, f"{words} --seconds 0.25 --repeat 1 {WORDS}", SECONDS)
    assert answer.status == 0, answer.output + root.ask("cat /tmp/bench.out").output
    result = result_of(root)
    rows = {row["device"]: row for row in result["rows"]}
    assert set(rows) == set(devices) and not result["failures"] and not result["partial"], rows
    for device, row in rows.items():
        figures = row["figures"]
        assert figures["guest-exits"] > 0 and figures["guest-ticks"] > 0, figures
        assert (row["synthetic-ratio"] is None) == (device == "synthetic"), row
    assert all(run["counted"]["agree"] for run in result["runs"]), result["runs"]
    root.nothing_left()
    return result, rows


def check_disk(root):
    """Each gives the storage's own count, where it has one; a request takes as long as its way there and back."""
    result, rows = measured(root, "disk --devices synthetic,attached,virtio,ide --jobs randread-4k-32",
                            ("synthetic", "attached", "virtio", "ide"))
    assert rows["ide"]["synthetic-ratio"]["ratio"] > 1, rows["ide"]
    counted = {run["device"]: run["counted"] for run in result["runs"]}
    assert counted["synthetic"]["provider"] and counted["ide"]["guest"], counted
    assert counted["attached"]["provider"], counted


def check_net(root):
    _, rows = measured(root, "net --devices synthetic,virtio,e1000 --jobs send",
                       ("synthetic", "virtio", "e1000"))
    assert all(row["figures"]["mbit-per-second"] > 0 for row in rows.values())


def check_requests(root):
    """One at a time, so that latency is the rest of the rate, within what fio does between two."""
    _, rows = measured(root, "net --devices synthetic,attached,virtio --jobs request",
                       ("synthetic", "attached", "virtio"))
    for row in rows.values():
        figures = row["figures"]
        assert 0.5 < figures["requests-per-second"] * figures["p50-us"] / 1e6 < 1.5, figures


def check_boot(root):
    """Each machine by itself, twice."""
    answer = bench(root, f"boot --repeat 2 {WORDS}", SECONDS)
    assert answer.status == 0, answer.output + root.ask("cat /tmp/bench.out").output
    rows = {row["device"]: row for row in result_of(root)["rows"]}
    assert set(rows) == {"synthetic", "qemu"} and rows["synthetic"]["rounds"] == 2, rows
    for row in rows.values():
        assert row["figures"]["guest-ticks"] > 1e6 and row["figures"]["seconds"] > 0.01, row
    root.nothing_left()


def check_interrupted(root):
    """Ctrl-C, by the signal that it is, in the middle of the second run."""
    root.tell("(until grep -q '2/' /tmp/err; do sleep 0.2; done; kill -INT $(cat /tmp/pid)) &"
              " : >/tmp/err")
    line = entered(f"sh -c 'echo $$ >/tmp/pid; exec viridis bench disk --devices synthetic"
                   f" --jobs randread-4k-1 --seconds 0.5 --repeat 4 {WORDS} 2>/tmp/err'")
    answer = root.ask(f"{line} >/tmp/bench.out", SECONDS)
    assert answer.status == 130, root.ask("cat /tmp/err /tmp/bench.out").output
    root.tell("grep -q 'PARTIAL: interrupted by SIGINT' /tmp/bench.out")
    result = result_of(root)
    assert result["partial"] and 1 <= len(result["runs"]) < 4, result["runs"]
    root.nothing_left()
    root.tell("[ -z \"$(ls -d /tmp/viridis-bench-* 2>/dev/null)\" ]")


def check_refused(root):
    root.tell("cp -r /share /tmp/without-fio")
    for words, told in (("disk --devices synthetic --jobs randread-4k-1 --guest /tmp/without-fio",
                         "the guest has no fio"),
                        ("disk --devices ide --accel tcg", "without /dev/mshv"),
                        ("disk --devices ide --qemu 'qemu-system-x86_64 -nonsense'", "nonsense")):
        answer = bench(root, f"{words} {WORDS}", SECONDS)
        assert answer.status == 1 and told in answer.output, answer
        root.nothing_left()


def main():
    with Tap() as tap, tempfile.TemporaryDirectory(prefix="viridis-") as temporary:
        vmlinuz = Path(shutil.copy(GUEST_TREE.with_suffix(".vmlinuz"), temporary))
        files = {"vmlinuz": vmlinuz, "initrd": without_fio(Path(temporary))}
        with Root("bench-devices", files, disks=[DISK], icount=True, cpus=1, memory="3072") as root:
            enter(root)
            tap.run("three disks are measured, and counted alike by all", check_disk, root)
            tap.run("three adapters are measured", check_net, root)
            tap.run("requests and their answers are measured", check_requests, root)
            tap.run("starts are measured", check_boot, root)
            tap.run("interrupted, it keeps what it has and leaves nothing", check_interrupted, root)
            tap.run("what cannot be measured is told", check_refused, root)
            tap.run("the root powers off", root.power_off)


if __name__ == "__main__":
    main()
