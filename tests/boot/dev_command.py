# SPDX-License-Identifier: GPL-2.0-or-later
# Needs: root target:tiny_guest
# Limit: 700
"""The commands of ./dev: help and misuse; iso, clean, fmt, docs, tcb; a root's shell on a terminal, and
gdb; bare beside it; a run that repeats."""
import os
import re
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

from lib.dev import dev
from boot_iso import Module
from lib.machine import Machine
from lib.paths import BUILD, HYPERVISOR_ELF, KERNEL, ROOT_INITRD, RUN, TOP
from lib.session import Session
from lib.shell import RootShell
from lib.sources import all_names
from lib.tap import Tap
from lib.tiny import END, TINY

DETECTED = "Hypervisor detected: Microsoft Hyper-V"
COPIED = ("dev", ".clang-format", "hypervisor/", "include/", "root-partition/image/",
          "tests/lib/", "tests/commands/", "tests/lint/")
SAME_IMAGE = "sha256sum /init /bin/viridis /lib/modules/load; uname -r"
CTRL_C, CTRL_D = "\x03", "\x04"


def check_help():
    verbs = re.findall(r"^  (\w+) ", dev("--help").stdout.decode(), re.MULTILINE)
    assert len(verbs) >= 14, verbs
    for verb in verbs:
        done = dev(verb, "--help", limit=60)
        text = done.stdout.decode()
        assert done.returncode == 0 and "usage: ./dev" in text.lower(), (verb, done)


def check_misuse():
    """Named, with status 2, and before anything is built."""
    for words, named in ((["frob"], "no command 'frob'"),
                         (["test", "frob"], "no level or test 'frob'"),
                         (["iso", "frob"], "iso takes no arguments: frob"),
                         (["tcb", "frob"], "tcb takes no arguments: frob"),
                         (["demo", "--frob"], "--frob"), (["bench", "frob"], "'frob'"),
                         (["bench", "exits", "--devices", "disk"], "--devices is for the parts devices"),
                         (["trace", "--frob"], "--frob"), (["gdb", "--cpus", "0"], "--cpus 0"),
                         (["gdb", "--full"], "./dev root --full --gdb"),
                         (["bare", "--full"], "it is of root"),
                         (["root", "--full", "--append", "quiet"], "no command, --share"),
                         (["bare", "--memory", "much", "--", "true"], "--memory much")):
        done = dev(*words, limit=60)
        errors = done.stderr.decode()
        assert done.returncode == 2 and named in errors, (words, done.returncode, errors)
        assert "build:" not in errors, errors


# --- in a copy of the tree

