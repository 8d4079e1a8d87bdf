# SPDX-License-Identifier: BSD-3-Clause
# ridge-encode: protocols, honesty, weights, memory, refusals.
. "$CORTUNE_SOURCE/tests/support/tool_test.sh"

expect 0 nsd-simulate --preset tiny --subjects 1 --seed 3 -o sim
expect 0 nsd-extract algonauts sim --subject 1 --size 64 --test-share .3 -o s1.h5
expect 0 cl-finetune s1.h5 --hemi lh --roi V1v --min-voxels 5 --epochs 2 -q -o v1v.h5
common=(--min-voxels 5 -q)

expect 0 ridge-encode s1.h5 "${common[@]}" -o untuned.h5
expect 0 cortune-info untuned.h5
expect 0 ridge-encode s1.h5 v1v.h5 "${common[@]}" --save-weights -o tuned.h5
expect 0 cortune-info --json tuned.h5
prints '"method": "infonce"'

# The model's own ROI needs no option, however small.
expect 0 ridge-encode s1.h5 v1v.h5 -q -o own.h5
same_data tuned.h5 own.h5 results || fail "the model's own ROI is encoded otherwise without --min-voxels"

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

# Several protocols from one forward pass: held-out as by itself, the others but for rounding.
mkdir cv selected
SOURCE_DATE_EPOCH=1700000000 expect 0 ridge-encode s1.h5 v1v.h5 "${common[@]}" --allow-tuned-images --save-weights --also train-cv=cv/also.h5 --also paper=selected/also.h5 --folds 3 -o also.h5
says 'selected/also.h5: the scores are optimistic'
expect 0 ridge-encode s1.h5 v1v.h5 "${common[@]}" --folds 3 --save-weights -o alone.h5
expect 0 ridge-encode s1.h5 v1v.h5 "${common[@]}" --folds 3 --protocol train-cv --allow-tuned-images -o leak3.h5
same_data alone.h5 also.h5 results || fail "--also changes what -o gets"
same_data alone.h5 also.h5 weights || fail "--also changes the saved weights"
/usr/bin/python3 - << 'PY' || fail "--also gives other encodings"
import h5py, numpy as np
for alone, also in (("paper.h5", "selected/also.h5"), ("leak3.h5", "cv/also.h5")):
    a, b = h5py.File(alone), h5py.File(also)
    for name in ("protocol", "optimistic", "optimistic_reason", "method", "model_uuid", "subject"):
        assert a.attrs[name] == b.attrs[name], name
    for name in ("image", "image_sha256", "fold", "fitted/image", "tuned/image"):
        assert np.array_equal(a[name][:], b[name][:]), name
    a, b = (f["results/lh/prf-visualrois/V1v"] for f in (a, b))
    assert a.attrs["chosen_layer"] == b.attrs["chosen_layer"] and np.array_equal(a["response"][:], b["response"][:])
    assert np.array_equal(a["alpha"][:], b["alpha"][:])
    # Another mean is subtracted before float32 products; in layers that predict next to nothing r is made of such rounding.
    chosen = [l.decode() for l in h5py.File(alone)["layer"][:]].index(a.attrs["chosen_layer"])
    np.testing.assert_allclose(a["cv_r"][chosen], b["cv_r"][chosen], atol=1e-5)
    np.testing.assert_allclose(a["prediction"][:], b["prediction"][:], atol=1e-5)
