# SPDX-License-Identifier: BSD-3-Clause
# nsd-extract --plan and --check: what is announced is what comes, and faults that were put in are found.
. "$CORTUNE_SOURCE/tests/support/tool_test.sh"

expect 0 nsd-simulate --preset small --images 500 --test-images 40 --seed 2 -q -o sim

# The plan writes nothing and counts as numpy does.
expect 0 nsd-extract algonauts sim --subject 1 --size 64 --plan --json
cp stdout plan.json
[ "$(ls)" = "$(printf 'plan.json\nsim\nstderr\nstdout')" ] || fail "--plan wrote something"
expect 2 nsd-extract algonauts sim --subject 1 --size 64
says '-o FILE is missing'
expect 0 nsd-extract algonauts sim --subject 1 --size 64 -q -o good.h5
[ ! -s stderr ] || { cat stderr; fail "sound data gave warnings"; }
/usr/bin/python3 - << 'PY' || fail "the plan is not what was written"
import json, os, h5py, numpy as np
plan = json.load(open("plan.json"))
with h5py.File("good.h5") as f:
    assert plan["images"] == len(f["image"]) == 540 and plan["official_test_images"] == 40
    for h in plan["hemispheres"]:
        assert h["vertices"] == f["response_" + h["hemisphere"]].shape[1]
    for roi in plan["rois"]:
        label = np.load(f"sim/subj01/roi_masks/{roi['hemisphere']}.{roi['class']}_challenge_space.npy")
        names = np.load(f"sim/subj01/roi_masks/mapping_{roi['class']}.npy", allow_pickle=True).item()
        assert roi["voxels"] == sum((label == k).sum() for k, v in names.items() if v.strip() == roi["roi"]), roi
    checks = {(c, w): (v, bad) for c, w, v, bad in zip(f["checks/check"].asstr()[:], f["checks/where"].asstr()[:],
                                                       f["checks/value"][:], f["checks/warning"][:])}
assert abs(plan["write_gib"] - os.path.getsize("good.h5") / 2**30) < 0.001
assert checks["alignment", "lh"][0] > 0.1 and checks["hemispheres", "rh"][0] > 0.02, checks
assert not any(bad for _, bad in checks.values()), checks
PY
expect 0 cortune-info good.h5
prints 'alignment'

# Rows in another order than the pictures.
cp -r sim shuffled
/usr/bin/python3 - << 'PY'
import numpy as np
for h in ("lh", "rh"):
    path = f"shuffled/subj01/training_split/training_fmri/{h}_training_fmri.npy"
    y = np.load(path)
    np.save(path, y[np.random.default_rng(0).permutation(len(y))])
PY
expect 0 nsd-extract algonauts shuffled --subject 1 --size 64 -q -o shuffled.h5
says 'do rows and images belong together?'
expect 3 nsd-extract algonauts shuffled --subject 1 --size 64 -q --check strict -o strict.h5
says 'alignment'
absent strict.h5

# Of the second half alone: the whole is predicted, these rows are not.
cp -r sim half
/usr/bin/python3 - << 'PY'
import numpy as np
for h in ("lh", "rh"):
    path = f"half/subj01/training_split/training_fmri/{h}_training_fmri.npy"
    y = np.load(path)
    middle = len(y) // 2
    y[middle:] = y[middle:][np.random.default_rng(0).permutation(len(y) - middle)]
    np.save(path, y)
PY
expect 0 nsd-extract algonauts half --subject 1 --size 64 -q -o half.h5
says 'alignment_stretches lh'
says 'were their trials moved'
rm -rf half half.h5

# Mirrored pictures put each hemisphere on the wrong side.
cp -r sim mirrored
/usr/bin/python3 - << 'PY'
import pathlib
from PIL import Image, ImageOps
for p in pathlib.Path("mirrored").rglob("*.png"):
    ImageOps.mirror(Image.open(p)).save(p, compress_level=1)
PY
expect 0 nsd-extract algonauts mirrored --subject 1 --size 64 -q -o mirrored.h5
says 'are the hemispheres swapped'

# Columns that are constant or copies, a lost picture with its row, equal pictures.
cp -r sim faulty
/usr/bin/python3 - << 'PY'
import pathlib, shutil
import numpy as np
for path in ("training_split/training_fmri/lh_training_fmri.npy", "test_split/test_fmri/lh_test_fmri.npy"):
    y = np.load("faulty/subj01/" + path)
    y[:, 7] = 0
    y[:, 9] = y[:, 8]
    np.save("faulty/subj01/" + path, y)
images = sorted(pathlib.Path("faulty/subj01/training_split/training_images").iterdir())
shutil.copy(images[3], images[4])
images[10].unlink()
for h in ("lh", "rh"):
    path = f"faulty/subj01/training_split/training_fmri/{h}_training_fmri.npy"
    np.save(path, np.delete(np.load(path), 10, 0))
PY
expect 0 nsd-extract algonauts faulty --subject 1 --size 64 -q -o faulty.h5
says '1 of '
says 'never vary'
says 'repeat another column'
says 'some are missing'
says '1 pictures equal another one'
no_parts
