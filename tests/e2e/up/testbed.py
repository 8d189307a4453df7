"""A project of two copies of a service and a gateway, started by `fairlead up` for a test."""

import json
import os
import selectors
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import unittest
import urllib.request

from processes import wait_until

PROGRAM = os.environ["FL_PROGRAM"]
SERVICE = os.environ["FL_SERVICE"]
PATIENCE = 30  # seconds until something that must happen counts as not happening


def clean_environment():
    return {name: value for name, value in os.environ.items() if not name.startswith("FAIRLEAD_")}


def run(*words, stdin="", timeout=PATIENCE, environment=None):
    """Runs `fairlead WORDS` to its end."""
    return subprocess.run([PROGRAM, *words], input=stdin, capture_output=True, text=True,
                          timeout=timeout, env=environment or clean_environment(), check=False)


def read_line(stream, timeout=PATIENCE):
    """One line of a pipe, or what came of it until the time was over."""
    selector = selectors.DefaultSelector()
    selector.register(stream, selectors.EVENT_READ)
    line = b""
    end = time.monotonic() + timeout
    while not line.endswith(b"\n"):
        if not selector.select(max(0, end - time.monotonic())):
            break
        byte = os.read(stream.fileno(), 1)
        if not byte:
            break
        line += byte
    return line.decode()


def alive(pid):
    """False also for a process that has ended and that nobody has asked about yet."""
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii") as stat:
            return ") Z " not in stat.read()
    except OSError:
        return False


def refused(address):
    host, port = address.rsplit(":", 1)
    try:
        socket.create_connection((host, int(port)), timeout=5).close()
        return False
    except ConnectionRefusedError:
        return True


class Answer:
    """What curl got: status, headers in lower case, body."""

    def __init__(self, raw):
        head, _, self.body = raw.partition("\r\n\r\n")
        lines = head.split("\r\n")
        self.status = int(lines[0].split(" ")[1])
        self.headers = {}
        for line in lines[1:]:
            name, _, value = line.partition(":")
            self.headers[name.lower()] = value.strip()

    @property
    def json(self):
        return json.loads(self.body)


class Project:
    """`fairlead up` on free ports. `with` ends it by Ctrl-C and checks that it ends well."""

    def __init__(self, copies=2, gateway="", service=SERVICE):
        self.folder = tempfile.TemporaryDirectory(prefix="fl-e2e-")
        self.config = os.path.join(self.folder.name, "project.yaml")
        with open(self.config, "w", encoding="utf-8") as file:
            file.write(f"""gateway:
  listen: 127.0.0.1:0
  admin: 127.0.0.1:0
{gateway}
  routes:
    - {{prefix: /api, service: math, strip: true}}
services:
  - {{name: math, command: [{service}], copies: {copies}}}
""")
        self.errors = open(os.path.join(self.folder.name, "stderr"), "w+", encoding="utf-8")
        self.process = subprocess.Popen([PROGRAM, "up", "--json", "--config", self.config],
                                        stdout=subprocess.PIPE, stderr=self.errors,
                                        env=clean_environment())
        line = read_line(self.process.stdout)
        try:
            self.ready = json.loads(line)
            self.gateway = self.ready["gateway"]
        except (ValueError, KeyError):
            self.process.kill()
            raise AssertionError(f"not ready: {line!r} {self.log()}") from None
        self.store = self.ready["store"]
        self.admin = self.ready["admin"]
        self.pids = self.ready["services"][0]["pids"]
        self.addresses = self.ready["services"][0]["addresses"]

    def log(self):
        self.errors.flush()
        with open(self.errors.name, encoding="utf-8") as file:
            return file.read()

    def curl(self, path, *words, timeout=PATIENCE):
        done = subprocess.run(["curl", "-sS", "-i", "--max-time", str(timeout), *words,
                               f"http://{self.gateway}{path}"],
                              capture_output=True, timeout=timeout + 5, check=False)
        if done.returncode != 0:
            raise AssertionError(f"curl: {done.stderr.decode()}")
        return Answer(done.stdout.decode())

    def links(self):
        with urllib.request.urlopen(f"http://{self.admin}/links.json", None, PATIENCE) as answer:
            return json.load(answer)

    def wait_for_calls(self, count=1):
        """So many calls are with the copies and have no answer yet."""
        def waiting():
            return sum(link["calls_out"] for core in self.links()["cores"]
                       for link in core["links"])

        wait_until(lambda: waiting() >= count, f"{count} calls with the copies")

    def who(self):
        return self.curl("/api/math/who").json["process"]

    def remove_store(self):
        """For a run that had no time to do it."""
        shutil.rmtree(os.path.dirname(self.store.removeprefix("file:")))

    def call(self, *words, **options):
        return run("call", "math", *words, "--store", self.store, **options)

    def interrupt(self):
        """Ctrl-C; gives the exit code."""
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(PATIENCE)

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        try:
            code = self.interrupt() if self.process.poll() is None else self.process.returncode
            if kind is None and code != 0:
                raise AssertionError(f"`fairlead up` ended with {code}: {self.log()}")
        finally:
            if self.process.poll() is None:
                self.process.kill()
                self.process.wait()
            self.process.stdout.close()
            self.errors.close()
            self.folder.cleanup()


class TestCase(unittest.TestCase):
    """Starts one project for all tests of a class that says so."""

    project = None

    @classmethod
    def start_project(cls, **options):
        cls.project = Project(**options)

    @classmethod
    def tearDownClass(cls):
        if cls.project is not None:
            cls.project.__exit__(None, None, None)
            cls.project = None
