#!/usr/bin/env python3
"""What the scripts of `./dev bench rpc` make of rows and counts. Nothing is measured here."""
import contextlib
import io
import json
import tempfile
import unittest
import xml.etree.ElementTree as xml
from pathlib import Path
from unittest import mock

import chart
import counts
import machine
import page
import quick
import results as held
import runs
import tables


def row(variant, scenario="A", server=3.0, client=3.0, part="main", **more):
    return {"label": variant, "scen": scenario, "srv_us": server, "cli_us": client, "cps": 1e5,
            "p50": 6.0, "p99": 8.0, "p999": 9.0, "errors": 0, "part": part, "round": 1,
            "cpus": 1} | more


def document(rows, counted=()):
    return {"machine": {"date": "2026-01-02", "cpus": 2, "model": "a <CPU>", "system": "Linux 6",
                        "congestion_control": "reno", "compiler": "clang 19"},
            "command": "./dev bench rpc", "parameters": {"reps": 1, "warm": 0.1, "meas": 0.2},
            "loads": [0.1, 0.2], "counted": {"instructions": "callgrind"}, "errors": 0,
            "failed": 0, "straddled": 0, "rows": rows, "counts": list(counted)}


class Phases(unittest.TestCase):
    def test_cpus_that_stay_are_near_or_far(self):
        self.assertEqual(machine.phase(75, 90), "near")
        self.assertEqual(machine.phase(350, 480), "far")

    def test_a_run_during_which_they_were_moved_has_no_phase(self):
        self.assertIsNone(machine.phase(75, 350))
        self.assertIsNone(machine.phase(350, 75))

    def run_of(self, *distances):
        options = mock.Mock(bin=Path("/"), cpu=0, warm=0, meas=0, reps=1)
        with mock.patch.object(machine, "distance_ns", side_effect=distances), \
                mock.patch.object(runs, "run_client", return_value={"label": "x"}), \
                contextlib.redirect_stdout(io.StringIO()):
            runner = runs.Runner(options)
            return runner.placed(["client"], 2), runner.straddled

    def test_a_run_that_straddles_a_change_is_made_again(self):
        found, straddled = self.run_of(75, 350, 350, 351)

        self.assertEqual((found["phase"], straddled), ("far", 1))

    def test_after_three_such_runs_there_is_no_row(self):
        self.assertEqual(self.run_of(75, 350, 350, 75, 75, 350), (None, 3))


class CountsOfTools(unittest.TestCase):
    def test_reads_what_callgrind_collected(self):
        self.assertEqual(counts.collected("==1== Collected : 12345\n"), 12345)
        self.assertIsNone(counts.collected("==1== killed"))

    def test_reads_the_sum_of_strace(self):
        text = "    calls syscall\n------ -----\n        7 recvfrom\n------ -----\n       29 total"
        self.assertEqual(counts.system_calls(text), 29)
        self.assertIsNone(counts.system_calls("strace: no such program"))

    def test_a_call_needs_the_difference_of_a_long_and_a_short_run(self):
        def total(_variant, _scenario, calls):
            return {"server": 1000 + 7 * calls, "client": 500 + 3 * calls}

        found = counts.Counts.per_call("calls", total, "fairlead", "A", 100)

        self.assertEqual(found, {"server_calls": 7, "client_calls": 3})