PY
# The permission to score tuned images is train-cv's: the mend for the others is another one.
expect 0 nsd-extract algonauts sim --subject 1 --size 64 --split-seed 9 -q -o other-sides.h5
expect 3 ridge-encode other-sides.h5 v1v.h5 "${common[@]}" --allow-tuned-images --also train-cv=cv/refused.h5 -o refused.h5
says 'make held-out in a run of its own'
# Whichever is named first; the images of one protocol are a part of those that pass through the network.
expect 0 ridge-encode s1.h5 v1v.h5 "${common[@]}" --folds 3 --allow-tuned-images --save-weights --protocol train-cv --also held-out=second.h5 -o first.h5
same_data alone.h5 second.h5 results || fail "--also held-out= is not held-out"
same_data alone.h5 first.h5 weights || fail "train-cv's weights are not held-out's"
expect 0 ridge-encode s1.h5 v1v.h5 "${common[@]}" --folds 3 --save-weights --protocol paper -o paper-alone.h5
expect 0 ridge-encode s1.h5 v1v.h5 "${common[@]}" --folds 3 --save-weights --protocol paper --also held-out=third.h5 -o paper-first.h5
same_data alone.h5 third.h5 results || fail "--also held-out= is not held-out"
/usr/bin/python3 - << 'PY' || fail "the weights are of other images"
import h5py, numpy as np
def weights(name):
    f = h5py.File(name)["weights"]
    roi = f["rois/lh/prf-visualrois/V1v"]
    layer = f["layers"][roi.attrs["layer"]]
    return layer["mean"][:], layer["basis"][:] @ roi["coef"][:], roi["intercept"][:]  # the axes' signs are free
for one, other in zip(weights("paper-alone.h5"), weights("paper-first.h5")):
    np.testing.assert_allclose(one, other, atol=1e-5 * np.abs(one).max())
assert len({h5py.File(n).attrs["uuid"] for n in ("also.h5", "cv/also.h5", "selected/also.h5")}) == 3
PY
expect 3 ridge-encode s1.h5 v1v.h5 "${common[@]}" --also train-cv=no.h5 -o x.h5
says '--allow-tuned-images'
absent no.h5 x.h5
# None of them where one cannot be written; what is in the way is said at once.
expect 4 ridge-encode s1.h5 v1v.h5 "${common[@]}" --also paper=paper.h5 -o x.h5
says 'paper.h5'
expect 4 ridge-encode s1.h5 v1v.h5 "${common[@]}" --also paper=nowhere/paper.h5 -o x.h5
absent x.h5
expect 2 ridge-encode s1.h5 v1v.h5 --also paper -o x.h5
expect 2 ridge-encode s1.h5 v1v.h5 --also held-out=no.h5 -o x.h5
says 'held-out is named twice'
expect 2 ridge-encode s1.h5 v1v.h5 --also paper=x.h5 -o x.h5

