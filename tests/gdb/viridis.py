# SPDX-License-Identifier: GPL-2.0-or-later
"""gdb commands for a stopped Viridis: `source tests/gdb/viridis.py`, or `./dev gdb`.

    viridis-partitions              every partition
    viridis-vps [PARTITION]         every VP: where it is, what it waits for
    viridis-vmcb PARTITION.VP       its control block, decoded
    viridis-npt PARTITION GPA       the nested tables' entries on the way to GPA
    viridis-trace [CPU] [COUNT]     the newest trace records
    viridis-log [LINES]             the log's end
    viridis-path FUNCTION [SKIP]    instructions per function from one VMRUN to the next

PARTITION is a slot as the log prints it: 0 or p0 is the root.

The hypervisor's memory is read by physical address, because a CPU may stand in a guest, whose page
tables do not show it. What is read is copied out of the target first: a pointer of a copied struct
must go through load(), never be dereferenced.
"""
import collections
import os

import gdb

IMAGE_BASE = 0xffffffff80000000
FRAME_MAP_BASE = 0xffff800000000000
HPA_LIMIT = 1 << 46
SUSPEND = ("explicit", "intercept", "startup", "halt", "partition", "claimed")
EVENTS = ("shutdown", "timer", "nmi", "init", "startup", "stop", "nmi2", "posted0", "posted1", "posted2",
          "posted3")
PATH_MOST = 20000


# --- reading the target

def physical_mode(on):
    gdb.execute(f"maintenance packet Qqemu.PhyMemMode:{int(on)}", to_string=True)


def hpa_of(address):
    """Of an address in the image or in the frame map."""
    for base in (IMAGE_BASE, FRAME_MAP_BASE):
        if base <= address < base + HPA_LIMIT:
            return address - base
    raise gdb.GdbError(f"{address:#x} is not an address of the hypervisor's data")


def read(address, size):
    physical_mode(True)
    try:
        return bytes(gdb.selected_inferior().read_memory(hpa_of(address), size))
    except gdb.MemoryError:
        raise gdb.GdbError(f"no memory at {address:#x}") from None
    finally:
        physical_mode(False)


def load(pointer):
    """The object that a typed pointer points to, copied."""
    kind = pointer.type.strip_typedefs().target()
    return gdb.Value(read(int(pointer), kind.sizeof), kind)


def address_of(name):
    """Of a global, or of a static: link-time optimization leaves it no file to be named by."""
    symbols = [gdb.lookup_global_symbol(name), *gdb.lookup_static_symbols(name)]
    values = [symbol.value() for symbol in symbols if symbol]
    found = [value.address for value in values if value.address is not None]
    if len(found) != 1:
        raise gdb.GdbError(f"{len(found)} variables are called {name}")
    return found[0]


def variable(name):
    """Copied."""
    return load(address_of(name))


def elements(array):
    first, last = array.type.range()
    return [array[i] for i in range(first, last + 1)]


def cpus():
    pointers = variable("cpus")
    return [load(pointers[i]) for i in range(int(variable("cpu_count")))]


def partitions():
    return [load(pointer) for pointer in elements(variable("table"))
            if int(pointer)]


def partition_at(text):
    digits = text.lstrip("p")
    if not digits.isdigit():
        raise gdb.GdbError(f"'{text}': a partition is a slot, as 0 or p0")
    for partition in partitions():
        if int(partition["slot"]) == int(digits):
            return partition
    raise gdb.GdbError(f"there is no partition {text}")


def vps_of(partition):
    return [load(pointer) for pointer in elements(partition["vps"]) if int(pointer)]


# --- words

def bit_names(value, names):
    return "+".join(name for i, name in enumerate(names) if int(value) >> i & 1) or "-"


def enumerator(value, kind, prefix):
    """A value of an enum as the code names it, in small letters; or the number."""
    text = str(gdb.Value(int(value)).cast(gdb.lookup_type(f"enum {kind}")))
    return text.removeprefix(prefix).lower() if text.startswith(prefix) else hex(int(value))


