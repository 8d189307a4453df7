"""Tables of results: the same cells on the terminal and in markdown."""
import results as held
import runs

NONE = "–"


class Table:
    def __init__(self, title, head, words=2):
        """`words`: how many of the first columns hold words; the others hold numbers."""
        self.title, self.head, self.words = title, head, words
        self.lines = []

    def add(self, *cells):
        self.lines.append([str(cell) for cell in cells])

    def markdown(self):
        rule = ["---"] * self.words + ["--:"] * (len(self.head) - self.words)
        lines = ["| " + " | ".join(line) + " |" for line in [self.head, rule, *self.lines]]
        return f"**{self.title}**\n\n" + "\n".join(lines)

    def terminal(self):
        lines = [[cell.replace("**", "") for cell in line] for line in [self.head, *self.lines]]
        widths = [max(len(line[i]) for line in lines) for i in range(len(self.head))]
        text = [self.title]
        for line in lines:
            cells = [cell.ljust(width) if i < self.words else cell.rjust(width)
                     for i, (cell, width) in enumerate(zip(line, widths))]
            text.append("  ".join(cells).rstrip())
        return "\n".join(text)


def number(value, digits):
    return NONE if value is None else f"{value:,.{digits}f}"


def pair(values, digits):
    return NONE if all(v is None for v in values) else " / ".join(number(v, digits) for v in values)


def time_cell(values, digits):
    """The median, with the lowest and highest when there were several rounds."""
    if not values:
        return NONE
    middle = sorted(values)
    median = (middle[(len(middle) - 1) // 2] + middle[len(middle) // 2]) / 2
    spread = f" ({min(values):.{digits}f}–{max(values):.{digits}f})" if len(values) > 1 else ""
    return f"{median:.{digits}f}{spread}"


def title_of(variant):
    return f"**{runs.VARIANTS[variant].title}**" if variant == runs.OURS else (
        runs.VARIANTS[variant].title)


def digits_of(value):
    return 3 if value is not None and value < 1 else 2


def counted_cells(results, variant, scenario):
    return [pair([results.counted(variant, scenario, f"{side}_{what}") for side in held.SIDES],
                 digits) for what, digits in (("instructions", 0), ("calls", 2))]


def time_cells(results, variant, **where):
    cells = []
    for key in held.TIME_KEYS.values():
        values = results.values(key, label=variant, **where)
        cells.append(time_cell(values, digits_of(min(values, default=None))))
        cells.append(number(results.ratio(key, variant, **where), 2))
    return cells


def quantile_cell(results, keys, **where):
    return pair([results.median(key, **where) for key in keys], 1)


def main_table(results):
    table = Table("One CPU, closed loop", [
        "", "candidate", "server µs/call", "× ceiling", "client µs/call", "× ceiling", "calls/s",
        "p50 / p99 µs", "user instructions server / client", "system calls server / client"])
    for scenario in runs.SCENARIOS:
        for variant in results.seen("label", part="main", scen=scenario):
            where = {"part": "main", "scen": scenario}
            if runs.SCENARIOS[scenario].idle:
                continue
            table.add(scenario, title_of(variant), *time_cells(results, variant, **where),
                      number(results.median("cps", label=variant, **where), 0),
                      quantile_cell(results, ("p50", "p99"), label=variant, **where),
                      *counted_cells(results, variant, scenario))
    return table


def idle_table(results):
    table = Table("G: memory of the server for each idle connection, after one call on each",
                  ["candidate", "KiB a connection", "connections"], words=1)
    for row in results.of(scen="G"):
        table.add(title_of(row["label"]), number(row["kb_per_conn"], 2), number(row["conns"], 0))
    return table


def forms_table(results):
    table = Table("Bodies, handlers, plugins, transports; one CPU, closed loop", [
        "", "variant", "server µs/call", "× ceiling", "client µs/call", "× ceiling",
        "user instructions server / client", "more than bytes over TCP",
        "system calls server / client"])
    for scenario in results.seen("scen", part="forms"):
        for variant in results.seen("label", part="forms", scen=scenario):
            more = []
            for side in held.SIDES:
                value = results.counted(variant, scenario, f"{side}_instructions")
                base = results.counted(runs.OURS, scenario, f"{side}_instructions")
                ours = variant.startswith(runs.OURS) and variant != runs.OURS
                more.append(value - base if ours and value and base else None)
            instructions, calls = counted_cells(results, variant, scenario)
            table.add(scenario, title_of(variant),
                      *time_cells(results, variant, part="forms", scen=scenario),
                      instructions, pair(more, 0), calls)
    return table


def placements(results, part, scenario):
    """(words, what selects the rows) of one CPU, two near ones, two far ones."""
    for cpus in sorted(results.seen("cpus", part=part, scen=scenario)):
        if cpus == 1:
            yield "one CPU", {"cpus": 1}
            continue
        for phase in sorted(results.seen("phase", part=part, scen=scenario), reverse=True):
            yield f"two, {phase}", {"cpus": 2, "phase": phase}


def light_table(results):
    table = Table("Light load: calls start at random moments, latency from the moment planned", [
        "", "CPUs", "candidate", "load", "calls/s planned", "calls/s made", "p50 µs", "p99 µs",
        "p99.9 µs", "p99 × ceiling"], words=3)
    for scenario in results.seen("scen", part="light"):
        for words, place in placements(results, "light", scenario):
            for share in results.seen("share", part="light", scen=scenario):
                where = {"part": "light", "scen": scenario, "share": share, **place}
                for variant in results.seen("label", **where):
                    mine = {**where, "label": variant}
                    table.add(scenario, words, title_of(variant), f"{share:.0%}",
                              number(results.median("rate", **mine), 0),
                              number(results.median("cps", **mine), 0),
                              *[number(results.median(key, **mine), 1)
                                for key in ("p50", "p99", "p999")],
                              NONE if variant == "grpc" else
                              number(results.ratio("p99", variant, **where), 2))
    return table


def two_table(results):
    table = Table("Two CPUs, closed loop; near and far CPUs told apart", [
        "", "CPUs", "candidate", "server µs/call", "× ceiling", "client µs/call", "× ceiling",
        "calls/s", "p50 / p99 µs", "runs"], words=3)
    for scenario in results.seen("scen", part="two"):
        for words, place in placements(results, "two", scenario):
            where = {"part": "two", "scen": scenario, **place}
            for variant in results.seen("label", **where):
                table.add(scenario, words, title_of(variant),
                          *time_cells(results, variant, **where),
                          number(results.median("cps", label=variant, **where), 0),
                          quantile_cell(results, ("p50", "p99"), label=variant, **where),
                          len(results.of(label=variant, **where)))
    return table


def target_table(results):
    table = Table("Targets", ["", "what", "target", "server", "", "client", ""], words=2)
    for verdict in held.verdicts(results):
        cells = []
        for side in ("pair", "server") if "pair" in verdict.reached else held.SIDES:
            met = verdict.met(side)
            cells.append(number(verdict.reached.get(side), verdict.digits))
            cells.append("" if met is None else "met" if met else "**missed**")
        table.add(verdict.scenario, verdict.what, f"≤ {verdict.bound:g}", *cells)
    return table


def all_tables(results):
    made = [make(results) for make in (target_table, main_table, idle_table, forms_table,
                                       light_table, two_table)]
    return [table for table in made if table.lines]
