#!/usr/bin/env python3
"""Measures an echo over RPC: our engine beside a hand-written epoll loop and gRPC C++.

  A  1 connection, 1 call out          C  32 connections, 16 calls out on each
  B  1 connection, 64 calls out        D  500 connections, 1 call out on each
  E  5000 connections, 1 call out      F  8 connections, 4 calls of 64 KiB out on each

512 bytes both ways, loopback TCP, closed loop. Server and client share one CPU: what a call costs
then repeats within a few per cent, whatever else the machine does. All servers run through a round;
candidates take turns inside each scenario; the table shows medians over the rounds.

Instructions and system calls are counted in runs of their own, by the kernel's counters where the
machine has them, else by callgrind (user instructions) and strace (system calls): what N and 4 N
calls need, and the difference divided by 3 N. Bounded, on loopback only; ends only what it began.
"""
import argparse
import datetime
import json
import os
import platform
import re
import resource
import shlex
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SCENARIOS = {"A": (1, 1, 512), "B": (1, 64, 512), "C": (32, 16, 512), "D": (500, 1, 512),
             "E": (5000, 1, 512), "F": (8, 4, 65536)}
# name -> (server with its options, client, what the table calls it)
VARIANTS = {
    "fairlead": ("fairlead_echo_server", "fairlead_echo_client", "Fairlead"),
    "epoll": ("epoll_echo_server", "epoll_echo_client", "epoll by hand (ceiling)"),
    "grpc": ("grpc_echo_server", "grpc_echo_client", "gRPC C++"),
    "fairlead-raw": ("fairlead_echo_server --raw", "fairlead_echo_client",
                     "Fairlead, untyped handler"),
    "fairlead-server": ("fairlead_echo_server", "epoll_echo_client", "Fairlead server alone"),
    "fairlead-client": ("epoll_echo_server", "fairlead_echo_client", "Fairlead client alone"),
}
CEILING = "epoll"
# CPU µs per call that we must reach, server and client alike; how many times that the first release
# may need; and what the ceiling's server needed on the machine on which the target was set.
TARGETS = {"A": (2.5, 2, 2.16), "B": (0.20, 4, 0.065), "C": (0.25, 4, 0.116),
           "D": (1.7, 2, 1.49)}
BEGIN, END = "<!-- bench rpc: begin -->", "<!-- bench rpc: end -->"


class Machine:
    """What the figures depend on, for the head of the table."""

    @staticmethod
    def describe():
        model = "unknown CPU"
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                model = line.split(":", 1)[1].strip()
                break
        control = Path("/proc/sys/net/ipv4/tcp_congestion_control").read_text().strip()
        return (f"{os.cpu_count()} × {model}, Linux {platform.release()}, "
                f"TCP congestion control {control}")


def before_start(cpu):
    """Runs in each child: own scheduling group ahead of background work, one CPU, many files."""
    def prepare():
        os.setsid()
        try:
            Path("/proc/self/autogroup").write_text("-20")
        except OSError:
            pass  # only root may; the figures are noisier then
        os.sched_setaffinity(0, {cpu})
        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return prepare


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Server:
    """One echo server, ended when the block is left. `around`: a tool that it runs under."""

    def __init__(self, args, variant, around=(), folder=None):
        self.port = free_port()
        program, *options = VARIANTS[variant][0].split()
        command = [*around, str((folder or args.bin) / program), str(self.port), *options]
        self.process = subprocess.Popen(command, preexec_fn=before_start(args.cpu),
                                        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)

    def __enter__(self):
        for _ in range(300):
            if self.process.poll() is not None:
                sys.exit(f"a server did not start: {self.process.stderr.read().decode()[-500:]}")
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return self
            except OSError:
                time.sleep(0.1)
        self.end()
        sys.exit("a server does not listen")

    def __exit__(self, *_):
        self.end()

    def end(self):
        """Its own session holds the tool and the program; both get the signal."""
        for number, patience_s in ((signal.SIGTERM, 10), (signal.SIGKILL, 10)):
            try:
                os.killpg(self.process.pid, number)
                self.process.wait(patience_s)
                break
            except ProcessLookupError:
                break
            except subprocess.TimeoutExpired:
                continue
        self.process.stderr.close()


def client_command(args, variant, scenario, server, *options, folder=None):
    connections, depth, payload = SCENARIOS[scenario]
    return [str((folder or args.bin) / VARIANTS[variant][1]), "--port", str(server.port),
            "--spid", str(server.process.pid), "--label", variant, "--scen", scenario,
            "--conns", str(connections), "--depth", str(depth), "--payload", str(payload), *options]


