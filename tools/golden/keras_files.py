"""Small networks in every spelling that Keras 3 and Keras 2 (tf-keras) give them, and what they answer.

    python3 tools/golden/keras_files.py target/keras           # about a minute; 60 MB that stay out of git
    cargo test --test keras_files -- --nocapture

Weights follow from the variables' names as in seeded.py. `expected.json` has a row a file: the network, its preset, and
its answer to the picture `frame.png`.
"""

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
LEGACY = len(sys.argv) > 2 and sys.argv[2] == "2"
if LEGACY:
    import tf_keras as keras
else:
    import keras
import h5py
import numpy as np

import seeded

OUT = Path(sys.argv[1])
SIDE = 64
TAG = "k2" if LEGACY else "k3"
LAYERS = keras.layers
APPS = keras.applications


def fill(model):
    """Weights by names, the same under both versions."""
    for layer in model.layers:
        if hasattr(layer, "layers"):
            fill(layer)
            continue
        for variable in layer.weights:
            name = variable.name.split(":")[0].split("/")[-1]
            if "seed" in name:
                continue
            if name == "kernel" and isinstance(layer, LAYERS.DepthwiseConv2D):
                name = "depthwise_kernel"
            variable.assign(seeded.tensor(f"{layer.name}/{name}", tuple(variable.shape)).astype(np.float32))


def networks():
    """Name, network, preset, multiplier."""
    shape = (SIDE, SIDE, 3)
    yield "v1", APPS.MobileNet(input_shape=shape, alpha=0.25, weights=None, classes=5), "keras"
    base = APPS.MobileNetV2(input_shape=shape, alpha=0.35, weights=None, include_top=False)
    head = [LAYERS.GlobalAveragePooling2D(), LAYERS.Dropout(0.2)]
    dense = LAYERS.Dense(3, activation="softmax", name="my_head")
    augment = keras.Sequential([LAYERS.RandomFlip(), LAYERS.RandomRotation(0.2)], name="augment")
    net = keras.Sequential([augment, LAYERS.Rescaling(1 / 255), base, *head, dense])
    net.build((None, *shape))
    yield "v2_sequential", net, "keras-unit"
    inputs = keras.Input(shape)
    values = base(APPS.mobilenet_v2.preprocess_input(augment(inputs)), training=False)
    outputs = LAYERS.Dense(4, activation="sigmoid", use_bias=False)(LAYERS.GlobalAveragePooling2D()(values))
    yield "v2_functional", keras.Model(inputs, outputs), "keras"
    for minimalistic in False, True:
        net = APPS.MobileNetV3Small(input_shape=shape, minimalistic=minimalistic, weights=None, classes=5)
        yield "v3_small" + "_minimalistic" * minimalistic, net, "keras"


def rewritten(source, target, change=None, **how):
    """The same HDF5 file written another way; `change` gives each dataset's numbers and how they are stored."""
    with h5py.File(source) as old, h5py.File(target, "w", **how) as new:

        def copy(name, item):
            if isinstance(item, h5py.Dataset):
                values, options = change(item) if change and item.size else (item[()], {})
                made = new.create_dataset(name, data=values, **options)
            else:
                made = new.require_group(name)
            for key, value in item.attrs.items():
                made.attrs[key] = value

        for key, value in old.attrs.items():
            new.attrs[key] = value
        old.visititems(copy)


