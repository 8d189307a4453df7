#!/usr/bin/env python3
"""Our streaming HTTP client with a server that nobody here wrote: Node's http.

usage: stream_peers_test.py CLIENT NODE
"""
import pathlib
import subprocess
import sys
import unittest

SCRIPT = pathlib.Path(__file__).with_name("stream_node.js")


class StreamPeers(unittest.TestCase):
    def test_our_client_streams_to_and_from_node(self):
        node = subprocess.Popen([NODE, SCRIPT], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                text=True)
        try:
            port = node.stdout.readline().strip()
            subprocess.run([CLIENT, f"127.0.0.1:{port}"], check=True, timeout=30)
        finally:
            node.stdin.close()
            node.wait(10)
            node.stdout.close()


if __name__ == "__main__":
    NODE = sys.argv.pop()
    CLIENT = sys.argv.pop()
    unittest.main()
