# SPDX-License-Identifier: GPL-2.0-or-later
# Needs: root guest-initrd target:tiny_guest
# Limit: 1500
"""Disks of a child, to the byte: files of odd sizes, read-only ones, a block device and a file
without direct I/O, as a stock Linux sees them and as root and host do; disks that cannot be;
and what becomes of them when the process that serves them is killed, once or without end."""
import contextlib
import hashlib
import json
import re
import tempfile
from pathlib import Path

from lib.child import Root, guest_initrd
from lib.disks import MIB, SECTOR, Disk, make_image, sha256_in_image, write_file
from lib.log import Failure
from lib.paths import BUILD, KERNEL
from lib.shell import ASH_PROMPT, GuestShell
from lib.tap import Tap

TINY = BUILD / "tests" / "guest" / "tiny.bz"
DISK_VERIFY = BUILD / "tests" / "e2e" / "disk_verify"
SCSI_WRITE = BUILD / "tests" / "e2e" / "scsi_write"
BOOT_SECONDS = 240
BLOCK = 64 << 10
FLUSHES = "awk '{ print $16 }' /sys/block/vda/stat"
BLOCKS = "stat -c %b /mnt/big /mnt/odd | awk '{ n += $1 } END { print n }'"
FOLDERS = "find /var/lib/viridis /run/viridis ! -name '*.log' | sort"
TINY_VM = "--memory 32M --kernel /share/tiny"

big = Disk("big", "/mnt/big", 16 * MIB)
odd = Disk("odd", "/mnt/odd", 8 * MIB + SECTOR)
fixed = Disk("fixed", "/mnt/fixed", 4 * MIB + 3 * SECTOR, read_only=True)
device = Disk("device", "/dev/vda", 4 * MIB + 3 * SECTOR)
paged = Disk("paged", "/share/paged", MIB + SECTOR)
# In the order of their LUNs. The root's /share is in RAM, which knows no direct I/O.
DISKS = (big, odd, fixed, device, paged)
IN_IMAGE = (big, odd, fixed)
# One more, whose content is nobody's, behind them.
SCRATCH = "/mnt/scratch"
LUNS = len(DISKS) + 1
WRITABLE = tuple(disk for disk in DISKS if not disk.read_only)


def step(tap, name, function, *arguments):
    """A test without which there is no use in going on."""
    failed = tap.failed
    tap.run(name, function, *arguments)
    if tap.failed > failed:
        raise Failure(f"without '{name}' the rest is not played")


# --- what the guest finds

def check_found(guest):
    assert guest.tell(f". /share/disks; find_disks {len(DISKS)}", 90) == str(LUNS)


def check_sizes(guest):
    found = guest.tell("sizes").splitlines()
    assert found == [f"{disk.size} {SECTOR} {int(disk.read_only)}" for disk in DISKS], found


def check_sums(found):
    expected = [disk.sha256() for disk in DISKS]
    found = [line.split()[0] for line in found.splitlines()]
    assert found == expected, [disk.name for disk, one, other
                               in zip(DISKS, expected, found) if one != other]


def check_guest_content(guest):
    check_sums(guest.tell("sums", 120))


def check_root_content(root):
    """Past the root's caches too, but for what has no direct I/O."""
    check_sums(root.tell("; ".join(
        f"dd if={disk.path} bs=256k {'' if disk is paged else 'iflag=direct'} 2>/dev/null"
        " | sha256sum" for disk in DISKS), 120))


# --- what the guest writes

def copies(guest, wanted):
    """From the read-only disk, whose content is known: (disk, unit, skip, seek, count)."""
    for disk, unit, skip, seek, count in wanted:
        data = fixed.content[skip * unit:(skip + count) * unit]
        assert len(data) == count * unit
        disk.put(seek * unit, data)
    output = guest.tell("; ".join(
        f"cp_in {DISKS.index(disk)} {unit} {skip} {seek} {count}"
        for disk, unit, skip, seek, count in wanted), 120)
    assert output == "", output