def copy_tree(folder):
    for name in all_names(""):
        if name.startswith(COPIED) and (TOP / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(TOP / name, folder / name)
    git(folder, "init", "-q")
    git(folder, "add", "-A")
    return folder


def git(folder, *words):
    return subprocess.run(["git", *words], cwd=folder, check=True, capture_output=True,
                          text=True).stdout


def check_fmt(copy):
    """What is not as it should be changes, and nothing else does."""
    ugly = copy / "hypervisor" / "core" / "ugly.c"
    ugly.write_text("int  f( int x )\n{ if(x)return 1;\n  return 0; }\n")
    git(copy, "add", "-A")
    assert dev("fmt", top=copy).returncode == 0
    assert git(copy, "diff", "--name-only").split() == [str(ugly.relative_to(copy))]
    assert "\n\tif (x)\n\t\treturn 1;\n" in ugly.read_text(), ugly.read_text()
    ugly.unlink()


def check_docs(copy):
    page = copy / "hypervisor" / "HYPERCALLS.md"
    right = page.read_text()
    page.write_text("old\n")
    assert dev("docs", top=copy).returncode == 0
    assert page.read_text() == right


def check_tcb(copy):
    done = dev("tcb", top=copy)
    lines = int(re.search(r"(\d+) lines of privileged code", done.stdout.decode())[1])
    assert done.returncode == 0 and 1000 < lines < 10_000, done
    (copy / "hypervisor" / "large.c").write_text("int x;\n" * (10_000 - lines))
    done = dev("tcb", top=copy)
    assert done.returncode == 1 and b"10000 lines of privileged code" in done.stdout, done


def check_failing_step(copy):
    """In the middle of a builder's function: what it would go on to make is not made."""
    builder = ("program=dev top=$PWD build=$PWD/build; . root-partition/image/lib.sh;"
               " steps() { echo first; false; echo second; }; quietly steps steps; echo on")
    done = subprocess.run(["bash", "-euo", "pipefail", "-c", builder], cwd=copy, text=True,
                          capture_output=True)
    assert done.returncode == 1 and done.stdout == "", done
    assert "dev: failed: steps" in done.stderr and "second" not in done.stderr, done


def check_deb_elsewhere(copy):
    """Debian 13's package is left out in words where it cannot be made; for tests, which need it, it is made or fails."""
    shell = ("program=dev top=$PWD build=$PWD/build image=$PWD/root-partition/image;"
             " for part in lib suite libvirt deb; do . $image/$part.sh; done;"
             " libvirt_suite_build() { echo made; }; debian_site() { echo file:///nowhere; };")
    for user, words, shown in (("1000", "possible", "which needs root"), ("0", "possible", "apt does not reach trixie"),
                               ("0", "", None)):
        done = subprocess.run(["bash", "-euo", "pipefail", "-c",
                               f"{shell} id() {{ echo {user}; }}; packages_suite_prepare {words}; echo on=$packages_suite"],
                              cwd=copy, text=True, capture_output=True)
        assert done.returncode == 0 and done.stdout == ("made\non=yes\n" if shown is None else "on=\n"), done
        assert shown is None or "viridis-libvirt for Debian 13 is left out: " in done.stderr and shown in done.stderr, done


def check_clean(copy):
    for words, status in ((["clean", "frob"], 2), (["clean"], 0), (["clean"], 0)):
        made = (copy / "build").exists()
        assert dev(*words, top=copy).returncode == status
        assert (copy / "build").exists() == (made and status != 0), words
    assert (copy / "dev").exists() and (copy / "hypervisor" / "HYPERCALLS.md").exists()


# --- machines

def check_iso(folder):
    """It holds what was built, and boots by a BIOS, which leaves text on the screen, and by UEFI, which leaves pixels."""
    iso = BUILD / "viridis.iso"
    iso.unlink(missing_ok=True)
    done = dev("iso")
    assert done.returncode == 0, done.stderr.decode()
    subprocess.run(["xorriso", "-osirrox", "on", "-indev", iso, "-extract", "/boot",
                    folder / "boot"], check=True, capture_output=True)
    for name, source in (("viridis.elf", HYPERVISOR_ELF), ("kernel", KERNEL),
                         ("initrd", ROOT_INITRD)):
        assert (folder / "boot" / name).read_bytes() == source.read_bytes(), name
    for uefi, screen in ((False, r"Console: colour VGA\+ 80x25"), (True, r"fb0: (EFI|simple)")):
        with Machine("iso", [], iso=iso, uefi=uefi, extra=["-vga", "std"]) as machine:
            machine.console.wait("Hypervisor detected: Microsoft Hyper-V", 120)
            machine.console.wait(screen, 60)


def check_shell(folder):
    """As a person has it; gives what shows which image runs there."""
    share, disks = folder / "share", [folder / "first", folder / "second"]
    share.mkdir()
    (share / "greeting").write_text("hello from the host\n")
    for disk in disks:
        disk.write_bytes(os.urandom(1 << 20))
    with Session([TOP / "dev", "root", "--no-build", "--name", "shell", "--cpus", "1",
                  "--memory", "1200M", "--share", share, "--disk", disks[0], "--disk",
                  disks[1]], folder) as session:
        shell = RootShell(session, 240)
        assert (cpus := shell.tell("nproc")) == "1", cpus
        kib = int(shell.tell("sed -n 's/MemTotal: *\\([0-9]*\\) kB/\\1/p' /proc/meminfo"))
        assert 900 << 10 < kib < 1200 << 10, kib
        assert (text := shell.tell("cat /share/greeting")) == "hello from the host", text
        for name, disk in zip(("vda", "vdb"), disks):
            shell.tell(f"echo {name} | dd of=/dev/{name} conv=notrunc,fsync 2>/dev/null")
            assert disk.read_bytes()[:4] == f"{name}\n".encode(), "the disks' order"
        assert DETECTED in (text := shell.tell("dmesg")), text
        image = shell.tell(SAME_IMAGE)
        # Ctrl-C is for what runs in the root, and not for the machine.
        # What says so is what sleeps: a shell that is about to start it would keep the signal.
        session.send("sh -c \"echo sle''eps; exec sleep 1000\"\n")
        session.console.wait(r"^sleeps", 30)
        session.send(CTRL_C)
        assert shell.tell("echo woken", 60) == "woken"
        session.send(CTRL_D)
        status = session.end(90)
        assert status == 0, status
        session.check_clean()
    return image


def check_bare(folder, image):
    """The same image on the bare machine: its own APIC timer, no hypervisor, no /dev/mshv."""
    out = folder / "out"
    script = (f"({SAME_IMAGE}) >/out/image; dmesg >/out/dmesg; cat /proc/interrupts"
              " >/out/interrupts; [ -e /dev/mshv ] && exit 9; viridis stats && exit 8;"
              " echo done; exit 5")
    done = dev("bare", "--no-build", "--name", "plain", "--out", out, "--", script)
    assert done.returncode == 5 and done.stdout == b"done\n", done
    assert (out / "image").read_text().split() == image.split(), (out / "image").read_text()
    assert "Hypervisor detected" not in (out / "dmesg").read_text()
    interrupts = (out / "interrupts").read_text()
    ticks = re.search(r"^ *LOC: +(\d+) +(\d+)", interrupts, re.MULTILINE)
    assert int(ticks[1]) > 100 and int(ticks[2]) > 100, interrupts
    assert not (RUN / "plain" / "hypervisor.log").read_text(), "a hypervisor runs"


def check_timeout(folder):
    with Session([TOP / "dev", "root", "--no-build", "--name", "shell", "--timeout", "3"],
                 folder) as session:
        status = session.end(60)
        assert status == 124, status
        assert "timeout after 3 s" in session.console.text()
        session.check_clean()


def check_gdb(folder):
    """Stopped at the first instruction; then in the hypervisor, by its symbols; and by Ctrl-C."""
    with Session([TOP / "dev", "gdb", "--no-build"], folder, TERM="dumb") as session:
        session.console.wait(r"^\(gdb\) ", 60)
        for typed, answer in (("print/x $pc\n", r"\$1 = 0xfff0$"),
                              ("thbreak main\n", r"breakpoint 1 at 0x"),
                              ("continue\n", r"breakpoint 1, main \(cpu=0x[0-9a-f]+ <boot_cpu>"),
                              ("viridis-log x\n", r"'x' is not a number")):
            session.send(typed)
            session.console.wait(answer, 60)
            session.console.wait(r"^\(gdb\) ", 60)
        session.send("continue\n")
        session.console.wait(r"Continuing\.", 60)
        time.sleep(1)  # the machine runs
        session.send(CTRL_C)
        session.console.wait(r"received signal SIGINT", 60)
        session.console.wait(r"^\(gdb\) ", 60)
        session.send("detach\nquit\n")
        status = session.end(60)
        assert status == 0, status
        session.check_clean()


def counted():
    """What things cost our guest; a tick of the TSC is an instruction, and takes a nanosecond."""
    with Machine("icount", [Module(TINY, "kernel tests=cost role=root")], cpus=1,
                 hypervisor=HYPERVISOR_ELF, memory="512M", icount=True) as machine:
        machine.console.wait(END, 120)
        khz = int(re.search(r"time: TSC (\d+) kHz", machine.console.text())[1])
        assert abs(khz - 1_000_000) < 1000, khz
        return re.findall(r"^# cost .*", machine.console.text(), re.MULTILINE)


def check_icount():
    """What is counted does not depend on what the host does meanwhile."""
    first, second = counted(), counted()
    assert len(first) > 3 and first == second, (first, second)
    # Several words reach the root as they are.
    done = dev("root", "--no-build", "--name", "counted", "--icount", "--cpus", "1", "--", "sh", "-c",
               "cut -d ' ' -f 1 /proc/uptime; exit $1", "$0", "7")
    assert done.returncode == 7 and float(done.stdout) > 0.5, done
    assert " -icount shift=0,sleep=off " in (RUN / "counted" / "qemu.command").read_text()


def main():
    with Tap() as tap, tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        tap.run("./dev and each of its commands has help", check_help)
        tap.run("misuse is named before anything is built", check_misuse)
        copy = tap.run("(a copy of the tree)", copy_tree, folder / "copy")
        tap.run("fmt formats what needs it", check_fmt, copy)
        tap.run("docs writes HYPERCALLS.md anew", check_docs, copy)
        tap.run("tcb counts, and fails at its limit", check_tcb, copy)
        tap.run("a builder ends at its first step that fails", check_failing_step, copy)
        tap.run("deb leaves out, in words, what cannot be made here", check_deb_elsewhere, copy)
        tap.run("clean removes build/ alone", check_clean, copy)
        tap.run("iso makes an ISO of what was built, that a BIOS and UEFI boot", check_iso, folder)
        image = tap.run("root without a command is a shell on the terminal", check_shell,
                        folder)
        tap.run("which ends when its time is over", check_timeout, folder)
        tap.run("gdb stops the machine at its start, and in the hypervisor", check_gdb, folder)
        tap.run("bare boots the same image without the hypervisor", check_bare, folder,
                image or "")
        tap.run("with --icount a run repeats to the instruction", check_icount)


if __name__ == "__main__":
    main()
