#!/usr/bin/env python3
"""The documents against the project: code blocks are files of examples/, links lead somewhere.

A code block names its file behind its language: ```cpp shop.h shows the whole file, looked for in
the guide's folder of examples/ or from the root; ```cpp shop.h part shows some of its lines.
"""
import re
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FENCE = re.compile(r"^```([^\n]*)\n(.*?)^```$", re.M | re.S)
LINK = re.compile(r"\]\(([^)\s]+)\)")
CODE = {"cpp", "cmake", "yaml", "proto", "go"}
TEST = re.compile(r"^ *(?:TYPED_)?TEST(?:_F|_P)?\(\s*(\w+),\s*(\w+)", re.M)
METRIC = re.compile(r"`(fairlead_\w*[a-z])\b")
# Pages whose rows say which test makes it happen.
PROVEN = ("docs/reference/limits.md", "docs/reference/failures.md")
# Pages that are copied from, so that each line of their code must be a line that runs.
LESSONS = ("README.md", "docs/*.md", "docs/guide/*.md")


def documents():
    below = [ROOT / folder for folder in ("docs", "src", "examples", "bench")]
    nested = (path for folder in below for path in folder.rglob("*.md"))
    return sorted({*ROOT.glob("*.md"), *nested})


def blocks(text):
    """(line, words behind the fence, content) of every fenced block."""
    for match in FENCE.finditer(text):
        yield text.count("\n", 0, match.start()) + 1, match.group(1).split(), match.group(2)


def without_code(text):
    text = FENCE.sub(lambda match: "\n" * match.group(0).count("\n"), text)
    return re.sub(r"`[^`\n]*`", "", text)


def anchors(text):
    names = set()
    for title in re.findall(r"^#+ +(.*)$", FENCE.sub("", text), re.M):
        plain = re.sub(r"[^\w\- ]", "", title.replace("`", "").lower())
        names.add(plain.strip().replace(" ", "-"))
    return names


def examples_of(document):
    """docs/guide/01-first-service.md -> examples/guide/first_service"""
    if document.parent != ROOT / "docs/guide" or not document.name[0].isdigit():
        return None
    return ROOT / "examples/guide" / document.stem.split("-", 1)[1].replace("-", "_")


def tests_of_the_sources():
    """Every Suite.Name of src/ and tests/."""
    found = set()
    for path in (path for folder in ("src", "tests") for path in (ROOT / folder).rglob("*.cc")):
        found.update(".".join(names) for names in TEST.findall(path.read_text(encoding="utf-8")))
    return found


def rows_with_tests(text):
    """(line, words in the last cell) of each row of the tables whose last column is the test."""
    proven = False
    for number, line in enumerate(text.splitlines(), 1):
        cells = [cell.strip() for cell in line.strip("|").split("|")] if line[:1] == "|" else []
        if not cells:
            proven = False
        elif cells[-1] == "Test":
            proven = True
        elif proven and not set(line) <= set("|-"):
            yield number, re.findall(r"`([^`]+)`", cells[-1])