def check_ends(guest):
    """The first and the last sector are written, and nothing behind them."""
    copies(guest, [wanted for disk in WRITABLE
                   for wanted in ((disk, SECTOR, 1, 0, 1),
                                  (disk, SECTOR, 2, disk.sectors - 1, 1))])
    found = guest.tell("; ".join(f"behind {DISKS.index(disk)} {disk.sectors}"
                                 for disk in WRITABLE)).splitlines()
    for disk, why, read in zip(WRITABLE, found[::2], found[1::2], strict=True):
        assert "No space left" in why and read == "0", (disk.name, why, read)


def check_patterns(guest):
    """Much at once, and pieces that start and end within a page of everybody's."""
    copies(guest, [wanted for disk in WRITABLE
                   for wanted in ((disk, BLOCK, 3, 1, 8), (disk, 7 * SECTOR, 11, 171, 13))])
    copies(guest, [(big, BLOCK, 0, 190, 64)])


def check_read_only(guest):
    """Neither with nor without the guest's own guard; commands past it are refused by the disk,
    and do what they say on another."""
    found = guest.tell("spoil 2>&1")
    assert found.count("status 0") == 0 and found.count("status 1") == 2, found
    assert "Read-only file system" in found, found
    protected = guest.tell("/share/scsi_write /dev/lun2").splitlines()
    assert protected == [f"{code} status 2 sense 7/27/0" for code in ("2a", "42")], protected
    written = guest.tell("/share/scsi_write /dev/lun4").splitlines()
    assert written == ["2a status 0", "42 status 0"], written
    paged.put(0, bytes(SECTOR))


FREED = ((big, 4 * MIB, 8 * MIB), (odd, 4 * MIB, 4 * MIB + SECTOR), (device, MIB, MIB),
         (paged, 768 << 10, 16 << 10))


def check_discard(guest):
    """The guest reads zeros there; up to the end of a disk that ends amid a page."""
    guest.tell("; ".join(f"cut_out {DISKS.index(disk)} {offset} {size}"
                         for disk, offset, size in FREED))
    for disk, offset, size in FREED:
        disk.put(offset, bytes(size))
    check_guest_content(guest)


def check_root_saw(root, flushes, blocks):
    """Flushes got as far as the device below the root; files gave their blocks back."""
    assert int(root.tell(FLUSHES)) > flushes
    freed = (blocks - int(root.tell(BLOCKS))) * SECTOR
    assert abs(freed - 12 * MIB) <= BLOCK, freed  # a block for a longer list of extents


def check_direct(root):
    """The root's page cache is in the way of no disk but the one that RAM holds."""
    told = root.tell("viridis log disks | grep 'refuses direct I/O'").splitlines()
    assert told and all(paged.path in line for line in told), told


def use(tap, root):
    """One life of a stock Linux with all the disks."""
    flushes, blocks = int(root.tell(FLUSHES)), int(root.tell(BLOCKS))
    root.start("disks")
    guest = GuestShell(root.shell, "disks", ASH_PROMPT, BOOT_SECONDS)
    step(tap, "the guest finds every disk at its LUN", check_found, guest)
    step(tap, "with its size in sectors of 512 bytes, and read-only or not", check_sizes,
         guest)
    step(tap, "it reads what the root's files hold", check_guest_content, guest)
    step(tap, "first and last sectors are written, none behind them", check_ends, guest)
    step(tap, "patterns are written wherever they begin", check_patterns, guest)
    step(tap, "a read-only disk is not written to", check_read_only, guest)
    step(tap, "it reads all that back, and zeros where it discarded", check_discard, guest)
    guest.detach()
    step(tap, "the root's files hold the same", check_root_content, root)
    step(tap, "flushes reached the device, discarded blocks are free", check_root_saw, root,
         flushes, blocks)
    step(tap, "it was direct I/O wherever it can be", check_direct, root)
    step(tap, "disks and heartbeat are counted", check_linux_stats, root)
    step(tap, "a disk that grows is seen by the running guest", check_grows, root, guest)
    return guest


# --- disks that cannot be

