"""What tests of running processes share. CMake puts this folder on their PYTHONPATH."""

import socket
import subprocess
import time

PATIENCE = 60  # seconds until something that must happen counts as not happening


def wait_until(condition, what, patience=PATIENCE):
    """Asks until the answer is neither false nor empty, and gives it. `what` must happen: a text,
    or a function that gives one, such as a log."""
    end = time.monotonic() + patience
    while True:
        answer = condition()
        if answer:
            return answer
        if time.monotonic() > end:
            told = what() if callable(what) else what
            raise AssertionError(f"did not happen within {patience} s: {told}")
        time.sleep(0.02)


def free_port():
    """One that nobody listens at now, and somebody else may the next moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def make_certificate(folder):
    """Writes server.key and server.pem, signed by itself, for localhost and 127.0.0.1."""
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ed25519", "-nodes", "-subj",
                    "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1",
                    "-days", "30", "-keyout", folder / "server.key", "-out",
                    folder / "server.pem"], check=True, capture_output=True, timeout=PATIENCE)
