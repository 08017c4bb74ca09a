# SPDX-License-Identifier: GPL-2.0-or-later
# Needs: root target:tiny_guest
# Limit: 400
"""Level-triggered interrupts of a root's devices: nested and waiting ones, line by line in our own
guest (which also shows that the bare machine does the same), and Linux reading three disks at once."""
import hashlib
import os
import re
import tempfile
from pathlib import Path

from lib.dev import dev
from lib.tap import Tap
from lib.tiny import run_tiny

DISKS = 3
DISK_BYTES = 8 << 20
BLOCK = 16 << 10
ROUNDS = 3
# The second disk's line is moved to the other CPU in each round, while the console interrupts.
COMMANDS = f"""
line() {{ sed -n "s/^ *\\([0-9]*\\):.*-fasteoi.* virtio$1$/\\1/p" /proc/interrupts; }}
echo 1 >/proc/irq/$(line 0)/smp_affinity
echo 2 >/proc/irq/$(line 2)/smp_affinity
(while :; do echo noise; sleep 0.01; done >/dev/console) &
noise=$!
grep virtio /proc/interrupts >/out/before
for round in $(seq {ROUNDS}); do
	echo $((round % 2 + 1)) >/proc/irq/$(line 1)/smp_affinity
	readers=
	for disk in vda vdb vdc; do
		dd if=/dev/$disk bs={BLOCK} iflag=direct 2>/dev/null | sha256sum >/out/$disk.$round &
		readers="$readers $!"
	done
	wait $readers
done
kill $noise
grep virtio /proc/interrupts >/out/after
dmesg >/out/dmesg
"""
LINE = re.compile(r"^ *\d+: +(\d+) +(\d+) .*-fasteoi +virtio(\d)$", re.MULTILINE)


def read_disks(folder):
    """Reads all disks by interrupts on INTx lines; gives the folder of what came back."""
    disks = []
    for number in range(DISKS):
        disk = folder / f"disk{number}"
        disk.write_bytes(os.urandom(DISK_BYTES))
        disks += ["--disk", disk]
    done = dev("root", "--no-build", "--name", "level-linux", "--cpus", "2", "--append",
               "pci=nomsi", *disks, "--out", folder / "out", "--", COMMANDS, limit=300)
    assert done.returncode == 0, (done.returncode, done.stderr.decode()[-3000:])


def check_content(folder):
    for number, name in enumerate(("vda", "vdb", "vdc")):
        expected = hashlib.sha256((folder / f"disk{number}").read_bytes()).hexdigest()
        for turn in range(1, ROUNDS + 1):
            found = (folder / "out" / f"{name}.{turn}").read_text().split()[0]
            assert found == expected, f"round {turn} of {name}: {found}, not {expected}"


def counts(text):
    """{disk: (interrupts of CPU 0, of CPU 1)}, of level lines alone."""
    return {int(match[3]): (int(match[1]), int(match[2])) for match in LINE.finditer(text)}


def check_counts(folder):
    """Some requests may end in one interrupt; most come alone."""
    before, after = (counts((folder / "out" / name).read_text())
                     for name in ("before", "after"))
    assert sorted(after) == list(range(DISKS)), after
    grown = {disk: [now - then for now, then in zip(after[disk], before[disk])]
             for disk in after}
    print(f"# level interrupts by CPU: {grown}")
    one_round = DISK_BYTES // BLOCK // 2
    for disk, (least0, least1) in enumerate(((ROUNDS, 0), (ROUNDS // 2, 1), (0, ROUNDS))):
        assert grown[disk][0] >= least0 * one_round, grown
        assert grown[disk][1] >= least1 * one_round, grown


def check_log(folder):
    text = (folder / "out" / "dmesg").read_text()
    assert "Microsoft Hyper-V" in text, text[:2000]
    bad = [line for line in text.splitlines()
           if re.search(r"nobody cared|Disabling IRQ|timed? ?out|I/O error|lockup", line)]
    assert not bad, "\n".join(bad)


def main():
    with Tap() as tap, tempfile.TemporaryDirectory() as folder:
        run_tiny(tap, "level-bare", "level", hypervisor=False, cpus=2, parallel=True,
                 memory="512M", extra_ports=True)
        for cpus in (1, 2):
            run_tiny(tap, f"level-root-{cpus}", "level", cpus=cpus, parallel=True,
                     memory="512M", extra_ports=True)
        tap.run("Linux reads three disks at once", read_disks, Path(folder))
        tap.run("every byte is right", check_content, Path(folder))
        tap.run("each line interrupts the CPUs it is led to", check_counts, Path(folder))
        tap.run("the kernel has nothing to complain of", check_log, Path(folder))


if __name__ == "__main__":
    main()
