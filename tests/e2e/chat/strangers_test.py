#!/usr/bin/env python3
"""Those who do not play by the rules of the chat."""
import asyncio
import json
import unittest
import urllib.error
import urllib.parse
import urllib.request

import websockets

from testbed import ADMIN_WORD, PATIENCE, ChatTest

CALL, REPLY, JSON_CODEC = 1, 2, 106
DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class Stranger:
    """Calls over WebSocket whatever it likes; pushes that come meanwhile are kept."""

    def __init__(self, socket):
        self.socket = socket
        self.seq = 0
        self.pushed = []

    async def send(self, method, argument):
        self.seq += 1
        await self.socket.send(json.dumps({
            "seq": self.seq, "mtype": CALL, "serviceMethod": f"/chat/{method}", "meta": "",
            "bodyCodec": JSON_CODEC, "body": json.dumps(argument), "xferPipe": []}))

    async def answer(self):
        while True:
            message = json.loads(await self.socket.recv())
            if message["mtype"] == REPLY:
                status = dict(urllib.parse.parse_qsl(message.get("status", "")))
                body = json.loads(message["body"]) if message["body"] else None
                return int(status.get("code", 0)), body
            self.pushed.append((message["serviceMethod"], json.loads(message["body"])))

    async def lines_until(self, last):
        """Numbers of the lines that are pushed, those that came already too, once each."""
        heard = [body["number"] for method, body in self.pushed if method == "/room/said"]
        while not heard or heard[-1] != last:
            message = json.loads(await self.socket.recv())
            if message["serviceMethod"] == "/room/said":
                heard.append(json.loads(message["body"])["number"])
        return [number for at, number in enumerate(heard) if number > max([0, *heard[:at]])]

    async def call(self, method, **argument):
        """The code of the answer, and its body."""
        await self.send(method, argument)
        return await self.answer()


