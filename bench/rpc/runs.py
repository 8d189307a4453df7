"""Servers, load clients and the runs that they make together.

Bounded in calls and time, on loopback only; ends only the processes that it began.
"""
import dataclasses
import json
import os
import shlex
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import machine


@dataclasses.dataclass(frozen=True)
class Scenario:
    connections: int
    depth: int  # calls out on each connection
    payload: int = 512
    idle: bool = False  # one call on each connection, then the server's memory


SCENARIOS = {
    "A": Scenario(1, 1), "B": Scenario(1, 64), "C": Scenario(32, 16), "D": Scenario(500, 1),
    "E": Scenario(5000, 1), "F": Scenario(8, 4, 65536), "G": Scenario(10000, 1, idle=True),
}
# How many calls an open loop may have out on each connection before further ones wait.
OPEN_DEPTH = {"A": 512, "C": 64}


@dataclasses.dataclass(frozen=True)
class Variant:
    title: str
    server: str  # program and options
    client: str
    ceiling: str = "epoll"
    unix: bool = False
    both_cpus: bool = False  # the server may use both; only in runs on two

    def program(self, side):
        return getattr(self, side).split()[0]


OURS, CEILING = "fairlead", "epoll"
FAIRLEAD, EPOLL = "fairlead_echo_server", "epoll_echo_server"
LOAD, EPOLL_LOAD = "fairlead_echo_client", "epoll_echo_client"
VARIANTS = {
    "fairlead": Variant("Fairlead", FAIRLEAD, LOAD),
    "epoll": Variant("epoll by hand (ceiling)", EPOLL, EPOLL_LOAD),
    "grpc": Variant("gRPC C++", "grpc_echo_server", "grpc_echo_client"),
    "thrift": Variant("Thrift", "thrift_echo_server", "thrift_echo_client"),
    "capnp": Variant("Cap'n Proto", "capnp_echo_server", "capnp_echo_client"),
    "fairlead-bare": Variant("Fairlead, plugins none", FAIRLEAD + " --bare", LOAD),
    "fairlead-raw": Variant("Fairlead, raw handler", FAIRLEAD + " --raw", LOAD),
    "fairlead-raw-bare": Variant("Fairlead, raw handler, plugins none",
                                 FAIRLEAD + " --raw --bare", LOAD),
    "fairlead-no-hook": Variant("Fairlead, a plugin without hooks", FAIRLEAD + " --plugins none",
                                LOAD),
    "fairlead-plugins": Variant("Fairlead, real_ip + overloader + tps",
                                FAIRLEAD + " --plugins usual", LOAD),
    "fairlead-run-log": Variant("Fairlead, run_log", FAIRLEAD + " --plugins log", LOAD),
    "fairlead-protobuf": Variant("Fairlead, protobuf body", FAIRLEAD,
                                 LOAD + " --body profile --codec p"),
    "fairlead-json": Variant("Fairlead, JSON body", FAIRLEAD, LOAD + " --body profile --codec j"),
    "fairlead-unix": Variant("Fairlead, Unix socket", FAIRLEAD, LOAD, "epoll-unix", unix=True),
    "epoll-unix": Variant("ceiling, Unix socket", EPOLL, EPOLL_LOAD, "epoll-unix", unix=True),
    "fairlead-spin": Variant("Fairlead, spinning", FAIRLEAD + " --spin-us 50", LOAD,
                             both_cpus=True),
    "fairlead-server": Variant("Fairlead server, ceiling's client", FAIRLEAD, EPOLL_LOAD),
    "fairlead-client": Variant("Fairlead client, ceiling's server", EPOLL, LOAD),
}


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class NotStarted(Exception):
    pass


