"""Every measurement that ./dev bench lists starts: one folder's names must not hide another's."""
import subprocess
import sys
import unittest
from pathlib import Path

BENCH = Path(__file__).resolve().parent.parent.parent / "bench"


class BenchNamesTest(unittest.TestCase):
    def test_each_measurement_explains_itself(self):
        scripts = sorted(BENCH.glob("[a-z]*.py"))
        self.assertTrue(scripts)
        for script in scripts:
            with self.subTest(script.name):
                done = subprocess.run([sys.executable, "-B", script, "--help"], timeout=60,
                                      capture_output=True, text=True)
                self.assertEqual(done.returncode, 0, done.stderr)
                self.assertIn(f"./dev bench {script.stem}", done.stdout)


if __name__ == "__main__":
    unittest.main(verbosity=2)
