"""Programs at their limit of threads: they say that they cannot start, or end in order, and a
gateway goes on when it is told to read its file again."""

import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
import unittest

from testbed import PATIENCE, PROGRAM, SERVICE, clean_environment, wait_until

# Root has no limit, so that programs are run as another user.
AS_USER = {"user": 65534, "group": 65534, "extra_groups": []} if os.geteuid() == 0 else {}

# A check for leaks at a sanitized program's end needs a process more; other tests have it.
WITHOUT_LEAK_CHECK = {"ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "") + ":detect_leaks=0"}


def threads_of_user():
    """All of them count, not only those of the program."""
    count = 0
    for process in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            if process.stat().st_uid == os.geteuid():
                count += len(os.listdir(process / "task"))
        except OSError:
            continue  # it has ended
    return count


class WithoutThreads(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="fl-e2e-"))
        self.addCleanup(shutil.rmtree, self.folder)
        if AS_USER:
            os.chown(self.folder, AS_USER["user"], AS_USER["group"])

    def run_program(self, program, *words, limit=()):
        own = shutil.copy(program, self.folder)  # the folder of the build may not be everybody's
        with open(self.folder / "log", "wb") as log:
            self.process = subprocess.Popen([*limit, own, *words], stdout=log, stderr=log,
                                            cwd=self.folder, **AS_USER,
                                            env=clean_environment() | WITHOUT_LEAK_CHECK)
        self.addCleanup(self.process.wait)
        self.addCleanup(self.process.kill)

    def start(self, program, *words, ready):
        """Runs it until its log says that it is ready, and then gives it no more threads."""
        self.run_program(program, *words)
        self.wait_for(ready)
        subprocess.run(["prlimit", "--pid", str(self.process.pid), "--nproc=0:0"], check=True,
                       env=clean_environment(), **AS_USER)

    def log(self):
        return (self.folder / "log").read_text(encoding="utf-8")

    def wait_for(self, what):
        wait_until(lambda: what in self.log() or self.process.poll() is not None, self.log)
        self.assertIn(what, self.log())

    def end(self):
        self.process.send_signal(signal.SIGTERM)
        self.assertEqual(self.process.wait(PATIENCE), 0, self.log())

    def refuses_to_start(self, program, *words, ready):
        """With any number of threads that is too small; with more of them it serves."""
        refused = 0
        others = 0 if AS_USER else threads_of_user()
        for threads in range(others + 1, others + 100):
            self.run_program(program, *words, limit=["prlimit", f"--nproc={threads}"])
            wait_until(lambda: ready in self.log() or self.process.poll() is not None, self.log)
            if ready in self.log():
                break
            self.assertEqual(self.process.wait(PATIENCE), 1, f"{threads} threads: {self.log()}")
            self.assertRegex(self.log(), r"threads.*\(ulimit -u\).*pids\.max")
            refused += 1
        self.assertGreater(refused, 3)
        self.end()

    def test_a_service_that_cannot_start_says_so(self):
        self.refuses_to_start(SERVICE, "--listen", "tcp://127.0.0.1:0", "--store",
                              "file:store.db", "--cores", "2", ready="service.listening")

    def test_a_gateway_that_cannot_start_says_so(self):
        (self.folder / "project.yaml").write_text(
            "gateway:\n  listen: 127.0.0.1:0\n  cores: 2\n  store: file:store.db\n"
            "  routes:\n    - {prefix: /api, service: math}\n", encoding="utf-8")
        self.refuses_to_start(PROGRAM, "gateway", "--config", "project.yaml",
                              ready="gateway.listening")

    def test_a_service_drains_on_term(self):
        self.start(SERVICE, "--listen", "tcp://127.0.0.1:0", "--store", "memory:",
                   ready="service.listening")

        self.end()

        self.assertIn("service.stopped", self.log())

    def test_a_gateway_serves_on_when_its_file_cannot_be_read_and_drains_on_term(self):
        config = self.folder / "project.yaml"
        config.write_text("gateway:\n  listen: 127.0.0.1:0\n  store: file:store.db\n"
                          "  routes:\n    - {prefix: /api, service: math}\n", encoding="utf-8")
        self.start(PROGRAM, "gateway", "--config", str(config), ready="gateway.listening")

        self.process.send_signal(signal.SIGHUP)

        self.wait_for("config.not_reloaded")
        self.assertIn("process.no_thread", self.log())
        self.end()


if __name__ == "__main__":
    unittest.main()