def run_client(args, command, timeout_s):
    """The client's line of JSON, or None after saying what went wrong."""
    client = subprocess.Popen(command, preexec_fn=before_start(args.cpu), stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, text=True)
    try:
        out, err = client.communicate(timeout=timeout_s)
    except subprocess.TimeoutExpired:
        os.killpg(client.pid, signal.SIGKILL)
        client.communicate()
        print(f"  no end within {timeout_s} s: {shlex.join(command)}")
        return None
    lines = [line for line in out.splitlines() if line.startswith("{")]
    if client.returncode != 0 or not lines:
        print(f"  failed ({client.returncode}): {shlex.join(command)}\n  {err.strip()[-500:]}")
        return None
    return json.loads(lines[-1])


def measure(args):
    """All timed runs, as the clients' lines of JSON with the number of their round."""
    rows = []
    for number in range(args.reps):
        servers = {}
        try:
            for variant in args.variants:
                servers[variant] = Server(args, variant).__enter__()
            for scenario in args.scen:
                for variant in args.variants:
                    command = client_command(args, variant, scenario, servers[variant], "--warm",
                                             str(args.warm), "--meas", str(args.meas))
                    row = run_client(args, command, args.warm + args.meas + 40)
                    if row is None:
                        continue
                    row["round"] = number + 1
                    rows.append(row)
                    print(f"  round {number + 1} {scenario} {variant:16} server "
                          f"{row['srv_us']:7.3f} client {row['cli_us']:7.3f} µs a call, "
                          f"{row['cps']:9,.0f} calls/s, errors {row['errors']}", flush=True)
        finally:
            for server in servers.values():
                server.end()
    return rows


class Counts:
    """Server's and client's user instructions, server's system calls, per call."""

    def __init__(self, args):
        self.args = args
        self.perf = self.probe_counters()
        self.how = []
        if self.perf["instructions"]:
            self.how.append("instructions: the CPU's counter")
        elif shutil.which("valgrind"):
            self.how.append("user instructions: callgrind (this machine has no counter)")
            self.strip_programs()
        if self.perf["calls"]:
            self.how.append("system calls: the kernel's tracepoint")
        elif shutil.which("strace"):
            self.how.append("system calls: strace")

    def strip_programs(self):
        """Debian's valgrind cannot read the line tables of clang 19: copies without them."""
        self.keep = tempfile.TemporaryDirectory()
        self.stripped = Path(self.keep.name)
        for variant in self.args.variants:
            for program in VARIANTS[variant][:2]:
                program = program.split()[0]
                subprocess.run(["strip", "--strip-debug", "-o", self.stripped / program,
                                self.args.bin / program], check=True)

    def probe_counters(self):
        with Server(self.args, CEILING) as server:
            row = run_client(self.args, client_command(self.args, CEILING, "A", server, "--warm",
                                                       ".05", "--meas", ".1", "--perf"), 30)
        row = row or {}
        return {"instructions": row.get("srv_instr_user", 0) > 0,
                "calls": row.get("srv_syscalls", 0) > 0}

    def count(self, variant, scenario):
        found = {}
        if self.perf["instructions"] or self.perf["calls"]:
            with Server(self.args, variant) as server:
                row = run_client(self.args, client_command(
                    self.args, variant, scenario, server, "--warm", ".2", "--meas", ".5", "--perf"),
                    60)
            if row and self.perf["instructions"]:
                found["server_instructions"] = row["srv_instr_user"]
            if row and self.perf["calls"]:
                found["server_calls"] = row["srv_syscalls"]
        if not self.perf["instructions"] and shutil.which("valgrind"):
            found["server_instructions"] = self.per_call(variant, scenario, self.callgrind_server)
            found["client_instructions"] = self.per_call(variant, scenario, self.callgrind_client)
        if not self.perf["calls"] and shutil.which("strace"):
            found["server_calls"] = self.per_call(variant, scenario, self.strace_server)
        return {key: value for key, value in found.items() if value is not None}

    def per_call(self, variant, scenario, total):
        """What `total` counts for 4 N calls more than for N calls, per call."""
        connections, depth, _ = SCENARIOS[scenario]
        calls = max(1000 if VARIANTS[variant][0].startswith("grpc") else 4000,
                    4 * connections * depth)
        few, many = total(variant, scenario, calls), total(variant, scenario, 4 * calls)
        return None if few is None or many is None else (many - few) / (3 * calls)

    CALLGRIND = ("valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null")

    @staticmethod
    def collected(text):
        found = re.search(r"Collected\s*:\s*(\d+)", text)
        return int(found.group(1)) if found else None

    def callgrind_server(self, variant, scenario, calls):
        with tempfile.NamedTemporaryFile("r") as log:
            around = (*self.CALLGRIND, f"--log-file={log.name}")
            with Server(self.args, variant, around, self.stripped) as server:
                row = run_client(self.args, client_command(self.args, variant, scenario, server,
                                                           "--calls", str(calls)), 310)
            return self.collected(log.read()) if row else None

    def callgrind_client(self, variant, scenario, calls):
        with tempfile.NamedTemporaryFile("r") as log, Server(self.args, variant) as server:
            command = client_command(self.args, variant, scenario, server, "--calls", str(calls),
                                     folder=self.stripped)
            command = [*self.CALLGRIND, f"--log-file={log.name}", *command]
            return self.collected(log.read()) if run_client(self.args, command, 310) else None

    def strace_server(self, variant, scenario, calls):
        with tempfile.NamedTemporaryFile("r") as log:
            around = ("strace", "-f", "-c", "-U", "calls", "-o", log.name)
            with Server(self.args, variant, around) as server:
                row = run_client(self.args, client_command(self.args, variant, scenario, server,
                                                           "--calls", str(calls)), 310)
            numbers = re.findall(r"^\s*(\d+)\s+total|^\s*(\d+)\s*$", log.read(), re.M)
            return int("".join(numbers[-1])) if row and numbers else None


