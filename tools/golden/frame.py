#!/usr/bin/env python3
"""Golden tensors for tests/frame.rs, in units of 0 … 255 before normalisation.

    pip install pillow numpy
    python3 tools/golden/frame.py

writes tests/data/frame/. Antialiased cases come out of Pillow, in 8 bits, as
torchvision gets them. The two-neighbour rules are written down here as gathers from their
definitions in TensorFlow, sharing nothing with the crate's taps.
"""

import json
import pathlib

import numpy as np
from PIL import Image

DATA = pathlib.Path(__file__).resolve().parents[2] / "tests" / "data" / "frame"


def photograph(width, height, seed):
    """Smooth waves plus a little noise: [height, width, 3] of 8 bits."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0:height, 0:width].astype(np.float64)
    channels = []
    for channel in range(3):
        phase, fx, fy = rng.uniform(0, 6.28), rng.uniform(0.05, 0.4), rng.uniform(0.05, 0.4)
        wave = 127.5 + 100 * np.sin(fx * x + fy * y + phase + channel)
        channels.append(wave + rng.normal(0, 20, wave.shape))
    return np.clip(np.rint(np.stack(channels, axis=-1)), 0, 255).astype(np.uint8)


def pillow(image, size, box=None):
    """Rows first, then columns: releases of Pillow differ in when they do it the other way round."""
    left, top, right, bottom = box or (0, 0, image.shape[1], image.shape[0])
    across = Image.fromarray(image).resize((size[0], image.shape[0]), Image.BILINEAR, (left, 0, right, image.shape[0]))
    return np.asarray(across.resize(size, Image.BILINEAR, (0, top, size[0], bottom)))


def torchvision(image, target, fraction):
    """transforms.Resize(int) then transforms.CenterCrop; square targets only, as torchvision's preset."""
    height, width = image.shape[:2]
    size = round(target[0] / fraction)
    short, long = min(width, height), max(width, height)
    resized_long = int(size * long / short)
    resized = (size, resized_long) if width <= height else (resized_long, size)
    whole = pillow(image, resized)
    top = int(round((resized[1] - target[0]) / 2.0))
    left = int(round((resized[0] - target[1]) / 2.0))
    return whole[top : top + target[0], left : left + target[1]]


def cover(image, target):
    """The largest centred rectangle of the target's aspect ratio."""
    height, width = image.shape[:2]
    scale = min(height / target[0], width / target[1])
    cut_w, cut_h = target[1] * scale, target[0] * scale
    left, top = (width - cut_w) / 2, (height - cut_h) / 2
    return pillow(image, (target[1], target[0]), (left, top, left + cut_w, top + cut_h))


def central_crop(image, fraction):
    """tf.image.central_crop."""
    height, width = image.shape[:2]
    top, left = int((height - height * fraction) / 2), int((width - width * fraction) / 2)
    return image[top : height - top, left : width - left]


def two_neighbours(image, target, rule):
    """tf.compat.v1.image.resize_bilinear with that pixel rule."""
    out = image.astype(np.float64)
    for axis in (0, 1):
        old, new = out.shape[axis], target[axis]
        index = np.arange(new)
        if rule == "half_pixel":
            at = (index + 0.5) * old / new - 0.5
        elif rule == "legacy":
            at = index * old / new
        else:
            at = index * ((old - 1) / (new - 1) if new > 1 else old / new)
        floor = np.floor(at)
        share = (at - floor).reshape([-1, 1, 1] if axis == 0 else [1, -1, 1])
        low = np.clip(floor, 0, old - 1).astype(int)
        high = np.clip(floor + 1, 0, old - 1).astype(int)
        out = np.take(out, low, axis) * (1 - share) + np.take(out, high, axis) * share
    return out.astype(np.float32)


def main():
    DATA.mkdir(parents=True, exist_ok=True)
    for old in DATA.glob("*"):
        old.unlink()
    sources = {
        "tall": photograph(37, 53, 1),
        "wide": photograph(90, 41, 2),
        "tiny": photograph(3, 2, 3),
        "strip": photograph(1, 60, 4),
    }
    cases = []

    def case(name, source, crop, sampling, expected):
        assert expected.shape[2] == 3
        np.save(DATA / f"{name}.npy", np.ascontiguousarray(expected.astype(np.float32)))
        height, width = expected.shape[:2]
        cases.append(dict(name=name, source=source, crop=crop, sampling=sampling, height=height, width=width))

    for source, image in sources.items():
        np.save(DATA / f"source_{source}.npy", image)
        short = "short_side"
        case(f"torchvision_{source}", source, short, "antialiased", torchvision(image, (21, 21), 0.875))
        case(f"squash_{source}", source, "squash", "antialiased", pillow(image, (15, 18)))
        case(f"cover_{source}", source, "cover", "antialiased", cover(image, (12, 17)))
        for rule in ("half_pixel", "legacy", "align_corners"):
            case(f"{rule}_{source}", source, "squash", rule, two_neighbours(image, (16, 19), rule))
        slim = two_neighbours(central_crop(image, 0.875), (16, 16), "legacy")
        case(f"slim_{source}", source, "central", "legacy", slim)
    one = two_neighbours(sources["tall"], (1, 1), "align_corners")
    case("align_corners_to_one", "tall", "squash", "align_corners", one)
    (DATA / "cases.json").write_text(json.dumps(cases, indent=1) + "\n")
    print(f"{len(cases)} cases, {sum(f.stat().st_size for f in DATA.iterdir())} bytes")


if __name__ == "__main__":
    main()
