#!/usr/bin/env python3
"""Handlers that block on a pool: pipes that nobody writes to hold its threads, not the core."""
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import unittest
import urllib.request
from pathlib import Path

PROGRAM, SERVER = sys.argv.pop(1), sys.argv.pop(1)
PATIENCE = 30  # seconds until something that must happen counts as not happening


class Pools(unittest.TestCase):
    def setUp(self):
        self.folder = Path(tempfile.mkdtemp(prefix="fl_pools_"))
        self.socket = f"unix:{self.folder}/lines.sock"
        (self.folder / "poem").write_text("one two\nthree\n", encoding="utf-8")
        for pipe in ("pipe0", "pipe1"):
            os.mkfifo(self.folder / pipe)
        self.limit_waiting_jobs(1)
        self.server = subprocess.Popen(
            [SERVER, "--listen", self.socket, "--cores", "1", "--admin", "127.0.0.1:0",
             "--config", "limits.yaml"],
            stderr=subprocess.PIPE, text=True, cwd=self.folder)
        for line in self.server.stderr:
            if "service.admin" in line:
                self.admin = line.split("address=")[1].split()[0].removeprefix("tcp://")
                break

    def limit_waiting_jobs(self, most):
        (self.folder / "limits.yaml").write_text(
            json.dumps({"pools": {"disk": {"waiting_jobs_max": most}}}), encoding="utf-8")

    def reload(self):
        request = urllib.request.Request(f"http://{self.admin}/config/reload", b"{}",
                                         {"Content-Type": "application/json"}, method="POST")
        with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
            return json.load(answer)

    def tearDown(self):
        self.server.send_signal(signal.SIGTERM)
        self.assertEqual(self.server.wait(PATIENCE), 0)
        self.server.stderr.close()
        subprocess.run(["rm", "-rf", str(self.folder)], check=True)

    def command(self, method, path):
        return [PROGRAM, "call", self.socket, method, json.dumps({"path": str(self.folder / path)}),
                "--timeout", f"{PATIENCE}s", "--json"]

    def call(self, method, path):
        done = subprocess.run(self.command(method, path), capture_output=True, text=True,
                              timeout=PATIENCE, check=False)
        return json.loads(done.stdout)

    def begin(self, method, path):
        return subprocess.Popen(self.command(method, path), stdout=subprocess.PIPE, text=True)

    def metric(self, name):
        with urllib.request.urlopen(f"http://{self.admin}/metrics", timeout=PATIENCE) as answer:
            for line in answer.read().decode().splitlines():
                if line.startswith(name + "{"):
                    return int(line.split()[-1])
        return None

    def wait_for(self, name, value):
        end = time.monotonic() + PATIENCE
        while self.metric(name) != value:
            self.assertLess(time.monotonic(), end, f"{name} is {self.metric(name)}, not {value}")
            time.sleep(0.01)

    def test_count_a_file_in_both_ways(self):
        self.assertEqual(self.call("/lines/count", "poem")["body"], {"count": 2})
        self.assertEqual(self.call("/words/count", "poem")["body"], {"count": 3})

    def test_keep_the_core_free_and_refuse_what_has_no_place(self):
        held = [self.begin("/lines/count", "pipe0"), self.begin("/words/count", "pipe1")]
        self.wait_for("fairlead_runtime_pool_running_jobs", 2)
        waiting = self.begin("/words/count", "poem")
        self.wait_for("fairlead_runtime_pool_waiting_jobs", 1)

        refused = self.call("/words/count", "poem")["error"]
        for pipe in ("pipe0", "pipe1"):
            (self.folder / pipe).write_text("a b\n", encoding="utf-8")
        answers = [json.loads(process.communicate(timeout=PATIENCE)[0])["body"]["count"]
                   for process in (*held, waiting)]

        self.assertEqual((refused["code"], refused["reason"]), (503, "pool.full"))
        self.assertEqual(answers, [1, 2, 3])

    def test_let_another_number_wait_while_the_program_runs(self):
        held = [self.begin("/lines/count", "pipe0"), self.begin("/words/count", "pipe1")]
        self.wait_for("fairlead_runtime_pool_running_jobs", 2)
        waiting = [self.begin("/words/count", "poem")]
        self.wait_for("fairlead_runtime_pool_waiting_jobs", 1)
        self.limit_waiting_jobs(2)

        told = self.reload()
        waiting.append(self.begin("/words/count", "poem"))
        self.wait_for("fairlead_runtime_pool_waiting_jobs", 2)
        refused = self.call("/words/count", "poem")["error"]
        for pipe in ("pipe0", "pipe1"):
            (self.folder / pipe).write_text("a b\n", encoding="utf-8")
        for process in (*held, *waiting):
            self.assertTrue(json.loads(process.communicate(timeout=PATIENCE)[0])["ok"])

        self.assertEqual((told["changed"], told["needs_restart"]),
                         ([{"key": "pools.disk.waiting_jobs_max", "before": "1", "after": "2"}],
                          []))
        self.assertIn("and 2 jobs wait", refused["message"])


if __name__ == "__main__":
    unittest.main()
