# SPDX-License-Identifier: GPL-2.0-or-later
"""The parts of `viridis bench` that need no guest: jobs, what programs tell, statistics, reports."""
import base64
import gzip
import html
import json
import os
import re
import sys
import tempfile
import threading
from types import SimpleNamespace
from xml.etree import ElementTree

from lib.paths import TOP
from lib.tap import Tap

sys.path.insert(0, str(TOP / "root-partition" / "bench"))

from viridis_bench import guest, jobs, numbers, plot, report, results  # noqa: E402


def refused(error, function, *words):
    try:
        function(*words)
    except error as refusal:
        return str(refusal)
    raise AssertionError(f"{function.__name__}{words} was not refused")


# --- Jobs

def every_round_has_each_job_on_its_devices_in_turn():
    plan = jobs.runs(jobs.DEVICES, jobs.JOBS, 2)
    of_one = [device.name for number, job, device in plan if (number, job.name) == (1, "send")]
    assert of_one == ["synthetic", "attached", "virtio", "e1000e", "e1000"], of_one
    rounds = [number for number, _, _ in plan]
    assert rounds == sorted(rounds) and set(rounds) == {0, 1}
    first = [(job.name, device.name) for number, job, device in plan if number == 0]
    assert len(first) == len(set(first)) == 8 * 7 + 4 * 5 + 2


def a_list_names_devices_of_every_group():
    found = jobs.chosen("device", jobs.DEVICES, "ide,virtio")
    assert [(device.group, device.name) for device in found] == [
        ("disk", "ide"), ("disk", "virtio"), ("net", "virtio")]
    assert "there are synthetic" in refused(jobs.Unknown, jobs.chosen, "device", jobs.DEVICES, "floppy")


def a_warm_up_marks_nothing():
    device, adapter = jobs.DEVICES[0], jobs.chosen("device", jobs.DEVICES, "e1000")[0]
    line = jobs.JOBS[1].line(device, None, 0.25)
    for word in ("--eta=never", "--exec_prerun=mark begin $d", "--iodepth=32", "--runtime=250ms", "hv_storvsc"):
        assert word in line, line
    assert "'" not in line  # the guest's shell is to see $d
    assert "mark" not in jobs.JOBS[1].line(device, None, 0.25, warm_up=True)
    streams, request = (jobs.chosen("job", jobs.JOBS, name)[0] for name in ("send-8", "request"))
    for job in (streams, request):
        assert "mark" not in job.line(adapter, "10.77.0.1", 1, warm_up=True)
        line = job.line(adapter, "10.77.0.1", 1)
        for word in ("mark begin $d", "mark end $d", "10.77.0.1", "device class/net e1000"):
            assert word in line and "'" not in line, line
    assert "-P 8" in streams.line(adapter, "10.77.0.1", 0.2)
    assert "-t 1 " in streams.line(adapter, "10.77.0.1", 0.2)
    assert "-t" not in streams.line(adapter, "10.77.0.1", 0.2, warm_up=True).split()


def both_ends_of_a_request_agree():
    request, = jobs.chosen("job", jobs.JOBS, "request")
    words, answers = request.line(jobs.DEVICES[0], "10.77.0.1", 1).split(), request.server
    for word in ("--pingpong=1", "--bs=1", f"--port={jobs.REQUEST_PORT}"):
        assert word in words and word in answers, word
    assert "--listen" in answers and "--listen" not in words
    figures, _ = results.parsed(request, {"jobs": [{"error": 0, "read": side(0),
                                                    "write": side(500, 1000.5, 2000)}]})
    assert figures["requests-per-second"] == 1000.5 and "iops" not in figures
    assert numbers.headline(figures) == "requests-per-second"


def a_partition_that_was_started_meanwhile_has_no_counters_before():
    before = stats(100, 1000)
    before["partitions"] = []
    found = results.account(before, stats(300, 5000), 7, 1, started=True)
    assert found["guest-exits"] == 600 and found["root-exits"] == 200
    assert "7" in refused(results.Malformed, results.account, before, stats(300, 5000), 7, 1)


# --- What programs tell

def side(ios, iops=0.0, latency=0):
    return {"total_ios": ios, "iops": iops, "bw_bytes": ios * 4096,
            "lat_ns": {"percentile": {key: latency for key in results.PERCENTILES.values()}}}


