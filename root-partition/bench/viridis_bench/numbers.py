# SPDX-License-Identifier: GPL-2.0-or-later
"""Of the repeats of a run: the middle one, how far they spread, ratios, and numbers as a person reads them."""
from statistics import median

BASE = "synthetic"
# What jobs are compared by, each by the one that it has; more is better.
HEADLINES = ("iops", "mbit-per-second", "requests-per-second", "boots-per-minute")
GROUPS = ("disk", "net", "boot")


def headline(figures):
    """The name of the figure that they are compared by."""
    return next(name for name in HEADLINES if name in figures)


def spread(values):
    """The largest less the smallest, as a share of the middle one."""
    middle = median(values)
    return (max(values) - min(values)) / middle if middle else 0.0


def ratios(ours, theirs):
    """Round by round, as the runs of a round stood under the same load; None: nothing to compare."""
    pairs = [a / b for number, a in ours.items() if (b := theirs.get(number))]
    return {"ratio": median(pairs), "least": min(pairs), "most": max(pairs)} if pairs else None


def rows(runs):
    """One for each device and job, of all its rounds: as `row` makes it."""
    groups = {}
    for run in runs:
        groups.setdefault((run["group"], run["job"], run["device"]), []).append(run)
    return [row(key, found, groups.get((key[0], key[1], BASE), []))
            for key, found in groups.items()]


def row(key, found, base):
    """`key`: (group, job, device); `found`: its runs; `base`: those of the synthetic device by the same job. `least` and
    `most` are of the figure that devices are compared by."""
    group, job, device = key
    names = dict.fromkeys(name for run in found for name in run["figures"])
    figures = {name: median([run["figures"][name] for run in found if name in run["figures"]])
               for name in names}
    compared = headline(figures)
    values, others = ({run["round"]: run["figures"][compared] for run in which}
                      for which in (found, base))
    return {"group": group, "job": job, "device": device, "rounds": len(found), "figures": figures,
            "least": min(values.values()), "most": max(values.values()), "spread": spread(list(values.values())),
            "curve": sorted(found, key=lambda run: run["figures"][compared])[len(found) // 2]["curve"],
            "synthetic-ratio": None if device == BASE else ratios(others, values)}


def number(value):
    """Three digits that mean something."""
    if value is None:
        return "-"
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}"


def printable(text):
    """With a question mark for what no page and no terminal should get: a kept result may come from anywhere, and so may names of
    files. Lines stay."""
    return "".join(each if each.isprintable() or each == "\n" else "?" for each in text)


def share(value):
    return f"{100 * value:.0f} %"
