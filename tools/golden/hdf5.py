"""Small HDF5 files in the layouts that h5py knows, for tests/hdf5.rs: numbers that count, no weights.

    python3 tools/golden/hdf5.py tests/data/hdf5
"""

import sys
from pathlib import Path

import h5py
import ml_dtypes
import numpy as np

OUT = Path(sys.argv[1])
FILTERS = {"compression": "gzip", "shuffle": True, "fletcher32": True}


def counting(shape, kind="<f4"):
    """1, 2, 3 … row by row."""
    return np.arange(1, np.prod(shape, dtype=int) + 1).reshape(shape).astype(kind)


def low_level(file, name, values, chunks=None, early=False):
    """Layouts that h5py's own functions do not offer: compact, and chunks that follow one another."""
    plist = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    if early:
        plist.set_alloc_time(h5py.h5d.ALLOC_TIME_EARLY)
    if chunks:
        plist.set_chunk(chunks)
    else:
        plist.set_layout(h5py.h5d.COMPACT)
    space = h5py.h5s.create_simple(values.shape)
    made = h5py.h5d.create(file.id, name.encode(), h5py.h5t.py_create(values.dtype), space, plist)
    made.write(h5py.h5s.ALL, h5py.h5s.ALL, values)


def plain(name, **how):
    with h5py.File(OUT / name, "w", **how) as file:
        file["a"] = counting((2, 3))
        file["b"] = np.float32(7)


def kinds(name, **how):
    """Types and layouts."""
    with h5py.File(OUT / name, "w", **how) as file:
        file["half"] = counting((3,), "<f2")
        file.create_dataset("brain", data=np.array([1, -2], ml_dtypes.bfloat16)).attrs["dtype"] = "bfloat16"
        file["double"] = counting((2, 2), "<f8")
        file["whole"] = counting((2,), "<i8")
        file["empty"] = np.zeros((0, 3), "<f4")
        low_level(file, "compact", counting((2, 2)))
        file.create_dataset("chunks", data=counting((5, 7)), chunks=(2, 3))
        file.create_dataset("filtered", data=counting((5, 7)), chunks=(2, 3), **FILTERS)
        file.create_dataset("single", data=counting((5, 7)), chunks=(5, 7), **FILTERS)
        file.create_dataset("deflated", data=counting((2, 3, 5)), chunks=(1, 3, 2), compression="gzip")
        low_level(file, "early", counting((5, 7)), (2, 3), early=True)


def layers(name, count, **how):
    """Keras' layout: as many layers as need a tree of names, their names spread over several attributes."""
    with h5py.File(OUT / name, "w", **how) as file:
        file.attrs["model_config"] = '{"class_name": "Sequential", "config": {"layers": []}}'
        file.attrs["class_names"] = ["cat", "köter"]
        weights = file.create_group("model_weights")
        names = [f"layer_{at}" for at in range(count)]
        for part in range(2):
            weights.attrs[f"layer_names{part}"] = np.array([n.encode() for n in names[part::2]])
        for at, layer in enumerate(names):
            group = weights.create_group(layer)
            group.attrs["weight_names"] = [f"{layer}/bias:0"] if at % 10 == 0 else []
            if at % 10 == 0:
                group[f"{layer}/bias:0"] = counting((at // 10 + 1,))


def main():
    OUT.mkdir(parents=True, exist_ok=True)
    new, latest = {"libver": ("v108", "v110")}, {"libver": "latest"}
    for tag, how in ("v0", {}), ("v2", new), ("v3", latest):
        plain(f"plain_{tag}.h5", **how)
    kinds("kinds_v0.h5")
    kinds("kinds_v3.h5", **latest)
    layers("layers_v0.h5", 12)
    layers("layers_v3.h5", 60, **latest)


main()
