# SPDX-License-Identifier: GPL-2.0-or-later
# Needs: target:viridis-qemu-hook
# Limit: 60
"""The hook that libvirt's QEMU driver runs: which words it gives `viridis`, here a script that writes them down, and what
it refuses. No machine runs; libvirt itself runs it in libvirt_qemu."""
import os
import subprocess
import tempfile
from pathlib import Path

from lib.paths import BUILD
from lib.tap import Tap

HOOK = BUILD / "root-partition" / "hook" / "viridis-qemu-hook"
MEMORY = "<memoryBacking><source type='memfd'/><access mode='shared'/></memoryBacking>"
TABLE = "<os><acpi><table type='raw'>/usr/share/qemu/viridis-vmbus.aml</table></acpi></os>"


class Hook:
    """`said`: what the last run wrote on standard error; `words`: what `viridis` was called with."""

    def __init__(self, folder):
        self.folder = Path(folder)
        program = self.folder / "viridis"
        program.write_text('#!/bin/sh\nfor word; do echo "$word"; done >>"$0.words"\n')
        program.chmod(0o755)

    def run(self, step, vmbus, around=MEMORY + TABLE, name="web", kind="hyperv"):
        words = self.folder / "viridis.words"
        words.unlink(missing_ok=True)
        xml = f"<domain type='{kind}'><name>{name}</name>{around}<metadata>{vmbus}</metadata></domain>"
        done = subprocess.run([HOOK, name, step, "begin", "-"], input=xml, text=True, timeout=20,
                              capture_output=True, env={**os.environ, "PATH": str(self.folder)})
        self.said = done.stderr
        self.words = words.read_text().splitlines() if words.exists() else []
        return done.returncode


def ours(inside, prefix="viridis:"):
    declared = f"xmlns:{prefix[:-1]}" if prefix else "xmlns"
    return f"<{prefix}vmbus {declared}='urn:viridis:vmbus'>{inside}</{prefix}vmbus>"


def check_words(hook):
    inside = "\n <disk>/srv/a b.raw,ro</disk>\n<viridis:net> bridge=br0 </viridis:net><disk>/x&amp;y</disk>"
    assert hook.run("started", ours(inside)) == 0, hook.said
    assert hook.words == ["attach", "web", "--name", "qemu-web", "--disk", "/srv/a b.raw,ro",
                          "--net", "bridge=br0", "--disk", "/x&y"], hook.words
    assert hook.run("started", ours("", prefix="")) == 0 and hook.words[:2] == ["attach", "web"]
    assert hook.run("release", ours(inside)) == 0 and \
        hook.words == ["delete", "--attached", "qemu-web"], hook.words
    assert hook.run("started", ours("<disk>/x<!-- y -->,ro</disk><net><![CDATA[user]]></net>")) == 0
    assert hook.words[4:] == ["--disk", "/x,ro", "--net", "user"], hook.words


def check_not_ours(hook):
    for vmbus in ("", "<vmbus/>", "<viridis:vmbus xmlns:viridis='urn:other'><disk>/x</disk></viridis:vmbus>",
                  "<a:other xmlns:a='urn:viridis:vmbus'/>",
                  f"<b xmlns='urn:b'>{ours('<disk>/x</disk>')}</b>"):
        for step in ("prepare", "started", "release"):
            assert hook.run(step, vmbus, around="") == 0 and hook.words == [], (vmbus, hook.words)
    for around in ("<broken", "<a>" * 400000):  # which is no affair of ours
        assert hook.run("prepare", "", around=around) == 0, hook.said
    for step in ("start", "stopped", "reconnect"):
        assert hook.run(step, ours("")) == 0 and hook.words == []


def check_refusals(hook):
    for vmbus, around, name, named in (
            (ours(""), TABLE, "web", "memory that is shared"),
            (ours(""), MEMORY.replace("shared", "private") + TABLE, "web", "memory that is shared"),
            (ours(""), MEMORY, "web", "/usr/share/qemu/viridis-vmbus.aml"),
            (ours(""), MEMORY + TABLE, "4711", "not a number"),
            (ours(""), MEMORY + TABLE, "a b", "at most 43 letters"),
            (ours(""), MEMORY + TABLE, "--help", "at most 43 letters"),
            (ours(""), MEMORY + TABLE, "n" * 44, "at most 43 letters"),
            (ours("<disk/>"), MEMORY + TABLE, "web", "disk is empty"),
            (ours("<floppy>/x</floppy>"), MEMORY + TABLE, "web", "no floppy"),
            (ours("<disk><a>/x</a></disk>"), MEMORY + TABLE, "web", "no a"),
            (ours("<disk>/x"), MEMORY + TABLE, "web", "domain web")):
        assert hook.run("prepare", vmbus, around, name) == 1, (vmbus, hook.said)
        assert named in hook.said and hook.words == [], hook.said
    assert hook.run("prepare", ours(""), kind="kvm") == 1 and "of type hyperv" in hook.said, hook.said
    assert hook.run("prepare", ours("<disk>/x</disk>")) == 0, hook.said


def main():
    with Tap() as tap, tempfile.TemporaryDirectory(prefix="viridis-") as folder:
        hook = Hook(folder)
        tap.run("disks and networks of the metadata become words of `viridis attach`", check_words, hook)
        tap.run("a domain that does not say so is let alone", check_not_ours, hook)
        tap.run("what would keep VMBus from the guest is told before it starts", check_refusals, hook)


if __name__ == "__main__":
    main()
