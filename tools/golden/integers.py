"""What TensorFlow Lite computes with quantised networks: a checksum of every map, and the output's integers.

    python3 tools/golden/integers.py ../shared tests/data/integers

Kernels are the built-in ones without a delegate, which would round otherwise. A file's table has a row an operator that
computes a map of integers, in order: the operator, the map's shape, and the CRC-32 of the numbers that its integers stand
for, `(integer - zero point) * scale` in single precision. The last row holds the output's integers themselves.
"""

import os
import sys
import zlib
from pathlib import Path

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

import numpy as np
import tensorflow as tf
from PIL import Image

# Name, file, and what it is run on: a picture, or a tensor of numbers from -1 to 1.
FILES = [
    ("v1_0.25_224_quant", "fixtures/weights/v1_0.25_224_tflite/mobilenet_v1_0.25_224_quant.tflite", "in224/chelsea_cat.png"),
    ("v1_0.5_160_quant", "fixtures/weights/coral_quant_tflite/v1_0.5_160_quant.tflite", "in160/chelsea_cat.png"),
    ("v2_1.0_224_tf2_ptq", "fixtures/weights/coral_quant_tflite/tf2_v2_1.0_224_ptq.tflite", "in224/chelsea_cat.png"),
    ("v3_small_1.0_224_uint8", "fixtures/weights/v3_small_1.0_224_uint8/v3-small_224_1.0_uint8.tflite", "in224/chelsea_cat.png"),
    ("v1_0.25_128.int8", "bench-models/v1_0.25_128.int8.tflite", "bench-models/v1_0.25_128.x.f32"),
    ("v1_1.0_224.int8", "bench-models/v1_1.0_224.int8.tflite", "bench-models/v1_1.0_224.x.f32"),
    ("v2_1.0_224.int8", "bench-models/v2_1.0_224.int8.tflite", "bench-models/v2_1.0_224.x.f32"),
    ("v3s_1.0_224.int8", "bench-models/v3s_1.0_224.int8.tflite", "bench-models/v3s_1.0_224.x.f32"),
]


def steps(tensor):
    """Scale and zero point of a map of integers."""
    parameters = tensor["quantization_parameters"]
    if len(parameters["scales"]) != 1:
        return None
    return np.float32(parameters["scales"][0]), int(parameters["zero_points"][0])


def input_tensor(shared, source, details):
    if source.endswith(".png"):
        picture = Image.open(shared / "fixtures/images" / source).convert("RGB")
        return np.asarray(picture, dtype=details["dtype"])[None]
    scale, zero_point = steps(details)
    numbers = np.fromfile(shared / source, dtype="<f4").reshape(details["shape"])
    halves_away = np.trunc(numbers / scale + np.copysign(np.float32(0.5), numbers))
    limits = np.iinfo(details["dtype"])
    return np.clip(halves_away + zero_point, limits.min, limits.max).astype(details["dtype"])


def rows(shared, file, source):
    resolver = tf.lite.experimental.OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
    interpreter = tf.lite.Interpreter(
        model_path=str(shared / file),
        experimental_op_resolver_type=resolver,
        experimental_preserve_all_tensors=True,
    )
    interpreter.allocate_tensors()
    details = interpreter.get_input_details()[0]
    interpreter.set_tensor(details["index"], input_tensor(shared, source, details))
    interpreter.invoke()
    tensors = {tensor["index"]: tensor for tensor in interpreter.get_tensor_details()}
    yield "operator,shape,crc32"
    for operator in interpreter._get_ops_details():
        tensor = tensors[operator["outputs"][0]]
        if steps(tensor) is None:
            continue
        scale, zero_point = steps(tensor)
        integers = interpreter.get_tensor(tensor["index"]).astype(np.int32) - zero_point
        shape = "x".join(str(side) for side in integers.shape[1:])
        crc32 = zlib.crc32((integers.astype(np.float32) * scale).astype("<f4").tobytes())
        yield f"{operator['op_name']},{shape},{crc32:08x}"
    output = interpreter.get_tensor(interpreter.get_output_details()[0]["index"]).reshape(-1)
    yield "output," + " ".join(str(integer) for integer in output)


def main(shared, folder):
    folder.mkdir(parents=True, exist_ok=True)
    for name, file, source in FILES:
        (folder / f"{name}.csv").write_text("\n".join(rows(shared, file, source)) + "\n")
        print(name)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
