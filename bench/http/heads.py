"""What ./dev bench head_parse says, as part of this run; nothing where Google Benchmark lacks."""
import subprocess
import sys
from pathlib import Path

BENCH = Path(__file__).resolve().parent.parent
PROGRAM = BENCH.parent / "build/release/bench/head_parse_bench"


def measure():
    """Rows (what, ns, instructions), as text."""
    if not PROGRAM.exists():
        return []
    said = subprocess.run([sys.executable, str(BENCH / "head_parse.py"), "--repetitions", "5"],
                          capture_output=True, text=True, check=True).stdout
    return [tuple(line.rsplit(maxsplit=2)) for line in said.splitlines()[1:]]
