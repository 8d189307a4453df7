#!/usr/bin/env python3
"""Measures an echo over RPC: our engine beside a hand-written epoll loop and other frameworks.

  A  1 connection, 1 call out          C  32 connections, 16 calls out on each
  B  1 connection, 64 calls out        D  500 connections, 1 call out on each
  E  5000 connections, 1 call out      F  8 connections, 4 calls of 64 KiB out on each
  G  10,000 connections, idle after one call: memory of the server for each

512 bytes both ways, loopback. Parts of a full run (--parts):

  main   every candidate, server and client on one CPU, closed loop: what a call costs then repeats
         within a few per cent, whatever else the machine does
  forms  ours with other bodies, handlers, plugins and transports, in A and B
  light  calls that start at random moments, 10 % and 50 % of what A and C can do, latency from the
         planned moment; on one CPU and on two
  two    A to D on two CPUs. On virtual machines these may be near or far, which changes all
         figures: the distance is measured before and after each run, rows are labelled by it

All servers are up through a round; candidates take turns; the tables show medians. Instructions and
system calls are counted in runs of their own. --quick only counts, in at most two minutes, and
compares with bench/rpc/expected.json.
"""
import argparse
import json
import shlex
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# In place of this folder, whose http.py would hide Python's own module.
sys.path[0] = str(ROOT / "bench/rpc")

import counts  # noqa: E402
import machine  # noqa: E402
import page  # noqa: E402
import quick  # noqa: E402
import results as held  # noqa: E402
import runs  # noqa: E402
import tables  # noqa: E402

MAIN = "fairlead,epoll,grpc,thrift,capnp"
FORMS = ["fairlead", "fairlead-bare", "fairlead-no-hook", "fairlead-plugins", "fairlead-run-log",
         "fairlead-raw", "fairlead-raw-bare", "fairlead-protobuf", "fairlead-json", "epoll",
         "fairlead-unix", "epoll-unix"]
LIGHT = ["fairlead", "fairlead-spin", "epoll", "grpc"]
SHARES = (0.1, 0.5)
PARTS = ("main", "forms", "light", "two")


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
    parser.add_argument("--parts", type=names(PARTS), default=list(PARTS), metavar="PART,...")
    parser.add_argument("--scen", type=names(runs.SCENARIOS), default=list(runs.SCENARIOS),
                        metavar="A,B,...", help="scenarios (default: all that the part has)")
    parser.add_argument("--variants", type=names(runs.VARIANTS), default=MAIN.split(","),
                        metavar="NAME,...", help="candidates of main and two (default " + MAIN +
                        "); there are also " + " ".join(v for v in runs.VARIANTS
                                                        if v not in MAIN.split(",")))
    parser.add_argument("--reps", type=int, default=3, help="rounds (default 3)")
    parser.add_argument("--warm", type=float, default=0.3, metavar="SECONDS")
    parser.add_argument("--meas", type=float, default=1.2, metavar="SECONDS")
    parser.add_argument("--cpu", type=int, default=0, help="of the servers (default 0)")
    parser.add_argument("--no-counts", action="store_true", help="times only")
    parser.add_argument("--out", type=Path, default=ROOT / "build/bench/rpc.json", metavar="FILE",
                        help="where all rows go, as JSON (default build/bench/rpc.json)")
    parser.add_argument("--load", type=Path, metavar="FILE",
                        help="measure nothing: show the rows of such a file")
    parser.add_argument("--docs", action="store_true",
                        help="write chart and tables into docs/performance.md and docs/img")
    parser.add_argument("--quick", action="store_true",
                        help="only count and compare; exit code 1 when a count rose by more "
                        "than 5 %%")
    parser.add_argument("--keep", action="store_true", help="with --quick: keep the new counts")
    parser.add_argument("--bin", type=Path, default=ROOT / "build/release/bench",
                        help="folder of the programs")
    options = parser.parse_args()
    if options.keep and not options.quick:
        parser.error("--keep goes with --quick")
    if not options.load and not (options.bin / runs.FAIRLEAD).exists():
        sys.exit(f"no programs in {options.bin}; ./dev build release bench_rpc builds them")
    return options


def chosen(options, scenarios):
    return [s for s in scenarios if s in options.scen]


