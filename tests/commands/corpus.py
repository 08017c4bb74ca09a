# SPDX-License-Identifier: GPL-2.0-or-later
"""`python3 -m commands.corpus [NAME]... [--seconds N]`: makes tests/fuzz/corpus anew. Each fuzzer runs from
what it has; of all that it found a few small inputs are kept, those that reach most code."""
import argparse
import shutil
import subprocess
import tempfile
from pathlib import Path

from lib.paths import BUILD, TOP

FOLDER = TOP / "tests" / "fuzz"
BYTES_MOST = 12 << 10  # of one target's corpus
FILES_MOST = 40
INPUT_BYTES_MOST = 4096


def fuzz(program, folders, *words):
    subprocess.run([program, *words, *map(str, folders)], check=True,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def gains(control):
    """What each input reaches that no smaller one does, from the control file of a merge: two numbers, the
    inputs' names, and for each that was tried a line of what was new."""
    lines = control.read_text().splitlines()
    paths = lines[2:2 + int(lines[0])]
    for line in lines[2 + len(paths):]:
        kind, number, *new = line.split()
        if kind == "FT" and new:
            yield Path(paths[int(number)]), len(new)


def chosen(found):
    """Those that add most, as many as there is room for."""
    kept, room = [], BYTES_MOST
    for path, _ in sorted(found, key=lambda one: (-one[1], one[0].name)):
        if path.stat().st_size <= room and len(kept) < FILES_MOST:
            kept.append(path)
            room -= path.stat().st_size
    return kept


def make(name, seconds):
    program, corpus = BUILD / "fuzz" / name, BUILD / "fuzz" / "corpus" / name
    committed = FOLDER / "corpus" / name
    corpus.mkdir(parents=True, exist_ok=True)
    committed.mkdir(parents=True, exist_ok=True)
    fuzz(program, [corpus, committed], f"-max_total_time={seconds}", "-seed=1",
         f"-max_len={INPUT_BYTES_MOST}")
    with tempfile.TemporaryDirectory() as folder:
        merged, control = Path(folder, "merged"), Path(folder, "control")
        merged.mkdir()
        fuzz(program, [merged, corpus, committed], "-merge=1", "-use_counters=0",
             f"-max_len={INPUT_BYTES_MOST}", f"-merge_control_file={control}")
        kept = {path.name: path.read_bytes() for path in chosen(gains(control))}
    shutil.rmtree(committed)
    committed.mkdir()
    for file, data in kept.items():
        (committed / file).write_bytes(data)
    print(f"{name}: {len(kept)} inputs, {sum(map(len, kept.values()))} bytes", flush=True)


def main():
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("names", nargs="*", metavar="NAME")
    p.add_argument("--seconds", type=int, default=60, help="for each target (60)")
    options = p.parse_args()
    for name in options.names or sorted(path.stem for path in FOLDER.glob("*_fuzz.c")):
        make(name, options.seconds)


if __name__ == "__main__":
    main()