class Quick(unittest.TestCase):
    def compare(self, key, kept, now):
        return quick.compare({"A x": {key: kept}}, {"A x": {key: now}})

    def test_marks_a_rise_of_more_than_five_per_cent(self):
        table, risen = self.compare("server_instructions", 1000, 1051)

        self.assertEqual(len(risen), 1)
        self.assertIn("ROSE", table.terminal())

    def test_takes_five_per_cent_and_less(self):
        for now in (1050, 1000, 200):
            table, risen = self.compare("server_instructions", 1000, now)
            self.assertEqual(risen, [])
            self.assertNotIn("ROSE", table.terminal())

    def test_one_more_system_call_in_a_hundred_is_chance(self):
        self.assertEqual(self.compare("server_calls", 0.05, 0.06)[1], [])
        self.assertEqual(len(self.compare("server_calls", 0.05, 0.07)[1]), 1)

    def run_with(self, kept, found, keep=False):
        every = dict.fromkeys(quick.KEYS, 0)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "expected.json"
            if kept is not None:
                path.write_text(json.dumps({"counts": {"A x": every | kept}}), encoding="utf-8")
            measured = ({}, {"A x": every | found if found else {}})
            with mock.patch.object(quick, "EXPECTED", path), \
                    mock.patch.object(quick, "measure", return_value=measured), \
                    contextlib.redirect_stdout(io.StringIO()) as said:
                code = quick.run(Path(folder) / "bench", 0, keep)
            return code, said.getvalue(), path.exists() and json.loads(path.read_text())

    def test_ends_with_1_when_something_rose(self):
        code, said, _ = self.run_with({"client_calls": 2}, {"client_calls": 3})
        self.assertEqual(code, 1)
        self.assertIn("ROSE by more than 5%: A x, client calls: +50.0%", said)

    def test_ends_with_0_when_nothing_rose(self):
        self.assertEqual(self.run_with({"client_calls": 2}, {"client_calls": 2})[0], 0)

    def test_ends_with_1_when_something_cannot_be_counted_or_nothing_is_kept(self):
        self.assertEqual(self.run_with({"client_calls": 2}, None)[0], 1)
        self.assertEqual(self.run_with(None, {"client_calls": 2})[0], 1)

    def test_keeps_what_was_counted(self):
        code, _, kept = self.run_with({"client_calls": 2}, {"client_calls": 3}, keep=True)
        self.assertEqual((code, kept["counts"]["A x"]["client_calls"]), (0, 3))

    def test_says_when_the_compiler_is_another_one(self):
        with mock.patch.object(machine, "compiler_of", return_value="clang 20"):
            said = self.run_with({"client_calls": 2}, {"client_calls": 2})[1]
        self.assertIn("compiler: 'clang 20' now", said)

    def test_the_kept_numbers_are_those_that_are_measured(self):
        kept = json.loads(quick.EXPECTED.read_text(encoding="utf-8"))
        self.assertEqual(set(kept["counts"]), {f"{s} {v}" for v, s in quick.WHAT})
        for found in kept["counts"].values():
            self.assertEqual(set(found), set(quick.KEYS))


class Verdicts(unittest.TestCase):
    def verdict(self, what, rows, counted=None):
        found = held.verdicts(held.Results(rows, counted))
        return next(v for v in found if v.what == what)

    def test_a_time_is_held_against_its_target_on_both_sides(self):
        verdict = self.verdict("CPU µs per call", [row("fairlead", server=2.5, client=2.6)])
        self.assertEqual((verdict.met("server"), verdict.met("client")), (True, False))

    def test_a_ratio_is_that_to_the_ceiling_of_the_same_part(self):
        rows = [row("fairlead", server=3.0), row("epoll", server=2.0),
                row("epoll", server=9.0, part="forms")]
        verdict = self.verdict("CPU per call, × ceiling", rows)
        self.assertEqual(verdict.reached["server"], 1.5)

    def test_json_is_held_by_what_it_needs_more_than_bytes(self):
        counted = {("fairlead", "A"): {"server_instructions": 1000},
                   ("fairlead-json", "A"): {"server_instructions": 2501}}
        verdict = self.verdict("user instructions, JSON body over bytes", [], counted)
        self.assertIs(verdict.met("server"), False)
        self.assertIsNone(verdict.met("client"))

    def test_what_was_not_measured_has_no_verdict(self):
        self.assertEqual(held.verdicts(held.Results([])), [])

    def test_near_and_far_rows_are_not_mixed(self):
        light = {"part": "light", "share": 0.5, "cpus": 2}
        rows = [row("fairlead", p99=10, phase="near", **light),
                row("epoll", p99=10, phase="near", **light),
                row("fairlead", p99=30, phase="far", **light),
                row("epoll", p99=20, phase="far", **light)]
        found = {v.what: v.reached["pair"] for v in held.verdicts(held.Results(rows))}
        self.assertEqual(found, {"p99 at half load, × ceiling (two CPUs, near)": 1.0,
                                 "p99 at half load, × ceiling (two CPUs, far)": 1.5})


