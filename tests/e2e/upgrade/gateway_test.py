"""A gateway that is upgraded while it is called: nobody is refused, no request is lost."""

import http.client
import json
import os
import signal
import subprocess
import threading
import unittest
import urllib.request

from testbed import (ENVIRONMENT, PATIENCE, PROGRAM, TOO_LONG, UpgradeTest,
                     program_that_has_a_term_to_read, taken_address, wait_until)

UPGRADES = 3


class Requests(threading.Thread):
    """Over new connections, or over one that is kept for as long as the gateway lets it be."""

    def __init__(self, address, keep):
        super().__init__(daemon=True)
        self.address = address
        self.keep = keep
        self.over = threading.Event()
        self.answers = 0
        self.failures = []

    def run(self):
        connection = None
        while not self.over.is_set():
            connection = connection or http.client.HTTPConnection(self.address, timeout=PATIENCE)
            try:
                connection.request("POST", "/api/math/divide", '{"a":10,"b":4}',
                                   {"Content-Type": "application/json"})
                answer = connection.getresponse()
                body = answer.read()
                if (answer.status, body) != (200, b'{"quotient":2.5}'):
                    self.failures.append(f"{answer.status} {body}")
                self.answers += 1
            except (OSError, http.client.HTTPException) as error:
                self.failures.append(repr(error))
                connection.close()
            self.over.wait(0.005)
            if not self.keep or connection.sock is None:  # http.client heeds Connection: close
                connection.close()
                connection = None


class GatewayTest(UpgradeTest):
    """A gateway in front of one service."""

    def setUp(self):
        super().setUp()
        self.configure()
        self.start()
        self.service_address = UpgradeTest.addresses(self)[0]
        self.gateway_log = self.folder / "gateway.log"
        self.project = self.folder / "project.yaml"
        self.write_project()

    def write_project(self, store=None, admin="127.0.0.1:0", pid_file=None, notice="0s"):
        self.project.write_text(f"""store: {store or f'file:{self.folder}/store.db'}
gateway:
  listen: 127.0.0.1:0
  admin: {admin}
  cores: 2
  pid_file: {pid_file or self.folder / 'gateway.pid'}
  notice: {notice}
  upgrade: {{ready_timeout: 3s}}
  routes: [{{prefix: /api, service: math, strip: true}}]
""", encoding="utf-8")

    def start_gateway(self, program=PROGRAM):
        with open(self.gateway_log, "a", encoding="utf-8") as log:
            self.gateway = subprocess.Popen([program, "gateway", "--config", str(self.project)],
                                            stdout=log, stderr=log, env=ENVIRONMENT)
        self.addCleanup(self.gateway.wait)
        self.addCleanup(self.gateway.kill)
        wait_until(lambda: "admin    http://" in self.told(), self.told)
        words = self.told().split()
        self.addresses = [words[words.index(name) + 1][len("http://"):]
                          for name in ("gateway", "admin")]

    def told(self):
        return self.gateway_log.read_text(encoding="utf-8")

    def gateway_pid(self):
        return int((self.folder / "gateway.pid").read_text(encoding="ascii"))

    def upgrade_gateway(self):
        done = subprocess.run([PROGRAM, "upgrade", "--json", "--pid-file",
                               str(self.folder / "gateway.pid")], capture_output=True, text=True,
                              timeout=PATIENCE + 30, check=False, env=ENVIRONMENT)
        document = json.loads(done.stdout)
        if done.returncode == 0:
            self.pids.add(document["pid"])
        return done.returncode, document

    def wait_for_gateway_end(self, pid):
        if pid != self.gateway.pid:
            return self.wait_for_end(pid)
        return self.gateway.wait(PATIENCE)

    def wait_for_answers(self, callers, more):
        before = [caller.answers for caller in callers]
        wait_until(lambda: all(caller.answers > count + more or caller.failures
                               for caller, count in zip(callers, before)), self.told)

    def end_callers(self, callers):
        """None of them may have failed."""
        for caller in callers:
            caller.over.set()
        for caller in callers:
            caller.join(PATIENCE)
            self.assertEqual(caller.failures, [], f"kept {caller.keep}\n{self.told()}")


