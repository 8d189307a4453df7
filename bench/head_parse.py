#!/usr/bin/env python3
"""Measures how long an HTTP/1.1 head takes to read and to write.

Nanoseconds are the median of Google Benchmark's repetitions. Instructions are counted by valgrind's
callgrind in two runs of different length, so that what starts and ends a program is in neither
figure; they depend on compiler and code alone.

Heads: wrk's (1 field), curl's (4 fields), a browser's (14 fields, about 750 bytes), an answer.
"""
import argparse
import json
import re
import subprocess
import tempfile
from pathlib import Path

PROGRAM = Path(__file__).resolve().parent.parent / "build/release/bench/head_parse_bench"
ROUNDS = (1000, 3000)


def nanoseconds(repetitions):
    command = [PROGRAM, f"--benchmark_repetitions={repetitions}", "--benchmark_min_time=0.2",
               "--benchmark_report_aggregates_only=true", "--benchmark_format=json"]
    told = subprocess.run(command, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    rows = json.loads(told.stdout)["benchmarks"]
    return {row["run_name"]: row["cpu_time"] for row in rows if row["aggregate_name"] == "median"}


def instructions_of(name, rounds):
    with tempfile.TemporaryDirectory() as folder:
        command = ["valgrind", "--tool=callgrind", f"--callgrind-out-file={folder}/out",
                   PROGRAM, "--count", name, str(rounds)]
        told = subprocess.run(command, check=True, stderr=subprocess.PIPE, text=True)
    return int(re.search(r"Collected : (\d+)", told.stderr).group(1))


def instructions(name):
    few, many = (instructions_of(name, rounds) for rounds in ROUNDS)
    return (many - few) / (ROUNDS[1] - ROUNDS[0])


def main():
    parser = argparse.ArgumentParser(prog="./dev bench head_parse", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repetitions", type=int, default=9, help="of each timing; default 9")
    chosen = parser.parse_args()
    names = subprocess.run([PROGRAM, "--names"], check=True, stdout=subprocess.PIPE, text=True)
    times = nanoseconds(chosen.repetitions)
    print(f"{'':24}{'ns':>8}{'instructions':>14}")
    for name in names.stdout.split():
        print(f"{name:24}{times[name]:8.1f}{instructions(name):14.0f}")


if __name__ == "__main__":
    main()
