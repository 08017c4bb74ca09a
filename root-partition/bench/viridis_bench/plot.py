# SPDX-License-Identifier: GPL-2.0-or-later
"""The pictures, by gnuplot: readable in black and white, as patterns and words tell the bars apart."""
import re
import subprocess
from dataclasses import dataclass

from .machines import HostError
from .numbers import BASE, GROUPS, headline, number

# (figure, what a person calls it)
PARTS = (("guest-ticks", "guest"), ("hypervisor-ticks", "hypervisor"),
         ("rest-ticks", "root: kernel and others"), ("backend-ticks", "root: provider or QEMU"))
PATTERNS = (3, 6, 1, 4, 5, 2, 7)  # that differ most come first
UNITS = {"disk": "operations per second", "net": "Mbit or requests per second", "boot": "starts per minute"}
WIDE, HALF = (900, 420), (445, 330)


@dataclass(frozen=True)
class Picture:
    """`text` is gnuplot's program, its data inside."""
    name: str
    text: str


def gnuplot(text):
    """The SVG of a program."""
    try:
        done = subprocess.run(["gnuplot"], input=text, capture_output=True, text=True)
    except FileNotFoundError as error:
        raise HostError("gnuplot is not installed, so there is no picture; install gnuplot-nox, or make "
                        "the report elsewhere by --from of the kept result") from error
    if done.returncode != 0 or "</svg>" not in done.stdout:
        raise HostError(f"gnuplot: {done.stderr.strip()}")
    return done.stdout


def for_html(svg, prefix):
    """As a part of a page: without the head of a file, as wide as it was made for, and with a prefix at the names of its inner
    parts, which every picture of gnuplot numbers from 1."""
    svg = svg[svg.index("<svg"):]
    svg = re.sub(r"\s*<title>[^<]*</title>", "", svg)
    svg = re.sub(r"""(\bid=['"]|url\(#|href=['"]#)""", rf"\g<1>{prefix}", svg)
    width = re.search(r'viewBox="0 0 (\d+)', svg)[1]
    return svg.replace("<svg", f'<svg style="width:{width}px"', 1)


def quoted(text):
    return '"' + text.replace('"', "") + '"'


def head(title, machine, label, size):
    return (f"set terminal svg size {size[0]},{size[1]} dynamic background 'white' font 'Helvetica,12'\n"
            f"set title {quoted(title)}.\"\\n\".{quoted(machine)} noenhanced\n"
            f"set ylabel {quoted(label)} noenhanced\n"
            "set key outside bottom center horizontal noenhanced\nset grid ytics lt 1 lc rgb '#cccccc'\n"
            "set border 3\nset xtics nomirror noenhanced\nset ytics nomirror\nset yrange [0:*]\n")


def table(rows, group):
    """Jobs, devices, and the rows by both."""
    mine = [row for row in rows if row["group"] == group]
    jobs = list(dict.fromkeys(row["job"] for row in mine))
    devices = list(dict.fromkeys(row["device"] for row in mine))
    return jobs, devices, {(row["job"], row["device"]): row for row in mine}


def compared(row):
    return row["figures"][headline(row["figures"])]


def mark_text(row):
    """What is written on a bar: of synthetic devices what they do, of others how many times of it synthetic ones do."""
    ratio = row["synthetic-ratio"]
    return f"x{number(ratio['ratio'])}" if ratio else number(compared(row))


