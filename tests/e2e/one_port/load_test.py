#!/usr/bin/env python3
"""wrk on eight connections, and raw calls meanwhile: nothing fails. No time is measured."""
import os
import re
import subprocess
import unittest

from testbed import ENVIRONMENT, HERE, PATIENCE, OnePort


class Load(OnePort):
    def test_wrk_meets_no_error_while_raw_calls_are_answered(self):
        command = [os.environ["FL_WRK"], "-t1", "-c8", "-d1s", "-s", HERE / "divide.lua",
                   self.url("/math/divide")]
        wrk = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=ENVIRONMENT)
        for _ in range(3):
            self.assertEqual(self.raw_call(), {"quotient": 2.5})
        told, _ = wrk.communicate(timeout=PATIENCE)
        self.assertEqual(wrk.returncode, 0, told)
        self.assertIn("wrong answers: 0\n", told)
        self.assertNotIn("Socket errors", told)
        self.assertNotIn("Non-2xx", told)
        self.assertGreater(int(re.search(r"(\d+) requests in", told).group(1)), 8)


if __name__ == "__main__":
    unittest.main(verbosity=2)