@contextlib.contextmanager
def nothing_changed(root):
    def everything():
        partitions = [entry["partition"] for entry in root.json("stats")["partitions"]]
        return partitions, root.tell(FOLDERS), root.tell("pidof viridis-storage || true")
    before = everything()
    yield
    after = everything()
    assert after == before, f"left behind: {before} became {after}"


def refused(root, words, named):
    answer = root.ask(f"viridis {words}")
    assert answer.status == 1, f"'{words}' ended with {answer.status}: {answer.output}"
    assert named in answer.output, f"'{words}' does not say '{named}': {answer.output}"


CREATE = (
    ("--disk /mnt/none", "disk /mnt/none: No such file"),
    ("--disk /mnt/none,ro", "disk /mnt/none: No such file"),
    ("--disk /mnt", "disk /mnt:"),
    ("--disk /mnt,ro", "disk /mnt: not a regular file or block device"),
    ("--disk /dev/null", "disk /dev/null: not a regular file or block device"),
    ("--disk /mnt/odd --disk /mnt/odd", "disk /mnt/odd: the same"),
    ("--disk /mnt/odd,ro --disk /mnt/odd", "disk /mnt/odd: the same"),
    ("--disk /mnt/odd --disk /mnt/linked,ro", "disk /mnt/linked: the same as disk /mnt/odd"),
    ("--disk /dev/vda --disk /tmp/vda", "disk /tmp/vda: the same as disk /dev/vda"),
    ("--serial /dev/vdb", "serial /dev/vdb: a block device"),
    # A terminal's line holds 1,000 characters, so that the shell there writes them out.
    ("$(for n in $(seq 65); do echo --disk /mnt/odd; done)", "65 disks: at most 64"),
)


def check_create(root):
    root.tell("ln -s odd /mnt/linked; mknod /tmp/vda b $(cat /sys/block/vda/dev | tr : ' ')")
    with nothing_changed(root):
        for words, named in CREATE:
            refused(root, f"create bad {TINY_VM} {words}", named)
    root.tell("rm /mnt/linked /tmp/vda")


def check_start(root):
    """Good when it was defined, and not any more; or in use, by the root or by another VM."""
    root.tell("for n in gone cut held; do head -c 1048576 /dev/zero >/mnt/$n; done")
    cases = (("gone", "/mnt/gone", "rm /mnt/gone", "/mnt/gone: No such file"),
             ("cut", "/mnt/cut", "truncate -s 1000 /mnt/cut", "/mnt/cut: its 1000 bytes"),
             ("folder", "/mnt/held", "rm /mnt/held; mkdir /mnt/held", "/mnt/held: "),
             ("mounted", "/dev/vdb", "true", "/dev/vdb: Device or resource busy"),
             ("writes", "/mnt/big", "true", "/mnt/big: the VM 'disks' is using it"),
             ("reads", "/mnt/big,ro", "true", "/mnt/big: the VM 'disks' is using it"),
             ("second", "/mnt/fixed,ro --disk /dev/vda", "true", "/dev/vda: the VM 'disks' is using it"))
    for name, disks, *_ in cases:
        root.create(name, f"{TINY_VM} --disk {disks}")
    with nothing_changed(root):
        for name, _, before, named in cases:
            root.tell(before)
            refused(root, f"start {name}", f"disk {named}")
            assert root.state(name) in ("off", "failed"), name
    for name, *_ in cases:
        root.tell(f"viridis delete {name}")
    root.tell("rm /mnt/cut; rmdir /mnt/held")


def check_many(root):
    """As many as there can be, and a read-only one twice."""
    root.tell("mkdir /mnt/many; for n in $(seq 63); do"
              " head -c 4096 /dev/zero >/mnt/many/$n; done")
    files = "$(for n in $(seq 62); do echo --disk /mnt/many/$n; done)"
    root.create("many", f"{TINY_VM} {files} --disk /mnt/many/63,ro --disk /mnt/many/63,ro",
                "tests=spin role=child")
    root.start("many")
    root.tell("viridis stop many; viridis delete many; rm -r /mnt/many")


# --- the process that serves them dies