class Gateway(GatewayTest):
    def test_nobody_is_refused_and_no_request_is_lost(self):
        self.start_gateway()
        callers = [Requests(self.addresses[0], keep) for keep in (False, False, True, True)]
        for caller in callers:
            caller.start()
        old = self.gateway.pid
        for _ in range(UPGRADES):
            code, document = self.upgrade_gateway()
            self.assertEqual(code, 0, f"{document}\n{self.told()}")
            self.assertEqual(document["before"], old)
            self.assertEqual(self.wait_for_gateway_end(old), 0, self.told())
            old = document["pid"]
            self.assertEqual(self.gateway_pid(), old)
            self.wait_for_answers(callers, 5)
        self.end_callers(callers)
        for address in self.addresses:
            self.assertIn(address, self.told().rsplit("gateway  http://", 1)[1],
                          "both ports stay")
        self.assertNotIn("not_drained", self.told())
        os.kill(old, signal.SIGTERM)
        self.assertEqual(self.wait_for_gateway_end(old), 0, self.told())
        self.assertFalse((self.folder / "gateway.pid").exists())

    def test_a_service_that_is_upgraded_behind_it_loses_no_request(self):
        """The gateway hears that the old process goes, and is with the new one before its end."""
        self.start_gateway()
        callers = [Requests(self.addresses[0], keep) for keep in (False, True, True)]
        for caller in callers:
            caller.start()
        for _ in range(UPGRADES):
            old = self.pid()
            code, document = self.upgrade()
            self.assertEqual(code, 0, f"{document}\n{self.text()}")
            self.assertEqual(self.wait_for_end(old), 0, self.text())
            self.wait_for_answers(callers, 100)
        self.end_callers(callers)
        self.assertNotIn("to=backoff", self.told())
        self.end(self.pid())

    def test_its_links_are_on_its_admin_page(self):
        self.start_gateway()
        caller = Requests(self.addresses[0], keep=False)
        caller.start()
        wait_until(lambda: caller.answers > 5 or caller.failures, self.told)
        with urllib.request.urlopen(f"http://{self.addresses[1]}/links.json", None,
                                    PATIENCE) as answer:
            page = json.load(answer)
        caller.over.set()
        caller.join(PATIENCE)
        self.assertEqual((page["phase"], page["upgrade"], page["generation"]),
                         ("serving", "none", 1))
        endpoints = [each for core in page["cores"] for each in core["endpoints"]]
        self.assertIn(("math", self.service_address, "ready"),
                      [(each["service"], each["endpoint"], each["state"]) for each in endpoints])
        links = [link for core in page["cores"] for link in core["links"]]
        self.assertTrue(links and all(link["dialled"] and link["state"] == "alive"
                                      for link in links), links)
        self.assertIn("upstream", [each["component"] for each in page["transitions"]])

    def does_not_take_over(self):
        code, document = self.upgrade_gateway()
        self.assertEqual(code, 1)
        self.assertEqual(document["error"]["reason"], "upgrade.ended", document)
        self.assertEqual(self.gateway_pid(), self.gateway.pid)
        caller = Requests(self.addresses[0], keep=False)
        caller.start()
        wait_until(lambda: caller.answers > 5 or caller.failures, self.told)
        self.end_callers([caller])
        with urllib.request.urlopen(f"http://{self.addresses[1]}/readyz", None, PATIENCE) as answer:
            self.assertEqual(answer.status, 200)

    def test_one_that_has_never_served_needs_no_notice(self):
        for mistake, told in (({"admin": taken_address(self)}, "another program listens there"),
                              ({"pid_file": self.folder / TOO_LONG}, "cannot write the pid file")):
            self.write_project(notice="10m", **mistake)

            with open(self.gateway_log, "a", encoding="utf-8") as log:
                first = subprocess.run([PROGRAM, "gateway", "--config", str(self.project)],
                                       stdout=log, stderr=log, timeout=PATIENCE, check=False,
                                       env=ENVIRONMENT)

            self.assertEqual(first.returncode, 1, self.told())
            self.assertIn(told, self.told())

    def end_gateway(self):
        self.gateway.terminate()
        self.assertEqual(self.gateway.wait(PATIENCE), 0, self.told())

    def test_one_that_finds_no_services_does_not_take_over(self):
        self.start_gateway()
        self.write_project(store="file:/no/such/folder/store.db")
        self.does_not_take_over()
        self.end_gateway()

    def test_one_that_listens_and_fails_then(self):
        """It has the old one's sockets, which must not end with it."""
        self.start_gateway()
        self.write_project(admin=taken_address(self))
        self.does_not_take_over()
        self.write_project(pid_file=self.folder / TOO_LONG)
        self.does_not_take_over()
        self.assertIn("cannot write the pid file", self.told())
        self.end_gateway()

    def test_one_that_is_told_to_end_before_it_is_ready(self):
        program = self.folder / "fairlead"
        program.symlink_to(PROGRAM)
        self.start_gateway(program)
        self.put(program_that_has_a_term_to_read(PROGRAM), place=program)
        self.does_not_take_over()
        self.end_gateway()


class Up(UpgradeTest):
    def test_fairlead_up_refuses_and_goes_on(self):
        project = self.folder / "project.yaml"
        project.write_text(f"""gateway:
  listen: 127.0.0.1:0
  routes: [{{prefix: /api, service: math}}]
services: [{{name: math, command: [{self.program}]}}]
""", encoding="utf-8")
        self.process = subprocess.Popen([PROGRAM, "up", "--json", "--config", str(project)],
                                        stdout=subprocess.PIPE, text=True, env=ENVIRONMENT)
        self.addCleanup(self.process.stdout.close)
        self.pids.add(self.process.pid)
        told = json.loads(self.process.stdout.readline())
        copy = told["services"][0]["pids"][0]
        for process in (self.process.pid, copy):
            code, document = self.upgrade(str(process))
            self.assertEqual((code, document["error"]["reason"]), (1, "upgrade.not_possible"),
                             document)
            self.assertIsNone(self.process.poll())
            os.kill(copy, 0)
        self.process.send_signal(signal.SIGINT)
        self.assertEqual(self.process.wait(PATIENCE), 0)


if __name__ == "__main__":
    unittest.main()