def measure_main(options, runner):
    variants = runs.usable(options.bin, options.variants, options.cpu)
    busy = [s for s in options.scen if not runs.SCENARIOS[s].idle]
    if busy:
        runner.rounds("main", variants, [{"scenario": s} for s in busy])
    if "G" in options.scen:
        runner.idle(variants)
    return [(v, s) for s in chosen(options, "ABCD") for v in variants]


def measure_forms(options, runner):
    variants = runs.usable(options.bin, FORMS, options.cpu)
    scenarios = chosen(options, "AB")
    runner.rounds("forms", variants, [{"scenario": s} for s in scenarios])
    return [(v, s) for s in scenarios for v in variants]


def measure_light(options, runner):
    variants = runs.usable(options.bin, LIGHT, options.cpu)
    jobs = []
    for scenario in chosen(options, "AC"):
        can = runner.capacity([v for v in variants if not runs.VARIANTS[v].both_cpus], scenario)
        # The same load for all that could bear it; gRPC gets the same share of its own.
        common = min(can[v] for v in can if v != "grpc")
        for share in SHARES:
            rates = {v: share * (can[v] if v == "grpc" else common) for v in variants}
            for cpus in (1, 2) if runner.second_cpu is not None else (1,):
                jobs.append({"scenario": scenario, "cpus": cpus, "rates": rates, "share": share})
    runner.rounds("light", variants, jobs)
    return []


def measure_two(options, runner):
    if runner.second_cpu is None:
        print("left out: two; there is one CPU")
        return []
    variants = runs.usable(options.bin, [*options.variants, "fairlead-spin"], options.cpu)
    runner.rounds("two", variants, [{"scenario": s, "cpus": 2} for s in chosen(options, "ABCD")])
    return []


def count(options, wanted):
    """(how, [{"variant", "scenario", counts}]) of the (variant, scenario) wanted, once each."""
    wanted = list(dict.fromkeys(wanted))
    if options.no_counts or not wanted:
        return {}, []
    counting = counts.Counts(options.bin, {v for v, _ in wanted} | {runs.CEILING}, options.cpu)
    found = []
    for variant, scenario in wanted:
        row = counting.count(variant, scenario)
        found.append({"variant": variant, "scenario": scenario} | row)
        print(f"  counted {scenario} {variant}: " + ", ".join(
            f"{key.replace('_', ' ')} {value:,.2f}" for key, value in row.items()), flush=True)
    return counting.how, found


def measure(options):
    """Everything that was asked for, as the document that is written."""
    loads = [machine.load()]
    runner = runs.Runner(options)
    makers = {"main": measure_main, "forms": measure_forms, "light": measure_light,
              "two": measure_two}
    wanted = []
    for part in options.parts:
        wanted += makers[part](options, runner)
    loads.append(machine.load())  # counting, which follows, is no timed run
    how, counted = count(options, wanted)
    return {
        "machine": machine.describe(options.bin.parent),
        "command": shlex.join(["./dev", "bench", "rpc", *sys.argv[1:]]),
        "parameters": {"reps": options.reps, "warm": options.warm, "meas": options.meas},
        "loads": loads,
        "counted": how,
        "errors": sum(row["errors"] for row in runner.rows),
        "failed": runner.failed,
        "straddled": runner.straddled,
        "rows": runner.rows,
        "counts": counted,
    }


def main():
    options = parse_arguments()
    if options.quick:
        with machine.ahead_of_others():
            return quick.run(options.bin, options.cpu, options.keep)
    if options.load:
        document = json.loads(options.load.read_text(encoding="utf-8"))
    else:
        with machine.ahead_of_others():
            document = measure(options)
        page.write_json(options.out, document)
        print(f"written: {options.out}")
    results = held.Results(document["rows"], {(row["variant"], row["scenario"]): row
                                              for row in document["counts"]})
    print()
    for table in tables.all_tables(results):
        print(table.terminal() + "\n")
    print("\n".join(page.notes(document)))
    if warning := page.disturbed(document):
        print(warning)
    if options.docs:
        try:
            for path in page.write_docs(ROOT / "docs", document, results):
                print(f"written: {path}")
        except ValueError as why:
            sys.exit(f"docs: {why}")
    return 0 if document["errors"] == 0 and document["failed"] == 0 else 1


if __name__ == "__main__":
    sys.exit(main())
