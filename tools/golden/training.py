"""What Keras and scikit-learn make of heads: tests/data/training/heads.json, which tests/train_heads.rs reproduces.

    python3 tools/golden/training.py tests/data/training

in the environment of requirements.txt and requirements-training.txt. Features, first weights and targets follow from names
by `seeded.py`'s formula, so the file holds nothing but what came out: twenty losses a case, each the loss of a batch before
its step, the last weights, and of ridge regression coefficients and what is said of each sample by a solution for all
others. Batches take rows in order, `step * batch + i` modulo the samples.
"""

import json
import os
import sys

os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
from sklearn.linear_model import Ridge
from sklearn.model_selection import LeaveOneOut

import seeded

STEPS = 20
SAMPLES, FEATURES, BATCH = 40, 24, 8

# Each with what differs from the first.
PLAIN = {
    "task": "softmax",
    "outputs": 3,
    "hidden": 0,
    "optimizer": "adam",
    "momentum": 0.0,
    "learning_rate": 0.01,
    "l2": 0.0,
    "label_smoothing": 0.0,
    "class_weights": [],
}
CASES = {
    "adam": {},
    "sgd": {"optimizer": "sgd", "learning_rate": 0.1},
    "sgd_momentum": {"optimizer": "sgd", "momentum": 0.9, "learning_rate": 0.05},
    "l2": {"l2": 0.02},
    "label_smoothing": {"label_smoothing": 0.1},
    "class_weights": {"class_weights": [0.5, 2.0, 1.25]},
    "hidden": {"hidden": 10},
    "hidden_l2_sgd": {"hidden": 10, "l2": 0.01, "optimizer": "sgd", "momentum": 0.9, "learning_rate": 0.05},
    "sigmoid": {"task": "sigmoid"},
    "sigmoid_smoothed": {"task": "sigmoid", "label_smoothing": 0.2},
    "one_sigmoid": {"task": "sigmoid", "outputs": 1},
    "one_sigmoid_weighted": {"task": "sigmoid", "outputs": 1, "class_weights": [0.5, 3.0]},
    "regression": {"task": "regression", "outputs": 2},
    "regression_hidden": {"task": "regression", "outputs": 2, "hidden": 10},
}
RIDGES = {
    "more_samples": {"samples": 40, "features": 12, "outputs": 3, "penalty": 1.0, "weighted": False},
    "more_features": {"samples": 16, "features": 40, "outputs": 3, "penalty": 0.5, "weighted": False},
    "weighted": {"samples": 40, "features": 12, "outputs": 3, "penalty": 2.0, "weighted": True},
    "weighted_more_features": {"samples": 16, "features": 40, "outputs": 3, "penalty": 2.0, "weighted": True},
}


def numbers(name, *shape):
    """u of that name, in the shape."""
    return seeded.uniform(name, int(np.prod(shape))).astype(np.float32).reshape(shape)


def targets(task, samples, outputs):
    u = numbers(f"training/targets/{task}", samples, outputs)
    if task == "softmax":
        return np.eye(outputs, dtype=np.float32)[u.argmax(axis=1)]
    return (u > 0).astype(np.float32) if task == "sigmoid" else u


def model(case):
    def dense(name, units, inputs, activation):
        kernel = numbers(f"training/{name}/kernel", inputs, units) * np.float32(0.5)
        bias = numbers(f"training/{name}/bias", units) * np.float32(0.1)
        layer = keras.layers.Dense(units, activation, kernel_regularizer=keras.regularizers.L2(case["l2"]) if case["l2"] else None)
        layer.build((None, inputs))
        layer.set_weights([kernel, bias])
        return layer

    layers = [keras.Input((FEATURES,))]
    if case["hidden"]:
        layers.append(dense("hidden", case["hidden"], FEATURES, "relu"))
    layers.append(dense("out", case["outputs"], case["hidden"] or FEATURES, None))
    return keras.Sequential(layers)


def run(case):
    smoothing = {"label_smoothing": case["label_smoothing"]}
    loss = {
        "softmax": keras.losses.CategoricalCrossentropy(from_logits=True, **smoothing),
        "sigmoid": keras.losses.BinaryCrossentropy(from_logits=True, **smoothing),
        "regression": keras.losses.MeanSquaredError(),
    }[case["task"]]
    rate = case["learning_rate"]
    optimizer = keras.optimizers.Adam(rate) if case["optimizer"] == "adam" else keras.optimizers.SGD(rate, momentum=case["momentum"])
    head = model(case)
    head.compile(optimizer=optimizer, loss=loss)
    x, y = numbers("training/features", SAMPLES, FEATURES), targets(case["task"], SAMPLES, case["outputs"])
    losses = []
    for step in range(STEPS):
        rows = [(step * BATCH + i) % SAMPLES for i in range(BATCH)]
        weights = None
        if case["class_weights"]:
            kinds = y[rows].argmax(axis=1) if case["task"] == "softmax" else y[rows, 0].astype(int)
            weights = np.array(case["class_weights"], np.float32)[kinds]
        head.reset_metrics()
        losses.append(float(head.train_on_batch(x[rows], y[rows], sample_weight=weights)))
    last = [np.asarray(array).ravel().astype(float).tolist() for array in head.layers[-1].get_weights()]
    return {**case, "losses": losses, "kernel": last[0], "bias": last[1]}


def ridge(case):
    samples, features, outputs = case["samples"], case["features"], case["outputs"]
    x = numbers("training/features", samples, features).astype(np.float64)
    y = targets("softmax", samples, outputs).astype(np.float64)
    kinds, learnt = y.argmax(axis=1), 2 * y - 1
    # scikit-learn's "balanced".
    weights = samples / (outputs * np.bincount(kinds, minlength=outputs))[kinds] if case["weighted"] else np.ones(samples)
    fitted = Ridge(alpha=case["penalty"], solver="cholesky").fit(x, learnt, weights)
    left_out = np.empty_like(learnt)
    for others, one in LeaveOneOut().split(x):
        left_out[one] = Ridge(alpha=case["penalty"], solver="cholesky").fit(x[others], learnt[others], weights[others]).predict(x[one])
    return {
        **case,
        "coefficients": fitted.coef_.ravel().tolist(),
        "intercepts": fitted.intercept_.tolist(),
        "left_out": left_out.ravel().tolist(),
        "accuracy": float((left_out.argmax(axis=1) == kinds).mean()),
    }


def main(folder):
    runs = {name: run({**PLAIN, **more}) for name, more in CASES.items()}
    ridges = {name: ridge(case) for name, case in RIDGES.items()}
    said = {
        "keras": keras.__version__,
        "samples": SAMPLES,
        "features": FEATURES,
        "batch": BATCH,
        "runs": runs,
        "ridges": ridges,
    }
    rounded = json.loads(json.dumps(said), parse_float=lambda text: float(f"{float(text):.9g}"))
    with open(os.path.join(folder, "heads.json"), "w", encoding="utf-8") as file:
        json.dump(rounded, file, indent=1)
        file.write("\n")


if __name__ == "__main__":
    main(sys.argv[1])
