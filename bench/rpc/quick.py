"""--quick: instructions and system calls per call against the numbers kept in the repository.

Counts repeat where times do not, so this finds what a change costs in two minutes, on a busy
machine too. They depend on the compiler, whose version is kept with them.
"""
import json
from pathlib import Path

import counts
import machine
import tables

EXPECTED = Path(__file__).resolve().parent / "expected.json"
WHAT = (("fairlead", "A"), ("fairlead", "B"), ("fairlead", "C"), ("fairlead", "D"),
        ("fairlead-json", "A"))
KEYS = ("server_instructions", "client_instructions", "server_calls", "client_calls")
RISE_MAX = 0.05
# Below this a difference is chance: in a D of 500 connections a turn more or less takes a call.
RISE_MIN = {"instructions": 10, "calls": 0.01}


def rose(key, expected, found):
    """Whether a count is more than 5 % above what is kept."""
    least = RISE_MIN[key.split("_")[1]]
    return found - expected > max(RISE_MAX * expected, least)


def compare(expected, found):
    """(table, names of what rose). Both: {"A fairlead": {key: count}}; absent is not compared."""
    table = tables.Table("Per call, and what is kept", ["", "what", "kept", "now", "change", ""],
                         words=2)
    risen = []
    for name, now in found.items():
        for key in KEYS:
            value, kept = now.get(key), expected.get(name, {}).get(key)
            if value is None:
                continue
            digits = 0 if "instructions" in key else 3
            up = kept is not None and rose(key, kept, value)
            change = tables.NONE if not kept else f"{value / kept - 1:+.1%}"
            table.add(name, key.replace("_", " "), tables.number(kept, digits),
                      tables.number(value, digits), change, "ROSE" if up else "")
            if up:
                risen.append(f"{name}, {key.replace('_', ' ')}: {change}")
    return table, risen


def measure(folder, cpu):
    counting = counts.Counts(folder, sorted({variant for variant, _ in WHAT}), cpu)
    found = {}
    for variant, scenario in WHAT:
        found[f"{scenario} {variant}"] = counting.count(variant, scenario)
    return counting.how, found


def run(folder, cpu, keep):
    """The exit code: 1 when something rose or could not be counted."""
    how, found = measure(folder, cpu)
    compiler = machine.compiler_of(folder.parent)
    expected = json.loads(EXPECTED.read_text(encoding="utf-8")) if EXPECTED.exists() else {}
    table, risen = compare(expected.get("counts", {}), found)
    print("\n" + table.terminal() + "\n")
    for what, said in ({"compiler": compiler} | how).items():
        if expected and expected.get(what) != said:
            print(f"{what}: '{said}' now, '{expected.get(what)}' when the numbers were kept; they "
                  "may differ for this reason alone")
    lacking = [name for name, now in found.items() if len(now) < len(KEYS)]
    if lacking:
        print(f"not everything could be counted of {', '.join(lacking)}; ./dev setup bench "
              "installs valgrind and strace")
        return 1
    if keep:
        rounded = {name: {key: round(now[key], 3) for key in KEYS} for name, now in found.items()}
        document = {"compiler": compiler} | how | {"counts": rounded}
        EXPECTED.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
        print(f"kept: {EXPECTED}")
        return 0
    if not expected:
        print(f"nothing is kept yet; --quick --keep writes {EXPECTED}")
        return 1
    for line in risen:
        print(f"ROSE by more than {RISE_MAX:.0%}: {line}")
    if not risen:
        print(f"Nothing rose by more than {RISE_MAX:.0%}.")
    return 1 if risen else 0
