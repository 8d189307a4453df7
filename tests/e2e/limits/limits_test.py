"""A service, and a gateway, that is offered more than it may take: who is inside is served, and it
recovers."""

import contextlib
import http.client
import json
import os
import pathlib
import resource
import shutil
import signal
import socket
import subprocess
import tempfile
import unittest

from processes import wait_until

PROGRAM = os.environ["FL_PROGRAM"]
SERVICE = os.environ["FL_SERVICE"]
PATIENCE = 60  # seconds until something that must happen counts as not happening
DESCRIPTORS = 120
# What the process itself has open decides which of the two is the first one.
FLOOD_BOUNDS = ("connections", "descriptors")
ENVIRONMENT = {k: v for k, v in os.environ.items() if not k.startswith("FAIRLEAD_")}


class Limited(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="fl_limits_"))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.log = self.folder / "log"

    def start(self, descriptors=1024, **limits):
        settings = {"listen": ["tcp://127.0.0.1:0"], "admin": "127.0.0.1:0", "cores": 2,
                    "store": f"file:{self.folder}/store.db", "pid_file": "service.pid",
                    "log": {"form": "json"}, "limits": limits}
        (self.folder / "math.yaml").write_text(json.dumps(settings), encoding="utf-8")
        with open(self.log, "w", encoding="utf-8") as log:
            process = subprocess.Popen(
                [SERVICE], stderr=log, cwd=self.folder, env=ENVIRONMENT,
                preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE,
                                                      (descriptors, descriptors)))
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        self.process = process
        wait_until(lambda: (self.folder / "service.pid").exists(), self.text)
        self.port = self.port_of("service.listening")
        self.admin = self.port_of("service.admin")

    def start_gateway(self, descriptors=1024, **limits):
        """A gateway with these limits, before a service that has its usual ones."""
        self.start()
        self.project = {"store": f"file:{self.folder}/store.db",
                        "gateway": {"listen": "127.0.0.1:0", "admin": "127.0.0.1:0", "cores": 2,
                                    "limits": limits,
                                    "routes": [{"prefix": "/", "service": "math"}]}}
        self.write_project()
        gateway_log = self.folder / "gateway.log"
        with open(gateway_log, "w", encoding="utf-8") as log:  # its document, then its events
            self.process = subprocess.Popen(
                [PROGRAM, "gateway", "--json", "--config", str(self.folder / "project.yaml")],
                stdout=log, stderr=log, env=ENVIRONMENT,
                preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE,
                                                      (descriptors, descriptors)))
        self.addCleanup(self.process.wait)
        self.addCleanup(self.process.kill)
        self.log = gateway_log
        told = wait_until(self.document, self.text)
        self.port = int(told["gateway"].rsplit(":", 1)[1])
        self.admin = int(told["admin"].rsplit(":", 1)[1])

    def document(self):
        lines = (json.loads(line) for line in self.text().splitlines() if line.endswith("}"))
        return next((line for line in lines if "gateway" in line and "ok" in line), None)

    def write_project(self):
        (self.folder / "project.yaml").write_text(json.dumps(self.project), encoding="utf-8")

    def text(self):
        return self.log.read_text(encoding="utf-8")

    def events(self, name):
        lines = (json.loads(line) for line in self.text().splitlines() if line.endswith("}"))
        return [line for line in lines if line["event"] == name]

    def port_of(self, name):
        """What a program listens at, as it tells in its log. That is a little late."""
        event = wait_until(lambda: self.events(name), self.text)[0]
        return int(event["address"].rsplit(":", 1)[1])

    def metric(self, name):
        connection = http.client.HTTPConnection("127.0.0.1", self.admin, timeout=PATIENCE)
        connection.request("GET", "/metrics")
        text = connection.getresponse().read().decode()
        connection.close()
        found = [line.split()[-1] for line in text.splitlines() if line.startswith(name + " ")]
        return float(found[0]) if found else 0.0

    def dial(self, source="127.0.0.1"):
        return socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE,
                                        source_address=(source, 0))

    def ask(self, held=None, source="127.0.0.1"):
        """The status of an answer and its fields; over a held connection, or a new one."""
        end = held or self.dial(source)
        try:
            end.sendall(b"POST /math/divide HTTP/1.1\r\nHost: localhost\r\n"
                        b"Content-Type: application/json\r\n"
                        b"Content-Length: 14\r\n\r\n" + b'{"a":10,"b":2}')
            answer = http.client.HTTPResponse(end)
            answer.begin()
            answer.read()
            return answer.status, answer.headers
        except (ConnectionResetError, BrokenPipeError, http.client.HTTPException):
            return 0, {}
        finally:
            if held is None:
                end.close()

    def hold(self, count, source="127.0.0.1"):
        held = [self.dial(source) for _ in range(count)]
        for each in held:
            self.addCleanup(each.close)
        return held

    def flood(self):
        """Ten times as many connections as there are descriptors."""
        inside = self.hold(20)
        for each in inside:
            self.assertEqual(self.ask(each)[0], 200)

        flood = []
        for _ in range(10 * DESCRIPTORS):
            end = socket.socket()
            end.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                end.connect(("127.0.0.1", self.port))
            flood.append(end)
        wait_until(lambda: any(self.metric(f'fairlead_rpc_bound_hits_total{{bound="{bound}"}}')
                               for bound in FLOOD_BOUNDS), self.text)
        for each in inside:
            self.assertEqual(self.ask(each)[0], 200, "who is inside is served")
        self.assertIsNone(self.process.poll())
        open_now = len(os.listdir(f"/proc/{self.process.pid}/fd"))
        self.assertLess(open_now, DESCRIPTORS, "and there are descriptors left")

        for end in flood:
            end.close()
        wait_until(lambda: self.ask()[0] == 200, self.text)


