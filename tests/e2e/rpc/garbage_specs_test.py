#!/usr/bin/env python3
"""The files that describe raw frames to outside tools agree with a server that speaks raw.

usage: garbage_specs_test.py RPC_TEST_SERVER DATA_FOLDER
"""
import json
import pathlib
import socket
import subprocess
import sys
import unittest

SECONDS_MAX = 20


class GarbageSpecs(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = subprocess.Popen([SERVER], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                      text=True)
        host, port = cls.server.stdout.readline().split()[-1].rsplit(":", 1)
        cls.address = (host, int(port))
        cls.specs = {path.name: json.loads(path.read_text())
                     for path in sorted(DATA.glob("frame_garbage_*.json"))}

    @classmethod
    def tearDownClass(cls):
        cls.server.stdin.close()
        cls.server.stdout.close()
        assert cls.server.wait(SECONDS_MAX) == 0, "the server drains and ends with 0"

    def answer(self, request):
        """All that the server says until it closes, after our half has ended."""
        with socket.create_connection(self.address, timeout=SECONDS_MAX) as connection:
            connection.sendall(request)
            connection.shutdown(socket.SHUT_WR)
            return b"".join(iter(lambda: connection.recv(65536), b""))

    def test_there_are_specs(self):
        self.assertIn("frame_garbage_raw.json", self.specs)

    def test_the_valid_frames_are_answered_with_their_body(self):
        for name, spec in self.specs.items():
            for key in ("valid", "twice"):
                with self.subTest(spec=name, frame=key):
                    reply = self.answer(bytes.fromhex(spec[key]))
                    self.assertEqual(len(reply), spec["reply_min"])
                    self.assertIn(b"hello frame", reply)

    def test_the_fields_stand_where_the_layout_says(self):
        for name, spec in self.specs.items():
            frame = bytes.fromhex(spec["valid"])
            place = 0
            for field in spec["layout"].split(","):
                what = field.split(":")[1]
                size, _, fixed = what.split(">")[0].partition("=")
                with self.subTest(spec=name, field=field):
                    if fixed:
                        self.assertEqual(frame[place:place + int(size)].hex(), fixed)
                place += int(size)
            self.assertTrue(frame[place:].startswith(b"hello frame"), name)

    def test_max_len_is_the_limit_of_the_server(self):
        plain = self.specs["frame_garbage_raw.json"]
        for over in (0, 1):
            length = (plain["max_len"] + over).to_bytes(4, plain["endian"])
            answer = self.answer(length + bytes.fromhex(plain["valid"])[4:])
            self.assertEqual(b"frame.too_big" in answer, over == 1)
        self.assertEqual({spec["max_len"] for spec in self.specs.values()}, {plain["max_len"]})


if __name__ == "__main__":
    DATA = pathlib.Path(sys.argv.pop(2))
    SERVER = sys.argv.pop(1)
    unittest.main()
