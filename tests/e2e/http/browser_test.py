#!/usr/bin/env python3
"""Debian's Chromium loads a page of the echo server, whose script uses what browsers have.

usage: browser_test.py ECHO_SERVER CHROMIUM
"""
import html
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

PAGE = pathlib.Path(__file__).with_name("browser_page.html")
PATIENCE = 60  # seconds; a browser takes one or two of its own to start


class Browser(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = subprocess.Popen([SERVER, "--page", PAGE], stdin=subprocess.PIPE,
                                      stdout=subprocess.PIPE, text=True)
        url = f"http://{cls.server.stdout.readline().split()[-1]}/page"
        with tempfile.TemporaryDirectory(prefix="fl_browser_") as profile:
            done = subprocess.run(
                [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
                 "--no-proxy-server", "--no-first-run", "--disable-background-networking",
                 f"--user-data-dir={profile}", "--dump-dom", url],
                capture_output=True, text=True, timeout=PATIENCE, check=True)
        found = re.search(r'<pre id="result">(.*?)</pre>', done.stdout, re.DOTALL)
        assert found, done.stdout + done.stderr
        lines = html.unescape(found.group(1)).splitlines()
        cls.outcomes = dict(line.split(": ", 1) for line in lines)

    @classmethod
    def tearDownClass(cls):
        cls.server.stdin.close()
        cls.server.stdout.close()
        assert cls.server.wait(PATIENCE) == 0, "the server drains and ends with 0"

    def test_fetch_sends_bodies_and_reads_errors(self):
        self.assertEqual(self.outcomes["fetches"], "200 true PUT /about?x=1 404 route.unknown")

    def test_a_websocket_agrees_on_deflate_and_closes_cleanly(self):
        extension, right, code, clean = self.outcomes["talks"].rsplit(" ", 3)
        self.assertTrue(extension.startswith("permessage-deflate"), extension)
        self.assertEqual((right, code, clean), ("4", "4000", "true"))

    def test_an_event_source_gets_every_event(self):
        self.assertEqual(self.outcomes["listens"], "1:event 1 2:event 2 3:event 3")


if __name__ == "__main__":
    CHROMIUM = sys.argv.pop()
    SERVER = sys.argv.pop()
    unittest.main(verbosity=2)
