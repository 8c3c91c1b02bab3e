"""What a case's outputs become on disk: `cases.json` and `expected.bin`. README.md has the format."""

import json
import math
import pathlib

import numpy as np

import seeded

DATA = pathlib.Path(__file__).resolve().parents[2] / "tests" / "data" / "conformance"
STATISTICS = 3


def summary(endpoint, values):
    """mean, mean |x|, max |x|, then the sampled values; statistics are taken in f64."""
    flat = np.asarray(values, dtype=np.float64).reshape(-1)
    if not np.isfinite(flat).all():
        raise ValueError(f"{endpoint} is not finite")
    size = np.abs(flat)
    head = np.array([flat.mean(), size.mean(), size.max()])
    return np.concatenate([head, flat[seeded.positions(endpoint, flat.size)]]).astype("<f4")


def record_length(shape):
    """How many f32 `summary` writes."""
    return STATISTICS + min(seeded.SAMPLES, math.prod(shape))


def pack(fields, outputs):
    """(manifest fields, records) of {endpoint: [h, w, c] or [c]}."""
    shapes = [[name, list(np.shape(values))] for name, values in outputs.items()]
    return dict(fields, endpoints=shapes), np.concatenate([summary(*item) for item in outputs.items()])


def write(folder, versions, packed):
    """packed: what `pack` returned, for every case."""
    folder.mkdir(parents=True, exist_ok=True)
    lines, offset = [], 0
    for fields, records in packed:
        lines.append(json.dumps(dict(fields, offset=offset), separators=(",", ":")))
        offset += records.size
    text = '{"frameworks":' + json.dumps(versions) + ',\n"cases":[\n' + ",\n".join(lines) + "\n]}\n"
    (folder / "cases.json").write_text(text)
    np.concatenate([records for _, records in packed]).tofile(folder / "expected.bin")


def write_tensors(folder, listings):
    """tensors/FRAMEWORK.txt: for every case a line `# name`, then `tensor 3x3x3x32` lines, sorted by name."""
    (folder / "tensors").mkdir(exist_ok=True)
    for framework, listed in listings.items():
        lines = []
        for case, shapes in listed:
            lines.append(f"# {case}\n")
            lines += [f"{name} {'x'.join(str(side) for side in shapes[name])}\n" for name in sorted(shapes)]
        (folder / "tensors" / f"{framework}.txt").write_text("".join(lines))


def read(folder):
    """(manifest, {case name: {endpoint: record}})."""
    manifest = json.loads((folder / "cases.json").read_text())
    packed = np.fromfile(folder / "expected.bin", dtype="<f4")
    records, end = {}, 0
    for case in manifest["cases"]:
        at = case["offset"]
        if at != end:
            raise ValueError(f"{case['name']} starts at {at}, not {end}")
        records[case["name"]] = {}
        for name, shape in case["endpoints"]:
            length = record_length(shape)
            records[case["name"]][name] = packed[at : at + length]
            at += length
        end = at
    if end != packed.size:
        raise ValueError(f"expected.bin has {packed.size} values, the manifest {end}")
    return manifest, records


def relative_error(expected, found):
    """Largest difference of two records, over the expected max |x|."""
    return float(np.abs(expected.astype(np.float64) - found).max() / max(float(expected[2]), 1e-30))
