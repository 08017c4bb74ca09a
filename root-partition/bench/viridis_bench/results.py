# SPDX-License-Identifier: GPL-2.0-or-later
"""From what fio, iperf3, the guest and the hypervisor told of one run to its figures."""
import base64
import binascii
import json
import zlib

PERCENTILES = {"p50": "50.000000", "p99": "99.000000", "p99.9": "99.900000"}
# What /sys/block/NAME/stat has at which place: sectors read and written.
STAT_READ, STAT_WRITTEN, SECTOR_BYTES = 2, 6, 512
NET_COUNTS = ("sent", "sent-bytes", "received", "received-bytes")  # by the guest; in this order in its marks, too
# What the root's scheduler tells: of the processes that serve a device, and of them in user mode; of those at the other end
# of a network; of all.
ROOT_TIMES = ("backend-ns", "backend-user-ns", "peer-ns", "tasks-ns")
PIECE_BYTES = 64 << 10  # the operation of iperf3
# What is counted by program, guest and provider, and how far they may be apart: so much, or such a part. A disk's requests
# are counted by their bytes, as drivers split them; fio leaves out what was on its way at its end. Programs count no headers
# of frames, and no frame that is an acknowledgement alone.
COUNTED = {"requests": (64, 0.01), "sent": (64, 0.05), "sent-bytes": (4 << 20, 0.1), "received-bytes": (4 << 20, 0.1)}


class Malformed(Exception):
    """A program's answer that is not what it is known to print."""


def unpacked(lines):
    """The JSON that the guest sent by its word `out`; fio tells of what it ran in lines before it."""
    try:
        text = zlib.decompress(base64.b64decode("".join(lines), validate=True),
                               wbits=zlib.MAX_WBITS | 16)
        return json.loads(text[max(0, text.find(b"{\n")):])
    except (binascii.Error, zlib.error, ValueError) as error:
        raise Malformed(f"what came back from the guest is no JSON: {error}") from error


def from_fio(answer):
    try:
        job, = answer["jobs"]
        if job["error"]:
            raise Malformed(f"fio ended with error {job['error']}")
        side = max((job["read"], job["write"]), key=lambda side: side["total_ios"])
        latency = side["lat_ns"]
        if not side["total_ios"]:
            raise Malformed("fio made no operation; give it more --seconds")
        figures = {"operations": side["total_ios"], "iops": side["iops"],
                   "mb-per-second": side["bw_bytes"] / 1e6}
        figures |= {f"{name}-us": latency["percentile"][key] / 1e3
                    for name, key in PERCENTILES.items()}
        curve = [[float(key), value / 1e3] for key, value in latency["percentile"].items()]
        return figures, curve
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise Malformed(f"fio's answer has another form: {error!r}") from error


def from_requests(answer):
    """fio's pair of a request and its answer is one of its writes."""
    figures, curve = from_fio(answer)
    figures["requests-per-second"] = figures.pop("iops")
    del figures["mb-per-second"]
    return figures, curve


def from_iperf3(answer):
    """An operation is 64 KiB, whatever the segments were."""
    try:
        if "error" in answer:
            raise Malformed(f"iperf3: {answer['error']}")
        total = answer["end"]["sum_received"]
        if not total["bytes"]:
            raise Malformed("nothing that iperf3 sent arrived; give it more --seconds")
        return {"operations": total["bytes"] / PIECE_BYTES,
                "mbit-per-second": total["bits_per_second"] / 1e6}, []
    except (KeyError, TypeError) as error:
        raise Malformed(f"iperf3's answer has another form: {error!r}") from error


def parsed(job, answer):
    """(figures, curve) of what the job's program told."""
    if job.program == "iperf3":
        return from_iperf3(answer)
    return from_fio(answer) if job.group == "disk" else from_requests(answer)


def of_boot(seconds):
    """The figures of one start."""
    return {"operations": 1, "boots-per-minute": 60 / seconds, "seconds": seconds}


def guest_counts(group, text):
    """What a mark of the guest's tells that its device did."""
    try:
        words = [int(word) for word in text.split()]
        if group == "disk":
            return {"bytes": SECTOR_BYTES * (words[STAT_READ] + words[STAT_WRITTEN])}
        return dict(zip(NET_COUNTS, words, strict=True))
    except (IndexError, ValueError) as error:
        raise Malformed(f"the guest's mark has no counts of its device: '{text}'") from error


