# SPDX-License-Identifier: GPL-2.0-or-later
"""A result as a table for a terminal and as one page of HTML that needs nothing beside it."""
from dataclasses import dataclass
from html import escape

from . import plot
from .numbers import BASE, GROUPS, headline, number, printable, share
from .results import time_parts

# (figure, head of its column) of a group.
SHOWN = {
    "disk": (("iops", "IOPS"), ("mb-per-second", "MB/s"), ("p50-us", "p50 us"), ("p99-us", "p99 us"),
             ("p99.9-us", "p99.9 us")),
    "net": (("mbit-per-second", "Mbit/s"), ("requests-per-second", "requests/s"), ("p50-us", "p50 us"),
            ("p99-us", "p99 us"), ("p99.9-us", "p99.9 us")),
    "boot": (("seconds", "s"),),
}
COUNTS = ("exits", "hypercalls", "interrupts", "signals", "switches")
EXITS = "exit-"
SEEN = 0.005  # an exit of a kind that is rarer on all devices has no column
# What the parts of an operation's time are, for those who read the page.
PARTS_ARE = {
    "guest": "all of its VPs", "hypervisor": "all CPUs", "backend": "the processes that serve the device, in user mode",
    "kernel": "system calls of these", "peer": "the program at the other end of a network, with its system calls",
    "rest": "interrupts, threads of the root's kernel, idling, everything else",
}
OPERATION = {"disk": "a request", "net": "64 KiB, or a request and its answer", "boot": "a start"}


@dataclass(frozen=True)
class Table:
    """`lines` are words, as many as in `head`; the first two are job and device."""
    title: str
    head: list
    lines: list
    note: str = ""


def ratio_words(ratio):
    if not ratio:
        return ""
    return f"{number(ratio['ratio'])} ({number(ratio['least'])}..{number(ratio['most'])})"


def rows_of(result, group):
    """In the order of jobs."""
    mine = [row for row in result["rows"] if row["group"] == group]
    jobs = list(dict.fromkeys(row["job"] for row in mine))
    return sorted(mine, key=lambda row: jobs.index(row["job"]))  # stable: devices stay as they were


def done_table(result, group):
    """What was done in all, and how it compares."""
    shown = SHOWN[group]
    lines = [[row["job"], row["device"], *(number(row["figures"].get(name)) for name, _ in shown),
              share(row["spread"]) if row["rounds"] > 1 else "-", ratio_words(row["synthetic-ratio"])]
             for row in rows_of(result, group)]
    return Table(f"{group}: what was done",
                 ["job", "device", *(words for _, words in shown), "spread", "synthetic : it"], lines)


def times_table(result, group):
    """Where the time of an operation goes, the sum, and how busy the root was."""
    rows, scale = rows_of(result, group), result["ticks-per-ns"]
    parts = [time_parts(row["figures"], scale) for row in rows]
    shown = plot.parts_of(parts)

    def root_use(figures):
        elapsed = figures["elapsed-ns"] * scale
        return share(figures["root-ticks"] / elapsed if elapsed else 0)
    return Table(f"{group}: where the time of one operation goes, in {result['unit']}",
                 ["job", "device", *(words for _, words in shown), "all", "root's use of a CPU"],
                 [[row["job"], row["device"], *(number(part[name]) for name, _ in shown), number(sum(part.values())),
                   root_use(row["figures"])] for row, part in zip(rows, parts)],
                 "; ".join(f"{words}: {PARTS_ARE[name]}" for name, words in shown) + ". Guest, hypervisor and root: "
                 "counted by the hypervisor. The root's parts: by its scheduler. User mode is sampled in steps of 10 ms, which come late while "
                 "a guest runs, and then see the kernel: it is too little of processes that share their CPU with the guest.")


def counts_table(result, group):
    """What happened for one operation; the guest's exits by their kind."""
    mine = rows_of(result, group)
    kinds = [name for name in dict.fromkeys(name for row in mine for name in row["figures"])
             if name.startswith(EXITS) and any(row["figures"].get(name, 0) >= SEEN for row in mine)]
    return Table(f"{group}: what happens for one operation",
                 ["job", "device", *COUNTS, *("guest's " + name[len(EXITS):] for name in kinds)],
                 [[row["job"], row["device"], *(f"{row['figures'].get(name, 0):,.2f}" for name in (*COUNTS, *kinds))]
                  for row in mine],
                 "exits: the guest's and the root's; guest's: its exits by their kind; switches: a VP given a processor.")


def groups(result):
    return [group for group in GROUPS if any(row["group"] == group for row in result["rows"])]