def provider_of(root, name):
    worker = root.json(f"info {name}")["status"]["pid"]
    return root.tell("for p in $(pidof viridis-storage); do"
                     f" ! grep -q '^PPid:[[:space:]]*{worker}$' /proc/$p/status || echo $p;"
                     " done")


KILLS = 6


def check_restarts(root, guest):
    """A guest that writes and reads back all the time finds every byte as it must be, and no error."""
    guest.tell(f"(/share/disk_verify /dev/$(ls /sys/bus/scsi/devices/*:0:0:{len(DISKS)}/block) 25 4"
               " 8388608 >/tmp/verify 2>&1; echo done $? >>/tmp/verify) & true")
    guest.detach()
    for _ in range(KILLS):
        root.tell("sleep 1")
        root.tell(f"kill -9 {provider_of(root, 'disks')}")
        root.wait("viridis info disks | grep -q '^storage *serving'", 20,
                  "viridis info disks; viridis log disks | tail -n 20")
    guest.attach()
    told = guest.tell("until grep -q ^done /tmp/verify; do sleep 0.2; done; cat /tmp/verify;"
                      " dmesg | grep -E 'I/O error|Sense Key' || true", 120)
    assert told.startswith("verified ") and told.endswith("done 0"), told
    log = root_log(root, guest)
    assert log.count("storage: provider-restarted") == KILLS, log[-2000:]
    assert int(root_stat(root, guest, "requests")) > 0


HOT_LUN = 9
HOT_BLOCK = f"$(ls /sys/bus/scsi/devices/*:0:0:{HOT_LUN}/block)"


def check_comes_and_goes(root, guest):
    """Under a guest that runs and does nothing for it: it writes to the new disk, the root has what it wrote."""
    root.tell("head -c 4194304 /dev/zero >/mnt/hot")
    root.tell(f"viridis disk add disks /mnt/hot,lun={HOT_LUN},serial=hot-1")
    guest.attach()
    guest.tell(f"until [ -n \"$(ls /sys/bus/scsi/devices/*:0:0:{HOT_LUN}/block 2>/dev/null)\" ]; do sleep 0.1; done", 60)
    guest.tell(f"dd if=/dev/lun{DISKS.index(fixed)} of=/dev/{HOT_BLOCK} bs=64k count=32 oflag=direct"
               " conv=fsync status=none")
    assert "hot-1" in guest.tell(f"tail -c +5 /sys/block/{HOT_BLOCK}/device/vpd_pg80")
    guest.detach()
    expected = hashlib.sha256(fixed.content[:2 * MIB]).hexdigest()
    assert root.tell("head -c 2097152 /mnt/hot | sha256sum").split()[0] == expected
    assert f"/mnt/hot (LUN {HOT_LUN}," in root.tell("viridis info disks")
    for words, named in ((f"add disks /mnt/hot,lun={HOT_LUN + 1}", "the same as disk"),
                         ("add disks /mnt/none", "No such file"), ("remove disks 33", "no disk 33"),
                         (f"add disks /dev/vdb,lun={HOT_LUN + 1}", "busy")):
        answer = root.ask(f"viridis disk {words}")
        assert answer.status == 1 and named in answer.output, answer.output
    assert "vdb" not in root.tell("viridis info disks")
    root.tell(f"viridis disk remove disks {HOT_LUN}")
    guest.attach()
    guest.tell(f"while [ -e /sys/bus/scsi/devices/*:0:0:{HOT_LUN} ]; do sleep 0.1; done", 60)
    guest.tell("dd if=/dev/lun0 of=/dev/null bs=64k count=1 iflag=direct status=none")
    guest.detach()
    assert "/mnt/hot" not in root.tell("viridis info disks")
    root.tell("rm /mnt/hot")


def add_disk(root, guest, words, lun):
    """Added to the running guest, where it has been found. Its name there."""
    root.tell(f"viridis disk add disks {words},lun={lun}")
    guest.attach()
    guest.tell(f"until [ -n \"$(ls /sys/bus/scsi/devices/*:0:0:{lun}/block 2>/dev/null)\" ]; do sleep 0.1; done", 60)
    name = guest.tell(f"ls /sys/bus/scsi/devices/*:0:0:{lun}/block")
    guest.detach()
    return name


