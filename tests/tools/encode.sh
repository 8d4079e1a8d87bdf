# SPDX-License-Identifier: BSD-3-Clause
# ridge-encode: protocols, honesty, weights, memory, refusals.
. "$CORTUNE_SOURCE/tests/support/tool_test.sh"

expect 0 nsd-simulate --preset tiny --subjects 1 --seed 3 -o sim
expect 0 nsd-extract algonauts sim --subject 1 --size 64 --test-share .3 -o s1.h5
expect 0 cl-finetune s1.h5 --hemi lh --roi V1v --min-voxels 5 --epochs 2 -q -o v1v.h5
common=(--min-voxels 5 --threads 2 -q)

expect 0 ridge-encode s1.h5 "${common[@]}" -o untuned.h5
expect 0 cortune-info untuned.h5
expect 0 ridge-encode s1.h5 v1v.h5 "${common[@]}" --save-weights -o tuned.h5
expect 0 cortune-info --json tuned.h5
prints '"method": "infonce"'

# The model's own ROI is what is encoded, all of them only when asked.
[ "$(h5ls tuned.h5/results/lh/prf-visualrois | wc -l)" = 1 ] || fail "other ROIs were encoded"
expect 0 ridge-encode s1.h5 v1v.h5 "${common[@]}" --all -o all.h5
[ "$(h5ls all.h5/results/lh/prf-visualrois | wc -l)" -gt 1 ] || fail "--all encoded one ROI"

# Protocols: paper is optimistic, train-cv scores what tuned the model and is refused.
expect 0 ridge-encode s1.h5 v1v.h5 "${common[@]}" --protocol paper --folds 3 -o paper.h5
says 'optimistic'
expect 3 ridge-encode s1.h5 v1v.h5 "${common[@]}" --protocol train-cv -o leak.h5
says '--allow-tuned-images'
absent leak.h5
expect 0 ridge-encode s1.h5 v1v.h5 "${common[@]}" --protocol train-cv --allow-tuned-images -o leak.h5
expect 0 cortune-info --json leak.h5
prints 'tuned'

# Another split of the same pictures: the ids and pixels betray what the model has seen.
expect 0 nsd-extract algonauts sim --subject 1 --size 64 --split-seed 9 --test-share .3 -o other.h5
expect 3 ridge-encode other.h5 v1v.h5 "${common[@]}" -o x.h5
says 'images to be scored tuned'

# Features on scratch give the same predictions as features in memory.
mkdir scratch
expect 0 ridge-encode s1.h5 v1v.h5 "${common[@]}" --memory 4M --scratch scratch -o disk.h5
same_data tuned.h5 disk.h5 results || fail "scratch changes the result"
[ -z "$(ls -A scratch)" ] || fail "scratch files were left"

# Saved weights predict the test images as the run itself did.
expect 0 ridge-encode tuned.h5 v1v.h5 --predict s1.h5 --allow-tuned-images -q -o predicted.h5
/usr/bin/python3 - << 'PY' || fail "saved weights predict something else"
import h5py, numpy as np
a, b = h5py.File("tuned.h5"), h5py.File("predicted.h5")
order = {i: k for k, i in enumerate(b["image"][:])}
rows = [order[i] for i in a["image"][:]]
p = "results/lh/prf-visualrois/V1v/prediction"
# float32 features, basis and coefficients against kernels in double.
np.testing.assert_allclose(b[p][:][rows], a[p][:], atol=2e-4)
PY
expect 3 ridge-encode untuned.h5 --predict s1.h5 -q -o x.h5
says '--save-weights'

# Refusals.
expect 4 ridge-encode s1.h5 -o untuned.h5
expect 3 ridge-encode s1.h5 --hemi lh --roi V1w "${common[@]}" -o x.h5
says 'V1v'
expect 3 ridge-encode s1.h5 --layers features.99 "${common[@]}" -o x.h5
says 'features.9'
expect 2 ridge-encode s1.h5 --roi V1v -o x.h5
expect 5 ridge-encode s1.h5 --memory 100K -o x.h5
head -c 5000 s1.h5 > cut.h5
expect 3 ridge-encode cut.h5 -o x.h5
/usr/bin/python3 -c 'import h5py; h5py.File("foreign.h5", "w")["x"] = 1'
expect 3 ridge-encode foreign.h5 -o x.h5
says 'not one of cortune'
absent x.h5
no_parts
