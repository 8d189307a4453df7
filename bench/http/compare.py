"""--quick: counts of our servers and the floor against those kept in the repository."""
import json
from pathlib import Path

import machine
import peers
import quick
import web_counts

EXPECTED = Path(__file__).resolve().parent / "expected.json"


def run(folder, cpu, keep):
    """The exit code: 1 when something rose."""
    names = [name for name in peers.SERVERS if name != "nginx"]
    with web_counts.Counts(folder, cpu) as counting:
        found = {f"{kind} {name}": counting.count(name, kind, 64)
                 for name, kind in peers.cells(names)}
    compiler = machine.compiler_of(folder.parent)
    expected = json.loads(EXPECTED.read_text(encoding="utf-8")) if EXPECTED.exists() else {}
    table, risen = quick.compare(expected.get("counts", {}), found)
    print("\n" + table.terminal() + "\n")
    if expected and expected["compiler"] != compiler:
        print(f"compiler: '{compiler}' now, '{expected['compiler']}' when the numbers were kept; "
              "they may differ for this reason alone")
    if keep:
        rounded = {name: {key: round(value, 3) for key, value in row.items()}
                   for name, row in found.items()}
        EXPECTED.write_text(json.dumps({"compiler": compiler, "counts": rounded}, indent=2) + "\n",
                            encoding="utf-8")
        print(f"kept: {EXPECTED}")
        return 0
    for line in risen:
        print(f"ROSE by more than {quick.RISE_MAX:.0%}: {line}")
    if not risen:
        print(f"Nothing rose by more than {quick.RISE_MAX:.0%}.")
    return 1 if risen else 0
