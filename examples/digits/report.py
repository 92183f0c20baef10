"""Writes the results as a page of Markdown."""

import csv
import json
from collections import Counter
from pathlib import Path

scores = json.loads(Path("metrics.json").read_text())
lines = ["# Digits", "", "| model | accuracy | errors |", "|---|---|---|"]
lines += [
    f"| {kind} | {score['accuracy']} | {score['errors']} |"
    for kind, score in scores.items()
]
for kind in scores:
    with open(f"work/confusion/{kind}.csv", newline="") as file:
        pairs = [(row["actual"], row["predicted"]) for row in csv.DictReader(file)]
    mixed = Counter((a, b) for a, b in pairs if a != b)
    worst = ", ".join(
        f"{a} taken for {b} ({count} times)"
        for count, (a, b) in sorted(
            ((count, pair) for pair, count in mixed.items()), reverse=True
        )[:3]
    )
    lines += ["", f"**{kind}**, most often: {worst or 'no mistakes'}"]
Path("report.md").write_text("\n".join(lines) + "\n")
