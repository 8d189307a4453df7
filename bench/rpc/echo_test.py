#!/usr/bin/env python3
"""Starts one pair of echo server and load client and checks what the runners rely on.

usage: echo_test.py FOLDER_OF_THE_PROGRAMS VARIANT [SERVER_OPTIONS]

No time is measured here: the window is a fraction of a second and any figure will do.
"""
import json
import socket
import subprocess
import sys
import tempfile
import time

WINDOW_KEYS = set("""label scen conns depth payload calls secs cps p50 p99 p999 mean srv_us
    srv_user_us srv_sys_us cli_us cli_user_us cli_sys_us srv_util cli_util srv_vcs srv_ivcs rss_kb
    errors""".split())
COUNTER_KEYS = set("srv_instr_user srv_instr_kern srv_syscalls cli_instr_user cli_syscalls".split())
IDLE_KEYS = set("""label scen conns opened rss0_kb rss1_kb private0_kb private1_kb kb_per_conn
    errors""".split())
# What each variant can do beside bytes over TCP in a closed loop.
OPEN_LOOP = {"fairlead", "epoll", "grpc"}
PROFILES = {"fairlead", "epoll"}
UNIX_SOCKETS = {"fairlead", "epoll"}


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for(port, server):
    for _ in range(200):
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            if server.poll() is not None:
                sys.exit(f"the server ended with {server.returncode}")
            time.sleep(0.05)
    sys.exit("the server does not listen")


def check(held, what):
    if not held:
        sys.exit(f"FAILED: {what}")


class Pair:
    def __init__(self, folder, variant, server_options, path):
        self.variant = variant
        self.path = path
        self.client = [f"{folder}/{variant}_echo_client"]
        self.port = free_port()
        command = [f"{folder}/{variant}_echo_server", str(self.port), *server_options]
        if variant in UNIX_SOCKETS:
            command += ["--unix", path]
        self.server = subprocess.Popen(command)

    def run(self, *options):
        command = self.client + ["--port", str(self.port), "--spid", str(self.server.pid),
                                 "--label", "name", "--scen", "T", *options]
        done = subprocess.run(command, capture_output=True, text=True, timeout=30)
        check(done.returncode == 0, f"{' '.join(command)}: {done.returncode} {done.stderr}")
        lines = done.stdout.splitlines()
        check(len(lines) == 1, f"one line, not {lines}")
        line = json.loads(lines[0])
        check(line["errors"] == 0, f"no errors in {line}")
        check((line["label"], line["scen"]) == ("name", "T"), f"label and scenario in {line}")
        return line

    def refuses(self, *options):
        done = subprocess.run(self.client + list(options), capture_output=True, timeout=30)
        check(done.returncode == 2 and done.stderr, f"{options} is refused")

    def test_window(self):
        line = self.run("--host", "127.0.0.1", "--conns", "2", "--depth", "4", "--payload", "512",
                        "--warm", ".05", "--meas", ".2")
        check(WINDOW_KEYS == line.keys(), f"keys: {sorted(WINDOW_KEYS ^ line.keys())}")
        check(line["calls"] > 100 and line["cps"] > 0, f"calls in {line}")
        check(line["srv_us"] > 0 and line["cli_us"] > 0, f"CPU time in {line}")
        check(0 < line["p50"] <= line["p99"] <= line["p999"], f"quantiles in {line}")
        check(0.15 < line["secs"] < 10, f"the window in {line}")

    def test_large_bodies(self):
        line = self.run("--payload", "65536", "--conns", "2", "--depth", "4", "--warm", "0",
                        "--meas", ".1")
        check(line["calls"] > 10, f"calls in {line}")

    def test_more_than_a_socket_holds(self):
        line = self.run("--payload", "1048576", "--conns", "1", "--depth", "8", "--calls", "40")
        check(line["calls"] == 40, f"as many calls as asked for in {line}")

    def test_counters(self):
        line = self.run("--perf", "--warm", ".05", "--meas", ".1")
        check(WINDOW_KEYS | COUNTER_KEYS == line.keys(), f"keys: {sorted(line)}")

    def test_fixed_number_of_calls(self):
        line = self.run("--calls", "1000", "--depth", "8")
        check(line["calls"] == 1000, f"as many calls as asked for in {line}")

    def test_idle(self):
        line = self.run("--idle", "--conns", "20")
        check(IDLE_KEYS == line.keys(), f"keys: {sorted(IDLE_KEYS ^ line.keys())}")
        check(line["opened"] == 20, f"opened in {line}")

    def test_open_loop(self):
        if self.variant not in OPEN_LOOP:
            return self.refuses("--port", "1", "--rate", "1000")
        line = self.run("--rate", "2000", "--seed", "7", "--conns", "2", "--depth", "100",
                        "--warm", ".05", "--meas", ".5")
        check(WINDOW_KEYS | {"rate"} == line.keys(), f"keys: {sorted(line)}")
        # As many as the schedule says, give or take; a slow machine ends its backlog later.
        check(line["rate"] == 2000 and 100 < line["calls"] < 2000, f"rate and calls in {line}")

    def test_profiles(self):
        if self.variant not in PROFILES:
            return self.refuses("--port", "1", "--body", "profile", "--codec", "j")
        for codec in "jp":
            line = self.run("--body", "profile", "--codec", codec, "--calls", "100")
            check(line["calls"] == 100, f"as many calls as asked for in {line}")
        self.refuses("--port", "1", "--body", "profile", "--codec", "s")

    def test_unix_socket(self):
        if self.variant not in UNIX_SOCKETS:
            return self.refuses("--port", "1", "--unix", self.path)
        line = self.run("--unix", self.path, "--payload", "65536", "--depth", "4", "--calls", "50")
        check(line["calls"] == 50, f"as many calls as asked for in {line}")

    def test_bad_options(self):
        for options in (["--port", "0"], ["--nonsense", "1"], ["--conns"], [],
                        ["--port", "1", "--codec", "js"], ["--port", "1", "--body", "soul"],
                        ["--port", "1", "--rate", "0"]):
            self.refuses(*options)


def main():
    with tempfile.TemporaryDirectory() as folder:
        pair = Pair(sys.argv[1], sys.argv[2], sys.argv[3:], f"{folder}/echo.sock")
        try:
            wait_for(pair.port, pair.server)
            for name in dir(pair):
                if name.startswith("test_"):
                    getattr(pair, name)()
            check(pair.server.poll() is None, "the server still runs")
        finally:
            pair.server.terminate()
            pair.server.wait(10)


if __name__ == "__main__":
    main()
