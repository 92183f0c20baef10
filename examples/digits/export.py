"""Writes the optical digits that ship with scikit-learn as files: one PGM image per
sample, and a table of labels.
"""

import csv
from pathlib import Path

from sklearn.datasets import load_digits

digits = load_digits()
images = Path("data/images")
images.mkdir(parents=True, exist_ok=True)
with open("data/labels.csv", "w", newline="") as table:
    rows = csv.writer(table)
    rows.writerow(["image", "label"])
    for number, (pixels, label) in enumerate(
        zip(digits.images, digits.target, strict=True)
    ):
        name = f"{number:04d}.pgm"
        (images / name).write_bytes(b"P5 8 8 16\n" + pixels.astype("uint8").tobytes())
        rows.writerow([name, label])
print(f"{len(digits.images)} images in {images}")
