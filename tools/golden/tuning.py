"""Fine-tuning as Keras does it: losses of a few steps, and layers with what of each is trained.

    python tuning.py OUT      (with keras-applications==1.0.8 besides requirements.txt) writes OUT/tune.json and OUT/keras_layers.txt (tests/data/training/)

Weights and maps are seeded by name (seeded.py), so that the files hold nothing but losses. A run takes a network of the
conformance suite, begins at an endpoint's maps (or at a layer's index), puts a dense head on its features, and trains both.
Everything is in double precision.
"""

import json
import os
import pathlib
import sys

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
import tensorflow as tf

import ref_keras
import seeded
from cases import Case

MAPS = 2


def base(case):
    """A network with seeded weights, and its endpoints by name."""
    keras.backend.clear_session()
    keras.config.set_dtype_policy("float64")
    options = {"input_shape": (case.height, case.width, 3), "alpha": case.multiplier, "weights": None, "classes": 10}
    v3 = case.version.startswith("v3")
    if v3:
        options.update(minimalistic=case.minimalistic, include_preprocessing=False)
    model = ref_keras.MAKERS[case.version](classifier_activation=None, **options)
    for variable in model.weights:
        name = ref_keras.weight_name(variable)
        variable.assign(seeded.tensor(name, variable.shape))
    if v3:
        named = dict(ref_keras.v3_endpoints(model, True))
        features = named[list(named)[-1]]
    else:
        named = dict((ref_keras.v1_endpoints if case.version == "v1" else ref_keras.v2_endpoints)(model))
        pools = [layer for layer in model.layers if isinstance(layer, keras.layers.GlobalAveragePooling2D)]
        features = pools[-1].output
    return model, {**named, "input": model.input}, keras.layers.Flatten()(features)


def train(case, endpoint, start, batch, outputs, optimizer, batch_norm):
    """Losses of steps, then that of the first batch in inference."""
    model, named, features = base(case)
    for index, it in enumerate(model.layers):
        it.trainable = isinstance(start, str) or index >= start
    end = keras.Model(named[endpoint], features)
    if endpoint == "input":
        shape = (case.height, case.width, 3)
    else:
        shape = tuple(named[endpoint].shape[1:])
    count = int(np.prod(shape)) * batch
    maps = [2 * seeded.uniform(f"maps/{at}", count).reshape(batch, *shape) for at in range(MAPS)]
    # As rows of f32, which is what is handed over.
    maps = [tf.constant(values.astype(np.float32).astype(np.float64)) for values in maps]
    targets = [np.array([[(sample + at) % max(outputs, 2) == output for output in range(outputs)] for sample in range(batch)]) for at in range(MAPS)]
    targets = [tf.constant(values.astype(np.float64)) for values in targets]
    kernel = tf.Variable(seeded.tensor("head/kernel", (features.shape[-1], outputs)).astype(np.float64))
    bias = tf.Variable(seeded.tensor("head/bias", (outputs,)).astype(np.float64))
    variables = [*end.trainable_variables, keras.Variable(kernel, dtype="float64"), keras.Variable(bias, dtype="float64")]

    def loss(at, training):
        logits = end(maps[at], training=training) @ variables[-2].value + variables[-1].value
        if outputs == 1:
            return tf.reduce_mean(tf.nn.sigmoid_cross_entropy_with_logits(targets[at], logits))
        return tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits(targets[at], logits))

    losses = []
    for step in range(6):
        with tf.GradientTape() as tape:
            value = loss(step % MAPS, batch_norm == "training")
        gradients = tape.gradient(value, [variable.value for variable in variables])
        optimizer.apply(gradients, variables)
        losses.append(float(value))
    return {
        "case": case.name,
        "from": start,
        "endpoint": endpoint,
        "batch": batch,
        "outputs": outputs,
        "optimizer": optimizer.name,
        "learning_rate": float(optimizer.learning_rate),
        "momentum": float(getattr(optimizer, "momentum", 0.0)),
        "batch_norm": batch_norm,
        "params": int(sum(np.prod(variable.shape) for variable in variables)),
        "losses": losses,
        "inference": float(loss(0, False)),
    }


def runs():
    adam, sgd = keras.optimizers.Adam, keras.optimizers.SGD
    v1 = Case("keras", "v1", 0.25, 129, 97, padding="tail")
    v2 = Case("keras", "v2", 0.35, 96, 160)
    v3 = Case("keras", "v3-small", 0.35, 129, 97)
    yield train(v2, "layer_15", "layer_16", 4, 3, sgd(0.001, momentum=0.9), "frozen")
    yield train(v2, "layer_15", "layer_16", 4, 3, adam(0.0003), "training")
    # A block's depthwise convolution: the endpoint before it is the block's input.
    yield train(v2, "layer_13", 110, 2, 1, adam(0.0003), "training")
    yield train(v2, "input", 0, 2, 3, sgd(0.0003, momentum=0.9), "frozen")
    yield train(v1, "Conv2d_11_pointwise", "Conv2d_12_depthwise", 3, 4, sgd(0.003, momentum=0.0), "training")
    yield train(v1, "input", 0, 2, 2, adam(0.00003), "frozen")
    yield train(v3, "layer_8", "layer_9", 3, 3, adam(0.0003), "frozen")
    yield train(v3, "layer_3", "layer_4", 2, 2, sgd(0.001, momentum=0.9), "training")


def layers():
    """Sections of lines `name class trained`, in the order of `model.layers`."""
    import keras_applications
    import tf_keras

    keras.config.set_dtype_policy("float32")
    shape = {"input_shape": (224, 224, 3), "include_top": False, "weights": None}
    old = dict(backend=tf_keras.backend, layers=tf_keras.layers, models=tf_keras.models, utils=tf_keras.utils)
    from keras_applications import mobilenet_v2

    makers = {f"keras-{keras.__version__} {name}": lambda make=make: make(**shape) for name, make in ref_keras.MAKERS.items()}
    for name in ("v3-small", "v3-large"):
        make = ref_keras.MAKERS[name]
        makers[f"keras-{keras.__version__} {name}-minimalistic"] = lambda make=make: make(minimalistic=True, **shape)
    makers[f"keras-applications-{keras_applications.__version__} v2"] = lambda: mobilenet_v2.MobileNetV2(alpha=1.0, **shape, **old)
    for title, make in makers.items():
        yield f"# {title}"
        for layer in make().layers:
            trained = sum(int(np.prod(weight.shape)) for weight in layer.trainable_weights)
            kind = "Activation" if type(layer).__name__ == "ReLU" else type(layer).__name__
            yield f"{layer.name} {kind} {trained}"


if __name__ == "__main__":
    out = pathlib.Path(sys.argv[1])
    out.mkdir(parents=True, exist_ok=True)
    said = {"versions": ref_keras.VERSIONS, "runs": list(runs())}
    (out / "tune.json").write_text(json.dumps(said, indent=1) + "\n")
    (out / "keras_layers.txt").write_text("\n".join(layers()) + "\n")
