# SPDX-License-Identifier: GPL-2.0-or-later
"""The pictures, by gnuplot: readable in black and white, as patterns and words tell the bars apart."""
import re
import subprocess
import textwrap
from dataclasses import dataclass

from .machines import HostError
from .numbers import BASE, GROUPS, headline, number, printable
from .results import time_parts

# (part of an operation's time, what a person calls it)
PARTS = (("guest", "guest"), ("hypervisor", "hypervisor"), ("backend", "root: provider or QEMU"),
         ("kernel", "root: kernel for it"), ("peer", "root: network's other end"),
         ("rest", "root: interrupts, others"))
PATTERNS = (3, 6, 1, 4, 5, 2, 7)  # that differ most come first
UNITS = {"disk": "operations per second", "net": "Mbit or requests per second", "boot": "starts per minute"}
WIDE, HALF = (900, 440), (445, 350)
SCALES = (("million ", 1e6), ("thousand ", 1e3), ("", 1))
BARS = "bars"  # the name of each group's first picture
TITLE_CHARACTERS = 125  # in a line of a wide one
TITLE_LINES, LINE_HEIGHT = 3, 18  # those there is room for, and what each more takes


@dataclass(frozen=True)
class Picture:
    """`text` is gnuplot's program, its data inside."""
    group: str
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


# In octal, as gnuplot runs what stands in backquotes in a string, and writes there what it printed.
ESCAPES = {each: f"\\{ord(each):03o}" for each in "\\\"`\n"}


def quoted(text):
    """A string of gnuplot's, with lines."""
    return '"' + "".join(ESCAPES.get(each, each) for each in printable(text)) + '"'