ZERO_LUN = 11


def check_zeroes(root, guest):
    """Blocks that are zeroed by command stay the file's, unless it says that they may be freed; the rest is as it was."""
    def blocks():
        return int(root.tell("sync; stat -c %b /mnt/zeroes"))
    root.tell(f"head -c {4 * MIB} /dev/urandom >/mnt/zeroes; (head -c {MIB}; head -c {2 * MIB} /dev/zero;"
              f" tail -c {MIB} /mnt/zeroes) </mnt/zeroes >/tmp/zeroed")
    before = blocks()
    name = add_disk(root, guest, "/mnt/zeroes", ZERO_LUN)
    found = []
    for how, first in (("zero", 2048), ("unmap", 4096)):
        guest.attach()
        assert guest.tell(f"/share/scsi_write /dev/{name} {how} {first} 2048") == "93 status 0"
        guest.detach()
        found.append(before - blocks())
    # A block of the file system, for a longer list of extents.
    assert abs(found[0]) <= 8 and abs(found[1] - 2048) <= 8, found
    root.tell("cmp /mnt/zeroes /tmp/zeroed")
    root.tell(f"viridis disk remove disks {ZERO_LUN} && rm /mnt/zeroes /tmp/zeroed")


# LUN, limit, what a request reads, how many of these, and how many of them the limit allows in a second.
LIMITS = ((12, "iops=20", "bs=4k", 40, 20), (13, "bps=512K", "bs=64k", 16, 8))


def check_limits(root, guest):
    """No more than the limit by the guest's own clock; what is saved up is a tenth of a second's, and one request."""
    for lun, words, size, count, rate in LIMITS:
        root.tell(f"head -c 4194304 /dev/zero >/mnt/limited{lun}")
        name = add_disk(root, guest, f"/mnt/limited{lun},{words}", lun)
        guest.attach()
        # Linux reads a new disk's partitions; that is paid for when nothing has been asked for a while.
        told = guest.tell(f"sleep 1; cut -d ' ' -f 1 /proc/uptime; dd if=/dev/{name} of=/dev/null {size} count={count}"
                          " iflag=direct status=none; cut -d ' ' -f 1 /proc/uptime", 120)
        guest.detach()
        start, end = map(float, told.split())
        assert count - 1 <= rate * (end - start + 0.1) + 1, (words, count, end - start)
        disk = next(one for one in root.json("stats disks")["storage"]["disks"] if one["lun"] == lun)
        assert disk["delayed"] > 0, disk
        root.tell(f"viridis disk remove disks {lun} && rm /mnt/limited{lun}")


FULL_LUN = 10
FULL_BLOCK = f"$(ls /sys/bus/scsi/devices/*:0:0:{FULL_LUN}/block)"


def check_full(root, guest, name="disks"):
    """A disk that is longer than what the root has room for: its guest is told why a write fails, and goes on; with
    more room it writes."""
    root.tell("mkdir -p /mnt/small && mount -t tmpfs -o size=4M small /mnt/small &&"
              " truncate -s 16M /mnt/small/full")
    root.tell(f"viridis disk add {name} /mnt/small/full,lun={FULL_LUN},cache=host")
    guest.attach()
    guest.tell(f"until [ -n \"$(ls /sys/bus/scsi/devices/*:0:0:{FULL_LUN}/block 2>/dev/null)\" ]; do sleep 0.1; done", 60)
    write = f"dd if=/dev/zero of=/dev/{FULL_BLOCK} bs=64k count=128 conv=fsync"
    answer = guest.ask(f"dmesg -c >/dev/null; {write}", 120)
    # Written from its page cache: which of the two, the guest's kernel decides.
    assert answer.status != 0 and re.search("No space left|Input/output error", answer.output), answer.output
    told = guest.tell("dmesg")
    assert "critical space allocation error" in told and "Space allocation failed" in told, told
    guest.tell(f"dd if=/dev/{FULL_BLOCK} of=/dev/null bs=64k count=8 2>/dev/null", 60)
    guest.detach()
    root.tell("mount -o remount,size=32M /mnt/small")
    guest.attach()
    guest.tell(f"{write} 2>/dev/null", 120)
    guest.detach()
    root.tell(f"viridis disk remove {name} {FULL_LUN} && umount /mnt/small")


