"""A new program that fails in whatever way costs the old one nothing."""

import os
import signal
import subprocess
import unittest

from testbed import (ENVIRONMENT, PATIENCE, PROGRAM, SERVICE, UpgradeTest,
                     TOO_LONG, program_that_has_a_term_to_read, taken_address, wait_until)


class Failures(UpgradeTest):
    def serves_on(self, pid):
        address = self.addresses()[0]
        self.assertEqual(self.who(address), pid)
        self.assertEqual(self.who(f"unix:{self.socket}"), pid)
        self.assertEqual(self.pid(), pid)

    def begin(self, **settings):
        self.configure(listen=["tcp://127.0.0.1:0", f"unix://{self.socket}"], **settings)
        return self.start()

    def fails(self, reason, exit_code=1):
        code, document = self.upgrade()
        self.assertEqual((code, document["error"]["reason"]), (exit_code, reason),
                         f"{document}\n{self.text()}")
        self.assertEqual(self.wait_for_event("service.not_upgraded")["reason"], reason)
        return document["error"]["message"]

    def test_one_that_ends_with_1(self):
        pid = self.begin()
        self.put("#!/bin/sh\necho no such library >&2\nexit 1\n")

        self.assertIn("exit code 1", self.fails("upgrade.ended"))

        self.assertIn("no such library", self.text())
        self.serves_on(pid)
        self.end(pid)

    def test_one_that_hangs(self):
        """For so long that who waits asks again, which is no other one who asks."""
        pid = self.begin(upgrade={"ready_timeout": "2500ms"})
        self.put("#!/bin/sh\nexec sleep 300\n")

        self.fails("upgrade.not_ready", exit_code=4)

        self.assertEqual(len(self.events("service.not_upgraded")), 1)
        self.serves_on(pid)
        self.end(pid)

    def test_one_without_the_right_to_be_run(self):
        pid = self.begin()
        self.put("#!/bin/sh\n", mode=0o644)

        self.fails("upgrade.not_started")

        self.serves_on(pid)
        self.end(pid)

    def test_one_whose_configuration_is_broken(self):
        pid = self.begin()
        address = self.addresses()[0]
        before = (self.folder / "math.yaml").read_text(encoding="utf-8")
        (self.folder / "math.yaml").write_text("listen: [tcp://127.0.0.1:0", encoding="utf-8")

        self.fails("upgrade.ended")

        self.assertEqual(self.who(address), pid)
        (self.folder / "math.yaml").write_text(before, encoding="utf-8")
        code, document = self.upgrade()
        self.assertEqual(code, 0, document)
        self.assertEqual(self.wait_for_end(pid), 0)
        self.serves_on(document["pid"])
        self.end(document["pid"])

    def listens_and_fails_then(self, **mistake):
        """It has the old one's sockets and its Unix socket's file: neither may end with it."""
        pid = self.begin()
        address = self.addresses()[0]
        self.change(**mistake)

        self.fails("upgrade.ended")

        wait_until(lambda: len(self.events("service.listening")) == 4, self.text)
        self.assertEqual(self.who(address), pid)
        self.assertEqual(self.who(f"unix:{self.socket}"), pid)
        self.end(pid)

    def test_one_that_listens_and_has_no_admin_page(self):
        self.listens_and_fails_then(admin=taken_address(self))

    def test_one_that_listens_and_fails_at_last(self):
        self.listens_and_fails_then(pid_file=TOO_LONG)

    def test_one_that_has_never_served_needs_no_notice(self):
        """Though there is nobody before it."""
        for mistake in ({"admin": taken_address(self)}, {"pid_file": TOO_LONG},
                        {"listen": ["unix:///no/such/folder/math.sock"]}):
            self.configure(notice="10m", **mistake)
            with open(self.log, "a", encoding="utf-8") as log:
                first = subprocess.run([str(self.program)], stderr=log, cwd=self.folder,
                                       timeout=PATIENCE, check=False, env=ENVIRONMENT)
            self.assertEqual(first.returncode, 1, self.text())

    def test_one_that_is_told_to_end_before_it_is_ready(self):
        pid = self.begin()
        self.put(program_that_has_a_term_to_read(SERVICE))

        self.fails("upgrade.ended")

        self.serves_on(pid)
        self.end(pid)

    def test_a_second_one_meanwhile_is_refused(self):
        pid = self.begin(upgrade={"ready_timeout": "60s"})
        self.put("#!/bin/sh\nexec sleep 300\n")
        first = subprocess.Popen([PROGRAM, "upgrade", str(pid)], stdout=subprocess.DEVNULL,
                                 stderr=subprocess.PIPE, text=True, env=ENVIRONMENT)
        new = self.wait_for_event("service.upgrading")["process"]

        self.fails("upgrade.under_way")

        # The end of the old one ends what it has begun.
        os.kill(pid, signal.SIGTERM)
        self.assertEqual(self.wait_for_end(pid), 0)
        self.assertEqual(first.wait(PATIENCE), 1, first.stderr.read())
        first.stderr.close()
        with self.assertRaises(ProcessLookupError):
            os.kill(new, 0)

    def test_none_while_it_drains_and_a_second_term_ends_it(self):
        pid = self.begin(notice="10m")
        os.kill(pid, signal.SIGTERM)
        self.wait_for_event("service.draining")

        code, document = self.upgrade(str(pid))

        self.assertEqual((code, document["error"]["reason"]), (1, "upgrade.draining"))

        # A second signal does not wait for the notice.
        def ended():
            os.kill(pid, signal.SIGTERM)  # the first ones may come too soon to count
            return self.process.poll() is not None

        wait_until(ended, self.text)
        self.assertEqual(self.wait_for_end(pid), 143)


if __name__ == "__main__":
    unittest.main()
