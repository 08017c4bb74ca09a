# SPDX-License-Identifier: GPL-2.0-or-later
# Needs: root guest-initrd nbd-disk target:disk_verify
# Limit: 1200
"""A disk in a qcow2 image, which qemu-nbd serves in the root, as a stock Linux has it: mounted, written to and
verified while its server is killed and started again; one that is added to the running guest, and lost for too long; and
a guest with as many disks as there can be, files and NBD servers' side by side."""
import shutil
import subprocess
import tempfile
from pathlib import Path

from lib.child import Root
from lib.log import Failure
from lib.paths import BUILD, GUEST_INITRD, KERNEL, NBD_DISK
from commands.root import concatenated_initrd
from lib.shell import GuestShell
from lib.tap import Tap

DISK_VERIFY = BUILD / "tests" / "e2e" / "disk_verify"
BOOT_SECONDS = 240
PROMPT = r"built-in shell [(]ash[)][^#]*/ # "
MIB = 1 << 20
DISK_BYTES = 64 * MIB
KILLS = 3

WEB = "nbd://127.0.0.1/web"
MORE_SOCKET = "/run/more.nbd"
MORE = f"nbd+unix:///more?socket={MORE_SOCKET}"
MORE_LUN = 5
MORE_BLOCK = f"$(ls /sys/bus/scsi/devices/*:0:0:{MORE_LUN}/block)"
SERVE = ("qemu-nbd --persistent --format qcow2 --export-name web --cache none --aio threads --discard unmap"
         " --bind 127.0.0.1 /mnt/web.qcow2")
SERVE_MORE = f"qemu-nbd --persistent --format raw --export-name more --socket {MORE_SOCKET} /mnt/more"


def make_images(folder):
    """A file system for the root, and in it a disk in qcow2, which has a file system for the guest."""
    inside = folder / "inside"
    inside.mkdir()
    raw = folder / "web.raw"
    with open(raw, "wb") as file:
        file.truncate(DISK_BYTES)
    subprocess.run(["mke2fs", "-q", "-F", "-t", "ext4", raw], check=True)
    subprocess.run(["qemu-img", "convert", "-O", "qcow2", raw, inside / "web.qcow2"], check=True)
    image = folder / "files.img"
    with open(image, "wb") as file:
        file.truncate(256 * MIB)
    subprocess.run(["mke2fs", "-q", "-F", "-t", "ext4", "-d", inside, image], check=True)
    return image


def guest_initrd(folder):
    share = folder / "guest" / "share"
    share.mkdir(parents=True)
    shutil.copy(DISK_VERIFY, share / "disk_verify")
    return concatenated_initrd(folder / "guest", GUEST_INITRD, folder / "guest.cpio")


# --- servers in the root

def serve(root, words, name="web"):
    root.tell(f"(setsid {words} >/tmp/{name}.log 2>&1 & echo $! >/tmp/{name}.pid)")


def serve_web(root):
    serve(root, SERVE)
    root.wait("netstat -ltn | grep -q :10809", 30, "cat /tmp/web.log")


def serve_more(root):
    serve(root, SERVE_MORE, "more")
    root.wait(f"[ -S {MORE_SOCKET} ]", 30, "cat /tmp/more.log")


def kill_server(root, name="web"):
    root.tell(f"kill -9 $(cat /tmp/{name}.pid); while kill -0 $(cat /tmp/{name}.pid) 2>/dev/null; do sleep 0.1; done")


def wait_event(root, event, count):
    root.wait(f"[ $(grep -c '^{event}' /tmp/events) -ge {count} ]", 60, "cat /tmp/events; viridis log web | tail -n 20")


# --- steps

def refused(root, words, *named):
    answer = root.ask(f"viridis {words}")
    assert answer.status == 1, f"'{words}' ended with {answer.status}: {answer.output}"
    for one in named:
        assert one in answer.output, f"'{words}' does not say '{one}': {answer.output}"


def check_missing(root):
    refused(root, "start web", "viridis-storage-nbd is not installed", "viridis-nbd")


def install(root):
    """The disk's programs and libraries, beside those that there are."""
    root.tell("for f in /nbd/bin/*; do ln -s $f /bin/; done; for f in /nbd/lib/*; do"
              " [ -e /lib/x86_64-linux-gnu/${f##*/} ] || ln -s $f /lib/x86_64-linux-gnu/; done")


def check_refused(root):
    refused(root, "start web", WEB, "Connection refused", "has its server been started")
    serve(root, SERVE.replace("--export-name web", "--export-name other"))
    root.wait("netstat -ltn | grep -q :10809", 30, "cat /tmp/web.log")
    refused(root, "start web", WEB, "nbdinfo --list")
    kill_server(root)


