# SPDX-License-Identifier: GPL-2.0-or-later
"""`./dev root --full`: its shell, libvirt's machines in it, and their consoles."""
from lib.guide import commands
from lib.installed import PatientShell
from lib.log import Failure
from lib.paths import TOP

BOOT_SECONDS = 800
SERVICE_SECONDS = 400  # behind the login, with whatever else a busy machine has to do
GUEST_SECONDS = 900  # three layers deep, beside other machines: it has taken 300 to find its USB
CONSOLE = "/tmp/console"  # what virsh console has shown; what is written to CONSOLE.in is typed there
COMMAND = [TOP / "dev", "root", "--no-build", "--full", "--cpus", "1", "--memory", "3G"]


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

    def wait_libvirt(self):
        """Which systemd starts for who asks it, and which ends when nobody has for two minutes."""
        self.wait("virsh list >/dev/null 2>&1", SERVICE_SECONDS, "systemctl status libvirtd.service libvirtd.socket")

    def refuse(self, words, *whys):
        """With one of these in what it says."""
        answer = self.ask(words)
        assert answer.status != 0 and any(why in answer.output for why in whys), (words, answer)

    def state(self, name):
        return self.tell(f"virsh domstate {name}").strip()


def quoted(text):
    return "'" + text.replace("'", "'\\''") + "'"


def install_first(shell):
    """README's machine."""
    for line in commands("virt-install --virt-type hyperv --name first"):
        shell.tell(line)
    assert shell.state("first") == "running"


def open_console(shell, name="first"):
    """virsh wants a terminal, which script gives it."""
    shell.tell(f"rm -f {CONSOLE} {CONSOLE}.in && mkfifo {CONSOLE}.in")
    shell.tell(f"(script -qfc 'virsh console {name} --force' {CONSOLE} <>{CONSOLE}.in >/dev/null 2>&1 &)")


def wait_console(shell, text, limit=60):
    shell.wait(f"grep -aqF {quoted(text)} {CONSOLE}", limit, f"tail -n 30 {CONSOLE}")


def wait_guest(shell, name="first", limit=GUEST_SECONDS):
    """Linux in it has come to its first shell."""
    open_console(shell, name)
    wait_console(shell, "(initramfs)", limit)


def type_in_guest(shell, words):
    shell.tell(f"echo {quoted(words)} >{CONSOLE}.in")


def in_guest(shell, words, mark):
    """In the shell of its console; `mark` is what it prints when the words are done."""
    type_in_guest(shell, f"{words} && echo {mark[:2]}''{mark[2:]}")
    wait_console(shell, mark)
