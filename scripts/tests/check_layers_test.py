"""Each rule of check_layers.py fires on the smallest bad tree, and is silent on a good one."""
import sys
import tempfile
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from check_layers import Checker  # noqa: E402

GOOD = {
    "docs/layers.txt": "base:\nhttp/proto: base\nrpc: base http/proto\n",
    "src/fairlead/base/CMakeLists.txt": "fl_room(base\n  HEADERS status.h\n  SOURCES status.cc)\n",
    "src/fairlead/base/status.h": "#pragma once\n",
    "src/fairlead/base/status.cc": '#include "fairlead/base/status.h"\n'
                                   '#include "fairlead/base/table.h"\n',
    "src/fairlead/base/table.h": "#pragma once\n",
    "src/fairlead/http/proto/CMakeLists.txt":
        "fl_room(http/proto\n  HEADERS parser.h\n  DEPS fairlead::base)\n",
    "src/fairlead/http/proto/parser.h": '#include "fairlead/base/status.h"\n',
    "src/fairlead/rpc/CMakeLists.txt":
        "fl_room(rpc  # a comment\n  HEADERS session.h ../fairlead.h\n  SOURCES session.cc\n"
        "  TESTS session_test.cc\n  DEPS fairlead::base fairlead::http_proto)\n",
    "src/fairlead/rpc/session.h": '#include "fairlead/base/status.h"\n',
    "src/fairlead/rpc/session.cc": '#include "fairlead/http/proto/parser.h"\n',
    "src/fairlead/rpc/session_test.cc": '#include "fairlead/rpc/session.h"\n',
    "src/fairlead/fairlead.h": '#include "fairlead/rpc/session.h"\n',
    "apps/tool/main.cc": '#include "fairlead/fairlead.h"\n#include <vector>\n',
}


class CheckLayers(unittest.TestCase):
    def findings(self, files=None):
        """Findings on GOOD after files were added or replaced."""
        with tempfile.TemporaryDirectory() as folder:
            root = Path(folder).resolve()
            for name, text in {**GOOD, **(files or {})}.items():
                path = root / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text, encoding="utf-8")
            return [line.replace(f"{root}/", "") for line in Checker(root).run()]

    def assert_one(self, start, files):
        findings = self.findings(files=files)
        self.assertEqual(len(findings), 1, findings)
        self.assertTrue(findings[0].startswith(start), findings[0])

    def test_accepts_a_house_in_order(self):
        self.assertEqual(self.findings(), [])

    def test_refuses_an_include_of_a_room_that_is_not_on_the_line(self):
        self.assert_one("src/fairlead/base/table.h:2: layers.include:",
                        {"src/fairlead/base/table.h":
                         '#pragma once\n#include "fairlead/rpc/session.h"\n'})

    def test_judges_a_nested_room_by_its_own_line(self):
        self.assert_one("src/fairlead/http/proto/parser.h:2: layers.include:",
                        {"src/fairlead/http/proto/parser.h":
                         '#include "fairlead/base/status.h"\n'
                         '#  include "fairlead/rpc/session.h"\n'})

    def test_refuses_an_include_of_a_room_that_does_not_exist(self):
        self.assert_one("src/fairlead/rpc/session_test.cc:1: layers.include:",
                        {"src/fairlead/rpc/session_test.cc": '#include "fairlead/rcp/x.h"\n'})

    def test_refuses_a_folder_that_is_no_room(self):
        self.assert_one("src/fairlead/misc/a.h:1: layers.room:",
                        {"src/fairlead/misc/a.h": "#pragma once\n"})

    def test_refuses_a_cycle_in_the_list(self):
        findings = self.findings(files={
            "docs/layers.txt": "base: rpc\nhttp/proto: base\nrpc: base http/proto\n"})
        self.assertEqual(findings, ["docs/layers.txt:1: layers.list: cycle: base -> rpc -> base"])

    def test_refuses_lines_that_say_nothing_or_name_no_room_or_come_twice(self):
        findings = self.findings(files={
            "docs/layers.txt": GOOD["docs/layers.txt"] + "nonsense\nio: bsae\nbase:\n"})
        self.assertEqual([line.split(": ")[0] for line in findings],
                         ["docs/layers.txt:4", "docs/layers.txt:6", "docs/layers.txt:5"])
        self.assertTrue(all("layers.list" in line for line in findings))

    def test_refuses_a_public_header_that_includes_a_private_one(self):
        self.assert_one("src/fairlead/base/status.h:1: layers.private:",
                        {"src/fairlead/base/status.h": '#include "fairlead/base/table.h"\n'})

    def test_refuses_the_private_header_of_another_room(self):
        self.assert_one("src/fairlead/rpc/session_test.cc:1: layers.private:",
                        {"src/fairlead/rpc/session_test.cc": '#include "fairlead/base/table.h"\n'})

    def test_refuses_private_headers_in_programs(self):
        self.assert_one("apps/tool/main.cc:1: layers.private:",
                        {"apps/tool/main.cc": '#include "fairlead/base/table.h"\n'})

    def test_refuses_an_include_of_apps(self):
        self.assert_one("src/fairlead/rpc/session.cc:2: layers.apps:",
                        {"src/fairlead/rpc/session.cc": '#include "fairlead/http/proto/parser.h"\n'
                                                        '#include "apps/tool/main.h"\n'})

    def test_refuses_deps_that_the_list_does_not_allow(self):
        self.assert_one("src/fairlead/http/proto/CMakeLists.txt:3: layers.deps:",
                        {"src/fairlead/http/proto/CMakeLists.txt":
                         "fl_room(http/proto\n  HEADERS parser.h\n"
                         "  DEPS fairlead::rpc fairlead::base)\n"})

    def test_refuses_an_include_without_its_dependency(self):
        self.assert_one("src/fairlead/http/proto/parser.h:1: layers.deps:",
                        {"src/fairlead/http/proto/CMakeLists.txt":
                         "fl_room(http/proto HEADERS parser.h)\n"})

    def test_refuses_a_dependency_that_nothing_includes(self):
        self.assert_one("src/fairlead/rpc/CMakeLists.txt:5: layers.deps:",
                        {"src/fairlead/rpc/session.cc": "\n"})

    def test_refuses_outside_libraries_in_deps(self):
        self.assert_one("src/fairlead/base/CMakeLists.txt:1: layers.deps:",
                        {"src/fairlead/base/CMakeLists.txt":
                         "fl_room(base HEADERS status.h DEPS re2)\n"})


if __name__ == "__main__":
    unittest.main()
