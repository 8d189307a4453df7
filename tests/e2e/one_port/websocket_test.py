#!/usr/bin/env python3
"""Python's websockets at a service whose one port also speaks raw, HTTP and TLS.

Debian installs the library for its own interpreter.
"""
import asyncio
import json
import pathlib
import selectors
import socket
import ssl
import unittest

import websockets

from testbed import PATIENCE, OnePort, run

CALL, REPLY, JSON_CODEC = 1, 2, 106
IDLE = 10_000


def call(seq, method, argument):
    return json.dumps({"seq": seq, "mtype": CALL, "serviceMethod": method, "meta": "",
                       "bodyCodec": JSON_CODEC, "body": json.dumps(argument), "xferPipe": []})


class PythonWebSockets(OnePort):
    def talk(self, conversation, scheme="ws", **options):
        """Runs `conversation` with a connection that speaks json."""
        async def hold():
            async with websockets.connect(self.url("/", scheme), subprotocols=["json"],
                                          **options) as socket:
                self.assertEqual(socket.subprotocol, "json")
                await conversation(socket)
        asyncio.run(asyncio.wait_for(hold(), PATIENCE))

    async def ask(self, socket, seq, method, argument):
        await socket.send(call(seq, method, argument))
        reply = json.loads(await socket.recv())
        self.assertEqual((reply["seq"], reply["mtype"]), (seq, REPLY))
        return reply

    async def divides(self, socket):
        reply = await self.ask(socket, 7, "/math/divide", {"a": 10, "b": 4})
        self.assertEqual(json.loads(reply["body"]), {"quotient": 2.5})
        self.assertNotIn("status", reply)

    def test_a_call_is_answered(self):
        self.talk(self.divides)

    def test_a_call_inside_tls_is_answered(self):
        self.talk(self.divides, "wss", ssl=ssl.create_default_context(cafile=self.certificate))

    def test_an_error_comes_with_its_status_and_the_connection_stays(self):
        async def conversation(socket):
            reply = await self.ask(socket, 1, "/math/divide", {"a": 10, "b": 0})
            self.assertTrue(reply["status"].startswith("code=1001&"), reply)
            reply = await self.ask(socket, 2, "/math/nothing", {})
            self.assertTrue(reply["status"].startswith("code=404&"), reply)
            await self.divides(socket)
        self.talk(conversation)

    def test_raw_calls_and_http_go_on_beside_an_open_websocket(self):
        async def conversation(socket):
            await self.divides(socket)
            loop = asyncio.get_running_loop()
            raw = await loop.run_in_executor(None, self.raw_call)
            self.assertEqual(raw, {"quotient": 2.5})
            web = await loop.run_in_executor(
                None, run, "curl", "-sS", "--noproxy", "*", "--max-time", "20", "-d",
                '{"a":10,"b":4}', self.url("/math/divide"))
            self.assertEqual(json.loads(web), {"quotient": 2.5})
            await self.divides(socket)
        self.talk(conversation)

    # bad-inputs 4, beyond 7
    def test_a_service_that_drains_sends_its_websockets_away_with_1001(self):
        async def conversation(socket):
            await self.divides(socket)
            self.ask_to_end()
            with self.assertRaises(websockets.ConnectionClosed):
                await socket.recv()
            self.assertEqual(socket.close_code, 1001)
        self.talk(conversation)

    # bad-inputs 4, beyond 1
    def test_a_page_of_another_origin_is_refused_with_403(self):
        async def ask():
            with self.assertRaises(websockets.InvalidStatusCode) as refused:
                await websockets.connect(self.url("/", "ws"), origin="https://evil.example")
            self.assertEqual(refused.exception.status_code, 403)
        asyncio.run(asyncio.wait_for(ask(), PATIENCE))

    # bad-inputs 4, beyond 6
    def test_10000_idle_connections_hold_less_than_20_kb_each(self):
        ask = ("GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
               "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
               "Sec-WebSocket-Protocol: json\r\n\r\n").encode()
        host, port = self.address.rsplit(":", 1)
        self.talk(self.divides)
        before = self.resident_bytes()
        with selectors.DefaultSelector() as waiting:
            for _ in range(IDLE):
                idle = socket.create_connection((host, int(port)), PATIENCE)
                self.addCleanup(idle.close)
                idle.sendall(ask)
                waiting.register(idle, selectors.EVENT_READ)
            while waiting.get_map():
                ready = waiting.select(PATIENCE)
                self.assertTrue(ready, f"{len(waiting.get_map())} were not answered")
                for key, _ in ready:
                    self.assertIn(b" 101 ", key.fileobj.recv(1024))
                    waiting.unregister(key.fileobj)

        each = (self.resident_bytes() - before) / IDLE

        self.assertLess(each, 20_000)
        self.talk(self.divides)

    def resident_bytes(self):
        text = pathlib.Path(f"/proc/{self.process.pid}/status").read_text(encoding="ascii")
        line = next(line for line in text.splitlines() if line.startswith("VmRSS:"))
        return int(line.split()[1]) * 1024


class TalkativeService(OnePort):
    options = ["--log-level", "debug"]

    # bad-inputs 4, beyond 2
    def test_a_token_in_the_query_is_never_logged(self):
        async def ask():
            path = "/?token=hush-hush"
            async with websockets.connect(self.url(path, "ws"), subprotocols=["json"]) as good:
                await good.send("{")  # is closed for it, which is logged
                with self.assertRaises(websockets.ConnectionClosed):
                    await good.recv()
                self.assertEqual(good.close_code, 1002)
            with self.assertRaises(websockets.InvalidStatusCode):
                await websockets.connect(self.url(path, "ws"), origin="https://evil.example")
        asyncio.run(asyncio.wait_for(ask(), PATIENCE))
        self.end()

        log = self.log.read_text(encoding="utf-8")
        self.assertIn("service.stopped", log)
        self.assertNotIn("hush", log)


if __name__ == "__main__":
    unittest.main(verbosity=2)
