"""Tensors that anybody can compute again from their names: no weights file is needed.

Element `i` (row-major index in the framework's own layout) of the tensor called `name` comes from

    bits = splitmix64(fnv1a64(name) + i) >> 40          24 bits; the sum wraps at 2^64
    u    = bits / 2^23 - 1                              in [-1, 1), exact in f32

and then, computed in f64 and rounded once to f32, by the last part of the name (after the last `/` or `.`):

    kernel, depthwise_kernel, weights, depthwise_weights, weight of rank > 1   u * sqrt(gain / fan_in)
    gamma, weight of rank 1                                                    1 + 0.25 * u
    beta, bias, biases                                                         0.2 * u
    moving_mean, running_mean                                                  0.2 * u
    moving_variance, running_var                                               1 + 0.5 * u

    shapes             weight: [out, in, (kh, kw)]   kernel, weights: [(kh, kw,) in, out]   depthwise_*: [kh, kw, in, 1]
    fan_in             product of all but `out`; depthwise_*: kh * kw
    gain               24 if the name holds `squeeze_excite`, `.se.`, `.fc1.` or `.fc2.`; else
                       1.5 if the window is 1x1 (or there is none) and out < in; else 6

A gain of 6 keeps the mean square through a ReLU (He). Kernels that narrow are mostly linear projections on a chain
of residual sums: at 6 these would grow by 3 a block. Squeeze-excite works on means, which are small: at 24 some gates
reach 0 and 1. Batch-norm shifts and biases share one scale since a torch name does not tell `bias` of a convolution
from that of a batch norm.
"""

import math

import numpy as np

MASK = (1 << 64) - 1
SAMPLES = 32
GATES = ("squeeze_excite", ".se.", ".fc1.", ".fc2.")


def fnv1a64(text):
    """FNV-1a, 64 bits, over the UTF-8 bytes."""
    value = 0xCBF29CE484222325
    for byte in text.encode():
        value = ((value ^ byte) * 0x100000001B3) & MASK
    return value


def splitmix64(start, count):
    """The SplitMix64 output function of start, start + 1, … start + count - 1."""
    with np.errstate(over="ignore"):
        z = np.uint64(start) + np.arange(count, dtype=np.uint64) + np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return z ^ (z >> np.uint64(31))


def uniform(name, count):
    """u of every element, in f64."""
    return (splitmix64(fnv1a64(name), count) >> np.uint64(40)).astype(np.float64) / 2.0**23 - 1.0


def kernel_scale(name, part, shape):
    """The factor on u for a kernel; `part` is the last of its name."""
    if part.startswith("depthwise_"):
        return math.sqrt(6.0 / (shape[0] * shape[1]))
    if part == "weight":
        out, fan_in, window = shape[0], math.prod(shape[1:]), math.prod(shape[2:])
    else:
        out, fan_in, window = shape[-1], math.prod(shape[:-1]), math.prod(shape[:-2])
    if any(mark in name for mark in GATES):
        gain = 24.0
    else:
        gain = 1.5 if window == 1 and out < fan_in else 6.0
    return math.sqrt(gain / fan_in)


def tensor(name, shape):
    """The f32 tensor of that name."""
    shape = tuple(int(side) for side in shape)
    u = uniform(name, math.prod(shape))
    part = name.replace("/", ".").rsplit(".", 1)[-1]
    if part in ("gamma", "weight") and len(shape) == 1:
        values = 1.0 + 0.25 * u
    elif part in ("kernel", "depthwise_kernel", "weights", "depthwise_weights", "weight"):
        values = u * kernel_scale(name, part, shape)
    elif part in ("beta", "bias", "biases", "moving_mean", "running_mean"):
        values = 0.2 * u
    elif part in ("moving_variance", "running_var"):
        values = 1.0 + 0.5 * u
    else:
        raise ValueError(f"{name}: the name's ending says no role")
    return values.astype(np.float32).reshape(shape)


def picture(height, width):
    """The input, [height, width, 3], already normalised: u of the name `input`."""
    return uniform("input", height * width * 3).astype(np.float32).reshape(height, width, 3)


def positions(endpoint, count):
    """Row-major indices of the values of `endpoint` that a fixture keeps: all of a short one."""
    if count <= SAMPLES:
        return np.arange(count)
    return (splitmix64(fnv1a64(endpoint), SAMPLES) % np.uint64(count)).astype(np.int64)


def listing(tensors):
    """Hash of all names and shapes: of lines `name 3x3x3x32` and a line feed, sorted by name's bytes."""
    lines = (f"{name} {'x'.join(str(side) for side in tensors[name])}\n" for name in sorted(tensors))
    return f"{fnv1a64(''.join(lines)):016x}"
