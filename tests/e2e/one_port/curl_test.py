#!/usr/bin/env python3
"""curl at a service whose one port also speaks raw, WebSocket and TLS."""
import json
import unittest

from testbed import OnePort, run

DIVIDE = '{"a":10,"b":4}'
JSON = ("-H", "Content-Type: application/json")


class Curl(OnePort):
    def curl(self, path, *options, scheme="http"):
        """Gives status, fields (names in lower case) and body."""
        text = run("curl", "-sS", "-i", "--noproxy", "*", "--max-time", "20", *options,
                   self.url(path, scheme))
        head, _, body = text.partition("\n\n")  # text mode makes one of CR LF
        first, *lines = head.splitlines()
        fields = {name.lower(): value for name, _, value in (l.partition(": ") for l in lines)}
        return int(first.split()[1]), fields, body

    def assert_problem(self, answer, status, reason):
        got, fields, body = answer
        problem = json.loads(body)
        self.assertEqual((got, problem["status"], problem.get("reason")), (status, status, reason))
        self.assertEqual(fields["content-type"], "application/problem+json")

    def test_json_reaches_the_handler_that_a_raw_call_reaches(self):
        status, fields, body = self.curl("/math/divide", *JSON, "-d", DIVIDE)
        self.assertEqual((status, fields["content-type"]), (200, "application/json"))
        self.assertEqual(json.loads(body), {"quotient": 2.5})
        self.assertEqual(self.raw_call(DIVIDE), {"quotient": 2.5})

    def test_json_without_its_type_is_taken_as_json(self):
        status, _, body = self.curl("/math/divide", "-d", DIVIDE)
        self.assertEqual((status, json.loads(body)), (200, {"quotient": 2.5}))

    def test_a_form_is_taken_and_given(self):
        form = "application/x-www-form-urlencoded"
        status, fields, body = self.curl("/math/divide", "-d", "a=10&b=4", "-H", f"Accept: {form}")
        self.assertEqual((status, fields["content-type"], body), (200, form, "quotient=2.5"))

    def test_get_calls_without_a_body(self):
        status, _, body = self.curl("/math/who")
        self.assertEqual((status, json.loads(body)), (200, {"process": self.process.pid}))

    def test_the_query_becomes_metadata(self):
        status, _, body = self.curl("/math/divide?x-dry-run=1", "-d", DIVIDE)
        self.assertEqual((status, json.loads(body)["code"]), (422, 1002))

    def test_head_has_the_fields_of_get_and_no_body(self):
        status, fields, body = self.curl("/math/who", "-I")
        _, of_get, whole = self.curl("/math/who")
        self.assertEqual((status, body), (200, ""))
        self.assertEqual(fields["content-length"], of_get["content-length"])
        self.assertEqual(int(fields["content-length"]), len(whole))

    def test_options_tells_what_is_allowed(self):
        status, fields, body = self.curl("/math/divide", "-X", "OPTIONS")
        self.assertEqual((status, fields["allow"], body), (204, "GET, HEAD, OPTIONS, POST", ""))

    def test_a_push_is_accepted(self):
        status, _, body = self.curl("/math/stat", "-d", '{"ts":7}')
        self.assertEqual((status, body), (202, ""))
        self.assertEqual(int(self.wait_for_log("math.stat")["ts"]), 7)

    def test_another_method_is_refused_with_those_that_are_allowed(self):
        answer = self.curl("/math/divide", "-X", "DELETE")
        self.assert_problem(answer, 405, "http.method")
        self.assertEqual(answer[1]["allow"], "GET, HEAD, OPTIONS, POST")
        self.assertEqual(self.curl("/math/stat")[1]["allow"], "OPTIONS, POST")

    def test_an_unknown_type_is_refused_with_those_that_are_taken(self):
        answer = self.curl("/math/divide", "-H", "Content-Type: image/png", "-d", "x")
        self.assert_problem(answer, 415, "http.media_type")
        self.assertIn("application/json", answer[1]["accept"])

    def test_a_type_that_nobody_can_give_is_not_acceptable(self):
        self.assert_problem(self.curl("/math/who", "-H", "Accept: image/png"), 406,
                            "http.not_acceptable")

    def test_errors_are_problem_details(self):
        self.assert_problem(self.curl("/math/divid"), 404, "route.unknown")
        self.assert_problem(self.curl("/math/who?x=%ZZ"), 400, "http.bad_query")
        answer = self.curl("/math/divide", *JSON, "-d", '{"a":10,"b":0}')
        self.assert_problem(answer, 422, "contract.rule")
        self.assertEqual(json.loads(answer[2])["code"], 1001)

    def test_https_agrees_on_http_1_1_and_reaches_the_same_handler(self):
        trust = ("--cacert", self.certificate)
        status, _, body = self.curl("/math/divide", *trust, *JSON, "-d", DIVIDE, scheme="https")
        self.assertEqual((status, json.loads(body)), (200, {"quotient": 2.5}))
        # curl names h2 and http/1.1 by itself; the version is what was agreed on.
        told = run("curl", "-sS", "--noproxy", "*", *trust, "-o", "/dev/null", "-w",
                   "%{http_version} %{ssl_verify_result} %{scheme}", self.url("/math/who", "https"))
        self.assertEqual(told.lower(), "1.1 0 https")


if __name__ == "__main__":
    unittest.main(verbosity=2)
