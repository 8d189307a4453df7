"""Tables of `./dev bench http`, and the part of docs/performance.md that they become."""
import statistics

import machine
import peers
from tables import NONE, Table, number, time_cell

BEGIN, END = "<!-- bench http: begin -->", "<!-- bench http: end -->"


class Results:
    def __init__(self, document):
        self.document = document

    def values(self, name, kind, connections):
        return [row["srv_us"] for row in self.document["rows"]
                if (row["server"], row["kind"], row["conns"]) == (name, kind, connections)]

    def ratio(self, name, kind, connections, to):
        """To another server's time with the same kind of requests; `socket` to bare TCP."""
        own = self.values(name, kind, connections)
        other = self.values(to, "tcp" if kind == "socket" else kind, connections)
        return statistics.median(own) / statistics.median(other) if own and other else None

    def counted(self, name, kind, key):
        return self.document["counts"].get((name, kind), {}).get(key)


def tables(document):
    results = Results(document)
    return [costs(results), targets(results), memory(document), heads(document)]


def costs(results):
    table = Table("One CPU, one request out on each connection",
                  ["", "server", "µs, 1 connection", "µs, 64", "× nginx", "× floor",
                   "user instructions", "system calls"])
    for name, kind in sorted({(row["server"], row["kind"]) for row in results.document["rows"]},
                             key=lambda cell: (peers.KINDS.index(cell[1]),
                                               list(peers.SERVERS).index(cell[0]))):
        floor = "floor-tcp" if kind in ("socket", "tcp") else "floor"
        table.add(kind, peers.SERVERS[name].title,
                  *(time_cell(results.values(name, kind, n), 2) for n in (1, 64)),
                  number(results.ratio(name, kind, 64, "nginx"), 2),
                  number(results.ratio(name, kind, 64, floor), 2),
                  number(results.counted(name, kind, "server_instructions"), 0),
                  number(results.counted(name, kind, "server_calls"), 2))
    return table


def targets(results):
    table = Table("Targets", ["", "what", "target", "found", ""])
    def line(kind, what, target, found, digits=2):
        verdict = NONE if found is None else "met" if found <= target else "**missed**"
        table.add(kind, what, f"≤ {number(target, digits)}", number(found, digits), verdict)
    nginx = results.counted("nginx", "get", "server_instructions")
    if nginx is not None:
        line("get", "user instructions, ours and nginx's", nginx,
             results.counted("fairlead", "get", "server_instructions"), 0)
    line("get", "system calls: a read, a write, and a wait for all that came together", 2.1,
         results.counted("fairlead", "get", "server_calls"))
    line("get", "server CPU, × nginx, 64 connections", 1.0,
         results.ratio("fairlead", "get", 64, "nginx"))
    line("socket", "server CPU, × bare TCP echo, 64 connections", 1.2,
         results.ratio("fairlead", "socket", 64, "floor-tcp"))
    return table


def memory(document):
    table = Table("Memory of an idle connection, KiB", ["", "server", "fresh", "after one request"])
    for name in dict.fromkeys(name for name, _ in document["idle"]):
        table.add("", peers.SERVERS[name].title,
                  *(number(document["idle"].get((name, state)), 2) for state in ("fresh", "asked")))
    return table


def heads(document):
    table = Table("A head read and written", ["what", "ns", "instructions"], words=1)
    for row in document["heads"]:
        table.add(*row)
    return table


def notes(document):
    before, after = document["loads"]
    parameters = document["parameters"]
    busy = max(before, after) > document["machine"]["cpus"] + 1
    return [f"{machine.in_words(document['machine'])}.",
            f"Command: `{document['command']}` ({parameters['reps']} rounds of "
            f"{parameters['warm']:g} s warm-up and {parameters['meas']:g} s; medians, in brackets "
            "lowest and highest).",
            f"One-minute load before and after the timed runs: {before:.1f}, {after:.1f}" +
            (": **the machine was busy with other work. Instructions, system calls and memory are "
             "results, times are hints.**" if busy else "."),
            f"Errors: {document['errors']}. System calls and instructions are the server's, with "
            "64 connections; ratios too."]


def write(page, document):
    text = page.read_text(encoding="utf-8")
    if text.count(BEGIN) != 1 or text.count(END) != 1:
        raise ValueError(f"{page} needs the lines '{BEGIN}' and '{END}', once each")
    before, rest = text.split(BEGIN)
    body = "\n\n".join([*(table.markdown() for table in tables(document)),
                        "\n".join(f"- {line}" for line in notes(document))])
    page.write_text(f"{before}{BEGIN}\n{body}\n{END}{rest.split(END)[1]}", encoding="utf-8")
    print(f"written: {page}")
