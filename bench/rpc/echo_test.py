#!/usr/bin/env python3
"""Starts one pair of echo server and load client and checks what the runners rely on.

usage: echo_test.py FOLDER_OF_THE_PROGRAMS VARIANT [SERVER_OPTIONS]

No time is measured here: the window is a fraction of a second and any figure will do.
"""
import json
import socket
import subprocess
import sys
import time

WINDOW_KEYS = set("""label scen conns depth payload calls secs cps p50 p99 p999 mean srv_us
    srv_user_us srv_sys_us cli_us cli_user_us cli_sys_us srv_util cli_util srv_vcs srv_ivcs rss_kb
    errors""".split())
COUNTER_KEYS = {"srv_instr_user", "srv_instr_kern", "srv_syscalls"}
IDLE_KEYS = set("label scen conns opened rss0_kb rss1_kb kb_per_conn errors".split())


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
    def __init__(self, folder, variant, server_options):
        self.client = [f"{folder}/{variant}_echo_client"]
        self.port = free_port()
        self.server = subprocess.Popen([f"{folder}/{variant}_echo_server", str(self.port),
                                        *server_options])

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

    def test_bad_options(self):
        for options in (["--port", "0"], ["--nonsense", "1"], ["--conns"], []):
            done = subprocess.run(self.client + options, capture_output=True, timeout=30)
            check(done.returncode == 2 and done.stderr, f"{options} is refused")


def main():
    pair = Pair(sys.argv[1], sys.argv[2], sys.argv[3:])
    try:
        wait_for(pair.port, pair.server)
        pair.test_window()
        pair.test_large_bodies()
        pair.test_counters()
        pair.test_fixed_number_of_calls()
        pair.test_idle()
        pair.test_bad_options()
        check(pair.server.poll() is None, "the server still runs")
    finally:
        pair.server.terminate()
        pair.server.wait(10)


if __name__ == "__main__":
    main()
