#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""mini_weights.py FILE: random safetensors weights of alexnet-mini, by the standard library alone."""
import array
import json
import math
import random
import sys

SHAPES = {"features.0": (32, 3, 5, 5), "features.3": (48, 32, 3, 3), "features.6": (64, 48, 3, 3),
          "features.8": (64, 64, 3, 3), "features.10": (64, 64, 3, 3), "classifier.1": (256, 576),
          "classifier.4": (256, 256), "classifier.6": (128, 256)}
random.seed(0)
header, data = {}, b""
for layer, shape in SHAPES.items():
    for name, s in (("weight", shape), ("bias", shape[:1])):
        raw = array.array("f", [random.gauss(0, .05) for _ in range(math.prod(s))]).tobytes()
        header[f"{layer}.{name}"] = {"dtype": "F32", "shape": s, "data_offsets": (len(data), len(data) + len(raw))}
        data += raw
text = json.dumps(header).encode()
with open(sys.argv[1], "wb") as f:
    f.write(len(text).to_bytes(8, "little") + text + data)
