# SPDX-License-Identifier: BSD-3-Clause
# model-convert: both ways, exit codes, nothing left behind. Bit equality with PyTorch is
# in tests/parity/test_weights.py.
. "$CORTUNE_SOURCE/tests/support/tool_test.sh"

/usr/bin/python3 "$CORTUNE_SOURCE/tests/support/mini_weights.py" mini.safetensors
export SOURCE_DATE_EPOCH=1700000000
expect 0 model-convert mini.safetensors -o a.h5
expect 0 cortune-info a.h5
prints 'image_size: 64'
expect 0 model-convert a.h5 --to safetensors -o b.safetensors
expect 0 model-convert b.safetensors --to safetensors -o c.safetensors
cmp b.safetensors c.safetensors || fail "a second trip changes the weights"
expect 0 model-convert a.h5 --image-size 96 -o d.h5
expect 0 cortune-info d.h5
prints 'image_size: 96'

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
