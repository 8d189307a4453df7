"""A chat of its own for each test, and those who talk there from a terminal."""
import os
import pathlib
import queue
import re
import shutil
import signal
import subprocess
import tempfile
import threading
import time
import unittest

SERVER = os.environ["FL_CHAT_SERVER"]
CLIENT = os.environ["FL_CHAT_CLIENT"]
PATIENCE = 30  # seconds until something that must happen counts as not happening
ADMIN_WORD = "sesame"
ENVIRONMENT = {name: value for name, value in os.environ.items()
               if not name.startswith("FAIRLEAD_") and name != "CHAT_ADMIN_WORD"}


class Terminal:
    """One chat_client. What it prints is read by a thread; wait_for() goes through it."""

    def __init__(self, folder, name, address, admin_word=""):
        environment = {**ENVIRONMENT, "CHAT_ADMIN_WORD": admin_word}
        self.process = subprocess.Popen([CLIENT, name, address], stdin=subprocess.PIPE, cwd=folder,
                                        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                        env=environment, encoding="utf-8")
        self.printed = queue.Queue()
        self.seen = []
        self.reader = threading.Thread(target=self.read)
        self.reader.start()

    def read(self):
        for line in self.process.stdout:
            self.printed.put(re.sub(r"^\d\d:\d\d ", "", line.rstrip("\n")))
        self.printed.put(None)

    def wait_for(self, wanted):
        """Reads on until this line comes."""
        end = time.monotonic() + PATIENCE
        while not self.seen or self.seen[-1] != wanted:
            try:
                line = self.printed.get(timeout=max(0, end - time.monotonic()))
            except queue.Empty:
                line = None
            if line is None:
                raise AssertionError(f"'{wanted}' did not come; there was {self.seen}")
            self.seen.append(line)

    def type(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def end(self):
        """Ends the input, and gives the exit code."""
        try:
            self.process.stdin.close()
        except BrokenPipeError:
            pass  # it has ended before
        code = self.process.wait(PATIENCE)
        self.reader.join()
        self.process.stdout.close()
        return code


class ChatTest(unittest.TestCase):
    """Each test has a server of its own; it ends with 0, drained, unless a test says more."""

    expected_end = 0
    settings = "listen: ['tcp://127.0.0.1:0']"

    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="fl_chat_"))
        self.addCleanup(shutil.rmtree, self.folder)
        (self.folder / "chat.yaml").write_text(self.settings, encoding="utf-8")
        self.log = self.folder / "log"
        with open(self.log, "w", encoding="utf-8") as log:
            self.server = subprocess.Popen([SERVER, "--cores", "2"], stdout=subprocess.PIPE,
                                           stderr=log, text=True, cwd=self.folder,
                                           env={**ENVIRONMENT, "CHAT_ADMIN_WORD": ADMIN_WORD})
        self.addCleanup(self.end_server)
        told = self.server.stdout.readline()
        self.address = re.fullmatch(r"the chat is open: http://(.*)/\n", told).group(1)

    def end_server(self):
        if self.server.poll() is None:
            self.server.send_signal(signal.SIGTERM)
        self.server.stdout.close()
        code = self.server.wait(PATIENCE)
        self.assertEqual(code, self.expected_end, self.log.read_text(encoding="utf-8"))

    def enter(self, name, admin_word=""):
        """A terminal that has entered."""
        terminal = Terminal(self.folder, name, self.address, admin_word)
        self.addCleanup(terminal.end)
        line = terminal.printed.get(timeout=PATIENCE)
        while not (line or "* here are:").startswith("* here are:"):
            terminal.seen.append(line)
            line = terminal.printed.get(timeout=PATIENCE)
        self.assertIsNotNone(line, terminal.seen)
        self.assertIn(f" {name}", line)
        terminal.seen.append(line)
        return terminal

    def refused(self, name, admin_word=""):
        """What a terminal prints that cannot enter."""
        terminal = Terminal(self.folder, name, self.address, admin_word)
        self.assertEqual(terminal.end(), 1)
        return terminal.printed.get()
