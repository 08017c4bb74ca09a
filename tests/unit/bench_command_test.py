# SPDX-License-Identifier: GPL-2.0-or-later
"""`viridis bench` as a program: what it refuses, what it shows of a kept result, and how it goes on when a machine of its
does not."""
import base64
import gzip
import json
import os
import resource
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from contextlib import contextmanager, nullcontext
from pathlib import Path
from types import SimpleNamespace
from unittest import mock

from lib.paths import TOP
from lib.tap import Tap

BENCH = TOP / "root-partition" / "bench"
sys.path.insert(0, str(BENCH))

from viridis_bench import jobs, machines, main, measure, results, signals  # noqa: E402
from viridis_bench.guest import GuestError  # noqa: E402


def call(*words, cwd=None):
    return subprocess.run([sys.executable, BENCH / "viridis-bench", *map(str, words)],
                          capture_output=True, text=True, cwd=cwd)


# --- Words

def a_slip_is_told_with_what_there_is():
    for words, status, told in (
            (["--devices", "floppy"], 2, "there are synthetic, attached, virtio"),
            (["--jobs", "swim"], 2, "there are randread-4k-1"),
            (["net", "--devices", "ide"], 2, "none of these"), (["--devices", "ide", "--jobs", "send"], 2, "by their group"),
            (["--memory", "lots"], 2, "M or G"), (["--repeat", "0"], 2, "from 1 to 1000"),
            (["--repeat", "1000000000000"], 2, "from 1 to 1000"), (["--vps", "0"], 2, "at least 1"), (["--seconds", "nan"], 2, "from 0.05"),
            (["--memory", "1M"], 2, "need 128M"), (["--memory=-256M"], 2, "M or G"), (["--memory", "9" * 5000 + "M"], 2, "M or G"),
            (["--seconds", "0"], 2, "from 0.05"), (["--qemu", ""], 2, "no program"),
            (["--qemu", "'qemu"], 2, "quotation"), (["--scheduler", "a b"], 2, "or kernel"), (["everything"], 2, "invalid choice"),
            (["--plot", "x", "--report", "./x"], 2, "a file of its own"), (["--result", "x", "--from", "y", "--plot", "x"], 2, "of its own")):
        done = call(*words)
        assert done.returncode == status and told in done.stderr, done


def a_slip_is_told_in_json_as_every_command_tells_it():
    for words in (["--devices", "floppy"], ["--frob"], ["--vps", "x"], ["everything"]):
        done = call("--json", *words)
        found = json.loads(done.stdout)
        assert done.returncode == 2 and not done.stderr and found["code"] == "usage" and found["ok"] is False, done
        assert words[-1] in found["error"] and "usage: viridis bench" in found["error"], found


def only_devices_that_have_a_job_are_started():
    for words, devices in (([], set("disk net boot".split())), (["--jobs", "boot"], {"boot"}),
                           (["net"], {"net"}), (["--devices", "e1000,qemu"], {"net", "boot"}),
                           (["--jobs", "request,randread-4k-1"], {"disk", "net"})):
        options = main.checked(words)
        for items in (options.devices, options.jobs):
            assert {item.group for item in items} == devices, (words, items)