def provider_counts(group, stats):
    """The same by `viridis stats NAME --json`; None: the device has no provider that counts."""
    if group == "disk":
        if "storage" not in stats:
            return None
        return {"bytes": sum(disk["read-bytes"] + disk["written-bytes"] for disk in stats["storage"]["disks"])}
    nets = [value for name, value in stats.items() if name.startswith("net")]
    return {name: sum(net[name] for net in nets) for name in NET_COUNTS} if nets else None


def summed(objects):
    """One set of counters of a list of VPs or CPUs."""
    totals = {}
    for counters in objects:
        for name, value in counters.items():
            totals[name] = totals.get(name, 0) + value
    return totals


def difference(before, after):
    return {name: value - before.get(name, 0) for name, value in after.items()}


def partition_of(stats, partition):
    for entry in stats["partitions"]:
        if entry["partition"] == partition:
            return summed(entry["counters"])
    raise Malformed(f"the hypervisor has no counters of partition {partition}")


def account(before, after, partition, operations, started=False):
    """Per operation: exits by kind, hypercalls, interrupts, signals, switches; and the time by whose it was, in ticks of
    the TSC, and the root's times in nanoseconds. A partition that was started meanwhile has counters only behind it."""
    guest = difference({} if started else partition_of(before, partition),
                       partition_of(after, partition))
    root = difference(summed(before["root"]), summed(after["root"]))
    cpus = difference(summed(before["cpus"]), summed(after["cpus"]))
    counts = {
        "exits": guest["entries"] + root["entries"],
        "guest-exits": guest["entries"],
        "root-exits": root["entries"],
        "hypercalls": guest["exit-hypercall"] + root["exit-hypercall"],
        "intercepts": guest["intercepts"],
        "interrupts": guest["interrupts-injected"],
        "signals": guest["events-signaled"] + root["events-signaled"],
        "switches": cpus["dispatches"],
        "guest-ticks": guest["guest-ticks"],
        "root-ticks": root["guest-ticks"],
        "hypervisor-ticks": cpus["hypervisor-ticks"],
        "idle-ticks": cpus["idle-ticks"],
        "elapsed-ns": after["ns"] - before["ns"],
    }
    counts |= {name: after[name] - before[name] for name in ROOT_TIMES}
    counts |= {name: value for name, value in guest.items() if name.startswith("exit-")}
    return {name: value / operations for name, value in counts.items()}


def time_parts(figures, ticks_per_ns):
    """One operation's time by whose it was, in ticks; the sum is that of the hypervisor's account. The root's scheduler
    also charges a process with what the hypervisor gave to others meanwhile. If all of them have more than the root had
    in all, each is charged too much, by as much."""
    root = figures["root-ticks"]
    tasks = figures["tasks-ns"] * ticks_per_ns
    share = ticks_per_ns * (min(1, root / tasks) if tasks else 1)
    backend = min(figures["backend-ns"] * share, root)
    user = min(figures["backend-user-ns"] * share, backend)
    peer = min(figures["peer-ns"] * share, root - backend)
    return {"guest": figures["guest-ticks"], "hypervisor": figures["hypervisor-ticks"],
            "kernel": backend - user, "backend": user, "peer": peer, "rest": root - backend - peer}


def job_count(job, counts):
    """Of what a device did, that by which a job is counted."""
    return counts["bytes"] // job.block if job.group == "disk" else counts[job.counted]


def operations(job, counts):
    """Of what a device did, how many of the job's."""
    return job_count(job, counts) // (PIECE_BYTES if job.program == "iperf3" else 1)


def agreement(job, figures, guest, provider):
    """Whether those who counted a job's operations, or its bytes, counted alike."""
    at_least, part = COUNTED[job.counted]
    told = figures["operations"] * (PIECE_BYTES if job.program == "iperf3" else 1)
    counted = {"told": told, "guest": job_count(job, guest), "provider": provider and job_count(job, provider)}
    known = [value for value in counted.values() if value is not None]
    return {"what": job.counted} | counted | {"agree": max(known) - min(known) <= max(at_least, part * max(known))}
