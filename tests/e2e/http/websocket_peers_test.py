#!/usr/bin/env python3
"""Our WebSocket server and client with peers that nobody here wrote: Node's ws and Python's
websockets, both as Debian has them.

usage: websocket_peers_test.py ECHO_SERVER CLIENT NODE
"""
import asyncio
import os
import pathlib
import subprocess
import sys
import unittest

import websockets

SCRIPT = pathlib.Path(__file__).with_name("websocket_node.js")
NODE_MODULES = {**os.environ, "NODE_PATH": "/usr/share/nodejs"}


class WebSocketPeers(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = subprocess.Popen([SERVER], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                      text=True)
        cls.url = f"ws://{cls.server.stdout.readline().split()[-1]}/ws/echo"

    @classmethod
    def tearDownClass(cls):
        cls.server.stdin.close()
        cls.server.stdout.close()
        assert cls.server.wait(10) == 0, "the server drains and ends with 0"

    def test_node_talks_to_our_server(self):
        subprocess.run([NODE, SCRIPT, "client", self.url], check=True, timeout=30,
                       env=NODE_MODULES)

    def test_our_client_talks_to_node(self):
        node = subprocess.Popen([NODE, SCRIPT, "server"], stdin=subprocess.PIPE,
                                stdout=subprocess.PIPE, text=True, env=NODE_MODULES)
        try:
            port = node.stdout.readline().strip()
            subprocess.run([CLIENT, f"127.0.0.1:{port}", "/"], check=True, timeout=30)
        finally:
            node.stdin.close()
            node.wait(10)
            node.stdout.close()

    def test_our_client_talks_to_our_server(self):
        address = self.url.split("/")[2]
        subprocess.run([CLIENT, address, "/ws/echo"], check=True, timeout=30)

    def test_python_talks_to_our_server(self):
        async def talk():
            async with websockets.connect(self.url) as socket:
                for message in ("hello", "", b"\x00\xff", "t" * 70000, os.urandom(900000)):
                    await socket.send(message)
                    self.assertEqual(await socket.recv(), message)
                await (await socket.ping())
            self.assertEqual(socket.close_code, 1000)
        asyncio.run(asyncio.wait_for(talk(), 30))

    def test_our_client_talks_to_python(self):
        async def echo(socket):
            async for message in socket:
                await socket.send(message)

        async def serve():
            async with websockets.serve(echo, "127.0.0.1", 0) as server:
                port = server.sockets[0].getsockname()[1]
                client = await asyncio.create_subprocess_exec(CLIENT, f"127.0.0.1:{port}", "/")
                self.assertEqual(await client.wait(), 0)
        asyncio.run(asyncio.wait_for(serve(), 30))

    def test_python_is_told_that_a_message_is_too_large(self):
        async def talk():
            async with websockets.connect(self.url) as socket:
                await socket.send(os.urandom((1 << 20) + 1))
                with self.assertRaises(websockets.ConnectionClosedError):
                    await socket.recv()
            self.assertEqual(socket.close_code, 1009)
        asyncio.run(asyncio.wait_for(talk(), 30))


if __name__ == "__main__":
    NODE = sys.argv.pop()
    CLIENT = sys.argv.pop()
    SERVER = sys.argv.pop()
    unittest.main()
