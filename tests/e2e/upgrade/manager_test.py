"""The service manager: told of every step, and the sockets that it gives."""

import os
import shutil
import signal
import socket
import subprocess
import unittest

from testbed import ENVIRONMENT, Manager, UpgradeTest, wait_until


class Told(UpgradeTest):
    def setUp(self):
        super().setUp()
        self.manager = Manager(self.folder)
        self.addCleanup(self.manager.close)

    def begin(self):
        self.configure()
        pid = self.start(environment={"NOTIFY_SOCKET": self.manager.path})
        self.assertEqual(self.manager.hear(), ["READY=1"])
        return pid

    def test_of_the_new_process(self):
        pid = self.begin()

        code, document = self.upgrade()

        self.assertEqual(code, 0, document)
        self.assertEqual(self.manager.hear()[0], "RELOADING=1")
        new = document["pid"]
        self.assertEqual(self.manager.hear(),
                         [f"MAINPID={new}", "READY=1",
                          f"STATUS=upgraded: process {new} has taken over from process {pid}"])
        self.assertEqual(self.wait_for_end(pid), 0)
        self.assertFalse(self.manager.has_heard(), "the old one said nothing more")
        self.end(new)
        self.assertEqual(self.manager.hear(), ["STOPPING=1"])

    def test_that_it_failed(self):
        pid = self.begin()
        self.put("#!/bin/sh\nexit 1\n")

        self.upgrade()

        self.assertEqual(self.manager.hear()[0], "RELOADING=1")
        self.assertEqual(self.manager.hear(), ["READY=1", "STATUS=not upgraded: upgrade.ended"])
        self.end(pid)
        self.assertEqual(self.manager.hear(), ["STOPPING=1"])


class Activated(UpgradeTest):
    """As systemd starts a service at its first connection, by the tool that comes with it."""

    def test_sockets_are_taken_and_stay(self):
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        self.configure(listen=[f"tcp://127.0.0.1:{port}", f"unix://{self.socket}"])
        activate = shutil.which("systemd-socket-activate")
        with open(self.log, "a", encoding="utf-8") as log:
            self.process = subprocess.Popen(
                [activate, f"--listen=127.0.0.1:{port}", f"--listen={self.socket}",
                 str(self.program)], stderr=log, cwd=self.folder, env=ENVIRONMENT)
        self.pids.add(self.process.pid)
        wait_until(self.socket.exists, self.text)
        self.assertEqual(self.events("service.listening"), [], "nobody has asked yet")

        pid = self.who(f"127.0.0.1:{port}")  # it waits in the socket until the service is there
        self.assertEqual(self.who(f"unix:{self.socket}"), pid)
        code, document = self.upgrade()
        self.assertEqual(code, 0, document)
        self.assertEqual(self.wait_for_end(pid), 0)
        self.assertEqual(self.who(f"unix:{self.socket}"), document["pid"])
        self.end(document["pid"])

        self.assertTrue(self.socket.exists(), "the file is the manager's")

    def test_sockets_that_nobody_names_are_told(self):
        self.configure(listen=[f"unix://{self.socket}"])
        listening = socket.create_server(("127.0.0.1", 0))

        fd = listening.fileno()
        code = ("import os, sys; os.dup2(int(sys.argv[1]), 3); "
                "os.environ['LISTEN_PID'] = str(os.getpid()); os.execv(sys.argv[2], sys.argv[2:])")
        pid = self.start("/usr/bin/python3", "-c", code, str(fd), pass_fds=[fd],
                         environment={"LISTEN_FDS": "1"})

        dropped = self.wait_for_event("service.socket_dropped")
        self.assertEqual(dropped["address"], f"127.0.0.1:{listening.getsockname()[1]}")
        listening.close()
        self.end(pid)


class Signals(UpgradeTest):
    def test_by_hand(self):
        """kill -USR2, with nobody who waits for the outcome."""
        self.configure()
        pid = self.start()

        os.kill(pid, signal.SIGUSR2)

        self.assertEqual(self.wait_for_end(pid), 0)
        new = self.wait_for_event("service.upgraded")["process"]
        self.pids.add(new)
        wait_until(lambda: self.pid() == new, self.text)
        self.assertEqual(self.who(self.addresses()[0]), new)
        self.end(new)


if __name__ == "__main__":
    unittest.main()
