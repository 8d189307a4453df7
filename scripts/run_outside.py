#!/usr/bin/env python3
"""Runs conformance scripts from outside the project against servers of the tests.

usage: run_outside.py FOLDER BUILD
  FOLDER  holds the scripts; each closes with "N passed, N failed"
  BUILD   the build tree with the servers

Every script gets a server of its own. Ends with 0 when all scripts passed.
"""
import contextlib
import os
import pathlib
import re
import subprocess
import sys

SERVERS = {  # a program below the build tree, and its arguments
    "http_echo_server": ["tests/e2e/http/http_echo_server"],
    "impatient_echo_server": ["tests/e2e/http/http_echo_server", "--patience-ms", "3000"],
    "detecting_server": ["tests/e2e/http/http_echo_server", "--detect", "plain"],
    "detecting_tls_server": ["tests/e2e/http/http_echo_server", "--detect", "tls"],
    "rpc_test_server": ["tests/e2e/rpc/rpc_test_server"],
}
DATA = pathlib.Path(__file__).resolve().parent.parent / "tests" / "data"
SMUGGLING = ["--path", "/echo", "--echo", "--level", "all"]
# Every group of cases and all of `line` but tls_hello.
ALL_BUT_TLS_HELLO = ("ok.,clte.,te.,cl.,chunk.,line.n,line.h,line.v,line.m,line.l,line.tab,"
                     "line.two,line.u,line.c,line.p,line.b,host.,field.,conn.")
SLOW = ["--path", "/about", "--big", "/big", "--ws-path", "/ws/echo", "--pid", "{pid}"]
# Script, server, arguments behind host and port. "{pid}" is the server's process.
RUNS = [
    # HTTP/1.1 framing and request smuggling, also beyond what everyone must hold.
    ("smuggling_cases.py", "http_echo_server", SMUGGLING),
    # The same where raw calls are told apart, and inside TLS. A client hello that is broken is
    # answered with an alert where TLS is spoken, which the script takes for an answer of HTTP.
    ("smuggling_cases.py", "detecting_server", SMUGGLING),
    ("smuggling_cases.py", "detecting_tls_server", [*SMUGGLING, "--tls"]),
    ("smuggling_cases.py", "detecting_tls_server", [*SMUGGLING, "--only", ALL_BUT_TLS_HELLO]),
    # Slow clients: others are served meanwhile, and each is let go within 20 s, the script's own
    # time. A WebSocket that is silent is asked after 30 s, so only an impatient server ends it in
    # time. Who reads 10 bytes a second hears of its end only behind the 1.1 kB that its system had
    # taken for it, whatever a server does. Where protocols are told apart, silence may last.
    ("slow_clients.py", "http_echo_server", [*SLOW, "--mode", "idle,head,body,partial,h2"]),
    ("slow_clients.py", "impatient_echo_server", [*SLOW, "--mode", "ws"]),
    ("slow_clients.py", "impatient_echo_server", [*SLOW, "--mode", "read", "--cut", "150"]),
    ("slow_clients.py", "detecting_tls_server", [*SLOW, "--mode", "head,body,partial,h2"]),
    ("slow_clients.py", "detecting_tls_server", [*SLOW, "--tls", "--mode", "tls"]),
    # The script needs some 50 ms for each of its handshakes, and counts them in.
    ("slow_clients.py", "detecting_tls_server",
     [*SLOW, "--tls", "--mode", "head,body,partial,h2", "--conns", "100", "--cut", "40"]),
    # WebSocket: handshake, framing, closing, UTF-8, limits, deflate.
    ("ws_conformance.py", "http_echo_server", ["--path", "/ws/echo", "--max-msg", "1048576"]),
    # JSON texts that every reader must take or refuse.
    ("json_cases.py", "http_echo_server", ["--path", "/json/any"]),
    # Malformed RPC frames, plain and behind a transform.
    ("frame_garbage.py", "rpc_test_server",
     ["--spec", DATA / "frame_garbage_raw.json", "--pid", "{pid}"]),
    ("frame_garbage.py", "rpc_test_server",
     ["--spec", DATA / "frame_garbage_raw_crc32c.json", "--pid", "{pid}"]),
]
# A proxy with faults, which our own test of links can put between its two programs.
FAULT_PROXY = "chaos_proxy.py"
LINKS = pathlib.Path(__file__).resolve().parent.parent / "tests" / "e2e" / "links"
SCRIPT_SECONDS_MAX = 300
STOP_SECONDS_MAX = 20


@contextlib.contextmanager
def running(server):
    """Gives process and port of a server, of whose command `server` is the words.

    The server ends when its input does; it must end with 0.
    """
    process = subprocess.Popen(server, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        line = process.stdout.readline()
        port = re.search(r":(\d+)\s*$", line)
        if not port:
            sys.exit(f"run_outside: {server[0]} said {line!r} instead of where it listens")
        yield process, port.group(1)
        process.stdin.close()
        if process.wait(timeout=STOP_SECONDS_MAX) != 0:
            sys.exit(f"run_outside: {server[0]} ended with {process.returncode}")
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def passes(script, server, arguments):
    with running(server) as (process, port):
        told = [str(argument).format(pid=process.pid) for argument in arguments]
        print(f"outside cases: {server[0].name} against", script.name, *told, flush=True)
        command = [sys.executable, "-B", script, "127.0.0.1", port, *told]
        try:
            return subprocess.run(command, timeout=SCRIPT_SECONDS_MAX).returncode == 0
        except subprocess.TimeoutExpired:
            print(f"outside cases: {script.name} took more than {SCRIPT_SECONDS_MAX} s")
            return False


def links_hold(proxy, build):
    print("outside cases: two peers with", proxy.name, "between them", flush=True)
    programs = build.resolve() / "tests" / "e2e" / "links"
    environment = {**os.environ, "PYTHONPATH": str(LINKS.parents[1] / "testkit"),
                   "FL_FAULT_PROXY": str(proxy.resolve()),
                   "FL_LEDGER_SERVER": str(programs / "ledger_server"),
                   "FL_LEDGER_CLIENT": str(programs / "ledger_client")}
    try:
        return subprocess.run([sys.executable, "-B", LINKS / "network_test.py"], env=environment,
                              timeout=SCRIPT_SECONDS_MAX).returncode == 0
    except subprocess.TimeoutExpired:
        print(f"outside cases: {proxy.name} took more than {SCRIPT_SECONDS_MAX} s")
        return False


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    folder, build = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
    failed = []
    for name, server, arguments in RUNS:
        script = folder / name
        if not script.exists():
            print(f"outside cases: {folder} holds no {name}")
        elif not passes(script, [build / SERVERS[server][0], *SERVERS[server][1:]], arguments):
            failed.append(name)
    proxy = folder / FAULT_PROXY
    if proxy.exists() and not links_hold(proxy, build):
        failed.append(FAULT_PROXY)
    if failed:
        print(f"outside cases: FAILED: {', '.join(failed)}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
