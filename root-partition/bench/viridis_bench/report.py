# SPDX-License-Identifier: GPL-2.0-or-later
"""A result as a table for a terminal and as one page of HTML that needs nothing beside it."""
from html import escape

from . import plot
from .numbers import BASE, GROUPS, headline, number, share
from .results import time_parts

# (figure, head of its column) of a group.
SHOWN = {
    "disk": (("iops", "IOPS"), ("mb-per-second", "MB/s"), ("p50-us", "p50 us"), ("p99-us", "p99 us"),
             ("p99.9-us", "p99.9 us")),
    "net": (("mbit-per-second", "Mbit/s"), ("requests-per-second", "requests/s"), ("p50-us", "p50 us"),
            ("p99-us", "p99 us"), ("p99.9-us", "p99.9 us")),
    "boot": (("seconds", "s"),),
}
COUNTS = (("exits", "exits"), ("hypercalls", "hypercalls"), ("interrupts", "interrupts"),
          ("signals", "signals"), ("switches", "switches"))
TIMES = (("guest-ticks", "guest"), ("root-ticks", "root"), ("backend-ticks", "its server"),
         ("hypervisor-ticks", "hypervisor"))
EXITS = "exit-"
# What the parts of an operation's time are, for those who read the page.
PARTS_ARE = {
    "guest": "all of its VPs", "hypervisor": "all CPUs", "backend": "the processes that serve the device, in user mode",
    "kernel": "system calls of these", "peer": "the program at the other end of a network, with its system calls",
    "rest": "interrupts, threads of the root's kernel, idling, everything else",
}
OPERATION = {"disk": "a request", "net": "64 KiB, or a request and its answer", "boot": "a start"}


def ratio_words(ratio):
    if not ratio:
        return ""
    return f"{number(ratio['ratio'])} ({number(ratio['least'])}..{number(ratio['most'])})"


def columns(group):
    return [*SHOWN[group], *COUNTS, *TIMES]


def cells(row, group, ticks_per_ns):
    figures = row["figures"]
    parts = time_parts(figures, ticks_per_ns)
    figures = figures | {"backend-ticks": parts["backend"] + parts["kernel"]}
    return [row["job"], row["device"], *(number(figures.get(name)) for name, _ in columns(group)),
            share(row["spread"]), ratio_words(row["synthetic-ratio"])]


def heads(group):
    return ["job", "device", *(words for _, words in columns(group)), "spread", "synthetic : it"]


def groups(result):
    return [group for group in GROUPS if any(row["group"] == group for row in result["rows"])]


def table(result, group):
    """Heads, and lines in the order of jobs."""
    mine = [row for row in result["rows"] if row["group"] == group]
    jobs = list(dict.fromkeys(row["job"] for row in mine))
    return heads(group), [cells(row, group, result["ticks-per-ns"])
                          for job in jobs for row in mine if row["job"] == job]


def aligned(head, lines):
    widths = [max(len(line[i]) for line in [head, *lines]) for i in range(len(head))]
    return ["  ".join(word.ljust(width) if i < 2 else word.rjust(width)
                      for i, (word, width) in enumerate(zip(line, widths))).rstrip()
            for line in [head, *lines]]


def facts(result):
    """What must be known to read the figures."""
    machine = result["machine"]
    yield (f"{machine['processor']}, {machine['cpus']} CPU(s), root Linux {machine['kernel']}; guests: "
           f"{result['options']['vps']} VP(s), {result['options']['memory']}")
    yield (f"Counts and times are per operation ({', '.join(f'{group}: {words}' for group, words in OPERATION.items())}); "
           f"times in {result['unit']}, by the hypervisor's own account; 'its server': of the root's, what provider or "
           "QEMU took, with their system calls.")
    yield (f"{result['options']['repeat']} round(s) of {result['options']['seconds']:g} s, all devices in turn in "
           "each; a figure is the middle of its rounds, 'spread' the largest less the smallest by it.")
    for boot in result["boots"]:
        yield f"{boot['machine']}: {boot['seconds']:.2f} s from start to the guest's init"
    wrong = [run for run in result["runs"] if not run["counted"]["agree"]]
    yield ("Guest, fio and provider counted alike." if not wrong else
           f"NOT counted alike: {', '.join(run['job'] + ' on ' + run['device'] for run in wrong)}")
    if result["partial"]:
        yield f"PARTIAL: {result['partial']}"
    for failure in result["failures"]:
        yield (f"FAILED: {failure['job']} on {failure['device']}, round {failure['round'] + 1}: "
               f"{failure['error'].splitlines()[0]}")


