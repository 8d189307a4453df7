#!/usr/bin/env python3
"""Two teleport peers of ours against each other over one protocol: every service, every setting.

    teleport_test.py PROGRAM PROTOCOL
"""
import signal
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

PROGRAM, PROTOCOL = sys.argv.pop(1), sys.argv.pop(1)
PATIENCE = 60  # seconds until something that must happen counts as not happening
KEY = "0123456789abcdef0123456789abcdef"


class Server:
    """A server for the length of a `with`; it must end with 0 when its input does, or on TERM."""

    def __init__(self, *flags, listen="127.0.0.1:0", until_eof=True):
        self.until_eof = until_eof
        self.process = subprocess.Popen(
            [PROGRAM, "server", "--listen", listen, "--proto", PROTOCOL, *flags,
             *(["--until-eof"] if until_eof else [])],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def __enter__(self):
        self.address = self.process.stdout.readline().removeprefix("listening ").strip()
        return self

    def __exit__(self, *_):
        if self.until_eof:
            self.process.stdin.close()
        else:
            self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(PATIENCE)
        self.process.stdin.close()
        self.process.stdout.close()
        if code != 0:
            raise AssertionError(f"the server ended with {code}")


def client(address, *flags):
    return subprocess.run(
        [PROGRAM, "client", "--addr", address, "--proto", PROTOCOL, "--timeout", "20s", *flags],
        capture_output=True, text=True, timeout=PATIENCE, check=False)


class Peers(unittest.TestCase):
    """What every protocol carries."""

    least_checks = 9  # that a client passes, so that none can vanish unseen

    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="fl_teleport_")
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def check(self, *flags, client_flags=(), listen="127.0.0.1:0", least=None):
        with Server(*flags, listen=listen) as server:
            done = client(server.address, *flags, *client_flags)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        lines = done.stdout.splitlines()
        passed = [line for line in lines if line.startswith("PASS ")]
        self.assertEqual(lines[-1], f"{len(passed)} passed, 0 failed")
        self.assertGreaterEqual(len(passed), self.least_checks if least is None else least)

    def test_every_service(self):
        self.check()

    def test_names_in_rpc_style(self):
        self.check("--mapper", "rpc")

    def test_over_a_unix_socket(self):
        self.check("--network", "unix", listen=str(self.folder / "peer.sock"))

    def test_over_tls_with_certificates_on_both_sides(self):
        certificate, key = self.folder / "peer.pem", self.folder / "peer.key"
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ed25519", "-nodes", "-subj", "/CN=peer",
             "-addext", "subjectAltName=IP:127.0.0.1", "-days", "30", "-keyout", str(key),
             "-out", str(certificate)], capture_output=True, check=True, timeout=PATIENCE)
        self.check("--network", "tls", "--tls-cert", str(certificate), "--tls-key", str(key),
                   "--tls-ca", str(certificate))


class PeersWithSettings(Peers):
    """What protocols carry that know transforms, metadata and status."""

    least_checks = 110

    def test_transforms_of_every_call(self):
        self.check(client_flags=("--filters", "gm"))

    def test_secure_bodies_of_erpc(self):
        self.check("--secure", KEY[:16], client_flags=("--only", "dial,secure"), least=11)

    def test_secure_bodies_by_aes_gcm(self):
        self.check("--secure", KEY, client_flags=("--secure-form", "aes-gcm"))

    def test_methods_that_nobody_serves(self):
        self.check("--unknown")


class PeersWithLogin(PeersWithSettings):
    """What protocols carry that have AUTH messages."""

    def test_login(self):
        self.check("--auth", "a token")


class RawPeers(PeersWithLogin):
    """What is the same in every protocol, and is shown with one."""

    def test_over_each_internet_protocol(self):
        self.check("--network", "tcp4", client_flags=("--only", "bytes"), least=12)
        self.check("--network", "tcp6", listen="[::1]:0", client_flags=("--only", "bytes"),
                   least=12)

    def test_heartbeats(self):
        self.check("--heartbeat", "3", client_flags=("--only", "dial,heartbeat"), least=4)

    def test_a_codec_by_itself(self):
        with Server() as server:
            done = client(server.address, "--codec", "json", "--only", "obj/", "--skip", "limits")
        self.assertEqual(done.stdout.splitlines(),
                         ["PASS obj/json", "PASS obj/json/zero", "PASS obj/json/special",
                          "PASS obj/json/quotes", "4 passed, 0 failed"])

    def test_checks_fail_where_the_server_differs(self):
        with Server() as server:
            unknown = client(server.address, "--unknown", "--only", "unknown/")
            sealed = client(server.address, "--secure", KEY, "--only", "secure/sealed")
        self.assertEqual(unknown.returncode, 1, unknown.stdout)
        self.assertIn("FAIL unknown/codec_p: ", unknown.stdout)
        self.assertTrue(unknown.stdout.endswith("0 passed, 2 failed\n"), unknown.stdout)
        self.assertEqual(sealed.returncode, 1, sealed.stdout)

    def test_nobody_listens(self):
        done = client("127.0.0.1:1")
        self.assertEqual(done.returncode, 1)
        self.assertTrue(done.stdout.startswith("FAIL dial: "), done.stdout)
        self.assertTrue(done.stdout.endswith("0 passed, 1 failed\n"), done.stdout)

    def test_the_server_drains_on_term(self):
        with Server(until_eof=False) as server:
            done = client(server.address, "--only", "slow")
        self.assertEqual(done.returncode, 0, done.stdout)

    def test_wrong_flags(self):
        for words in (["nobody"], ["server", "--bogus", "1"], ["client", "--proto", "smoke"],
                      ["client", "--heartbeat", "2"], ["server", "--network", "tls"],
                      ["server", "--filters", "gm"], ["client", "--timeout"],
                      ["client", "--secure", KEY[:16], "--secure-form", "aes-gcm"],
                      ["server", "--secure", "short"]):
            done = subprocess.run([PROGRAM, *words], capture_output=True, text=True,
                                  timeout=PATIENCE, check=False)
            self.assertEqual(done.returncode, 2, words)
            self.assertTrue(done.stderr.startswith("teleport_peer: "), done.stderr)


CASES = {"raw": RawPeers, "json": PeersWithLogin, "pb": PeersWithLogin,
         "thrift-binary": PeersWithSettings, "thrift-struct": Peers}

if __name__ == "__main__":
    tests = unittest.defaultTestLoader.loadTestsFromTestCase(CASES[PROTOCOL])
    result = unittest.TextTestRunner(verbosity=2).run(tests)
    sys.exit(0 if result.wasSuccessful() else 1)
