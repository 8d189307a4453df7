#!/usr/bin/env python3
"""`./dev build release fairlead`, then `cmake --install`: the target builds all that is installed.

Nothing is built here: the files that the installation takes are compared with what ninja would
build for the target.
"""
import argparse
import re
import subprocess
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = "apps/fairlead/fairlead"  # of the target `fairlead`
OPTIONS = argparse.Namespace()


def installed():
    """Programs and libraries that the installation takes out of the build folder."""
    found = set()
    for script in OPTIONS.build.rglob("cmake_install.cmake"):
        for command in re.findall(r"file\(INSTALL (.*?)\)\n", script.read_text(), re.S):
            kind = re.search(r"TYPE (\w+)", command).group(1)
            if kind in ("EXECUTABLE", "STATIC_LIBRARY", "SHARED_LIBRARY"):
                found.update(Path(name) for name in re.findall(r'"(/[^"]+)"', command)
                             if Path(name).is_relative_to(OPTIONS.build))
    return {str(path.relative_to(OPTIONS.build)) for path in found}


def built_for(file):
    inputs = subprocess.run([OPTIONS.ninja, "-C", OPTIONS.build, "-t", "inputs", file],
                            capture_output=True, text=True, check=True).stdout
    return {file, *(line.strip() for line in inputs.splitlines())}


class ProgramTarget(unittest.TestCase):
    def test_is_what_the_guide_builds(self):
        page = (ROOT / "docs/guide/01-first-service.md").read_text(encoding="utf-8")
        self.assertIn("\n./dev build release fairlead\ncmake --install build/release ", page)

    def test_builds_what_is_installed(self):
        files = installed()
        self.assertIn(PROGRAM, files)
        self.assertIn("src/fairlead/service/libfairlead_service.a", files)
        self.assertEqual(files - built_for(PROGRAM), set())


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", type=Path, required=True)
    parser.add_argument("--ninja", required=True)
    _, rest = parser.parse_known_args(namespace=OPTIONS)
    unittest.main(argv=[__file__, *rest])
