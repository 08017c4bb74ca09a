# SPDX-License-Identifier: GPL-2.0-or-later
# Needs: root bench-disk
# Limit: 5400
"""`viridis bench` in the root: disks and adapters of a viridis VM beside those of stock QEMU, a run that is interrupted,
and machines that cannot be measured."""
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from bench.devices import DISK, ICOUNT_WORDS, PROGRAM, WORDS, bench, enter, entered, render, result_of
from lib.child import Root
from lib.paths import BUILD
from lib.tap import Tap

sys.path.insert(0, str(PROGRAM.parent))

from viridis_bench.jobs import DEVICES  # noqa: E402

GUEST_TREE = BUILD / "image" / "bench-guest"
SECONDS = 3600
ROUNDS = 2
READING_NS = 25e6  # for both counts of a run
JOBS = (("randread-4k-32", "disk"), ("send", "net"), ("request", "net"))


def without_fio(folder):
    """The guest's initrd, less fio."""
    initrd = folder / "initrd"
    with open(initrd, "wb") as target:
        subprocess.run(["sh", "-c", "find . ! -path ./bin/fio | cpio --quiet -o -H newc -R 0:0"],
                       cwd=GUEST_TREE, stdout=target, check=True)
    return initrd


def check_measured(root):
    """Every device but those of starts, two rounds, in one boot of each machine."""
    devices = [device for device in DEVICES if device.group != "boot"]
    answer = bench(root, f"all --jobs {','.join(job for job, _ in JOBS)} --seconds 0.25 --repeat {ROUNDS} {WORDS} {ICOUNT_WORDS}",
                   SECONDS)
    assert answer.status == 0, answer.output + root.ask("cat /tmp/bench.out").output
    result = result_of(root)
    assert not result["failures"] and not result["partial"], result["failures"]
    order = [(run["round"], run["job"], run["device"]) for run in result["runs"]]
    assert order == [(number, job, device.name) for number in range(ROUNDS) for job, group in JOBS
                     for device in devices if device.group == group], order
    assert all(run["counted"]["agree"] for run in result["runs"]), result["runs"]
    root.nothing_left()
    drawn(root, result)
    return result


def check_times(figures):
    """The root's scheduler against the hypervisor's account of the root: two that know nothing of each other. A virtual
    nanosecond is an instruction; what a process is charged with while the hypervisor or the guest runs is more than the
    hypervisor says. The scheduler's count also has the programs that read the hypervisor's."""
    served = figures["backend-ns"] + figures["peer-ns"]
    assert 0 < figures["backend-user-ns"] <= 1.2 * figures["backend-ns"] + 1e7, figures
    assert 0.1 * figures["root-ticks"] < served <= 1.05 * figures["tasks-ns"], figures
    assert figures["tasks-ns"] < figures["elapsed-ns"] * 1.01 + READING_NS / figures["operations"], figures
    assert figures["root-ticks"] < figures["elapsed-ns"] * 1.01, figures


def drawn(root, result):
    """Page and pictures are kept beside the machine's logs, one as it is printed in black and white, too."""
    folder = root.machine.path / "report"
    folder.mkdir(exist_ok=True)
    table = render(result, folder, "report")
    page = (folder / "report.html").read_text()
    for row in result["rows"]:
        line = f"<td>{row['job']}</td><td>{row['device']}</td>"
        assert page.count(line) == 3 and row["device"] in table, line
    pictures = list(folder.glob("report*.svg"))
    assert len(pictures) == 2, pictures
    for picture in pictures:
        subprocess.run(["rsvg-convert", "-o", picture.with_suffix(".png"), picture], check=True)
        shades = {tuple(int(word[i:i + 2], 16) for i in (0, 2, 4)) for word in re.findall(
            "(?:stroke|fill)=['\"]#([0-9a-fA-F]{6})", picture.read_text())}
        assert shades and all(max(shade) == min(shade) for shade in shades), shades


def rows_of(result, job):
    rows = {row["device"]: row for row in result["rows"] if row["job"] == job}
    for device, row in rows.items():
        figures = row["figures"]
        assert figures["guest-exits"] > 0 and figures["guest-ticks"] > 0, figures
        assert (row["synthetic-ratio"] is None) == (device == "synthetic"), row
        assert row["rounds"] == ROUNDS and row["least"] <= row["most"], row
        check_times(figures)
    return rows


def check_disks(result):
    """Each gives the storage's own count, where it has one."""
    rows = rows_of(result, "randread-4k-32")
    assert rows["ide"]["synthetic-ratio"]["ratio"] > 1, rows["ide"]
    counted = {run["device"]: run["counted"] for run in result["runs"] if run["group"] == "disk"}
    assert counted["synthetic"]["provider"] and counted["attached"]["provider"], counted
    assert all(count["guest"] for count in counted.values()), counted


def check_adapters(result):
    for row in rows_of(result, "send").values():
        assert row["figures"]["mbit-per-second"] > 0 and row["figures"]["peer-ns"] > 0, row


def check_requests(result):
    """One at a time, so that latency is the rest of the rate, within what fio does between two."""
    for row in rows_of(result, "request").values():
        figures = row["figures"]
        assert 0.5 < figures["requests-per-second"] * figures["p50-us"] / 1e6 < 1.5, figures


def check_boot(root):
    """Each machine by itself."""
    answer = bench(root, f"boot --repeat 1 {WORDS}", SECONDS)
    assert answer.status == 0, answer.output + root.ask("cat /tmp/bench.out").output
    rows = {row["device"]: row for row in result_of(root)["rows"]}
    assert set(rows) == {"synthetic", "qemu"}, rows
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


def check_all_measured(tap, root):
    results = []
    tap.run("all devices are measured in turn, and drawn", lambda: results.append(check_measured(root)))
    for result in results:
        tap.run("disks are counted alike by all", check_disks, result)
        tap.run("adapters send", check_adapters, result)
        tap.run("requests are as many as their latency lets", check_requests, result)


# By a word, so that some can be run alone: bench_devices.py boot refused
PARTS = {
    "measured": check_all_measured,
    "boot": lambda tap, root: tap.run("starts are measured", check_boot, root),
    "interrupted": lambda tap, root: tap.run("interrupted, it keeps what it has and leaves nothing",
                                             check_interrupted, root),
    "refused": lambda tap, root: tap.run("what cannot be measured is told", check_refused, root),
}


def main():
    with Tap() as tap, tempfile.TemporaryDirectory(prefix="viridis-") as temporary:
        vmlinuz = Path(shutil.copy(GUEST_TREE.with_suffix(".vmlinuz"), temporary))
        files = {"vmlinuz": vmlinuz, "initrd": without_fio(Path(temporary))}
        with Root("bench-devices", files, disks=[DISK], icount=True, cpus=1, memory="3072") as root:
            enter(root)
            for part in sys.argv[1:] or PARTS:
                PARTS[part](tap, root)
            tap.run("the root powers off", root.power_off)


if __name__ == "__main__":
    main()
