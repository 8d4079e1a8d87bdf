# SPDX-License-Identifier: BSD-3-Clause
# What a file says of itself stays true, and no data are lost to a wrong name.
. "$CORTUNE_SOURCE/tests/support/tool_test.sh"

expect 0 nsd-simulate --preset tiny --subjects 2 --seed 3 -o sim
for s in 1 2; do expect 0 nsd-extract algonauts sim --subject $s --size 64 -q -o s$s.h5; done

# --overwrite replaces what cortune wrote, and nothing else.
raw=sim/subj01/training_split/training_fmri/lh_training_fmri.npy
before=$(sha256sum < $raw)
expect 4 nsd-extract algonauts sim --subject 1 --size 64 --overwrite -o $raw
says 'not a file that cortune wrote'
[ "$before" = "$(sha256sum < $raw)" ] || fail "an input was overwritten"
/usr/bin/python3 -c 'import h5py; h5py.File("theirs.h5", "w")["x"] = 1'
expect 4 nsd-extract algonauts sim --subject 1 --size 64 --overwrite -o theirs.h5
expect 2 ridge-encode s1.h5 -o s1.h5 --overwrite
says 'is also an input'
expect 0 ridge-encode s1.h5 --hemi lh --roi V1v --min-voxels 5 -q -o first.h5
for option in --forest --report; do
    for theirs in $raw theirs.h5 s2.h5; do expect 4 encode-eval first.h5 --overwrite $option $theirs; done
done
expect 4 model-convert "$CORTUNE_SOURCE/share/models/alexnet-mini.h5" --to safetensors --overwrite -o $raw
[ "$before" = "$(sha256sum < $raw)" ] || fail "an input was overwritten"
echo old > table.tsv
expect 0 encode-eval first.h5 --overwrite --forest table.tsv

# Names as people type them, and long ones.
expect 0 ridge-encode s1.h5 --hemi lh --roi 'V1v + V1d' --min-voxels 5 -q -o blanks.h5
expect 0 ridge-encode s1.h5 --hemi lh --roi V1d+V1v --min-voxels 5 -q -o tight.h5
expect 0 encode-eval --model a=blanks.h5 --model b=tight.h5
expect 2 encode-eval --model "$(printf 'a\tb')=tight.h5"
long=$(printf 'R%.0s' $(seq 240))
/usr/bin/python3 - "$long" << 'PY'
import sys, h5py
with h5py.File("s1.h5") as f:
    import numpy as np
    np.save("long.npy", f["response_lh"][:120, :30])
PY
expect 0 nsd-extract table --images sim/subj01/training_split/training_images --responses long.npy --namespace x --roi-name "$long" --size 64 -q -o long.h5
expect 0 ridge-encode long.h5 --hemi all --roi "$long" -q -o longer.h5
expect 0 cortune-info longer.h5

# Scored images among those that were fitted on are found when they are evaluated, too.
expect 0 ridge-encode s1.h5 --hemi lh --roi V1v --min-voxels 5 --save-weights -q -o kept.h5
expect 3 ridge-encode kept.h5 --predict s1.h5 -o x.h5
expect 0 ridge-encode kept.h5 --predict s1.h5 --allow-tuned-images -q -o again-scored.h5
expect 3 encode-eval again-scored.h5
says 'the ridge was fitted on'
/usr/bin/python3 -c 'import edited, h5py, numpy as np; h5py.File("again-scored.h5", "a").attrs["optimistic"] = np.int64(0)'
expect 3 encode-eval again-scored.h5 --allow-tuned-images
says 'beside the reason'

# A network that is tuned twice says of both data sets and lists every image once.
common=(--hemi lh --roi V1v --min-voxels 5 --batch 32 --threads 2 --epochs 2 -q)
expect 0 cl-finetune s1.h5 "${common[@]}" -o once.h5
expect 0 cl-finetune s1.h5 "${common[@]}" --weights once.h5 -o again.h5
expect 0 cl-finetune s2.h5 "${common[@]}" --weights once.h5 -o both.h5
/usr/bin/python3 - << 'PY' || fail "who tuned the network is lost"
import h5py
once, again, both = (h5py.File(f"{n}.h5") for n in ("once", "again", "both"))
ids = lambda f: list(f["tuned/image"].asstr()[:])
assert sorted(ids(again)) == sorted(ids(once)) and len(set(ids(both))) == len(ids(both)) > len(ids(once))
assert set(ids(once)) < set(ids(both))
assert set(both.attrs["subjects"]) == {"subj01", "subj02"} and len(both.attrs["dataset_uuids"]) == 2
PY

# What is left open of a region is the model's.
expect 0 ridge-encode s1.h5 once.h5 --hemi rh --min-voxels 5 -q -o rh.h5
expect 0 ridge-encode s1.h5 once.h5 --roi hV4 --min-voxels 5 -q -o hv4.h5
/usr/bin/python3 - << 'PY' || fail "--hemi and --roi do not override one at a time"
import h5py
places = lambda f: [p for p in f["results"].values() for p in p.values() for p in p.values()]
name = lambda n: [(r.attrs["hemisphere"], r.attrs["roi"]) for r in places(h5py.File(n))]
assert name("rh.h5") == [("rh", "V1v")] and name("hv4.h5") == [("lh", "hV4")], (name("rh.h5"), name("hv4.h5"))
PY
expect 2 ridge-encode s1.h5 --roi hV4 -o no.h5
says '--roi needs --hemi'

# Two runs without SOURCE_DATE_EPOCH differ in nothing but times and uuids.
for n in a b; do
    expect 0 ridge-encode s1.h5 once.h5 --min-voxels 5 -q --overwrite -o enc.h5
    mv enc.h5 $n.h5
done
/usr/bin/python3 - << 'PY' || fail "equal runs differ in more than their uuid"
import h5py
text = []
for n in ("a", "b"):
    f = h5py.File(f"{n}.h5")
    text.append(f["provenance"].asstr()[()].replace(f.attrs["uuid"], "self"))
assert text[0] == text[1]
PY

# The mark of optimism cannot be taken off, a label without a name is no label, and a network
# with a weight that is not finite is none.
expect 0 ridge-encode s1.h5 --protocol train-cv --hemi lh --roi V1v --min-voxels 5 -q -o cv.h5
/usr/bin/python3 - << 'PY'
import edited, h5py, numpy as np, shutil
with h5py.File("cv.h5", "a") as f:
    assert "tuned model" not in f.attrs["optimistic_reason"]
    f.attrs["optimistic"] = np.int64(0)
shutil.copy("s1.h5", "label.h5")
with h5py.File("label.h5", "a") as f:
    f["roi_lh_prf_visualrois"][0] = 77
shutil.copy("once.h5", "nan.h5")
with h5py.File("nan.h5", "a") as f:
    f["backbone/features.0.weight"][0] = np.nan
PY
expect 3 encode-eval cv.h5
says 'always is optimistic'
expect 3 cortune-info label.h5
says 'label 77'
expect 3 ridge-encode s1.h5 nan.h5 --min-voxels 5 -o no.h5
says 'features.0.weight'
absent no.h5
