"""Figures as a Markdown table and as JSON."""

import argparse
import json
from pathlib import Path

from benchmarks.jobs import FLOOR, Runs
from benchmarks.measure import Measured, median


def write(runs: Runs, given: argparse.Namespace) -> str:
    """Writes ``table.md`` and ``figures.json`` to the output directory; returns the
    table.
    """
    from benchmarks.__main__ import machine

    text = (
        f"{machine()}; size {given.size}; medians of up to {given.rounds} rounds; "
        "CPU and wall in seconds, peak memory in MiB.\n"
    )
    for shape, about in runs.abouts.items():
        text += f"\n**{shape}**: {about}\n\n" + _table(runs, shape)
    text += _stored(runs)
    text += "".join(f"\nNot done: {line}" for line in dict.fromkeys(runs.failures))
    out = Path(given.out)
    (out / "table.md").write_text(text)
    figures = [
        {"shape": shape, "job": job, "who": who, "runs": [list(item) for item in items]}
        for (shape, job, who), items in runs.figures.items()
    ]
    stored = [
        {"shape": s, "what": what, "who": who, "bytes": size}
        for (s, what, who), size in runs.stored.items()
    ]
    (out / "figures.json").write_text(
        json.dumps(
            {
                "machine": machine(),
                "size": given.size,
                "figures": figures,
                "stored": stored,
            },
            indent=1,
        )
    )
    return text


def _table(runs: Runs, shape: str) -> str:
    jobs = list(dict.fromkeys(job for s, job, _ in runs.figures if s == shape))
    lines = [
        "| job | who | CPU | wall | peak | mltrack is so many times faster, CPU / "
        "wall |",
        "|---|---|---|---|---|---|",
    ]
    for job in jobs:
        own = runs.figures.get((shape, job, "mltrack"), [])
        for (s, j, who), items in runs.figures.items():
            if (s, j) == (shape, job):
                figure = median(items)
                lines.append(
                    f"| {job} | {who} | {figure.cpu:.2f} | {figure.wall:.2f} | "
                    f"{figure.peak:.0f} | {_ratio(own, items, who)} |"
                )
    return "\n".join(lines) + "\n"


def _ratio(own: list[Measured], other: list[Measured], who: str) -> str:
    """The median of the ratios of pairs of one round; for a floor, how many times more
    mltrack costs.
    """
    if not own or who == "mltrack":
        return ""
    pairs = list(zip(own, other, strict=False))
    if who == FLOOR:
        ratios = [
            Measured(a.cpu / max(b.cpu, 1e-3), a.wall / max(b.wall, 1e-3), 0)
            for a, b in pairs
        ]
        figure = median(ratios)
        return f"costs {figure.cpu:.2f} x / {figure.wall:.2f} x the floor"
    figure = median(
        [
            Measured(b.cpu / max(a.cpu, 1e-3), b.wall / max(a.wall, 1e-3), 0)
            for a, b in pairs
        ]
    )
    return f"{figure.cpu:.1f} / {figure.wall:.1f}"


def _stored(runs: Runs) -> str:
    if not runs.stored:
        return ""
    lines = ["", "| shape | bytes stored | who | MB |", "|---|---|---|---|"]
    lines += [
        f"| {shape} | {what} | {who} | {size / 1e6:.1f} |"
        for (shape, what, who), size in runs.stored.items()
    ]
    return "\n".join(lines) + "\n"
