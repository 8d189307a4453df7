"""A server and a client that call without rest, and what must hold of every call between them.

The server writes down the id of every call that ran; the client, what became of every call:
  ok                       it ran exactly once
  not_sent, not_processed  it never ran
  unknown                  it ran at most once
and every call that began has ended. However the network, the processes or the machine behave.
"""

import collections
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest

from processes import free_port, make_certificate, wait_until

SERVER = os.environ["FL_LEDGER_SERVER"]
CLIENT = os.environ["FL_LEDGER_CLIENT"]
PROXY = os.environ.get("FL_FAULT_PROXY",
                       str(pathlib.Path(__file__).resolve().parent / "fault_proxy.py"))
PATIENCE = 60  # seconds until something that must happen counts as not happening
ENVIRONMENT = {k: v for k, v in os.environ.items() if not k.startswith("FAIRLEAD_")}
CALL_MS = 500  # time of a call
# A dead link is found out as soon as the settings allow.
# And dialled again soon, however often it was lost.
DIAL = {"first_wait_min": "10ms", "first_wait_max": "100ms", "backoff_max": "300ms",
        "stable": "100ms"}
HEARTBEAT = {"interval": "3s", "timeout": "500ms", "miss_max": 2, "fast_probe": "500ms"}


def count_dead(log):
    """Links that were found dead, by what a program wrote. The log is a little late."""
    events = [json.loads(line) for line in log.splitlines()
              if line.startswith("{") and line.endswith("}")]
    return sum(1 for each in events if each["event"] == "link.state" and each["to"] == "dead")


class Server:
    """It keeps its port when it is started again."""

    def __init__(self, folder, scheme="tcp", host="127.0.0.1", prefix=(), environment=None,
                 log=None):
        self.folder = folder
        self.port = free_port()
        self.host = host
        self.prefix = list(prefix)
        self.environment = {**ENVIRONMENT, "LEDGER": str(folder / "ledger"), **(environment or {})}
        self.log = folder / "server.log" if log is None else log
        settings = {"listen": [f"{scheme}://{host}:{self.port}"], "cores": 2, "drain": "5s",
                    "heartbeat": HEARTBEAT, "log": {"form": "json"}}
        if scheme == "tls":
            make_certificate(folder)
            settings["tls"] = {"certificates": [{"certificate_file": "server.pem",
                                                 "key_file": "server.key"}]}
        (folder / "ledger.yaml").write_text(json.dumps(settings), encoding="utf-8")
        self.process = None

    def start(self):
        with open(self.log, "a", encoding="utf-8") as log:
            self.process = subprocess.Popen([*self.prefix, SERVER], cwd=self.folder, stderr=log,
                                            env=self.environment)
        wait_until(self.listens, self.text)

    def listens(self):
        if self.process.poll() is not None:
            raise AssertionError(f"the server ended with {self.process.returncode}: {self.text()}")
        try:
            socket.create_connection((self.host, self.port), timeout=1).close()
            return True
        except OSError:
            return False

    def text(self):
        path = pathlib.Path(self.log)
        return path.read_text(encoding="utf-8", errors="replace") if path.is_file() else ""

    def kill(self):
        self.process.kill()
        self.process.wait()

    def end(self):
        """As its manager would: it must drain, and be well."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(PATIENCE)

    def ran(self):
        path = self.folder / "ledger"
        return collections.Counter(path.read_text(encoding="utf-8", errors="replace").split()
                                   if path.exists() else [])


class Client:
    """Its callers, and what they tell. Several may share a folder."""

    def __init__(self, folder, address, callers=8, prefix=(), environment=None, more=None):
        self.folder = folder
        settings = {"cores": 1, "heartbeat": HEARTBEAT, "dial": DIAL, "log": {"form": "json"},
                    "clients": {"default": {"tls": {"ca_file": "server.pem"}}
                                if address.startswith("tls:") else {}}, **(more or {})}
        (folder / "ledger_client.yaml").write_text(json.dumps(settings), encoding="utf-8")
        self.told = folder / f"told-{time.monotonic_ns()}"
        self.log = folder / "client.log"
        with open(self.told, "wb") as told, open(self.log, "ab") as log:
            self.process = subprocess.Popen([*prefix, CLIENT, address, str(callers), str(CALL_MS)],
                                            cwd=folder, stdout=told, stderr=log,
                                            env={**ENVIRONMENT, **(environment or {})})

    def lines(self):
        return self.told.read_text(encoding="utf-8").splitlines()

    def outcomes(self):
        """[(id, outcome, code, reason)]"""
        split = [line.split(" ") for line in self.lines() if re.match(r"\d+-\d+-\d+ \w+ ", line)]
        return [tuple(words) for words in split if len(words) == 4]

    def count(self, outcome="ok"):
        return sum(1 for each in self.outcomes() if each[1] == outcome)

    def wait_for_more(self, more=50, patience=PATIENCE):
        """So many calls more must end well."""
        before = self.count()
        wait_until(lambda: self.count() >= before + more, self.state, patience)

    def wait_for_ended(self, count):
        """So many calls must have ended, in whatever way."""
        wait_until(lambda: len(self.outcomes()) >= count, self.state)

    def text(self):
        return self.log.read_text(encoding="utf-8", errors="replace")

    def state(self):
        kinds = collections.Counter(each[1:] for each in self.outcomes())
        return f"{dict(kinds)}; exit {self.process.poll()}; {self.text()[-2000:]}"

    def end(self):
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(PATIENCE)


class LinkTest(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="fl_links_"))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)

    def server(self, **options):
        server = Server(self.folder, **options)
        self.addCleanup(server.kill)
        server.start()
        return server

    def client(self, address, **options):
        client = Client(self.folder, address, **options)
        self.addCleanup(client.process.wait)
        self.addCleanup(client.process.kill)
        return client

    def proxy(self, port):
        proxy = ProxyProcess(port)
        self.addCleanup(proxy.close)
        return proxy

    def check_calls(self, server, *clients):
        """Ends the clients and looks at every call."""
        for client in clients:
            if client.process.poll() is None:
                self.assertEqual(client.end(), 0, client.state())
            self.assertRegex(client.lines()[-1], r"^begun (\d+) ended \1$", "a call never ended")
        self.check_outcomes(server, *clients)

    def check_outcomes(self, server, *clients):
        ran = server.ran()
        for client in clients:
            for call, outcome, code, reason in client.outcomes():
                words = f"{call} {outcome} {code} {reason}, ran {ran[call]} times"
                self.assertNotEqual(outcome, "wrong", words)
                if outcome in ("ok", "processed"):
                    self.assertEqual(ran[call], 1, words)
                elif outcome in ("not_sent", "not_processed"):
                    self.assertEqual(ran[call], 0, words)
                else:
                    self.assertLessEqual(ran[call], 1, words)


class ProxyProcess:
    def __init__(self, target_port):
        self.port, control = free_port(), free_port()
        self.process = subprocess.Popen(
            [sys.executable, "-B", PROXY, str(self.port), "127.0.0.1", str(target_port),
             "--control", str(control)], stdout=subprocess.PIPE)
        self.process.stdout.readline()
        self.control = socket.create_connection(("127.0.0.1", control), timeout=PATIENCE)

    def say(self, *words):
        self.control.sendall((" ".join(words) + "\n").encode())
        self.control.recv(65536)

    def close(self):
        self.control.close()
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()
