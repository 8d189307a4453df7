"""What is seen from outside while a program is upgraded: it is ready all the time, and whoever is
told that it is over finds the new process."""

import http.client
import json
import os
import pathlib
import signal
import subprocess
import threading
import time
import unittest

from gateway_test import GatewayTest
from testbed import (ENVIRONMENT, PATIENCE, PROGRAM, TOO_LONG, UpgradeTest, taken_address,
                     wait_until)

UPGRADES = 5


class Prober(threading.Thread):
    """Asks /readyz as a balancer does, each time over a new connection."""

    def __init__(self, address):
        super().__init__(daemon=True)
        self.address = address
        self.over = threading.Event()
        self.answers = 0
        self.failures = []

    def run(self):
        while not self.over.is_set():
            connection = http.client.HTTPConnection(self.address, timeout=PATIENCE)
            try:
                connection.request("GET", "/readyz")
                answer = connection.getresponse()
                body = answer.read()
                self.answers += 1
                if answer.status != 200:
                    self.failures.append((answer.status, body))
            except (OSError, http.client.HTTPException) as error:
                self.failures.append(repr(error))
            connection.close()

    def wait_for_answers(self, log):
        """A few more than there are now, or the first failure."""
        before = self.answers
        wait_until(lambda: self.answers > before + 5 or self.failures, log)

    def end(self):
        self.over.set()
        self.join(PATIENCE)
        return self.failures


class Kept:
    """A connection that is asked more than once and is never another one."""

    def __init__(self, address):
        self.connection = http.client.HTTPConnection(address, timeout=PATIENCE)
        self.connection.connect()
        self.connection.auto_open = 0

    def ask(self, path):
        self.connection.request("GET", path)
        answer = self.connection.getresponse()
        return answer.status, answer.read()

    def hold(self, quick, slow):
        """Whoever serves it has a call under way that does not end by itself."""
        for path in (quick, slow):
            self.connection.request("POST", path, '{"a":60,"b":4}',
                                    {"Content-Type": "application/json"})
            if path == quick:
                self.connection.getresponse().read()

    def close(self):
        self.connection.close()


class AskedTest(unittest.TestCase):
    def kept(self, address):
        connection = Kept(address)
        self.addCleanup(connection.close)
        return connection

    def followed_and_ready(self, admin, successor):
        """The process behind this connection goes, and says what is true of its address."""
        def state():
            return json.loads(admin.ask("/links.json")[1])

        wait_until(lambda: state()["phase"] in ("notice", "draining"), state)
        self.assertEqual(state()["upgrade"], f"process {successor} has taken over")
        self.assertEqual(admin.ask("/readyz")[0], 200)