def root_log(root, guest):
    guest.detach()
    text = root.tell("viridis log disks")
    guest.attach()
    return text


def root_stat(root, guest, name):
    guest.detach()
    value = root.json("stats disks")["storage"][name]
    guest.attach()
    return value


def check_told(root, guest):
    """One that is killed again and again is given up, under a guest that reads: the VM runs on, and its state
    and log say what it lost."""
    guest.tell("(read_on >/tmp/read_on 2>&1 &)")
    guest.detach()
    worker = root.json("info disks")["status"]["pid"]
    # Faster than it starts: no life serves for long. The other VM's provider is spared.
    root.tell(f"for n in $(seq 1000); do read -r all </proc/{worker}/task/{worker}/children;"
              " for one in $all; do read -r name </proc/$one/comm && [ $name = viridis-storage ]"
              " && kill -9 $one; done; sleep 0.02; done 2>/dev/null; true", 240)
    root.wait("viridis info disks | grep -q '^storage *died;'", 20,
              "viridis info disks; viridis log disks | tail -n 20")
    assert root.json("info disks")["status"]["providers"] == \
        {"storage": "died", "util": "serving"}
    assert root.state("disks") == "running"
    log = root.tell("viridis log disks")
    for words in ("viridis-storage: its process died of signal 9", "(scsi) is taken from"):
        assert words in log, log[-2000:]


def check_stats(root):
    """The disks' counters and the heartbeat: of the VM that runs, and of the one that has ended."""
    for ended in (False, True):
        if ended:
            root.tell("viridis stop spins")
        told = root.json("stats spins")
        assert told.get("ended", False) == ended, told
        disk = told["storage"]["disks"][0]
        assert disk["lun"] == 0 and disk["bytes"] == MIB and disk["errors"] == 0, disk
        assert told["util"]["heartbeat"]["state"] == "closed", told["util"]
        assert told["vps"], told
        assert "written-bytes" in root.tell("viridis stats spins")


def check_linux_stats(root):
    """A stock Linux answers the heartbeat, and what it read and wrote is counted, some of it in pages in a row."""
    told = root.json("stats disks")
    print(f"# {told['storage']['held']} of {told['storage']['requests']} requests name their memory")
    assert told["storage"]["held"] > 0, told["storage"]
    assert told["util"]["heartbeat"]["alive"] is True, told["util"]
    assert [disk["lun"] for disk in told["storage"]["disks"]] == list(range(LUNS))
    assert told["storage"]["disks"][0]["written-bytes"] > MIB, told["storage"]


def check_grows(root, guest):
    """Nobody in the guest does anything for it. A disk does not become smaller."""
    lun = DISKS.index(paged)
    root.tell(f"viridis resize disks --lun {lun} --size 2M")
    guest.attach()
    guest.tell(f"until [ $(blockdev --getsize64 /dev/lun{lun}) = {2 * MIB} ]; do sleep 0.1; done", 60)
    guest.tell(f"dd if=/dev/lun{lun} of=/dev/null bs=512 skip={2 * MIB // SECTOR - 1} count=1"
               " iflag=direct status=none")
    guest.detach()
    for words, named in ((f"--lun {lun} --size 1M", "only grows"), ("--lun 9 --size 9M", "LUN 9"),
                         (f"--lun {DISKS.index(device)} --size 64M", "not a regular file")):
        answer = root.ask(f"viridis resize disks {words}")
        assert answer.status == 1 and named in answer.output, answer.output
    root.tell("viridis resize disks")


def check_guest_lives(guest):
    """What was in flight never ends for it, but what needs no disk goes on."""
    guest.attach()
    alive = guest.tell("sleep 1; echo still $((6 * 7))")
    guest.detach()
    assert alive == "still 42", alive


