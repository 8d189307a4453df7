#!/usr/bin/env python3
"""`fairlead call ws://...` at services that nobody here wrote: Python's websockets and Node's ws.

Debian installs the library for its own interpreter.
"""
import asyncio
import http
import json
import os
import pathlib
import shutil
import ssl
import subprocess
import tempfile
import unittest

import websockets

from testbed import ENVIRONMENT, HERE, NODE_ENVIRONMENT, PATIENCE, PROGRAM, make_certificate

CALL, REPLY, PUSH, JSON_CODEC = 1, 2, 3, 106
PROBLEM = json.dumps({"type": "about:blank", "title": "Unauthorized", "status": 401, "code": 401,
                      "reason": "login.unknown", "detail": "nobody has this token"})


def fairlead(command, url, method, *words):
    return [PROGRAM, command, url, method, *words, "--protocol", "json", "--timeout",
            f"{PATIENCE}s"]


class PythonService:
    """Answers /math/divide over the sub-protocol json and notes what it was asked."""

    def __init__(self, **options):
        self.options = options
        self.requests = []
        self.messages = []
        self.close_code = None

    async def talk(self, socket):
        self.requests.append((socket.path, socket.request_headers))
        try:
            async for message in socket:
                await self.answer(socket, json.loads(message))
        except websockets.ConnectionClosedError:
            pass  # its code says so
        self.close_code = socket.close_code

    async def answer(self, socket, call):
        self.messages.append(call)
        await (await socket.ping())  # a client that does not answer it stays here
        if call["mtype"] != CALL:
            return
        argument = json.loads(call["body"])
        reply = json.dumps({"seq": call["seq"], "mtype": REPLY, "meta": "",
                            "serviceMethod": call["serviceMethod"], "bodyCodec": JSON_CODEC,
                            "body": f'{{"quotient":{argument["a"] / argument["b"]}}}',
                            "xferPipe": []})
        await socket.send([reply[:10], reply[10:20], reply[20:]])  # three frames of text

    async def check(self, path, headers):
        if headers.get("Authorization", "Bearer good") == "Bearer good":
            return None
        return (http.HTTPStatus.UNAUTHORIZED, {"Content-Type": "application/problem+json"},
                PROBLEM.encode())

    def serve(self, *words, path="/rpc?zone=1", command="call", method="/math/divide",
              body='{"a":10,"b":4}'):
        """Runs one command against it; gives its exit code and output."""
        async def hold():
            async with websockets.serve(self.talk, "127.0.0.1", 0,
                                        process_request=self.check,
                                        **{"subprotocols": ["json"], **self.options}) as server:
                port = server.sockets[0].getsockname()[1]
                scheme = "wss" if "ssl" in self.options else "ws"
                client = await asyncio.create_subprocess_exec(
                    *fairlead(command, f"{scheme}://127.0.0.1:{port}{path}", method, body, *words),
                    stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
                    env=ENVIRONMENT)
                out, err = await client.communicate()
                return client.returncode, out.decode(), err.decode()
        return asyncio.run(asyncio.wait_for(hold(), PATIENCE))