def chunked(item):
    chunks = tuple(max(1, -(-side // 2) if at else side) for at, side in enumerate(item.shape))
    return item[()], {"chunks": chunks, "compression": "gzip", "shuffle": True, "fletcher32": True}


def split_names(source, target):
    """Lists of names spread over several attributes, as where they are longer than 64 kB."""
    rewritten(source, target)
    with h5py.File(target, "r+") as file:

        def split(_, item):
            for key in "layer_names", "weight_names":
                if len(item.attrs.get(key, [])) > 3:
                    names = item.attrs.pop(key) if hasattr(item.attrs, "pop") else item.attrs[key]
                    for at, part in enumerate(np.array_split(np.array([str(n).encode() for n in names]), 3)):
                        item.attrs[f"{key}{at}"] = part

        file.visititems(split)


def repacked(source, target, method, weights=None, without=()):
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w", method) as new:
        for name in old.namelist():
            if name not in without:
                data = Path(weights).read_bytes() if weights and name == "model.weights.h5" else old.read(name)
                new.writestr(name, data)


def older_weights(source, target):
    """The layout of TensorFlow 2.12: another container, layers with weights counted twice, no names."""
    with zipfile.ZipFile(source) as old:
        plain = OUT / "plain.h5"
        plain.write_bytes(old.read("model.weights.h5"))
    with h5py.File(plain) as old, h5py.File(target, "w") as new:

        def path(name):
            parts = name.split("/")
            for at, part in enumerate(parts):
                if part == "layers":
                    parts[at] = "_layer_checkpoint_dependencies"
                elif at and parts[at - 1] == "_layer_checkpoint_dependencies" and part.rsplit("_", 1)[-1].isdigit():
                    kind, number = part.rsplit("_", 1)
                    parts[at] = f"{kind}_{2 * int(number)}"
            return "/".join(parts)

        def copy(name, item):
            if isinstance(item, h5py.Dataset):
                new.create_dataset(path(name), data=item[()])

        old.visititems(copy)
    plain.unlink()


def spellings(name, net):
    """Every file of a network."""
    made = OUT / f"{name}_{TAG}"
    file = lambda end: Path(f"{made}{end}")
    net.save(file(".h5"))
    net.save(file(".keras"))
    net.save_weights(file(".weights.h5"))
    yield from (file(".h5"), file(".keras"))
    yield file(".weights.h5")
    if name not in ("v1", "v2_sequential"):
        return
    plain = file(".h5")
    for bound in ("v108", "v110", "latest"):
        rewritten(plain, file(f"_{bound}.h5"), libver=(bound, bound if bound != "v108" else "v110"))
        yield file(f"_{bound}.h5")
        rewritten(plain, file(f"_{bound}_gzip.h5"), chunked, libver=(bound, bound if bound != "v108" else "v110"))
        yield file(f"_{bound}_gzip.h5")
    rewritten(plain, file("_ordered.h5"), track_order=True)
    yield file("_ordered.h5")
    rewritten(plain, file("_gzip.h5"), chunked)
    yield file("_gzip.h5")
    rewritten(plain, file("_f64.h5"), lambda item: (item[()].astype(np.float64), {}))
    yield file("_f64.h5")
    split_names(plain, file("_split.h5"))
    yield file("_split.h5")
    repacked(file(".keras"), file("_deflated.keras"), zipfile.ZIP_DEFLATED)
    yield file("_deflated.keras")
    older_weights(file(".keras"), OUT / "older.h5")
    repacked(file(".keras"), file("_older.keras"), zipfile.ZIP_STORED, OUT / "older.h5")
    (OUT / "older.h5").unlink()
    yield file("_older.keras")


def main():
    OUT.mkdir(parents=True, exist_ok=True)
    picture = np.random.default_rng(7).integers(0, 256, (SIDE // 8, SIDE // 8, 3), dtype=np.uint8)
    picture = picture.repeat(8, 0).repeat(8, 1)
    keras.utils.save_img(OUT / "frame.png", picture, scale=False)
    rows = []
    for name, net, preset in networks():
        fill(net)
        frame = picture[None].astype(np.float32)
        if name == "v1":
            frame = frame / 127.5 - 1
        answer = np.asarray(net(frame, training=False))[0].reshape(-1)
        for path in spellings(name, net):
            bare = path.name.endswith(".weights.h5")
            row = {"file": path.name, "net": name, "preset": preset, "bare": bare}
            rows.append(row | {"answer": [float(value) for value in answer]})
    manifest = OUT / "expected.json"
    before = json.loads(manifest.read_text()) if LEGACY else []
    manifest.write_text(json.dumps(before + rows, indent=0))
    if not LEGACY:
        environment = os.environ | {"TF_USE_LEGACY_KERAS": "1"}
        subprocess.run([sys.executable, __file__, sys.argv[1], "2"], check=True, env=environment)


main()