def exit_name(code):
    code = int(code) & 0xffffffff
    if code == 0xffffffff:
        return "invalid"
    return enumerator(code, "svm_exit", "SVM_EXIT_")


def vectors(words):
    return [64 * i + bit for i, word in enumerate(elements(words)) for bit in range(64)
            if int(word) >> bit & 1]


def show_table(head, rows):
    rows = [head, *[[str(cell) for cell in row] for row in rows]]
    widths = [max(len(row[i]) for row in rows) for i in range(len(head))]
    for row in rows:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip())


class Command(gdb.Command):
    """`usage` names the arguments; those in brackets may be left out."""

    usage = ""

    def __init__(self):
        super().__init__(self.name, gdb.COMMAND_DATA)

    def invoke(self, text, from_tty):
        words = gdb.string_to_argv(text)
        names = self.usage.split()
        needed = sum(not name.startswith("[") for name in names)
        if not needed <= len(words) <= len(names):
            raise gdb.GdbError(f"usage: {self.name} {self.usage}")
        self.run(*words)


def natural(text):
    try:
        return int(text, 0)
    except ValueError:
        raise gdb.GdbError(f"'{text}' is not a number") from None


# --- commands

class Partitions(Command):
    """Every partition: state, VPs, pages of its pool, root of its nested tables."""
    name = "viridis-partitions"

    def run(self):
        show_table(
            ["slot", "id", "state", "vps", "weight", "pages used", "free",
             "nested root", "guest OS"],
            [[f"p{int(p['slot'])}", hex(int(p["id"])),
              enumerator(p["state"], "partition_state", "PARTITION_"), len(vps_of(p)),
              int(p["weight"]), int(p["pool"]["in_use"]), int(p["pool"]["available"]),
              hex(int(p["npt"]["root_hpa"])), hex(int(p["guest_os_id"]))]
             for p in partitions()])


class Vps(Command):
    """Every VP: its CPU, why it does not run, what it is to look at, its interrupts."""
    name = "viridis-vps"
    usage = "[PARTITION]"

    def run(self, which=None):
        wanted = [partition_at(which)] if which else partitions()
        show_table(
            ["vp", "state", "cpu", "suspended", "events", "rip", "irr", "isr", "presented",
             "entries"],
            [self.row(partition, vp) for partition in wanted for vp in vps_of(partition)])

    @staticmethod
    def row(partition, vp):
        cpu = vp["running_on"]
        entries = int(gdb.parse_and_eval("(int)VIRIDIS_VP_STAT_ENTRIES"))
        return [f"p{int(partition['slot'])}.{int(vp['index'])}",
                enumerator(vp["sched_state"], "vp_sched_state", "VP_"),
                int(load(cpu)["index"]) if int(cpu) else "-",
                bit_names(vp["suspend"], SUSPEND), bit_names(vp["events"], EVENTS),
                hex(int(vp["arch"]["rip"])),
                ",".join(f"{v:x}" for v in vectors(vp["lapic"]["irr"])) or "-",
                ",".join(f"{v:x}" for v in vectors(vp["lapic"]["isr"])) or "-",
                "-" if int(vp["entry"]["vector"]) < 0 else f"{int(vp['entry']['vector']):x}",
                int(vp["stats"][entries])]


