# SPDX-License-Identifier: BSD-3-Clause
# cortune-info: what it prints, and everything that it refuses.
. "$CORTUNE_SOURCE/tests/support/tool_test.sh"

expect 0 nsd-simulate --preset tiny --subjects 1 --seed 3 -o sim
expect 0 nsd-extract algonauts sim --subject 1 --size 64 -o s1.h5
/usr/bin/python3 "$CORTUNE_SOURCE/tests/support/mini_weights.py" mini.safetensors
expect 0 model-convert mini.safetensors -o mini.h5

expect 0 cortune-info s1.h5
for line in 'kind: dataset' 'split:' 'hemispheres:' 'V1v' 'nsd-extract' 'provenance:'; do prints "$line"; done
expect 0 cortune-info --json s1.h5
/usr/bin/python3 - << 'PY' || fail "the JSON is not what it should be"
import json, h5py
(d,) = json.load(open("stdout"))
with h5py.File("s1.h5") as f:
    assert d["images"] == f["image"].shape[0] == sum(d["split"].values())
    assert d["hemispheres"][0]["vertices"] == f["vertex_lh"].shape[0]
    for r in d["rois"]:
        labels = [v for k, v in f.items() if k.startswith("roi_" + r["hemisphere"]) and v.attrs["roi_class"] == r["class"]]
        (label,) = labels
        value = label.attrs["label_values"][list(label.attrs["label_names"]).index(r["roi"])]
        assert (label[...] == value).sum() == r["voxels"], r
    assert d["uuid"] == d["provenance"]["root"] == f.attrs["uuid"]
    names = set()
    f.visititems(lambda name, x: names.add("/" + name) if isinstance(x, h5py.Dataset) else None)
    assert {s["path"] for s in d["data_sets"]} == names
PY
expect 0 cortune-info mini.h5 s1.h5
prints 'backbone: alexnet-mini'
prints 'kind: dataset'
expect 0 cortune-info --all -q mini.h5
prints '/backbone/features.0.weight'

# Refusals, each with its own words. The good file among bad ones is still printed.
refused() { expect 3 cortune-info "$1"; says "$2"; says "$1"; [ ! -s stdout ] || fail "$1 was printed"; }
spoil() { cp "$1" bad.h5 && /usr/bin/python3 -c "import edited, h5py
with h5py.File('bad.h5', 'r+') as f: $2"; }
refused absent.h5 'no such file'
head -c 5000 s1.h5 > bad.h5; refused bad.h5 'cut short'
# A byte that a disk or a network changed, wherever it lies, metadata and digest included.
/usr/bin/python3 - << 'PY' || fail "a changed byte is not noticed"
import hashlib, pathlib, random, subprocess, h5py
random.seed(1)
whole = pathlib.Path("s1.h5").read_bytes()
with h5py.File("s1.h5") as f:
    digest = f["file_sha256"].id.get_offset()
# The digest is what its description says.
assert hashlib.sha256(whole[:digest] + b"0" * 64 + whole[digest + 64:]).hexdigest().encode() == whole[digest:digest + 64]
for at in [digest, digest + 63, *(random.randrange(len(whole)) for _ in range(30)), *(random.randrange(4096) for _ in range(10))]:
    changed = bytearray(whole)
    changed[at] ^= 1 << random.randrange(8)
    pathlib.Path("bad.h5").write_bytes(changed)
    done = subprocess.run(["cortune-info", "bad.h5"], capture_output=True, text=True)
    assert done.returncode == 3 and done.stdout == "", (at, done)
PY
# A tool that reads it refuses it, too; without the digest it is taken as it is.
/usr/bin/python3 -c "import h5py
with h5py.File('s1.h5') as f: at = f['response_lh'].id.get_offset() + 5000
raw = bytearray(open('s1.h5', 'rb').read()); raw[at] ^= 1; open('bad.h5', 'wb').write(raw)"
expect 3 ridge-encode bad.h5 --hemi lh --roi V1v --min-voxels 5 --layers features.2 -o x.h5
says 'bad.h5: its bytes are not those that were written'
absent x.h5
/usr/bin/python3 -c "import edited, h5py; h5py.File('bad.h5', 'a').close()"
expect 0 cortune-info bad.h5
head -c 0 s1.h5 > bad.h5; refused bad.h5 'not an HDF5 file'
spoil s1.h5 "del f.attrs['complete']"; refused bad.h5 'unfinished'
spoil s1.h5 "f.attrs['complete'] = 0"; refused bad.h5 'unfinished'
spoil s1.h5 "f.attrs['format'] = 'other'"; refused bad.h5 "not one of cortune's"
spoil s1.h5 "f.attrs['schema_version'] = '2.0'"; refused bad.h5 'schema 2.0'
spoil s1.h5 "f.attrs['kind'] = 'datset'"; refused bad.h5 "'datset'"
spoil s1.h5 "del f['response_lh']"; refused bad.h5 '/response_lh: expected'
spoil s1.h5 "del f.attrs['subject']"; refused bad.h5 "'subject'"
spoil s1.h5 "d = f['split'][...].astype('f4'); del f['split']; f['split'] = d"
refused bad.h5 '/split: expected uint8, found float32'
spoil s1.h5 "f['image'].resize if False else f.move('image', 'picture')"; refused bad.h5 '/image'
spoil mini.h5 "del f['backbone']"; refused bad.h5 '/backbone'
spoil mini.h5 "f.attrs['method'] = 'magic'"; refused bad.h5 "found 'magic'"
spoil mini.h5 "f['provenance'][()] = 'x'"; refused bad.h5 '/provenance'
/usr/bin/python3 -c "import h5py; h5py.File('bad.h5', 'w')['x'] = 1"; refused bad.h5 "not one of cortune's"
expect 3 cortune-info mini.h5 bad.h5
prints 'alexnet-mini'
says '1 of 2 files'
spoil mini.h5 "f['extra'] = 1"
expect 0 cortune-info -v bad.h5
says '/extra: not part of the schema'
