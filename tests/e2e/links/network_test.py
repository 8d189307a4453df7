"""Every fault of the proxy between two peers under load: what holds of each call (testbed.py), and
that calls end well again when the network does."""

import unittest

from testbed import LinkTest

FAULT_CALLS = 40  # that end in some way while the fault lasts
PLAIN = ["delay=60 jitter=50", "rate=3000", "chop=1", "chop=7",
         "stall_after=5000", "stall_after=5000 dir=up", "stall_after=5000 dir=down",
         "reset_after=3001", "reset_after=3001 dir=up", "reset_after=3001 dir=down",
         "close_after=3001", "close_after=3001 dir=up", "close_after=3001 dir=down",
         "half_close_after=3001 dir=down", "half_close_after=3001 dir=up",
         "drop_conn=0.7 reset_after=5000", "blackhole=1", "blackhole=1 dir=up",
         "blackhole=1 dir=down", "refuse=1 cut=1", "cut=1"]
# A wrong bit or a piece that comes twice is nothing that TCP lets through: only what is between
# the peers can do it, and only TLS notices all of it.
SEALED = ["corrupt=0.05", "corrupt=0.05 dir=up", "dup=0.05", "dup=0.05 dir=down",
          "chop=3", "reset_after=3001", "stall_after=5000", "cut=1"]


class Network(LinkTest):
    def check_faults(self, scheme, faults):
        server = self.server(scheme=scheme)
        proxy = self.proxy(server.port)
        client = self.client(f"{scheme}://127.0.0.1:{proxy.port}")
        for fault in faults:
            with self.subTest(fault=fault):
                client.wait_for_more()
                ended = len(client.outcomes())
                proxy.say(*fault.split())
                client.wait_for_ended(ended + FAULT_CALLS)
                proxy.say("clear")
                client.wait_for_more()
        self.check_calls(server, client)
        self.assertEqual(server.end(), 0, server.text())

    def test_plain_connections(self):
        self.check_faults("tcp", PLAIN)

    def test_connections_with_tls(self):
        self.check_faults("tls", SEALED)


if __name__ == "__main__":
    unittest.main()
