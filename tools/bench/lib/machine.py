# SPDX-License-Identifier: Apache-2.0
"""What a run takes of the machine and gives back: cores, hugepages; and what the machine took from it: steal time."""

import glob
import json
import os
import re
import shutil
import tempfile
import time

from lib.process import PREFIX, BenchError, base_dir, run

HUGEPAGE_MB = 2
NR_HUGEPAGES = "/proc/sys/vm/nr_hugepages"
NOTE, MOUNT = "nr_hugepages", "huge"  # in the run's directory: what the number was before; where hugetlbfs is
MOVED = "moved.json"  # there too: which kernel threads were sent off the switch's core, and where they might run before
UNBOUND_WORK = "/sys/devices/virtual/workqueue/cpumask"
PF_KTHREAD, PF_NO_SETAFFINITY = 0x00200000, 0x04000000
POLLING_NICE = -20


def clean_up_after_the_dead(note):
    """What runs that were killed have left: their processes are gone with them, the rest is given back here."""
    for path in glob.glob(os.path.join(tempfile.gettempdir(), PREFIX + "*-*")):
        # Others may write there too: what is not ours is not believed.
        if is_alive(path) or os.lstat(path).st_uid != os.geteuid():
            continue
        note("cleaning up after a run that was killed: %s" % path)
        run("umount", "--lazy", os.path.join(path, MOUNT), check=False)
        before = os.path.join(path, NOTE)
        if os.path.exists(before):
            with open(NR_HUGEPAGES, "w", encoding="ascii") as f:
                f.write("%d\n" % read_int(before))
        if os.path.exists(os.path.join(path, MOVED)):
            move_back(path)
        shutil.rmtree(path, ignore_errors=True)
    for line in run("ip", "netns", "list").splitlines():
        name = line.split()[0] if line.split() else ""
        if name.startswith(PREFIX) and not is_alive(name):
            run("ip", "netns", "del", name, check=False)


def is_alive(name):
    """Whether the run is there whose pid the name has; anything else is not ours to judge."""
    found = re.match(PREFIX + r"(\d+)-", os.path.basename(name))
    return found is None or os.path.exists("/proc/" + found.group(1))


class Cores:
    """dut: the switch's worker, alone there. other: generator, control processes and this program."""

    def __init__(self, dut=None, other=None):
        allowed = sorted(os.sched_getaffinity(0))
        if len(allowed) < 2 and (dut is None or other is None):
            raise BenchError("two cores are needed, %d allowed" % len(allowed), "run it where taskset -p $$ shows two or more")
        self.dut = allowed[-1] if dut is None else dut
        self.other = next(c for c in allowed if c != self.dut) if other is None else other
        for core in (self.dut, self.other):
            if core not in allowed:
                raise BenchError("core %d is not one of %s" % (core, ",".join(map(str, allowed))))
        if self.dut == self.other:
            raise BenchError("the switch and the generator need a core each, both were given %d" % self.dut)


class QuietCore:
    """The switch's core without what the kernel need not run there: unbound kernel threads (RCU, compaction, writeback) go to the other
    core while a run lasts. Processes of others stay where they are; the polling threads get the highest priority instead."""

    def __init__(self, cores, note=print):
        self.note, self.dir = note, base_dir()
        try:
            self._move(cores)
        except OSError as e:
            note("the kernel's threads stay on the switch's core: %s" % e)

    def _move(self, cores):
        allowed = {tid: sorted(os.sched_getaffinity(tid)) for tid in unbound_kernel_threads(cores.dut)}
        mask = read_line(UNBOUND_WORK)
        with open(os.path.join(self.dir, MOVED), "w", encoding="ascii") as f:
            json.dump({"threads": allowed, "mask": mask}, f)
        for tid in allowed:
            set_affinity(tid, {cores.other})
        if mask is not None:
            write_line(UNBOUND_WORK, "%x" % (1 << cores.other))

    def restore(self):
        if os.path.exists(os.path.join(self.dir, MOVED)):
            move_back(self.dir)


def move_back(path):
    """Undoes what a QuietCore with this directory did."""
    with open(os.path.join(path, MOVED), encoding="ascii") as f:
        moved = json.load(f)
    for tid, cpus in moved["threads"].items():
        # The number may be a process's by now.
        if kernel_flags(int(tid)) & PF_KTHREAD:
            set_affinity(int(tid), cpus)
    if moved["mask"] is not None:
        write_line(UNBOUND_WORK, moved["mask"])
    os.unlink(os.path.join(path, MOVED))


def unbound_kernel_threads(core):
    """Those that may run on this core, on others too, and may be told where."""
    found = []
    for pid in (int(name) for name in os.listdir("/proc") if name.isdigit()):
        flags = kernel_flags(pid)
        if not flags & PF_KTHREAD or flags & PF_NO_SETAFFINITY:
            continue
        try:
            cpus = os.sched_getaffinity(pid)
        except OSError:
            continue
        if core in cpus and len(cpus) > 1:
            found.append(pid)
    return found


def kernel_flags(pid):
    """0 when it is gone."""
    line = read_line("/proc/%d/stat" % pid) or ""
    words = line.rpartition(")")[2].split()
    return int(words[6]) if len(words) > 6 else 0


def set_affinity(tid, cpus):
    """Of a kernel thread, which may have ended, or belong where it is."""
    try:
        os.sched_setaffinity(tid, cpus)
    except OSError:
        pass


