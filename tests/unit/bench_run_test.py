# SPDX-License-Identifier: GPL-2.0-or-later
"""`./dev bench` with the measurement itself played: what it prints of it, keeps, and ends with; and its jobs as works of
`./dev profile`."""
import contextlib
import io
import json
import sys
import tempfile
from pathlib import Path
from unittest import mock

from bench import run
from commands import profile
from lib.log import Failure
from lib.tap import Tap
from profiler import works

RUN = {"job": "send", "device": "e1000", "round": 1, "error": "Connection refused"}
ROW = {"job": "send", "device": "synthetic", "figures": {}}


def played(result, *words):
    """Exit status, what is on stderr, and the kept result. `result` may be an error in its place."""
    def measure(_folder, icount, _words):
        assert icount == ("devices-timed" not in words)
        if isinstance(result, Exception):
            raise result
        return {"failures": [], "partial": "", "rows": [ROW]} | result, "a table"

    errors, output = io.StringIO(), io.StringIO()
    with tempfile.TemporaryDirectory() as folder, mock.patch.object(run, "RESULT", Path(folder)), \
            mock.patch.object(run.devices, "measure", measure), \
            mock.patch.object(run, "end_by_signals", lambda: None), \
            mock.patch.object(sys, "argv", ["bench", *words]), \
            contextlib.redirect_stderr(errors), contextlib.redirect_stdout(output):
        status = run.main()
        kept = Path(folder) / "result.json"
        return status, errors.getvalue(), json.loads(kept.read_text()) if kept.exists() else None


def a_whole_measurement_is_a_success():
    for part in run.OF_DEVICES:
        status, errors, kept = played({}, part)
        assert (status, kept["failed"]) == (0, {}) and "failed" not in errors, (part, errors)
        assert len(kept["devices"]) == 1, kept


def a_failed_run_is_named_and_no_success():
    for part in run.OF_DEVICES:
        status, errors, kept = played({"failures": [RUN]}, part)
        assert status == 1 and "failed: send e1000, round 2" in errors, (part, errors)
        assert kept["failed"] == {"send e1000, round 2": "Connection refused"} and kept["devices"], kept


def a_partial_measurement_is_no_success():
    for part in run.OF_DEVICES:
        status, errors, kept = played({"partial": "interrupted by SIGINT"}, part)
        assert status == 1 and "failed: partial" in errors and kept["failed"], (part, errors)


def one_that_fails_keeps_no_result():
    status, errors, kept = played(Failure("no QEMU in the disk"), "devices")
    assert (status, kept) == (1, None) and "no QEMU in the disk" in errors, errors


def each_job_on_each_device_is_a_work_of_the_profiler():
    """./dev profile: by what it takes and tells; starts are none, as their programs are no job's."""
    names = [name for name in works.WORKS if name.startswith(works.BENCH)]
    assert len(names) == len(set(names)) == 8 * 7 + 4 * 5, names
    for name in ("bench-synthetic-randread-4k-32", "bench-attached-send", "bench-ide-write-128k-4", "bench-e1000-request"):
        assert profile.checked([name, "read1"]).works == [name, "read1"]
    for wrong, told in (("bench-ide-send", "bench-e1000-send"), ("bench-qemu-boot", "bench-ahci-read-1m-4"), ("fio", "read128k")):
        errors = io.StringIO()
        try:
            with contextlib.redirect_stderr(errors):
                profile.checked([wrong])
            raise AssertionError(f"{wrong} was taken")
        except SystemExit as end:
            assert end.code == 2 and f"no work '{wrong}'" in errors.getvalue() and told in errors.getvalue(), errors.getvalue()
    page = profile.parser().format_help()
    assert "bench-DEVICE-JOB" in page and page.count("bench-") < 5, page


def main():
    with Tap() as tap:
        for check in (each_job_on_each_device_is_a_work_of_the_profiler, a_whole_measurement_is_a_success, a_failed_run_is_named_and_no_success,
                      a_partial_measurement_is_no_success, one_that_fails_keeps_no_result):
            tap.run(check.__name__.replace("_", " "), check)


if __name__ == "__main__":
    main()