def what_is_missing_is_named_with_the_way_out():
    with tempfile.TemporaryDirectory() as folder:
        guest = Path(folder)
        assert "--guest" in call("disk", "--guest", guest).stderr
        for name in ("vmlinuz", "initrd"):
            (guest / name).touch()
        for words, told in ((["--memory", "9000G"], "--memory"),
                            (["--qemu", "no-such-qemu"], "--devices synthetic"),
                            (["--devices", "synthetic", "--disk", guest / "none"], "cannot be written"),
                            (["--devices", "synthetic", "--report", guest / "none" / "page"], "--report"),
                            (["--devices", "synthetic", "--result", guest], "--result")):
            done = call("disk", "--guest", guest, *words)
            assert done.returncode == 1 and told in done.stderr, done
        for content, told in ((None, "Is a directory"), (b"short", "the jobs need 8M")):
            disk = guest / "disk"
            if content is None:
                disk.mkdir()
            else:
                disk.rmdir()
                disk.write_bytes(content)
            for word in ("--disk", "--attached-disk"):
                done = call("disk", "--guest", guest, "--devices", "synthetic", word, disk)
                assert done.returncode == 1 and told in done.stderr and word in done.stderr, done
        disk.write_bytes(bytes(main.DISK_LEAST))
        (guest / "link").symlink_to("disk")
        done = call("disk", "--guest", guest, "--devices", "synthetic", "--disk", disk, "--attached-disk", guest / "link")
        assert done.returncode == 1 and "a disk has one owner" in done.stderr, done
        for job, program in (("send", "iperf3"), ("request", "fio")):
            done = subprocess.run([sys.executable, BENCH / "viridis-bench", "net", "--guest", guest, "--devices",
                                   "synthetic", "--jobs", job], capture_output=True, text=True,
                                  env={"PATH": str(guest)})
            assert done.returncode == 1 and f"{program} is not installed" in done.stderr, done
        done = subprocess.run([sys.executable, BENCH / "viridis-bench", "disk", "--guest", guest, "--devices", "synthetic",
                               "--report", guest / "page"], capture_output=True, text=True, env={"PATH": str(guest)})
        assert done.returncode == 1 and "install gnuplot-nox" in done.stderr, done
        done = call("disk", "--guest", guest, "--qemu", "no-such-qemu", "--json")
        found = json.loads(done.stdout)
        assert (found["ok"], found["code"]) == (False, "failed") and "no-such-qemu" in found["error"] and not done.stderr


# --- Kept results

def result_of(runs, partial=""):
    options = SimpleNamespace(vps=1, memory="256M", scheduler="none", seconds=1.0, repeat=1, instructions=False,
                              ticks_per_ns=1.0)
    of = SimpleNamespace(runs=runs, failures=[], boots=[], plan=runs)
    return main.result_of(of, options, partial)


def some_run(device, iops):
    figures = dict.fromkeys(("exits", "hypercalls", "interrupts", "signals", "switches", "guest-ticks",
                             "root-ticks", "hypervisor-ticks", "elapsed-ns", *results.ROOT_TIMES), 1.0)
    return {"round": 0, "group": "disk", "job": "j", "device": device, "counted": {"agree": True},
            "curve": [[50.0, 1.0]], "figures": figures | {"iops": iops}}


def a_kept_result_is_shown_and_drawn_anywhere():
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "kept").write_text(json.dumps(result_of([some_run("synthetic", 30.0),
                                                           some_run("ide", 2.0)])))
        done = call("--from", "kept", "--plot", "bars.svg", "--report", "report.html", cwd=folder)
        assert done.returncode == 0 and "15 (15..15)" in done.stdout, done
        assert "</svg>" in (folder / "bars.svg").read_text()
        assert (folder / "report.html").read_text().count("<svg") == 3
        assert json.loads(call("--from", folder / "kept", "--json").stdout)["ok"] is True


def what_is_no_result_or_cannot_be_written_is_an_error():
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for content, told in (("{", "no result"), ("[]", "no result"), ("{}", "no result"),
                              ('{"format": 99}', "another version")):
            (folder / "kept").write_text(content)
            done = call("--from", folder / "kept")
            assert done.returncode == 1 and told in done.stderr, done
        assert "No such file" in call("--from", folder / "none").stderr
        (folder / "kept").write_text("[" * 100_000)
        assert "no result" in call("--from", folder / "kept").stderr
        (folder / "kept").write_text(json.dumps(result_of([some_run("synthetic", 1.0)])))
        done = call("--from", folder / "kept", "--report", "/dev/full/report")
        assert done.returncode == 1 and "/dev/full" in done.stderr and "synthetic" in done.stdout, done
        with open("/dev/full", "w") as full:
            done = subprocess.run([sys.executable, BENCH / "viridis-bench", "--from", folder / "kept"], stdout=full,
                                  stderr=subprocess.PIPE, text=True)
        assert done.returncode == 1 and done.stderr == ("viridis: the answer cannot be written: "
                                                        "No space left on device\n"), done


