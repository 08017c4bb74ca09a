# SPDX-License-Identifier: GPL-2.0-or-later
# Needs: root full-disk
# Limit: 3600
"""`./dev root --full`: Debian 13 with our packages and stock libvirt, whose qemu:///system runs machines of type hyperv on
/dev/mshv, confined as it does by default: virt-install makes one with a BIOS and a screen, virsh manages it; with metadata for
our hook it has disks and networks of VMBus. Another has UEFI."""
import tempfile
from pathlib import Path

from lib.guide import commands
from lib.installed import PatientShell, start_bridge
from lib.log import Failure
from lib.paths import TOP
from lib.session import Session
from lib.tap import Tap

BOOT_SECONDS = 800
GUEST_SECONDS = 400
UEFI_SECONDS = 900
CONSOLE = "/tmp/console"  # what virsh console has shown; what is written to CONSOLE.in is typed there
DISK = "/var/lib/libvirt/images/data.raw"


class Full(PatientShell):
    """The shell of root on the serial line of `./dev root --full`."""

    def __init__(self, session):
        super().__init__(session)
        session.console.wait("root@packages:~# ", BOOT_SECONDS)
        self.tell("dmesg -n 1; stty cols 2000; export SYSTEMD_PAGER=cat TERM=dumb LANG=C")

    def wait(self, condition, limit, shown="true"):
        """Until the condition holds; on failure what `shown` prints."""
        loop = f"timeout {limit} sh -c {quoted(f'until {condition}; do sleep 3; done')}"
        if self.ask(loop, limit + 60).status != 0:
            raise Failure(f"not in {limit} s: {condition}\n{self.ask(shown).output}")


def quoted(text):
    return "'" + text.replace("'", "'\\''") + "'"


def state(shell):
    return shell.tell("virsh domstate first")


def check_installed(shell):
    """What README has apt install is there."""
    for line in commands("apt install -t trixie-backports"):
        assert line.startswith("apt install "), line
        told = shell.tell(line.replace("apt install", "apt-get --simulate install"), 300)
        assert " 0 newly installed" in told, told


def check_capabilities(shell):
    shell.wait("systemctl is-active -q libvirtd || systemctl is-active -q virtqemud", 120)
    shell.tell("virsh capabilities >/tmp/capabilities", 300)
    told = shell.tell("grep -E \"domain type=|<model>apparmor\" /tmp/capabilities")
    assert "domain type='hyperv'" in told and "<model>apparmor</model>" in told, told


def check_install(shell):
    """The commands of README."""
    for line in commands("virt-install --virt-type hyperv --name first"):
        shell.tell(line, 300)
    assert state(shell) == "running"
    told = shell.tell("virsh dumpxml first")
    assert "<domain type='hyperv'" in told and "<graphics type='vnc'" in told, told
    who = shell.tell("ps -o user:20= -C qemu-system-x86_64")
    assert who.split() == ["libvirt-qemu"], who
    confined = shell.tell("cat /proc/$(pidof qemu-system-x86_64)/attr/current")
    assert confined.startswith("libvirt-") and "(enforce)" in confined, confined


def open_console(shell, name="first"):
    """virsh wants a terminal, which script gives it."""
    shell.tell(f"rm -f {CONSOLE} {CONSOLE}.in && mkfifo {CONSOLE}.in")
    shell.tell(f"(script -qfc 'virsh console {name} --force' {CONSOLE} <>{CONSOLE}.in >/dev/null 2>&1 &)")


def wait_console(shell, text, limit=60):
    shell.wait(f"grep -aqF {quoted(text)} {CONSOLE}", limit, f"tail -n 30 {CONSOLE}")


def check_console(shell):
    """Linux in it has come to its first shell, which answers what is typed."""
    open_console(shell)
    wait_console(shell, "(initramfs)", GUEST_SECONDS)
    shell.tell(f"echo 'echo ans''wered $((6 * 7))' >{CONSOLE}.in")
    wait_console(shell, "answered 42")


