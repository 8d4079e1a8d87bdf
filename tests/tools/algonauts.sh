# SPDX-License-Identifier: BSD-3-Clause
# examples/algonauts as a lab runs it, on a simulated tree of real vertex counts (in smaller regions) with 200
# small pictures: two subjects, two ROIs, down to the surfaces.
. "$CORTUNE_SOURCE/tests/support/tool_test.sh"

expect 0 nsd-simulate --preset nsd --roi-scale 2 --subjects 2 --images 200 --test-images 20 --image-size 128 --seed 5 -q -o data
example=$CORTUNE_SOURCE/examples/algonauts
common=(THREADS=1 --no-print-directory -C "$example" BIN="$CORTUNE_BIN" OUT="$PWD/out" DATA="$PWD/data" SUBJECTS="1 2" HEMIS=lh ROIS="V1v hV4"
        METHODS=contrastive TUNE="--epochs 2 --lr 1e-3")
expect 0 make "${common[@]}" -n
absent out
expect 0 make "${common[@]}" plan
prints 'images: 220'
expect 0 make "${common[@]}" -j2
prints 'contrastive'
expect 0 make "${common[@]}" # and again: nothing is left to do but to print
grep -qE 'cl-finetune|ridge-encode|encode-eval' stdout && fail "a second make computes again"
[ "$(grep -c contrastive out/table.tsv)" = 4 ] || fail "the table lacks rows"
[ "$(grep -c 'difference.random effects' out/forest.tsv)" = 4 ] || fail "the forest lacks ROIs or sets of them"
/usr/bin/python3 - << 'PY' || fail "the surface is not what the evaluation says"
import h5py, nibabel, numpy as np
masks = "data/subj01/roi_masks/"
space = np.flatnonzero(np.load(masks + "lh.all-vertices_fsaverage_space.npy"))
assert len(space) == 19004, len(space)
label = np.load(masks + "lh.prf-visualrois_challenge_space.npy")
names = np.load(masks + "mapping_prf-visualrois.npy", allow_pickle=True).item()
image = nibabel.load("out/lh.r.func.gii")
surface = image.darrays[0].data
assert surface.shape == (163842,) and image.meta["AnatomicalStructurePrimary"] == "CortexLeft"
inside = np.isin(label, [k for k, v in names.items() if v.strip() in ("V1v", "hV4")])
assert np.array_equal(np.flatnonzero(np.isfinite(surface)), space[inside])
with h5py.File("out/evaluation.h5") as f:
    group = f["results/subj01/lh/prf-visualrois/V1v"]
    assert np.array_equal(surface[group["vertex"][:]], group["r"][-1])
PY
# Other regions than the first ones, of another class.
expect 0 make "${common[@]}" SUBJECTS=1 ROIS="V1v EBA" -j2
[ "$(cut -f4 out/table.tsv | sort -u | grep -c EBA)" = 1 ] || fail "EBA is not in the table"
no_parts
