#!/usr/bin/env python3
"""Fails on what clang-format and the compilers do not see.

One finding a line, as `file:line: rule: text`:

  style.size         more than 800 lines; more than 600 without a comment at the top that says why
                     the file is long (generated files are excepted: first comment says "Generated")
  style.line         a line of more than 100 characters in C++, Python or shell
  style.name         a file or folder that is not in snake_case
  style.pragma       a header whose first line of code is not #pragma once
  style.using        `using namespace` in a header
  style.task         a note to do something later without an issue number, as in word(#12)
  style.throw        `throw` in src/ and apps/, outside tests; `throw;` alone may look at what
                     another's code threw
  style.test         a test that is skipped or switched off
  style.word         a word or abbreviation for which the project has another (list: WORDS)
  coroutine.condition  co_await in the condition of if, while, for or switch
  coroutine.statement  co_await inside a ({ }) expression
  coroutine.aggregate  a braced aggregate in the same full expression as co_await
  coroutine.lambda     a capturing lambda in the same full expression as co_await
  coroutine.captures   a coroutine lambda that captures

The coroutine rules avoid code that g++ 12 miscompiles: the objects are destroyed twice, or the
compiler traps. FL_TRY and its kin count as statements of their own.
"""
import argparse
import re
import sys
from pathlib import Path

from coroutine_lint import CoroutineLint, SourceText

FOLDERS = ("src", "apps", "tests", "fuzz", "bench", "examples", "cmake", "scripts")
CPP_SUFFIXES = {".h", ".cc"}
LINE_SUFFIXES = CPP_SUFFIXES | {".py", ".sh"}
LINES_MAX, LINES_UNEXPLAINED_MAX, COLUMNS_MAX = 800, 600, 100
# Written in pieces so that a search for these words finds only real ones.
TASK = r"\b(TO" r"DO|FIX" r"ME|X" r"XX)\b(?!\(#\d+\))"
GENERATED = re.compile(r"^(//|#|/\*).*\bGenerated\b", re.M)
EXPLAINED = re.compile(r"^(//|#).*\blong\b", re.M)
NAMES_BY_CUSTOM = {"CMakeLists.txt", "README.md"}

# What people write -> what it is called here. Keys are whole words of an identifier, so `conn`
# is found in `conn_id` and `Conn`, not in `connection`.
WORDS = {
    "conn": "session (rpc) or connection (http)",
    "req": "request",
    "resp": "reply (rpc) or response (http)",
    "msg": "message",
    "pkt": "frame",
    "packet": "frame",
    "svc": "service",
    "cfg": "config",
    "mgr": "a noun that says what it holds",
    "srv": "server",
    "hdr": "header",
    "hdrs": "headers",
    "addrs": "addresses",
    "cnt": "count",
    "tmp": "what it holds",
    "middleware": "plugin (rpc) or filter (gateway)",
    "interceptor": "plugin (rpc) or filter (gateway)",
}


def top_of(text):
    return "\n".join(text.splitlines()[:30])


