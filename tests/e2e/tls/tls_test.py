#!/usr/bin/env python3
"""A service over TLS: settings from a file, its callers, openssl, strangers, new certificates."""
import json
import os
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import time
import unittest
import urllib.request
from pathlib import Path

PROGRAM, SERVER = sys.argv.pop(1), sys.argv.pop(1)
PATIENCE = 30  # seconds until something that must happen counts as not happening
ENVIRONMENT = {k: v for k, v in os.environ.items() if not k.startswith("FAIRLEAD_")}


def openssl(*words, given=None):
    return subprocess.run(["openssl", *words], input=given, capture_output=True, check=True,
                          timeout=PATIENCE)


class Authority:
    """Signs certificates for the time of a test."""

    def __init__(self, folder, name):
        self.folder, self.name = folder, name
        self.certificate, self.key = folder / f"{name}.pem", folder / f"{name}.key"
        openssl("req", "-x509", "-newkey", "ed25519", "-nodes", "-subj", f"/CN={name}",
                "-days", "30", "-keyout", self.key, "-out", self.certificate)

    def issue(self, name, subject, days=30):
        """NAME.pem and NAME.key; they replace older ones in one step each."""
        key, request = self.folder / "new.key", self.folder / "new.csr"
        certificate, extensions = self.folder / "new.pem", self.folder / "new.cnf"
        extensions.write_text("subjectAltName=DNS:localhost,IP:127.0.0.1,IP:::1\n")
        openssl("req", "-newkey", "ed25519", "-nodes", "-subj", f"/CN={subject}",
                "-keyout", key, "-out", request)
        openssl("x509", "-req", "-in", request, "-CA", self.certificate, "-CAkey", self.key,
                "-CAcreateserial", "-days", str(days), "-extfile", extensions,
                "-out", certificate)
        key.chmod(0o600)
        key.rename(self.folder / f"{name}.key")
        certificate.rename(self.folder / f"{name}.pem")
        return self.folder / f"{name}.pem", self.folder / f"{name}.key"


class Service:
    """The service of the demo, and what it logs."""

    def __init__(self, folder, config):
        (folder / "math.yaml").write_text(config, encoding="utf-8")
        self.log_file = folder / "log"
        with open(self.log_file, "w", encoding="utf-8") as log:
            self.process = subprocess.Popen([SERVER, "--log-form", "json"], stderr=log,
                                            cwd=folder, env=ENVIRONMENT)
        self.addresses = {}
        self.wait_for_log("service.registered")
        for record in self.records():
            if record["event"] == "service.listening":
                self.addresses[record["protocols"]] = record["address"]
            if record["event"] == "service.admin":
                self.admin = record["address"]

    def records(self):
        lines = self.log_file.read_text(encoding="utf-8").splitlines()
        return [json.loads(line) for line in lines if line.endswith("}")]

    def wait_for_log(self, event, **fields):
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            for record in self.records():
                if record["event"] == event and fields.items() <= record.items():
                    return record
            if self.process.poll() is not None:
                break
            time.sleep(0.02)
        raise AssertionError(f"no {event} {fields} in\n" + self.log_file.read_text())

    def metric(self, name):
        with urllib.request.urlopen(f"http://{self.admin}/metrics", timeout=PATIENCE) as answer:
            for line in answer.read().decode().splitlines():
                if line.split("{")[0].split(" ")[0] == name:
                    return float(line.split()[-1])
        return None

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(PATIENCE)