class ServiceLimits(Limited):
    def test_ten_times_as_many_connections_as_descriptors(self):
        self.start(descriptors=DESCRIPTORS)
        self.flood()
        told = [line["bound"] for line in self.events("bound.hit")
                if line["bound"] in FLOOD_BOUNDS]
        self.assertEqual(len(told), len(set(told)), "one line a minute for each")

    def test_who_is_too_many_is_told_when_to_come_back(self):
        self.start(connections_max=10)
        inside = self.hold(10)
        for each in inside:
            self.assertEqual(self.ask(each)[0], 200)

        status, head = self.ask()
        self.assertEqual(status, 503)
        self.assertEqual(head["Retry-After"], "5")
        inside.pop().close()
        wait_until(lambda: self.ask()[0] == 200, self.text)

    def test_each_address_has_its_share(self):
        self.start(ip_connections_max=5, loopback_trusted=False)
        for each in self.hold(5, source="127.0.0.2"):
            self.assertEqual(self.ask(each)[0], 200)

        self.assertEqual(self.ask(source="127.0.0.2")[0], 503)
        self.assertEqual(self.ask(source="127.0.0.3")[0], 200)
        self.assertEqual(self.metric('fairlead_rpc_bound_hits_total{bound="ip_connections"}'), 1)

    def test_loopback_has_no_share_of_its_own_by_default(self):
        self.start(ip_connections_max=5)
        for each in self.hold(20, source="127.0.0.2"):
            self.assertEqual(self.ask(each)[0], 200)

    def test_without_memory_nobody_new_is_taken_and_who_is_here_is_served(self):
        self.start(memory="1MiB")
        wait_until(lambda: self.events("memory.level"), self.text)
        self.assertEqual(self.events("memory.level")[0]["to"], "critical")

        self.assertEqual(self.ask()[0], 503)
        self.assertEqual(self.metric("fairlead_runtime_memory_level"), 3)
        self.assertIsNone(self.process.poll())

    def test_a_frame_that_does_not_end_costs_its_connection_alone(self):
        self.start(frame_time_max="500ms")
        inside = self.hold(1)[0]
        self.assertEqual(self.ask(inside)[0], 200)
        slow = self.dial()
        slow.sendall(b"\x00\x00\x00\x40\x05")

        self.assertIn(slow.recv(1), [b""], "closed")
        slow.close()
        self.assertEqual(self.ask(inside)[0], 200)
        self.assertEqual(self.metric('fairlead_rpc_bound_hits_total{bound="frame_time"}'), 1)


class GatewayLimits(Limited):
    def test_ten_times_as_many_connections_as_descriptors(self):
        self.start_gateway(descriptors=DESCRIPTORS)
        self.flood()

    def test_each_address_has_its_share_and_a_reload_changes_it(self):
        self.start_gateway(ip_connections_max=5, loopback_trusted=False)
        for each in self.hold(5, source="127.0.0.2"):
            self.assertEqual(self.ask(each)[0], 200)

        status, head = self.ask(source="127.0.0.2")
        self.assertEqual((status, head["Retry-After"]), (503, "5"))
        self.assertEqual(self.ask(source="127.0.0.3")[0], 200)
        self.assertEqual(self.metric('fairlead_rpc_bound_hits_total{bound="ip_connections"}'), 1)
        wait_until(lambda: "setting=gateway.limits.ip_connections_max" in self.text(), self.text)

        self.project["gateway"]["limits"]["ip_connections_max"] = 50
        self.write_project()
        self.process.send_signal(signal.SIGHUP)
        wait_until(lambda: self.ask(source="127.0.0.2")[0] == 200, self.text)

    def test_without_memory_nobody_new_is_taken_until_there_is_some_again(self):
        self.start_gateway()
        inside = self.hold(1)[0]
        self.assertEqual(self.ask(inside)[0], 200)
        self.project["gateway"]["limits"]["memory"] = "1MiB"
        self.write_project()
        self.process.send_signal(signal.SIGHUP)

        wait_until(lambda: self.ask()[0] == 503, self.text)
        self.assertEqual(self.metric("fairlead_runtime_memory_level"), 3)
        self.assertEqual(self.ask(inside)[0], 200, "who is inside is served")

        del self.project["gateway"]["limits"]["memory"]
        self.write_project()
        self.process.send_signal(signal.SIGHUP)
        wait_until(lambda: self.ask()[0] == 200, self.text)


if __name__ == "__main__":
    unittest.main(verbosity=2)