def head(title, machine, label, size):
    title = f"{title}\n{machine}"
    height = size[1] + LINE_HEIGHT * max(0, title.count("\n") + 1 - TITLE_LINES)
    return (f"set terminal svg size {size[0]},{height} dynamic background 'white' font 'Helvetica,12'\n"
            f"set title {quoted(title)} noenhanced\n"
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
    whiskers = any(row["rounds"] > 1 for row in cells.values())
    means, wholes = [], []
    if BASE in devices:
        means, wholes = [f"{BASE} = 1; xN: {BASE} does N times as many"], [BASE]
    if not all((job, BASE) in cells for job in jobs):
        means, wholes = [*means, f"where there is no {BASE} the best is 1"], [*wholes, "the best"]
    if whiskers:
        means.append("whiskers: all rounds")
    lines = [head(f"{group}: {UNITS[group]}, {'; '.join(means)}", machine,
                  f"share of {' or '.join(wholes)}", WIDE),
             f"set xrange [-0.6:{len(jobs) - 0.4}]\nset offsets 0,0,graph 0.18,0\n"
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
                values = [value / compared(whole) for value in (compared(row), row["least"], row["most"])]
                lines.append(f"{x:.4f} " + "".join(f"{value:.6g} " for value in values)
                             + f"{quoted(mark_text(row))}\n")
        lines.append("EOD\n")
        plots += [f"{block} using 1:2:({width * 0.92:.4f}) with boxes fs pattern {PATTERNS[index]} border -1"
                  f" lc rgb '#303030' title {quoted(device)}",
                  f"{block} using 1:4:5 with labels left rotate by 90 offset 0,0.4 font ',10'"
                  " noenhanced notitle"]
        if whiskers:
            plots.append(f"{block} using 1:3:(0):($4-$3) with vectors heads size graph 0.003,90"
                         " lt -1 lw 1.5 notitle")
    return Picture(group, BARS,
                   "".join(lines) + "plot " + ", ".join(plots) + "\n")


def scale(values):
    """A word and a divisor that leave numbers which fit beside an axis."""
    most = max(values, default=0)
    return next((word, unit) for word, unit in SCALES if most >= 10 * unit or unit == 1)


def parts_of(times):
    """Those of PARTS that any of the operations has."""
    return [(name, words) for name, words in PARTS if any(parts[name] for parts in times)]


def stacks(rows, job, result):
    """Where the time of one operation of a job goes: a stacked bar a device, of those parts that any of them has, and the
    sum on it."""
    mine = [row for row in rows if row["job"] == job]
    times = [time_parts(row["figures"], result["ticks-per-ns"]) for row in mine]
    shown = parts_of(times)
    word, unit = scale([sum(parts.values()) for parts in times])
    lines = [head(f"{job}: one operation's time", result["machine"]["processor"],
                  f"{word}{result['unit']} per operation", HALF),
             "set style data histograms\nset style histogram rowstacked\nset boxwidth 0.7\nset offsets 0,0,graph 0.08,0\n"
             "set xtics rotate by 30 right font ',10'\nset key maxrows 3 width -4 font ',10'\n$d << EOD\n"]
    for row, parts in zip(mine, times):
        total = sum(parts.values()) / unit
        lines.append(f"{quoted(row['device'])} " + " ".join(f"{parts[name] / unit:.6g}" for name, _ in shown)
                     + f" {total:.6g} {quoted(number(total))}\n")
    plots = [f"$d using {index + 2}:xtic(1) fs pattern {PATTERNS[index]} border -1 lc rgb '#303030' "
             f"title {quoted(words)}" for index, (_, words) in enumerate(shown)]
    plots.append("$d using 0:($%d):%d with labels offset 0,0.6 font ',10' noenhanced notitle"
                 % (len(shown) + 2, len(shown) + 3))
    return Picture(mine[0]["group"], f"time-{job}", "".join(lines) + "EOD\nplot " + ", ".join(plots) + "\n")


def curves(rows, job, result):
    """The distribution of one job's latency: how many per cent were done within so many microseconds."""
    mine = [row for row in rows if row["job"] == job and row["curve"]]
    lines = [head(f"{job}: latency", result["machine"]["processor"], "per cent done", HALF),
             "set logscale x\nset yrange [0:100]\nset xlabel 'microseconds'\nset key maxrows 3 width -4 font ',10'\n"]
    plots = []
    for index, row in enumerate(mine):
        lines.append(f"$d{index} << EOD\n" + "".join(
            f"{value:.6g} {percent:.6g}\n" for percent, value in row["curve"]) + "EOD\n")
        plots.append(f"$d{index} using 1:2 with linespoints dt {index + 1} pt {index + 4} lw 1.5 "
                     f"lc rgb '#202020' title {quoted(row['device'])}")
    return Picture(mine[0]["group"], f"latency-{job}",
                   "".join(lines) + "plot " + ", ".join(plots) + "\n")


def wrapped(command):
    """On as many lines as it takes, which end at words and behind commas."""
    return textwrap.fill(command.replace(",", ", "), TITLE_CHARACTERS, break_on_hyphens=False).replace(", ", ",")


def pictures(result):
    """All that the rows of a result give: for each group its bars, and for each job of it the halves of a line."""
    rows, found = result["rows"], []
    missing = ", PARTIAL" * bool(result["partial"])
    if result["failures"]:
        missing += f", {len(result['failures'])} run(s) FAILED"
    machine = (f"{result['machine']['processor']}, {result['machine']['cpus']} CPU(s), "
               f"Linux {result['machine']['kernel']}; guests: {result['options']['vps']} VP(s), "
               f"{result['options']['memory']}; {result['options']['repeat']} round(s) of "
               f"{result['options']['seconds']:g} s{missing}\n{wrapped(result['command'])}")
    for group in GROUPS:
        jobs = table(rows, group)[0]
        if jobs:
            found.append(bars(rows, group, machine))
        for job in jobs:
            found.append(stacks(rows, job, result))
            if any(row["curve"] for row in rows if row["job"] == job):
                found.append(curves(rows, job, result))
    return found
