"""A gateway that runs and reads its file again, by HUP and by the admin listener."""

import json
import os
import pty
import signal
import subprocess
import time
import unittest

from testbed import PATIENCE, PROGRAM, Project, alive, clean_environment, wait_until

ROUTE = "{prefix: /api, service: math, strip: true}"


class Reload(unittest.TestCase):
    def start(self, **options):
        project = Project(copies=1, **options)
        self.addCleanup(project.__exit__, None, None, None)
        with open(project.config, encoding="utf-8") as file:
            self.text = file.read()
        return project

    def write(self, project, old, new):
        """The file as it was at the start, with one thing that is not the same."""
        self.assertIn(old, self.text)
        with open(project.config, "w", encoding="utf-8") as file:
            file.write(self.text.replace(old, new))

    def hang_up(self, project):
        project.process.send_signal(signal.SIGHUP)

    def post(self, project, *words, page="/config/reload"):
        """(status, document) of a request to the admin listener."""
        done = subprocess.run(["curl", "-sS", "--max-time", str(PATIENCE), "-w", "\n%{http_code}",
                               *words, f"http://{project.admin}{page}"],
                              capture_output=True, text=True, check=True)
        body, _, status = done.stdout.rpartition("\n")
        return int(status), json.loads(body)

    def status(self, project, path="/api/math/who"):
        return project.curl(path).status

    def test_other_routes_count_for_the_next_request(self):
        project = self.start()
        self.assertEqual(self.status(project), 200)

        self.write(project, ROUTE, ROUTE.replace("/api", "/v2"))
        self.hang_up(project)
        wait_until(lambda: self.status(project, "/v2/math/who") == 200, "the new route")
        wait_until(lambda: self.status(project) == 404, "the old one is gone, on every core")

        self.write(project, ROUTE, ROUTE)
        self.hang_up(project)
        wait_until(lambda: self.status(project) == 200, "the old route")

    def test_bounds_go_both_ways_while_requests_come(self):
        project = self.start(gateway="  body_max: 64KiB")
        divide = ("-H", "Content-Type: application/json", "-d", '{"a":10,"b":4}')

        for size, status in (("4", 413), ("64KiB", 200)):
            self.write(project, "body_max: 64KiB", f"body_max: {size}")
            self.hang_up(project)
            wait_until(lambda status=status:
                       project.curl("/api/math/divide", *divide).status == status,
                       f"{status} with {size}")

    def test_the_answer_says_what_came_of_it(self):
        project = self.start(gateway="  timeout: 2s")
        self.write(project, "timeout: 2s", "timeout: 3s\n  cores: 3")

        status, told = self.post(project, "--json", "{}")

        self.assertEqual((status, told["ok"], told["errors"]), (200, True, []))
        self.assertEqual(told["file"], project.config)
        self.assertEqual(told["changed"],
                         [{"key": "gateway.timeout", "before": "2s", "after": "3s"}])
        self.assertEqual(told["needs_restart"],
                         [{"key": "gateway.cores", "before": "(not set)", "after": "3"}])

    def test_a_mistake_changes_nothing_and_is_told_with_its_place(self):
        project = self.start(gateway="  timeout: 2s")
        self.write(project, "timeout: 2s", "timeout: soon\n  body_max: 4")

        status, told = self.post(project, "--json", "{}")

        self.assertEqual((status, told["ok"], told["changed"]), (422, False, []))
        self.assertIn("project.yaml:4:12", told["errors"][0]["message"])
        answer = project.curl("/api/math/divide", "--json", '{"a":10,"b":4}')
        self.assertEqual(answer.status, 200, "body_max is not 4")
        self.hang_up(project)
        wait_until(lambda: project.log().count("config.not_reloaded") == 2, "the log of both")

    def test_what_the_next_start_refuses_is_refused_now(self):
        project = self.start(gateway="  timeout: 2s")
        for wrong, key in (("admin: 0.0.0.0:1", "gateway.admin"),
                           ("store: etcd://x", "gateway.store"),
                           ("pid_file: /nonexistent/pid", "gateway.pid_file")):
            with self.subTest(wrong):
                text = self.text.replace("  admin: 127.0.0.1:0\n", "")
                with open(project.config, "w", encoding="utf-8") as file:
                    file.write(text.replace("timeout: 2s", f"timeout: 3s\n  {wrong}"))

                status, told = self.post(project, "--json", "{}")

                self.assertEqual((status, told["ok"], told["changed"]), (422, False, []))
                self.assertIn("project.yaml:4:", told["errors"][0]["message"])
                self.assertIn(f"key '{key}'", told["errors"][0]["message"])

    def test_pages_of_other_sites_change_nothing(self):
        project = self.start(gateway="  body_max: 64KiB")
        self.write(project, "body_max: 64KiB", "body_max: 4")
        attacks = {
            "a page of another site": (403, ("--json", "{}", "-H", "Origin: https://evil.example")),
            "a form of another port": (403, ("-d", "x=1", "-H", "Origin: http://127.0.0.1:1")),
            "a frame without origin": (403, ("--json", "{}", "-H", "Origin: null")),
            "a browser that tells": (403, ("--json", "{}", "-H", "Sec-Fetch-Site: cross-site")),
            "a form": (415, ("-d", "x=1")),
            "text": (415, ("-d", "{}", "-H", "Content-Type: text/plain")),
            "nothing": (415, ("-X", "POST")),
            "a rebound name": (421, ("--json", "{}", "-H", "Host: evil.example",
                                     "-H", "Origin: http://evil.example")),
            "an image": (405, ()),
            "a question before": (405, ("-X", "OPTIONS", "-H", "Origin: https://evil.example",
                                        "-H", "Access-Control-Request-Method: POST")),
        }
        for name, (expected, words) in attacks.items():
            with self.subTest(name):
                self.assertEqual(self.post(project, *words)[0], expected)
        answer = project.curl("/api/math/divide", "--json", '{"a":10,"b":4}')
        self.assertEqual(answer.status, 200, "body_max is not 4")

        own = ("--json", "{}", "-H", f"Origin: http://{project.admin}",
               "-H", "Sec-Fetch-Site: same-origin")
        self.assertEqual(self.post(project, *own)[0], 200)
        divide = ("/api/math/divide", "--json", '{"a":10,"b":4}')
        wait_until(lambda: project.curl(*divide).status == 413, "it counts")

    def test_a_terminal_that_is_closed_ends_it(self):
        project = self.start()
        child, terminal = pty.fork()
        if child == 0:
            os.execve(PROGRAM, [PROGRAM, "up", "--config", project.config], clean_environment())
        shown = b""
        while b"ready" not in shown:
            shown += os.read(terminal, 4096)

        os.close(terminal)

        end = time.monotonic() + PATIENCE
        while alive(child) and time.monotonic() < end:
            time.sleep(0.02)
        if alive(child):
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            self.fail("it runs on, and nobody sees it")
        os.waitpid(child, 0)


if __name__ == "__main__":
    unittest.main()