def check_life(shell):
    shell.tell("virsh suspend first")
    assert state(shell) == "paused"
    shell.tell("virsh resume first")
    assert state(shell) == "running"
    shell.tell("virsh screenshot first /tmp/screen.ppm", 120)
    assert shell.tell("head -c 2 /tmp/screen.ppm") in ("P6", "\N{REPLACEMENT CHARACTER}P"), "no picture"


def check_vmbus(shell):
    """The commands of README; then the guest reads the disk and has the network."""
    for line in commands("virsh metadata first"):
        if line == "virsh start first":
            assert state(shell) == "shut off"
            shell.tell(f"printf viridis-disk | dd of={DISK} conv=notrunc 2>/dev/null")
        shell.tell(line, 300)
    assert shell.tell("viridis info qemu-first | sed -n 's/^state *//p'").startswith("running")
    open_console(shell)
    wait_console(shell, "(initramfs)", GUEST_SECONDS)
    shell.tell(f"echo 'cat /sys/block/sda/size' >{CONSOLE}.in")
    wait_console(shell, "32768")
    shell.tell(f"echo 'dd if=/dev/sda bs=12 count=1' >{CONSOLE}.in")
    wait_console(shell, "viridis-disk")
    shell.tell(f"echo 'ipconfig -t 120 eth0' >{CONSOLE}.in")
    wait_console(shell, "address: 10.86.86.", 200)
    shell.tell("virsh destroy first", 120)
    shell.wait("! viridis list | grep -q qemu-first", 60, "viridis list")


def check_refused(shell):
    shell.tell("virsh metadata first urn:viridis:vmbus --key viridis --config"
               " --set '<vmbus><floppy>/x</floppy></vmbus>'")
    refused = shell.ask("virsh start first", 200)
    assert refused.status != 0 and "vmbus has disk and net, and no floppy" in refused.output, refused.output
    assert state(shell) == "shut off"
    shell.tell("virsh undefine first")


def in_guest(shell, words, mark):
    """In the shell of its console; `mark` is what it prints when the words are done."""
    shell.tell(f"echo {quoted(f'{words} && echo {mark[:2]}{chr(39) * 2}{mark[2:]}')} >{CONSOLE}.in")
    wait_console(shell, mark)


def check_uefi(shell):
    """README's machine: its kernel was started by UEFI."""
    for line in commands("virt-install --virt-type hyperv --name efi"):
        shell.tell(line, 300)
    open_console(shell, "efi")
    wait_console(shell, "(initramfs)", UEFI_SECONDS)
    in_guest(shell, "[ $(cat /sys/firmware/efi/fw_platform_size) = 64 ]", "sixty-four")
    shell.tell("virsh destroy efi", 120)


def main():
    with Tap() as tap, tempfile.TemporaryDirectory(prefix="viridis-") as folder:
        with Session([TOP / "dev", "root", "--no-build", "--full", "--cpus", "1", "--memory", "3G",
                      "--name", "libvirt-qemu"], Path(folder)) as session:
            shell = Full(session)
            tap.run("README's bridge is a service of systemd", start_bridge, shell)
            tap.run("capabilities show machines of type hyperv, and AppArmor", check_capabilities, shell)
            tap.run("virt-install makes one with a screen, which runs confined", check_install, shell)
            tap.run("its kernel comes up, seen by virsh console", check_console, shell)
            tap.run("virsh suspends, resumes and shows its screen", check_life, shell)
            tap.run("metadata give it a disk and a network of VMBus", check_vmbus, shell)
            tap.run("what VMBus lacks is said by virsh", check_refused, shell)
            tap.run("one by UEFI", check_uefi, shell)
            tap.run("apt has installed all that README says", check_installed, shell)
            session.send("systemctl poweroff\n")
            tap.run("the root powers off", lambda: session.end(200) and None)


if __name__ == "__main__":
    main()
