"""Instructions and system calls per call, of server and client: what repeats best of all.

A run of N calls and one of 4 N are counted as a whole; their difference divided by 3 N is what a
call needs, without start and end. Times of such runs mean nothing and are not looked at.
"""
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

import runs

SIDES = ("server", "client")
CALLGRIND = ("valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null")
STRACE = ("strace", "-f", "-c", "-U", "calls")


def collected(text):
    """Instructions, from callgrind's log."""
    found = re.search(r"Collected\s*:\s*(\d+)", text)
    return int(found.group(1)) if found else None


def system_calls(text):
    """Calls, from the table that strace -c writes: its last number is their sum."""
    found = re.findall(r"^\s*(\d+)(?:\s+total)?\s*$", text, re.M)
    return int(found[-1]) if found else None


class Counts:
    """How this machine counts, and the counting. `folder`: the programs; all on one CPU."""

    def __init__(self, folder, variants, cpu):
        self.folder, self.cpu = folder, cpu
        self.how = {}
        self.keep = tempfile.TemporaryDirectory(prefix="bench_rpc_")
        if shutil.which("valgrind"):
            self.how["instructions"] = "callgrind, user instructions"
            self.strip_programs(variants)
        probe = self.tracepoint("epoll", "A", 100)
        if probe and all(probe.values()):
            self.how["system calls"] = "the kernel's tracepoint"
        elif shutil.which("strace"):
            self.how["system calls"] = "strace"

    def strip_programs(self, variants):
        """Debian's valgrind cannot read the line tables of clang 19: copies without them."""
        self.stripped = Path(self.keep.name)
        for program in {runs.VARIANTS[v].program(side) for v in variants for side in SIDES}:
            subprocess.run(["strip", "--strip-debug", "-o", self.stripped / program,
                            self.folder / program], check=True)

    def count(self, variant, scenario):
        """{"server_instructions": ..., "client_calls": ..., ...}; what cannot be counted lacks."""
        shape = runs.SCENARIOS[scenario]
        calls = max(1000 if variant == "grpc" else 4000, 4 * shape.connections * shape.depth)
        found = {}
        if "instructions" in self.how:
            found |= self.per_call("instructions", self.callgrind, variant, scenario, calls)
        if self.how.get("system calls") == "strace":
            found |= self.per_call("calls", self.strace, variant, scenario, calls)
        elif "system calls" in self.how:
            each = self.tracepoint(variant, scenario, 4 * calls) or {}
            found |= {f"{side}_calls": value for side, value in each.items()}
        return found

    @staticmethod
    def per_call(what, total, variant, scenario, calls):
        few, many = total(variant, scenario, calls), total(variant, scenario, 4 * calls)
        if few is None or many is None:
            return {}
        return {f"{side}_{what}": (many[side] - few[side]) / (3 * calls) for side in SIDES}

    def callgrind(self, variant, scenario, calls):
        return self.under(variant, scenario, calls, self.stripped, collected,
                          lambda log: (*CALLGRIND, f"--log-file={log}"))

    def strace(self, variant, scenario, calls):
        return self.under(variant, scenario, calls, self.folder, system_calls,
                          lambda log: (*STRACE, "-o", log))

    def under(self, variant, scenario, calls, folder, read, tool):
        """What the tool says in total about each side of a run."""
        logs = {side: f"{self.keep.name}/{side}.log" for side in SIDES}
        with runs.Server(folder, variant, self.cpu, tool(logs["server"])) as server:
            command = runs.client_command(folder, variant, scenario, server, "--calls", str(calls))
            row = runs.run_client([*tool(logs["client"]), *command], self.cpu, 310)
        totals = {side: read(Path(log).read_text(encoding="utf-8")) for side, log in logs.items()}
        return None if row is None or None in totals.values() else totals

    def tracepoint(self, variant, scenario, calls):
        with runs.Server(self.folder, variant, self.cpu) as server:
            row = runs.run_client(runs.client_command(
                self.folder, variant, scenario, server, "--calls", str(calls), "--perf"),
                self.cpu, 310)
        return row and {"server": row["srv_syscalls"], "client": row["cli_syscalls"]}
