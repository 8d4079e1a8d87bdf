# SPDX-License-Identifier: BSD-3-Clause
# model-convert: both ways, exit codes, nothing left behind. Bit equality with PyTorch is
# in tests/parity/test_weights.py.
. "$CORTUNE_SOURCE/tests/support/tool_test.sh"

/usr/bin/python3 "$CORTUNE_SOURCE/tests/support/mini_weights.py" mini.safetensors
export SOURCE_DATE_EPOCH=1700000000
expect 0 model-convert mini.safetensors -o a.h5
expect 0 cortune-info a.h5
prints 'image_size: 64'
expect 0 model-convert a.h5 -o b.safetensors # by the ending
expect 0 model-convert b.safetensors --to safetensors -o c.safetensors
cmp b.safetensors c.safetensors || fail "a second trip changes the weights"
expect 0 model-convert a.h5 --image-size 96 -o d.h5
expect 0 cortune-info d.h5
prints 'image_size: 96'
expect 0 model-convert d.h5 --to safetensors -o d.safetensors
expect 0 model-convert d.safetensors -o e.h5
expect 0 cortune-info e.h5
prints 'image_size: 96'

# The least pictures that an architecture can take.
expect 0 model-convert a.h5 --image-size 29 -o least.h5
expect 2 model-convert a.h5 --image-size 28 -o x.h5
says 'alexnet-mini takes pictures of 29 px and more'

# A tuned model: its tree of commands goes through safetensors, its heads only where asked for.
expect 0 nsd-simulate --preset tiny --subjects 1 --seed 3 -q -o sim
expect 0 nsd-extract algonauts sim --subject 1 --size 64 -q -o s1.h5
expect 0 cl-finetune s1.h5 --hemi lh --roi V1v --min-voxels 5 --batch 32 --epochs 1 --seed 5 -q -o tuned.h5
expect 0 model-convert tuned.h5 --to safetensors -o tuned.safetensors
expect 0 model-convert tuned.safetensors -o back.h5
expect 0 cortune-info back.h5
for line in 'method: infonce' 'cl-finetune' 'nsd-extract'; do prints "$line"; done
/usr/bin/python3 - << 'PY' || fail "the tree of commands was lost"
import json, h5py
tuned, back = h5py.File("tuned.h5"), h5py.File("back.h5")
old, new = (json.loads(f["provenance"][()]) for f in (tuned, back))
own = new["nodes"].pop(back.attrs["uuid"])
assert new["nodes"] == old["nodes"] and own["parents"] == [tuned.attrs["uuid"]]
assert list(own["inputs"]) == ["tuned.safetensors"]
PY
expect 0 model-convert tuned.h5 --to safetensors --heads -o heads.safetensors
expect 2 model-convert tuned.h5 --heads -o x.h5
says '--heads is of --to safetensors'
expect 3 model-convert a.h5 --to safetensors --heads -o x.h5
says 'a.h5: holds no projection heads'
expect 3 model-convert back.h5 --to safetensors --heads -o x.h5
says 'without --heads'

# What would hide a tuning.
refused() { expect 3 model-convert bad.h5 -o x.h5; says "bad.h5$1"; absent x.h5; }
spoil() { cp "$1" bad.h5 && /usr/bin/python3 -c "import edited, h5py
with h5py.File('bad.h5', 'r+') as f:
    $2" || fail "spoil $2"; }
spoil tuned.h5 "f.attrs['method'] = 'untuned'"; refused ':/tuned: expected no such group'
spoil tuned.h5 "f.attrs['method'] = 'magic'"; refused ':/method: expected infonce, clip or mse'
spoil tuned.h5 "d = f['tuned/sha256'][1:]; del f['tuned/sha256']; f.create_dataset('tuned/sha256', data=d)"
refused ':/tuned/sha256: expected'
spoil tuned.h5 "for n in ('tuned/image', 'tuned/sha256'): del f[n]; f.create_dataset(n, (0,), h5py.string_dtype())"
refused ':/tuned/image: expected the images'
spoil a.h5 "f.attrs['image_size'] = 8"; refused ":/: attribute 'image_size': expected 29"

# The same bytes from the same command.
mv a.h5 first.h5
expect 0 model-convert mini.safetensors -o a.h5
cmp a.h5 first.h5 || fail "not reproducible under SOURCE_DATE_EPOCH"

# Each exit code.
expect 2 model-convert mini.safetensors
expect 2 model-convert mini.safetensors -o x.h5 --to onnx
expect 2 model-convert mini.safetensors -o x.h5 --backbone alexnet_mini
says 'known: alexnet-mini'
expect 3 model-convert mini.safetensors -o x.h5 --backbone alexnet
says 'features.0.weight: expected (64, 3, 11, 11), found (32, 3, 5, 5)'
expect 3 model-convert absent -o x.h5
expect 3 model-convert stdout -o x.h5
head -c 100000 mini.safetensors > cut.safetensors
expect 3 model-convert cut.safetensors -o x.h5
says 'cut short'
head -c 100000 a.h5 > cut.h5
expect 3 model-convert cut.h5 -o x.h5
expect 4 model-convert mini.safetensors -o a.h5
says '--overwrite'
cmp a.h5 first.h5 || fail "a refused overwrite changed the file"
expect 4 model-convert mini.safetensors -o b.safetensors --to safetensors
expect 4 model-convert mini.safetensors -o nowhere/x.h5
absent x.h5
no_parts