class Tls(unittest.TestCase):
    def setUp(self):
        self.folder = Path(tempfile.mkdtemp(prefix="fl_tls_"))
        self.addCleanup(shutil.rmtree, self.folder)
        self.root = Authority(self.folder, "root")
        self.stranger = Authority(self.folder, "stranger")
        self.root.issue("server", "first")
        self.own = self.root.issue("caller", "caller")
        self.store = f"file:{self.folder}/store.db"
        self.service = Service(self.folder, f"""
listen:
  - {{address: 'tls://127.0.0.1:0', protocol: json}}
  - {{address: 'tcp6://[::1]:0', protocol: pb}}
  - unix:{self.folder}/plain.sock
store: {self.store}
admin: 127.0.0.1:0
cores: 2
tls:
  certificates: [{{certificate_file: server.pem, key_file: server.key}}]
  ca_file: root.pem
  client_certificate: required
""")
        self.addCleanup(self.end)
        self.address = self.service.addresses["json"]

    def end(self):
        self.assertEqual(self.service.stop(), 0)

    def host_and_port(self):
        host, port = self.address.removeprefix("tls://").rsplit(":", 1)
        return host, int(port)

    def call(self, target, *options):
        done = subprocess.run(
            [PROGRAM, "call", target, "/math/divide", '{"a":10,"b":4}', "--json",
             "--timeout", f"{PATIENCE}s", *map(str, options)],
            capture_output=True, text=True, timeout=PATIENCE, check=False, env=ENVIRONMENT)
        return json.loads(done.stdout)

    def trusting(self, *more):
        return ["--tls-ca", self.root.certificate, *more]

    def showing(self, pair=None):
        certificate, key = pair or self.own
        return self.trusting("--tls-certificate", certificate, "--tls-key", key)

    def assert_answered(self, reply):
        self.assertTrue(reply["ok"], reply)
        self.assertEqual(reply["body"]["quotient"], 2.5)

    def assert_refused(self, reply, reason):
        self.assertFalse(reply["ok"], reply)
        self.assertIn(reason, reply["error"]["cause"])

    # ---- callers

    def test_a_caller_follows_what_the_registry_says(self):
        self.assert_answered(self.call("math", "--store", self.store, *self.showing()))

    def test_a_caller_is_told_how_an_address_is_spoken_to(self):
        self.assert_answered(self.call(self.address, "--protocol", "json", *self.showing()))
        plain = self.address.removeprefix("tls://")
        self.assert_answered(self.call(plain, "--protocol", "json", *self.showing()))

    def test_ipv6_and_unix_sockets_are_served_beside_it(self):
        self.assert_answered(self.call(self.service.addresses["pb"], "--protocol", "pb"))
        self.assert_answered(self.call(f"unix:{self.folder}/plain.sock"))

    def test_a_caller_without_a_certificate_is_refused(self):
        self.assert_refused(self.call(self.address, *self.trusting()), "tls.rejected")
        self.service.wait_for_log("service.tls_failed", reason="tls.no_certificate")

    def test_a_caller_with_a_certificate_of_a_stranger_is_refused(self):
        pair = self.stranger.issue("foreign", "caller")
        self.assert_refused(self.call(self.address, *self.showing(pair)), "tls.rejected")
        self.service.wait_for_log("service.tls_failed", reason="tls.bad_certificate")

    def test_a_caller_tells_why_it_does_not_trust(self):
        wrong = ["--tls-ca", self.stranger.certificate]
        self.assert_refused(self.call(self.address, *wrong), "[tls.bad_certificate]")
        name = self.trusting("--tls-name", "shop")
        self.assert_refused(self.call(self.address, *name), "[tls.name_mismatch]")

    def test_tls_to_a_plain_port_gets_a_hint(self):
        plain = f"tls+unix:{self.folder}/plain.sock"
        self.assert_refused(self.call(plain, *self.trusting()), "perhaps it speaks none there")

    # ---- others

    def test_openssl_meets_the_certificate(self):
        host, port = self.host_and_port()
        certificate, key = self.own
        for version in ("-tls1_2", "-tls1_3"):
            done = openssl("s_client", "-connect", f"{host}:{port}", version, "-CAfile",
                           self.root.certificate, "-cert", certificate, "-key", key,
                           "-verify_return_error", "-verify_ip", host, given=b"")
            self.assertIn(b"Verify return code: 0 (ok)", done.stdout)

    def test_garbage_ends_its_connection_and_no_other(self):
        for garbage in (b"GET / HTTP/1.1\r\n\r\n", b"\x00\x00\x00\x09garbage", b"\x16\x03\x01\x00"):
            with socket.create_connection(self.host_and_port(), timeout=PATIENCE) as stranger:
                stranger.sendall(garbage)
                stranger.shutdown(socket.SHUT_WR)
                while stranger.recv(4096):
                    pass
        self.service.wait_for_log("service.tls_failed", reason="tls.not_tls")
        self.service.wait_for_log("service.tls_failed", reason="tls.handshake_cut")
        self.assert_answered(self.call("math", "--store", self.store, *self.showing()))

    # ---- new certificates

    def connect(self):
        context = ssl.create_default_context(cafile=self.root.certificate)
        context.load_cert_chain(*self.own)
        host, port = self.host_and_port()
        stream = context.wrap_socket(socket.create_connection((host, port), timeout=PATIENCE),
                                     server_hostname=host)
        self.addCleanup(stream.close)
        return stream

    def subject(self):
        return dict(pair[0] for pair in self.connect().getpeercert()["subject"])["commonName"]

    def test_a_new_certificate_is_shown_to_new_connections_only(self):
        old = self.connect()
        self.assertEqual(self.subject(), "first")
        before = self.service.metric("fairlead_tls_certificate_expires_seconds")
        self.root.issue("server", "second", days=60)
        self.service.process.send_signal(signal.SIGHUP)
        self.service.wait_for_log("tls.reloaded")

        self.assertEqual(self.subject(), "second")
        old.settimeout(0.2)
        with self.assertRaises(TimeoutError):  # neither closed nor told anything
            old.recv(1)
        after = self.service.metric("fairlead_tls_certificate_expires_seconds")
        self.assertGreater(after, before)

    def test_a_bad_certificate_changes_nothing(self):
        (self.folder / "server.pem").write_text("no certificate", encoding="utf-8")
        self.service.process.send_signal(signal.SIGHUP)
        self.service.wait_for_log("tls.not_reloaded", reason="tls.bad_file")
        self.assertEqual(self.subject(), "first")


class Start(unittest.TestCase):
    """What is told when the settings are wrong."""

    def test_mistakes_end_the_program_with_a_line(self):
        with tempfile.TemporaryDirectory(prefix="fl_tls_") as name:
            root = Authority(Path(name), "root")
            certificate, _ = root.issue("server", "server")
            for words, told in (
                    (["--listen", "tls://127.0.0.1:0"], "--tls-certificate FILE"),
                    (["--protocol", "jsom"], "did you mean 'json'?"),
                    (["--tls-certificate", certificate], "belong together"),
                    (["--tls-certificate", certificate, "--tls-key", root.key],
                     "the key belongs to another certificate"),
                    (["--set", "clients.default.tls.ca_file=/no/such.pem"],
                     "key 'clients.default.tls.ca_file': /no/such.pem")):
                done = subprocess.run([SERVER, "--store", "memory:", *map(str, words)],
                                      capture_output=True, text=True, timeout=PATIENCE,
                                      check=False, cwd=name, env=ENVIRONMENT)
                self.assertEqual(done.returncode, 1, done.stderr)
                self.assertIn(told, done.stderr)


if __name__ == "__main__":
    unittest.main(verbosity=2)