class Pages(unittest.TestCase):
    ROWS = [row("fairlead"), row("epoll", server=2.0), row("grpc", server=20.0),
            row("fairlead", "B", server=0.15), row("epoll", "B", server=0.1),
            {"label": "fairlead", "scen": "G", "kb_per_conn": 0.3, "conns": 10000, "errors": 0,
             "part": "main", "cpus": 1}]

    def test_a_missed_target_is_marked_in_the_table(self):
        table = tables.target_table(held.Results(self.ROWS))
        self.assertIn("| A | CPU µs per call | ≤ 2.5 | 3.000 | **missed** | 3.000 | **missed** |",
                      table.markdown())
        self.assertIn("| B | CPU µs per call | ≤ 0.2 | 0.150 | met |", table.markdown())

    def test_every_line_of_a_table_has_as_many_cells_as_its_head(self):
        for table in tables.all_tables(held.Results(self.ROWS)):
            for line in table.lines:
                self.assertEqual(len(line), len(table.head), table.title)

    def test_only_the_text_between_the_marks_is_replaced(self):
        text = f"before\n{page.BEGIN}\nold\n{page.END}\nafter\n"
        self.assertEqual(page.between_marks(text, "new"),
                         f"before\n{page.BEGIN}\nnew\n{page.END}\nafter\n")

    def test_a_page_without_the_marks_is_refused(self):
        for text in ("", page.BEGIN, f"{page.END} {page.BEGIN}", f"{page.BEGIN * 2}{page.END}"):
            with self.assertRaises(ValueError):
                page.between_marks(text, "new")

    def test_a_run_beside_other_work_is_marked_as_such(self):
        quiet, busy = document(self.ROWS), document(self.ROWS) | {"loads": [0.5, 3.1]}

        self.assertIsNone(page.disturbed(quiet))
        self.assertIn("load 3.1 on 2 CPUs", page.disturbed(busy))
        shown = page.markdown(busy, held.Results(self.ROWS), "img/rpc.svg")
        self.assertTrue(shown.startswith("**The machine was busy"))

    def test_docs_get_page_chart_and_rows(self):
        with tempfile.TemporaryDirectory() as folder:
            docs = Path(folder)
            (docs / "performance.md").write_text(f"{page.BEGIN}\n{page.END}\n", encoding="utf-8")
            shown = document(self.ROWS)

            page.write_docs(docs, shown, held.Results(self.ROWS))

            text = (docs / "performance.md").read_text(encoding="utf-8")
            self.assertIn("(img/rpc.svg)", text)
            self.assertIn("**Fairlead**", text)
            self.assertEqual(json.loads((docs / "img/rpc.json").read_text()), shown)

    def test_the_chart_is_well_formed_and_shows_every_candidate(self):
        picture = chart.svg(held.Results(self.ROWS), document([])["machine"])
        words = "".join(xml.fromstring(picture).itertext())
        for expected in ("gRPC C++", "20.00", "0.150", "a <CPU>", "log scale", "µs of CPU"):
            self.assertIn(expected, words)

    def test_without_rows_there_is_no_chart(self):
        self.assertIsNone(chart.svg(held.Results(self.ROWS[-1:]), {}))

    def test_a_scale_holds_its_values(self):
        scale = chart.Scale([0.106, 38.5])
        self.assertEqual((scale.low, scale.high), (0.1, 50))
        self.assertEqual(scale(0.1), chart.LEFT)
        self.assertLess(scale(0.106), scale(38.5))


if __name__ == "__main__":
    unittest.main()
