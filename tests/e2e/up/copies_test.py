"""Copies of a service that die, join and end."""

import os
import signal
import subprocess
import threading
import time
import unittest

from testbed import (PATIENCE, SERVICE, Project, alive, clean_environment, read_line,
                     refused, wait_until)


class Copies(unittest.TestCase):
    def test_a_killed_copy_loses_at_most_the_call_that_it_had(self):
        with Project() as project:
            victim = project.pids[0]
            results = []
            running = threading.Event()
            stop = threading.Event()

            def loop():
                while not stop.is_set():
                    answer = project.curl("/api/math/who")
                    results.append((time.monotonic(), answer.status, answer.body))
                    if len(results) == 20:
                        running.set()

            client = threading.Thread(target=loop)
            client.start()
            self.assertTrue(running.wait(PATIENCE))
            os.kill(victim, signal.SIGKILL)
            killed_at = time.monotonic()
            wait_until(lambda: results[-1][0] > killed_at + 7, "calls after the lease's end")
            stop.set()
            client.join(PATIENCE)

            failed = [result for result in results if result[1] != 200]
            self.assertLessEqual(len(failed), 1, failed)
            for at, _, _ in failed:
                self.assertLess(at, killed_at + 1)
            last = [body for _, _, body in results[-10:]]
            self.assertTrue(all(str(project.pids[1]) in body for body in last), last)
            self.assertIn("signal 9", project.log())

    def test_calls_inside_a_killed_copy_are_told_at_once(self):
        with Project(copies=1) as project:
            answers = []
            slow = threading.Thread(target=lambda: answers.append(project.curl(
                "/api/math/slow", "-H", "Content-Type: application/json", "-d",
                '{"a":14,"b":1}')))
            slow.start()
            project.wait_for_calls()
            os.kill(project.pids[0], signal.SIGKILL)
            slow.join(PATIENCE)

            self.assertEqual(answers[0].status, 502)
            self.assertEqual(answers[0].json["reason"], "session.closed")
            self.assertEqual(project.curl("/api/math/who").status, 503)

    def test_a_third_copy_started_by_hand_gets_its_share(self):
        with Project() as project:
            third = subprocess.Popen([SERVICE, "--store", project.store], stderr=subprocess.PIPE,
                                     stdout=subprocess.DEVNULL, env=clean_environment())
            try:
                self.assertTrue(read_line(third.stderr))
                wait_until(lambda: project.who() == third.pid, "a call of the third copy")
                seen = [project.who() for _ in range(60)]
                share = seen.count(third.pid)
                self.assertGreater(share, 10, seen)
                self.assertLess(share, 30, seen)

                third.terminate()
                self.assertEqual(third.wait(PATIENCE), 0)
                statuses = [project.curl("/api/math/who").status for _ in range(30)]
                self.assertEqual(set(statuses), {200})
            finally:
                third.kill()
                third.wait()
                third.stderr.close()

    def test_ctrl_c_ends_everything_and_leaves_nothing(self):
        project = Project()
        with project:
            store = project.store.removeprefix("file:")
            self.assertTrue(os.path.exists(store))

            self.assertEqual(project.interrupt(), 0)

            for pid in project.pids:
                self.assertFalse(alive(pid), pid)
            for address in [project.gateway, project.admin, *project.addresses]:
                self.assertTrue(refused(address), address)
            self.assertFalse(os.path.exists(os.path.dirname(store)))

    def test_a_request_under_way_is_answered_while_everything_drains(self):
        with Project() as project:
            answers = []
            slow = threading.Thread(target=lambda: answers.append(project.curl(
                "/api/math/slow", "-H", "Content-Type: application/json", "-d",
                '{"a":1.5,"b":1}')))
            slow.start()
            project.wait_for_calls()

            self.assertEqual(project.interrupt(), 0)
            slow.join(PATIENCE)

            self.assertEqual(answers[0].status, 200)
            self.assertEqual(answers[0].json, {"quotient": 1.5})

    def test_a_second_ctrl_c_ends_at_once_and_takes_the_copies_along(self):
        project = Project()
        try:
            slow = threading.Thread(target=lambda: subprocess.run(
                ["curl", "-s", "--max-time", "20", f"http://{project.gateway}/api/math/slow",
                 "-d", "a=9", "-d", "b=1"], capture_output=True, check=False))
            slow.start()
            project.wait_for_calls()
            project.process.send_signal(signal.SIGINT)
            wait_until(lambda: project.links()["phase"] == "draining", "the drain")
            self.assertIsNone(project.process.poll(), "the first one only drains")
            project.process.send_signal(signal.SIGINT)

            self.assertEqual(project.process.wait(PATIENCE), 130)
            wait_until(lambda: not any(alive(pid) for pid in project.pids), "the copies' end")
            slow.join(PATIENCE)
        finally:
            project.process.kill()
            project.process.wait()
            project.process.stdout.close()
            project.errors.close()
            project.folder.cleanup()
            project.remove_store()

    def test_copies_die_with_a_parent_that_is_killed(self):
        with Project() as project:
            project.process.kill()
            project.process.wait()

            wait_until(lambda: not any(alive(pid) for pid in project.pids), "the copies' end")
            project.process.returncode = 0  # what we did to it is no failure
            project.remove_store()


if __name__ == "__main__":
    unittest.main()