def mount_disk(root):
    serve_web(root)
    root.start("web")
    root.tell("(viridis events web >/tmp/events 2>&1 &)")
    guest = GuestShell(root.shell, "web", PROMPT, BOOT_SECONDS)
    guest.tell("until [ -b /dev/sda ]; do sleep 0.1; done; mkdir -p /disk && mount -t ext4 /dev/sda /disk", 90)
    assert guest.tell("blockdev --getsize64 /dev/sda") == str(DISK_BYTES)
    guest.tell("dd if=/dev/urandom of=/disk/random bs=64k count=64 status=none conv=fsync &&"
               " sha256sum /disk/random >/disk/sum", 120)
    return guest


def check_killed(root, guest):
    """Under a guest that writes and reads back all the time: no error, no lost write."""
    guest.tell("dd if=/dev/zero of=/disk/load bs=64k count=128 conv=fsync status=none;"
               " (/share/disk_verify /disk/load 20 2 >/tmp/verify 2>&1; echo done $? >>/tmp/verify) & true", 120)
    guest.detach()
    for count in range(1, KILLS + 1):
        root.tell("sleep 2")
        kill_server(root)
        wait_event(root, "disk-lost", count)
        if count == 1:
            assert f"lost       {WEB} (LUN 0)" in root.tell("viridis info web")
            assert root.json("info web")["status"]["lost-disks"] == [0]
        serve_web(root)
        wait_event(root, "disk-back", count)
    assert "lost " not in root.tell("viridis info web")
    guest.attach()
    told = guest.tell("until grep -q ^done /tmp/verify; do sleep 0.2; done; cat /tmp/verify;"
                      " dmesg | grep -E 'I/O error|Sense Key|EXT4-fs err' || true", 180)
    assert told.startswith("verified ") and told.endswith("done 0"), told


def check_provider_killed(root, guest):
    """With and without its server."""
    guest.tell("(/share/disk_verify /disk/load 12 2 >/tmp/verify 2>&1; echo done $? >>/tmp/verify) & true")
    guest.detach()
    root.tell("sleep 1; kill -9 $(pidof viridis-storage-nbd)")
    root.wait("viridis info web | grep -q '^storage *serving'", 30, "viridis log web | tail -n 20")
    root.tell("sleep 1")
    kill_server(root)
    root.tell("sleep 1; kill -9 $(pidof viridis-storage-nbd)")
    root.wait("viridis info web | grep -q '^storage *serving'", 30, "viridis log web | tail -n 20")
    serve_web(root)
    guest.attach()
    told = guest.tell("until grep -q ^done /tmp/verify; do sleep 0.2; done; cat /tmp/verify;"
                      " dmesg | grep -E 'I/O error|Sense Key|EXT4-fs err' || true", 180)
    assert told.startswith("verified ") and told.endswith("done 0"), told


def check_added(root, guest):
    """A disk that comes to the running guest; lost for longer than its time it fails, and works when it is back."""
    guest.detach()
    root.tell("head -c 8388608 /dev/zero >/mnt/more")
    refused(root, f"disk add web '{MORE},lun={MORE_LUN},timeout=2'", "No such file", "has its server been started")
    serve_more(root)
    root.tell(f"viridis disk add web '{MORE},lun={MORE_LUN},timeout=2'")
    guest.attach()
    guest.tell(f"until [ -n \"$(ls /sys/bus/scsi/devices/*:0:0:{MORE_LUN}/block 2>/dev/null)\" ]; do sleep 0.1; done", 60)
    guest.tell(f"dd if=/share/disk_verify of=/dev/{MORE_BLOCK} bs=4k count=16 conv=fsync status=none")
    guest.detach()
    kill_server(root, "more")
    root.tell(f"rm -f {MORE_SOCKET}")
    guest.attach()
    answer = guest.ask(f"dmesg -c >/dev/null; dd if=/dev/{MORE_BLOCK} of=/dev/null bs=4k count=16 iflag=direct", 120)
    assert answer.status != 0, answer.output
    told = guest.tell("dmesg")
    assert "Hardware Error" in told, told
    guest.detach()
    serve_more(root)
    root.wait("! viridis info web | grep -q '^lost '", 60, "viridis log web | tail")
    guest.attach()
    assert guest.tell(f"dd if=/dev/{MORE_BLOCK} bs=4k count=16 iflag=direct status=none | sha256sum") == \
        guest.tell("head -c 65536 /share/disk_verify | sha256sum")


