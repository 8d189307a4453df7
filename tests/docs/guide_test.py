#!/usr/bin/env python3
"""Types what the guide tells the reader to type, and compares what is printed.

The ```console blocks are run in a folder like the reader's, beside a server and a gateway that are
started as the ```sh blocks say. Ports are free ones, replaced in commands and outputs.
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
PAGE = ROOT / "docs/guide/01-first-service.md"
CHAT_PAGE = ROOT / "docs/guide/06-a-chat.md"
GO_PAGE = ROOT / "docs/guide/03-go-and-cpp.md"
EXAMPLE = ROOT / "examples/guide/first_service"
WRITTEN_ADDRESS = "127.0.0.1:8080"
GREETER_ADDRESS = "127.0.0.1:9090"
CHAT_ADDRESS = "127.0.0.1:9090"
OPTIONS = argparse.Namespace()


def steps(text):
    """(command, what it prints) of every `$ command` in the console blocks."""
    for block in re.findall(r"^```console\n(.*?)^```$", text, re.M | re.S):
        for part in re.split(r"^\$ ", block, flags=re.M)[1:]:
            command, _, output = part.partition("\n")
            yield command, output.strip()


def free_address():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{probe.getsockname()[1]}"


class Guide(unittest.TestCase):
    def setUp(self):
        self.folder = Path(tempfile.mkdtemp(prefix="fl_guide_"))
        self.addCleanup(shutil.rmtree, self.folder)
        shutil.copy(EXAMPLE / "fairlead.yaml", self.folder)
        (self.folder / "build").symlink_to(OPTIONS.programs.resolve())
        self.address = free_address()
        path = f"{OPTIONS.fairlead.resolve().parent}:{os.environ['PATH']}"
        self.environment = {**os.environ, "PATH": path, "NO_PROXY": "*"}

    def start(self, *words, **variables):
        process = subprocess.Popen(words, cwd=self.folder, env={**self.environment, **variables},
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

    def test_prints_what_the_page_shows(self):
        page = PAGE.read_text(encoding="utf-8")
        self.assertIn("\n./build/shop_server --store file:shop.db\n", page)
        self.assertIn("\nfairlead gateway\n", page)
        server = self.start("build/shop_server", "--store", "file:shop.db")
        gateway = self.start("fairlead", "gateway", FAIRLEAD_GATEWAY__LISTEN=self.address)
        self.wait_until("fairlead call shop /shop/quote '{\"item\":\"pen\"}' --store file:shop.db")
        self.wait_until(f"curl -sf http://{self.address}/shop/quote -d item=pen")

        done = 0
        for command, expected in steps(page):
            result = self.run_command(command.replace(WRITTEN_ADDRESS, self.address))
            with self.subTest(command=command):
                printed = (result.stdout + result.stderr).strip()
                self.assertEqual(printed.replace(self.address, WRITTEN_ADDRESS), expected)
            done += 1
        self.assertGreaterEqual(done, 6)

        for process in (gateway, server):
            process.send_signal(signal.SIGINT)
            self.assertEqual(process.wait(timeout=30), 0, process.args)

    def test_prints_what_the_page_about_go_shows(self):
        (self.folder / "build").unlink()
        (self.folder / "build").symlink_to(OPTIONS.go_programs.resolve())
        server = self.start("build/greeter_server", "--listen", self.address)
        client = f"./build/greeter_client {self.address}"
        self.wait_until(client)

        shown = list(steps(GO_PAGE.read_text(encoding="utf-8")))
        self.assertEqual([command for command, _ in shown],
                         [f"./build/greeter_client {GREETER_ADDRESS}"])
        result = self.run_command(client)
        self.assertEqual((result.stdout + result.stderr).strip(), shown[0][1])

        server.send_signal(signal.SIGINT)
        self.assertEqual(server.wait(timeout=30), 0)

    def test_prints_what_the_page_about_a_chat_shows(self):
        (self.folder / "build").unlink()
        (self.folder / "build").symlink_to(OPTIONS.programs.resolve().parent / "a_chat")
        page = CHAT_PAGE.read_text(encoding="utf-8")
        self.assertIn(f"\n./build/chat_server\n./build/chat_client Bob {CHAT_ADDRESS}\n", page)
        server = self.start("build/chat_server", "--listen", self.address)
        self.wait_until(f"./build/chat_client First {self.address} < /dev/null")
        bob = subprocess.Popen(["build/chat_client", "Bob", self.address], cwd=self.folder,
                               env=self.environment, stdin=subprocess.PIPE,
                               stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self.addCleanup(bob.stdout.close)
        self.addCleanup(bob.wait)
        self.addCleanup(bob.kill)
        self.addCleanup(bob.stdin.close)
        self.assertEqual(bob.stdout.readline(), "you are in\n")

        done = 0
        for command, expected in steps(page):
            result = self.run_command(command.replace(CHAT_ADDRESS, self.address))
            with self.subTest(command=command):
                self.assertEqual((result.stdout + result.stderr).strip(), expected)
            done += 1

        self.assertEqual(done, 5)
        self.assertEqual(bob.stdout.read(), "Ann: Hello, everybody\nthe connection has ended\n")
        server.send_signal(signal.SIGINT)
        self.assertEqual(server.wait(timeout=30), 0)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--fairlead", type=Path, required=True)
    parser.add_argument("--programs", type=Path, required=True)
    parser.add_argument("--go-programs", type=Path, required=True)
    OPTIONS, rest = parser.parse_known_args(namespace=OPTIONS)
    unittest.main(argv=[sys.argv[0], *rest])