def fio_is_read_by_the_side_that_did_something():
    figures, curve = results.from_fio({"jobs": [{"error": 0, "read": side(0),
                                                 "write": side(500, 1000.5, 2000)}]})
    assert figures["operations"] == 500 and figures["iops"] == 1000.5
    assert figures["p99.9-us"] == 2.0 and figures["mb-per-second"] == 2.048
    assert curve == [[50.0, 2.0], [99.0, 2.0], [99.9, 2.0]]


def a_program_that_failed_or_changed_is_named():
    for answer in ({}, {"jobs": []}, {"jobs": [{"error": 0}]}, {"jobs": [{"error": 5}]},
                   {"jobs": [{"error": 0, "read": side(0), "write": side(0)}]}):
        assert "fio" in refused(results.Malformed, results.from_fio, answer)
    assert "refused" in refused(results.Malformed, results.from_iperf3, {"error": "connection refused"})
    assert "iperf3" in refused(results.Malformed, results.from_iperf3, {"end": {}})
    for answer in (5, None, [], "jobs", {"jobs": 5}, {"jobs": [side(1)]}, {"jobs": [{"error": 0, "read": side(0), "write": [
            side(1)]}]}, {"jobs": [{"error": 0, "read": side(0), "write": side(1) | {"lat_ns": {"percentile": []}}}]}):
        for parse in (results.from_fio, results.from_requests, results.from_iperf3):
            assert "another form" in refused(results.Malformed, parse, answer), answer


def a_network_that_let_nothing_through_has_no_figures():
    """Of no operation there is no time of one."""
    assert "nothing that iperf3 sent arrived" in refused(
        results.Malformed, results.from_iperf3, {"end": {"sum_received": {"bytes": 0, "bits_per_second": 0}}})


def iperf3_is_counted_in_pieces_of_64_kib():
    figures, _ = results.from_iperf3({"end": {"sum_received": {"bytes": 6553600, "bits_per_second": 5e8}}})
    assert figures == {"operations": 100, "mbit-per-second": 500}


def what_the_guest_packed_comes_out():
    packed = base64.b64encode(gzip.compress(b'{"a": [1, 2]}')).decode()
    assert results.unpacked([packed[:7], packed[7:]]) == {"a": [1, 2]}
    told = gzip.compress(b'job : Saving output of prerun\n{\n"a": {\n}}\n')
    assert results.unpacked([base64.b64encode(told).decode()]) == {"a": {}}
    for broken in ([], ["@@@"], [packed[:-8]], [base64.b64encode(gzip.compress(b"fio: bad"))
                                               .decode()]):
        refused(results.Malformed, results.unpacked, broken)


# --- The account