def a_full_disk_takes_no_half_of_a_file_and_not_the_answer():
    """A limit on the size of files, as it fails at the same place."""
    def limited():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 12, 1 << 12))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        result = result_of([some_run("synthetic", 30.0), some_run("ide", 2.0)])
        result["failures"] = [{"job": "x" * 5000, "device": "ide", "round": 0, "error": "no"}]
        (folder / "kept").write_text(json.dumps(result))
        done = subprocess.run([sys.executable, BENCH / "viridis-bench", "--from", "kept", "--result", "again",
                               "--report", "page"], capture_output=True, text=True, cwd=folder, preexec_fn=limited)
        assert done.returncode == 1 and "15 (15..15)" in done.stdout, done.stderr
        for file in ("again", "page"):
            assert f"{file} cannot be written: File too large; make room" in done.stderr, done.stderr
        assert os.listdir(folder) == ["kept"], os.listdir(folder)


def every_part_of(value, path=()):
    """The ways to each value within a JSON value."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, part in inner:
        yield (*path, name)
        yield from every_part_of(part, (*path, name))


def a_part_that_is_missing_or_another_is_an_error_or_harmless():
    """Of a kept result, each part of it in turn: it is shown, or it is told that it is none."""
    whole = json.dumps(result_of([some_run("synthetic", 30.0), some_run("ide", 2.0)]))
    with tempfile.TemporaryDirectory() as name:
        file, refused, cases = Path(name) / "kept", 0, 0
        for way in every_part_of(json.loads(whole)):
            for other in (None, "x", -1, [], {}, [5], "missing"):
                result = json.loads(whole)
                at = result
                for step in way[:-1]:
                    at = at[step]
                at[way[-1]] = other
                if other == "missing":
                    del at[way[-1]]
                file.write_text(json.dumps(result))
                cases += 1
                try:
                    main.kept(file)
                except machines.HostError as error:
                    assert "result" in str(error), (way, other, error)
                    refused += 1
        assert cases > 500 and refused > 100, (cases, refused)


def a_device_a_pipe_and_a_link_stay_what_they_are():
    """A new file in the place of /dev/null would take it from everybody."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "kept").write_text(json.dumps(result_of([some_run("synthetic", 30.0)])))
        os.mkfifo(folder / "pipe")
        (folder / "target").write_text("before")
        (folder / "link").symlink_to("target")
        with subprocess.Popen(["cat", folder / "pipe"], stdout=subprocess.PIPE, text=True) as reader:
            done = call("--from", "kept", "--result", "pipe", cwd=folder)
            assert done.returncode == 0 and json.loads(reader.communicate(timeout=20)[0])["ok"], done
        assert (folder / "pipe").is_fifo()
        assert call("--from", "kept", "--result", "link", cwd=folder).returncode == 0
        assert (folder / "link").is_symlink() and json.loads((folder / "target").read_text())["ok"]
        done = subprocess.run([sys.executable, BENCH / "viridis-bench", "--from", folder / "kept", "--json", "--report",
                               "/proc/self/fd/2"], capture_output=True, text=True)
        assert done.returncode == 0 and "<!DOCTYPE html>" in done.stderr, done
        assert sorted(os.listdir(folder)) == ["kept", "link", "pipe", "target"], os.listdir(folder)


def an_interruption_leaves_no_half_of_a_file():
    def interrupted(_path, _to):
        raise main.Interrupted("SIGINT")
    with tempfile.TemporaryDirectory() as name, mock.patch.object(Path, "replace", interrupted):
        try:
            main.write(Path(name) / "page", "x")
            raise AssertionError("it was written")
        except main.Interrupted:
            assert not os.listdir(name), os.listdir(name)


