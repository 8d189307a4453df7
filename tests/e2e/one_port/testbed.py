"""The service of the demo on one port, with a certificate, as clients of others find it."""

import json
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
import time
import unittest

from processes import make_certificate

PROGRAM = os.environ["FL_PROGRAM"]
SERVICE = os.environ["FL_SERVICE"]
HERE = pathlib.Path(__file__).resolve().parent
PATIENCE = 30  # seconds until something that must happen counts as not happening
ENVIRONMENT = {k: v for k, v in os.environ.items() if not k.startswith("FAIRLEAD_")}
# Debian's node finds Debian's modules by itself; another one is told where they lie.
NODE_ENVIRONMENT = {**ENVIRONMENT, "NODE_PATH": "/usr/share/nodejs"}


def run(*words, given=None, environment=None):
    """Runs a client to its end and gives what it printed."""
    done = subprocess.run([str(word) for word in words], input=given, capture_output=True,
                          text=True, timeout=PATIENCE, check=False,
                          env=environment or ENVIRONMENT)
    if done.returncode != 0:
        raise AssertionError(f"{words} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
    return done.stdout


def node(script, *words):
    return run(os.environ["FL_NODE"], HERE / script, *words, environment=NODE_ENVIRONMENT)


class OnePort(unittest.TestCase):
    """Each test has a service of its own; it must end with 0, drained."""

    options = []  # more options of the service
    asked_to_end = False

    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="fl_one_port_"))
        self.addCleanup(shutil.rmtree, self.folder)
        make_certificate(self.folder)
        self.certificate = self.folder / "server.pem"
        self.log = self.folder / "log"
        with open(self.log, "w", encoding="utf-8") as log:
            self.process = subprocess.Popen(
                [SERVICE, "--store", f"file:{self.folder}/store.db", "--log-form", "json",
                 "--tls-certificate", "server.pem", "--tls-key", "server.key", "--cores", "2",
                 *self.options],
                stderr=log, cwd=self.folder, env=ENVIRONMENT)
        self.addCleanup(self.end)
        self.address = self.wait_for_log("service.registered")["address"]

    def end(self):
        self.ask_to_end()
        self.assertEqual(self.process.wait(PATIENCE), 0, self.log.read_text(encoding="utf-8"))

    def ask_to_end(self):
        """Once: a second time would end it at once."""
        if not self.asked_to_end and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        self.asked_to_end = True

    def wait_for_log(self, event):
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end and self.process.poll() is None:
            for line in self.log.read_text(encoding="utf-8").splitlines():
                if line.endswith("}") and json.loads(line)["event"] == event:
                    return json.loads(line)
            time.sleep(0.02)
        raise AssertionError(f"no {event} in\n" + self.log.read_text(encoding="utf-8"))

    def url(self, path, scheme="http"):
        return f"{scheme}://{self.address}{path}"

    def raw_call(self, body='{"a":10,"b":4}'):
        """`fairlead call`, which speaks raw, at the same port."""
        out = run(PROGRAM, "call", self.address, "/math/divide", body, "--json",
                  "--timeout", f"{PATIENCE}s")
        return json.loads(out)["body"]
