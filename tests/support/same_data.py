# SPDX-License-Identifier: BSD-3-Clause
"""same_data.py A B PATH…: exits 1 unless the data sets at or below PATH have the same bytes."""
import sys

import h5py


def collect(file, path):
    node = file[path]
    if isinstance(node, h5py.Dataset):
        return {path: node[()]}
    found = {}
    node.visititems(lambda name, item: found.__setitem__(f"{path}/{name}", item[()]) if isinstance(item, h5py.Dataset) else None)
    return found


a, b = h5py.File(sys.argv[1], "r"), h5py.File(sys.argv[2], "r")
for path in sys.argv[3:]:
    left, right = collect(a, path), collect(b, path)
    if left.keys() != right.keys():
        sys.exit(f"{path}: other data sets")
    for name, value in left.items():
        same = value.tobytes() == right[name].tobytes() if value.dtype != object else list(value.flat) == list(right[name].flat)
        if not same:
            sys.exit(f"{name} differs")
