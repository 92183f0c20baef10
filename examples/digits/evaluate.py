"""Scores both models on the test set."""

import csv
import json
import pickle
from pathlib import Path

import numpy as np

x, y = np.load("work/features/test_x.npy"), np.load("work/features/test_y.npy")
scores = {}
Path("work/confusion").mkdir(parents=True, exist_ok=True)
for kind in ("forest", "logistic"):
    model = pickle.loads(Path(f"models/{kind}.pkl").read_bytes())
    guess = model.predict(x)
    scores[kind] = {
        "accuracy": round(float((guess == y).mean()), 4),
        "errors": int((guess != y).sum()),
    }
    with open(f"work/confusion/{kind}.csv", "w", newline="") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(("actual", "predicted"))
        rows.writerows(zip(y.tolist(), guess.tolist(), strict=True))
Path("metrics.json").write_text(json.dumps(scores, indent=2) + "\n")
