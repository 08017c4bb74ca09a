# SPDX-License-Identifier: GPL-2.0-or-later
# Needs: root
# Limit: 700
"""What ./dev root promises of a command: streams, status, files in and out, a disk, a limit."""
import os
import tempfile
import time
from pathlib import Path

from lib.dev import dev
from lib.paths import RUN
from lib.tap import Tap


def check_command(folder):
    """Everything at once: each start of a machine costs seconds."""
    share, out, disk = folder / "share", folder / "out", folder / "disk.raw"
    (share / "sub").mkdir(parents=True)
    content = os.urandom(70_000)
    (share / "sub" / "file").write_bytes(content)
    disk.write_bytes(content)
    script = ("cat /share/sub/file; echo to stderr >&2; cp -r /share/sub /out/;"
              " head -c 70000 /dev/vda >/out/disk; echo written | dd of=/dev/vda"
              " conv=notrunc,fsync 2>/dev/null; grep -c ^processor /proc/cpuinfo >/out/cpus;"
              " exit 7")
    done = dev("root", "--no-build", "--cpus", "1", "--share", share, "--out", out,
               "--disk", disk, "--timeout", "120", "--", script)
    assert done.returncode == 7, (done.returncode, done.stderr.decode()[-3000:])
    assert done.stdout == content, "stdout is not what the command wrote"
    assert done.stderr == b"to stderr\n", done.stderr
    assert (out / "sub" / "file").read_bytes() == content
    assert (out / "disk").read_bytes() == content, "the root read another disk"
    assert (out / "cpus").read_text() == "1\n"
    assert disk.read_bytes().startswith(b"written\n"), "a write did not reach the disk"


def check_speed():
    start = time.monotonic()
    done = dev("root", "--no-build", "--", "cat", "/proc/interrupts")
    seconds = time.monotonic() - start
    assert done.returncode == 0, done.stderr.decode()[-3000:]
    assert b"IO-APIC" in done.stdout, done.stdout
    print(f"# from call to end {seconds:.1f} s")


def check_iommu():
    """The machine has one, the hypervisor finds it, and the root sees none."""
    done = dev("root", "--no-build", "--name", "iommu", "--iommu", "intel-iommu", "--",
               "ls /sys/firmware/acpi/tables; dmesg | grep -c DMAR")
    log = (RUN / "iommu" / "hypervisor.log").read_text()
    assert "1 IOMMUs" in log
    assert "can reach all memory by DMA: IOMMUs are not driven" in log
    assert b"APIC" in done.stdout, done.stdout[-3000:]
    assert b"DMAR" not in done.stdout and b"\n0\n" in done.stdout, done.stdout[-3000:]


def check_timeout():
    done = dev("root", "--no-build", "--timeout", "15", "--", "sleep 1000")
    assert done.returncode == 124, done.returncode
    assert b"timeout after 15 s" in done.stderr


def check_errors():
    for words, named in ((["--cpus", "0"], b"--cpus 0"),
                         (["--disk", "/nonexistent"], b"/nonexistent: no such file"),
                         (["--share", "/nonexistent"], b"/nonexistent: no such folder"),
                         (["--frob"], b"--frob"), (["--"], b"no command"),
                         (["--disk", "/"], b"--disk /: is a folder"),
                         (["--out", "/dev/null", "--", "true"], b"/dev/null: is not a folder"),
                         (["--timeout", "0"], b"--timeout 0"),
                         (["--memory", "lots"], b"--memory lots")):
        done = dev("root", "--no-build", *words)
        assert done.returncode == 2, (words, done.returncode)
        assert named in done.stderr, done.stderr


def main():
    with Tap() as tap, tempfile.TemporaryDirectory() as folder:
        tap.run("bad arguments are named and start nothing", check_errors)
        tap.run("streams, status, --share, --out and --disk reach the command and back",
                check_command, Path(folder))
        tap.run("a command runs on two CPUs", check_speed)
        tap.run("an IOMMU is found, and hidden from the root", check_iommu)
        tap.run("a command that does not end is ended", check_timeout)


if __name__ == "__main__":
    main()
