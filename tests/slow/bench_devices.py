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
# User mode is told in whole samples, of each process: of a provider's few thousandths of a second there may be none.
SAMPLE_NS, PROCESSES_MOST = 10e6, 6
PROVIDED = ("synthetic", "attached")  # with providers of ours
JOBS = (("randread-4k-32", "disk"), ("send", "net"), ("request", "net"))


def without_programs(folder):
    """The guest's initrd, less fio and iperf3."""
    initrd = folder / "initrd"
    with open(initrd, "wb") as target:
        subprocess.run(["sh", "-c", "find . ! -path ./bin/fio ! -path ./bin/iperf3 | cpio --quiet -o -H newc -R 0:0"],
                       cwd=GUEST_TREE, stdout=target, check=True)
    return initrd


def check_measured(root):
    """Every device but those of starts, two rounds, in one boot of each machine."""
    devices = [device for device in DEVICES if device.group != "boot"]
    names = ",".join(job for job, _ in JOBS)
    answer = bench(root, f"all --jobs {names} --seconds 0.25 --repeat {ROUNDS} {WORDS} {ICOUNT_WORDS}", SECONDS)
    assert answer.status == 0, answer.output + root.ask("cat /tmp/bench.out").output
    result = result_of(root)
    assert not result["failures"] and not result["partial"], result["failures"]
    order = [(run["round"], run["job"], run["device"]) for run in result["runs"]]
    assert order == [(number, job, device.name) for number in range(ROUNDS) for job, group in JOBS
                     for device in devices if device.group == group], order
    root.nothing_left()
    drawn(root, result)
    return result


def check_times(figures):
    """The root's scheduler against the hypervisor's account of the root: two that know nothing of each other. A virtual
    nanosecond is an instruction; what a process is charged with while the hypervisor or the guest runs is more than the
    hypervisor says. The scheduler's count also has the programs that read the hypervisor's."""
    served = figures["backend-ns"] + figures["peer-ns"]
    assert figures["backend-user-ns"] <= figures["backend-ns"] + PROCESSES_MOST * SAMPLE_NS / figures["operations"], figures
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
        assert figures["backend-user-ns"] > 0 or device in PROVIDED, figures
        check_times(figures)
    return rows


def check_counted(result):
    """By the guest, whatever the device is; by the provider, where it has one."""
    for run in result["runs"]:
        counted, provider = run["counted"], run["device"] in PROVIDED
        assert counted["agree"] and counted["told"] and counted["guest"], run
        assert bool(counted["provider"]) == provider, run


def check_disks(result):
    rows = rows_of(result, "randread-4k-32")
    assert rows["ide"]["synthetic-ratio"]["ratio"] > 1, rows["ide"]


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


def check_several_vps(root):
    """Two processors in each guest: who count agree all the same."""
    answer = bench(root, "all --devices synthetic,virtio --jobs randread-4k-32,send,request --vps 2 --seconds 0.25 --repeat 1 "
                   f"{WORDS} {ICOUNT_WORDS}", SECONDS)
    assert answer.status == 0, answer.output + root.ask("cat /tmp/bench.out").output
    result = result_of(root)
    assert len(result["runs"]) == 6 and not result["failures"] and result["options"]["vps"] == 2, result
    check_counted(result)
    root.tell("grep -q '; guests: 2 VP(s), ' /tmp/bench.out")
    root.nothing_left()


def check_interrupted(root):
    """Ctrl-C, by the signal that it is, in the middle of the second run."""
    root.tell(": >/tmp/err; (until grep -q '2/' /tmp/err; do sleep 0.2; done; kill -INT $(cat /tmp/pid)) & true")
    line = entered(f"sh -c 'echo $$ >/tmp/pid; exec viridis bench disk --devices synthetic"
                   f" --jobs randread-4k-1 --seconds 0.5 --repeat 4 {WORDS} 2>/tmp/err'")
    answer = root.ask(f"{line} >/tmp/bench.out", SECONDS)
    assert answer.status == 130, root.ask("cat /tmp/err /tmp/bench.out").output
    root.tell("grep -q 'PARTIAL: interrupted by SIGINT' /tmp/bench.out")
    result = result_of(root)
    assert result["partial"] and 1 <= len(result["runs"]) < 4, result["runs"]
    root.nothing_left()
    root.tell("[ -z \"$(ls -d /tmp/viridis-bench-* 2>/dev/null)\" ]")


