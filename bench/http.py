#!/usr/bin/env python3
"""Measures HTTP/1.1: our server and our JSON calls beside nginx and a floor written by hand.

  get     GET with curl's fields, answer without a body
  post    POST of 512 bytes, answered with them (nginx throws them away and answers none)
  json    POST of {"a":10,"b":2} to /math/divide; nginx and the floor do no arithmetic
  socket  a WebSocket message of 512 bytes and back, beside the same bytes over bare TCP

Server and client share one CPU, each server is one thread, connections stay open, one request is
out on each. All servers are up through a round and take turns; tables show medians. The floor
(bench/http/floor_server.cc) reads, finds Content-Length, writes, and checks nothing.

Instructions (callgrind) and system calls (strace) of the server are counted in runs of their own,
of N and 4 N requests; their difference per request is what repeats. --quick only counts, ours and
the floor, and compares with bench/http/expected.json. --profile names the functions where the
instructions of one of our servers are spent.
"""
import argparse
import shlex
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# In place of this folder: the module `http` is Python's own.
sys.path[0] = str(ROOT / "bench/rpc")
sys.path.insert(1, str(ROOT / "bench/http"))

import compare  # noqa: E402
import heads  # noqa: E402
import machine  # noqa: E402
import peers  # noqa: E402
import report  # noqa: E402
import web_counts  # noqa: E402

CONNECTIONS = (1, 64)
IDLE = ("fairlead", "fairlead-call", "nginx", "floor")


def parse_arguments():
    parser = argparse.ArgumentParser(prog="./dev bench http", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--reps", type=int, default=3, help="rounds (default 3)")
    parser.add_argument("--warm", type=float, default=0.2, metavar="SECONDS")
    parser.add_argument("--meas", type=float, default=0.8, metavar="SECONDS")
    parser.add_argument("--cpu", type=int, default=0, help="of servers and client (default 0)")
    parser.add_argument("--idle", type=int, default=10000, metavar="N",
                        help="idle connections (default 10,000; 0: leave that part out)")
    parser.add_argument("--no-counts", action="store_true", help="times and memory only")
    parser.add_argument("--docs", action="store_true",
                        help="write the tables into docs/performance.md")
    parser.add_argument("--quick", action="store_true", help="only count and compare; exit code 1 "
                        "when a count rose by more than 5 %%")
    parser.add_argument("--keep", action="store_true", help="with --quick: keep the new counts")
    parser.add_argument("--profile", choices=[n for n in peers.SERVERS if n.startswith("fairlead")],
                        metavar="SERVER", help="count and print the dearest functions of " +
                        ", ".join(n for n in peers.SERVERS if n.startswith("fairlead")))
    parser.add_argument("--kind", choices=peers.KINDS, default="get",
                        help="of the requests of --profile (default get)")
    parser.add_argument("--bin", type=Path, default=ROOT / "build/release/bench",
                        help="folder of the programs")
    options = parser.parse_args()
    if options.keep and not options.quick:
        parser.error("--keep goes with --quick")
    if not (options.bin / peers.CLIENT).exists():
        sys.exit(f"no programs in {options.bin}; ./dev build release bench_http builds them")
    return options


def rounds(options, usable):
    """Rows of the client, with `server`, `kind` and `conns`."""
    rows = []
    for _ in range(options.reps):
        with peers.all_up(options.bin, usable, options.cpu) as servers:
            for connections in CONNECTIONS:
                for name, kind in peers.cells(usable):
                    row = peers.ask(options.bin, servers[name], kind, connections, options.cpu,
                                    "--warm", str(options.warm), "--meas", str(options.meas))
                    if row is None:
                        sys.exit(f"{name} cannot be measured")
                    rows.append(row | {"server": name, "kind": kind})
                    print(f"  {connections:3} {kind:7} {name:14} server {row['srv_us']:7.3f} µs, "
                          f"{row['cps']:9,.0f} requests/s, errors {row['errors']}", flush=True)
    return rows


def idle(options, usable):
    """{(server, asked or fresh): KiB a connection}, each on a server of its own."""
    found = {}
    count = min(options.idle, machine.open_files_max() - 200)
    for name in IDLE if count > 0 else ():
        for state in ("fresh", "asked"):
            if name not in usable:
                continue
            with peers.all_up(options.bin, [name], options.cpu) as servers:
                spare = ["--spare"] if state == "fresh" else []
                row = peers.ask(options.bin, servers[name], peers.SERVERS[name].asked[0], count,
                                options.cpu, "--idle", first=spare)
            if row is None:
                sys.exit(f"{name} does not hold {count} connections")
            found[name, state] = row["kb_per_conn"]
            print(f"  idle {state} {name:10} {row['kb_per_conn']:.3f} KiB", flush=True)
    return found


def measure(options):
    usable = peers.usable()
    before = machine.load()
    rows = rounds(options, usable)
    after = machine.load()  # counting, which follows, is no timed run
    memory = idle(options, usable)
    counted = {}
    if not options.no_counts:
        with web_counts.Counts(options.bin, options.cpu) as counting:
            for name, kind in peers.cells(usable):
                counted[name, kind] = counting.count(name, kind, 64)
                print(f"  counted {kind} {name}: {counted[name, kind]}", flush=True)
    return {"machine": machine.describe(options.bin.parent), "loads": (before, after),
            "command": shlex.join(["./dev", "bench", "http", *sys.argv[1:]]), "rows": rows,
            "idle": memory, "counts": counted,
            "heads": [] if options.no_counts else heads.measure(),
            "parameters": {"reps": options.reps, "warm": options.warm, "meas": options.meas},
            "errors": sum(row["errors"] for row in rows)}


def main():
    options = parse_arguments()
    with machine.ahead_of_others():
        if options.quick:
            return compare.run(options.bin, options.cpu, options.keep)
        if options.profile:
            with web_counts.Counts(options.bin, options.cpu) as counting:
                print(counting.profile(options.profile, options.kind, 64))
            return 0
        document = measure(options)
    text = report.tables(document)
    print("\n" + "\n\n".join(table.terminal() for table in text))
    print("\n".join(report.notes(document)))
    if options.docs:
        report.write(ROOT / "docs/performance.md", document)
    return 0 if document["errors"] == 0 else 1


if __name__ == "__main__":
    sys.exit(main())
