"""The chart: server CPU per call, one row for each candidate of each scenario, as SVG.

A log scale, since candidates differ by a factor of a hundred: positions on it, not lengths, are
what is compared, so values are dots on a line and not bars. Colours follow the reader's light or
dark setting. Written by hand; needs nothing.
"""
import math
from xml.sax.saxutils import escape

import results as held
import runs

WIDTH, LEFT, RIGHT, TOP = 860, 236, 76, 104
ROW, GAP, FOOT = 21, 17, 58
STYLE = """
  .page { fill: #ffffff } text { fill: #24292f; font: 13px system-ui, sans-serif }
  .title { font-size: 17px; font-weight: 600 } .small { font-size: 12px; fill: #57606a }
  .group { font-weight: 600 }
  .group, .value { paint-order: stroke; stroke: #ffffff; stroke-width: 5px; stroke-linejoin: round }
  .grid { stroke: #d8dee4 } .way { stroke: #d0d7de; stroke-width: 2 }
  .peer { fill: #6e7781 } .ceiling { fill: #ffffff; stroke: #24292f; stroke-width: 2 }
  .ours { fill: #0969da } text.ours { fill: #0969da; font-weight: 600 }
  .ours-way { stroke: #0969da; stroke-width: 4 } .target { stroke: #bc4c00; stroke-width: 3 }
  @media (prefers-color-scheme: dark) {
    .page { fill: #0d1117 } text { fill: #e6edf3 } .small { fill: #9198a1 }
    .group, .value { stroke: #0d1117 }
    .grid { stroke: #262c36 } .way { stroke: #3d444d }
    .peer { fill: #9198a1 } .ceiling { fill: #0d1117; stroke: #e6edf3 }
    .ours { fill: #4493f8 } text.ours { fill: #4493f8 } .ours-way { stroke: #4493f8 }
    .target { stroke: #f0883e }
  }
"""


def shape_of(scenario):
    shape = runs.SCENARIOS[scenario]
    body = "512 bytes" if shape.payload == 512 else f"{shape.payload // 1024} KiB"
    link = "connection" if shape.connections == 1 else "connections"
    return f"{scenario}: {shape.connections:,} {link} × {shape.depth}, {body}"


def groups_of(results):
    """[(scenario, [(variant, µs)])] of what was measured, best first."""
    found = []
    for scenario in runs.SCENARIOS:
        where = {"part": "main", "scen": scenario, "cpus": 1}
        values = [(variant, results.median("srv_us", label=variant, **where))
                  for variant in results.seen("label", **where)]
        values = sorted([v for v in values if v[1]], key=lambda v: v[1])
        if values:
            found.append((scenario, values))
    return found


class Scale:
    """Microseconds to pixels, from 1 or 2 or 5 times a power of ten to another."""

    def __init__(self, values):
        self.low = max(m * 10.0**e for e in range(-4, 6) for m in (1, 2, 5)
                       if m * 10.0**e <= min(values))
        self.high = min(m * 10.0**e for e in range(-4, 7) for m in (1, 2, 5)
                        if m * 10.0**e >= max(values))
        if self.high <= self.low:
            self.high = self.low * 10

    def __call__(self, value):
        share = math.log(value / self.low) / math.log(self.high / self.low)
        return LEFT + share * (WIDTH - LEFT - RIGHT)

    def ticks(self):
        steps = [m * 10.0**e for e in range(-4, 7) for m in (1, 2, 5)]
        return [step for step in steps if self.low * 0.999 <= step <= self.high * 1.001]


def text(x, y, words, kind="", anchor="start"):
    kind = f' class="{kind}"' if kind else ""
    return f'<text x="{x:.1f}" y="{y:.1f}"{kind} text-anchor="{anchor}">{escape(words)}</text>'


def line(x1, y1, x2, y2, kind):
    return f'<line class="{kind}" x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"/>'


def row(scale, scenario, variant, value, y):
    ours, x = variant == runs.OURS, scale(value)
    kind = "ours" if ours else "ceiling" if variant == runs.CEILING else "peer"
    parts = [text(LEFT - 12, y + 4, runs.VARIANTS[variant].title, kind if ours else "", "end"),
             line(LEFT, y, x, y, "ours-way" if ours else "way")]
    label = f"{value:.3f}" if value < 1 else f"{value:.2f}"
    if ours and scenario in held.TIMES:
        at = scale(max(held.TIMES[scenario], scale.low))
        parts.append(line(at, y - 8, at, y + 8, "target"))
    parts.append(f'<circle class="{kind}" cx="{x:.1f}" cy="{y:.1f}" r="{6 if ours else 5}"/>')
    near_target = (ours and scenario in held.TIMES
                   and 0 < scale(max(held.TIMES[scenario], scale.low)) - x < 60)
    shift = scale(held.TIMES[scenario]) - x + 8 if near_target else 12
    parts.append(text(x + shift, y + 4, label, "value ours" if ours else "value"))
    return parts


def legend(y):
    return [f'<circle class="ours" cx="{LEFT + 6}" cy="{y}" r="6"/>',
            text(LEFT + 18, y + 4, "Fairlead", "small"),
            line(LEFT + 92, y - 8, LEFT + 92, y + 8, "target"),
            text(LEFT + 101, y + 4, "its target", "small"),
            f'<circle class="ceiling" cx="{LEFT + 182}" cy="{y}" r="5"/>',
            text(LEFT + 194, y + 4, "ceiling: the same frames by hand", "small"),
            f'<circle class="peer" cx="{LEFT + 418}" cy="{y}" r="5"/>',
            text(LEFT + 430, y + 4, "others", "small")]


def svg(results, machine):
    """The whole picture, or None when nothing was measured that it shows."""
    groups = groups_of(results)
    if not groups:
        return None
    values = [value for _, found in groups for _, value in found]
    scale = Scale(values + [held.TIMES[s] for s, _ in groups if s in held.TIMES])
    body, y = [], TOP
    for scenario, found in groups:
        body.append(text(14, y + 4, shape_of(scenario), "group"))
        y += ROW
        for variant, value in found:
            body += row(scale, scenario, variant, value, y)
            y += ROW
        y += GAP
    bottom = y - GAP
    grid = []
    for tick in scale.ticks():
        grid.append(line(scale(tick), TOP - 14, scale(tick), bottom, "grid"))
        grid.append(text(scale(tick), bottom + 16, f"{tick:g}", "small", "middle"))
    middle = (LEFT + WIDTH - RIGHT) / 2
    height = bottom + FOOT
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" '
        f'viewBox="0 0 {WIDTH} {height}" role="img">',
        "<title>Server CPU time per call of an echo over RPC</title>",
        f"<style>{STYLE}</style>",
        f'<rect class="page" width="{WIDTH}" height="{height}"/>',
        text(14, 30, "Server CPU time per call, echo over RPC", "title"),
        text(14, 50, f"Less is better. Server and client on one CPU, closed loop, loopback TCP. "
             f"{machine['model']}, {machine['date']}.", "small"),
        *legend(72), *grid, *body,
        text(middle, bottom + 38, "µs of CPU per call (log scale)", "small", "middle"),
        "</svg>"]
    return "\n".join(parts) + "\n"