class Server:
    """One echo server, ended when the block is left. `around`: a tool that it runs under."""

    def __init__(self, folder, variant, cpu, around=()):
        self.prepare()
        self.path = str(Path(self.folder.name) / "echo.sock")
        program, *options = VARIANTS[variant].server.split()
        if VARIANTS[variant].unix:
            options += ["--unix", self.path]
        command = [*around, str(folder / program), str(self.port), *options]
        other = machine.other_cpu(cpu) if VARIANTS[variant].both_cpus else None
        self.start(command, (cpu,) if other is None else (cpu, other))

    def prepare(self):
        self.port = free_port()
        self.folder = tempfile.TemporaryDirectory(prefix="bench_")

    def start(self, command, cpus):
        """Comes back when it listens."""
        self.process = subprocess.Popen(command, preexec_fn=machine.before_start(*cpus),
                                        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        try:
            self.wait()
        except BaseException:
            self.end()
            raise

    def wait(self):
        for _ in range(300):
            if self.process.poll() is not None:
                said = self.process.stderr.read().decode(errors="replace")
                raise NotStarted(f"a server did not start: {said.strip()[-300:]}")
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return
            except OSError:
                time.sleep(0.1)
        raise NotStarted("a server does not listen")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.end()

    def end(self):
        """Its own process group holds the tool and the program; both get the signal."""
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
        self.folder.cleanup()


def client_command(folder, variant, scenario, server, *options):
    shape = SCENARIOS[scenario]
    program, *own = VARIANTS[variant].client.split()
    if VARIANTS[variant].unix:
        own += ["--unix", server.path]
    return [str(folder / program), "--port", str(server.port), "--spid", str(server.process.pid),
            "--label", variant, "--scen", scenario, "--conns", str(shape.connections), "--depth",
            str(shape.depth), "--payload", str(shape.payload), *own, *options]


def run_client(command, cpu, timeout_s):
    """The client's line of JSON, or None after saying what went wrong."""
    client = subprocess.Popen(command, preexec_fn=machine.before_start(cpu),
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        out, err = client.communicate(timeout=timeout_s)
    except BaseException as why:  # an interrupt reaches this script only
        os.killpg(client.pid, signal.SIGKILL)
        client.communicate()
        if not isinstance(why, subprocess.TimeoutExpired):
            raise
        print(f"  no end within {timeout_s:.0f} s: {shlex.join(command)}")
        return None
    lines = [line for line in out.splitlines() if line.startswith("{")]
    if client.returncode != 0 or not lines:
        print(f"  failed ({client.returncode}): {shlex.join(command)}\n  {err.strip()[-500:]}")
        return None
    return json.loads(lines[-1])


def usable(folder, wanted, cpu):
    """The variants of `wanted` that can run here; says of the others why they cannot."""
    found = []
    for name in wanted:
        variant = VARIANTS[name]
        if not all((folder / variant.program(side)).exists() for side in ("server", "client")):
            print(f"left out: {name}; its programs are not in {folder} (./dev setup bench installs "
                  "the packages of all peers)")
            continue
        if " --" in variant.server:  # an option that this version may not have
            try:
                Server(folder, name, cpu).end()
            except NotStarted as why:
                print(f"left out: {name}; {str(why).splitlines()[0]}")
                continue
        found.append(name)
    return found


class Runner:
    """Makes the timed runs of one invocation and keeps their rows.

    A row is the client's line of JSON with `part`, `round`, `cpus` (1 or 2) and, of two CPUs,
    `phase` and `distance_ns`.
    """

    def __init__(self, options):
        self.folder = options.bin
        self.cpu = options.cpu
        self.second_cpu = machine.other_cpu(options.cpu)
        self.warm, self.meas, self.reps = options.warm, options.meas, options.reps
        self.rows = []
        self.failed = 0
        self.straddled = 0

    def rounds(self, part, variants, jobs):
        """All servers are up; the candidates take turns inside each job of each round."""
        for number in range(1, self.reps + 1):
            servers = {}
            try:
                for variant in variants:
                    servers[variant] = Server(self.folder, variant, self.cpu)
                for job in jobs:
                    for variant in variants:
                        self.one(part, number, variant, servers[variant], **job)
            finally:
                for server in servers.values():
                    server.end()

    def one(self, part, number, variant, server, scenario, cpus=1, rates=None, share=None):
        if VARIANTS[variant].both_cpus and cpus == 1:
            return
        options = ["--warm", str(self.warm), "--meas", str(self.meas)]
        if rates is not None:
            options += ["--rate", f"{rates[variant]:.0f}", "--seed", str(number),
                        "--depth", str(OPEN_DEPTH[scenario])]
        command = client_command(self.folder, variant, scenario, server, *options)
        row = self.placed(command, cpus)
        if row is None:
            return
        row |= {"part": part, "round": number, "cpus": cpus}
        if share is not None:
            row["share"] = share
        self.rows.append(row)
        where = f", {row['phase']}" if cpus == 2 else ""
        print(f"  {part} {number} {scenario} {variant:17} server {row['srv_us']:7.3f} client "
              f"{row['cli_us']:7.3f} µs a call, {row['cps']:9,.0f} calls/s, p99 "
              f"{row['p99']:,.1f} µs, errors {row['errors']}{where}", flush=True)

    def placed(self, command, cpus):
        """One run; on two CPUs again, at most twice, when the CPUs were moved meanwhile."""
        timeout_s = self.warm + self.meas + 60
        if cpus == 1:
            row = run_client(command, self.cpu, timeout_s)
            self.failed += row is None
            return row
        for _ in range(3):
            before = machine.distance_ns(self.folder, self.cpu, self.second_cpu)
            row = run_client(command, self.second_cpu, timeout_s)
            after = machine.distance_ns(self.folder, self.cpu, self.second_cpu)
            if row is None:
                self.failed += 1
                return None
            phase = machine.phase(before, after)
            if phase is not None:
                return row | {"phase": phase, "distance_ns": [before, after]}
            self.straddled += 1
            print(f"  dropped: the CPUs were moved ({before:.0f} ns before, {after:.0f} after)")
        return None

    def idle(self, variants):
        """Scenario G: each variant on a fresh server, once."""
        room = machine.open_files_max() - 200
        for variant in variants:
            count = min(SCENARIOS["G"].connections, room)
            with Server(self.folder, variant, self.cpu) as server:
                command = client_command(self.folder, variant, "G", server, "--idle", "--conns",
                                         str(count))
                row = run_client(command, self.cpu, 300)
            if row is None:
                self.failed += 1
                continue
            self.rows.append(row | {"part": "main", "round": 1, "cpus": 1})
            print(f"  main 1 G {variant:17} {row['kb_per_conn']:.3f} KiB a connection of "
                  f"{row['conns']}, errors {row['errors']}", flush=True)

    def capacity(self, variants, scenario):
        """Calls a second of a short closed loop on one CPU."""
        found = {}
        for variant in variants:
            with Server(self.folder, variant, self.cpu) as server:
                row = run_client(client_command(self.folder, variant, scenario, server, "--warm",
                                                ".1", "--meas", ".3"), self.cpu, 60)
            if row is None:
                sys.exit(f"{variant} cannot be measured")
            found[variant] = row["cps"]
        return found
