"""scikit-learn's digits as pictures, and its logistic regression on what a network makes of them.

    python3 tools/golden/digits.py tests/data/training                 # digits.npy, 600 × (64 pixels of 0 … 16, and the digit)
    MOBILENET_DIGITS=target/digits cargo test --test train_digits     # features and parts, as the test has them
    python3 tools/golden/digits.py tests/data/training target/digits   # digits.json: the accuracy that is to be reached

in the environment of requirements.txt and requirements-training.txt.
"""

import json
import os
import sys

import numpy as np
import sklearn
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression

COUNT = 600


def main(folder, features=None):
    digits = load_digits()
    pixels = digits.images[:COUNT].reshape(COUNT, 64).astype(np.uint8)
    labels = digits.target[:COUNT].astype(np.uint8)
    np.save(os.path.join(folder, "digits.npy"), np.column_stack([pixels, labels]))
    if features is None:
        return
    x = np.fromfile(os.path.join(features, "features.f32"), "<f4").reshape(COUNT, -1)
    train = np.fromfile(os.path.join(features, "parts.u8"), np.uint8) == 0
    regression = LogisticRegression(max_iter=10_000).fit(x[train], labels[train])
    said = {
        "scikit-learn": sklearn.__version__,
        "train": int(train.sum()),
        "validation": int((~train).sum()),
        "right": int((regression.predict(x[~train]) == labels[~train]).sum()),
    }
    with open(os.path.join(folder, "digits.json"), "w", encoding="utf-8") as file:
        json.dump(said, file, indent=1)
        file.write("\n")
    print(said)


if __name__ == "__main__":
    main(*sys.argv[1:])