class Documents(unittest.TestCase):
    def test_show_code_that_is_compiled(self):
        for document in sorted(path for lesson in LESSONS for path in ROOT.glob(lesson)):
            folder = examples_of(document) or ROOT
            for line, words, content in blocks(document.read_text(encoding="utf-8")):
                if not words or words[0] not in CODE:
                    continue
                with self.subTest(place=f"{document.relative_to(ROOT)}:{line}"):
                    self.assertGreaterEqual(len(words), 2, "the block names no file")
                    source = (folder / words[1]).read_text(encoding="utf-8")
                    if words[2:] == ["part"]:
                        self.assertIn(content, source, f"these lines are not in {words[1]}")
                    else:
                        self.assertEqual(content, source, f"this is not what is in {words[1]}")

    def test_of_the_guide_show_every_file_of_their_example(self):
        for document in documents():
            folder = examples_of(document)
            if folder is None:
                continue
            text = document.read_text(encoding="utf-8")
            shown = {words[1] for _, words, _ in blocks(text) if len(words) == 2}
            with self.subTest(document=document.name):
                self.assertEqual(shown, {path.name for path in folder.iterdir()})

    def test_start_with_the_lines_that_the_demo_prints(self):
        demo = (ROOT / "examples/demo/demo.yaml").read_text(encoding="utf-8")
        address = re.search(r"^  listen: (\S+)$", demo, re.M).group(1)
        printed = demo.replace("{gateway}", address)
        shown = re.findall(r"^curl .*$", (ROOT / "README.md").read_text(encoding="utf-8"), re.M)
        self.assertEqual(len(shown), 3)
        for line in shown:
            with self.subTest(line=line):
                self.assertIn(f"  - {line}\n", printed)

    def test_link_to_what_is_there(self):
        for document in documents():
            text = document.read_text(encoding="utf-8")
            for match in LINK.finditer(without_code(text)):
                target, _, anchor = match.group(1).partition("#")
                if re.match(r"[a-z]+:", target):
                    continue
                with self.subTest(document=str(document.relative_to(ROOT)), link=match.group(1)):
                    path = (document.parent / target).resolve() if target else document
                    self.assertTrue(path.exists(), "the link leads nowhere")
                    if anchor and path.suffix == ".md":
                        self.assertIn(anchor, anchors(path.read_text(encoding="utf-8")))

    def test_name_for_every_limit_and_failure_a_test_that_exists(self):
        known = tests_of_the_sources()
        for page in PROVEN:
            text = (ROOT / page).read_text(encoding="utf-8")
            for line, names in rows_with_tests(text):
                with self.subTest(place=f"{page}:{line}"):
                    self.assertTrue(names, "the row names no test")
                    for name in names:
                        there = name in known or (name[:6] == "tests/" and (ROOT / name).exists())
                        self.assertTrue(there, f"there is no test {name}")
            for name in re.findall(r"`([A-Z]\w*\.(?:[A-Z]\w*|\*))`", text):
                with self.subTest(page=page, name=name):
                    self.assertTrue(name in known, "there is no such test")

    def test_name_metrics_that_exist(self):
        known = set(METRIC.findall((ROOT / "docs/reference/metrics.md").read_text("utf-8")))
        for document in (ROOT / "docs").rglob("*.md"):
            for name in METRIC.findall(document.read_text(encoding="utf-8")):
                with self.subTest(document=str(document.relative_to(ROOT)), name=name):
                    self.assertTrue(name in known, "there is no such metric")

    def test_name_all_states_that_the_links_page_shows(self):
        source = ROOT / "src/fairlead"
        redial = (source / "upstream/redial.cc").read_text(encoding="utf-8")
        words = re.search(r"> kWords = \{(.*?)\};", redial, re.S).group(1)
        states = set(re.findall(r'"(\w+)"', words))
        components = {name for path in source.rglob("*.cc") if not path.stem.endswith("_test")
                      for name in re.findall(r'\.event = "(\w+)\.', path.read_text("utf-8"))}
        page = (ROOT / "docs/reference/admin.md").read_text(encoding="utf-8")
        for member, real in (("endpoints", states), ("transitions", components)):
            row = re.search(rf"^\| `{member}` \|.*?`(?:state|component)`(.*)$", page, re.M).group(1)
            told = row.partition(";")[0] if member == "endpoints" else row
            self.assertEqual(set(re.findall(r"`(\w+)`", told)), real, member)

    def test_are_short_where_they_are_the_way_in(self):
        limits = {ROOT / "README.md": 150}
        limits.update({path: 100 for path in (ROOT / "src").rglob("README.md")})
        for path, lines in limits.items():
            with self.subTest(document=str(path.relative_to(ROOT))):
                self.assertLess(len(path.read_text(encoding="utf-8").splitlines()), lines + 1)

    def test_of_the_guide_have_their_number_in_the_title(self):
        for page in (ROOT / "docs/guide").glob("[0-9]*.md"):
            with self.subTest(page=page.name):
                self.assertTrue(page.read_text("utf-8").startswith(f"# {int(page.name[:2])}. "))

    def test_are_listed_in_the_index_of_their_folder(self):
        for index in (ROOT / "docs/guide/README.md", ROOT / "docs/reference/README.md"):
            text = index.read_text(encoding="utf-8")
            for page in index.parent.glob("*.md"):
                if page != index:
                    with self.subTest(index=str(index.relative_to(ROOT)), page=page.name):
                        self.assertIn(f"]({page.name})", text)


if __name__ == "__main__":
    unittest.main()