def stats(entries, ticks):
    vp = {"entries": entries, "exit-hypercall": entries // 2, "exit-io": entries // 4, "intercepts": 0,
          "interrupts-injected": entries, "events-signaled": 3 * entries, "guest-ticks": ticks}
    cpu = {"dispatches": entries, "hypervisor-ticks": ticks // 10, "idle-ticks": 0}
    return {"partitions": [{"partition": 7, "counters": [vp, vp]},
                           {"partition": 9, "counters": [dict.fromkeys(vp, 10 ** 9)]}],
            "root": [vp], "cpus": [cpu], "backend-ns": ticks, "backend-user-ns": ticks // 2,
            "peer-ns": ticks // 4, "tasks-ns": 2 * ticks, "ns": 10 * ticks, "provider": 0}


def counters_are_differences_of_the_right_partition_by_operations():
    found = results.account(stats(100, 1000), stats(300, 5000), 7, 100)
    assert found["guest-exits"] == 4 and found["root-exits"] == 2 and found["exits"] == 6
    assert found["signals"] == 18 and found["hypercalls"] == 3 and found["exit-io"] == 1
    assert found["guest-ticks"] == 80 and found["root-ticks"] == 40
    assert found["hypervisor-ticks"] == 4 and found["backend-ns"] == 40
    assert found["backend-user-ns"] == 20 and found["peer-ns"] == 10 and found["tasks-ns"] == 80
    assert "5" in refused(results.Malformed, results.account, stats(1, 1), stats(2, 2), 5, 1)


def those_who_count_must_agree():
    disk, = jobs.chosen("job", jobs.JOBS, "randread-4k-1")
    begin, end = (results.guest_counts("disk", text) for text in ("10 0 80 5 20 0 0 0 0 0 0", "1010 0 8080 5 24 0 32 0 0 0 0"))
    guest = results.difference(begin, end)
    assert guest == {"bytes": 1004 * 4096}
    storage = {"read-bytes": 1000 * 4096, "written-bytes": 4 * 4096}
    for provider, agree in ((None, True), (storage, True), (storage | {"written-bytes": 204 * 4096}, False)):
        provider = provider and results.provider_counts("disk", {"storage": {"disks": [provider]}})
        found = results.agreement(disk, {"operations": 1000}, guest, provider)
        assert found == {"what": "requests", "told": 1000, "guest": 1004, "agree": agree,
                         "provider": provider and provider["bytes"] // 4096}, found
    assert not results.agreement(disk, {"operations": 800}, guest, None)["agree"]
    for group, text in (("disk", ""), ("disk", "1 2"), ("net", ""), ("net", "1 2 3"), ("net", "a b c d")):
        assert "no counts" in refused(results.Malformed, results.guest_counts, group, text)


def a_request_that_a_driver_splits_is_one():
    large, = jobs.chosen("job", jobs.JOBS, "read-1m-4")
    guest = results.guest_counts("disk", f"704 0 {88 * 2048} 5 0 0 0 0 0 0 0")
    assert results.job_count(large, guest) == 88
    assert results.agreement(large, {"operations": 88}, guest, None)["agree"]


def adapters_are_counted_by_what_a_job_is_about():
    send, receive, request = (jobs.chosen("job", jobs.JOBS, name)[0] for name in ("send", "receive", "request"))
    guest = results.guest_counts("net", "1000 105000000 900 90000000")
    provider = results.provider_counts("net", {"vps": [], "net0": guest | {"stalls": 3}, "net1": dict.fromkeys(guest, 1)})
    assert provider == {"sent": 1001, "sent-bytes": 105000001, "received": 901, "received-bytes": 90000001}
    assert results.provider_counts("net", {"storage": {}}) is None and results.provider_counts("disk", {}) is None
    for job, operations, agree in ((send, 1600, True), (send, 1200, False), (receive, 1370, True), (receive, 1600, False),
                                   (request, 990, True), (request, 900, False)):
        found = results.agreement(job, {"operations": operations}, guest, provider)
        assert found["agree"] == agree, (job, operations, found)
        assert found["guest"] == guest[found["what"]] and found["provider"] == provider[found["what"]]
    assert not results.agreement(send, {"operations": 1600}, guest, provider | {"sent-bytes": 0})["agree"]


# --- Statistics

def run(number, device, iops, group="disk"):
    return {"round": number, "group": group, "job": "j", "device": device, "curve": [],
            "figures": {"iops": iops, "exits": 1.0}, "counted": {"agree": True}}


def ratios_are_of_the_same_round():
    runs = [run(0, "synthetic", 100), run(0, "ide", 10), run(1, "synthetic", 50), run(1, "ide", 4),
            run(2, "ide", 8)]
    first, second = numbers.rows(runs)
    assert first["synthetic-ratio"] is None and first["figures"]["iops"] == 75
    assert second["synthetic-ratio"] == {"ratio": 11.25, "least": 10, "most": 12.5}
    assert second["rounds"] == 3 and second["spread"] == 0.75
    runs = [run(number, "ide", iops) | {"curve": [[50.0, iops]]} for number, iops in enumerate((7, 100, 9))]
    assert numbers.rows(runs)[0]["curve"] == [[50.0, 9]], "the distribution of another round than the middle one"
    alone, = numbers.rows([run(0, "ide", 0)])
    assert alone["synthetic-ratio"] is None and alone["spread"] == 0


def numbers_have_three_digits_that_mean_something():
    assert [numbers.number(value) for value in (123456.7, 12.345, 0.01234, 0, None)] == [
        "123,457", "12.3", "0.0123", "0", "-"]


# --- Reports

def full_result():
    runs = []
    for number, device in ((0, "synthetic"), (0, "ide")):
        figures = results.account(stats(100, 1000), stats(300, 5000), 7, 100)
        figures |= {"iops": 2000.0 if device == "synthetic" else 100.0, "mb-per-second": 8.0,
                    "p50-us": 10.0, "p99-us": 20.0, "p99.9-us": 30.0}
        runs.append(run(number, device, 0) | {"figures": figures, "curve": [[50.0, 10.0], [99.0, 20.0]]})
    return {"rows": numbers.rows(runs), "runs": runs, "boots": [], "failures": [], "partial": "",
            "unit": "cycles", "ticks-per-ns": 1.0, "command": "viridis bench <disk>",
            "options": {"vps": 1, "memory": "256M", "scheduler": "none", "repeat": 1, "seconds": 1.0},
            "machine": {"processor": "<b>CPU", "cpus": 1, "kernel": "6.1"}}


def the_tables_have_a_line_for_each_device_and_job():
    text = report.text(full_result())
    done, times, counts = (part.splitlines() for part in text.split("\n\n")[:3])
    assert done[0] == "disk: what was done" and done[2].split()[:3] == ["j", "synthetic", "2,000"], text
    assert done[3].split()[:3] == ["j", "ide", "100"] and "20 (20..20)" in done[3], text
    assert "in cycles" in times[0] and times[1].endswith("root's use of a CPU") and times[3].endswith("10 %"), text
    assert "guest's io" in counts[1] and counts[3].split()[:3] == ["j", "ide", "6.00"], text
    assert "counted alike" in text


def one_round_has_no_spread():
    figures = full_result()["runs"][0]["figures"]
    for rounds, words in ((1, "-"), (2, "0 %")):
        rows = numbers.rows([run(number, "ide", 0) | {"figures": figures} for number in range(rounds)])
        line, = report.done_table(full_result() | {"rows": rows}, "disk").lines
        assert line[-2:] == [words, ""], line


def what_failed_or_is_missing_is_said():
    result = full_result() | {"partial": "interrupted by SIGINT"}
    result["failures"] = [{"job": "j", "device": "ide", "round": 0, "error": "no\nlog"}]
    result["runs"][0]["counted"]["agree"] = False
    text = report.text(result)
    assert "PARTIAL: interrupted by SIGINT" in text and "FAILED: j on ide, round 1: no\n" in text + "\n"
    assert "NOT counted alike: j on synthetic" in text
    for word in ("PARTIAL", "1 run(s) FAILED"):
        assert word in plot.pictures(result)[0].text and word not in plot.pictures(full_result())[0].text, word


def what_others_do_stands_beside_a_job_that_was_measured():
    result = full_result()
    result["references"] = [{"job": "j", "who": "Xen", "value": 500.0}, {"job": "k", "who": "Xen", "value": 1}]
    line = [line.split() for line in report.text(result).splitlines() if "Xen" in line]
    assert line == [["j", "Xen", "500", "2,000", "4"]], line
    assert "Xen" in report.html(result, [])


def the_page_needs_nothing_beside_it():
    result = full_result()
    pictures = plot.pictures(result)
    assert [(picture.group, picture.name) for picture in pictures] == [
        ("disk", "bars"), ("disk", "time-j"), ("disk", "latency-j")]
    page = report.html(result, [(picture.group, plot.gnuplot(picture.text)) for picture in pictures])
    names = re.findall(r"\bid=['\"]([^'\"]*)", page)
    assert len(names) == len(set(names)) and all(
        used in names for used in re.findall(r"url\(#([^)]*)\)", page))
    assert page.count("<svg") == 3 and page.count("</svg>") == 3
    assert "&lt;b&gt;CPU" in page and "<b>CPU" not in page
    for outside in ("<script", "href=\"http", "src=", "<?xml", "<!DOCTYPE svg"):
        assert outside not in page, outside
    for words in ("x20</", "2,000</", ">124</"):
        assert words in page, f"no {words} on the bars"


def a_long_command_is_shown_whole():
    """In the pictures on as many lines as it takes, which do not crowd the bars; on the page it wraps."""
    assert plot.wrapped("jobs " + ",".join(["name-4k-1"] * 20)).split("\n")[0].endswith("name-4k-1,")
    words = [f"--jobs=number-{number}" for number in range(40)] + ["x" * 300]
    short, result = full_result(), full_result() | {"command": " ".join(words)}
    svgs = [plot.gnuplot(plot.pictures(each)[0].text) for each in (short, result)]
    lines = [line for line in re.findall("<text>([^<]*)</text>", svgs[1]) if "--jobs" in line or "xx" in line]
    assert len(lines) > 8 and max(map(len, lines)) <= plot.TITLE_CHARACTERS, lines
    assert "".join("".join(lines).split()) == "".join(words), lines
    heights = [int(re.search(r'viewBox="0 0 \d+ (\d+)', svg)[1]) for svg in svgs]
    assert heights[0] == plot.WIDE[1] and heights[1] >= heights[0] + 8 * plot.LINE_HEIGHT, heights
    page = report.html(result, [])
    assert result["command"] in page and re.search("pre{[^}]*white-space:pre-wrap;overflow-wrap:anywhere", page)


def words_of_a_result_are_shown_and_never_run():
    """gnuplot runs what stands in backquotes. The words are a kept result's, and it may come from anywhere."""
    with tempfile.TemporaryDirectory() as folder:
        trap = f"`touch {folder}/run` $(x) \\n \"quoted\" \x1b[31m\udc80"
        result = full_result() | {"command": trap, "failures": [{"job": trap, "device": "ide", "round": 0, "error": trap}]}
        result["machine"]["processor"] = trap
        for row in result["rows"]:
            row["job"] = trap
            row["device"] += trap
        pictures = [plot.gnuplot(picture.text) for picture in plot.pictures(result)]
        assert not os.listdir(folder), "it was run"
    shown = f"`touch {folder}/run` $(x) \\n \"quoted\" ?[31m?"
    for svg in pictures:
        assert shown in ["".join(text.itertext()) for text in ElementTree.fromstring(svg).iter("{http://www.w3.org/2000/svg}text")]
    assert shown in html.unescape(report.html(result, [])) and shown in report.text(result)
    report.html(result, []).encode()


def the_parts_of_a_bar_are_the_whole_time():
    figures = {"guest-ticks": 7.0, "hypervisor-ticks": 5.0, "root-ticks": 100.0, "backend-ns": 30.0,
               "backend-user-ns": 10.0, "peer-ns": 5.0, "tasks-ns": 50.0}
    parts = results.time_parts(figures, 2.0)
    assert parts == {"guest": 7, "hypervisor": 5, "kernel": 40, "backend": 20, "peer": 10, "rest": 30}, parts
    # What the scheduler counted twice as long as the hypervisor did is half of that.
    parts = results.time_parts(figures | {"tasks-ns": 100.0}, 2.0)
    assert (parts["kernel"], parts["backend"], parts["peer"], parts["rest"]) == (20, 10, 5, 65), parts
    for wrong in ({"backend-ns": 300.0}, {"backend-user-ns": 300.0}, {"peer-ns": 300.0}, {"tasks-ns": 0.0}):
        parts = results.time_parts(figures | wrong, 2.0)
        assert sum(parts.values()) == 112 and min(parts.values()) >= 0, (wrong, parts)


def the_page_tells_where_the_time_goes():
    page = report.html(full_result(), [])
    row, = re.findall(r"<tr[^>]*><td>j</td><td>ide</td>((?:<td>[^<]*</td>)*)</tr>", page[page.index("where the time"):]
                      .split("</table>")[0])
    *words, use = re.findall("<td>([^<]*)</td>", row)
    numbers_told = [float(word) for word in words]
    assert len(numbers_told) == 7 and abs(sum(numbers_told[:-1]) - numbers_told[-1]) < 0.1, row
    assert use == "10 %", use


def rounds_that_differ_have_whiskers():
    runs = [run(number, device, iops) for number, device, iops in (
        (0, "synthetic", 100.0), (0, "ide", 10.0), (1, "synthetic", 200.0), (1, "ide", 10.0))]
    rows = numbers.rows(runs)
    assert (rows[0]["least"], rows[0]["most"]) == (100, 200)
    text = plot.bars(rows, "disk", "m").text
    assert "vectors" in text and "whiskers" in text and " 1 0.666667 1.33333 " in text, text
    assert "vectors" not in plot.bars(numbers.rows(runs[:2]), "disk", "m").text


def a_picture_says_what_its_bars_are_shares_of():
    both, alone = [run(0, "synthetic", 100.0), run(0, "ide", 10.0)], [run(0, "ide", 10.0) | {"job": "k"}]
    for runs, told, untold in ((both, ["synthetic = 1", "'share of synthetic'"], ["the best"]),
                               (alone, ["where there is no synthetic the best is 1", "'share of the best'"], ["synthetic = 1"]),
                               (both + alone, ["synthetic = 1", "the best is 1", "'share of synthetic or the best'"], [])):
        text = plot.bars(numbers.rows(runs), "disk", "m").text.replace('"', "'")
        assert all(words in text for words in told) and not any(words in text for words in untold), text


# --- The guest's line

def with_guest(script, alive=lambda: True):
    """A guest whose other end is a function of (read, write)."""
    (out, theirs_in), (theirs_out, into) = os.pipe(), os.pipe()
    machine = guest.Guest("a test", out, into, alive)

    def play():
        with open(theirs_out, "r") as reader, open(theirs_in, "w", buffering=1) as writer:
            script(reader, writer)
    thread = threading.Thread(target=play)
    thread.start()
    return SimpleNamespace(guest=machine, thread=thread)


def a_job_is_marked_and_answered():
    def script(reader, writer):
        print("noise of the kernel\n@ready 1.5", file=writer)
        assert reader.readline() == "job\n"
        for mark in ("begin 1 2", "end 3 4"):
            print(f"@mark {mark}", file=writer)
            assert reader.readline() == "\n"
        print("@out abc\n@out def\n@done 0", file=writer)
    play, seen = with_guest(script), []
    assert play.guest.wait_ready(5) == 1.5
    out, marks = play.guest.run("job", 5, lambda name, counts: seen.append((name, counts)))
    play.thread.join()
    assert out == ["abc", "def"] and marks == {"begin": "1 2", "end": "3 4"} and seen == [("begin", "1 2"), ("end", "3 4")]


def a_guest_that_fails_ends_or_is_silent_is_told_with_its_last_lines():
    def fails(reader, writer):
        reader.readline()
        print("sh: fio: not found\n@done 127", file=writer)

    def ends(reader, writer):
        reader.readline()
        print("Kernel panic", file=writer)

    def silent(reader, _):
        reader.readline()
        reader.readline()
    for script, words, seconds in ((fails, "fio: not found", 5), (ends, "Kernel panic", 5),
                                   (silent, "said nothing more", 0.2)):
        play = with_guest(script)
        assert words in refused(guest.GuestError, play.guest.run, "job", seconds)
        os.write(play.guest.writer, b"\n") if script is silent else None
        play.thread.join()


def a_guest_that_is_late_answers_no_later_run():
    """What it says of the first would be the second's figures."""
    def late(reader, writer):
        reader.readline()
        reader.readline()
        print("@out first\n@done 0", file=writer)
    play = with_guest(late)
    assert "said nothing more" in refused(guest.GuestError, play.guest.run, "first", 0.2)
    os.write(play.guest.writer, b"\n")
    play.thread.join()
    assert "not done with an earlier run" in refused(guest.GuestError, play.guest.run, "second", 5)


def a_guest_that_ends_while_it_is_not_listened_to_is_told():
    """While counters are read at a mark, or between two runs: what is written then comes to nobody."""
    play = with_guest(lambda reader, writer: print("@mark begin 1", file=writer))

    def gone(name, counts):
        play.thread.join()
    os.set_blocking(play.guest.writer, True)
    assert "the guest of a test ended" in refused(guest.GuestError, play.guest.run, "job", 5, gone)
    assert "not done" in refused(guest.GuestError, play.guest.run, "job", 5)
    play.guest.busy = False
    assert "the guest of a test ended" in refused(guest.GuestError, play.guest.run, "job", 5)


def main():
    tests = [value for value in globals().values()
             if getattr(value, "__module__", None) == __name__ and callable(value)
             and value.__code__.co_argcount == 0 and value.__name__ not in ("main", "full_result")]
    with Tap() as tap:
        for test in tests:
            tap.run(test.__name__.replace("_", " "), test)


if __name__ == "__main__":
    main()
