#!/usr/bin/env python3
"""Runs conformance scripts from outside the project against servers of the tests.

usage: run_outside.py FOLDER HTTP_ECHO_SERVER
  FOLDER            holds the scripts; each closes with "N passed, N failed"
  HTTP_ECHO_SERVER  the test program of that name

Ends with 0 when every script passed.
"""
import pathlib
import re
import subprocess
import sys


def run_http(folder, server):
    """HTTP/1.1 framing and request smuggling, the level that everyone must hold."""
    process = subprocess.Popen([server], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        line = process.stdout.readline()
        port = re.search(r":(\d+)\s*$", line)
        if not port:
            sys.exit(f"run_outside: {server} said {line!r} instead of where it listens")
        command = [sys.executable, folder / "smuggling_cases.py", "127.0.0.1", port.group(1),
                   "--path", "/echo", "--echo", "--level", "must"]
        return subprocess.run(command, timeout=300).returncode == 0
    finally:
        process.stdin.close()
        process.wait(timeout=20)


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    folder = pathlib.Path(sys.argv[1])
    if not (folder / "smuggling_cases.py").exists():
        print(f"outside cases: {folder} holds no smuggling_cases.py")
        return 0
    return 0 if run_http(folder, sys.argv[2]) else 1


if __name__ == "__main__":
    sys.exit(main())