def check_neighbour(root, served):
    """Another VM's disks are served on by the same process, and its VP runs."""
    count = "grep -c spinning /tmp/spins.out"
    before = int(root.tell(count))
    root.wait(f"[ $({count}) -gt {before} ]", 30)
    assert provider_of(root, "spins") == served
    assert root.json("info spins")["status"]["providers"]["storage"] == "serving"


def check_stops(root):
    """An orderly end may wait for the disk for ever, and then says what helps."""
    answer = root.ask("viridis shutdown disks --timeout 10", 60)
    if answer.status != 0:
        assert "'viridis stop disks' ends it" in answer.output, answer.output
        root.tell("viridis stop disks", 60)
    assert root.state("disks") == "off"
    assert "died" not in root.tell("viridis info disks")


def check_served_again(root):
    """Nothing of the dead process holds the disks: another guest has them, and judges one."""
    options = " ".join(disk.option for disk in DISKS)
    root.create("again", f"{TINY_VM} {options} --serial /tmp/again.out",
                "tests=storage role=child")
    root.start("again")
    bad = [result.name for result in root.tap_of("again", 60) if not result.passed]
    assert not bad, bad
    root.wait_state("again", "off", 20)
    root.tell("viridis delete again")


def check_traced(root, guest):
    """The way of reads, as root and hypervisor see it; of a VM that makes none, that it makes none."""
    guest.attach()
    guest.tell("(while :; do dd if=/dev/lun0 of=/dev/null bs=4k count=64 iflag=direct status=none; done) &"
               " echo $! >/tmp/reads")
    guest.detach()
    requests = root.json("trace --io disks")["requests"]
    assert 0 < len(requests) <= 20, requests
    hops = ("root-flag", "root-runs", "root-signal", "guest-flag", "guest-runs")
    of_root = ("provider-runs", "backend-asked", "backend-done")
    for request in requests:
        assert min(request.values()) > 0 and set(hops) <= set(request), request
        assert sum(request.get(hop, 0) for hop in hops + of_root) == request["total"], request
    assert any(set(of_root) <= set(request) for request in requests), requests
    root.tell("[ -z \"$(ls /sys/kernel/tracing/instances)\" ]")
    table = root.tell("viridis trace --io disks --count 1").splitlines()
    assert len(table) == 3 and table[2].split()[0] == "median", table
    for name, told in (("nobody", "nobody"), ("spins", "made no request")):
        answer = root.ask(f"viridis trace --io {name}")
        assert answer.status != 0 and told in answer.output, answer.output
    check_top(root)
    guest.attach()
    guest.tell("kill $(cat /tmp/reads)")
    guest.detach()


def check_top(root):
    """Three seconds of it lie between what the counters were before and behind; one that does nothing has no I/O."""
    answers = root.tell("viridis stats disks --json | tr -d '\\n'; echo; viridis top --interval 3 --count 1 --json;"
                        " viridis stats disks --json | tr -d '\\n'").splitlines()
    before, after = json.loads(answers[0]), json.loads(answers[-1])
    rows = {row["name"]: row for row in json.loads("".join(answers[1:-1]))["partitions"]}
    assert set(rows) == {"root", "disks", "spins"} and rows["disks"]["vps"] == len(after["vps"]), rows
    for name, count in (("disk-requests/s", lambda stats: sum(disk["reads"] for disk in stats["storage"]["disks"])),
                        ("disk-bytes/s", lambda stats: sum(disk["read-bytes"] for disk in stats["storage"]["disks"])),
                        ("exits/s", lambda stats: sum(vp["entries"] for vp in stats["vps"])),
                        ("hypercalls/s", lambda stats: sum(vp["exit-hypercall"] for vp in stats["vps"]))):
        told, counted = 3 * rows["disks"][name], count(after) - count(before)
        assert 0 < told <= 1.1 * counted and told > counted / 10, (name, told, counted)
    assert rows["spins"]["disk-requests/s"] == rows["disks"]["net-frames/s"] == 0, rows
    assert "disk-requests/s" not in rows["root"], rows
    text = root.tell("viridis top --interval 0.5 --count 2 | cat")
    lines = [line.split()[0] for line in text.splitlines() if "CPU(s)" not in line]
    assert lines.count("NAME") == lines.count("disks") == lines.count("root") == 2 and "[H" not in text, text