class Strangers(ChatTest):
    settings = """
listen: ['tcp://127.0.0.1:0', 'unix:chat.sock']
limits: {broadcast_queue_bytes_max: 64KiB}
"""

    def talk(self, conversation):
        async def hold():
            async with websockets.connect(f"ws://{self.address}/", subprotocols=["json"]) as socket:
                await conversation(Stranger(socket))
        asyncio.run(asyncio.wait_for(hold(), PATIENCE))

    def test_names_that_are_none_are_refused(self):
        async def conversation(stranger):
            for name in ("", "x" * 33, "ü" * 17, "two words", "a\nb", "\x1b[31m", "127.0.0.1:9",
                         "<b>", "a\u0000", "\u202eann", "../etc"):
                code, _ = await stranger.call("enter", name=name)
                self.assertEqual(code, 1001, repr(name))
            code, here = await stranger.call("enter", name="ü" * 16)
            self.assertEqual((code, here), (0, {"names": ["ü" * 16]}))
        self.talk(conversation)
        self.assertEqual(self.refused(""), "* a name has letters, digits, - and _, up to 32 bytes")

    def test_lines_that_are_none_are_refused_and_told_to_nobody(self):
        ann = self.enter("ann")

        async def conversation(stranger):
            await stranger.call("enter", name="eve")
            for text in ("", "x" * 1001, "two\nlines", "\x1b]0;title\x07", "\u009b31m", "a\u0000b"):
                code, _ = await stranger.call("say", text=text)
                self.assertEqual(code, 1002, repr(text))
                code, _ = await stranger.call("whisper", to="ann", text=text)
                self.assertEqual(code, 1002, repr(text))
            code, told = await stranger.call("say", text="x" * 1000)
            self.assertEqual((code, told), (0, {"reached": 2, "skipped": 0}))
        self.talk(conversation)

        ann.wait_for("eve: " + "x" * 1000)
        self.assertEqual([line for line in ann.seen if ":" in line],
                         ["* here are: ann", "eve: " + "x" * 1000])
        ann.type("y" * 5000)  # in the terminal, too
        ann.wait_for("* a line is 1 to 1000 bytes, nothing invisible")

    def test_nothing_is_answered_to_who_has_not_entered(self):
        async def conversation(stranger):
            for method, argument in (("say", {"text": "hi"}), ("who", {}),
                                     ("whisper", {"to": "ann", "text": "hi"})):
                code, _ = await stranger.call(method, **argument, **{"from": "ann"})
                self.assertEqual(code, 1003, method)
            code, _ = await stranger.call("kick", name="ann", admin="yes")
            self.assertEqual(code, 1005)
        ann = self.enter("ann")
        self.talk(conversation)

        ann.type("nobody else is here")
        ann.wait_for("ann: nobody else is here")
        self.assertEqual(len(ann.seen), 2, ann.seen)

    def test_who_has_not_entered_hears_nothing(self):
        async def conversation(stranger):
            ann = self.enter("ann")
            ann.type("among us")
            ann.wait_for("ann: among us")
            await stranger.call("who")
            self.assertEqual(stranger.pushed, [])
        self.talk(conversation)

    def test_nobody_speaks_as_somebody_else(self):
        ann = self.enter("ann")

        async def conversation(stranger):
            await stranger.call("enter", name="eve")
            await stranger.call("say", text="trust me", **{"from": "ann"})
            code, _ = await stranger.call("enter", name="ann")
            self.assertEqual(code, 1007, "one name for a connection")
        self.talk(conversation)

        ann.wait_for("eve: trust me")

    def test_who_guesses_the_admins_word_does_not_enter(self):
        self.assertEqual(self.refused("eve", ADMIN_WORD + "x"),
                         "* that is not the word of the admin")

        async def conversation(stranger):
            code, _ = await stranger.call("enter", name="eve", admin_word="sesamf")
            self.assertEqual(code, 1005)
            code, _ = await stranger.call("enter", name="eve")
            self.assertEqual(code, 0)
            code, _ = await stranger.call("kick", name="eve", admin="yes")
            self.assertEqual(code, 1005)
        self.talk(conversation)

    def test_a_request_of_http_cannot_enter(self):
        ask = urllib.request.Request(f"http://{self.address}/chat/enter", b'{"name":"eve"}')
        with self.assertRaises(urllib.error.HTTPError) as refused:
            DIRECT.open(ask, timeout=PATIENCE)

        with refused.exception as answer:
            self.assertEqual((answer.code, json.load(answer)["code"]), (422, 1008))
        self.enter("eve")

    def test_who_enters_while_others_speak_misses_no_line(self):
        async def speak(stranger):
            for number in range(400):
                code, _ = await stranger.call("say", text=f"line {number}")
                self.assertEqual(code, 0)

        async def listen(number):
            async with websockets.connect(f"ws://{self.address}/", subprotocols=["json"]) as socket:
                listener = Stranger(socket)
                await listener.call("enter", name=f"listener-{number}")
                return await listener.lines_until(400)

        async def conversation(stranger):
            await stranger.call("enter", name="eve")
            _, *all_heard = await asyncio.gather(speak(stranger), *map(listen, range(20)))
            for heard in all_heard:
                self.assertEqual(heard, list(range(heard[0], 401)))
        self.talk(conversation)

    def test_nobody_enters_a_full_room(self):
        async def conversation(stranger):
            url, others = f"ws://{self.address}/", []
            for _ in range(999):
                others.append(await websockets.connect(url, subprotocols=["json"]))
            code, _ = await stranger.call("enter", name="eve")
            self.assertEqual(code, 0, "the 1000th connection")
            others.append(await websockets.connect(url, subprotocols=["json"]))
            code, _ = await Stranger(others[-1]).call("enter", name="late")
            self.assertEqual(code, 1006)
            for each in others:
                each.transport.abort()
        self.talk(conversation)

    def test_one_who_does_not_read_is_skipped_and_keeps_its_connection(self):
        async def conversation(stranger):
            path = str(self.folder / "chat.sock")  # its buffers are small
            deaf = await websockets.unix_connect(path, subprotocols=["json"], max_queue=1,
                                                 read_limit=1024, ping_interval=None)
            await Stranger(deaf).call("enter", name="deaf")
            await stranger.call("enter", name="eve")
            skipped = 0
            for _ in range(3000):
                code, told = await stranger.call("say", text="x" * 1000)
                self.assertEqual((code, told["reached"] + told["skipped"]), (0, 2))
                skipped = told["skipped"]
                if skipped:
                    break
            self.assertEqual(skipped, 1)
            _, here = await stranger.call("who")
            self.assertEqual(here["names"], ["deaf", "eve"])
            deaf.transport.abort()  # what waits for it is not worth reading
        self.talk(conversation)


if __name__ == "__main__":
    unittest.main(verbosity=2)