def a_block_device_that_is_in_use_is_no_disk_to_measure():
    """Its content would be lost. Linux opens one that is mounted to nobody who wants it alone."""
    flags = []

    def opened(_name, given):
        flags.append(given)
        raise OSError(16, "Device or resource busy")
    with tempfile.NamedTemporaryFile() as disk, mock.patch.object(main.os, "open", opened):
        for is_device in (True, False):
            with mock.patch.object(Path, "is_block_device", lambda path, is_device=is_device: is_device):
                try:
                    main.check_disk("--disk", Path(disk.name))
                    raise AssertionError("it was taken")
                except machines.HostError as error:
                    assert "Device or resource busy; name another by --disk" in str(error), error
    assert [bool(given & os.O_EXCL) for given in flags] == [True, False], flags


def networks_that_are_there_already_are_not_made_again():
    """By another measurement, or for the root's own use: its routes would lead the answers elsewhere."""
    with tempfile.TemporaryDirectory() as name:
        program = Path(name) / "ip"
        program.write_text(f"#!/bin/sh\necho $* >>{name}/log\necho '2: eth0    inet 10.77.3.1/24 scope global eth0'\n")
        program.chmod(0o755)
        with mock.patch.dict(os.environ, PATH=f"{name}:{os.environ['PATH']}"):
            try:
                with machines.bridge(["net"]):
                    raise AssertionError("it was made")
            except machines.HostError as error:
                assert "10.77.0.0/16" in str(error) and "--jobs" in str(error), error
        assert (Path(name) / "log").read_text() == "-o -4 addr\n"


def where_nothing_was_measured_an_older_page_is_not_taken_for_it():
    with tempfile.TemporaryDirectory() as name:
        (Path(name) / "kept").write_text(json.dumps(result_of([])))
        for word in ("--plot", "--report"):
            done = call("--from", "kept", word, "page", cwd=name)
            assert done.returncode == 1 and "no run came to its end" in done.stderr, done
        assert os.listdir(name) == ["kept"]


def a_disk_is_not_made_where_there_is_no_room():
    real = shutil.disk_usage
    shutil.disk_usage = lambda path: SimpleNamespace(free=100 << 20)
    try:
        with tempfile.TemporaryDirectory() as name:
            try:
                main.make_disk(Path(name) / "disk")
                raise AssertionError("it was made")
            except machines.HostError as error:
                assert "100M free" in str(error) and "--work" in str(error)
            assert not os.listdir(name)
    finally:
        shutil.disk_usage = real


def a_partial_result_is_marked_and_is_no_success():
    with tempfile.TemporaryDirectory() as name:
        kept = Path(name) / "kept"
        kept.write_text(json.dumps(result_of([some_run("synthetic", 1.0)], "interrupted by SIGINT")))
        done = call("--from", kept)
        assert done.returncode == 130 and "PARTIAL: interrupted by SIGINT" in done.stdout, done
        found = json.loads(call("--from", kept, "--json").stdout)
        assert (found["ok"], found["code"], found["error"]) == (False, "failed", "interrupted by SIGINT"), found


def measured_by(run, *words):
    """The command in a process of its own, whose stdout and stderr have nobody who reads; with `run` in the place of
    measuring."""
    options = main.checked([*map(str, words)])
    reader, writer = os.pipe()
    os.close(reader)
    child = os.fork()
    if child == 0:
        status = 99
        try:
            os.dup2(writer, 1)
            os.dup2(writer, 2)
            with mock.patch.object(measure.Measure, "run", run), mock.patch.object(main, "check_host", lambda options: None), \
                    mock.patch.object(main, "make_disks", lambda options, folder: None), \
                    mock.patch.object(main, "checked", lambda words: options):
                status = main.main()
        finally:
            os._exit(status)
    os.close(writer)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def what_was_measured_is_kept_though_nobody_listens_any_more():
    """A lost terminal: the signal, and neither stdout nor stderr. And what is no error of ours."""
    for error, status, told in ((main.Interrupted("SIGHUP"), 130, "interrupted by SIGHUP"),
                                (OSError(24, "Too many open files"), 1, "Too many open files"),
                                (subprocess.TimeoutExpired("qemu", 30), 1, "timed out"),
                                (None, 1, "")):
        def run(self, _folder, error=error):
            self.progress("one run")
            self.runs.append(some_run("synthetic", 1.0))
            self.progress("another")
            if error:
                raise error
        with tempfile.TemporaryDirectory() as name:
            found = measured_by(run, "disk", "--work", name, "--result", f"{name}/kept")
            assert found == status, (error, found)
            result = json.loads((Path(name) / "kept").read_text())
            assert told in result["partial"] and len(result["runs"]) == 1, result
            assert os.listdir(name) == ["kept"], os.listdir(name)


