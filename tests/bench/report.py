"""Medians, ratios and goals of the figures, printed during a run and written as Markdown and JSON."""
import os
import platform
from datetime import datetime, timezone
from pathlib import Path
from statistics import median

OURS, LIMIT = "loopftpd", "limit"
METHOD = """Medians of {rounds} rounds. In each round every server is started and measured in turn, so that other load on the machine affects
all of them alike. Server and client have a core each. The client is ftpstorm, the tree is in memory, and all connections use
loopback. `limit` is not a server but the bare system calls with fixed replies ([limits.rs](../tests/bench/limits.rs)). Figures
differ between machines; ratios within one run are stable."""
MEMORY = """Memory is the growth of the proportional set size of the server and its children since before the first session, divided by
the number of sessions: at most {counts}. Servers with one process per session are measured with fewer, because each costs the same."""


class Results:
    """Figures by scenario and server, and what went wrong."""

    def __init__(self, scenarios, servers):
        self.scenarios, self.servers = scenarios, servers
        self.figures = {scenario.name: {server.name: [] for server in servers} for scenario in scenarios}
        self.complaints = {}
        self.server_commands, self.storm_commands = {}, {}

    def add(self, scenario, server, figure):
        if figure is not None:
            self.figures[scenario.name][server.name].append(figure)

    def complain(self, scenario, server, complaint):
        counts = self.complaints.setdefault((scenario.name, server.name), {})
        counts[complaint] = counts.get(complaint, 0) + 1

    def median(self, scenario, name):
        figures = self.figures[scenario.name].get(name)
        return median(figures) if figures else None

    def best_peer(self, scenario):
        """The name of the peer with the best median, or None."""
        peers = [server.name for server in self.servers if server.is_peer]
        measured = [name for name in peers if self.median(scenario, name) is not None]
        if not measured:
            return None
        choose = min if scenario.less_is_better else max
        return choose(measured, key=lambda name: self.median(scenario, name))

    def ratio(self, scenario, name):
        """How many times better loopftpd is than `name`; None if either is missing."""
        ours, theirs = self.median(scenario, OURS), self.median(scenario, name)
        if not ours or not theirs:
            return None
        return theirs / ours if scenario.less_is_better else ours / theirs

    def judged(self, scenario, goal):
        """A goal, what was reached, and whether that is enough: (text, text, bool)."""
        if not goal.against:
            ours = self.median(scenario, OURS)
            reached = None if ours is None else ours <= goal.factor if scenario.less_is_better else ours >= goal.factor
            bound = "at most" if scenario.less_is_better else "at least"
            return f"{bound} {goal.factor:g} {scenario.unit}", show(ours), reached
        name = self.best_peer(scenario) if goal.against == "best peer" else goal.against
        ratio = self.ratio(scenario, name)
        whom = f"the best peer ({name})" if goal.against == "best peer" else f"the {name}" if name == LIMIT else name
        return f"{goal.factor:g} × {whom}", show_ratio(ratio), None if ratio is None else ratio >= goal.factor

    def as_json(self, versions, rounds):
        return {
            "date": today(),
            "machine": machine(),
            "versions": versions,
            "rounds": rounds,
            "scenarios": {
                scenario.name: {
                    "title": scenario.title,
                    "unit": scenario.unit,
                    "figures": self.figures[scenario.name],
                    "medians": {server.name: self.median(scenario, server.name) for server in self.servers},
                }
                for scenario in self.scenarios
            },
            "complaints": [
                {"scenario": scenario, "server": server, "complaint": complaint, "rounds": count}
                for (scenario, server), counts in self.complaints.items()
                for complaint, count in counts.items()
            ],
        }


def show(figure):
    """At least three digits, with separators for thousands."""
    if figure is None:
        return "–"
    if figure >= 100:
        return f"{figure:,.0f}"
    return f"{figure:.1f}" if figure >= 10 else f"{figure:.2f}"


def show_ratio(ratio):
    return "–" if ratio is None else f"{ratio:.2f}"


def today():
    return datetime.now(timezone.utc).strftime("%Y-%m-%d %H:%M UTC")


