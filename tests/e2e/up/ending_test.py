"""How a gateway ends: what stands in front of it, and what it says of requests that it cuts."""

import subprocess
import threading
import time
import unittest
import urllib.error
import urllib.request

from testbed import PATIENCE, Project, wait_until


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


if __name__ == "__main__":
    unittest.main()
