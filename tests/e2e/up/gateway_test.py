"""curl -> gateway -> service and back: what a client of the gateway sees."""

import json
import subprocess
import unittest

from testbed import TestCase

JSON = ("-H", "Content-Type: application/json", "-d")


class Gateway(TestCase):
    @classmethod
    def setUpClass(cls):
        cls.start_project(gateway="  body_max: 64KiB\n  timeout: 2s")

    def assert_problem(self, answer, status, reason):
        self.assertEqual(answer.status, status, answer.body)
        self.assertEqual(answer.headers["content-type"], "application/problem+json")
        self.assertEqual(answer.json["status"], status)
        self.assertEqual(answer.json.get("reason"), reason)
        return answer.json

    def divide(self, body, *words):
        return self.project.curl("/api/math/divide", *words, *JSON, body)

    def test_json_in_json_out(self):
        answer = self.divide('{"a":10,"b":4}')

        self.assertEqual(answer.status, 200)
        self.assertEqual(answer.headers["content-type"], "application/json")
        self.assertTrue(answer.headers["x-request-id"])
        self.assertEqual(answer.json, {"quotient": 2.5})

    def test_a_form_in_json_out(self):
        answer = self.project.curl("/api/math/divide", "-d", "a=10", "-d", "b=4")

        self.assertEqual(answer.json, {"quotient": 2.5})

    def test_both_copies_get_calls(self):
        seen = {self.project.who() for _ in range(20)}

        self.assertEqual(seen, set(self.project.pids))

    def test_headers_and_query_arrive_as_metadata(self):
        by_header = self.divide('{"a":1,"b":1}', "-H", "X-Dry-Run: 1")
        by_query = self.project.curl("/api/math/divide?x-dry-run=1", *JSON, '{"a":1,"b":1}')

        self.assertEqual(by_header.json["code"], 1002)
        self.assertEqual(by_query.json["code"], 1002)

    def test_an_unknown_route_is_404(self):
        problem = self.assert_problem(self.project.curl("/nothing"), 404, "gateway.no_route")
        self.assertIn("/nothing", problem["detail"])

    def test_an_unknown_method_is_404_and_names_the_nearest(self):
        problem = self.assert_problem(self.project.curl("/api/math/divid", *JSON, "{}"), 404,
                                      "route.unknown")
        self.assertIn("/math/divide", problem["detail"])

    def test_a_field_of_a_wrong_type_is_400_with_its_path(self):
        problem = self.assert_problem(self.divide('{"a":"ten","b":4}'), 400, "codec.json")
        self.assertTrue(problem["detail"].startswith("a:"), problem["detail"])

    def test_what_is_no_json_is_400(self):
        self.assert_problem(self.divide('{"a":'), 400, "codec.json")

    def test_a_broken_rule_with_its_own_code_is_422(self):
        problem = self.assert_problem(self.divide('{"a":1,"b":0}'), 422, "contract.rule")
        self.assertEqual(problem["code"], 1001)
        self.assertEqual(problem["detail"], "divisor out of range")

    def test_a_handler_that_throws_is_500_without_its_cause(self):
        answer = self.project.curl("/api/math/fail", *JSON, '{"a":4711,"b":1}')

        self.assert_problem(answer, 500, "handler.threw")
        self.assertNotIn("4711", answer.body)
        self.assertEqual(self.divide('{"a":1,"b":1}').status, 200)

    def test_a_body_over_the_limit_is_413(self):
        at_limit = '{"a":1,"b":1}'.ljust(64 * 1024)

        self.assertEqual(self.divide(at_limit).status, 200)
        self.assertEqual(self.divide(at_limit + " ").status, 413)

    def test_another_content_type_is_415(self):
        answer = self.project.curl("/api/math/divide", "-H", "Content-Type: text/xml", "-d", "<a/>")
        problem = self.assert_problem(answer, 415, "gateway.media_type")
        self.assertIn("application/json", problem["detail"])

    def test_another_http_method_is_405_with_allow(self):
        answer = self.project.curl("/api/math/divide", "-X", "DELETE")

        self.assert_problem(answer, 405, "gateway.method")
        self.assertEqual(answer.headers["allow"], "GET, HEAD, OPTIONS, POST")
        self.assertEqual(self.project.curl("/api/math/who", "-X", "OPTIONS").status, 204)
        self.assertEqual(self.project.curl("/api/math/who", "-I").status, 200)

    def test_paths_that_climb_are_refused(self):
        for path in ("/api/../math/who", "/api/math%2fwho", "/api/%2e%2e/x", "/api/math/who%00"):
            self.assertEqual(self.project.curl(path, "--path-as-is").status, 400, path)

    def test_a_call_that_takes_too_long_is_504(self):
        answer = self.project.curl("/api/math/slow", *JSON, '{"a":4,"b":1}')

        # Both sides know the time; whose answer comes first is nobody's to say.
        self.assertIn(answer.json.get("reason"), ("call.deadline", "handler.deadline"))
        self.assert_problem(answer, 504, answer.json["reason"])

    def test_reserved_names_from_outside_do_not_arrive(self):
        # The handler's deadline comes from X-Fl-Timeout, and 0 would expire the call at once.
        answer = self.divide('{"a":10,"b":4}', "-H", "X-Fl-Timeout: 0", "-H", "X-Real-IP: 9.9.9.9",
                             "-H", "X-Accept-Body-Codec: 112")
        query = self.project.curl("/api/math/divide?X-Fl-Timeout=0&x-accept-body-codec=112", *JSON,
                                  '{"a":10,"b":4}')

        self.assertEqual(answer.json, {"quotient": 2.5})
        self.assertEqual(query.json, {"quotient": 2.5})

    def test_the_admin_listener_counts_and_is_ready(self):
        self.divide('{"a":10,"b":4}')

        def admin(path):
            return subprocess.run(["curl", "-sS", f"http://{self.project.admin}{path}"],
                                  capture_output=True, text=True, timeout=30, check=True).stdout

        self.assertTrue(json.loads(admin("/readyz"))["ready"])
        self.assertIn('fairlead_gateway_requests_total{route="/api",code_class="2xx"}',
                      admin("/metrics"))


class BusinessStatus(TestCase):
    @classmethod
    def setUpClass(cls):
        cls.start_project(copies=1, gateway="  status_style: biz299")

    def test_business_codes_are_299_when_told_to(self):
        answer = self.project.curl("/api/math/divide", *JSON, '{"a":1,"b":0}')

        self.assertEqual(answer.status, 299)
        self.assertEqual(answer.json["code"], 1001)


if __name__ == "__main__":
    unittest.main()