# --- Measuring, on machines that are played

STATS = {"partitions": [{"partition": 5, "counters": [{
    name: 0 for name in ("entries", "exit-hypercall", "intercepts", "interrupts-injected",
                         "events-signaled", "guest-ticks")}]}],
    "root": [dict.fromkeys(("entries", "exit-hypercall", "events-signaled", "guest-ticks"), 0)],
    "cpus": [dict.fromkeys(("dispatches", "hypervisor-ticks", "idle-ticks"), 0)],
    **dict.fromkeys(results.ROOT_TIMES, 0), "ns": 0, "provider": None}


def fio_answer():
    side = {"total_ios": 10, "iops": 100.0, "bw_bytes": 1, "lat_ns": {"percentile": {
        "50.000000": 1, "99.000000": 2, "99.900000": 3}}}
    text = json.dumps({"jobs": [{"error": 0, "read": side, "write": side | {"total_ios": 0}}]})
    return [base64.b64encode(gzip.compress(text.encode())).decode()]


MARKS = {"begin": "0 0 0 0 0 0 0", "end": "10 0 80 0 0 0 0"}


class Played:
    """A machine whose guest answers as a good one does, but for what `breaks` says of a line."""
    partition, boot_seconds = 5, 1.0
    up, begun = [], []

    def __init__(self, options, folder, devices, bridge):
        self.devices, self.guest, self.breaks = devices, self, options.breaks

    def __enter__(self):
        Played.up.append(self)
        Played.begun.append(self.kind)
        return self

    def __exit__(self, *_):
        Played.up.remove(self)

    def alive(self):
        return True

    def run(self, line, seconds, on_mark=lambda name, counts: None):
        if self.breaks:
            self.breaks(line)
        if "mark" in line:
            for mark, counts in MARKS.items():
                on_mark(mark, counts)
        return fio_answer(), MARKS


# What machines does to this computer, and what does nothing in its place.
PLAYED = {"Viridis": type("Viridis", (Played,), {"kind": "viridis"}), "Qemu": type("Qemu", (Played,), {"kind": "qemu"}),
          "counters": lambda machine, device, mark, peers=(): STATS, "stats": lambda: STATS, "tasks_ns": lambda: 0,
          "bridge": lambda nets: nullcontext("bridge"), "server": lambda words, port: nullcontext(SimpleNamespace(pid=1))}


def play(breaks, group="disk", names="randread-4k-1,randread-4k-32", scheduler="none", at_mark=(), progress=lambda line: None):
    """What stands at the end of a measurement of two devices, and the exception that ended it."""
    real = {name: getattr(machines, name) for name in PLAYED}
    Played.begun.clear()
    for name, value in PLAYED.items():
        setattr(machines, name, value)
    options = SimpleNamespace(repeat=2, seconds=1, scheduler=scheduler, breaks=breaks, at_mark=at_mark)
    devices = jobs.chosen("device", jobs.DEVICES, "synthetic,ide,e1000,qemu")
    measured = measure.Measure(options, [device for device in devices if device.group == group],
                               jobs.chosen("job", jobs.JOBS, names),
                               progress)
    error = None
    try:
        measured.run(Path("/nonexistent"))
    except Exception as end:
        error = end
    finally:
        for name, value in real.items():
            setattr(machines, name, value)
    assert not Played.up, "a machine was left"
    return measured, error


def every_run_is_made_in_its_turn():
    measured, error = play(None)
    assert error is None and not measured.failures and len(measured.boots) == 2
    assert [(run["round"], run["job"], run["device"]) for run in measured.runs][:3] == [
        (0, "randread-4k-1", "synthetic"), (0, "randread-4k-1", "ide"), (0, "randread-4k-32", "synthetic")]
    assert len(measured.runs) == 8


