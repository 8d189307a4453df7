"""`fairlead` at the command line: output, documents of --json, exit codes."""

import json
import os
import signal
import socket
import subprocess
import time
import unittest

from testbed import PATIENCE, PROGRAM, TestCase, clean_environment, run, wait_until


class Calls(TestCase):
    @classmethod
    def setUpClass(cls):
        cls.start_project(copies=1)

    def test_a_call_by_name_prints_the_reply(self):
        done = self.project.call("/math/divide", '{"a":10,"b":4}')

        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, '{"quotient":2.5}\n', ""))

    def test_a_call_by_address_needs_no_store(self):
        done = run("call", self.project.addresses[0], "/math/divide", '{"a":10,"b":4}')

        self.assertEqual((done.returncode, done.stdout), (0, '{"quotient":2.5}\n'))

    def test_a_server_that_is_stopped_is_given_up_long_before_the_timeout(self):
        pid = self.project.pids[0]
        os.kill(pid, signal.SIGSTOP)
        try:
            began = time.monotonic()
            done = run("call", self.project.addresses[0], "/math/who", "--timeout", "100s",
                       timeout=110)
            took = time.monotonic() - began
        finally:
            os.kill(pid, signal.SIGCONT)

        self.assertEqual(done.returncode, 3, done.stderr)
        self.assertIn("session.closed", done.stderr)
        self.assertLess(took, 60)
        # The service is found again: its lease was over.
        wait_until(lambda: self.project.call("/math/who").returncode == 0, "back")

    def test_the_store_may_come_from_the_environment(self):
        environment = {**clean_environment(), "FAIRLEAD_STORE": self.project.store}
        done = run("call", "math", "/math/who", environment=environment)

        self.assertEqual(json.loads(done.stdout), {"process": self.project.pids[0]})

    def test_the_body_may_come_from_standard_input_and_from_a_file(self):
        by_input = self.project.call("/math/divide", "-", stdin='{"a":9,"b":3}')
        path = os.path.join(self.project.folder.name, "body.json")
        with open(path, "w", encoding="utf-8") as file:
            file.write('{"a":8,"b":2}')
        by_file = self.project.call("/math/divide", "@" + path)

        self.assertEqual(json.loads(by_input.stdout), {"quotient": 3})
        self.assertEqual(json.loads(by_file.stdout), {"quotient": 4})

    def test_forms_and_metadata(self):
        form = self.project.call("/math/divide", "a=9&b=3", "--codec", "form", "--json")
        dry = self.project.call("/math/divide", '{"a":1,"b":1}', "--meta", "x-dry-run=1")

        self.assertEqual(json.loads(form.stdout)["codec"], "form")
        self.assertEqual(dry.returncode, 1)
        self.assertIn("business (1002): dry run", dry.stderr)

    def test_json_gives_one_document_for_replies_and_errors(self):
        good = json.loads(self.project.call("/math/divide", '{"a":10,"b":4}', "--json").stdout)
        bad = self.project.call("/math/divide", '{"a":10,"b":0}', "--json")
        error = json.loads(bad.stdout)

        self.assertEqual(good, {"ok": True, "codec": "json", "metadata": [],
                                "body": {"quotient": 2.5}})
        self.assertEqual((bad.returncode, bad.stderr), (1, ""))
        self.assertEqual((error["ok"], error["exit_code"], error["error"]["code"]),
                         (False, 1, 1001))

    def test_an_error_of_the_service_is_1_with_its_cause(self):
        done = self.project.call("/math/fail", '{"a":4711,"b":1}')

        self.assertEqual((done.returncode, done.stdout), (1, ""))
        self.assertIn("handler.threw", done.stderr)
        self.assertIn("4711", done.stderr)

    def test_no_answer_in_time_is_4(self):
        done = self.project.call("/math/slow", '{"a":1,"b":1}', "--timeout", "100ms")

        self.assertEqual(done.returncode, 4)
        self.assertIn("--timeout", done.stderr)

    def test_an_unknown_service_is_3(self):
        done = run("call", "nobody", "/x", "--store", self.project.store)

        self.assertEqual(done.returncode, 3)
        self.assertIn("nobody", done.stderr)

    def test_a_push_says_only_that_it_was_written(self):
        done = run("push", "math", "/math/stat", '{"ts":471100}', "--store", self.project.store)
        document = run("push", self.project.addresses[0], "/math/stat", '{"ts":1}', "--json")

        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, "", ""))
        self.assertEqual(json.loads(document.stdout), {"ok": True})


class CommandLine(unittest.TestCase):
    def test_a_server_that_is_down_is_3(self):
        with socket.create_server(("127.0.0.1", 0)) as free:
            address = f"127.0.0.1:{free.getsockname()[1]}"
        for command in ("call", "push"):
            done = run(command, address, "/math/divide", "{}")
            self.assertEqual(done.returncode, 3, done.stderr)
            self.assertIn(address, done.stderr)

    def test_a_store_that_is_not_there_is_3_and_is_not_made(self):
        done = run("call", "math", "/x", "--store", "file:/nowhere/store.db")

        self.assertEqual(done.returncode, 3)
        self.assertIn("/nowhere/store.db", done.stderr)

    def test_a_call_by_name_without_a_store_says_what_to_add(self):
        done = run("call", "math", "/x")

        self.assertEqual(done.returncode, 2)
        self.assertIn("--store", done.stderr)

    def test_wrong_words_are_2_with_the_nearest(self):
        for words, part in ((("gatway",), "'gateway'"), (("call", "a", "/b", "--jso"), "'--json'"),
                            ((), "command is missing"), (("call",), "SERVICE is required"),
                            (("call", "bad:address:x", "/x"), "bad:address:x"),
                            (("call", "math", "/x", "--store", "bogus:"), "bogus:")):
            done = run(*words)
            self.assertEqual(done.returncode, 2, done.stderr)
            self.assertIn(part, done.stderr)
            self.assertEqual(len(done.stderr.splitlines()), 1, done.stderr)

    def test_wrong_words_are_a_document_with_json(self):
        done = run("gatway", "--json")

        self.assertEqual((done.returncode, done.stderr), (2, ""))
        self.assertEqual(json.loads(done.stdout)["exit_code"], 2)

    def test_help_teaches(self):
        for words in ((), ("up",), ("gateway",), ("call",), ("push",), ("version",)):
            done = run(*words, "--help")
            self.assertEqual((done.returncode, done.stderr), (0, ""))
            self.assertIn("example", done.stdout)
            self.assertIn("exit codes:", done.stdout)
            self.assertNotIn("\x1b", done.stdout)

    def test_version(self):
        self.assertRegex(run("version").stdout, r"^fairlead \d+\.\d+\.\d+ \(.+\)\n$")
        self.assertEqual(run("--version").stdout, run("version").stdout)
        self.assertTrue(json.loads(run("version", "--json").stdout)["ok"])

    def test_a_reader_that_is_gone_is_no_error(self):
        read_end, write_end = os.pipe()
        os.close(read_end)
        done = subprocess.run([PROGRAM, "--help"], stdout=write_end, stderr=subprocess.PIPE,
                              timeout=PATIENCE, check=False)
        os.close(write_end)

        self.assertEqual((done.returncode, done.stderr), (0, b""))


if __name__ == "__main__":
    unittest.main()