class Vmcb(Command):
    """A VP's control block: last exit, intercepts, events, registers."""
    name = "viridis-vmcb"
    usage = "PARTITION.VP"
    CONTROL = ("asid", "tlb_control", "tsc_offset", "v_control", "v_vector",
               "interrupt_shadow", "event_injection", "nested_control", "nested_cr3")
    SAVE = ("rip", "rsp", "rax", "rflags", "cr0", "cr2", "cr3", "cr4", "efer", "cpl", "dr6",
            "dr7", "star", "lstar", "pat")
    SEGMENTS = ("cs", "ss", "ds", "es", "fs", "gs", "tr", "ldtr", "gdtr", "idtr")

    def run(self, which):
        slot, _, index = which.partition(".")
        for vp in vps_of(partition_at(slot)):
            if int(vp["index"]) == natural(index or "0"):
                pointer = vp["arch"]["control"]
                vmcb = load(pointer.cast(gdb.lookup_type("struct vmcb").pointer()))
                self.show(int(pointer), vmcb)
                return
        raise gdb.GdbError(f"there is no VP {which}")

    def show(self, address, vmcb):
        control, save = vmcb["control"], vmcb["save"]
        print(f"vmcb at {hpa_of(address):#x}")
        print(f"last exit: {exit_name(control['exit_code'])} info1 "
              f"{int(control['exit_info1']):#x} info2 {int(control['exit_info2']):#x} "
              f"interrupted {int(control['exit_interrupt_info']):#x}")
        print("intercepts: " + " ".join(f"{int(control['intercepts'][i]):#x}"
                                        for i in range(6)))
        self.words("control", control, self.CONTROL)
        self.words("state", save, self.SAVE)
        show_table(["segment", "selector", "attributes", "limit", "base"],
                   [[name, *(hex(int(save[name][field])) for field in
                             ("selector", "attributes", "limit", "base"))]
                    for name in self.SEGMENTS])

    @staticmethod
    def words(title, values, names):
        words = [f"{name} {int(values[name]):#x}" for name in names]
        print(f"{title}:")
        for i in range(0, len(words), 4):
            print("    " + "  ".join(f"{word:<28}" for word in words[i:i + 4]).rstrip())


class Npt(Command):
    """The walk of a partition's nested tables to an address of the guest's."""
    name = "viridis-npt"
    usage = "PARTITION GPA"
    ADDRESS = 0x000ffffffffff000

    def run(self, which, where):
        gpa, hpa = natural(where), int(partition_at(which)["npt"]["root_hpa"])
        if not 0 <= gpa < 1 << 48:
            raise gdb.GdbError(f"{gpa:#x} is beyond 48 bits")
        for level, size in ((3, "512G"), (2, "1G"), (1, "2M"), (0, "4K")):
            index = gpa >> 12 + 9 * level & 511
            entry = int.from_bytes(read(FRAME_MAP_BASE + hpa + 8 * index, 8), "little")
            leaf = level == 0 or entry >> 7 & 1
            print(f"{size:>4} table {hpa:#014x}[{index:3}] = {entry:#018x}  "
                  f"{self.describe(entry, leaf)}")
            hpa = entry & self.ADDRESS
            if not entry & 1:
                print(f"{gpa:#x} is not mapped")
                return
            if leaf:
                span = 1 << 12 + 9 * level
                print(f"{gpa:#x} is {(hpa & -span) | gpa & span - 1:#x} of the machine")
                return

    @staticmethod
    def describe(entry, leaf):
        if not entry & 1:
            return "absent"
        rights = "r" + ("w" if entry >> 1 & 1 else "-") + ("-" if entry >> 63 else "x")
        return f"{'leaf' if leaf else 'table'} {rights}" + (" mark" if entry >> 55 & 1 else "")


class Trace(Command):
    """The newest records of one CPU's ring, or of all, by time."""
    name = "viridis-trace"
    usage = "[CPU] [COUNT]"

    def run(self, which=None, count="40"):
        all_cpus = cpus()
        wanted = all_cpus if which is None else [
            cpu for cpu in all_cpus if int(cpu["index"]) == natural(which)]
        if not wanted:
            raise gdb.GdbError(f"there is no CPU {which}")
        records = sorted((record for cpu in wanted for record in self.ring(cpu)),
                         key=lambda record: int(record["tsc"]))[-natural(count):]
        show_table(["tsc", "after", "cpu", "vp", "kind", "a", "b"],
                   [self.row(record, previous)
                    for record, previous in zip(records, [None, *records])])

    @staticmethod
    def ring(cpu):
        pointer, end = cpu["trace"], int(cpu["trace_next"])
        kind = pointer.type.target().strip_typedefs()
        size = int(gdb.parse_and_eval("sizeof(struct viridis_trace_record)"))
        capacity = 2048
        data = read(int(pointer), size * capacity)
        for number in range(max(0, end - capacity), end):
            at = number % capacity * size
            yield gdb.Value(data[at:at + size], kind)

    @staticmethod
    def row(record, previous):
        kind = enumerator(record["kind"], "viridis_trace_kind", "VIRIDIS_TRACE_")
        a, b = int(record["a"]), int(record["b"])
        after = f"+{int(record['tsc']) - int(previous['tsc'])}" if previous else ""
        vp = "-" if int(record["vp"]) == 0xffff else \
            f"p{int(record['partition'])}.{int(record['vp'])}"
        return [int(record["tsc"]), after, int(record["cpu"]), vp, kind,
                exit_name(a) if kind == "exit" else hex(a), hex(b)]