def progress_says_what_is_measured_and_the_time_left():
    """By what the runs took so far: of eight with 10 s each, 70 s are left behind the first."""
    told, clock = [], iter(range(0, 1000, 10))
    with mock.patch.object(measure.time, "monotonic", lambda: next(clock)):
        play(None, progress=told.append)
    assert told[-8:] == [
        f"{index + 1}/8 round {index // 4 + 1}: {job} on {device}" + (f", {10 * (8 - index)} s left" if index else "")
        for index, (job, device) in enumerate([(job, device) for job in ("randread-4k-1", "randread-4k-32")
                                               for device in ("synthetic", "ide")] * 2)], told


def all_disks_have_the_scheduler_that_was_named():
    for scheduler, told in (("none", ["scheduler hv_storvsc none", "scheduler ata_piix none"]), ("kernel", [])):
        seen = []
        play(seen.append, scheduler=scheduler)
        assert [line for line in seen if "scheduler" in line] == told, seen


def who_looks_on_is_told_of_marks_and_operations():
    with tempfile.TemporaryDirectory() as name:
        log = Path(name) / "log"
        measured, error = play(None, names="randread-4k-32", at_mark=["sh", "-c", f'echo "$@" >>{log}', "sh", "50"])
        assert error is None and len(measured.runs) == 4
        assert log.read_text().splitlines() == ["50 begin 0", "50 end 10"] * 4, log.read_text()
    send, = jobs.chosen("job", jobs.JOBS, "send")
    assert results.operations(send, {"sent-bytes": 3 * 65536 + 5}) == 3


def each_start_is_of_a_machine_that_ends_again():
    told = []
    measured, error = play(None, "boot", "boot", progress=told.append)
    assert told[:3] == ["warm up synthetic (boot)", "warm up qemu (boot)", "1/4 round 1: boot on synthetic"], told
    assert Played.begun == ["viridis", "qemu"] * 3, Played.begun  # one of each is not measured
    assert error is None and not measured.boots
    assert [(run["device"], run["figures"]["seconds"]) for run in measured.runs] == [
        ("synthetic", 1.0), ("qemu", 1.0)] * 2
    assert measured.runs[0]["figures"]["boots-per-minute"] == 60


def a_run_that_fails_leaves_the_others():
    def breaks(line):
        if "ata_piix" in line and "--iodepth=32" in line and "mark" in line:
            raise GuestError("its disk is gone")
    measured, error = play(breaks)
    assert error is None and len(measured.runs) == 6
    assert [(failure["device"], failure["error"]) for failure in measured.failures] == [
        ("ide", "its disk is gone")] * 2


def counters_that_cannot_be_read_are_a_failure_of_that_run():
    """Its machine ended between two looks: the others are measured all the same."""
    def counters(machine, device, mark, peers=()):
        if device.name == "ide":
            raise machines.HostError("viridis stats bench: no VM runs here")
        return STATS
    with mock.patch.dict(PLAYED, counters=counters):
        measured, error = play(None)
    assert error is None and len(measured.runs) == 4, error
    assert len(measured.failures) == 4 and "no VM runs here" in measured.failures[0]["error"], measured.failures


def a_guest_without_a_program_is_found_before_anything_is_measured():
    """Of any of the jobs, not of the first alone."""
    for program, group, names in (("fio", "disk", "randread-4k-1"), ("iperf3", "net", "send"), ("fio", "net", "send,request"),
                                  ("iperf3", "net", "request,send")):
        def breaks(line, program=program):
            if f"command -v {program}" in line:
                assert f"the guest has no {program}; name another by --guest" in line
                raise GuestError(f"the guest has no {program}")
        measured, error = play(breaks, group, names)
        assert isinstance(error, GuestError) and program in str(error) and not measured.runs, (names, error)


