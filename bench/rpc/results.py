"""Rows of all runs, as medians; and the targets that they are held against."""
import statistics

import runs

# CPU µs per call, server and client alike, in runs on one CPU; and as a multiple of what the
# ceiling needs in the same run, because machines differ.
TIMES = {"A": 2.5, "B": 0.20, "C": 0.25, "D": 1.7, "F": 6.5}
RATIOS = {"A": 1.16, "B": 3.1, "C": 2.2, "D": 1.2, "E": 1.25}
INSTRUCTIONS = {"A": 1500, "B": 1000}
SYSTEM_CALLS = {"A": 3.0, "B": 0.1, "D": 2.0}
JSON_INSTRUCTIONS = 1500  # more than a body of bytes needs
IDLE_KIB = 0.5  # per connection
HALF_LOAD_P99 = 1.2  # × the ceiling's
SIDES = ("server", "client")
TIME_KEYS = {"server": "srv_us", "client": "cli_us"}


class Results:
    """`rows` of runs.Runner; `counts`: {(variant, scenario): counts.Counts.count()}."""

    def __init__(self, rows, counts=None):
        self.rows = rows
        self.counts = counts or {}

    def errors(self):
        return sum(row["errors"] for row in self.rows)

    def of(self, **wanted):
        return [row for row in self.rows if all(row.get(k) == v for k, v in wanted.items())]

    def values(self, key, **wanted):
        return [row[key] for row in self.of(**wanted) if key in row]

    def median(self, key, **wanted):
        found = self.values(key, **wanted)
        return statistics.median(found) if found else None

    def ratio(self, key, variant, **wanted):
        """To the ceiling of the same part, scenario and placement."""
        ours = self.median(key, label=variant, **wanted)
        ceiling = self.median(key, label=runs.VARIANTS[variant].ceiling, **wanted)
        return ours / ceiling if ours is not None and ceiling else None

    def counted(self, variant, scenario, what):
        return self.counts.get((variant, scenario), {}).get(what)

    def seen(self, key, **wanted):
        """The different values of a key, in the order in which they came."""
        return list(dict.fromkeys(self.values(key, **wanted)))


class Verdict:
    """One target: what it is of, its bound, and what each side reached (None: not measured)."""

    def __init__(self, scenario, what, bound, digits, reached):
        self.scenario, self.what, self.bound, self.digits = scenario, what, bound, digits
        self.reached = reached

    def met(self, side):
        """In the digits that are shown, so that nobody sees 3.00 > 3.0."""
        value = self.reached.get(side)
        return None if value is None else round(value, self.digits) <= self.bound


def verdicts(results):
    """All targets of which something was measured."""
    found = []
    main = {"part": "main", "cpus": 1}
    for scenario in runs.SCENARIOS:
        for what, bounds, digits, reach in (
                ("CPU µs per call", TIMES, 3, lambda side: results.median(
                    TIME_KEYS[side], label=runs.OURS, scen=scenario, **main)),
                ("CPU per call, × ceiling", RATIOS, 2, lambda side: results.ratio(
                    TIME_KEYS[side], runs.OURS, scen=scenario, **main)),
                ("user instructions per call", INSTRUCTIONS, 0, lambda side: results.counted(
                    runs.OURS, scenario, f"{side}_instructions")),
                ("system calls per call", SYSTEM_CALLS, 1, lambda side: results.counted(
                    runs.OURS, scenario, f"{side}_calls"))):
            if scenario in bounds:
                found.append(Verdict(scenario, what, bounds[scenario], digits,
                                     {side: reach(side) for side in SIDES}))
    found.append(Verdict("G", "KiB per idle connection", IDLE_KIB, 2, {
        "server": results.median("kb_per_conn", label=runs.OURS, scen="G")}))
    found += [json_verdict(results, scenario) for scenario in "AB"]
    found += half_load_verdicts(results)
    return [v for v in found if any(value is not None for value in v.reached.values())]


def json_verdict(results, scenario):
    reached = {}
    for side in SIDES:
        json_body = results.counted("fairlead-json", scenario, f"{side}_instructions")
        plain = results.counted(runs.OURS, scenario, f"{side}_instructions")
        if json_body is not None and plain is not None:
            reached[side] = json_body - plain
    return Verdict(scenario, "user instructions, JSON body over bytes", JSON_INSTRUCTIONS, 0,
                   reached)


def half_load_verdicts(results):
    for scenario in results.seen("scen", part="light"):
        for cpus in results.seen("cpus", part="light", scen=scenario):
            for phase in results.seen("phase", part="light", cpus=cpus) or [None]:
                where = {"part": "light", "scen": scenario, "cpus": cpus, "share": 0.5}
                where |= {"phase": phase} if phase else {}
                ratio = results.ratio("p99", runs.OURS, **where)
                place = "one CPU" if cpus == 1 else f"two CPUs, {phase}"
                yield Verdict(scenario, f"p99 at half load, × ceiling ({place})", HALF_LOAD_P99, 2,
                              {"pair": ratio})
