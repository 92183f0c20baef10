"""Divides the samples into a training and a test set."""

import csv
import random
from pathlib import Path

import yaml

params = yaml.safe_load(Path("params.yaml").read_text())["split"]
with open("data/labels.csv") as table:
    rows = list(csv.DictReader(table))
random.Random(params["seed"]).shuffle(rows)
cut = int(len(rows) * params["test_share"])
for name, part in (("test", rows[:cut]), ("train", rows[cut:])):
    path = Path(f"work/split/{name}.csv")
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="") as out:
        writer = csv.DictWriter(out, ["image", "label"])
        writer.writeheader()
        writer.writerows(sorted(part, key=lambda row: row["image"]))
