"""Instructions and system calls of a server per request, from what N and 4 N requests need."""
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import counts
import peers

REQUESTS = 4000
FUNCTIONS_MAX = 40


class Counts:
    """`with` it: the copies of the programs that valgrind can read lie in a folder of its own."""

    def __init__(self, folder, cpu):
        lacking = [tool for tool in ("valgrind", "strace") if not shutil.which(tool)]
        if lacking:
            sys.exit(f"counting needs {' and '.join(lacking)}; ./dev setup bench installs them")
        self.folder, self.cpu = folder, cpu
        self.keep = tempfile.TemporaryDirectory(prefix="bench_http_")
        self.stripped = Path(self.keep.name)
        programs = {kind.command[0] for kind in peers.SERVERS.values()} - {"nginx"}
        for program in programs:  # Debian's valgrind cannot read the line tables of clang 19
            subprocess.run(["strip", "--strip-debug", "-o", self.stripped / program,
                            folder / program], check=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.keep.cleanup()

    def count(self, name, kind, connections):
        found = {}
        for key, folder, tool, read in (
                ("server_instructions", self.stripped, self.callgrind(), counts.collected),
                ("server_calls", self.folder, (*counts.STRACE, "-o", self.log),
                 counts.system_calls)):
            few, many = (self.total(name, kind, connections, n, folder, tool, read)
                         for n in (REQUESTS, 4 * REQUESTS))
            found[key] = (many - few) / (3 * REQUESTS)
        return found

    @property
    def log(self):
        return f"{self.keep.name}/log"

    def callgrind(self, out="/dev/null"):
        return ("valgrind", "--tool=callgrind", f"--callgrind-out-file={out}",
                f"--log-file={self.log}")

    def total(self, name, kind, connections, requests, folder, tool, read):
        with peers.Server(folder, name, self.cpu, tool) as server:
            row = peers.ask(self.folder, server, kind, connections, self.cpu, "--calls",
                            str(requests))
        value = read(Path(self.log).read_text(encoding="utf-8"))
        if row is None or value is None:
            sys.exit(f"{name}, {kind}: nothing could be counted")
        return value

    def profile(self, name, kind, connections):
        """Lines "instructions a request  function", the dearest first."""
        few, many = (self.functions(name, kind, connections, n) for n in (REQUESTS, 4 * REQUESTS))
        each = {function: (many[function] - few.get(function, 0)) / (3 * REQUESTS)
                for function in many}
        dearest = sorted(each.items(), key=lambda pair: -pair[1])[:FUNCTIONS_MAX]
        lines = [f"{sum(each.values()):9.1f}  all"]
        return "\n".join(lines + [f"{count:9.1f}  {function}" for function, count in dearest])

    def functions(self, name, kind, connections, requests):
        out = f"{self.keep.name}/callgrind.out"
        self.total(name, kind, connections, requests, self.stripped, self.callgrind(out),
                   counts.collected)
        said = subprocess.run(["callgrind_annotate", "--threshold=100", out], check=True,
                              capture_output=True, text=True).stdout
        found = {}
        for number, function in re.findall(r"^\s*([\d,]+) \([ \d.]+%\)\s+(.+)$", said, re.M):
            if function == "PROGRAM TOTALS":
                continue
            short = re.sub(r" \[.*\]$", "", function.removeprefix("???:"))
            found[short] = found.get(short, 0) + int(number.replace(",", ""))
        return found
