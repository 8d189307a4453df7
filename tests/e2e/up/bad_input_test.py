"""Wrong configuration, taken ports, garbage on the wire: named with place and remedy, harmless."""

import json
import os
import socket
import struct
import subprocess
import tempfile
import unittest

from testbed import PATIENCE, SERVICE, TestCase, clean_environment, run

GOOD = """gateway:
  listen: 127.0.0.1:0
  store: memory:x
  routes: [{prefix: /api, service: math}]
"""


class Configuration(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory(prefix="fl-e2e-")
        self.addCleanup(self.folder.cleanup)

    def gateway(self, text, *words):
        path = os.path.join(self.folder.name, "gateway.yaml")
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return run("gateway", "--config", path, *words)

    def assert_refused(self, done, *parts, code=2):
        self.assertEqual(done.returncode, code, done.stderr)
        self.assertEqual(done.stdout, "")
        for part in parts:
            self.assertIn(part, done.stderr)

    def test_a_good_file_passes_the_check(self):
        done = self.gateway(GOOD, "--check")

        self.assertEqual((done.returncode, done.stderr), (0, ""))

    def test_an_unknown_key_is_named_with_its_place_and_the_nearest(self):
        self.assert_refused(self.gateway(GOOD + "  timeuot: 1s\n", "--check"),
                            "gateway.yaml:5:3", "'timeuot'", "'timeout'", "config.unknown_key")

    def test_a_wrong_type_says_what_is_wanted(self):
        self.assert_refused(self.gateway(GOOD + "  timeout: soon\n", "--check"),
                            "gateway.yaml:5:12", "gateway.timeout", "soon", "config.wrong_type")

    def test_a_value_without_sense_is_told_as_an_unknown_key_is(self):
        for right, wrong, key in (("127.0.0.1:0", "nowhere", "listen"), ("/api", "api", "prefix")):
            done = self.gateway(GOOD.replace(right, wrong), "--check")
            self.assert_refused(done, "gateway.yaml:", key)
            self.assertNotIn("(400)", done.stderr)
            document = json.loads(self.gateway(GOOD.replace(right, wrong), "--json").stdout)
            self.assertEqual(document["exit_code"], 2)

    def test_all_mistakes_are_told_at_once(self):
        self.assert_refused(self.gateway(GOOD + "  timeout: soon\n  body_max: 1TiB\n", "--check"),
                            "gateway.yaml:5:12", "gateway.yaml:6:13")

    def test_a_missing_file_is_named(self):
        self.assert_refused(run("gateway", "--config", "/nowhere/a.yaml"), "/nowhere/a.yaml",
                            "config.missing_file")
        self.assert_refused(run("up", "--config", "/nowhere/a.yaml"), "/nowhere/a.yaml")

    def test_a_flag_that_does_not_fit_is_named(self):
        self.assert_refused(self.gateway(GOOD, "--check", "--set", "gateway.timeout=soon"),
                            "--set", "gateway.timeout")

    def test_a_word_that_is_no_level_is_told_by_the_check_too(self):
        for words in (("--check",), ()):
            self.assert_refused(self.gateway(GOOD, *words, "--log-level", "loud"), "--log-level",
                                "'loud'", "debug, info")

    def test_a_gateway_without_a_store_says_what_to_add(self):
        self.assert_refused(self.gateway(GOOD.replace("  store: memory:x\n", "")), "store")

    def test_the_check_finds_what_the_start_refuses(self):
        for key, value, part in (
                ("admin", "0.0.0.0:1", "can be reached from other machines"),
                ("admin", "nowhere", "'nowhere'"),
                ("store", "etcd://x", "is no store"),
                ("store", "file:/nonexistent/x.db", "its folder does not exist"),
                ("pid_file", "/nonexistent/gateway.pid", "/nonexistent/gateway.pid")):
            for words in (("--check",), ()):
                done = self.gateway(GOOD, *words, "--set", f"gateway.{key}={value}")
                self.assert_refused(done, f"flag --set gateway.{key}: key 'gateway.{key}'", part)
                self.assertNotIn("(400)", done.stderr)
        self.assert_refused(self.gateway(GOOD.replace("memory:x", "file:/nonexistent/x.db")),
                            "gateway.yaml:3:10")
        self.assert_refused(self.gateway(
            GOOD.replace("  store: memory:x\n", "") + "store: etcd://x\n", "--check"),
                            "gateway.yaml:4:8: key 'store'")

    def test_a_port_in_use_is_named_with_what_to_do(self):
        with socket.create_server(("127.0.0.1", 0)) as taken:
            address = f"127.0.0.1:{taken.getsockname()[1]}"
            words = ("--set", f"gateway.listen={address}")
            self.assert_refused(self.gateway(GOOD, *words), address, "listen.in_use", code=1)
            document = json.loads(self.gateway(GOOD, *words, "--json").stdout)

        self.assertEqual(document["exit_code"], 1)
        self.assertEqual(document["error"]["reason"], "listen.in_use")

    def test_a_service_that_cannot_be_started_is_named(self):
        up = GOOD.replace("  store: memory:x\n", "")
        path = os.path.join(self.folder.name, "up.yaml")
        for command, part in (("./no-such-program", "no-such-program"), ("'false'", "exit code 1")):
            with open(path, "w", encoding="utf-8") as file:
                file.write(up + f"services: [{{name: math, command: [{command}]}}]\n")
            self.assert_refused(run("up", "--config", path), part, code=1)

    def test_a_service_says_the_same_of_its_own_port(self):
        with socket.create_server(("127.0.0.1", 0)) as taken:
            address = f"127.0.0.1:{taken.getsockname()[1]}"
            done = subprocess.run([SERVICE, "--store", "memory:", "--listen", address],
                                  capture_output=True, text=True, timeout=PATIENCE,
                                  env=clean_environment(), check=False)

        self.assertEqual(done.returncode, 1)
        self.assertIn(address, done.stderr)


class Wire(TestCase):
    @classmethod
    def setUpClass(cls):
        cls.start_project(copies=1)

    def send(self, data):
        """Sends bytes to the service itself; gives all that it says until it closes."""
        host, port = self.project.addresses[0].rsplit(":", 1)
        said = b""
        with socket.create_connection((host, int(port)), timeout=PATIENCE) as connection:
            connection.sendall(data)
            try:
                while more := connection.recv(65536):
                    said += more
            except ConnectionResetError:
                pass
        return said

    def assert_unharmed(self):
        self.assertEqual(self.project.who(), self.project.pids[0])

    def test_garbage_closes_its_own_connection_only(self):
        before = self.project.who()  # the gateway's connection is open now
        for garbage in (b"GET / HTTP/1.1\r\n\r\n", b"\xff" * 64, b"\0" * 64,
                        struct.pack(">I", 40) + b"\xff" * 60):
            self.send(garbage)
            self.assertEqual(self.project.who(), before)

    def test_a_frame_that_claims_2_gib_closes_its_own_connection_only(self):
        with open(f"/proc/{self.project.pids[0]}/statm", encoding="ascii") as statm:
            pages = int(statm.read().split()[1])
        for size in (0x7FFFFFFF, 0x80000000, 0xFFFFFFFF):
            self.send(struct.pack(">I", size) + b"x" * 1024)
            self.assert_unharmed()
        with open(f"/proc/{self.project.pids[0]}/statm", encoding="ascii") as statm:
            grown = (int(statm.read().split()[1]) - pages) * os.sysconf("SC_PAGESIZE")
        self.assertLess(grown, 64 << 20, "nothing may be kept ready for what was only claimed")

    def test_garbage_for_the_gateway_is_refused_and_closed(self):
        host, port = self.project.gateway.rsplit(":", 1)
        with socket.create_connection((host, int(port)), timeout=PATIENCE) as connection:
            connection.sendall(b"\x16\x03\x01\x02\x00garbage\r\n\r\n")
            said = connection.recv(65536)
        self.assertTrue(said.startswith(b"HTTP/1.1 400 "), said)
        self.assert_unharmed()


if __name__ == "__main__":
    unittest.main()