def every_run_of_a_network_has_a_server_of_its_own():
    """One that ended, for what a guest did or as it waited for long, takes no other run along."""
    real, begun = PLAYED["server"], []
    PLAYED["server"] = lambda words, port: begun.append((words[0], port)) or nullcontext(SimpleNamespace(pid=1))
    try:
        play(None, "net", "send,request")
    finally:
        PLAYED["server"] = real
    warm_ups, rounds = [("iperf3", 5201)] * 2, [("iperf3", 5201)] * 2 + [("fio", 8765)] * 2
    assert begun == warm_ups + rounds * 2, begun


def a_server_in_the_root_listens_before_it_is_used_and_ends():
    listens = "import socket, time; time.sleep(0.2); a = socket.create_server(('127.0.0.1', {})); time.sleep(60)"
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        try:
            with machines.server((sys.executable, "-c", listens.format(port)), port):
                raise AssertionError("the port was another's")
        except machines.HostError as error:
            assert f"port {port} of this root is taken" in str(error) and "--jobs" in str(error), error
    with machines.server((sys.executable, "-c", listens.format(port)), port) as process:
        socket.create_connection(("127.0.0.1", port)).close()
    assert process.poll() == -signal.SIGKILL and not machines.is_listening(port)
    try:
        with machines.server((sys.executable, "-c", "exit(1)"), port):
            raise AssertionError("it does not listen")
    except GuestError as error:
        assert "in the root, which answers the guests, ended" in str(error), error


def what_a_provider_left_to_the_guest_is_not_its_own():
    kept = machines.PROC, machines.run_ns, machines.tasks_ns
    with tempfile.TemporaryDirectory() as folder:
        for pid, told in ((7, "pos:\t0\nhalted-ns:\t300\n"), (8, "pos:\t0\n"), (9, "halted-ns:\t20\n")):
            (Path(folder) / f"{pid}/fdinfo").mkdir(parents=True)
            (Path(folder) / f"{pid}/fdinfo/5").write_text(told)
        try:
            machines.PROC, machines.run_ns, machines.tasks_ns = Path(folder), lambda pids: 1000 * len(pids), lambda: 9000
            found = machines.root_times([7, 8, 9, 10], [11])
        finally:
            machines.PROC, machines.run_ns, machines.tasks_ns = kept
    assert found["backend-ns"] == 4000 - 320 and found["tasks-ns"] == 9000 - 320 and found["peer-ns"] == 1000, found


def an_interruption_keeps_what_was_measured():
    seen = []

    def breaks(line):
        seen.append(line)
        if len([line for line in seen if "mark" in line]) == 4:
            raise main.Interrupted("SIGINT")
    measured, error = play(breaks)
    assert isinstance(error, main.Interrupted) and len(measured.runs) == 3


@contextmanager
def with_signals():
    kept = {number: signal.getsignal(number) for number in signals.ENDING}
    signals.end_by_signals()
    try:
        yield
    finally:
        for number, handler in kept.items():
            signal.signal(number, handler)


def interrupted(function, *words):
    """The name of the signal that ended it."""
    with with_signals():
        try:
            function(*words)
        except signals.Interrupted as error:
            return str(error)
    raise AssertionError("nothing was raised")


def a_signal_is_an_interruption_once():
    with with_signals():
        try:
            os.kill(os.getpid(), signal.SIGTERM)
            raise AssertionError("nothing was raised")
        except signals.Interrupted as error:
            assert str(error) == "SIGTERM"
        for number in signals.ENDING:
            os.kill(os.getpid(), number)  # while it cleans up


def a_signal_waits_for_the_end_of_what_must_be_whole():
    done = []

    def act():
        with signals.whole():
            with signals.whole():
                os.kill(os.getpid(), signal.SIGINT)
                done.append("inner")
            done.append("outer")
        done.append("behind")
    assert interrupted(act) == "SIGINT" and done == ["inner", "outer"], done


# In the place of `viridis` and `ip`: Ctrl-C comes in the middle of the order that is named, for its whole session.
ORDER = """#!/bin/sh
echo "$1 $2" >>%s/log
[ "$1 $2" != "$INTERRUPTED" ] || { kill -INT $PPID; sleep 0.3; }
echo "$1 $2 done" >>%s/log
[ "$(cut -d ' ' -f 6 /proc/$$/stat)" = $$ ] || echo "$1 in our session" >>%s/log
case $1 in info) echo '{"status": {"pid": 1, "partition": 2, "console": "/dev/null"}}' ;; *) echo '{}' ;; esac
"""