def read_line(path):
    try:
        with open(path, encoding="ascii", errors="replace") as f:
            return f.readline().strip()
    except OSError:
        return None


def write_line(path, line):
    try:
        with open(path, "w", encoding="ascii") as f:
            f.write(line + "\n")
    except OSError:
        pass


def prefer(pid, core):
    """Whoever else wakes up on this core does not push its polling threads aside. For all switches alike."""
    for tid in threads_of_core(pid, core):
        os.setpriority(os.PRIO_PROCESS, tid, POLLING_NICE)


class Hugepages:
    """Reserves 2 MB pages while the run lasts, when it may (root) and can (free memory). .mb is what there is; 0: run without."""

    def __init__(self, mb, note=print):
        self.mb, self.before, self.mount, self.note = 0, None, None, note
        try:
            self._reserve(mb)
            if self.mb > 0 and not hugetlbfs_mounted():
                self._mount()
        except BaseException:
            self.restore()
            raise

    def _reserve(self, mb):
        note = self.note
        free_mb = meminfo_kb("HugePages_Free") * HUGEPAGE_MB
        if free_mb >= mb:
            self.mb = free_mb
            return
        if os.geteuid() != 0:
            note("no hugepages: not root; cycles will be higher for every switch alike")
            return
        # Half of what is available stays for everybody else.
        if meminfo_kb("MemAvailable") // 1024 < 2 * (mb - free_mb):
            note("no hugepages: %d MB wanted, too little memory is free; cycles will be higher for every switch alike" % mb)
            return
        self.before = read_int(NR_HUGEPAGES)
        with open(os.path.join(base_dir(), NOTE), "w", encoding="ascii") as f:
            f.write("%d\n" % self.before)
        self._set(self.before + (mb - free_mb + HUGEPAGE_MB - 1) // HUGEPAGE_MB)
        self.mb = meminfo_kb("HugePages_Free") * HUGEPAGE_MB
        if self.mb < mb:
            note("no hugepages: %d MB wanted, the kernel found %d MB; cycles will be higher for every switch alike" % (mb, self.mb))
            self.restore()

    def _set(self, n):
        try:
            with open(NR_HUGEPAGES, "w", encoding="ascii") as f:
                f.write("%d\n" % n)
        except OSError as e:
            self.note("cannot set vm.nr_hugepages: %s" % e)

    def _mount(self):
        """DPDK wants its pages as files."""
        self.mount = os.path.join(base_dir(), MOUNT)
        os.mkdir(self.mount)
        run("mount", "-t", "hugetlbfs", "-o", "pagesize=2M", "sluice-bench", self.mount)

    def restore(self):
        """The number first: whatever keeps the mount busy must not keep the memory."""
        if self.before is not None:
            self._set(self.before)
            os.unlink(os.path.join(base_dir(), NOTE))
            self.before, self.mb = None, 0
        if self.mount is not None:
            run("umount", "--lazy", self.mount, check=False)
            shutil.rmtree(self.mount, ignore_errors=True)
            self.mount = None


def hugetlbfs_mounted():
    with open("/proc/mounts", encoding="ascii", errors="replace") as f:
        return any(line.split()[2] == "hugetlbfs" for line in f)


def read_int(path):
    with open(path, encoding="ascii") as f:
        return int(f.read())


def meminfo_kb(name):
    """A row of /proc/meminfo; HugePages_* are counts."""
    with open("/proc/meminfo", encoding="ascii") as f:
        for line in f:
            if line.startswith(name + ":"):
                return int(line.split()[1])
    return 0


def parse_cpu_line(line):
    """(steal, all) in clock ticks, of a cpu line of /proc/stat. Guest time is in user time already."""
    values = [int(v) for v in line.split()[1:9]]
    return values[7], sum(values)


class Watch:
    """What others took of a core while a trial ran: the hypervisor (steal time), and whoever else ran there (waiting time of the
    threads that live on that core alone)."""

    def __init__(self, core, pid):
        self.core, self.pid = core, pid
        self.tids = threads_of_core(pid, core)
        self.start_s = time.monotonic()
        self.before = self._read()

    def _read(self):
        steal = 0
        with open("/proc/stat", encoding="ascii") as f:
            for line in f:
                if line.startswith("cpu%d " % self.core):
                    steal = parse_cpu_line(line)[0]
        waited_ns = switched = 0
        for tid in self.tids:
            base = "/proc/%d/task/%d/" % (self.pid, tid)
            with open(base + "schedstat", encoding="ascii") as f:
                waited_ns += int(f.read().split()[1])
            with open(base + "status", encoding="ascii", errors="replace") as f:
                switched += int(re.search(r"nonvoluntary_ctxt_switches:\s*(\d+)", f.read()).group(1))
        return steal, waited_ns, switched

    def end(self):
        steal, waited_ns, switched = (b - a for a, b in zip(self.before, self._read()))
        return {"elapsed_ms": (time.monotonic() - self.start_s) * 1000, "steal_ms": steal * 1000 / os.sysconf("SC_CLK_TCK"),
                "waited_ms": waited_ns / 1e6, "involuntary_switches": switched}


def threads_of_core(pid, core):
    """Of a process: those that may run on this core and no other."""
    return [int(tid) for tid in os.listdir("/proc/%d/task" % pid) if os.sched_getaffinity(int(tid)) == {core}]