def others_tables(result):
    """What others were measured to do, elsewhere, by the same job; none, if nobody told."""
    ours = {row["job"]: row["figures"][headline(row["figures"])] for row in result["rows"]
            if row["device"] == BASE}
    lines = [[other["job"], other["who"], number(other["value"]), number(ours[other["job"]]),
              number(ours[other["job"]] / other["value"])]
             for other in result.get("references", ()) if other["job"] in ours]
    return [Table("others, on the same machine: operations or Mbit per second",
                  ["job", "who", "theirs", "synthetic here", "synthetic : it"], lines)] if lines else []


def tables(result, group):
    return [make(result, group) for make in (done_table, times_table, counts_table)]


def aligned(head, lines):
    widths = [max(len(line[i]) for line in [head, *lines]) for i in range(len(head))]
    return ["  ".join(word.ljust(width) if i < 2 else word.rjust(width)
                      for i, (word, width) in enumerate(zip(line, widths))).rstrip()
            for line in [head, *lines]]


def facts(result):
    """What must be known to read the figures."""
    machine = result["machine"]
    yield (f"{machine['processor']}, {machine['cpus']} CPU(s), root Linux {machine['kernel']}; guests: "
           f"{result['options']['vps']} VP(s), {result['options']['memory']}, I/O scheduler {result['options']['scheduler']}")
    yield (f"Counts and times are per operation ({', '.join(f'{group}: {words}' for group, words in OPERATION.items())}); "
           f"times in {result['unit']}, by the hypervisor's own account, and the root's parts by its scheduler.")
    yield (f"{result['options']['repeat']} round(s) of {result['options']['seconds']:g} s, all devices in turn in "
           "each; a figure is the middle of its rounds, 'spread' the largest less the smallest by it; a ratio the middle "
           "of those within a round (the least..the most).")
    for boot in result["boots"]:
        yield f"{boot['machine']}: {boot['seconds']:.2f} s from start to the guest's init"
    wrong = [run for run in result["runs"] if not run["counted"]["agree"]]
    yield ("Guest, fio, iperf3 and provider counted alike." if not wrong else
           f"NOT counted alike: {', '.join(run['job'] + ' on ' + run['device'] for run in wrong)}")
    if result["partial"]:
        yield f"PARTIAL: {result['partial']}"
    for failure in result["failures"]:
        yield (f"FAILED: {failure['job']} on {failure['device']}, round {failure['round'] + 1}: "
               f"{failure['error'].splitlines()[0]}")


def text(result):
    lines, all_tables = [], [table for group in groups(result) for table in tables(result, group)]
    for table in (*all_tables, *others_tables(result)):
        lines += [table.title, *aligned(table.head, table.lines), ""]
    return printable("\n".join([*lines, *facts(result)]))


STYLE = """body{font-family:Helvetica,Arial,sans-serif;margin:2em auto;padding:0 1em;max-width:75em;color:#111}
table{border-collapse:collapse;font-size:85%}td,th{padding:.2em .6em;text-align:right;border-bottom:1px solid #ccc;white-space:nowrap}
th{white-space:normal;vertical-align:bottom}
td:nth-child(-n+2),th:nth-child(-n+2){text-align:left}tr.first td{border-top:2px solid #444}
svg{max-width:100%}pre{background:#f3f3f3;padding:.6em;white-space:pre-wrap;overflow-wrap:anywhere}"""


def html_table(table):
    rows, before = [], None
    for line in table.lines:
        mark = ' class="first"' if line[0] != before else ""
        before = line[0]
        rows.append(f"<tr{mark}>" + "".join(f"<td>{escape(word)}</td>" for word in line) + "</tr>")
    return [f"<h3>{escape(table.title)}</h3>",
            "<table><tr>" + "".join(f"<th>{escape(word)}</th>" for word in table.head) + "</tr>", *rows, "</table>",
            *([f"<p>{escape(table.note)}</p>"] if table.note else [])]


def html(result, drawn):
    """`drawn`: (group, SVG with its title inside), in the order in which they are shown."""
    parts = ["<!DOCTYPE html><html lang=\"en\"><head><meta charset=\"utf-8\">",
             f"<title>viridis bench</title><style>{STYLE}</style></head><body>",
             "<h1>Synthetic devices beside emulated and paravirtual ones</h1>",
             f"<pre>{escape(result['command'])}</pre><ul>",
             *(f"<li>{escape(fact)}</li>" for fact in facts(result)), "</ul>"]
    for group in groups(result):
        parts.append(f"<h2>{escape(group)}</h2>")
        parts += [plot.for_html(svg, f"p{index}-") for index, (of, svg) in enumerate(drawn) if of == group]
        for table in tables(result, group):
            parts += html_table(table)
    for table in others_tables(result):
        parts += html_table(table)
    return printable("\n".join([*parts, "</body></html>\n"]))