def others(result):
    """Heads and lines: what others were measured to do, elsewhere, by the same job."""
    head = ["job", "who", "theirs", "synthetic here", "synthetic : it"]
    ours = {row["job"]: row["figures"][headline(row["figures"])] for row in result["rows"]
            if row["device"] == BASE}
    return head, [[other["job"], other["who"], number(other["value"]), number(ours[other["job"]]),
                   number(ours[other["job"]] / other["value"])]
                  for other in result.get("references", ()) if other["job"] in ours]


def text(result):
    lines = []
    for group in groups(result):
        lines += ["", *aligned(*table(result, group))]
    if others(result)[1]:
        lines += ["", *aligned(*others(result))]
    return "\n".join([*lines, "", *facts(result)]).lstrip("\n")


STYLE = """body{font-family:Helvetica,Arial,sans-serif;margin:2em auto;max-width:75em;color:#111}
table{border-collapse:collapse;font-size:85%}td,th{padding:.2em .6em;text-align:right;border-bottom:1px solid #ccc;white-space:nowrap}
th{white-space:normal;vertical-align:bottom}
td:nth-child(-n+2),th:nth-child(-n+2){text-align:left}tr.first td{border-top:2px solid #444}
svg{max-width:100%}pre{background:#f3f3f3;padding:.6em;white-space:pre-wrap;overflow-wrap:anywhere}"""


def html_table(head, lines):
    rows, before = [], None
    for line in lines:
        mark = ' class="first"' if line[0] != before else ""
        before = line[0]
        rows.append(f"<tr{mark}>" + "".join(f"<td>{escape(word)}</td>" for word in line) + "</tr>")
    return ("<table><tr>" + "".join(f"<th>{escape(word)}</th>" for word in head) + "</tr>\n"
            + "\n".join(rows) + "</table>")


def times_table(result, group):
    """Where the time of an operation goes, the sum, and how busy the root was."""
    def use(figures):
        elapsed = figures["elapsed-ns"] * result["ticks-per-ns"]
        return share(figures["root-ticks"] / elapsed if elapsed else 0)
    mine = [row for row in result["rows"] if row["group"] == group]
    parts = [time_parts(row["figures"], result["ticks-per-ns"]) for row in mine]
    return (["job", "device", *(words for _, words in plot.PARTS), "all", "root's use of a CPU"],
            [[row["job"], row["device"], *(number(part[name]) for name, _ in plot.PARTS),
              number(sum(part.values())), use(row["figures"])] for row, part in zip(mine, parts)])


def done_table(result, group):
    """What was done in all, and how it compares: for a page, which is not as wide as a terminal."""
    head, lines = table(result, group)
    counts = range(2 + len(SHOWN[group]), len(head) - 2)
    return tuple([word for index, word in enumerate(line) if index not in counts] for line in [head, *lines])


def counts_table(result, group):
    """What happened for one operation; the guest's exits by their kind."""
    mine = [row for row in result["rows"] if row["group"] == group]
    kinds = [name for name in dict.fromkeys(name for row in mine for name in row["figures"])
             if name.startswith(EXITS) and any(row["figures"].get(name, 0) >= 0.005 for row in mine)]
    return (["job", "device", *(words for _, words in COUNTS), *("guest's " + name[len(EXITS):] for name in kinds)],
            [[row["job"], row["device"], *(f"{row['figures'].get(name, 0):,.2f}"
                                           for name in [*(name for name, _ in COUNTS), *kinds])]
             for row in mine])


def times_words():
    return ("<p>" + escape("; ".join(f"{words}: {PARTS_ARE[name]}" for name, words in plot.PARTS)) + ". "
            "Guest, hypervisor and root: counted by the hypervisor. The root's parts: by its scheduler, user mode "
            "sampled in steps of 10 ms.</p>")


def html(result, pictures):
    """`pictures`: SVG each, with its title inside."""
    parts = ["<!DOCTYPE html><html lang=\"en\"><head><meta charset=\"utf-8\">",
             f"<title>viridis bench</title><style>{STYLE}</style></head><body>",
             "<h1>Synthetic devices beside emulated and paravirtual ones</h1>",
             f"<pre>{escape(result['command'])}</pre><ul>",
             *(f"<li>{escape(fact)}</li>" for fact in facts(result)), "</ul>"]
    parts += [plot.for_html(svg, f"p{index}-") for index, svg in enumerate(pictures)]
    for group in groups(result):
        head, *lines = done_table(result, group)
        parts += [f"<h2>{group}</h2>", html_table(head, lines),
                  f"<h3>{group}: where the time of one operation goes, in {result['unit']}</h3>",
                  html_table(*times_table(result, group)), times_words(),
                  f"<h3>{group}: what happens for one operation</h3>", html_table(*counts_table(result, group)),
                  "<p>exits: the guest's and the root's; guest's: its exits by their kind.</p>"]
    if others(result)[1]:
        parts += ["<h2>Others, on the same machine: operations or Mbit per second</h2>",
                  html_table(*others(result))]
    return "\n".join([*parts, "</body></html>\n"])
