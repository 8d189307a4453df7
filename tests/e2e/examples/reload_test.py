"""A program that runs and reads its configuration again, by HUP and by the admin listener."""

import json
import signal
import socket
import unittest

from testbed import EXAMPLES, ExampleTest, wait_until


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
        self.assertIn("key 'clients.default.tls.ca_file': /no/such.pem", told["message"])

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

    def test_what_the_next_start_refuses_is_refused_when_it_is_read_again(self):
        usual = {"store": "memory:", "listen": "127.0.0.1:0", "admin": "127.0.0.1:0"}
        self.write("math", **usual)
        program = self.start("math/demo_service")
        self.admin = program.wait_for("service.admin")["address"]
        for settings, *told in (
                ({"pools": {"main": {"threads": 3}}}, "pools.main", "has no pool 'main'"),
                ({"store": "etcd://x"}, "'store'", "is no store"),
                ({"store": "file:/nonexistent/x.db"}, "'store'", "its folder does not exist"),
                ({"admin": "foo"}, "'admin'", "'foo'"),
                ({"admin": "0.0.0.0:1"}, "'admin'", "can be reached from other machines"),
                ({"advertise": "foo"}, "'advertise'", "'foo'"),
                ({"listen": "tls://127.0.0.1:0"}, "'listen'", "there is no certificate"),
                ({"tls": {"certificates": [{"certificate_file": "/nope", "key_file": "/no"}]}},
                 "'tls.certificates[0].certificate_file'", "/nope: No such file"),
                ({"secure": {"keys_file": "/nope"}}, "'secure.keys_file'", "/nope"),
                ({"pid_file": "/nonexistent/math.pid"}, "'pid_file'", "/nonexistent/math.pid"),
                ({"plugins": [{"name": "overloader", "limits_file": "/nope.yaml"}]},
                 "'plugins[0].limits_file'", "/nope.yaml"),
                ({"plugins": [{"name": "tps"}, {"name": "tps"}]}, "'plugins[1]", "tps"),
                ({"clients": {"default": {"tls": {"ca_file": "/nope"}}}},
                 "'clients.default.tls.ca_file'", "/nope: No such file"),
                ({"heartbeat": {"mode": "ping_ping", "miss_max": 1}}, "'heartbeat.miss_max'",
                 "at least 2 with ping_ping")):
            with self.subTest(settings=settings):
                self.write("math", **{**usual, "drain": "2s", **settings})

                status, answer = self.reload("--json", "{}")
                start = self.run_to_end(EXAMPLES / "math/demo_service")

                self.assertEqual((status, answer["ok"], start.returncode), (422, False, 1))
                for what in ("math.yaml:1:", *told):
                    self.assertIn(what, answer["errors"][0]["message"])
                    self.assertIn(what, start.stderr)
        self.write("math", **usual, drain="3s")
        self.assertEqual(self.reload("--json", "{}")[1]["changed"],
                         [{"key": "drain", "before": "(not set)", "after": "3s"}])

    def test_mistakes_of_options_are_told_with_their_key_before_anything_opens(self):
        words = ("--store", "memory:", "--listen", "127.0.0.1:0", "--admin", "0.0.0.0:0")
        start = self.run_to_end(EXAMPLES / "math/demo_service", *words)
        self.assertEqual(start.returncode, 1)
        self.assertIn("flag --admin: key 'admin' 0.0.0.0:0 can be reached", start.stderr)
        self.assertNotIn("service.listening", start.stderr)

    def test_the_log_has_every_mistake(self):
        program = self.start_math()
        wrong = [f"a_key_that_nobody_knows_and_that_is_rather_long_{i}" for i in range(12)]
        self.write("math", **{key: 1 for key in wrong})
        program.process.send_signal(signal.SIGHUP)

        def told():
            return "".join(one["message"] for one in program.records("config.not_reloaded"))

        wait_until(lambda: wrong[-1] in told(), "the last mistake")
        for key in wrong:
            self.assertIn(f"unknown key '{key}'", told())

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
