"""A server is killed and started again under load: its callers' links come back as the same."""

import json
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import unittest

from processes import free_port

SERVICE, CLIENT = sys.argv[1:3]
PATIENCE = 60  # seconds until something that must happen counts as not happening
LINKS = 10


class RedialTest(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="fl_redial_"))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.port = free_port()
        self.processes = []
        self.addCleanup(self.kill_all)
        self.lines = []
        self.told = threading.Condition()

    def kill_all(self):
        for process in self.processes:
            process.kill()
            process.wait()

    def run_program(self, *command, **options):
        with open(self.folder / "log", "a", encoding="utf-8") as log:
            process = subprocess.Popen(command, cwd=self.folder, stderr=log, **options)
        self.processes.append(process)
        return process

    def start_server(self):
        server = self.run_program(SERVICE, "--listen", f"tcp://127.0.0.1:{self.port}", "--cores",
                                  "1", "--store", f"file:{self.folder}/store.db",
                                  stdout=subprocess.DEVNULL)
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return server
            except OSError:
                time.sleep(0.02)
        raise AssertionError("the server does not listen: " + self.log())

    def log(self):
        return (self.folder / "log").read_text(encoding="utf-8")[-4000:]

    def start_client(self):
        client = self.run_program(CLIENT, f"127.0.0.1:{self.port}", stdout=subprocess.PIPE,
                                  text=True)

        def read():
            for line in client.stdout:
                with self.told:
                    self.lines.append(line)
                    self.told.notify_all()

        reader = threading.Thread(target=read, daemon=True)
        reader.start()
        return client, reader

    def wait_for_open(self, count):
        wanted = json.dumps({"open": count}, separators=(",", ":"))
        with self.told:
            done = self.told.wait_for(
                lambda: self.lines and self.lines[-1].strip() == wanted, PATIENCE)
            self.assertTrue(done, f"{self.lines[-3:]} instead of {wanted}\n{self.log()}")

    def test_a_server_that_is_killed_again_and_again(self):
        server = self.start_server()
        client, reader = self.start_client()
        self.wait_for_open(LINKS)

        for _ in range(3):
            time.sleep(0.3)  # under load
            server.send_signal(signal.SIGKILL)
            server.wait()
            self.wait_for_open(0)
            server = self.start_server()
            self.wait_for_open(LINKS)
        time.sleep(0.3)
        client.send_signal(signal.SIGTERM)
        self.assertEqual(client.wait(PATIENCE), 0, self.log())
        reader.join(PATIENCE)

        end = json.loads(self.lines[-1])
        self.assertEqual(end["same"], LINKS, end)
        self.assertEqual(end["closed"], 0, end)
        self.assertEqual(end["begun"], end["ok"] + end["not_sent"] + end["unknown"], end)
        self.assertEqual(end["other"], 0, end)
        self.assertGreater(end["ok"], 100, end)
        self.assertGreater(end["not_sent"] + end["unknown"], 0, end)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
