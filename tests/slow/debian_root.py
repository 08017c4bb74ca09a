# SPDX-License-Identifier: GPL-2.0-or-later
# Needs: root root-disk root-disk-bookworm target:tiny_guest
# Limit: 1800
"""./dev root --debian: Debian's own root disk, 13 and 12, systemd, our module and programs in it, a
child; in Debian 13 its QEMU."""
import shutil
import tempfile
from pathlib import Path

from lib.dev import dev
from lib.paths import BUILD, ROOT_SUITES, root_disk
from lib.tap import Tap, parse

TINY = BUILD / "tests" / "guest" / "tiny.bz"
# Each part leaves its answer in /out; systemd is not done while the command runs.
COMMANDS = """
findmnt -n -o SOURCE,FSTYPE,OPTIONS / >/out/root
cat /proc/1/comm >/out/init
dmesg >/out/dmesg
systemctl --failed --plain --no-legend >/out/failed
cat /etc/os-release >/out/release
[ -c /dev/mshv ] || exit 20
viridis list >/out/list || exit 21
viridis create one --memory 64M --vps 2 --kernel /share/tiny --serial /out/serial \
	--cmdline 'tests=cpuid,time,smp role=child' || exit 22
viridis start one || exit 23
for second in $(seq 120); do
	grep -q '^1\\.\\.' /out/serial && break
	sleep 1
done
viridis stop one
viridis delete one || exit 24
if [ -x /usr/bin/qemu-system-x86_64 ]; then
	qemu-system-x86_64 -accel mshv -M pc -m 64 -nodefaults -display none \
		-chardev file,id=bios,path=/out/bios -device isa-debugcon,iobase=0x402,chardev=bios &
	for second in $(seq 120); do
		grep -q 'No bootable device' /out/bios && break
		sleep 1
	done
	kill $!
fi
echo lost >/written
cut -d' ' -f1 /proc/uptime
exit 9
"""


def run(folder, suite):
    share, disk = folder / "share", root_disk(suite, "raw")
    share.mkdir(parents=True)
    shutil.copy(TINY, share / "tiny")
    before = disk.stat().st_mtime_ns
    done = dev("root", "--no-build", "--debian", "--suite", suite, "--name", "debian-root",
               "--share", share, "--out", folder / "out", "--timeout", "700", "--", COMMANDS,
               limit=800)
    assert done.returncode == 9, (done.returncode, done.stderr.decode()[-3000:])
    print(f"# the command's end is {done.stdout.decode().split()[-1]} s after the start of Linux")
    assert disk.stat().st_mtime_ns == before, "the disk that was built has been written"
    return folder / "out"


def check_disk(out, suite):
    source, kind, options = (out / "root").read_text().split()
    assert source == "/dev/vda" and kind == "ext4" and "rw" in options.split(","), options
    assert (out / "init").read_text() == "systemd\n"
    assert f"VERSION_CODENAME={suite}" in (out / "release").read_text()
    assert (out / "failed").read_text() == "", (out / "failed").read_text()


def check_hypervisor(out):
    dmesg = (out / "dmesg").read_text()
    assert "Hypervisor detected: Microsoft Hyper-V" in dmesg, dmesg
    assert "/dev/mshv ready" in dmesg, dmesg
    assert (out / "list").read_text().startswith("NAME "), (out / "list").read_text()


def check_bios(out):
    assert "No bootable device" in (out / "bios").read_text(errors="replace")


def play(tap, folder, suite):
    out = tap.run(f"{suite}: runs a command, and its status comes back", run, folder, suite)
    if not out:
        return
    tap.run(f"{suite}: systemd runs on the disk, mounted for writing, and no unit failed",
            check_disk, out, suite)
    tap.run(f"{suite}: under the hypervisor, with /dev/mshv", check_hypervisor, out)
    tap.adopt(parse((out / "serial").read_text(errors="replace")), f"{suite}: its child: ")
    if suite == "trixie":
        tap.run("trixie: its QEMU starts a BIOS with -accel mshv", check_bios, out)


def main():
    with Tap() as tap, tempfile.TemporaryDirectory() as folder:
        for suite in ROOT_SUITES:
            play(tap, Path(folder) / suite, suite)


if __name__ == "__main__":
    main()
