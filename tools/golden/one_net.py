"""The small network of tests/one_net, written by the frameworks themselves.

    python3 tools/golden/one_net.py target/one-net/frameworks       # half a minute; 30 MB that stay out of git
    cargo test --test one_net -- --nocapture

Keras's MobileNetV2 0.35 for 96 px and five classes, its numbers from its variables' names as in seeded.py: the numbers
that tests/one_net/net.rs makes. `expected.f32` is Keras's answer to the seeded input.
"""

import json
import os
import shutil
import sys
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
import h5py
import keras
import numpy as np
import tensorflow as tf
import tf_keras
import torch
import torchvision
from safetensors.torch import save_file
from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

import seeded

OUT = Path(sys.argv[1])
SIDE = 96
CLASSES = ["heron", "otter", "lynx", "marten", "plover"]


def network(library):
    """The network in one of both Keras versions, with seeded numbers."""
    shape = (SIDE, SIDE, 3)
    model = library.applications.MobileNetV2(input_shape=shape, alpha=0.35, weights=None, classes=len(CLASSES))
    for layer in model.layers:
        for variable in layer.weights:
            name = variable.name.split(":")[0].split("/")[-1]
            if name == "kernel" and isinstance(layer, library.layers.DepthwiseConv2D):
                name = "depthwise_kernel"
            variable.assign(seeded.tensor(f"{layer.name}/{name}", tuple(variable.shape)).astype(np.float32))
    return model


def torch_names():
    """Keras's layer and its batch norm by torchvision's names, in the order of both."""
    yield "Conv1", "bn_Conv1", "features.0.0", "features.0.1"
    for block in range(17):
        name = f"block_{block}" if block else "expanded_conv"
        parts = ["expand", "depthwise", "project"] if block else ["depthwise", "project"]
        for place, part in enumerate(parts):
            at = f"features.{block + 1}.conv.{place}"
            last = f"features.{block + 1}.conv.{place + 1}"
            conv, norm = (at, last) if part == "project" else (f"{at}.0", f"{at}.1")
            yield f"{name}_{part}", f"{name}_{part}_BN", conv, norm
    yield "Conv_1", "Conv_1_bn", "features.18.0", "features.18.1"


def state_dict(model):
    """The numbers as torchvision's network of that width has them."""
    state = torchvision.models.mobilenet_v2(width_mult=0.35, num_classes=len(CLASSES)).state_dict()
    new = {}
    for conv, norm, torch_conv, torch_norm in torch_names():
        kernel = model.get_layer(conv).get_weights()[0]
        axes = (2, 3, 0, 1) if conv.endswith("depthwise") else (3, 2, 0, 1)
        new[f"{torch_conv}.weight"] = kernel.transpose(axes)
        for end, values in zip(["weight", "bias", "running_mean", "running_var"], model.get_layer(norm).get_weights()):
            new[f"{torch_norm}.{end}"] = values
    kernel, bias = model.get_layer("predictions").get_weights()
    new["classifier.1.weight"], new["classifier.1.bias"] = kernel.T, bias
    for name, values in new.items():
        assert state[name].shape == values.shape, name
        state[name] = torch.from_numpy(np.ascontiguousarray(values))
    return state


def onnx(state):
    """What torch exports. Its padding is symmetric, so that tensors are the same and answers are not."""
    net = torchvision.models.mobilenet_v2(width_mult=0.35, num_classes=len(CLASSES)).eval()
    for module in net.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.eps = 1e-3
    net.load_state_dict(state)
    options = {"dynamo": False, "training": torch.onnx.TrainingMode.PRESERVE, "do_constant_folding": False}
    torch.onnx.export(net, torch.zeros(1, 3, SIDE, SIDE), folder("onnx") / "net.onnx", opset_version=13, **options)


def layers_model(model):
    """Keras's own description of the network, and its numbers in shards, as tensorflowjs_converter lays them out."""
    path = folder("tfjs-layers")
    pairs = [(variable.name.split(":")[0], variable.numpy()) for layer in model.layers for variable in layer.weights]
    rows = [{"name": name, "shape": list(values.shape), "dtype": "float32"} for name, values in pairs]
    data = b"".join(values.astype("<f4").tobytes() for _, values in pairs)
    shards = [data[at : at + (1 << 20)] for at in range(0, len(data), 1 << 20)]
    names = [f"group1-shard{index + 1}of{len(shards)}.bin" for index in range(len(shards))]
    for name, shard in zip(names, shards):
        (path / name).write_bytes(shard)
    topology = {"keras_version": tf_keras.__version__, "backend": "tensorflow", "model_config": json.loads(model.to_json())}
    manifest = [{"paths": names, "weights": rows}]
    whole = {"format": "layers-model", "generatedBy": "keras", "modelTopology": topology, "weightsManifest": manifest}
    (path / "model.json").write_text(json.dumps(whole))


def folder(name):
    """An empty folder below the output's."""
    path = OUT / name
    shutil.rmtree(path, ignore_errors=True)
    path.mkdir(parents=True)
    return path


def main():
    model, old = network(keras), network(tf_keras)
    picture = seeded.uniform("input", SIDE * SIDE * 3).astype(np.float32).reshape(1, SIDE, SIDE, 3)
    answer = model.predict(picture, verbose=0)[0]
    assert np.allclose(answer, old.predict(picture, verbose=0)[0], atol=1e-6)
    OUT.mkdir(parents=True, exist_ok=True)
    answer.astype("<f4").tofile(OUT / "expected.f32")

    model.save(folder("keras3") / "net.keras")
    model.save(folder("keras3-h5") / "net.h5")
    with h5py.File(OUT / "keras3-h5/net.h5", "r+") as file:
        file.attrs["class_names"] = CLASSES
    model.save_weights(folder("keras3-weights") / "net.weights.h5")
    old.save(folder("keras2-h5") / "net.h5")
    old.save(folder("keras2") / "net.keras")

    old.save(folder("saved-model"), save_format="tf")
    old.save_weights(folder("checkpoint") / "net.ckpt", save_format="tf")
    function = tf.function(lambda x: old(x)).get_concrete_function(tf.TensorSpec((1, SIDE, SIDE, 3), tf.float32))
    frozen = convert_variables_to_constants_v2(function)
    (folder("graph-def") / "frozen.pb").write_bytes(frozen.graph.as_graph_def().SerializeToString())
    converter = tf.lite.TFLiteConverter.from_concrete_functions([function])
    (folder("tflite") / "net.tflite").write_bytes(converter.convert())

    layers_model(old)

    state = state_dict(model)
    onnx(state)
    torch.save(state, folder("torch-zip") / "net.pth")
    torch.save(state, folder("torch-legacy") / "net.pth", _use_new_zipfile_serialization=False)
    save_file({name: values.contiguous() for name, values in state.items()}, folder("safetensors") / "net.safetensors")
    for path in sorted(OUT.rglob("*")):
        if path.is_file():
            print(f"{path.stat().st_size:>9} {path.relative_to(OUT)}")


if __name__ == "__main__":
    main()
