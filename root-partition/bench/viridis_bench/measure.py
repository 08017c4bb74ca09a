# SPDX-License-Identifier: GPL-2.0-or-later
"""The measuring itself: machines up, every device warmed up, then all runs in turn."""
import time
from contextlib import ExitStack, nullcontext

from . import jobs, machines, results
from .guest import GuestError

LIMIT_SECONDS = 300  # for one run, beside its own length
WARM_UP_SECONDS = 0.1
KERNELS_CHOICE = "kernel"  # in the place of a scheduler's name


def kinds():
    """The machines by their names."""
    return {kind.kind: kind for kind in (machines.Viridis, machines.Qemu)}


class Measure:
    """`devices` and `wanted`, the jobs, are of the same groups. `plan` is what is asked for; runs, failures and boots fill as
    it goes, and stand when it ends early."""

    def __init__(self, options, devices, wanted, progress):
        self.options, self.devices, self.jobs = options, devices, wanted
        self.progress = progress
        self.runs, self.failures, self.boots = [], [], []
        self.plan = jobs.runs(devices, wanted, options.repeat)
        self.nets = [device for device in devices if device.group == "net"]

    def machines_of(self, folder, bridge):
        """Those that have devices to measure."""
        for name, kind in kinds().items():
            devices = [device for device in self.devices if device.machine == name and device.group != "boot"]
            if devices:
                yield kind(self.options, folder, devices, bridge)

    def run(self, folder):
        """Starts come first, as no other machine is to be there."""
        boots = [run for run in self.plan if run[1].group == "boot"]
        for device in dict.fromkeys(device for _, _, device in boots):
            self.progress(f"warm up {device.name} ({device.group})")
            with self.machine_alone(device, folder):  # reads the programs and the guest from the root's disk
                pass
        self.all_runs(boots, lambda run: self.boot(run, folder))
        others = [run for run in self.plan if run[1].group != "boot"]
        if not others:
            return
        with ExitStack() as stack:
            bridge = stack.enter_context(machines.bridge(self.nets))
            of = {}
            for machine in self.machines_of(folder, bridge):
                self.progress(f"start the machine of {machine.kind}")
                stack.enter_context(machine)
                self.boots.append({"machine": machine.kind, "seconds": machine.boot_seconds})
                of |= {device: machine for device in machine.devices}
            for device in of:
                self.progress(f"warm up {device.name} ({device.group})")
                self.warm_up(of[device], device)
            self.all_runs(others, lambda run: self.one(*run, of[run[2]]))

    def line(self, job, device, seconds, warm_up=False):
        address = machines.address(self.nets.index(device), 1) if device.group == "net" else None
        return job.line(device, address, seconds, warm_up)

    def warm_up(self, machine, device):
        """Also the first use of a device, which may fail for what a guest lacks."""
        if device.group == "net":
            own = machines.address(self.nets.index(device), 2)
            machine.guest.run(f"network {device.driver} {own}", LIMIT_SECONDS)
        elif self.options.scheduler != KERNELS_CHOICE:
            machine.guest.run(f"scheduler {device.driver} {self.options.scheduler}", LIMIT_SECONDS)
        mine = [job for job in self.jobs if job.group == device.group]
        for program in dict.fromkeys(job.program for job in mine):
            machine.guest.run(f"command -v {program} >/dev/null || {{ echo 'the guest has no {program}; name another by --guest';"
                              " false; }", LIMIT_SECONDS)
        with answering(mine[0]):
            machine.guest.run(self.line(mine[0], device, WARM_UP_SECONDS, warm_up=True), LIMIT_SECONDS)

    def all_runs(self, runs, one):
        began = time.monotonic()
        for index, (number, job, device) in enumerate(runs):
            left = (time.monotonic() - began) / index * (len(runs) - index) if index else 0
            self.progress(f"{index + 1}/{len(runs)} round {number + 1}: {job.name} on "
                          f"{device.name}" + (f", {left:.0f} s left" if index else ""))
            try:
                self.runs.append(one((number, job, device)))
            except (GuestError, results.Malformed) as error:
                self.fail(number, job, device, str(error))

    def fail(self, number, job, device, why):
        self.failures.append({"round": number, "group": job.group, "job": job.name,
                              "device": device.name, "error": why})
        self.progress(f"  {job.name} on {device.name} failed: {why.splitlines()[0]}")

    def machine_alone(self, device, folder):
        return kinds()[device.machine](self.options, folder, [], None)

    def boot(self, run, folder):
        number, job, device = run
        tasks, begin = machines.tasks_ns(), machines.stats()
        with self.machine_alone(device, folder) as machine:
            end = machines.counters(machine, device, "end")
            figures = results.of_boot(machine.boot_seconds)
            begin = begin | dict.fromkeys(results.ROOT_TIMES, 0) | {"tasks-ns": tasks}
            figures |= results.account(begin, end, machine.partition, 1, started=True)
        return outcome(run, figures)

    def at_mark(self, name, job, told):
        """Who looks on from outside is told of it by a command, with how many operations were made since the first of the guest's
        marks; between the counters that are read, and so in the figures: for runs whose figures nobody wants."""
        if self.options.at_mark:
            first, last = (results.guest_counts(job.group, counts) for counts in (told[0], told[-1]))
            machines.told([*self.options.at_mark, name, str(results.operations(job, results.difference(first, last)))])

    def one(self, number, job, device, machine):
        if not machine.alive():
            raise results.Malformed("its machine has ended before")
        at, told = {}, []
        with answering(job) as answers:
            peers = [answers.pid] if answers else []

            def on_mark(name, counts):
                told.append(counts)
                if name == "end":
                    self.at_mark(name, job, told)
                try:
                    at[name] = machines.counters(machine, device, name, peers)
                except machines.HostError as error:  # of a machine that ended meanwhile: a failure of this run alone
                    raise GuestError(f"the counters of {machine.kind} cannot be read: {error}") from error
                if name == "begin":
                    self.at_mark(name, job, told)
            out, marks = machine.guest.run(self.line(job, device, self.options.seconds),
                                           LIMIT_SECONDS + self.options.seconds, on_mark)
        if set(at) != {"begin", "end"}:
            raise results.Malformed(f"{job.program} did not mark its begin and end")
        figures, curve = results.parsed(job, results.unpacked(out))
        begin, end = at["begin"], at["end"]
        guest = results.difference(*(results.guest_counts(job.group, marks[name]) for name in ("begin", "end")))
        provider = begin["provider"] and results.difference(begin["provider"], end["provider"])
        by_guest = results.job_count(job, guest) if job.group == "disk" else 0
        figures |= results.account(begin, end, machine.partition, by_guest or figures["operations"])
        return outcome((number, job, device), figures, curve, results.agreement(job, figures, guest, provider))


def answering(job):
    """A context in which the root answers a job's guest, with the process that does, or None. For one run, so that a server that
    has ended takes no other run along."""
    return machines.server(job.server, job.port) if job.group == "net" else nullcontext()


def outcome(run, figures, curve=(), counted=None):
    number, job, device = run
    return {"round": number, "group": job.group, "job": job.name, "device": device.name,
            "figures": figures, "curve": list(curve), "counted": counted or {"agree": True}}
