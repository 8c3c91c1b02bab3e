"""TF-slim's own nets, run in f64 with seeded weights; endpoints are those that slim names.

The nets come from the PyPI package tf-models-research-object-detection, which carries `research/slim/nets`.
"""

import importlib.metadata
import importlib.util
import os
import pathlib
import sys

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ["TF_USE_LEGACY_KERAS"] = "1"

import numpy as np
import tensorflow as tf
import tf_keras

# TensorFlow looks for tf_keras.legacy_tf_layers, which newer tf_keras keeps under src.
LEGACY = "legacy_tf_layers"
sys.modules[f"tf_keras.{LEGACY}"] = importlib.import_module(f"tf_keras.src.{LEGACY}")
for part in ("base", "convolutional", "core", "normalization", "pooling"):
    sys.modules[f"tf_keras.{LEGACY}.{part}"] = importlib.import_module(f"tf_keras.src.{LEGACY}.{part}")
np.int = int  # mobilenet_v3.py dates from before NumPy 1.24

import tf_slim

# slim imports its nets as `nets`; the package keeps them as object_detection.nets.
sys.path.append(str(pathlib.Path(importlib.util.find_spec("object_detection").submodule_search_locations[0])))
from nets import mobilenet_v1
from nets.mobilenet import mobilenet_v2, mobilenet_v3

import seeded

VERSIONS = {
    "tensorflow": tf.__version__,
    "tf-slim": importlib.metadata.version("tf-slim"),
    "tf-keras": tf_keras.__version__,
    "tf-models-research-object-detection": importlib.metadata.version("tf-models-research-object-detection"),
}
LAST_MAP = {"v2": "layer_19", "v3-small": "layer_13", "v3-large": "layer_17"}


def build_v1(case, frame):
    with tf_slim.arg_scope(mobilenet_v1.mobilenet_v1_arg_scope(is_training=False)):
        if case.classes:
            call = f"mobilenet_v1({case.classes}, depth_multiplier={case.multiplier})"
            _, points = mobilenet_v1.mobilenet_v1(
                frame, case.classes, is_training=False, depth_multiplier=case.multiplier
            )
        else:
            options = {"depth_multiplier": case.multiplier, "output_stride": case.output_stride}
            if case.padding == "symmetric":
                options["use_explicit_padding"] = True
            call = f"mobilenet_v1_base({', '.join(f'{key}={value!r}' for key, value in options.items())})"
            _, points = mobilenet_v1.mobilenet_v1_base(frame, scope="MobilenetV1", **options)
    return call, dict(points)


def build_later(case, frame):
    options = {"depth_multiplier": case.multiplier, "finegrain_classification_mode": case.finegrain}
    if case.output_stride != 32:
        options["output_stride"] = case.output_stride
    if case.padding == "symmetric":
        options["use_explicit_padding"] = True
    if case.version == "v2":
        module, table = mobilenet_v2, "V2_DEF"
    else:
        module = mobilenet_v3
        table = f"V3_{case.version[3:].upper()}{'_MINIMALISTIC' if case.minimalistic else ''}"
    if not case.classes:
        # Pooling in V3's table takes no dilation: stop before it.
        options.update(base_only=True, final_endpoint=LAST_MAP[case.version])
    with tf_slim.arg_scope(module.training_scope(is_training=False)):
        _, points = module.mobilenet(
            frame, num_classes=case.classes, conv_defs=getattr(module, table), **options
        )
    said = ", ".join(f"{key}={value!r}" for key, value in options.items())
    call = f"{module.__name__.split('.')[-1]}.mobilenet({case.classes}, conv_defs={table}, {said})"
    return call, inner_endpoints(dict(points), frame.graph)


def inner_endpoints(points, graph):
    """Adds the maps that slim computes but does not list; drops its `layer_N/output` doubles."""
    operations = {operation.name for operation in graph.get_operations()}
    result = {}
    for name, tensor in points.items():
        if name.endswith("/output"):
            continue
        result[name] = tensor
        scope = tensor.name.rsplit("/", 1)[0]
        if name.startswith("layer_") and "/" not in name and f"{scope}/depthwise_output" in operations:
            if f"{scope}/squeeze_excite/mul" in operations:
                result[f"{name}/squeeze_excite_output"] = graph.get_tensor_by_name(f"{scope}/squeeze_excite/mul:0")
            if f"{scope}/add" in operations:
                result[f"{name}/projection_output"] = graph.get_tensor_by_name(f"{scope}/project/Identity:0")
    return result


def run(case):
    """(how the model was made, {tensor: shape}, {endpoint: values})."""
    renamed = {"AvgPool_1a": "global_pool", "Logits": "logits", "Predictions": "predictions"}
    with tf.Graph().as_default() as graph:
        frame = tf.compat.v1.placeholder(tf.float64, (1, case.height, case.width, 3))
        call, points = (build_v1 if case.version == "v1" else build_later)(case, frame)
        variables = {variable.name.split(":")[0]: variable for variable in tf.compat.v1.global_variables()}
        shapes = {name: tuple(variable.shape.as_list()) for name, variable in variables.items()}
        epsilons = {
            round(tf.make_ndarray(operation.get_attr("value")).item(), 9)
            for operation in graph.get_operations()
            if "/batchnorm" in operation.name and operation.name.endswith("add/y")
        }
        assert epsilons == {case.epsilon}, epsilons
        with tf.compat.v1.Session() as session:
            for name, variable in variables.items():
                variable.load(seeded.tensor(name, shapes[name]).astype(np.float64), session)
            picture = seeded.picture(case.height, case.width)[None].astype(np.float64)
            values = session.run(points, {frame: picture})
    outputs = {renamed.get(name, name): value[0] for name, value in values.items()}
    for name in ("global_pool", "logits", "predictions"):
        if name in outputs:
            outputs[name] = outputs[name].reshape(-1)
    return f"TF-slim {call}", shapes, outputs
