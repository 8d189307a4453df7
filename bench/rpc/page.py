"""What is written down: the page of the docs, the chart, the file of all rows."""
import json
from pathlib import Path

import chart
import machine as machines
import tables

BEGIN, END = "<!-- bench rpc: begin -->", "<!-- bench rpc: end -->"
FOOTNOTES = [
    "`× ceiling` is the ratio to the hand-written epoll loop in the same rounds; the ceiling of a "
    "variant over a Unix socket is the loop over a Unix socket.",
    "Thrift's connections carry one call at a time: where a scenario has several calls out on a "
    "connection, it gets as many connections with one call each (B 64, C 512, F 32).",
    "In B and C all calls of a connection travel together, which is the best case for batching; "
    "under a light load batches shrink to one call and A applies.",
]


def disturbed(document):
    """A warning when others kept the CPUs busy; None when the machine was ours.

    A closed loop on one CPU keeps one process running, an open one two: more than one above the
    number of CPUs is somebody else's.
    """
    load, cpus = max(document["loads"]), document["machine"]["cpus"]
    if load <= cpus + 1:
        return None
    return (f"**The machine was busy with other work during this run (load {load:.1f} on {cpus} "
            "CPUs). Times, latencies and what is said of their targets are no results; "
            "instructions, system calls and memory are.**")


def notes(document):
    """Lines of text under the tables."""
    parameters = document["parameters"]
    rounds = "1 round" if parameters["reps"] == 1 else f"{parameters['reps']} rounds"
    counted = "; ".join(f"{what}: {how}" for what, how in document["counted"].items())
    lines = [
        f"{machines.in_words(document['machine'])}.",
        f"Command: `{document['command']}` ({rounds} of "
        f"{parameters['warm']:g} s warm-up and {parameters['meas']:g} s measuring; medians, in "
        f"brackets lowest and highest).",
        f"One-minute load of the machine before and after: {document['loads'][0]:.1f}, "
        f"{document['loads'][1]:.1f}. " +
        (f"Counted per call: {counted}." if counted else "Nothing is counted."),
        f"Errors in all runs: {document['errors']}. Runs without a result: {document['failed']}. "
        f"Runs dropped because the CPUs were moved: {document['straddled']}.",
    ]
    distances = [ns for row in document["rows"] for ns in row.get("distance_ns", [])]
    if distances:
        lines.append(f"Round trip of a cache line between the two CPUs: {min(distances):.0f} to "
                     f"{max(distances):.0f} ns; near is up to {machines.NEAR_NS_MAX} ns.")
    return lines + FOOTNOTES


def markdown(document, results, picture):
    parts = [line for line in (disturbed(document),) if line]
    parts.append(f"![Server CPU per call of each candidate, on a log scale]({picture})")
    parts += [table.markdown() for table in tables.all_tables(results)]
    parts.append("\n".join(f"- {line}" for line in notes(document)))
    return "\n\n".join(parts)


def between_marks(text, body):
    """`text` with `body` between the two marks. ValueError when they are not there."""
    if text.count(BEGIN) != 1 or text.count(END) != 1 or text.index(BEGIN) > text.index(END):
        raise ValueError(f"needs the lines '{BEGIN}' and '{END}', once each and in this order")
    before, rest = text.split(BEGIN)
    return f"{before}{BEGIN}\n{body}\n{END}{rest.split(END)[1]}"


def write_json(path, document):
    """One row a line, so that a change shows as what it is."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lists = ("rows", "counts")
    head = {key: value for key, value in document.items() if key not in lists}
    text = json.dumps(head, ensure_ascii=False, indent=1)[:-2]
    for name in lists:
        rows = ",\n".join("  " + json.dumps(row, ensure_ascii=False) for row in document[name])
        text += f',\n "{name}": [\n{rows}\n ]' if rows else f',\n "{name}": []'
    path.write_text(text + "\n}\n", encoding="utf-8")


def write_docs(docs, document, results):
    """The chart, the rows and the generated part of performance.md under `docs`."""
    picture = chart.svg(results, document["machine"])
    if picture is None:
        raise ValueError("nothing of scenarios A to F was measured, so there is no chart")
    page = Path(docs) / "performance.md"
    text = between_marks(page.read_text(encoding="utf-8"),
                         markdown(document, results, "img/rpc.svg"))
    (Path(docs) / "img").mkdir(exist_ok=True)
    (Path(docs) / "img/rpc.svg").write_text(picture, encoding="utf-8")
    write_json(Path(docs) / "img/rpc.json", document)
    page.write_text(text, encoding="utf-8")
    return [page, Path(docs) / "img/rpc.svg", Path(docs) / "img/rpc.json"]