def median(rows, key):
    return statistics.median(row[key] for row in rows)


def number(value, digits):
    return "–" if value is None else f"{value:,.{digits}f}"


class Table:
    """One line per scenario and candidate; the same cells on the terminal and in markdown."""
    HEAD = ["", "candidate", "server µs/call", "× ceiling", "client µs/call", "× ceiling",
            "calls/s", "p50 / p99 µs", "user instructions server / client", "system calls server",
            "target", "allowed now"]

    def __init__(self, args, rows, counts):
        self.lines = []
        self.misses = []
        self.errors = sum(row["errors"] for row in rows)
        for scenario in args.scen:
            for variant in args.variants:
                mine = [r for r in rows if (r["scen"], r["label"]) == (scenario, variant)]
                if mine:
                    ceiling = [r for r in rows if (r["scen"], r["label"]) == (scenario, CEILING)]
                    self.add(scenario, variant, mine, ceiling, counts.get((variant, scenario), {}))

    def add(self, scenario, variant, mine, ceiling, counted):
        digits = 3 if scenario in "BC" else 2
        cells = [scenario, VARIANTS[variant][2]]
        for key in ("srv_us", "cli_us"):
            low, high = min(r[key] for r in mine), max(r[key] for r in mine)
            spread = "" if len(mine) == 1 else f" ({low:.{digits}f}–{high:.{digits}f})"
            cells.append(f"{median(mine, key):.{digits}f}{spread}")
            cells.append(f"{median(mine, key) / median(ceiling, key):.2f}" if ceiling else "–")
        cells.append(number(median(mine, "cps"), 0))
        cells.append(f"{median(mine, 'p50'):,.1f} / {median(mine, 'p99'):,.1f}")
        cells.append(f"{number(counted.get('server_instructions'), 0)} / "
                     f"{number(counted.get('client_instructions'), 0)}")
        cells.append(number(counted.get("server_calls"), 2))
        target = TARGETS.get(scenario) if variant.startswith("fairlead") else None
        cells += [f"≤ {target[0]}", f"≤ {target[0] * target[1]:.1f}"] if target else ["", ""]
        self.lines.append(cells)
        if target and variant == "fairlead":
            for side, key in (("server", "srv_us"), ("client", "cli_us")):
                self.judge(f"{scenario}, {side}", median(mine, key),
                           median(ceiling, key) if ceiling else None, *target)

    def judge(self, what, value, ceiling, target, factor, ceiling_there):
        """Says of a missed target by how much, and whether it is ours or the machine's."""
        if value <= target:
            return
        text = f"{what}: {value:.3f} µs, {value / target:.2f} × the target of {target} µs"
        text += (f", which is more than the {factor} × allowed now" if value > target * factor
                 else f"; {factor} × are allowed now")
        if ceiling:
            text += (f". The ceiling needs {ceiling:.3f} µs on this machine and {ceiling_there} on "
                     f"that of the target: {value / ceiling:.2f} × the ceiling against "
                     f"{target / ceiling_there:.2f} × in the target")
        self.misses.append(text)

    def markdown(self):
        rule = ["---", "---"] + ["--:"] * (len(self.HEAD) - 2)
        return "\n".join("| " + " | ".join(line) + " |" for line in [self.HEAD, rule, *self.lines])

    def terminal(self):
        lines = [self.HEAD, *self.lines]
        widths = [max(len(line[i]) for line in lines) for i in range(len(self.HEAD))]
        return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(line, widths)).rstrip()
                         for line in lines)


