"""A hub that calls devices over the links that they dialled."""
import datetime
import json
import os
import signal
import subprocess
import unittest

from testbed import ENVIRONMENT, FAIRLEAD, PATIENCE, ExampleTest, wait_until

OPERATOR = ("--login", "operator:opkey")
BEARER = ("-H", "Authorization: Bearer operator:opkey")


def moment(record):
    return datetime.datetime.fromisoformat(record["time"].replace("Z", "+00:00"))


class Device(ExampleTest):
    def setUp(self):
        super().setUp()
        (self.folder / "keys.txt").write_text(
            "tv-42 secret\nradio-1 other\noperator opkey\n", encoding="utf-8")
        self.hub = self.start_hub("127.0.0.1:0")
        self.address = self.hub.address()

    def start_hub(self, address):
        return self.start("device/hub", "keys.txt", "--listen", address)

    def start_device(self, identity="tv-42", key="secret"):
        return self.start("device/device", self.address, identity, DEVICE_KEY=key)

    def connected(self, **words):
        device = self.start_device(**words)
        device.wait_for("device.connected")
        return device

    def ask(self, method, body, login=OPERATOR):
        code, told = self.call(self.address, f"/fleet/{method}", json.dumps(body), *login)
        return told["body"] if code == 0 else (told["error"]["code"], told["error"]["reason"])

    def test_is_called_by_an_operator_through_the_hub(self):
        self.connected()

        self.assertEqual(self.ask("list", {}), {"ids": ["tv-42"]})
        self.assertEqual(self.ask("read", {"id": "tv-42"}), {"value": 21.5})
        light = {"id": "tv-42", "name": "light", "on": True}
        self.assertEqual(self.ask("set", light), {"on": True})
        status, _, body = self.curl(f"{self.address}/fleet/read", *BEARER, "--json",
                                    '{"id":"tv-42","sensor":"humidity"}')
        self.assertEqual((status, json.loads(body)), (200, {"value": 40}))

    def test_answers_with_its_own_errors(self):
        self.connected()
        self.assertEqual(self.ask("read", {"id": "tv-42", "sensor": "nose"}), (1001, ""))
        self.assertEqual(self.ask("set", {"id": "tv-42", "name": "horn"}), (1002, ""))

    def test_that_is_away_or_unknown_is_told_as_such(self):
        self.assertEqual(self.ask("read", {"id": "tv-42"}), (503, "fleet.device_away"))
        self.assertEqual(self.ask("read", {"id": "toaster"}), (404, "fleet.unknown_device"))
        status, _, body = self.curl(f"{self.address}/fleet/read", *BEARER, "--json",
                                    '{"id":"tv-42"}')
        self.assertEqual((status, json.loads(body)["detail"]), (503, "'tv-42' is not connected"))

        device = self.connected()
        device.end(signal.SIGKILL)
        self.hub.wait_for("fleet.left")
        self.assertEqual(self.ask("read", {"id": "tv-42"}), (503, "fleet.device_away"))

    def test_that_goes_away_during_a_call_ends_the_call(self):
        device = self.connected()
        with subprocess.Popen(
                [FAIRLEAD, "call", self.address, "/fleet/read",
                 '{"id":"tv-42","sensor":"barometer"}', *OPERATOR, "--json"],
                stdout=subprocess.PIPE, text=True, env=ENVIRONMENT) as asking:
            device.wait_for("device.settles")
            device.end(signal.SIGKILL)
            told = json.loads(asking.communicate(timeout=PATIENCE)[0])
        self.assertEqual((told["error"]["code"], told["error"]["reason"]),
                         (503, "fleet.device_away"))

    def test_that_does_not_answer_is_504_and_hears_that_nobody_waits(self):
        device = self.connected()

        status, _, body = self.curl(f"{self.address}/fleet/read", *BEARER, "--json",
                                    '{"id":"tv-42","sensor":"barometer"}')

        self.assertEqual((status, json.loads(body)["reason"]), (504, "fleet.device_slow"))
        device.wait_for("device.read_given_up")
        self.assertEqual(self.ask("read", {"id": "tv-42"}), {"value": 21.5})

    def test_that_stands_still_is_504_too(self):
        device = self.connected()
        device.process.send_signal(signal.SIGSTOP)
        self.assertEqual(self.ask("read", {"id": "tv-42"}), (504, "fleet.device_slow"))
        device.process.send_signal(signal.SIGCONT)
        self.assertEqual(self.ask("read", {"id": "tv-42"}), {"value": 21.5})

    def test_hears_that_the_operator_has_no_more_time(self):
        device = self.connected()

        done = self.run_to_end(FAIRLEAD, "call", self.address, "/fleet/read",
                               '{"id":"tv-42","sensor":"barometer"}', *OPERATOR,
                               "--timeout", "300ms")

        self.assertIn(done.returncode, (1, 4))  # the hub's 504, or our own clock was first
        given_up = moment(device.wait_for("device.read_given_up"))
        waited = given_up - moment(device.records("device.settles")[0])
        self.assertLess(waited.total_seconds(), 2.9)  # the hub's own patience is 3 s

    def test_dials_again_when_the_hub_was_lost(self):
        device = self.connected()

        self.hub.end(signal.SIGKILL)
        device.wait_for("device.dials_again", 2)  # the first one fails too: nobody listens
        self.hub = self.start_hub(self.address)

        device.wait_for("device.connected", 2)
        self.assertEqual(self.ask("read", {"id": "tv-42"}), {"value": 21.5})
        pauses = [record["in_ms"] for record in device.records("device.dials_again")]
        self.assertLessEqual(50, pauses[0])
        self.assertLessEqual(pauses[0], 100)
        self.assertGreaterEqual(pauses[1], 100)

    def test_restarts_when_it_is_told(self):
        device = self.connected()
        self.assertEqual(self.ask("restart", {"id": "tv-42"}), "")
        device.wait_for("device.restarts")
        device.wait_for("device.connected", 2)

    def test_that_logs_in_a_second_time_sends_the_first_away(self):
        first = self.connected()
        second = self.connected()
        first.wait_for("device.dials_again")
        second.wait_for("device.dials_again")  # the first is back, and so on, ever more slowly
        first.end()
        wait_until(lambda: self.ask("read", {"id": "tv-42"}) == {"value": 21.5}, "one is there")

    def test_without_its_key_does_not_come_in(self):
        self.connected()
        wrong = self.start_device(key="guess")
        self.assertIn("no such name and key", wrong.wait_for("device.dials_again")["why"])
        self.assertEqual(self.hub.records("fleet.left"), [])
        self.assertEqual(self.ask("read", {"id": "tv-42"}), {"value": 21.5})

    def test_is_no_operator(self):
        self.connected()
        body = {"id": "tv-42", "user": "operator"}
        self.assertEqual(self.ask("read", body, ("--login", "radio-1:other")),
                         (403, "contract.rule"))
        self.assertEqual(self.ask("read", body, ("--login", "operator:guess")),
                         (403, "fleet.bad_login"))
        self.assertEqual(self.ask("read", body, ()), (401, "session.login_expected"))

    def test_keeps_its_link_when_a_request_of_http_logs_in_as_the_same(self):
        self.connected()
        status, _, _ = self.curl(f"{self.address}/fleet/list",
                                 "-H", "Authorization: Bearer tv-42:secret")
        self.assertEqual(status, 403)
        self.assertEqual(self.hub.records("fleet.left"), [])
        self.assertEqual(self.ask("read", {"id": "tv-42"}), {"value": 21.5})

    def test_and_hub_tell_their_usage_and_end_in_order(self):
        for name in ("device/hub", "device/device"):
            self.assert_tells_its_usage(name)
        device = self.connected()
        self.assertEqual(device.end(), 130)  # ended before its task, which has no end
        self.assertEqual(self.hub.end(), 0)
        pausing = self.start_device()
        pausing.wait_for("device.dials_again", 4)  # a pause of 0.4 s at least has begun
        self.assertEqual(pausing.end(), 130)
        missing = self.run_to_end(os.path.join(os.environ["FL_EXAMPLES"], "device/hub"), "none.txt")
        self.assertEqual(missing.returncode, 1)
        self.assertIn("no keys in 'none.txt'", missing.stderr)


if __name__ == "__main__":
    unittest.main(verbosity=2)
