"""What each framework calls the tensors of small MobileNets: tests/data/names/*.txt.

    python tools/golden/names.py tests/data/names

Needs torch, torchvision, timm, tensorflow, keras (3), tf_keras (Keras 2) and, for TF-slim, the `nets` package that
tf-models-research-object-detection carries. Every net has 5 classes and a small multiplier.

A line is a module and its tensors: `conv1 weight 8,3,3,3`; the names are joined by what the first line says.
"""

import importlib
import importlib.util
import os
import sys

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
os.environ["TF_USE_LEGACY_KERAS"] = "1"

import keras
import numpy
import tensorflow.compat.v1 as tf
import tf_keras
import tf_slim
import timm
import torchvision

# TF-slim looks for names that newer releases of NumPy and tf_keras have moved or dropped.
numpy.int = int
for part in ["", ".base", ".convolutional", ".core", ".normalization", ".pooling"]:
    module = importlib.import_module(f"tf_keras.src.legacy_tf_layers{part}")
    sys.modules[f"tf_keras.legacy_tf_layers{part}"] = module
sys.path.append(importlib.util.find_spec("object_detection").submodule_search_locations[0])
from nets import mobilenet_v1
from nets.mobilenet import mobilenet_v2, mobilenet_v3

CLASSES = 5


def torch(net):
    return ".", [(name, tuple(tensor.shape)) for name, tensor in net.state_dict().items()]


def keras3(net):
    return "/", [(weight.path, tuple(weight.shape)) for weight in net.weights]


def keras2(net):
    return "/", [(weight.name, tuple(weight.shape)) for weight in net.weights]


def slim(scope, build, **options):
    with tf.Graph().as_default(), tf_slim.arg_scope(scope(is_training=False)):
        build(tf.zeros((1, 224, 224, 3)), num_classes=CLASSES, **options)
        return "/", [(variable.op.name, tuple(variable.shape)) for variable in tf.global_variables()]


def nets():
    yield "torchvision_v2_0.35", torch(torchvision.models.mobilenet_v2(width_mult=0.35, num_classes=CLASSES))
    for size, width in [("large", 0.35), ("small", 0.75)]:
        build = getattr(torchvision.models, f"mobilenet_v3_{size}")
        yield f"torchvision_v3-{size}_{width}", torch(build(width_mult=width, num_classes=CLASSES))
    for name, version, width in [
        ("mobilenetv1_100", "v1", 1.0),
        ("mobilenetv2_035", "v2", 0.35),
        ("mobilenetv3_large_075", "v3-large", 0.75),
        ("mobilenetv3_small_050", "v3-small", 0.5),
        ("tf_mobilenetv3_large_minimal_100", "v3-large-minimalistic", 1.0),
        ("tf_mobilenetv3_small_minimal_100", "v3-small-minimalistic", 1.0),
    ]:
        yield f"timm_{version}_{width}", torch(timm.create_model(name, num_classes=CLASSES))
    for label, module, dump in [("keras", keras, keras3), ("keras-2", tf_keras, keras2)]:
        app = module.applications
        options = {"weights": None, "classes": CLASSES}
        v3 = {"weights": None, "classes": CLASSES, "alpha": 0.5}
        yield f"{label}_v2_0.35", dump(app.MobileNetV2(alpha=0.35, **options))
        yield f"{label}_v3-large_0.5", dump(app.MobileNetV3Large(**v3))
        yield f"{label}_v3-small_0.5", dump(app.MobileNetV3Small(**v3))
        if label == "keras":
            yield f"{label}_v1_0.25", dump(app.MobileNet(alpha=0.25, **options))
            yield f"{label}_v3-large-minimalistic_0.5", dump(app.MobileNetV3Large(minimalistic=True, **v3))
            yield f"{label}_v3-small-minimalistic_0.5", dump(app.MobileNetV3Small(minimalistic=True, **v3))
    tf.disable_v2_behavior()
    yield "tf-slim_v1_0.25", slim(mobilenet_v1.mobilenet_v1_arg_scope, mobilenet_v1.mobilenet_v1, depth_multiplier=0.25)
    v2 = mobilenet_v2.training_scope, mobilenet_v2.mobilenet
    yield "tf-slim_v2_0.5", slim(*v2, depth_multiplier=0.5)
    yield "tf-slim_v2_0.35", slim(*v2, depth_multiplier=0.35, finegrain_classification_mode=True)
    for version in ["large", "small", "large_minimalistic", "small_minimalistic"]:
        build = getattr(mobilenet_v3, version)
        net = slim(mobilenet_v3.training_scope, build, depth_multiplier=0.35)
        yield f"tf-slim_v3-{version.replace('_', '-')}_0.35", net


def main(folder):
    for name, (separator, tensors) in nets():
        modules = {}
        for tensor, shape in tensors:
            module, _, leaf = tensor.rpartition(separator)
            modules.setdefault(module, []).append(f"{leaf} {','.join(map(str, shape)) or '-'}")
        with open(os.path.join(folder, f"{name}.txt"), "w", encoding="utf-8") as file:
            file.write(f"{separator}\n")
            file.writelines(f"{module} {' '.join(leaves)}\n" for module, leaves in modules.items())


if __name__ == "__main__":
    main(sys.argv[1])
