"""A new process that has all addresses and is not given way: the test is the process before it."""

import http.client
import select
import socket
import subprocess
import time
import unittest

from gateway_test import GatewayTest
from testbed import ENVIRONMENT, PATIENCE, PROGRAM, UpgradeTest

SLOW = 3  # seconds of a call that goes on meanwhile


class Predecessor:
    """What a new process takes for the one before it; both listen at `addresses`."""

    def __init__(self, count):
        self.sockets = [socket.create_server(("127.0.0.1", 0), backlog=512) for _ in range(count)]
        for each in self.sockets:
            each.setblocking(False)
        self.addresses = [f"127.0.0.1:{each.getsockname()[1]}" for each in self.sockets]
        self.control, self.end = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.control.settimeout(PATIENCE)
        lines = ["fairlead-upgrade 1", "generation 2", *(f"socket {a}" for a in self.addresses)]
        socket.send_fds(self.control, ["\n".join(lines).encode()],
                        [each.fileno() for each in self.sockets])

    def start(self, words, log, **options):
        with open(log, "a", encoding="utf-8") as output:
            new = subprocess.Popen(words, stdout=output, stderr=output,
                                   pass_fds=[self.end.fileno()],
                                   env={**ENVIRONMENT, "FL_UPGRADE_SOCKET": str(self.end.fileno())},
                                   **options)
        self.end.close()
        return new

    def close(self):
        for each in (*self.sockets, self.control, self.end):
            each.close()


class RefusedTest(unittest.TestCase):
    def setUp(self):
        self.before = Predecessor(2)  # where it serves, and admin
        self.addCleanup(self.before.close)

    def not_given_way(self, new, slow_path):
        """It has a call under way, and much time for it and for a notice."""
        self.addCleanup(new.wait)
        self.addCleanup(new.kill)
        self.assertEqual(self.before.control.recv(100), b"ready")
        slow = http.client.HTTPConnection(self.before.addresses[0], timeout=PATIENCE)
        self.addCleanup(slow.close)
        slow.request("POST", slow_path, '{"a":%d,"b":1}' % SLOW,
                     {"Content-Type": "application/json", "Accept": "application/json"})
        self.assertEqual(self.ask(self.before.addresses[1]), 200)

        self.before.control.send(b"no")

        self.assertEqual(self.probe_until(slow.sock), [200])
        answer = slow.getresponse()
        self.assertEqual((answer.status, answer.read()), (200, b'{"quotient":3}'))
        self.assertEqual(new.wait(PATIENCE), 1, self.written())
        self.assertIn("this one ends", self.written())
        for each in self.before.sockets:
            each.accept()[0].close()  # who was not answered is the other one's

    def ask(self, address):
        connection = http.client.HTTPConnection(address, timeout=PATIENCE)
        connection.request("GET", "/readyz")
        status = connection.getresponse().status
        connection.close()
        return status

    def probe_until(self, over):
        """Asks at both addresses until `over` can be read; before that nobody must answer any more.
        What the answers of the admin listener were until then, each once."""
        statuses = {200}
        probes = {}
        while True:
            for address in self.before.addresses:
                if address not in probes:
                    probe = http.client.HTTPConnection(address, timeout=PATIENCE)
                    probe.request("GET", "/readyz")
                    probes[address] = (probe, time.monotonic())
            ready, _, _ = select.select([over, *(probe.sock for probe, _ in probes.values())], [],
                                        [], PATIENCE)
            self.assertTrue(ready, self.written())
            if over in ready:
                break
            for address, (probe, _) in list(probes.items()):
                if probe.sock in ready:
                    status = probe.getresponse().status
                    if address == self.before.addresses[1]:
                        statuses.add(status)
                    probe.close()
                    del probes[address]
        for address, (probe, began) in probes.items():
            probe.close()
            self.assertGreater(time.monotonic() - began, SLOW / 2,
                               f"{address} was given back late\n{self.written()}")
        return sorted(statuses)


class Service(RefusedTest, UpgradeTest):
    def setUp(self):
        UpgradeTest.setUp(self)
        RefusedTest.setUp(self)

    def written(self):
        return self.text()

    def test_it_gives_back_what_it_has(self):
        self.configure(listen=[f"tcp://{self.before.addresses[0]}"],
                       admin=self.before.addresses[1], notice="10m")
        self.process = self.before.start([str(self.program)], self.log, cwd=self.folder)
        self.not_given_way(self.process, "/math/slow")
        self.assertFalse((self.folder / "service.pid").exists())


class Gateway(RefusedTest, GatewayTest):
    def setUp(self):
        GatewayTest.setUp(self)
        RefusedTest.setUp(self)

    def written(self):
        return self.text() + self.told()

    def test_it_gives_back_what_it_has(self):
        listen, admin = self.before.addresses
        self.project.write_text(f"""store: file:{self.folder}/store.db
gateway:
  listen: {listen}
  admin: {admin}
  cores: 2
  notice: 10m
  drain: 30s
  routes: [{{prefix: /api, service: math, strip: true}}]
""", encoding="utf-8")
        new = self.before.start([PROGRAM, "gateway", "--config", str(self.project)],
                                self.gateway_log)
        self.not_given_way(new, "/api/math/slow")


if __name__ == "__main__":
    unittest.main()