# Another split of the same pictures: the ids and pixels betray what the model has seen.
expect 0 nsd-extract algonauts sim --subject 1 --size 64 --split-seed 9 --test-share .3 -o other.h5
expect 3 ridge-encode other.h5 v1v.h5 "${common[@]}" -o x.h5
says 'images to be scored tuned'
# What train-cv may, held-out beside it may not.
expect 3 ridge-encode other.h5 v1v.h5 "${common[@]}" --allow-tuned-images --also train-cv=no.h5 -o x.h5
says 'images to be scored tuned'
absent no.h5 x.h5

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
# Mere pictures, in a folder: the same predictions, no responses.
mkdir pictures
cp sim/subj01/training_split/training_images/*.png pictures/
expect 3 ridge-encode tuned.h5 v1v.h5 --predict pictures -q -o folder.h5
says 'were fitted on'
expect 0 ridge-encode tuned.h5 v1v.h5 --predict pictures --allow-tuned-images -q -o folder.h5
expect 0 cortune-info folder.h5
/usr/bin/python3 - << 'PY' || fail "a folder's pictures are predicted otherwise"
import h5py, numpy as np
a, b = h5py.File("predicted.h5"), h5py.File("folder.h5")
place = {s: k for k, s in enumerate(a["image_sha256"][:])}
rows = [place[s] for s in b["image_sha256"][:]]
assert len(rows) == 120 and all(i.startswith(b"pictures:") for i in b["image"][:])
p = "results/lh/prf-visualrois/V1v/"
np.testing.assert_allclose(b[p + "prediction"][:], a[p + "prediction"][:][rows], atol=1e-5)  # other batches
assert np.isnan(b[p + "response"][:]).all() and b.attrs["optimistic"] == 1
PY
expect 2 ridge-encode s1.h5 v1v.h5 --fit crop -o x.h5
expect 3 ridge-encode untuned.h5 --predict s1.h5 -q -o x.h5
says '--save-weights'
expect 3 ridge-encode tuned.h5 --predict s1.h5 --allow-tuned-images -q -o x.h5 # the shipped backbone, not v1v.h5
says 'give the model that the encoding was made with'
expect 2 ridge-encode tuned.h5 v1v.h5 --predict s1.h5 --folds 3 -o x.h5
expect 2 ridge-encode tuned.h5 v1v.h5 --predict s1.h5 --layers features.2 -o x.h5

# Pictures that another subject saw are predicted, but nobody measured this subject's responses.
expect 0 nsd-simulate --preset tiny --subjects 2 --seed 4 -o two
expect 0 nsd-extract algonauts two --subject 2 --size 64 -o s2.h5
expect 0 ridge-encode tuned.h5 v1v.h5 --predict s2.h5 -q -o foreign-images.h5
/usr/bin/python3 - << 'PY' || fail "another subject's responses were taken for this one's"
import h5py, numpy as np
r = h5py.File("foreign-images.h5")["results/lh/prf-visualrois/V1v"]
assert np.isnan(r["response"][:]).all() and np.isfinite(r["prediction"][:]).all() and "noise_ceiling" not in r
PY

# Columns that have nothing but a number are no one's until someone says so.
/usr/bin/python3 - << 'PY'
import numpy as np
from PIL import Image
import os
rng = np.random.default_rng(7)
for day in ("day1", "day2"):
    os.mkdir(day)
    for i in range(60):
        Image.fromarray(rng.integers(0, 256, (64, 64, 3), dtype=np.uint8)).save(f"{day}/{day}_{i:02d}.png", compress_level=0)
    np.save(f"{day}.npy", rng.standard_normal((60, 25 if day == "day1" else 40)).astype(np.float32))
PY
for day in day1 day2; do
    expect 0 nsd-extract table --images $day --responses $day.npy --namespace $day --subject M1 --size 64 -q -o $day.h5
done
expect 0 ridge-encode day1.h5 --layers features.2 --save-weights -q -o day1.enc.h5
# Other pixels under the names of the fitted pictures, as after saving them anew: a file's ending does not hide them.
mkdir saved-anew
for i in $(seq -w 0 59); do cp "day2/day2_$i.png" "saved-anew/day1_$i.png"; done
expect 3 ridge-encode day1.enc.h5 --predict saved-anew --namespace day1 -q -o anew.h5
says 'of 60 images were fitted on'
expect 0 ridge-encode day1.enc.h5 --predict saved-anew --namespace another -q -o anew.h5
expect 0 ridge-encode day1.enc.h5 --predict day2.h5 -q -o unknown.h5
says 'no responses of the encoding'
expect 0 ridge-encode day1.enc.h5 --predict day2.h5 --same-units -q -o same.h5
/usr/bin/python3 - << 'PY' || fail "responses of unknown units"
import h5py, numpy as np
other, same, day2 = (h5py.File(f"{n}.h5") for n in ("unknown", "same", "day2"))
p = "results/all/table/M1/response"
assert np.isnan(other[p][:]).all() and np.array_equal(same[p][:], day2["response_all"][:, :25])
PY
expect 2 ridge-encode day1.h5 --same-units -o x.h5

# --memory bounds what is held: the peak above that of a run on next to nothing.
/usr/bin/python3 - << 'PY'
import numpy as np
from PIL import Image
import os
rng = np.random.default_rng(0)
os.mkdir("noise")
for i in range(1200):
    Image.fromarray(rng.integers(0, 256, (64, 64, 3), dtype=np.uint8)).save(f"noise/{i:04d}.png", compress_level=0)
np.save("noise.npy", rng.standard_normal((1200, 60)).astype(np.float32))
PY
expect 0 nsd-extract table --images noise --responses noise.npy --namespace noise --size 64 -q -o noise.h5
peak() { /usr/bin/python3 - "$@" << 'PY'
import resource, subprocess, sys
subprocess.run(sys.argv[1:], check=True, stderr=subprocess.DEVNULL)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024)
PY
}
base=$(peak ridge-encode s1.h5 v1v.h5 -q --overwrite -o own.h5)
bounded=$(peak ridge-encode noise.h5 --memory 150M --scratch scratch -q -o noise-disk.h5)
free=$(peak ridge-encode noise.h5 --memory 2G -q -o noise-memory.h5)
# 60 thousand features of 1,200 pictures are 280 MiB.
[ "$bounded" -le $((base + 150 + 25)) ] || fail "--memory 150M took $bounded MiB, $base MiB of them the program's"
[ "$free" -gt "$bounded" ] || fail "the features never were in memory"
same_data noise-disk.h5 noise-memory.h5 results || fail "--memory changes the result"
# Results that wait for the files of other protocols are counted.
several=$(peak ridge-encode noise.h5 --memory 150M --scratch scratch --also paper=noise-paper.h5 --also train-cv=noise-folds.h5 -q --overwrite -o noise-disk.h5)
[ "$several" -le $((base + 150 + 25)) ] || fail "--memory 150M took $several MiB with three protocols, $base MiB of them the program's"
same_data noise-disk.h5 noise-memory.h5 results || fail "--memory and --also change the result"
for memory in 65M 75M 90M; do
    ridge-encode noise.h5 --memory $memory --scratch scratch -q --overwrite -o noise-less.h5 2> stderr || { grep -q 'raise --memory' stderr || fail "$memory"; continue; }
    same_data noise-less.h5 noise-memory.h5 results || fail "--memory $memory changes the result"
done

# A constant voxel and one with NaN are NaN in the result, with a note; a ROI of them alone is no stop.
/usr/bin/python3 - << 'PY'
import numpy as np
y = np.load("noise.npy")
y[:, 3] = 1.5
np.save("constant.npy", y)
np.save("all-constant.npy", np.ones_like(y))
PY
for name in constant all-constant; do
    expect 0 nsd-extract table --images noise --responses $name.npy --namespace noise --size 64 -q -o $name.h5
    expect 0 ridge-encode $name.h5 --layers classifier.5 -q -o $name-encoding.h5
    says 'have no correlation'
done
/usr/bin/python3 - << 'PY' || fail "constant voxels are not NaN, or others are"
import h5py, numpy as np
r = next(iter(h5py.File("constant-encoding.h5")["results/all"].values()))
r = next(iter(r.values()))["cv_r"][0]
assert np.isnan(r[3]) and np.isfinite(np.delete(r, 3)).all()
PY

# Refusals.
expect 4 ridge-encode s1.h5 -o untuned.h5
expect 3 ridge-encode s1.h5 --hemi lh --roi V1w "${common[@]}" -o x.h5
says 'V1v'
expect 3 ridge-encode s1.h5 --layers features.99 "${common[@]}" -o x.h5
says 'features.9'
expect 2 ridge-encode s1.h5 --roi V1v -o x.h5
expect 2 ridge-encode s1.h5 --layers features.2,features.2 "${common[@]}" -o x.h5
expect 2 ridge-encode s1.h5 --hemi lh --roi V1v,V1v "${common[@]}" -o x.h5
expect 2 ridge-encode s1.h5 --alphas 1,inf "${common[@]}" -o x.h5
cp s1.h5 keep.h5
expect 2 ridge-encode keep.h5 "${common[@]}" --overwrite -o keep.h5
says 'is also an input'
cmp s1.h5 keep.h5 || fail "an input was replaced"
expect 5 ridge-encode s1.h5 --memory 100K -o x.h5
head -c 5000 s1.h5 > cut.h5
expect 3 ridge-encode cut.h5 -o x.h5
/usr/bin/python3 -c 'import h5py; h5py.File("foreign.h5", "w")["x"] = 1'
expect 3 ridge-encode foreign.h5 -o x.h5
says 'not one of cortune'
absent x.h5
no_parts