def ctrl_c_leaves_no_machine_and_no_bridge():
    """Whenever it comes: while one is begun, and while it is ended anyway."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for program in ("viridis", "ip"):
            (folder / program).write_text(ORDER % (name, name, name))
            (folder / program).chmod(0o755)
        options = SimpleNamespace(disk="d", attached_disk="d", memory="256M", vps=1, guest=folder, qemu="sleep 60 #", accel="mshv")
        attached, = (device for device in jobs.DEVICES if (device.name, device.group) == ("attached", "disk"))
        for order, last in (("start bench", "delete bench done"), ("stop bench", "delete bench done"),
                            ("link add", "link del done"), ("link del", "link del done"),
                            ("attach", "delete attached done"), ("stop attached", "delete attached done")):
            def act(order=order):
                if "bench" in order:
                    machine = machines.Viridis(options, folder, [], None)
                    with mock.patch.object(machines.tty, "setraw"), mock.patch.object(machines, "Guest"), machine:
                        pass
                elif "link" in order:
                    (folder / f"vb{os.getpid()}").touch()
                    with machines.bridge(["net"]):
                        pass
                else:
                    machine = machines.Qemu(options, folder, [attached], None)
                    machine.pid = machine.server_pid = 1
                    try:
                        machine.attach()
                    finally:
                        machine.stop()
            (folder / "log").unlink(missing_ok=True)
            interrupted_at = "attach 1" if order == "attach" else order
            with mock.patch.dict(os.environ, PATH=f"{name}:{os.environ['PATH']}", INTERRUPTED=interrupted_at), \
                    mock.patch.object(machines, "NETWORKS", folder):
                assert interrupted(act) == "SIGINT", order
            log = (folder / "log").read_text().splitlines()
            assert log[-1] == last and f"{interrupted_at} done" in log, (order, log)
            assert not any("in our session" in line for line in log), log


TESTS = (networks_that_are_there_already_are_not_made_again,
         where_nothing_was_measured_an_older_page_is_not_taken_for_it,
         progress_says_what_is_measured_and_the_time_left,
         counters_that_cannot_be_read_are_a_failure_of_that_run,
         a_block_device_that_is_in_use_is_no_disk_to_measure, a_slip_is_told_with_what_there_is, a_slip_is_told_in_json_as_every_command_tells_it,
         only_devices_that_have_a_job_are_started, what_is_missing_is_named_with_the_way_out,
         a_kept_result_is_shown_and_drawn_anywhere, what_is_no_result_or_cannot_be_written_is_an_error,
         a_partial_result_is_marked_and_is_no_success, what_was_measured_is_kept_though_nobody_listens_any_more,
         a_full_disk_takes_no_half_of_a_file_and_not_the_answer, a_part_that_is_missing_or_another_is_an_error_or_harmless,
         a_device_a_pipe_and_a_link_stay_what_they_are, an_interruption_leaves_no_half_of_a_file,
         a_disk_is_not_made_where_there_is_no_room, every_run_is_made_in_its_turn,
         all_disks_have_the_scheduler_that_was_named, who_looks_on_is_told_of_marks_and_operations,
         each_start_is_of_a_machine_that_ends_again, what_a_provider_left_to_the_guest_is_not_its_own,
         a_run_that_fails_leaves_the_others,
         a_guest_without_a_program_is_found_before_anything_is_measured, every_run_of_a_network_has_a_server_of_its_own,
         a_server_in_the_root_listens_before_it_is_used_and_ends, an_interruption_keeps_what_was_measured,
         a_signal_is_an_interruption_once, a_signal_waits_for_the_end_of_what_must_be_whole,
         ctrl_c_leaves_no_machine_and_no_bridge)

if __name__ == "__main__":
    with Tap() as tap:
        for test in TESTS:
            tap.run(test.__name__.replace("_", " "), test)
