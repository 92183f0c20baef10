"""Scores both models on the test set."""

import json
import pickle
from pathlib import Path

import numpy as np
from sklearn.metrics import confusion_matrix

x, y = np.load("work/features/test_x.npy"), np.load("work/features/test_y.npy")
scores, confusion = {}, {}
for kind in ("forest", "logistic"):
    model = pickle.loads(Path(f"models/{kind}.pkl").read_bytes())
    guess = model.predict(x)
    scores[kind] = {
        "accuracy": round(float((guess == y).mean()), 4),
        "errors": int((guess != y).sum()),
    }
    confusion[kind] = confusion_matrix(y, guess).tolist()
Path("metrics.json").write_text(json.dumps(scores, indent=2) + "\n")
Path("work/confusion.json").write_text(json.dumps(confusion) + "\n")
