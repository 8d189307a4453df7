"""./dev without a network: what it says, and what it would install, with stand-ins for apt."""
import os
import stat
import subprocess
import tempfile
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
DPKG_ALL = "echo installed\n"
DPKG_NO_NINJA = 'case "$*" in *ninja-build) exit 1 ;; *) echo installed ;; esac\n'
APT_OK = 'echo "apt: $*"\n'
APT_FAILS = 'echo "E: Unable to locate package" >&2\nexit 100\n'
ID_ROOT, ID_USER = "echo 0\n", "echo 1000\n"
SUDO = 'echo "sudo: $*"\n'


class Dev(unittest.TestCase):
    def run_dev(self, *arguments, programs=None, **environment):
        """Runs ./dev from an empty folder; `programs` stand before the system's on the path."""
        with tempfile.TemporaryDirectory() as folder:
            for name, text in (programs or {}).items():
                path = Path(folder) / name
                path.write_text("#!/bin/sh\n" + text, encoding="utf-8")
                path.chmod(path.stat().st_mode | stat.S_IXUSR)
            settings = {k: v for k, v in os.environ.items() if k != "FL_SKIP_SETUP"}
            settings["PATH"] = f"{folder}:{settings['PATH']}"
            settings.update(environment)
            return subprocess.run([ROOT / "dev", *arguments], cwd=folder, env=settings,
                                  stdin=subprocess.DEVNULL, capture_output=True, text=True,
                                  timeout=60, check=False)

    def test_teaches_every_command_with_an_example(self):
        run = self.run_dev("help")

        self.assertEqual(run.returncode, 0)
        for name in ("setup", "build", "test", "check", "nightly", "demo", "bench", "docs",
                     "format", "help"):
            self.assertRegex(run.stdout, rf"(?m)^  {name}\b")
        self.assertNotIn("\x1b", run.stdout)

    def test_suggests_the_command_that_was_meant(self):
        run = self.run_dev("tset")
        self.assertEqual(run.returncode, 2)
        self.assertIn("did you mean './dev test'", run.stderr)

        run = self.run_dev("frobnicate")
        self.assertEqual(run.returncode, 2)
        self.assertIn("./dev help", run.stderr)

    def test_setup_takes_one_line_when_all_is_there(self):
        run = self.run_dev("setup", programs={"dpkg-query": DPKG_ALL, "apt-get": APT_FAILS})

        self.assertEqual(run.returncode, 0, run.stderr)
        self.assertEqual(len(run.stdout.splitlines()), 1)

    def test_setup_installs_only_what_is_missing(self):
        run = self.run_dev("setup", programs={
            "dpkg-query": DPKG_NO_NINJA, "apt-get": APT_OK, "id": ID_ROOT, "sudo": "exit 9\n"})

        self.assertEqual(run.returncode, 0, run.stderr)
        self.assertRegex(run.stdout, r"apt: .*update\n")
        self.assertRegex(run.stdout, r"apt: .*install -y --no-install-recommends ninja-build\n")

    def test_setup_asks_sudo_only_when_not_root(self):
        run = self.run_dev("setup", programs={
            "dpkg-query": DPKG_NO_NINJA, "apt-get": APT_OK, "id": ID_USER, "sudo": SUDO})

        self.assertEqual(run.returncode, 0, run.stderr)
        self.assertIn("sudo: env DEBIAN_FRONTEND=noninteractive apt-get", run.stdout)

    def test_setup_names_what_to_install_when_apt_fails(self):
        run = self.run_dev("setup", programs={
            "dpkg-query": DPKG_NO_NINJA, "apt-get": APT_FAILS, "id": ID_ROOT})

        self.assertEqual(run.returncode, 1)
        self.assertIn("could not install: ninja-build", run.stderr)
        self.assertIn("FL_SKIP_SETUP=1", run.stderr)

    def test_setup_can_be_left_out(self):
        run = self.run_dev("setup", programs={"dpkg-query": "exit 1\n", "apt-get": APT_FAILS},
                           FL_SKIP_SETUP="1")
        self.assertEqual(run.returncode, 0, run.stderr)

    def test_names_the_choices_for_a_wrong_argument(self):
        for arguments, choice in ((("setup", "tests"), "build test check bench"),
                                  (("check", "styel"), "layers style format"),
                                  (("nightly", "--fast"), "--quick"),
                                  (("bench", "nosuch"), "no bench/nosuch.py")):
            run = self.run_dev(*arguments, FL_SKIP_SETUP="1")
            self.assertEqual(run.returncode, 1, arguments)
            self.assertIn(choice, run.stderr)

    def test_lists_the_nightly_steps_without_running_them(self):
        run = self.run_dev("nightly", "--list")
        self.assertEqual(run.returncode, 0, run.stderr)
        self.assertRegex(run.stdout, r"(?m)^check\b")


if __name__ == "__main__":
    unittest.main()
