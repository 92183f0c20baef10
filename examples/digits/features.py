"""Turns the images of both sets into arrays: pixels, and the sums of rows and columns."""

import csv
from pathlib import Path

import numpy as np


def read(name: str) -> np.ndarray:
    header, _, pixels = Path("data/images", name).read_bytes().partition(b"\n")
    assert header == b"P5 8 8 16"
    return np.frombuffer(pixels, dtype=np.uint8).reshape(8, 8)


Path("work/features").mkdir(parents=True, exist_ok=True)
for part in ("train", "test"):
    with open(f"work/split/{part}.csv") as table:
        rows = list(csv.DictReader(table))
    images = np.stack([read(row["image"]) for row in rows]).astype(float)
    features = np.hstack(
        [images.reshape(len(images), -1), images.sum(axis=1), images.sum(axis=2)]
    )
    np.save(f"work/features/{part}_x.npy", features)
    np.save(
        f"work/features/{part}_y.npy", np.array([int(row["label"]) for row in rows])
    )
