"""How a gateway ends: what stands in front of it, and what it says of requests that it cuts."""

import os
import select
import signal
import subprocess
import tempfile
import threading
import time
import unittest
import urllib.error
import urllib.request

from testbed import PATIENCE, PROGRAM, Project, clean_environment, wait_until


class Ending(unittest.TestCase):
    def start(self, gateway):
        project = Project(copies=1, gateway=gateway)
        self.addCleanup(project.folder.cleanup)
        self.addCleanup(project.errors.close)
        self.addCleanup(project.process.stdout.close)
        self.addCleanup(project.process.wait)
        self.addCleanup(project.process.kill)
        return project

    def begin(self, project, seconds):
        """A request that takes that long."""
        asking = subprocess.Popen(["curl", "-sS", f"http://{project.gateway}/api/math/slow",
                                   "-d", f"a={seconds}", "-d", "b=1"],
                                  stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.addCleanup(asking.wait)
        self.addCleanup(asking.kill)

    def test_requests_that_it_cuts_are_in_its_log_and_its_exit_code(self):
        project = self.start("  drain: 300ms")
        self.assertEqual(project.links()["calls_cut"], 0)
        self.begin(project, 50)
        self.begin(project, 50)
        project.wait_for_calls(2)

        self.assertEqual(project.interrupt(), 1, project.log())

        lines = [line for line in project.log().splitlines() if "gateway.not_drained" in line]
        self.assertEqual(len(lines), 1, project.log())
        self.assertIn("calls_cut=2", lines[0])

    def test_it_serves_whoever_comes_during_its_notice(self):
        project = self.start("  notice: 2s")
        began = time.monotonic()
        codes = []
        ending = threading.Thread(target=lambda: codes.append(project.interrupt()))
        ending.start()
        wait_until(lambda: project.links()["phase"] == "notice", "the notice")

        answers = []
        while time.monotonic() - began < 1.5:
            answers.append(project.curl("/api/math/who"))

        self.assertEqual({answer.status for answer in answers}, {200})
        self.assertEqual(answers[-1].headers["connection"], "close")
        with self.assertRaises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(f"http://{project.admin}/readyz", timeout=PATIENCE)
        self.assertEqual(refused.exception.code, 503)
        ending.join(PATIENCE)
        self.assertEqual(codes, [0], project.log())
        self.assertGreaterEqual(time.monotonic() - began, 2)


class Hanging(unittest.TestCase):
    """A terminal that takes nothing more, as after Ctrl-S, holds the first core."""

    def start(self, drain):
        folder = tempfile.TemporaryDirectory(prefix="fl-e2e-")
        self.addCleanup(folder.cleanup)
        config = os.path.join(folder.name, "project.yaml")
        with open(config, "w", encoding="utf-8") as file:
            file.write(f"gateway:\n  listen: 127.0.0.1:0\n  drain: {drain}\n  routes:\n"
                       "    - {prefix: /api, service: math}\n")
        self.errors = os.path.join(folder.name, "stderr")
        reading, writing = os.pipe()
        self.addCleanup(os.close, reading)
        self.addCleanup(os.close, writing)
        with open(self.errors, "wb") as errors:
            process = subprocess.Popen([PROGRAM, "up", "--config", config], stdout=writing,
                                       stderr=errors, env={**clean_environment(),
                                                           "TMPDIR": folder.name})
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        told = b""
        while b"Ctrl-C ends it" not in told:
            self.assertTrue(select.select([reading], [], [], PATIENCE)[0], self.log())
            told += os.read(reading, 4096)
        self.fill(writing)
        return process

    def fill(self, pipe):
        os.set_blocking(pipe, False)
        try:
            while True:
                os.write(pipe, b"x")
        except BlockingIOError:
            os.set_blocking(pipe, True)

    def log(self):
        with open(self.errors, encoding="utf-8") as file:
            return file.read()

    def test_a_gateway_ends_at_its_bound(self):
        process = self.start("0s")

        process.send_signal(signal.SIGTERM)

        self.assertEqual(process.wait(PATIENCE), 1, self.log())
        self.assertIn("service.not_ended service=gateway seconds=8", self.log())

    def test_a_second_term_ends_a_gateway_at_once(self):
        process = self.start("1h")

        def ended():
            process.send_signal(signal.SIGTERM)
            return process.poll()

        self.assertEqual(wait_until(ended, self.log), 143)


if __name__ == "__main__":
    unittest.main()