def bars(rows, group, machine):
    """One cluster a job, one bar a device, each as high as its share of what synthetic devices do (or the best one)."""
    jobs, devices, cells = table(rows, group)
    lines = [head(f"{group}: {UNITS[group]}, synthetic = 1; xN: synthetic does N times as many", machine,
                  "share of synthetic", WIDE),
             f"set xrange [-0.6:{len(jobs) - 0.4}]\nset offsets 0,0,0.12,0\n"
             "set xtics (" + ", ".join(
                 f"{quoted(job)} {index}" for index, job in enumerate(jobs)) + ") font ',10'\n"]
    width, plots = 0.8 / len(devices), []
    for index, device in enumerate(devices):
        block = f"$d{index}"
        lines.append(f"{block} << EOD\n")
        for place, job in enumerate(jobs):
            whole = cells.get((job, BASE)) or max(
                (row for row in rows if row["job"] == job), key=compared)
            if row := cells.get((job, device)):
                x = place + (index - (len(devices) - 1) / 2) * width
                lines.append(f"{x:.4f} {compared(row) / compared(whole):.6g} "
                             f"{quoted(mark_text(row))}\n")
        lines.append("EOD\n")
        plots += [f"{block} using 1:2:({width * 0.92:.4f}) with boxes fs pattern {PATTERNS[index]} border -1"
                  f" lc rgb '#303030' title {quoted(device)}",
                  f"{block} using 1:2:3 with labels left rotate by 90 offset 0,0.4 font ',10'"
                  " noenhanced notitle"]
    return Picture(f"{group}-bars",
                   "".join(lines) + "plot " + ", ".join(plots) + "\n")


def time_parts(figures, ticks_per_ns):
    """One operation's time by whose it was; that of the serving processes is sampled by the root, in nanoseconds."""
    backend = min(figures["backend-ns"] * ticks_per_ns, figures["root-ticks"])
    return figures | {"backend-ticks": backend, "rest-ticks": figures["root-ticks"] - backend}


def stacks(rows, job, result):
    """Where the time of one operation of a job goes: a stacked bar a device."""
    mine = [row for row in rows if row["job"] == job]
    lines = [head(f"{job}: one operation's time", result["machine"]["processor"],
                  f"{result['unit']} per operation", HALF),
             "set style data histograms\nset style histogram rowstacked\nset boxwidth 0.7\n$d << EOD\n"]
    for row in mine:
        parts = time_parts(row["figures"], result["ticks-per-ns"])
        lines.append(f"{quoted(row['device'])} " + " ".join(f"{parts[name]:.6g}" for name, _ in PARTS) + "\n")
    plots = [f"$d using {index + 2}:xtic(1) fs pattern {PATTERNS[index]} border -1 lc rgb '#303030' "
             f"title {quoted(words)}" for index, (_, words) in enumerate(PARTS)]
    return Picture(f"time-{job}", "".join(lines) + "EOD\nplot " + ", ".join(plots) + "\n")


def curves(rows, job, result):
    """The distribution of one job's latency: how many per cent were done within so many microseconds."""
    mine = [row for row in rows if row["job"] == job and row["curve"]]
    lines = [head(f"{job}: latency", result["machine"]["processor"], "per cent done", HALF),
             "set logscale x\nset yrange [0:100]\nset xlabel 'microseconds'\n"]
    plots = []
    for index, row in enumerate(mine):
        lines.append(f"$d{index} << EOD\n" + "".join(
            f"{value:.6g} {percent:.6g}\n" for percent, value in row["curve"]) + "EOD\n")
        plots.append(f"$d{index} using 1:2 with linespoints dt {index + 1} pt {index + 4} lw 1.5 "
                     f"lc rgb '#202020' title {quoted(row['device'])}")
    return Picture(f"latency-{job}",
                   "".join(lines) + "plot " + ", ".join(plots) + "\n")


def pictures(result):
    """All that the rows of a result give: for each group its bars, and for each job of it the halves of a line."""
    rows, found = result["rows"], []
    machine = (f"{result['machine']['processor']}, {result['machine']['cpus']} CPU(s), "
               f"Linux {result['machine']['kernel']}")
    for group in GROUPS:
        jobs = table(rows, group)[0]
        if jobs:
            found.append(bars(rows, group, machine))
        for job in jobs:
            found.append(stacks(rows, job, result))
            if any(row["curve"] for row in rows if row["job"] == job):
                found.append(curves(rows, job, result))
    return found
