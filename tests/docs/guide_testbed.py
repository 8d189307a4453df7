"""What the tests of the guide's pages share: a folder like the reader's, and typing what is shown.

The ```console blocks of a page are run beside programs that are started as its ```sh blocks say.
Ports are free ones, replaced in commands and outputs.
"""
import argparse
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
OPTIONS = argparse.Namespace()


def read_page(name):
    return (ROOT / "docs/guide" / name).read_text(encoding="utf-8")


def blocks(text, language):
    """The content of every block of that language, with or without a file's name behind it."""
    return re.findall(rf"^```{language}(?: [^\n]*)?\n(.*?)^```$", text, re.M | re.S)


def steps(text):
    """(command, what it prints) of every `$ command` in the console blocks."""
    for block in blocks(text, "console"):
        for part in re.split(r"^\$ ", block, flags=re.M)[1:]:
            command, _, output = part.partition("\n")
            yield command, output.strip()


def free_address():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{probe.getsockname()[1]}"


class GuideTest(unittest.TestCase):
    example = None  # its folder below examples/guide

    def setUp(self):
        self.folder = Path(tempfile.mkdtemp(prefix="fl_guide_"))
        self.addCleanup(shutil.rmtree, self.folder)
        (self.folder / "build").symlink_to(OPTIONS.programs.resolve().parent / self.example)
        self.address = free_address()
        path = f"{OPTIONS.fairlead.resolve().parent}:{self.folder}:{os.environ['PATH']}"
        self.environment = {**os.environ, "PATH": path, "NO_PROXY": "*"}

    def start(self, *words, **variables):
        environment = {**self.environment, **variables}
        process = subprocess.Popen(words, cwd=self.folder, env=environment,
                                   stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        self.addCleanup(process.stderr.close)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        return process

    def run_command(self, command):
        return subprocess.run(["bash", "-c", command], cwd=self.folder, env=self.environment,
                              capture_output=True, text=True, timeout=60, check=False)

    def wait_until(self, command):
        end = time.monotonic() + 30
        while self.run_command(command).returncode != 0:
            self.assertLess(time.monotonic(), end, f"'{command}' never worked")
            time.sleep(0.05)

    def assert_prints_what_is_shown(self, page, written=None, count_min=1):
        """Types all commands, with our port in the place of that of the `written` address."""
        shown = f":{written.rpartition(':')[2]}" if written else None
        ours = f":{self.address.rpartition(':')[2]}"
        done = 0
        for command, expected in steps(page):
            result = self.run_command(command.replace(shown, ours) if shown else command)
            printed = (result.stdout + result.stderr).strip()
            with self.subTest(command=command):
                self.assertEqual(printed.replace(ours, shown) if shown else printed, expected)
            done += 1
        self.assertGreaterEqual(done, count_min)

    def assert_ends_in_order(self, *processes):
        for process in processes:
            process.send_signal(signal.SIGINT)
            self.assertEqual(process.wait(timeout=30), 0, process.args)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--fairlead", type=Path, required=True)
    parser.add_argument("--programs", type=Path, required=True)  # of the first page
    parser.add_argument("--demo-service", type=Path, required=True)
    parser.add_argument("--node", type=Path, required=True)
    _, rest = parser.parse_known_args(namespace=OPTIONS)
    unittest.main(module="__main__", argv=[sys.argv[0], *rest])
