"""Programs of examples/ in a folder of their own, with free ports, and what they log."""

import json
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
import time
import unittest

from processes import wait_until

FAIRLEAD = os.environ["FL_PROGRAM"]
EXAMPLES = pathlib.Path(os.environ["FL_EXAMPLES"])
PATIENCE = 30  # seconds until something that must happen counts as not happening
ENVIRONMENT = {k: v for k, v in os.environ.items()
               if not k.startswith("FAIRLEAD_") and not k.lower().endswith("_proxy")}


class Program:
    """A program that runs, and the records of its log."""

    def __init__(self, folder, name, *words, **variables):
        self.log = folder / f"{pathlib.Path(name).name}.{time.monotonic_ns()}.log"
        with open(self.log, "w", encoding="utf-8") as log:
            self.process = subprocess.Popen(
                [EXAMPLES / name, *words, "--log-form", "json", "--cores", "2"],
                stdout=subprocess.DEVNULL, stderr=log, cwd=folder, env={**ENVIRONMENT, **variables})

    def records(self, event):
        lines = self.log.read_text(encoding="utf-8").splitlines()
        parsed = (json.loads(line) for line in lines if line.endswith("}"))
        return [record for record in parsed if record["event"] == event]

    def wait_for(self, event, count=1):
        """The count-th record of that name."""
        def look():
            records = self.records(event)
            if len(records) >= count:
                return records[count - 1]
            if self.process.poll() is not None:
                raise AssertionError(f"no {event}:\n" + self.log.read_text(encoding="utf-8"))
            return None
        return wait_until(look, f"{event} in {self.log}")

    def address(self):
        return self.wait_for("service.listening")["address"]

    def end(self, number=signal.SIGTERM):
        if self.process.poll() is None:
            self.process.send_signal(number)
        return self.process.wait(PATIENCE)


class ExampleTest(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="fl_examples_"))
        self.addCleanup(shutil.rmtree, self.folder)

    def start(self, name, *words, **variables):
        program = Program(self.folder, name, *words, **variables)
        self.addCleanup(program.end, signal.SIGKILL)
        return program

    def run_to_end(self, *words, **variables):
        return subprocess.run([str(word) for word in words], capture_output=True, text=True,
                              timeout=PATIENCE, check=False, cwd=self.folder,
                              env={**ENVIRONMENT, **variables})

    def call(self, address, method, body, *options):
        """(exit code, the document) of `fairlead call --json`."""
        done = self.run_to_end(FAIRLEAD, "call", address, method, body, "--json",
                               "--timeout", f"{PATIENCE}s", *options)
        return done.returncode, json.loads(done.stdout)

    def curl(self, url, *options):
        """(status, fields, body)."""
        done = self.run_to_end("curl", "-sS", "-i", "--max-time", str(PATIENCE), *options, url)
        self.assertEqual(done.returncode, 0, done.stderr)
        head, _, body = done.stdout.partition("\n\n")
        first, *lines = head.splitlines()
        fields = dict(line.split(": ", 1) for line in lines if ": " in line)
        return int(first.split()[1]), fields, body

    def assert_tells_its_usage(self, name):
        told = self.run_to_end(EXAMPLES / name, "--help")
        self.assertEqual((told.returncode, told.stdout[:6], told.stderr), (0, "usage:", ""))
        missing = self.run_to_end(EXAMPLES / name)
        self.assertEqual((missing.returncode, missing.stdout), (2, told.stdout))
