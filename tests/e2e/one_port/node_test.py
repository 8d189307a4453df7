#!/usr/bin/env python3
"""Node's HTTP client and its `ws` at a service whose one port also speaks raw and TLS."""
import unittest

from testbed import OnePort, node


class NodeHttp(OnePort):
    def ask(self, case):
        node("node_http.js", *self.address.rsplit(":", 1), case)

    def test_an_agent_keeps_its_connection(self):
        self.ask("keepsOneConnection")

    def test_a_body_in_chunks_arrives_whole(self):
        self.ask("sendsAChunkedBody")

    def test_who_waits_for_100_is_told_to_continue_once(self):
        self.ask("waitsFor100")

    def test_pipelined_requests_are_answered_in_their_order(self):
        self.ask("pipelines")


class NodeWebSocket(OnePort):
    def test_calls_and_errors_over_ws(self):
        node("node_ws.js", self.url("/", "ws"))

    def test_calls_and_errors_over_ws_inside_tls(self):
        node("node_ws.js", self.url("/", "wss"), self.certificate)


if __name__ == "__main__":
    unittest.main(verbosity=2)
