"""Writes the results as a page of Markdown."""

import json
from pathlib import Path

scores = json.loads(Path("metrics.json").read_text())
confusion = json.loads(Path("work/confusion.json").read_text())
lines = ["# Digits", "", "| model | accuracy | errors |", "|---|---|---|"]
lines += [
    f"| {kind} | {score['accuracy']} | {score['errors']} |"
    for kind, score in scores.items()
]
for kind, matrix in confusion.items():
    mixed = [
        (count, a, b)
        for a, row in enumerate(matrix)
        for b, count in enumerate(row)
        if a != b and count
    ]
    worst = ", ".join(
        f"{a} taken for {b} ({count} times)"
        for count, a, b in sorted(mixed, reverse=True)[:3]
    )
    lines += ["", f"**{kind}**, most often: {worst or 'no mistakes'}"]
Path("report.md").write_text("\n".join(lines) + "\n")
