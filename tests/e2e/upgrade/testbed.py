"""A service that is upgraded: its processes, its log, and whom they leave behind."""

import ctypes
import json
import os
import pathlib
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest

from processes import make_certificate, wait_until

PROGRAM = os.environ["FL_PROGRAM"]
SERVICE = os.environ["FL_SERVICE"]
LOAD = os.environ["FL_LOAD"]
PATIENCE = 60  # seconds until something that must happen counts as not happening
ENVIRONMENT = {k: v for k, v in os.environ.items()
               if not k.startswith(("FAIRLEAD_", "LISTEN_", "NOTIFY_"))}
PR_SET_CHILD_SUBREAPER = 36


def adopt_orphans():
    """A process whose parent has ended becomes our child, so that its end can be seen here."""
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def program_that_has_a_term_to_read(program):
    """The program as it is when it is told to end while it starts: before it reads its signals."""
    return f"""#!{sys.executable}
import os, signal, sys
if "FL_UPGRADE_SOCKET" in os.environ:
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
    os.kill(os.getpid(), signal.SIGTERM)
os.execv({str(program)!r}, sys.argv)
"""


class UpgradeTest(unittest.TestCase):
    """Each test has a folder, in which `service` is a link to the program that is run."""

    def setUp(self):
        adopt_orphans()
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="fl_upgrade_"))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.program = self.folder / "service"
        self.program.symlink_to(SERVICE)
        self.log = self.folder / "log"
        self.socket = self.folder / "math.sock"
        self.pids = set()
        self.generation = 1
        self.addCleanup(self.kill_rest)

    def configure(self, listen=None, **more):
        settings = {"listen": listen or ["tcp://127.0.0.1:0"], "pid_file": "service.pid",
                    "store": f"file:{self.folder}/store.db", "cores": 2, "drain": "30s",
                    "log": {"form": "json"}, **more}
        (self.folder / "math.yaml").write_text(json.dumps(settings), encoding="utf-8")

    def change(self, **settings):
        """What the next process finds in the file beside what stands there already."""
        file = self.folder / "math.yaml"
        found = json.loads(file.read_text(encoding="utf-8"))
        file.write_text(json.dumps({**found, **settings}), encoding="utf-8")

    def start(self, *before, environment=None, **options):
        """Starts the service; `before` are words in front of its name. Waits until it serves."""
        with open(self.log, "a", encoding="utf-8") as log:
            self.process = subprocess.Popen([*before, str(self.program)], stderr=log,
                                            cwd=self.folder,
                                            env={**ENVIRONMENT, **(environment or {})}, **options)
        self.pids.add(self.process.pid)
        wait_until(lambda: (self.folder / "service.pid").exists(), self.text)
        return self.process.pid

    def text(self):
        return self.log.read_text(encoding="utf-8") if self.log.exists() else ""

    def events(self, name):
        found = []
        for line in self.text().splitlines():
            if line.startswith("{") and line.endswith("}"):
                event = json.loads(line)
                if event["event"] == name:
                    found.append(event)
        return found

    def wait_for_event(self, name):
        """The last one of this name. The log is written a little later than things happen."""
        wait_until(lambda: self.events(name), self.text)
        return self.events(name)[-1]

    def addresses(self):
        """Where the process that was started last listens, in the order of the file."""
        count = len(json.loads((self.folder / "math.yaml").read_text(encoding="utf-8"))["listen"])
        def told():
            return [event["address"] for event in self.events("service.listening")]

        wait_until(lambda: len(told()) >= self.generation * count, self.text)
        return told()[-count:]

    def pid(self):
        return int((self.folder / "service.pid").read_text(encoding="ascii"))

    def upgrade(self, *words):
        """`fairlead upgrade`: its exit code and its document."""
        words = words or ("--pid-file", str(self.folder / "service.pid"))
        done = subprocess.run([PROGRAM, "upgrade", "--json", *words], capture_output=True,
                              text=True, timeout=PATIENCE + 30, check=False, env=ENVIRONMENT)
        document = json.loads(done.stdout)
        if done.returncode == 0:
            self.pids.add(document["pid"])
            self.generation += 1
        return done.returncode, document

    def who(self, address):
        """Which process answers a call over a new connection."""
        done = subprocess.run([PROGRAM, "call", address, "/math/who", "--json", "--timeout",
                               f"{PATIENCE}s"], capture_output=True, text=True,
                              timeout=PATIENCE + 30, check=False, env=ENVIRONMENT)
        self.assertEqual(done.returncode, 0, done.stdout)
        return int(json.loads(done.stdout)["body"]["process"])

    def put(self, text, mode=0o755, place=None):
        """Another program in the place of the one that runs."""
        new = self.folder / "new"
        new.write_text(text, encoding="utf-8")
        new.chmod(mode)
        os.replace(new, place or self.program)

    def wait_for_end(self, pid):
        """Its exit code."""
        if pid == self.process.pid:
            code = self.process.wait(PATIENCE)
        else:
            code = None
            end = time.monotonic() + PATIENCE
            while code is None:
                ended, status = os.waitpid(pid, os.WNOHANG)
                if ended == pid:
                    code = os.waitstatus_to_exitcode(status)
                elif time.monotonic() > end:
                    raise AssertionError(f"process {pid} does not end\n{self.text()}")
                else:
                    time.sleep(0.02)
        self.pids.discard(pid)
        return code

    def end(self, pid):
        """Ends the service as its manager would; it must drain."""
        os.kill(pid, signal.SIGTERM)
        self.assertEqual(self.wait_for_end(pid), 0, self.text())

    def kill_rest(self):
        for pid in self.pids:
            try:
                os.kill(pid, signal.SIGKILL)
                if pid == self.process.pid:
                    self.process.wait()
                else:
                    os.waitpid(pid, 0)
            except (ProcessLookupError, ChildProcessError):
                pass


def taken_address(test):
    """Where nobody else can listen until the test is over."""
    taken = socket.create_server(("127.0.0.1", 0))
    test.addCleanup(taken.close)
    return f"127.0.0.1:{taken.getsockname()[1]}"


# It is found to be too long when the process's number is put behind it, which is the last thing
# that a new process does before the old one gives way.
TOO_LONG = "x" * 254


class Manager:
    """What a service manager hears (NOTIFY_SOCKET)."""

    def __init__(self, folder):
        self.path = str(folder / "notify")
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(self.path)
        self.socket.settimeout(PATIENCE)

    def hear(self):
        return self.socket.recv(4096).decode().splitlines()

    def has_heard(self):
        """What a process said that has ended is here."""
        return bool(select.select([self.socket], [], [], 0)[0])

    def close(self):
        self.socket.close()
