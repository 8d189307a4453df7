#!/usr/bin/env python3
"""Fails on an include that the list of rooms does not allow.

docs/layers.txt has one line per room: its name, a colon, the rooms that it may include. Findings,
one a line as `file:line: rule: text`:

  layers.list     the list itself: unreadable line, unknown room, room twice, cycle
  layers.room     a folder under src/fairlead that is no room of the list
  layers.include  an include of a room that is not on the includer's line, or of no room at all
  layers.private  a public header (HEADERS of fl_room) that includes a header which is not public,
                  or a source that includes a private header of another room
  layers.apps     an include of apps/, from anywhere
  layers.deps     DEPS of fl_room: a room that is not allowed, or one that is included but not named

Programs, tests and examples may include every public header.
"""
import argparse
import posixpath
import re
import sys
from pathlib import Path

SOURCE_SUFFIXES = {".h", ".cc"}
OUTSIDE_FOLDERS = ("apps", "tests", "fuzz", "bench", "examples")
INCLUDE = re.compile(r'^\s*#\s*include\s*["<]((?:fairlead|apps)/[^">]+)[">]')
WORDS_OF_FL_ROOM = {"HEADERS", "SOURCES", "TESTS", "DEPS", "PRIVATE_DEPS", "TEST_DEPS"}


class Findings:
    def __init__(self):
        self.lines = []

    def add(self, path, line, rule, text):
        self.lines.append(f"{path}:{line}: {rule}: {text}")


def read_layers(path, findings):
    """The list as {room: (line number, [rooms it may include])}."""
    rooms = {}
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        line = line.split("#", 1)[0].strip()
        if not line:
            continue
        name, colon, allowed = line.partition(":")
        name = name.strip()
        if not colon or not re.fullmatch(r"[a-z_]+(/[a-z_]+)?", name):
            findings.add(path, number, "layers.list", f"expected 'room: rooms', found '{line}'")
        elif name in rooms:
            findings.add(path, number, "layers.list", f"room '{name}' stands here twice")
        else:
            rooms[name] = (number, allowed.split())
    for name, (number, allowed) in rooms.items():
        for other in allowed:
            if other not in rooms:
                findings.add(path, number, "layers.list", f"'{name}' names no room: '{other}'")
    cycle = find_cycle({name: allowed for name, (_, allowed) in rooms.items()})
    if cycle:
        findings.add(path, rooms[cycle[0]][0], "layers.list", "cycle: " + " -> ".join(cycle))
    return rooms


def find_cycle(graph):
    """One cycle as a list that begins and ends with the same room, or None."""
    done, path = set(), []

    def visit(room):
        if room in path:
            return path[path.index(room):] + [room]
        if room in done or room not in graph:
            return None
        path.append(room)
        for other in graph[room]:
            cycle = visit(other)
            if cycle:
                return cycle
        path.pop()
        done.add(room)
        return None

    for room in graph:
        cycle = visit(room)
        if cycle:
            return cycle
    return None


UMBRELLA = "fairlead.h"  # src/fairlead/fairlead.h: what a program includes, part of `service`
UMBRELLA_ROOM = "service"


def room_of(relative, rooms):
    """The room that holds a path below src/fairlead: `http/proto/x.h` is in http/proto."""
    if relative == UMBRELLA:
        return UMBRELLA_ROOM if UMBRELLA_ROOM in rooms else None
    parts = relative.split("/")
    for depth in (2, 1):
        name = "/".join(parts[:depth])
        if len(parts) > depth and name in rooms:
            return name
    return None


def read_fl_room(path):
    """The words of fl_room(...) as {keyword: [(word, line)]}; None when there is no call."""
    lines = path.read_text(encoding="utf-8").splitlines()
    words, inside, keyword = {}, False, None
    for number, line in enumerate(lines, 1):
        line = line.split("#", 1)[0]
        if not inside:
            start = re.search(r"\bfl_room\s*\(", line)
            if not start:
                continue
            inside, line, keyword = True, line[start.end():], "NAME"
        text, closing, _ = line.partition(")")
        for word in text.split():
            if word in WORDS_OF_FL_ROOM:
                keyword = word
            else:
                words.setdefault(keyword, []).append((word, number))
        if closing:
            return words
    return None


def includes_of(path):
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        match = INCLUDE.match(line)
        if match:
            yield number, match.group(1)


def sources_below(folder):
    if not folder.is_dir():
        return []
    return sorted(p for p in folder.rglob("*") if p.suffix in SOURCE_SUFFIXES and p.is_file())