class Service(AskedTest, UpgradeTest):
    def test_the_old_one_says_so_too(self):
        self.configure(admin="127.0.0.1:0")
        self.start()
        admin = self.kept(self.wait_for_event("service.admin")["address"])
        self.kept(self.addresses()[0]).hold("/math/who", "/math/slow")
        self.assertEqual(admin.ask("/readyz")[0], 200)

        code, document = self.upgrade()

        self.assertEqual(code, 0, f"{document}\n{self.text()}")
        self.followed_and_ready(admin, document["pid"])

    def fails_and_is_ready(self, **mistake):
        """A new process that has all addresses, and a notice that it must not wait for."""
        self.configure(admin="127.0.0.1:0", notice="10m", upgrade={"ready_timeout": "20s"})
        self.start()
        prober = Prober(self.wait_for_event("service.admin")["address"])
        prober.start()
        self.change(**mistake)

        code, document = self.upgrade()

        self.assertEqual((code, document["error"]["reason"]), (1, "upgrade.ended"), self.text())
        wait_until(lambda: len(self.events("service.listening")) == 2, self.text)
        prober.wait_for_answers(self.text)
        self.assertEqual(prober.end(), [], self.text())

    def test_it_is_ready_while_a_new_one_fails_before_it_can_be_asked(self):
        self.fails_and_is_ready(admin=taken_address(self))

    def test_it_is_ready_while_a_new_one_fails_at_last(self):
        self.fails_and_is_ready(pid_file=TOO_LONG)

    def test_it_is_ready_all_the_time(self):
        self.configure(admin="127.0.0.1:0")
        pid = self.start()
        prober = Prober(self.wait_for_event("service.admin")["address"])
        wait_until(lambda: self.events("service.took_over") or self.pid() == pid, self.text)
        prober.start()
        for _ in range(UPGRADES):
            code, document = self.upgrade()
            self.assertEqual(code, 0, f"{document}\n{self.text()}")
            self.assertEqual(self.wait_for_end(pid), 0, self.text())
            pid = document["pid"]
            prober.wait_for_answers(self.text)
        self.assertEqual(prober.end(), [], self.text())
        self.end(pid)

    def test_who_is_told_of_the_new_one_finds_it(self):
        """One upgrade right after the other, by the file that names the process."""
        self.configure()
        pids = [self.start()]
        for _ in range(2 * UPGRADES):
            code, document = self.upgrade()
            self.assertEqual((code, document.get("before")), (0, pids[-1]),
                             f"{document}\n{self.text()}")
            self.assertEqual(self.pid(), document["pid"])
            pids.append(document["pid"])
        for pid in pids[:-1]:
            self.assertEqual(self.wait_for_end(pid), 0, self.text())
        self.end(pids[-1])

    def test_of_two_who_ask_at_once_both_are_told(self):
        """Their signals are one where they come together, with one sender."""
        self.configure(upgrade={"ready_timeout": "60s"})
        pid = self.start()
        self.put("#!/bin/sh\nexec sleep 300\n")
        os.kill(pid, signal.SIGSTOP)
        askers = []
        for _ in range(2):
            asker = subprocess.Popen([PROGRAM, "upgrade", "--json", str(pid)], text=True,
                                     stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                     env=ENVIRONMENT)
            self.addCleanup(asker.wait)
            self.addCleanup(asker.kill)
            askers.append(asker)
            wait_until(lambda: asker.poll() is not None or self.waits_for_answer(asker), self.text)
        os.kill(pid, signal.SIGCONT)
        began = time.monotonic()
        wait_until(lambda: any(asker.poll() is not None for asker in askers), self.text)
        self.assertLess(time.monotonic() - began, PATIENCE / 2)
        refused = next(asker for asker in askers if asker.poll() is not None)
        self.assertEqual(self.reason(refused), "upgrade.under_way")
        os.kill(pid, signal.SIGTERM)  # ends what the other one waits for
        served = next(asker for asker in askers if asker is not refused)
        self.assertIn(self.reason(served), ("upgrade.called_off", "upgrade.died"))
        self.assertEqual(self.wait_for_end(pid), 0)
        self.assertEqual(len(self.events("service.upgrading")), 1)

    @staticmethod
    def waits_for_answer(asker):
        """It has sent its signal, and sleeps until something comes."""
        place = f"@fairlead-upgrade-{asker.pid}"
        table = pathlib.Path("/proc/net/unix").read_text(encoding="utf-8", errors="replace")
        stat = pathlib.Path(f"/proc/{asker.pid}/stat").read_text(encoding="ascii")
        return place in table and ") S " in stat

    def reason(self, asker):
        out, _ = asker.communicate(timeout=PATIENCE)
        return json.loads(out)["error"]["reason"]


class Gateway(AskedTest, GatewayTest):
    def test_the_old_one_says_so_too(self):
        self.start_gateway()
        admin = self.kept(self.addresses[1])
        self.kept(self.addresses[0]).hold("/api/math/divide", "/api/math/slow")
        self.assertEqual(admin.ask("/readyz")[0], 200)

        code, document = self.upgrade_gateway()

        self.assertEqual(code, 0, f"{document}\n{self.told()}")
        self.followed_and_ready(admin, document["pid"])

    def test_it_is_ready_while_a_new_one_fails(self):
        """It has all addresses, and a notice that it must not wait for."""
        self.write_project(notice="10m")
        self.start_gateway()
        prober = Prober(self.addresses[1])
        prober.start()
        self.write_project(notice="10m", pid_file=self.folder / TOO_LONG)

        code, document = self.upgrade_gateway()

        self.assertEqual((code, document["error"]["reason"]), (1, "upgrade.ended"), self.told())
        self.assertIn("cannot write the pid file", self.told())
        prober.wait_for_answers(self.told)
        self.assertEqual(prober.end(), [], self.told())

    def test_it_is_ready_all_the_time(self):
        self.start_gateway()
        prober = Prober(self.addresses[1])
        prober.start()
        old = self.gateway.pid
        for _ in range(UPGRADES):
            code, document = self.upgrade_gateway()
            self.assertEqual(code, 0, f"{document}\n{self.told()}")
            self.assertEqual(self.wait_for_gateway_end(old), 0, self.told())
            old = document["pid"]
            prober.wait_for_answers(self.told)
        self.assertEqual(prober.end(), [], self.told())


if __name__ == "__main__":
    unittest.main()
