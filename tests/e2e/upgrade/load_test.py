"""Three upgrades under load: no dial is refused and no call is lost, over raw, HTTP and TLS."""

import http.client
import signal
import socket
import ssl
import subprocess
import threading
import unittest

from testbed import ENVIRONMENT, LOAD, PATIENCE, UpgradeTest, make_certificate, wait_until

IN_FLIGHT = 340  # to each of three addresses: a thousand calls under way
UPGRADES = 3


class HttpCaller(threading.Thread):
    """Requests without end, over new connections or over one that is kept."""

    def __init__(self, address, tls, keep):
        super().__init__(daemon=True)
        host, port = address.rsplit(":", 1)
        self.place = (host, int(port))
        self.tls = tls
        self.keep = keep
        self.over = threading.Event()
        self.answers = 0
        self.processes = set()
        self.failures = []

    def connect(self):
        if self.tls is None:
            return http.client.HTTPConnection(*self.place, timeout=PATIENCE)
        return http.client.HTTPSConnection(*self.place, timeout=PATIENCE, context=self.tls)

    def run(self):
        connection = None
        while not self.over.is_set():
            used = connection is not None
            connection = connection or self.connect()
            try:
                connection.request("POST", "/math/who", headers={"Accept": "application/json"})
                answer = connection.getresponse()
                body = answer.read()
                if answer.status != 200:
                    self.failures.append(f"{answer.status} {body}")
                self.answers += 1
                self.processes.add(body)
            except (http.client.RemoteDisconnected, BrokenPipeError, ConnectionResetError) as error:
                # One that was kept and silent may be closed at any time; clients ask again.
                if not used:
                    self.failures.append(repr(error))
                connection.close()
            except (OSError, http.client.HTTPException) as error:
                self.failures.append(repr(error))
            self.over.wait(0.005)  # the service needs time too
            if not self.keep or connection.sock is None:  # http.client heeds Connection: close
                connection.close()
                connection = None
        if connection is not None:
            connection.close()


class Load(UpgradeTest):
    def test_nobody_is_refused_and_no_call_is_lost(self):
        make_certificate(self.folder)
        self.configure(listen=["tcp://127.0.0.1:0", "tls://localhost:0", f"unix://{self.socket}"],
                       tls={"certificates": [{"certificate_file": "server.pem",
                                              "key_file": "server.key"}]})
        pid = self.start()
        addresses = self.addresses()
        plain, secure, local = addresses
        secure = "tls://localhost:" + secure.rsplit(":", 1)[1]
        load = subprocess.Popen([LOAD, str(IN_FLIGHT), self.folder / "server.pem", plain, secure,
                                 local], stdout=subprocess.PIPE, text=True, env=ENVIRONMENT)
        self.addCleanup(load.wait)
        self.addCleanup(load.kill)
        tls = ssl.create_default_context(cafile=self.folder / "server.pem")
        callers = [HttpCaller(address, context, keep)
                   for address, context in ((plain, None),
                                            ("localhost:" + secure.rsplit(":", 1)[1], tls))
                   for keep in (False, True)]
        for caller in callers:
            caller.start()

        old = [pid]
        wait_until(lambda: all(caller.processes or caller.failures for caller in callers),
                   self.text)  # each of them has been answered by the first one
        for _ in range(UPGRADES):
            code, document = self.upgrade()
            self.assertEqual(code, 0, f"{document}\n{self.text()[-4000:]}")
            self.assertEqual(document["before"], old[-1])
            self.assertEqual(self.wait_for_end(old[-1]), 0, self.text()[-4000:])
            old.append(document["pid"])
            self.assertEqual(self.addresses(), addresses, "ports and names stay")
            self.assertEqual(self.pid(), old[-1])
            wait_until(lambda: all(len(caller.processes) == len(old) or caller.failures
                                   for caller in callers), self.text)

        for caller in callers:
            caller.over.set()
        for caller in callers:
            caller.join(PATIENCE)
        load.send_signal(signal.SIGTERM)
        told = load.communicate(timeout=PATIENCE)[0]
        for caller in callers:
            self.assertEqual(caller.failures, [], f"tls {caller.tls}, kept {caller.keep}")
            self.assertEqual(len(caller.processes), UPGRADES + 1, "each of them has answered")
        self.assertIn('"failed":0}', told, told)
        self.assertEqual(self.events("service.not_drained"), [])
        self.assertTrue(self.socket.exists(), "the file is the new one's")
        for address in addresses:
            self.assertEqual(self.who(address if not address.startswith("tls") else plain), old[-1])

        self.end(old[-1])
        self.assertFalse(self.socket.exists())
        self.assertFalse((self.folder / "service.pid").exists())
        with self.assertRaises(OSError):
            socket.create_connection(("127.0.0.1", int(plain.rsplit(":", 1)[1])), timeout=5)


if __name__ == "__main__":
    unittest.main()