class CallsToPython(unittest.TestCase):
    def test_a_call_is_answered(self):
        service = PythonService()

        self.assertEqual(service.serve("--meta", "x-caller=me"), (0, '{"quotient":2.5}\n', ""))

        self.assertEqual(service.close_code, 1000)
        path, headers = service.requests[0]
        self.assertEqual(path, "/rpc?zone=1")
        self.assertEqual(headers["Sec-WebSocket-Protocol"], "json")
        self.assertNotIn("Authorization", headers)
        call = service.messages[0]
        self.assertEqual((call["mtype"], call["serviceMethod"], call["bodyCodec"]),
                         (CALL, "/math/divide", JSON_CODEC))
        self.assertIn("x-caller=me", call["meta"])

    def test_a_large_argument_arrives_whole(self):
        service = PythonService()

        code, out, _ = service.serve(body=json.dumps({"a": 10, "b": 4, "c": "x" * 100_000}))

        self.assertEqual((code, out), (0, '{"quotient":2.5}\n'))
        self.assertEqual(len(json.loads(service.messages[0]["body"])["c"]), 100_000)

    def test_a_push_arrives(self):
        service = PythonService()

        code, out, err = service.serve(command="push", method="/math/stat", body='{"ts":42}')

        self.assertEqual((code, out), (0, ""), err)
        self.assertEqual((service.messages[0]["mtype"], service.messages[0]["body"]),
                         (PUSH, '{"ts":42}'))

    def test_a_token_goes_with_the_handshake(self):
        service = PythonService()

        code, out, err = service.serve("--login", "good")

        self.assertEqual((code, out), (0, '{"quotient":2.5}\n'), err)
        self.assertEqual(service.requests[0][1]["Authorization"], "Bearer good")
        self.assertEqual(len(service.messages), 1, "no login as a message")

    def test_a_refused_token_is_told_in_the_services_words(self):
        code, out, err = PythonService().serve("--login", "bad", "--json")

        error = json.loads(out)["error"]
        self.assertEqual((code, err), (5, ""))
        self.assertEqual((error["code"], error["reason"], error["message"]),
                         (401, "login.unknown", "nobody has this token"))

    def test_a_service_without_the_sub_protocol_is_not_called(self):
        service = PythonService(subprotocols=["mqtt"])

        code, _, err = service.serve()

        self.assertNotEqual(code, 0)
        self.assertIn("websocket.no_protocol", err)
        self.assertEqual(service.messages, [])

    def test_a_protocol_that_websocket_does_not_carry_is_a_mistake_of_the_command(self):
        done = subprocess.run([PROGRAM, "call", "ws://127.0.0.1:1", "/math/divide", "--protocol",
                               "thrift-binary"], capture_output=True, text=True, timeout=PATIENCE,
                              check=False, env=ENVIRONMENT)

        self.assertEqual(done.returncode, 2)
        self.assertIn("thrift-binary", done.stderr)

    def test_a_call_inside_tls_is_answered_where_the_certificate_is_known(self):
        folder = pathlib.Path(tempfile.mkdtemp(prefix="fl_ws_calls_"))
        self.addCleanup(shutil.rmtree, folder)
        make_certificate(folder)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(folder / "server.pem", folder / "server.key")
        service = PythonService(ssl=context)

        known = service.serve("--tls-ca", folder / "server.pem")
        unknown = service.serve()
        other_name = service.serve("--tls-ca", folder / "server.pem", "--tls-name", "shop")

        self.assertEqual(known[:2], (0, '{"quotient":2.5}\n'), known[2])
        self.assertIn("tls.bad_certificate", unknown[2])
        self.assertIn("tls.name_mismatch", other_name[2])
        self.assertEqual(len(service.requests), 1, "the others sent nothing")


class CallsToNode(unittest.TestCase):
    def setUp(self):
        self.node = subprocess.Popen([os.environ["FL_NODE"], HERE / "node_ws_server.js"],
                                     stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                                     env=NODE_ENVIRONMENT)
        self.addCleanup(self.end)
        self.port = self.node.stdout.readline().strip()

    def end(self):
        self.node.stdin.close()
        self.assertEqual(self.node.wait(PATIENCE), 0)
        self.node.stdout.close()

    def call(self, method, *words, path="/rpc"):
        return subprocess.run(fairlead("call", f"ws://localhost:{self.port}{path}", method, *words),
                              capture_output=True, text=True, timeout=PATIENCE, check=False,
                              env=ENVIRONMENT)

    def test_calls_are_answered(self):
        small = self.call("/math/divide", '{"a":10,"b":4}')
        large = self.call("/math/large")

        self.assertEqual((small.returncode, small.stdout), (0, '{"quotient":2.5}\n'), small.stderr)
        self.assertEqual(json.loads(large.stdout), "x" * 300_000, large.stderr)

    def test_an_error_comes_with_its_status(self):
        done = self.call("/math/nothing")

        self.assertNotEqual(done.returncode, 0)
        self.assertIn("nobody serves it", done.stderr)

    def test_a_service_that_goes_away_instead_of_an_answer_is_told(self):
        done = self.call("/math/divide", '{"a":10,"b":4}', "--json", path="/closed")

        self.assertEqual(json.loads(done.stdout)["error"]["reason"], "session.closed")


if __name__ == "__main__":
    unittest.main(verbosity=2)