def machine():
    """The machine, on which the figures depend too."""
    processors = Path("/proc/cpuinfo").read_text().splitlines()
    model = next((line.split(":", 1)[1].strip() for line in processors if line.startswith("model name")), "unknown")
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    system = platform.freedesktop_os_release().get("PRETTY_NAME", "unknown")
    return {
        "processor": f"{model}, {os.cpu_count()} cores",
        "memory": f"{memory:.0f} GiB",
        "kernel": f"{platform.system()} {platform.release()} {platform.machine()}",
        "system": system,
        "congestion control": Path("/proc/sys/net/ipv4/tcp_congestion_control").read_text().strip(),
    }


def table(head, rows):
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows])


def figures_table(results):
    """One row per scenario: the medians, the best in bold, and the two ratios."""
    names = [server.name for server in results.servers]
    rows = []
    for scenario in results.scenarios:
        medians = {name: results.median(scenario, name) for name in names}
        rivals = [figure for name, figure in medians.items() if name != LIMIT and figure is not None]
        best = (min if scenario.less_is_better else max)(rivals, default=None)
        cells = []
        for name, figure in medians.items():
            text = show(figure)
            if name != LIMIT and figure is not None and figure == best:
                text = f"**{text}**"
            if (scenario.name, name) in results.complaints:
                text += " †"
            cells.append(text)
        ratios = [show_ratio(results.ratio(scenario, name)) for name in (results.best_peer(scenario), LIMIT)]
        rows.append([scenario.title, scenario.unit, *cells, *ratios])
    return table(["scenario", "unit", *names, "× best peer", "× limit"], rows)


def goals_table(results):
    rows = []
    for scenario in results.scenarios:
        for goal in scenario.goals:
            wanted, reached, is_reached = results.judged(scenario, goal)
            verdict = {None: "not measured", True: "yes", False: "**no**"}[is_reached]
            rows.append([scenario.title, wanted, reached, verdict])
    return table(["scenario", "goal", "measured", "reached"], rows)


def spread_table(results):
    """The range of the rounds, which is how reliable a figure is."""
    names = [server.name for server in results.servers]
    rows = []
    for scenario in results.scenarios:
        cells = []
        for name in names:
            figures = results.figures[scenario.name][name]
            cells.append(f"{show(min(figures))} – {show(max(figures))}" if figures else "–")
        rows.append([scenario.title, scenario.unit, *cells])
    return table(["scenario", "unit", *names], rows)


def markdown(results, versions, rounds, command):
    facts = machine()
    parts = [
        "# Benchmarks",
        f"Written by `{command}` on {today()}; not edited by hand. [performance.md](performance.md) explains the figures.",
        "\n".join(f"- {name}: {fact}" for name, fact in facts.items()),
        "\n".join(f"- {name}: {version}" for name, version in versions.items()),
        METHOD.format(rounds=rounds),
        "A ratio above 1 means that loopftpd is better, also where lower is better.",
        figures_table(results),
    ]
    if results.complaints:
        notes = [
            f"- {server}, {title(results, scenario)}: {complaint} (in {count} of {rounds} rounds)"
            for (scenario, server), counts in results.complaints.items()
            for complaint, count in counts.items()
        ]
        parts += ["† Not every operation succeeded:", "\n".join(notes)]
    if any(scenario.sessions for scenario in results.scenarios):
        counts = ", ".join(
            f"{server.name} {server.sessions_at_once:,}" for server in results.servers if server.sessions_at_once
        )
        parts.append(MEMORY.format(counts=counts))
    parts += ["## Goals", "The goals that this project sets itself.", goals_table(results)]
    parts += ["## Spread", "The lowest and the highest figure of the rounds.", spread_table(results)]
    parts += [
        "## Commands",
        "The servers (`DIR` is the tree, `SCRATCH` a directory with the configuration that "
        "[servers.py](../tests/bench/servers.py) writes; ports are chosen for each run):",
        "```sh\n" + "\n".join(results.server_commands.values()) + "\n```",
        "The client:",
        "```sh\n" + "\n".join(results.storm_commands.values()) + "\n```",
    ]
    return "\n\n".join(parts) + "\n"


def title(results, name):
    return next(scenario.title for scenario in results.scenarios if scenario.name == name)
