"""What the machine does: a full disk under the log, a clock that jumps, packets that are lost."""

import datetime
import json
import os
import pathlib
import subprocess
import sys
import unittest

from testbed import ENVIRONMENT, LinkTest, PATIENCE, count_dead, wait_until

FAKETIME = next(pathlib.Path("/usr/lib").glob("*/faketime/libfaketime.so.1"), "libfaketime.so.1")
SMALL_DISK = 64 * 1024


def in_own_namespaces():
    """Runs this script again where mounts and networks are its own."""
    if os.environ.get("FL_OWN_NAMESPACES"):
        return
    os.environ["FL_OWN_NAMESPACES"] = "1"
    os.execvp("unshare", ["unshare", "--mount", "--net", sys.executable, "-B", *sys.argv])


def run(*words):
    subprocess.run(words, check=True, timeout=PATIENCE)


class FullDisk(LinkTest):
    def test_a_log_that_cannot_be_written_stops_no_call(self):
        server = self.server(log="/dev/full")
        client = self.client(f"tcp://127.0.0.1:{server.port}")
        client.wait_for_more(200)
        self.check_calls(server, client)
        self.assertEqual(server.end(), 0)

    def test_a_disk_that_was_full_is_written_again_when_there_is_room(self):
        disk = self.folder / "disk"
        disk.mkdir()
        run("mount", "-t", "tmpfs", "-o", f"size={SMALL_DISK}", "tmpfs", str(disk))
        self.addCleanup(run, "umount", "--lazy", str(disk))
        server = self.server(log=disk / "server.log")
        client = self.client(f"tcp://127.0.0.1:{server.port}")
        client.wait_for_more()
        filler = disk / "filler"
        with open(filler, "wb", buffering=0) as file:
            try:
                while True:
                    file.write(bytes(512))
            except OSError:
                pass
        before = server.text()
        for _ in range(3):  # each connection's end is a line of the log
            other = self.client(f"tcp://127.0.0.1:{server.port}")
            other.wait_for_more()
            other.process.kill()
            other.process.wait()
        client.wait_for_more()
        filler.unlink()
        self.check_calls(server, client)
        self.assertEqual(server.end(), 0)
        after = server.text()
        self.assertIn("service.stopped", after[len(before):], "it is written again")


class Clock(LinkTest):
    def jump(self, seconds):
        self.stamp.write_text(f"{seconds:+d}", encoding="ascii")

    def test_a_clock_that_jumps_ends_no_call_and_no_link(self):
        self.stamp = self.folder / "stamp"
        self.jump(0)
        environment = {"LD_PRELOAD": str(FAKETIME), "FAKETIME_TIMESTAMP_FILE": str(self.stamp),
                       "FAKETIME_NO_CACHE": "1", "FAKETIME_DONT_FAKE_MONOTONIC": "1"}
        server = self.server(environment=environment)
        client = self.client(f"tcp://127.0.0.1:{server.port}", environment=environment)
        client.wait_for_more()
        for seconds in (86400, -86400, 3600, -30, 10 * 86400):
            self.jump(seconds)
            client.wait_for_more()
        self.check_calls(server, client)
        bad = [each for each in client.outcomes() if each[1] != "ok"]
        self.assertEqual(bad, [])
        self.assertEqual(server.end(), 0, server.text())
        told = json.loads(server.text().splitlines()[-1])["time"]
        ahead = datetime.datetime.fromisoformat(told) - datetime.datetime.now(datetime.timezone.utc)
        self.assertGreater(ahead.days, 8, "the clock did jump")


class Network(LinkTest):
    """Two network namespaces with a cable between them: ours has the client, the other the
    server."""

    def setUp(self):
        super().setUp()
        self.holder = subprocess.Popen(["unshare", "--net", "sleep", "600"])
        self.addCleanup(self.holder.wait)
        self.addCleanup(self.holder.kill)
        self.there = ["nsenter", "--target", str(self.holder.pid), "--net"]
        own = os.readlink("/proc/self/ns/net")
        wait_until(lambda: os.readlink(f"/proc/{self.holder.pid}/ns/net") != own, str)
        run("ip", "link", "add", "here", "type", "veth", "peer", "name", "there", "netns",
            str(self.holder.pid))
        self.addCleanup(subprocess.run, ["ip", "link", "del", "here"], check=False)
        for prefix, name, address in (([], "here", "192.0.2.1/30"),
                                      (self.there, "there", "192.0.2.2/30")):
            run(*prefix, "ip", "address", "add", address, "dev", name)
            run(*prefix, "ip", "link", "set", name, "up")
        run(*self.there, "ip", "link", "set", "lo", "up")

    def pair(self):
        server = self.server(prefix=self.there, host="192.0.2.2")
        client = self.client(f"tcp://192.0.2.2:{server.port}")
        client.wait_for_more()
        return server, client

    def lose(self, chance):
        run("iptables", "-A", "INPUT", "-i", "here", "-m", "statistic", "--mode", "random",
            "--probability", str(chance), "-j", "DROP")
        self.addCleanup(run, "iptables", "-F", "INPUT")

    def test_lost_packets_cost_time_and_no_call(self):
        server, client = self.pair()
        self.lose(0.1)
        ended = len(client.outcomes())
        client.wait_for_ended(ended + 200)
        run("iptables", "-F", "INPUT")
        client.wait_for_more()
        self.check_calls(server, client)
        self.assertEqual(server.end(), 0, server.text())

    def test_a_partition_that_heals(self):
        server, client = self.pair()
        for word in ("down", "blackhole"):
            dead = {side: count_dead(side.text()) for side in (server, client)}
            if word == "down":
                run("ip", "link", "set", "here", "down")
            else:
                self.lose(1)
            ended = len(client.outcomes())
            client.wait_for_ended(ended + 16)
            for side, found in dead.items():
                wait_until(lambda: count_dead(side.text()) > found, side.text)
            if word == "down":
                run("ip", "link", "set", "here", "up")
            else:
                run("iptables", "-F", "INPUT")
            client.wait_for_more()
        self.check_calls(server, client)
        self.assertEqual(server.end(), 0, server.text())


if __name__ == "__main__":
    in_own_namespaces()
    run("ip", "link", "set", "lo", "up")
    unittest.main()
