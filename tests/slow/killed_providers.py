# SPDX-License-Identifier: GPL-2.0-or-later
# Needs: root guest-initrd fio target:disk_verify
# Limit: 2400
"""A stock Linux whose storage provider is killed every second for a minute, under an ext4 of its, under fio that verifies what
it wrote, and under a program of ours that does: no error, no byte amiss, and a file system that the host's fsck finds nothing
in."""
import re
import subprocess
import tempfile
from pathlib import Path

from lib.child import Root, guest_initrd
from lib.disks import MIB
from lib.log import Failure
from lib.paths import BUILD, KERNEL
from lib.shell import ASH_PROMPT, GuestShell
from lib.tap import Tap

SECONDS = 60
BOOT_SECONDS = 300
FIO = BUILD / "fio" / "fio"
DISK_VERIFY = BUILD / "tests" / "e2e" / "disk_verify"
AMISS = "I/O error|Sense Key|EXT4-fs error|Remounting|hung task|blocked for more"
FILES = ("(end=$(($(date +%s) + {0})); n=0; mkdir /mnt/t; while [ $(date +%s) -lt $end ]; do"
         " cp /bin/busybox /mnt/t/$n; sync; n=$((n+1)); [ $((n % 8)) -ne 0 ] || rm -f /mnt/t/*; done;"
         " echo $n >/tmp/made) & true")


BLOCKS = 2 * MIB // 4096
# Each block is read back soon after, and by the second run once more all that the first left.
VERIFY = ("/share/fio --name=verified --directory=/mnt --size=2M --bs=4k --ioengine=io_uring --iodepth=8 --direct=1 --thread"
          " --verify=crc32c --verify_fatal=1 --rw=randwrite --output-format=json")
WRITE = f"{VERIFY} --verify_backlog=64 --time_based --runtime={SECONDS + 10} --fsync=256"
READ = f"{VERIFY} --verify_only"


def begin(guest):
    guest.tell("until [ -b /dev/sda ]; do sleep 0.1; done; mount -t ext4 /dev/sda /mnt", 60)
    guest.tell(f"(/share/disk_verify /mnt/verified {SECONDS + 15} 4 8388608 >/tmp/verify 2>&1;"
               " echo done $? >>/tmp/verify) & true")
    guest.tell(f"({WRITE} >/tmp/fio 2>&1; echo done $? >>/tmp/fio) & true")
    guest.tell(FILES.format(SECONDS + 5))


def check_fio(guest):
    """It wrote and read back without an error, while it was going on; and what it left is whole, by two runs."""
    told = guest.tell("until grep -q ^done /tmp/fio; do sleep 1; done; tail -n 1 /tmp/fio;"
                      " grep -E '\"(error|total_ios)\"' /tmp/fio || cat /tmp/fio", SECONDS * 20)
    figures = [int(figure) for figure in re.findall(r'"\w+" : (\d+)', told)]
    print(f"# fio: {figures[1:3]} reads and writes")
    assert told.startswith("done 0") and figures[0] == 0 and min(figures[1:3]) >= BLOCKS, told
    told = guest.tell(f"{READ} >/tmp/fio 2>&1; echo done $? >>/tmp/fio; tail -n 1 /tmp/fio;"
                      " grep -E '\"(error|total_ios)\"' /tmp/fio || cat /tmp/fio", 300)
    assert told.startswith("done 0") and re.findall(r'"\w+" : (\d+)', told)[:2] == ["0", str(BLOCKS)], told


def check_killed(root, guest):
    """The guest goes on meanwhile, and for a while after."""
    begin(guest)
    guest.detach()
    kills = int(root.tell(f"n=0; end=$(($(date +%s) + {SECONDS})); while [ $(date +%s) -lt $end ]; do"
                          " if kill -9 $(pidof viridis-storage) 2>/dev/null; then n=$((n+1)); fi;"
                          " sleep 1; done; echo $n", SECONDS * 20))
    assert kills >= SECONDS // 4, kills
    log = root.tell("viridis log ext4")
    assert "given-up" not in log, log[-2000:]
    assert log.count("storage: provider-restarted") >= kills - 1, log[-2000:]
    guest.attach()
    told = guest.tell("until grep -q ^done /tmp/verify && [ -s /tmp/made ]; do sleep 1; done; cat /tmp/verify",
                      SECONDS * 20)
    assert told.startswith("verified ") and told.endswith("done 0"), told
    check_fio(guest)
    amiss = guest.ask(f"dmesg | grep -E '{AMISS}'")
    assert amiss.status == 1, amiss.output
    guest.tell("for file in /mnt/t/*; do [ ! -e $file ] || cmp /bin/busybox $file || exit 1; done; umount /mnt", 120)
    guest.detach()


def check_fsck(disk):
    """The image as the host has it."""
    found = subprocess.run(["e2fsck", "-f", "-n", disk], capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stdout[-2000:]


def play(tap, root, disk):
    root.create("ext4", "--memory 160M --kernel /share/vmlinuz --initrd /share/initrd --disk /dev/vda",
                "console=ttyS0 quiet")
    root.start("ext4")
    guest = GuestShell(root.shell, "ext4", ASH_PROMPT, BOOT_SECONDS)
    tap.run("a minute of kills is no error and loses no byte", check_killed, root, guest)
    root.tell("viridis stop ext4", 120)
    tap.run("fsck finds nothing", check_fsck, disk)
    tap.run("nothing is left", root.nothing_left)
    tap.run("the root powers off", root.power_off)


def main():
    with Tap() as tap, tempfile.TemporaryDirectory(prefix="viridis-") as temporary:
        folder = Path(temporary)
        disk = folder / "ext4.raw"
        with open(disk, "wb") as file:
            file.truncate(64 * MIB)
        subprocess.run(["mke2fs", "-q", "-F", "-t", "ext4", disk], check=True)
        with guest_initrd({"disk_verify": DISK_VERIFY, "fio": FIO}) as initrd, \
                Root("killed-providers", {"vmlinuz": KERNEL, "initrd": initrd}, disks=[disk]) as root:
            try:
                play(tap, root, disk)
            except Failure as failure:
                raise Failure(f"{failure}\n{root.machine.describe()}") from failure


if __name__ == "__main__":
    main()
