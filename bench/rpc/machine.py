"""The machine: what figures depend on, and how far apart two of its CPUs are."""
import contextlib
import datetime
import os
import platform
import re
import resource
import subprocess
from pathlib import Path

# Round trips of a cache line, in ns. On virtual machines one sees below 100 while the two virtual
# CPUs share a chip's cache and above 300 while they do not.
NEAR_NS_MAX = 200


def cpu_model():
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return "unknown CPU"


def compiler_of(build):
    """The first line of what the compiler of this build tree says about itself."""
    cache = Path(build) / "CMakeCache.txt"
    if not cache.exists():
        return "unknown compiler"
    for line in cache.read_text(encoding="utf-8").splitlines():
        if line.startswith("CMAKE_CXX_COMPILER:"):
            program = line.split("=", 1)[1]
            said = subprocess.run([program, "--version"], capture_output=True, text=True)
            return said.stdout.splitlines()[0].strip() if said.stdout else program
    return "unknown compiler"


def describe(build):
    control = Path("/proc/sys/net/ipv4/tcp_congestion_control")
    return {
        "date": datetime.date.today().isoformat(),
        "cpus": os.cpu_count(),
        "model": cpu_model(),
        "system": f"Linux {platform.release()}",
        "congestion_control": control.read_text(encoding="utf-8").strip(),
        "compiler": compiler_of(build),
    }


def in_words(machine):
    return (f"{machine['date']}, {machine['cpus']} × {machine['model']}, {machine['system']}, "
            f"TCP congestion control {machine['congestion_control']}, {machine['compiler']}")


def load():
    """One-minute load."""
    return os.getloadavg()[0]


def other_cpu(cpu):
    """A CPU that is not this one, or None where there is only one."""
    others = sorted(os.sched_getaffinity(0) - {cpu})
    return others[0] if others else None


def open_files_max():
    return resource.getrlimit(resource.RLIMIT_NOFILE)[1]


@contextlib.contextmanager
def ahead_of_others():
    """While the block runs, this session's processes come before background work.

    Server and client stay in one session: the scheduler shares a CPU between sessions first, and a
    client that yields would give way only to what is in its own.
    """
    group = Path("/proc/self/autogroup")
    try:
        before = re.search(r"nice (-?\d+)", group.read_text(encoding="ascii")).group(1)
        group.write_text("-20", encoding="ascii")
    except (OSError, AttributeError):
        yield  # only root may, and not every kernel can; the figures are noisier then
        return
    try:
        yield
    finally:
        group.write_text(before, encoding="ascii")


def before_start(*cpus):
    """Runs in each child: own process group (to end it), its CPUs, many files."""
    def prepare():
        os.setpgid(0, 0)
        os.sched_setaffinity(0, cpus)
        hard = open_files_max()
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return prepare


def distance_ns(folder, first, second):
    """The round trip of a cache line between two CPUs now."""
    done = subprocess.run([str(folder / "cpu_distance"), str(first), str(second)],
                          capture_output=True, text=True, check=True, timeout=10)
    return float(done.stdout)


def phase(before_ns, after_ns):
    """`near` or `far`; None when the CPUs were moved between the two measurements."""
    names = ["near" if ns <= NEAR_NS_MAX else "far" for ns in (before_ns, after_ns)]
    return names[0] if names[0] == names[1] else None
