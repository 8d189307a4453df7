"""Processes that stop, are killed and come back, on either side, under load."""

import signal
import time
import unittest

from testbed import PATIENCE, LinkTest, count_dead, wait_until

ROUNDS = 3


class Processes(LinkTest):
    def pair(self):
        server = self.server()
        client = self.client(f"tcp://127.0.0.1:{server.port}")
        client.wait_for_more()
        return server, client

    def test_a_server_that_is_stopped_and_goes_on(self):
        server, client = self.pair()
        for _ in range(ROUNDS):
            ended = len(client.outcomes())
            dead = count_dead(client.text())
            server.process.send_signal(signal.SIGSTOP)
            client.wait_for_ended(ended + 8)  # each call has an end, nobody answers
            wait_until(lambda: count_dead(client.text()) > dead, client.state)
            server.process.send_signal(signal.SIGCONT)
            client.wait_for_more()
        self.check_calls(server, client)
        self.assertEqual(server.end(), 0, server.text())

    def test_a_server_that_is_killed_and_comes_back(self):
        server, client = self.pair()
        for _ in range(ROUNDS):
            server.kill()
            ended = len(client.outcomes())
            client.wait_for_ended(ended + 8)
            server.start()
            client.wait_for_more()
        self.check_calls(server, client)
        self.assertEqual(server.end(), 0, server.text())

    def test_a_server_that_ends_in_order_loses_no_call(self):
        server, client = self.pair()
        for _ in range(ROUNDS):
            self.assertEqual(server.end(), 0, server.text())
            server.start()
            client.wait_for_more()
        self.check_calls(server, client)
        unknown = [each for each in client.outcomes() if each[1] == "unknown"]
        self.assertEqual(unknown, [], "all of them could be answered, or be refused")

    def test_a_client_that_sleeps_while_its_server_ends_loses_no_call(self):
        server, client = self.pair()
        for _ in range(ROUNDS):
            client.process.send_signal(signal.SIGSTOP)
            server.process.send_signal(signal.SIGTERM)
            time.sleep(1)
            client.process.send_signal(signal.SIGCONT)
            self.assertEqual(server.process.wait(PATIENCE), 0, server.text())
            server.start()
            client.wait_for_more()
        self.check_calls(server, client)
        # Those whose time was over meanwhile say so themselves.
        unknown = [each for each in client.outcomes()
                   if each[1] == "unknown" and each[3] != "call.deadline"]
        self.assertEqual(unknown, [], "what was sent before it read the word is answered")

    def test_a_client_that_is_stopped_and_goes_on(self):
        server, client = self.pair()
        for _ in range(ROUNDS):
            dead = count_dead(server.text())
            client.process.send_signal(signal.SIGSTOP)
            wait_until(lambda: count_dead(server.text()) > dead, server.text)
            client.process.send_signal(signal.SIGCONT)
            client.wait_for_more()
        self.check_calls(server, client)
        self.assertEqual(server.end(), 0, server.text())

    def test_a_client_that_is_killed_leaves_nothing_behind(self):
        server, client = self.pair()
        for _ in range(ROUNDS):
            client.process.kill()
            client.process.wait()
            self.check_outcomes(server, client)
            client = self.client(f"tcp://127.0.0.1:{server.port}")
            client.wait_for_more()
        self.check_calls(server, client)
        wait_until(lambda: self.descriptors(server) == 0, server.text)
        self.assertEqual(server.end(), 0, server.text())

    def descriptors(self, server):
        """Connections of the server that are still there."""
        with open(f"/proc/{server.process.pid}/net/tcp", encoding="ascii") as table:
            rows = [line.split() for line in table.readlines()[1:]]
        port = f"0100007F:{server.port:04X}"
        return sum(1 for row in rows if row[1] == port and row[3] in ("01", "08"))


if __name__ == "__main__":
    unittest.main()