class Log(Command):
    """The end of the hypervisor's log."""
    name = "viridis-log"
    usage = "[LINES]"

    def run(self, lines="40"):
        ring = address_of("log_ring")
        size, end = ring.type.target().sizeof, int(variable("ring_end"))
        data = read(int(ring), size)
        text = data[:end] if end <= size else data[end % size:] + data[:end % size]
        print("\n".join(text.decode("ascii", "replace").splitlines()[-natural(lines):]))


class Silence:
    """Every step prints its line, which nothing of gdb's own keeps it from."""

    def __enter__(self):
        gdb.flush()
        self.saved = [os.dup(fd) for fd in (1, 2)]
        with open(os.devnull, "w") as null:
            for fd in (1, 2):
                os.dup2(null.fileno(), fd)

    def __exit__(self, *_):
        gdb.flush()
        for fd, saved in zip((1, 2), self.saved):
            os.dup2(saved, fd)
            os.close(saved)


class Path(Command):
    """Counts what one exit costs: steps from one VMRUN to the next after FUNCTION was called
    SKIP times. With one CPU; what inlined functions do counts as theirs."""
    name = "viridis-path"
    usage = "FUNCTION [SKIP]"

    def run(self, function, skip="0"):
        breakpoint_ = gdb.Breakpoint(function, type=gdb.BP_HARDWARE_BREAKPOINT,
                                     internal=True)
        breakpoint_.ignore_count = natural(skip)
        with Silence():
            gdb.execute("continue")
            breakpoint_.delete()
            self.step_to_vmrun()
            addresses = self.step_to_vmrun()
        counts = collections.Counter(self.function_of(pc) for pc in addresses)
        print(f"{function}: {len(addresses)} instructions from VMRUN to VMRUN")
        for name, count in counts.most_common():
            print(f"{count:6} {name}")

    def step_to_vmrun(self):
        """Steps at least once; gives the addresses of the instructions executed."""
        addresses = []
        while not addresses or not self.at_vmrun():
            addresses.append(self.pc())
            if len(addresses) > PATH_MOST:
                raise gdb.GdbError(f"no VMRUN within {PATH_MOST} instructions")
            gdb.execute("stepi")
        return addresses

    @staticmethod
    def pc():
        return int(gdb.parse_and_eval("(unsigned long)$pc"))

    def at_vmrun(self):
        pc = self.pc()
        if gdb.find_pc_line(pc).symtab is None:
            return False
        code = gdb.selected_frame().architecture().disassemble(pc)[0]["asm"]
        return code.startswith("vmrun")

    @staticmethod
    def function_of(pc):
        """The innermost function, inlined ones included; the guest has no lines."""
        if gdb.find_pc_line(pc).symtab is None:
            return "(guest)"
        block = gdb.block_for_pc(pc)
        while block is not None and block.function is None:
            block = block.superblock
        if block is not None:
            return block.function.name
        return gdb.execute(f"info symbol {pc:#x}", to_string=True).split()[0]


for command in (Partitions, Vps, Vmcb, Npt, Trace, Log, Path):
    command.__doc__ = f"{command.name} {command.usage}\n{command.__doc__}"
    command()
