#!/usr/bin/env python3
"""Talks to the echo server with clients that nobody here wrote: curl and http.client.

usage: http_clients_test.py ECHO_SERVER
"""
import http.client
import os
import socket
import subprocess
import sys
import tempfile
import unittest


class HttpClients(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = subprocess.Popen([SERVER], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                      text=True)
        cls.address = cls.server.stdout.readline().split()[-1]

    @classmethod
    def tearDownClass(cls):
        cls.server.stdin.close()
        cls.server.stdout.close()
        assert cls.server.wait(10) == 0, "the server drains and ends with 0"

    def curl(self, *options):
        done = subprocess.run(["curl", "-sS", "--noproxy", "*", "--max-time", "20", *options],
                              capture_output=True, check=True)
        return done.stdout.decode("latin-1")

    def url(self, path):
        return f"http://{self.address}{path}"

    def test_curl_gets_and_posts(self):
        self.assertEqual(self.curl(self.url("/about?x=1")), "GET /about?x=1")
        self.assertEqual(self.curl("-d", "a=1", self.url("/echo")), "a=1")

    def test_curl_keeps_one_connection(self):
        out = self.curl("-w", "%{num_connects}", *[self.url("/about")] * 3)
        self.assertEqual(out, "GET /about?1GET /about?0GET /about?0")

    def test_curl_sends_a_large_body_after_100_continue(self):
        with tempfile.TemporaryDirectory() as folder:
            name = os.path.join(folder, "body")
            body = os.urandom(3 << 20)
            with open(name, "wb") as file:
                file.write(body)
            for framing in ([], ["-H", "Transfer-Encoding: chunked"]):
                out = self.curl("-H", "Expect: 100-continue", *framing, "--data-binary", "@" + name,
                                self.url("/echo"))
                self.assertEqual(out.encode("latin-1"), body)

    def test_curl_is_told_that_a_body_is_too_large(self):
        with tempfile.NamedTemporaryFile() as file:
            file.truncate(9 << 20)
            out = self.curl("--data-binary", "@" + file.name, "-w", "%{http_code}",
                            "-o", os.devnull, self.url("/echo"))
        self.assertEqual(out, "413")

    def test_curl_shows_head_and_errors(self):
        head = self.curl("-I", self.url("/about"))
        self.assertTrue(head.startswith("HTTP/1.1 200 OK\r\n"), head)
        out = self.curl("-w", "%{http_code} %{content_type}", self.url("/missing"))
        self.assertIn('"reason":"route.unknown"', out)
        self.assertTrue(out.endswith("404 application/problem+json"), out)
        out = self.curl("--path-as-is", self.url("/a/../b"))
        self.assertIn('"reason":"http.bad_path"', out)

    def test_curl_speaks_http_1_0(self):
        self.assertEqual(self.curl("-0", self.url("/about")), "GET /about?")

    def test_python_reuses_its_connection(self):
        client = http.client.HTTPConnection(self.address, timeout=20)
        for body in (b"", b"x", b"y" * 100_000):
            client.request("PUT", "/echo", body=body, headers={"Content-Type": "text/x"})
            answer = client.getresponse()
            self.assertEqual((answer.status, answer.read()), (200, body))
            self.assertEqual(answer.getheader("Content-Type"), "text/x")
        client.request("POST", "/echo", body=iter([b"ab", b"cd"]), encode_chunked=True,
                       headers={"Transfer-Encoding": "chunked"})
        self.assertEqual(client.getresponse().read(), b"abcd")
        client.close()

    def test_any_json_comes_back(self):
        status, kind, text = self.post_json('[1, {"a": null}]')
        self.assertEqual((status, kind, text), (200, "application/json", '[1, {"a": null}]'))

    def test_what_is_no_json_is_refused_with_its_place(self):
        status, kind, text = self.post_json('{"a": 1,}')
        self.assertEqual((status, kind), (400, "application/problem+json"))
        self.assertIn("line 1, column 9 (byte 8): wanted a name in quotes", text)

    def test_a_frame_of_the_raw_protocol_is_refused_and_the_connection_closed(self):
        frame = bytes.fromhex("0000001600013101052f6563686f000000007368656c")
        host, port = self.address.rsplit(":", 1)
        with socket.create_connection((host, int(port)), timeout=20) as connection:
            connection.sendall(frame)
            answer = b"".join(iter(lambda: connection.recv(65536), b""))
        self.assertTrue(answer.startswith(b"HTTP/1.1 400 "), answer)

    def post_json(self, body):
        client = http.client.HTTPConnection(self.address, timeout=20)
        client.request("POST", "/json/any", body=body, headers={"Content-Type": "application/json"})
        answer = client.getresponse()
        text = answer.read().decode()
        client.close()
        return answer.status, answer.getheader("Content-Type"), text


if __name__ == "__main__":
    SERVER = sys.argv.pop(1)
    unittest.main()