def notes(args, table, counts, loads):
    rounds = f"{args.reps} rounds of {args.warm:g} s warm-up and {args.meas:g} s measuring"
    lines = [
        f"{datetime.date.today().isoformat()}, {Machine.describe()}.",
        f"Command: `{args.command}` ({rounds}; medians, in brackets lowest and highest).",
        f"One-minute load of the machine before and after: {loads[0]:.1f}, {loads[1]:.1f}; "
        f"{os.cpu_count()} CPUs. " + ("Nothing is counted." if not counts else
                                     "Counted per call: " + "; ".join(counts.how) + "."),
        f"Errors in all runs: {table.errors}.",
    ]
    lines += table.misses or ["Every measured target is met."]
    return lines


def write_page(path, table, lines):
    text = path.read_text(encoding="utf-8")
    if BEGIN not in text or END not in text:
        sys.exit(f"{path} lacks the lines '{BEGIN}' and '{END}'")
    before, rest = text.split(BEGIN, 1)
    after = rest.split(END, 1)[1]
    body = table.markdown() + "\n\n" + "\n".join(f"- {line}" for line in lines)
    path.write_text(f"{before}{BEGIN}\n{body}\n{END}{after}", encoding="utf-8")
    print(f"written: {path}")


def names(known):
    def parse(text):
        chosen = text.split(",")
        for name in chosen:
            if name not in known:
                raise argparse.ArgumentTypeError(f"'{name}'; there are {', '.join(known)}")
        return chosen
    return parse


def parse_arguments():
    parser = argparse.ArgumentParser(prog="./dev bench rpc", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scen", type=names(SCENARIOS), default="A,B,C,D", metavar="A,B,...")
    parser.add_argument("--variants", type=names(VARIANTS), default="fairlead,epoll,grpc",
                        metavar="NAME,...", help="of: " + " ".join(VARIANTS))
    parser.add_argument("--reps", type=int, default=3, help="rounds (default 3)")
    parser.add_argument("--warm", type=float, default=0.3, metavar="SECONDS")
    parser.add_argument("--meas", type=float, default=1.2, metavar="SECONDS")
    parser.add_argument("--cpu", type=int, default=0, help="the CPU that all share (default 0)")
    parser.add_argument("--out", type=Path, help="append the clients' JSON lines to this file")
    parser.add_argument("--quick", action="store_true", help="one short round, nothing counted")
    parser.add_argument("--no-counts", action="store_true", help="times only")
    parser.add_argument("--markdown", action="store_true",
                        help="write the table into docs/performance.md")
    parser.add_argument("--bin", type=Path, default=ROOT / "build/release/bench",
                        help="folder of the programs")
    args = parser.parse_args()
    args.command = shlex.join(["./dev", "bench", "rpc", *sys.argv[1:]])
    if args.quick:
        args.reps, args.warm, args.meas, args.no_counts = 1, 0.1, 0.3, True
    missing = [v for v in args.variants if not (args.bin / VARIANTS[v][0].split()[0]).exists()]
    for variant in missing:
        print(f"left out: {variant}; its programs are not in {args.bin}"
              + (" (./dev setup bench installs gRPC's packages)" if variant == "grpc" else ""))
    args.variants = [v for v in args.variants if v not in missing]
    if not args.variants:
        sys.exit("nothing to measure; ./dev build release bench_rpc builds the programs")
    return args


def main():
    args = parse_arguments()
    load_before = os.getloadavg()[0]
    rows = measure(args)
    if args.out:
        with args.out.open("a", encoding="utf-8") as out:
            out.writelines(json.dumps(row) + "\n" for row in rows)
    counts, counted = None, {}
    if not args.no_counts and (args.bin / VARIANTS[CEILING][0]).exists():
        counts = Counts(args)
        for scenario in args.scen:
            for variant in args.variants:
                counted[variant, scenario] = counts.count(variant, scenario)
                print(f"  counted {scenario} {variant}: {counted[variant, scenario]}", flush=True)
    table = Table(args, rows, counted)
    lines = notes(args, table, counts, (load_before, os.getloadavg()[0]))
    print("\n" + table.terminal() + "\n")
    print("\n".join(lines))
    if args.markdown:
        write_page(ROOT / "docs/performance.md", table, lines)
    expected = args.reps * len(args.scen) * len(args.variants)
    return 0 if len(rows) == expected and table.errors == 0 else 1


if __name__ == "__main__":
    sys.exit(main())
