"""Trains one kind of model: ``python train.py forest|logistic``."""

import pickle
import sys
from pathlib import Path

import numpy as np
import yaml
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

kind = sys.argv[1]
params = yaml.safe_load(Path("params.yaml").read_text())[kind]
x, y = np.load("work/features/train_x.npy"), np.load("work/features/train_y.npy")
if kind == "forest":
    model = RandomForestClassifier(
        n_estimators=params["trees"], max_depth=params["depth"], random_state=0
    )
else:
    model = make_pipeline(
        StandardScaler(), LogisticRegression(C=params["c"], max_iter=1000)
    )
model.fit(x, y)
Path("models").mkdir(exist_ok=True)
Path(f"models/{kind}.pkl").write_bytes(pickle.dumps(model))
print(f"{kind}: accuracy on the training set {model.score(x, y):.4f}")