def lose(tap, root, guest):
    root.tell("head -c 1048576 /dev/zero >/tmp/other")
    root.create("spins", f"{TINY_VM} --serial /tmp/spins.out --disk /tmp/other",
                "tests=spin role=child")
    root.start("spins")
    root.wait_output("spins", "spinning on 1 VPs", 60)
    served = provider_of(root, "spins")
    step(tap, "a read's way is shown hop by hop", check_traced, root, guest)
    guest.attach()
    step(tap, "kill -9 of the provider is no error and loses no write", check_restarts, root, guest)
    guest.detach()
    step(tap, "a disk comes, is written to, and goes again", check_comes_and_goes, root, guest)
    step(tap, "one that the root has no room for fails its writes, and no more", check_full, root, guest)
    step(tap, "zeros by command: blocks of the file are kept, or freed", check_zeroes, root, guest)
    step(tap, "no more than a disk's limits, in requests and in bytes", check_limits, root, guest)
    guest.attach()
    step(tap, "one killed without end is given up, and told by state and log", check_told, root, guest)
    step(tap, "the guest lives on", check_guest_lives, guest)
    step(tap, "another VM does not notice", check_neighbour, root, served)
    step(tap, "its counters are told, and still when it has ended", check_stats, root)
    step(tap, "viridis shutdown or stop still ends it", check_stops, root)
    step(tap, "its disks are served to others again", check_served_again, root)


# --- all of it

def check_account(root, before):
    """To the page what it was before the first child."""
    root.nothing_left()
    after = root.memory()
    assert after == before, f"{before} became {after}"


def check_host(folder):
    """The same bytes once more, from outside the machine."""
    found = {disk.name: sha256_in_image(disk, folder / "files.img") for disk in IN_IMAGE}
    found["device"] = hashlib.sha256((folder / "device").read_bytes()).hexdigest()
    expected = {disk.name: disk.sha256() for disk in (*IN_IMAGE, device)}
    assert found == expected, [name for name in found if found[name] != expected[name]]


def play(tap, root):
    root.tell("mount -t ext4 /dev/vdb /mnt")
    before = root.memory()
    root.tell(f"head -c 8388608 /dev/zero >{SCRATCH}")
    root.create("disks", "--memory 160M --kernel /share/vmlinuz --initrd /share/initrd "
                + " ".join(disk.option for disk in DISKS) + f" --disk {SCRATCH}", "console=ttyS0 quiet")
    tap.run("disks that cannot be are refused by create", check_create, root)
    guest = use(tap, root)
    tap.run("and by start", check_start, root)
    tap.run("64 disks are served", check_many, root)
    lose(tap, root, guest)
    root.tell("viridis delete disks; viridis delete spins")
    tap.run("every page is back, and nothing is left", check_account, root, before)
    root.tell("umount /mnt")
    tap.run("the root powers off", root.power_off)


def main():
    programs = {"disks": Path(__file__).with_name("storage-guest"), "scsi_write": SCSI_WRITE,
                "disk_verify": DISK_VERIFY}
    with Tap() as tap, tempfile.TemporaryDirectory(prefix="viridis-") as temporary, \
            guest_initrd(programs) as initrd:
        folder = Path(temporary)
        make_image(IN_IMAGE, folder / "files", folder / "files.img")
        write_file(device, folder / "device")
        write_file(paged, folder / "paged")
        files = {"vmlinuz": KERNEL, "initrd": initrd, "tiny": TINY,
                 "paged": folder / "paged"}
        disks = [folder / "device", folder / "files.img"]
        with Root("storage", files, disks=disks) as root:
            try:
                play(tap, root)
            except Failure as failure:
                raise Failure(f"{failure}\n{root.machine.describe()}") from failure
        tap.run("the host reads the same bytes", check_host, folder)


if __name__ == "__main__":
    main()
