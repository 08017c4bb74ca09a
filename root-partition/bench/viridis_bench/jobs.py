# SPDX-License-Identifier: GPL-2.0-or-later
"""What is measured: the devices, and the jobs as lines that the guest's first process carries out. A job's `line` is for
one device, and for the root's address on its network; what answers it there is its `server`, at a TCP `port`."""
import shlex
from dataclasses import dataclass

KIB = 1024
IPERF3_PORT, REQUEST_PORT = 5201, 8765
WARM_UP_BYTES = "8M"  # of a network


class Unknown(Exception):
    """A word of the command line that names nothing here."""


@dataclass(frozen=True)
class Device:
    """`driver` is the guest's, by which it finds the device. `qemu` is what QEMU is given, with {id} for the
    backend; of an attached device nothing, as `viridis attach` gives it to the guest that QEMU runs."""
    name: str
    group: str  # disk, net, boot
    driver: str
    qemu: tuple = ()
    machine: str = "qemu"


DEVICES = (
    Device("synthetic", "disk", "hv_storvsc", machine="viridis"),
    Device("attached", "disk", "hv_storvsc"),
    Device("virtio", "disk", "virtio_blk", ("virtio-blk-pci,drive={id}",)),
    Device("virtio-scsi", "disk", "virtio_scsi",
           ("virtio-scsi-pci,id=scsi", "scsi-hd,drive={id},bus=scsi.0")),
    Device("nvme", "disk", "nvme", ("nvme,drive={id},serial=bench",)),
    Device("ahci", "disk", "ahci", ("ich9-ahci,id=ahci", "ide-hd,drive={id},bus=ahci.0")),
    Device("ide", "disk", "ata_piix", ("ide-hd,drive={id},bus=ide.0",)),
    Device("synthetic", "net", "hv_netvsc", machine="viridis"),
    Device("attached", "net", "hv_netvsc"),
    Device("virtio", "net", "virtio_net", ("virtio-net-pci,netdev={id},romfile=",)),
    Device("e1000e", "net", "e1000e", ("e1000e,netdev={id},romfile=",)),
    Device("e1000", "net", "e1000", ("e1000,netdev={id},romfile=",)),
    Device("synthetic", "boot", "", machine="viridis"),
    Device("qemu", "boot", ""),
)


# A request's latency is counted from its submission: at depth 1 the whole of it may pass within that call.
LATENCY = ("--lat_percentiles=1", "--clat_percentiles=0")


def fio_line(words, warm_up):
    """A line that runs fio, which marks where its I/O begins and ends, so that its own start does not count. Its quotes
    let the guest's shell see $d."""
    if not warm_up:
        words = [*words, "--exec_prerun=mark begin $d", "--exec_postrun=mark end $d"]
    return " ".join(shlex.quote(word).replace("'", '"') for word in words)


@dataclass(frozen=True)
class DiskJob:
    name: str
    pattern: str  # fio's --rw
    block: int
    depth: int
    group = "disk"
    program = "fio"
    counted = "requests"  # of results.COUNTED

    def line(self, device, _address, seconds, warm_up=False):
        words = ["fio", "--name=job", "--output-format=json", "--output=/tmp/result", "--eta=never",
                 "--ioengine=io_uring", "--direct=1", "--norandommap", "--thread",
                 f"--rw={self.pattern}", f"--bs={self.block}", f"--iodepth={self.depth}",
                 "--time_based", f"--runtime={round(seconds * 1000)}ms", *LATENCY]
        return (f"d=$(device block {device.driver}) && {fio_line(words, warm_up)} --filename=/dev/$d"
                + ("" if warm_up else " && out /tmp/result"))


@dataclass(frozen=True)
class NetJob:
    name: str
    streams: int = 1
    reverse: bool = False
    group = "net"
    program = "iperf3"
    server = ("iperf3", "-s")
    port = IPERF3_PORT

    @property
    def counted(self):
        return "received-bytes" if self.reverse else "sent-bytes"

    def line(self, device, address, seconds, warm_up=False):
        """iperf3 counts whole seconds, which is long for a warm-up."""
        length = f"-n {WARM_UP_BYTES}" if warm_up else f"-t {max(1, round(seconds))}"
        line = (f"iperf3 -J -c {address} {length} -P {self.streams}"
                f"{' -R' if self.reverse else ''} >/tmp/result")
        if warm_up:
            return line
        return (f"d=$(device class/net {device.driver}) && mark begin $d; {line}; s=$?; mark end $d; "
                "out /tmp/result; (exit $s)")


# For both ends of requests; in one process, so that nothing of it stays when that is killed.
REQUESTS = ("--thread", "--ioengine=net", f"--port={REQUEST_PORT}", "--protocol=tcp", "--nodelay=1",
            "--pingpong=1", "--bs=1", "--size=1g")


@dataclass(frozen=True)
class RequestJob:
    """One byte there and one back, over one TCP connection, one at a time."""
    name: str
    group = "net"
    program = "fio"
    counted = "sent"
    server = ("fio", "--name=server", "--output=/dev/null", *REQUESTS, "--listen", "--rw=read")
    port = REQUEST_PORT

    def line(self, device, address, seconds, warm_up=False):
        words = ["fio", "--name=job", "--output-format=json", "--output=/tmp/result", "--eta=never", *REQUESTS,
                 f"--hostname={address}", "--rw=write", "--time_based",
                 f"--runtime={round(seconds * 1000)}ms", *LATENCY]
        return (f"d=$(device class/net {device.driver}) && {fio_line(words, warm_up)}"
                + ("" if warm_up else " && out /tmp/result"))


@dataclass(frozen=True)
class BootJob:
    """From the order to start a machine until its first process listens."""
    name: str
    group = "boot"
    program = None


JOBS = (
    DiskJob("randread-4k-1", "randread", 4 * KIB, 1),
    DiskJob("randread-4k-32", "randread", 4 * KIB, 32),
    DiskJob("randread-4k-64", "randread", 4 * KIB, 64),
    DiskJob("randwrite-4k-1", "randwrite", 4 * KIB, 1),
    DiskJob("randwrite-4k-32", "randwrite", 4 * KIB, 32),
    DiskJob("read-128k-4", "read", 128 * KIB, 4),
    DiskJob("write-128k-4", "write", 128 * KIB, 4),
    DiskJob("read-1m-4", "read", 1024 * KIB, 4),
    NetJob("send"),
    NetJob("receive", reverse=True),
    NetJob("send-8", streams=8),
    RequestJob("request"),
    BootJob("boot"),
)


def chosen(what, known, words):
    """Those of `known` that a list like "virtio,ide" names, in its order; all without a list."""
    if not words:
        return list(known)
    result = []
    for word in words.split(","):
        found = [item for item in known if item.name == word]
        if not found:
            names = ", ".join(dict.fromkeys(item.name for item in known))
            raise Unknown(f"no {what} is called '{word}'; there are {names}")
        result += [item for item in found if item not in result]
    return result


def runs(devices, jobs, repeat):
    """(round, job, device) in the order of measuring: in each round every job has all its devices one after the other, so
    that a machine that is busy for a while is busy for all of them."""
    return [(number, job, device) for number in range(repeat) for job in jobs
            for device in devices if device.group == job.group]
