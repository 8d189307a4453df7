"""A proxy that passes calls on to the service whose prefix their method has."""
import json
import signal
import unittest

from testbed import EXAMPLES, FAIRLEAD, ExampleTest, wait_until


class Proxy(ExampleTest):
    def setUp(self):
        super().setUp()
        self.mirror = self.start("proxy/mirror", "--listen", "127.0.0.1:0")
        self.math = self.start_math("127.0.0.1:0")
        self.math_address = self.math.address()
        self.proxy = self.start("proxy/proxy", f"/math={self.math_address}",
                                f"/mirror={self.mirror.address()}", "--listen", "127.0.0.1:0")
        self.address = self.proxy.address()

    def start_math(self, address):
        return self.start("math/demo_service", "--store", "memory:", "--listen", address)

    def look(self, *options, body='{"text":"hi"}'):
        code, told = self.call(self.address, "/mirror/look", body, *options)
        self.assertEqual(code, 0, told)
        return told["body"]

    def test_passes_each_method_on_to_its_service(self):
        code, told = self.call(self.address, "/math/divide", '{"a":10,"b":4}')
        self.assertEqual((code, told["body"]), (0, {"quotient": 2.5}))
        self.assertEqual(self.look()["text"], "hi")

    def test_passes_metadata_transforms_and_the_callers_address_on(self):
        seen = self.look("--meta", "color=red", "--transforms", "gm")
        self.assertEqual((seen["metadata"]["color"], seen["transforms"]), ("red", "gm"))
        self.assertEqual(seen["real_ip"], "127.0.0.1")
        self.assertLessEqual(int(seen["metadata"]["X-Fl-Timeout"]), 30000)

    def test_passes_the_codec_on_and_back(self):
        done = self.run_to_end(FAIRLEAD, "call", self.address, "/mirror/look", "text=hi",
                               "--codec", "form")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("codec=form", done.stdout)
        self.assertIn("text=hi", done.stdout)

    def test_serves_curl_as_well(self):
        status, fields, body = self.curl(f"{self.address}/mirror/look", "-H", "color: blue",
                                         "--json", '{"text":"hi"}')
        seen = json.loads(body)
        self.assertEqual((status, seen["text"], seen["metadata"]["color"]), (200, "hi", "blue"))
        self.assertEqual((fields["mirror"], fields["way"]), ("clean", "/mirror"))

    def test_gives_errors_of_a_service_as_they_are(self):
        code, told = self.call(self.address, "/math/divide", '{"a":10,"b":0}')
        self.assertEqual((code, told["error"]["code"]), (1, 1001))
        status, _, body = self.curl(f"{self.address}/math/divide", "--json", '{"a":1,"b":0}')
        self.assertEqual((status, json.loads(body)["code"]), (422, 1001))

    def test_passes_pushes_on(self):
        pushed = self.run_to_end(FAIRLEAD, "push", self.address, "/mirror/remember",
                                 '{"text":"later"}', "--meta", "n=1")
        self.assertEqual(pushed.returncode, 0, pushed.stderr)

        def remembered():
            seen = self.call(self.address, "/mirror/remembered", "")[1]["body"]
            return seen["text"] == "later" and seen
        self.assertEqual(wait_until(remembered, "the push")["metadata"]["n"], "1")

    def test_says_which_service_is_away_and_finds_it_when_it_is_back(self):
        self.math.end(signal.SIGKILL)

        code, told = self.call(self.address, "/math/divide", '{"a":10,"b":4}')
        self.assertEqual((code, told["error"]["code"]), (1, 502))
        self.assertIn(self.math_address, told["error"]["cause"])
        status, fields, body = self.curl(f"{self.address}/math/divide", "--json", '{"a":1,"b":2}')
        self.assertEqual((status, fields["way"]), (502, "/math"))
        self.assertNotIn(self.math_address, body)  # that is ours to know
        self.assertEqual(self.look()["text"], "hi", "the other service is there")

        self.start_math(self.math_address)
        wait_until(lambda: self.call(self.address, "/math/divide", '{"a":10,"b":4}')[0] == 0,
                   "math is back")

    def test_refuses_what_has_no_way(self):
        for method in ("/other", "/mathematics/divide"):
            error = self.call(self.address, method, "{}")[1]["error"]
            self.assertEqual((error["code"], error["reason"]), (502, "proxy.no_target"))

    def test_finds_services_by_their_names_in_the_registry(self):
        store = ("--store", f"file:{self.folder}/store.db")
        math = self.start("math/demo_service", *store)
        math.wait_for("service.registered")
        proxy = self.start("proxy/proxy", "/math=math", *store, "--listen", "127.0.0.1:0")
        _, told = self.call(proxy.address(), "/math/who", "")
        self.assertEqual(told["body"], {"process": math.process.pid})

    def test_tells_its_usage_and_ends_in_order(self):
        self.assert_tells_its_usage("proxy/proxy")
        for word in ("math", "/math", "/math=", "=a", "/math/=127.0.0.1:1", "/=127.0.0.1:1"):
            self.assertEqual(self.run_to_end(EXAMPLES / "proxy/proxy", word).returncode, 2, word)
        self.assertEqual(self.proxy.end(), 0)


if __name__ == "__main__":
    unittest.main(verbosity=2)