class Checker:
    def __init__(self, root):
        self.root = root
        self.findings = Findings()
        self.house = root / "src" / "fairlead"
        self.rooms = read_layers(root / "docs" / "layers.txt", self.findings)
        self.fl_rooms = {}
        for name in self.rooms:
            path = self.house / name / "CMakeLists.txt"
            if path.is_file():
                self.fl_rooms[name] = (path, read_fl_room(path) or {})
        # A room may list "../fairlead.h", the one header of the whole library.
        self.public = {
            posixpath.normpath(f"fairlead/{name}/{header}")
            for name, (_, words) in self.fl_rooms.items()
            for header, _ in words.get("HEADERS", [])
        }

    def run(self):
        used = {name: {} for name in self.rooms}
        for path in sources_below(self.house):
            self.check_source(path, used)
        for folder in OUTSIDE_FOLDERS:
            for path in sources_below(self.root / folder):
                self.check_outside(path)
        for name, (path, words) in self.fl_rooms.items():
            self.check_deps(name, path, words, used[name])
        return self.findings.lines

    def short(self, path):
        return path.relative_to(self.root).as_posix()

    def check_source(self, path, used):
        relative = path.relative_to(self.house).as_posix()
        if relative == "fairlead.h":  # the one header of the whole library
            return self.check_outside(path)
        room = room_of(relative, self.rooms)
        if room is None:
            self.findings.add(self.short(path), 1, "layers.room",
                              "no room of docs/layers.txt holds this file")
            return
        is_test = path.name.endswith("_test.cc")
        is_public = f"fairlead/{relative}" in self.public
        allowed = self.rooms[room][1]
        for number, header in includes_of(path):
            if not self.known(path, number, header):
                continue
            target = room_of(header.removeprefix("fairlead/"), self.rooms)
            if target is None:
                self.findings.add(self.short(path), number, "layers.include",
                                  f"'{header}' is in no room of docs/layers.txt")
                continue
            if target != room and target not in allowed:
                self.findings.add(self.short(path), number, "layers.include",
                                  f"room '{room}' may not include room '{target}'")
                continue
            if target != room:
                kind = "tests" if is_test else "library"
                used[room].setdefault(kind, {}).setdefault(target, (self.short(path), number))
            if header not in self.public and (is_public or target != room):
                owner = "this public header includes" if is_public else "this includes"
                self.findings.add(self.short(path), number, "layers.private",
                                  f"{owner} '{header}', which is in no HEADERS of fl_room")

    def check_outside(self, path):
        for number, header in includes_of(path):
            if self.known(path, number, header) and header not in self.public:
                self.findings.add(self.short(path), number, "layers.private",
                                  f"'{header}' is in no HEADERS of fl_room")

    def known(self, path, number, header):
        """False, with a finding, for what nobody may include."""
        if header.startswith("apps/"):
            self.findings.add(self.short(path), number, "layers.apps", "nobody includes apps/")
            return False
        return True

    def check_deps(self, name, path, words, used):
        ids = {room.replace("/", "_"): room for room in self.rooms}
        allowed = self.rooms[name][1]
        named = set()
        for keyword in ("DEPS", "TEST_DEPS"):
            for word, number in words.get(keyword, []):
                if not word.startswith("fairlead::"):
                    if keyword == "DEPS":
                        self.findings.add(self.short(path), number, "layers.deps",
                                          f"DEPS names '{word}'; outside libraries belong to "
                                          "PRIVATE_DEPS")
                    continue
                room = ids.get(word.removeprefix("fairlead::"))
                if room is None or room not in allowed:
                    self.findings.add(self.short(path), number, "layers.deps",
                                      f"{keyword} of '{name}' names '{word}', which its line of "
                                      "docs/layers.txt does not allow")
                elif keyword == "DEPS":
                    named.add(room)
        for room, (file, line) in sorted(used.get("library", {}).items()):
            if room not in named:
                self.findings.add(file, line, "layers.deps",
                                  f"includes room '{room}', but DEPS in {self.short(path)} does "
                                  f"not name fairlead::{room.replace('/', '_')}")
        for room in sorted(named - set(used.get("library", {}))):
            line = next(n for w, n in words["DEPS"]
                        if w == "fairlead::" + room.replace("/", "_"))
            self.findings.add(self.short(path), line, "layers.deps",
                              f"DEPS names room '{room}', which no source of '{name}' includes")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--root", type=Path, default=Path(__file__).resolve().parent.parent,
                        help="the project's folder (default: the one of this script)")
    root = parser.parse_args().root.resolve()
    checker = Checker(root)
    findings = checker.run()
    for line in findings:
        print(line.replace(f"{root}/", ""))
    if findings:
        print(f"layers: {len(findings)} findings", file=sys.stderr)
        return 1
    print(f"layers: {len(checker.fl_rooms)} rooms include only what docs/layers.txt allows")
    return 0


if __name__ == "__main__":
    sys.exit(main())