class Checker:
    def __init__(self, root):
        self.root = root
        self.lines = []
        self.files = 0

    def add(self, path, line, rule, text):
        self.lines.append(f"{path.relative_to(self.root).as_posix()}:{line}: {rule}: {text}")

    def run(self):
        for path in self.all_files():
            self.files += 1
            self.check_name(path)
            if path.suffix not in LINE_SUFFIXES:
                continue
            text = path.read_text(encoding="utf-8")
            if not GENERATED.search(top_of(text)):
                self.check_size(path, text)
                self.check_columns(path, text)
            if path.suffix in CPP_SUFFIXES:
                self.check_cpp(path, SourceText(text))
        return self.lines

    def all_files(self):
        for folder in FOLDERS:
            below = self.root / folder
            if below.is_dir():
                for path in sorted(below.rglob("*")):
                    hidden = any(p.startswith((".", "__pycache__"))
                                 for p in path.relative_to(self.root).parts)
                    if path.is_file() and not hidden:
                        yield path

    def check_name(self, path):
        if path.name in NAMES_BY_CUSTOM or path.parts[-2] == "cmake":
            return
        if path.suffix in CPP_SUFFIXES | {".py", ".sh", ".proto"}:
            for part in path.relative_to(self.root).parts[:-1] + (path.stem,):
                if not re.fullmatch(r"[a-z0-9_]+", part):
                    self.add(path, 1, "style.name", f"'{part}' is not snake_case")

    def check_size(self, path, text):
        lines = len(text.splitlines())
        if lines > LINES_MAX:
            self.add(path, LINES_MAX + 1, "style.size",
                     f"{lines} lines, at most {LINES_MAX}: look for the second idea")
        elif lines > LINES_UNEXPLAINED_MAX and not EXPLAINED.search(top_of(text)):
            self.add(path, LINES_UNEXPLAINED_MAX + 1, "style.size",
                     f"{lines} lines without a comment at the top that says why it is long")

    def check_columns(self, path, text):
        for number, line in enumerate(text.splitlines(), 1):
            if len(line) > COLUMNS_MAX and "://" not in line:
                self.add(path, number, "style.line",
                         f"{len(line)} characters, at most {COLUMNS_MAX}")

    def check_cpp(self, path, source):
        self.check_tasks(path, source)
        self.check_words(path, source)
        if path.suffix == ".h":
            self.check_header(path, source)
        ours = path.relative_to(self.root).parts[0] in ("src", "apps")
        for match in re.finditer(r"\bGTEST_SKIP\b|\bDISABLED_\w*", source.code):
            self.add(path, source.line(match.start()), "style.test",
                     f"'{match.group(0)}': a test runs or is deleted")
        if ours and not path.name.endswith("_test.cc"):
            for match in re.finditer(r"\bthrow\b(?!\s*;)", source.code):
                self.add(path, source.line(match.start()), "style.throw",
                         "our code returns a Status, it does not throw")
        self.check_coroutines(path, source)

    def check_tasks(self, path, source):
        for match in re.finditer(TASK, source.raw):
            self.add(path, source.line(match.start()), "style.task",
                     f"'{match.group(1)}' without an issue number: {match.group(1)}(#12)")

    def check_words(self, path, source):
        for match in re.finditer(r"[A-Za-z_]\w*", source.code):
            name = match.group(0)
            # What follows `.`, `->` or `::` is judged where it is declared; that may be another's
            # library. Capitals are macros and constants of the system, such as MSG_PEEK.
            before = source.code[max(0, match.start() - 8):match.start()].rstrip()
            if before.endswith((".", "->", "::")) or name.upper() == name:
                continue
            for part in re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", name).lower().split("_"):
                if part in WORDS:
                    self.add(path, source.line(match.start()), "style.word",
                             f"'{name}': '{part}' is called {WORDS[part]} here")
                    break

    def check_header(self, path, source):
        first = next((line for line in source.code.splitlines() if line.strip()), "")
        if first.strip() != "#pragma once":
            self.add(path, 1, "style.pragma", "the first line of code is #pragma once")
        for match in re.finditer(r"\busing\s+namespace\b", source.code):
            self.add(path, source.line(match.start()), "style.using",
                     "a header opens no namespace for those who include it")

    def check_coroutines(self, path, source):
        for offset, rule, text in CoroutineLint(source.code).found:
            self.add(path, source.line(offset), rule, text)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--root", type=Path, default=Path(__file__).resolve().parent.parent,
                        help="the project's folder (default: the one of this script)")
    checker = Checker(parser.parse_args().root.resolve())
    findings = checker.run()
    for line in findings:
        print(line)
    if findings:
        print(f"style: {len(findings)} findings", file=sys.stderr)
        return 1
    print(f"style: {checker.files} files as the project writes them")
    return 0


if __name__ == "__main__":
    sys.exit(main())
