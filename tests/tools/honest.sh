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
import h5py, numpy as np, shutil
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