def check_dies(root):
    """QEMU is killed in the middle of a run: that one fails and says so, so do the later ones of its machine, and what
    the others did is kept."""
    root.tell("rm -f /tmp/result.json; : >/tmp/err; (until grep -q '2/4' /tmp/err; do sleep 0.1; done; sleep 0.3;"
              " kill -9 $(pidof qemu-system-x86_64)) & true")
    answer = root.ask(entered("viridis bench disk --devices synthetic,virtio --jobs randread-4k-1 --seconds 1 --repeat 2"
                              f" {WORDS} 2>/tmp/err >/tmp/bench.out"), SECONDS)
    assert answer.status == 1, root.ask("cat /tmp/err /tmp/bench.out").output
    root.tell("grep -q 'FAILED: randread-4k-1 on virtio, round 1: the guest of QEMU ended' /tmp/bench.out")
    result = result_of(root)
    assert not result["ok"] and [failure["round"] for failure in result["failures"]] == [0, 1], result["failures"]
    assert [run["device"] for run in result["runs"]] == ["synthetic"] * 2, result["runs"]
    root.nothing_left()
    root.tell("[ -z \"$(ls -d /tmp/viridis-bench-* 2>/dev/null)\" ]")


def check_refused(root):
    """Before anything is measured. The QEMU of the wrong kind stands still, as it is waited for."""
    root.tell("cp -r /share /tmp/guest")
    one = "disk --devices synthetic --jobs randread-4k-1"
    for words, told in ((f"{one} --guest /tmp/guest", "the guest has no fio; name another by --guest"),
                        ("net --devices synthetic --jobs send --guest /tmp/guest", "the guest has no iperf3"),
                        (f"{one} --disk /usr/bin/busybox", "cannot be written: Read-only file system"),
                        (f"{one} --disk /tmp", "cannot be written: Is a directory"),
                        ("disk --devices ide --accel tcg --qemu 'qemu-system-x86_64 -S'", "without /dev/mshv"),
                        ("disk --devices ide --qemu 'qemu-system-x86_64 -nonsense'", "name another QEMU by --qemu"),
                        (f"{one} --scheduler bfq", "the guest has no I/O scheduler 'bfq'"),
                        (f"{one} --memory 9000M", "give them less by --memory")):
        answer = bench(root, f"{WORDS} {words}", SECONDS)
        assert answer.status == 1 and told in answer.output, (words, answer)
        root.nothing_left()
    answer = bench(root, f"{one} --work /tmp/small", SECONDS)
    assert answer.status == 1 and "a disk needs 256M" in answer.output and "--work" in answer.output, answer
    root.tell("[ -z \"$(ls /tmp/small)\" ]")


def check_full_disk(root):
    """/tmp/small is a file system of 1 MiB. No room for the file: the answer is there all the same, and no half of a
    file. The result is one that is kept, as a new one is written alike."""
    root.tell("dd if=/dev/zero of=/tmp/small/fill bs=64k 2>/dev/null; [ -s /tmp/small/fill ]")
    answer = root.ask(entered("viridis bench --from /tmp/result.json --result /tmp/small/result >/tmp/bench.out"), SECONDS)
    assert answer.status == 1 and "/tmp/small/result cannot be written: No space left" in answer.output, answer
    root.tell("grep -q '^randread-4k-1  *synthetic' /tmp/bench.out && [ \"$(ls /tmp/small)\" = fill ]")
    root.tell("rm /tmp/small/fill")


def check_all_died(tap, root):
    tap.run("a machine that dies half way leaves what the others did", check_dies, root)
    tap.run("a full disk takes the file, and nothing else", check_full_disk, root)


def check_all_measured(tap, root):
    results = []
    tap.run("all devices are measured in turn, and drawn", lambda: results.append(check_measured(root)))
    for result in results:
        tap.run("all who count agree", check_counted, result)
        tap.run("disks read", check_disks, result)
        tap.run("adapters send", check_adapters, result)
        tap.run("requests are as many as their latency lets", check_requests, result)


# By a word, so that some can be run alone: bench_devices.py boot refused
PARTS = {
    "measured": check_all_measured,
    "vps": lambda tap, root: tap.run("guests of two processors are counted alike", check_several_vps, root),
    "boot": lambda tap, root: tap.run("starts are measured", check_boot, root),
    "interrupted": lambda tap, root: tap.run("interrupted, it keeps what it has and leaves nothing",
                                             check_interrupted, root),
    "dies": check_all_died,
    "refused": lambda tap, root: tap.run("what cannot be measured is told", check_refused, root),
}


def main():
    with Tap() as tap, tempfile.TemporaryDirectory(prefix="viridis-") as temporary:
        vmlinuz = Path(shutil.copy(GUEST_TREE.with_suffix(".vmlinuz"), temporary))
        files = {"vmlinuz": vmlinuz, "initrd": without_programs(Path(temporary))}
        with Root("bench-devices", files, disks=[DISK], icount=True, cpus=1, memory="3072") as root:
            root.tell("mkdir -p /tmp/small && mount -t tmpfs -o size=1M none /tmp/small")
            enter(root)
            for part in sys.argv[1:] or PARTS:
                PARTS[part](tap, root)
            tap.run("the root powers off", root.power_off)


if __name__ == "__main__":
    main()