def check_discards(root, guest):
    """What the guest discards is free in the root's image; what is left is whole."""
    guest.tell("rm /disk/load && sync && fstrim /disk && sha256sum -c /disk/sum && umount /disk", 120)
    guest.detach()
    root.tell("viridis stop web")
    kill_server(root)
    root.tell("qemu-img check -q -U /mnt/web.qcow2 || qemu-img check /mnt/web.qcow2")
    root.tell("qemu-img convert -O raw /mnt/web.qcow2 /mnt/raw && mkdir -p /tmp/m && mount -o ro,loop /mnt/raw /tmp/m")
    root.tell("sed 's,/disk/,/tmp/m/,' /tmp/m/sum | sha256sum -c && umount /tmp/m")
    allocated = int(root.tell("stat -c %b /mnt/raw")) * 512
    assert allocated < 16 * MIB, allocated  # 4 MiB of data, the file system's own; not the 8 MiB that were freed


MANY, MANY_NBD = 64, 4


def check_many(root):
    """Linux finds each at its LUN, and what it writes there is in that disk's file."""
    files = MANY - MANY_NBD
    root.tell(f"mkdir /mnt/many; for n in $(seq 0 {MANY - 1}); do head -c 65536 /dev/zero >/mnt/many/$n; done")
    for n in range(files, MANY):
        serve(root, f"qemu-nbd --persistent --format raw --export-name {n} --socket /run/many{n}.nbd /mnt/many/{n}", f"many{n}")
        root.wait(f"[ -S /run/many{n}.nbd ]", 30, f"cat /tmp/many{n}.log")
    # A terminal's line holds 1,000 characters, so that the shell there writes them out.
    root.create("many", "--memory 160M --kernel /share/vmlinuz --initrd /share/initrd"
                f" $(for n in $(seq 0 {files - 1}); do echo --disk /mnt/many/$n; done)"
                f" $(for n in $(seq {files} {MANY - 1}); do echo \"--disk nbd+unix:///$n?socket=/run/many$n.nbd\"; done)",
                "console=ttyS0 quiet")
    root.start("many")
    guest = GuestShell(root.shell, "many", PROMPT, BOOT_SECONDS)
    guest.tell(f"until [ $(ls -d /sys/bus/scsi/devices/*:0:0:*/block/* | wc -l) -ge {MANY} ]; do sleep 0.1; done", 180)
    guest.tell(f"for n in $(seq 0 {MANY - 1}); do echo disk $n | dd of=/dev/$(ls /sys/bus/scsi/devices/*:0:0:$n/block)"
               " bs=512 conv=sync,fsync status=none || break; done", 120)
    guest.detach()
    root.tell("viridis stop many; viridis delete many")
    for n in range(files, MANY):
        kill_server(root, f"many{n}")
    found = root.tell(f"for n in $(seq 0 {MANY - 1}); do head -n 1 /mnt/many/$n | tr -d '\\000'; done").splitlines()
    assert found == [f"disk {n}" for n in range(MANY)], found
    root.tell("rm -r /mnt/many")


def play(tap, root):
    root.tell("mkdir /nbd && mount -t ext4 -o ro /dev/vda /nbd && mount -t ext4 /dev/vdb /mnt &&"
              " ip link set lo up")
    root.create("web", f"--memory 160M --kernel /share/vmlinuz --initrd /share/initrd --disk {WEB}",
                "console=ttyS0 quiet")
    tap.run("without the program that serves them the way out is told", check_missing, root)
    install(root)
    tap.run("a server that is not there is named", check_refused, root)
    guest = mount_disk(root)
    tap.ok(True, "a stock Linux mounts a disk from a qcow2 image, and writes")
    tap.run("its server is killed and started again: no error, no lost write", check_killed, root, guest)
    tap.run("so is its provider, with and without its server", check_provider_killed, root, guest)
    tap.run("a disk is added, fails after its time, and works when its server is back", check_added, root, guest)
    tap.run("what is discarded is free, and the image has what was written", check_discards, root, guest)
    kill_server(root, "more")
    tap.run("64 disks of one Linux, four of them NBD servers'", check_many, root)
    root.tell("viridis delete web; umount /mnt")
    tap.run("nothing is left", root.nothing_left)
    tap.run("the root powers off", root.power_off)


def main():
    with Tap() as tap, tempfile.TemporaryDirectory(prefix="viridis-") as temporary:
        folder = Path(temporary)
        files = {"vmlinuz": KERNEL, "initrd": guest_initrd(folder)}
        with Root("nbd-disks", files, disks=[NBD_DISK, make_images(folder)]) as root:
            try:
                play(tap, root)
            except Failure as failure:
                raise Failure(f"{failure}\n{root.machine.describe()}") from failure


if __name__ == "__main__":
    main()
