"""A program that runs and reads its configuration again, by HUP and by the admin listener."""

import json
import signal
import socket
import unittest

from testbed import ExampleTest, wait_until


class Reload(ExampleTest):
    def write(self, name, **settings):
        (self.folder / f"{name}.yaml").write_text(json.dumps(settings), encoding="utf-8")

    def start_math(self, **settings):
        self.write("math", **settings)
        self.math = self.start("math/demo_service", "--store", "memory:", "--listen", "127.0.0.1:0",
                               "--admin", "127.0.0.1:0")
        self.address = self.math.address()
        self.admin = self.math.wait_for("service.admin")["address"]
        return self.math

    def hang_up(self, program, event="config.reloaded"):
        before = len(program.records(event))
        program.process.send_signal(signal.SIGHUP)
        record = program.wait_for(event, before + 1)
        # The page asks every core, behind what was posted there: a connection may be faster.
        self.curl(f"{program.wait_for('service.admin')['address']}/links.json")
        return record

    def metric(self, name):
        _, _, text = self.curl(f"{self.admin}/metrics")
        found = [line.split()[-1] for line in text.splitlines() if line.startswith(name + " ")]
        return float(found[0]) if found else 0.0

    def come(self, count):
        host, port = self.address.rsplit(":", 1)
        for _ in range(count):
            self.addCleanup(socket.create_connection((host, int(port)), timeout=10).close)

    def undecided(self):
        return self.metric("fairlead_rpc_undecided_connections")

    def refused(self):
        return self.metric("fairlead_rpc_undecided_refused_total")

    def test_a_limit_is_raised_under_load_and_lowered_without_closing_anybody(self):
        program = self.start_math(limits={"undecided_connections_max": 2})
        self.come(8)
        wait_until(lambda: self.refused() + self.undecided() == 8, "all were accepted")
        refused = self.refused()
        self.assertGreaterEqual(refused, 6)

        self.write("math", limits={"undecided_connections_max": 200})
        self.hang_up(program)
        self.come(8)
        wait_until(lambda: self.undecided() == 16 - refused, "all may stay")

        self.write("math", limits={"undecided_connections_max": 2})
        self.hang_up(program)
        self.come(3)
        wait_until(lambda: self.refused() == refused + 3, "nobody else")
        self.assertEqual(self.undecided(), 16 - refused)

    def test_clients_go_by_the_new_settings_from_the_next_dial_on(self):
        program = self.start_math()
        proxy = self.start("proxy/proxy", f"/math={self.address}", f"/mirror={self.address}",
                           "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--config",
                           self.config_of("proxy", clients={}))

        def divide():
            return self.call(proxy.address(), "/math/divide", '{"a":10,"b":4}')[0]

        self.assertEqual(divide(), 0)

        self.write("proxy", clients={"default": {"tls": {"required": True}}})
        self.hang_up(proxy)
        program.end(signal.SIGKILL)
        again = self.start("math/demo_service", "--store", "memory:", "--listen", self.address)
        again.address()
        wait_until(lambda: divide() != 0, "no TLS there")

        self.write("proxy", clients={"default": {"tls": {"ca_file": "/no/such.pem"}}})
        told = self.hang_up(proxy, "config.not_reloaded")
        self.assertIn("clients.default: /no/such.pem", told["message"])

        self.write("proxy", clients={})
        self.hang_up(proxy)
        wait_until(lambda: divide() == 0, "as before")

    def config_of(self, name, **settings):
        self.write(name, **settings)
        return str(self.folder / f"{name}.yaml")

    def reload(self, *options):
        status, _, body = self.curl(f"http://{self.admin}/config/reload", *options)
        return status, json.loads(body)

    def test_the_answer_of_the_admin_listener_says_what_came_of_it(self):
        self.start_math(limits={"call_timeout": "1s"}, spin="10us")
        self.write("math", limits={"call_timeout": "2s"}, spin="20us",
                   clients={"default": {"login_token": "secret"}})

        status, told = self.reload("--json", "{}")

        self.assertEqual((status, told["ok"], told["file"]), (200, True, "math.yaml"))
        self.assertEqual(told["changed"], [
            {"key": "clients.default.login_token", "before": "(not set)", "after": "***"},
            {"key": "limits.call_timeout", "before": "1s", "after": "2s"}])
        self.assertEqual(told["needs_restart"],
                         [{"key": "spin", "before": "10us", "after": "20us"}])

        (self.folder / "math.yaml").write_text("limits:\n  call_timeout: soon\n", encoding="utf-8")
        status, told = self.reload("--json", "{}")
        self.assertEqual((status, told["ok"], told["changed"]), (422, False, []))
        self.assertIn("math.yaml:2:17", told["errors"][0]["message"])
        self.assertEqual(self.metric("fairlead_service_config_reloads_failed_total"), 1)

    def test_pages_of_other_sites_change_nothing(self):
        self.start_math(drain="1s")
        self.write("math", drain="2s")
        for expected, options in (
                (403, ("--json", "{}", "-H", "Origin: https://evil.example")),
                (403, ("--json", "{}", "-H", "Sec-Fetch-Site: same-site")),
                (415, ("-d", "x=1")),
                (421, ("--json", "{}", "-H", "Host: evil.example"))):
            self.assertEqual(self.reload(*options)[0], expected, options)
        self.assertEqual(self.math.records("config.reloaded"), [])

        self.assertEqual(self.reload("--json", "{}")[0], 200)
        self.math.wait_for("config.reloaded")
        self.assertEqual(len(self.math.records("config.reloaded")), 1)


if __name__ == "__main__":
    unittest.main()
