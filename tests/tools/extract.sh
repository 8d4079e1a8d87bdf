# SPDX-License-Identifier: BSD-3-Clause
# nsd-extract: exit codes and messages for every kind of bad input, nothing left behind,
# the same contents for one thread and for several.
. "$CORTUNE_SOURCE/tests/support/tool_test.sh"

# make.py FOLDER [FAULT]: an Algonauts subject of 12 pictures with one thing wrong.
cat > make.py <<'PY'
import pathlib, pickle, sys
import numpy as np
from PIL import Image

root = pathlib.Path(sys.argv[1]) / "subj01"
fault = sys.argv[2] if len(sys.argv) > 2 else ""
rng = np.random.default_rng(0)
images, fmri, masks = (root / "training_split/training_images", root / "training_split/training_fmri",
                       root / "roi_masks")
for part in (images, fmri, masks):
    part.mkdir(parents=True)
for i in range(12):
    pixels = rng.integers(0, 256, (40, 40, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(images / f"train-{i + 1:04d}_nsd-{7 * i + 3:05d}.png")
fifth = images / "train-0005_nsd-00031.png"
for h, n in (("lh", 10), ("rh", 8)):
    y = rng.standard_normal((12, n)).astype(np.float32)
    labels = np.arange(n) % 3
    if fault == "nan" and h == "lh":
        y[0, 1] = y[3, 1] = np.nan   # label 1
        y[5, 2] = np.inf             # label 2
        y[6, 0] = np.nan             # label 0
    if fault == "count":
        y = y[:11]
    if fault == "dtype":
        y = y.astype(complex)
    if fault == "big-endian":
        y = y.astype(">f4")
    np.save(fmri / f"{h}_training_fmri.npy", y)
    everywhere = np.zeros(163842, np.int64)
    everywhere[: n + (fault == "vertices")] = 1
    np.save(masks / f"{h}.all-vertices_fsaverage_space.npy", everywhere[: 1000 if fault == "fsaverage" else None])
    np.save(masks / f"{h}.prf-visualrois_challenge_space.npy", labels[: n - (fault == "mask")])
mapping = {0: "Unknown", 1: "V1v", 2: "V1d"}
if fault == "label":
    del mapping[2]
if fault == "blank":
    mapping[2] = "V1v "
np.save(masks / "mapping_prf-visualrois.npy", mapping)
if fault == "pickle":
    class Evil:
        def __reduce__(self):
            return (print, ("run",))
    np.save(masks / "mapping_prf-visualrois.npy", {0: "Unknown", 1: Evil()})
other = root / "test_split"
if fault == "test-split":
    other.write_bytes(b"")
if fault in ("test-fmri", "ceiling-file"):
    other.mkdir()
    (other / ("test_fmri" if fault == "test-fmri" else "noise_ceiling")).write_bytes(b"")
if fault in ("percent", "negative", "infinite", "unknown"):
    (other / "noise_ceiling").mkdir(parents=True)
    for h, n in (("lh", 10), ("rh", 8)):
        ceiling = np.full(n, .5, np.float32)
        ceiling[3] = {"percent": 50, "negative": -.1, "infinite": np.inf, "unknown": np.nan}[fault]
        np.save(other / f"noise_ceiling/{h}_noise_ceiling.npy", ceiling)
if fault == "truncated":
    path = fmri / "rh_training_fmri.npy"
    path.write_bytes(path.read_bytes()[:-100])
if fault == "png":
    data = bytearray(fifth.read_bytes())
    data[len(data) // 2] ^= 0x55
    fifth.write_bytes(data)
if fault == "cut-png":
    fifth.write_bytes(fifth.read_bytes()[:-900])
if fault == "no-picture":
    fifth.write_bytes(b"not a picture")
if fault == "cut-jpeg":
    fifth.unlink()
    Image.fromarray(rng.integers(0, 256, (40, 40, 3), dtype=np.uint8)).save(fifth.with_suffix(".jpg"))
    whole = fifth.with_suffix(".jpg").read_bytes()
    fifth.with_suffix(".jpg").write_bytes(whole[: len(whole) * 2 // 3])
if fault == "name":
    fifth.rename(images / "train-0005.png")
if fault == "twice":
    fifth.rename(images / "train-0005_nsd-00003.png")
if fault == "twin":
    fifth.write_bytes((images / "train-0001_nsd-00003.png").read_bytes())
PY
make() { /usr/bin/python3 make.py "$@" || fail "make.py $*"; }
bad() {  # bad FAULT TEXT…: exit 3, the texts in the message, nothing left
    local fault=$1
    shift
    make "$fault" "$fault"
    expect 3 nsd-extract algonauts "$fault" --subject 1 --size 16 -o out.h5
    for text in "$@"; do says "$text"; done
    absent out.h5
    no_parts
}

make good
expect 0 nsd-extract algonauts good --subject 1 --size 16 -o good.h5
says 'good.h5: subj01, 12 images'
bad truncated 'rh_training_fmri.npy: expected 512 bytes, found 412'
bad dtype "lh_training_fmri.npy: expected numbers of type" "found '<c16'"
bad big-endian "found '>f4'" "hint: it is big-endian"
bad count 'lh_training_fmri.npy: expected (12, vertices)' 'found (11, 10)'
bad mask 'lh.prf-visualrois_challenge_space.npy: expected (10,)' 'found (9,)'
bad fsaverage 'lh.all-vertices_fsaverage_space.npy: expected (163842,)'
bad vertices 'expected 10 marked vertices' 'found 11'
bad label 'label 2 has no name in mapping_prf-visualrois.npy'
bad blank "mapping_prf-visualrois.npy: labels 1 and 2 are both named 'V1v'"
bad test-split 'test_split: expected a folder'
bad test-fmri 'test_fmri: expected a folder'
bad ceiling-file 'noise_ceiling: expected a folder'
bad percent 'lh_noise_ceiling.npy: expected 0 to 1' 'found 50 at index 3' \
    'hint: a ceiling is a share of variance; divide percent by 100'
bad negative 'lh_noise_ceiling.npy: expected 0 to 1' 'found -0.1'
bad infinite 'lh_noise_ceiling.npy: expected 0 to 1' 'found inf'
bad png 'train-0005_nsd-00031.png: damaged PNG'
bad cut-png 'train-0005_nsd-00031.png: damaged PNG'
bad cut-jpeg 'train-0005_nsd-00031.jpg: damaged JPEG (Premature end'
bad no-picture 'train-0005_nsd-00031.png: neither a PNG nor a JPEG'
bad name 'train-0005.png: expected a name like'
bad twice "the id 'nsd:00003' is that of two pictures"
bad nan 'lh_training_fmri.npy: 4 responses are NaN or infinite (lh: V1v 2, V1d 1, no ROI 1)' '--allow-nan'
bad pickle "mapping_prf-visualrois.npy: the pickle wants the global 'builtins.print'"

# What is admitted is said.
expect 0 nsd-extract algonauts nan --subject 1 --size 16 --allow-nan --normalize -o nan.h5
says 'warning: '
make twin twin
expect 0 nsd-extract algonauts twin --subject 1 --size 16 -o twin.h5
says 'nsd:00031 = nsd:00003'

make unknown unknown
expect 0 nsd-extract algonauts unknown --subject 1 --size 16 -o unknown.h5

# The folder of a subject is named subj and its number, nothing more, and there is one.
make folders
mv folders/subj01 folders/subj01_old
expect 3 nsd-extract algonauts folders --subject 1 -o out.h5
says 'holds no subject 1'
cp -r folders/subj01_old folders/Subj1
expect 0 nsd-extract algonauts folders --subject 1 --size 16 -o folders.h5
cp -r folders/Subj1 folders/subj01
expect 3 nsd-extract algonauts folders --subject 1 -o out.h5
says 'folders: Subj1 and subj01 are both folders of subject 1'
make flat
mkdir -p older/training_images older/training_fmri older/roi_masks
mv flat/subj01/training_split/training_images older/training_images/Subj1
mv flat/subj01/training_split/training_fmri older/training_fmri/Subj1
mv flat/subj01/roi_masks older/roi_masks/Subj1
expect 0 nsd-extract algonauts older --subject 1 --size 16 -o older.h5
fmri=older/training_fmri/Subj1
cp "$fmri/lh_training_fmri.npy" "$fmri/subj2_lh_training_fmri.npy"
mv "$fmri/lh_training_fmri.npy" "$fmri/subj1_lh_training_fmri.npy"
expect 3 nsd-extract algonauts older --subject 1 -o out.h5
says 'Subj1: expected one lh_training_fmri.npy, found subj1_lh_training_fmri.npy and subj2_lh_training_fmri.npy'
rm older/training_fmri/Subj1/subj2_lh_training_fmri.npy
: > older/test_fmri
expect 3 nsd-extract algonauts older --subject 1 -o out.h5
says 'older/test_fmri: expected a folder'
if [ "$(id -u)" != 0 ]; then  # root reads everything
    rm older/test_fmri
    for part in older/training_fmri older/training_fmri/Subj1 older/roi_masks/Subj1; do
        chmod 000 "$part"
        expect 3 nsd-extract algonauts older --subject 1 -o out.h5
        says "$part"
        chmod 755 "$part"
    done
fi
absent out.h5

# A list of test images takes the place of hash, seed and share; names that are none's are shown.
printf 'nsd:00003\n\ntrain-0002_nsd-00010.png\n00017\nnsd:00003\n' > listed.txt
expect 0 nsd-extract algonauts good --subject 1 --size 16 --test-list listed.txt -o listed.h5
! grep -q 'no image of' stderr || fail "names that are known were reported"
for i in 1 2 3 4 5 6; do echo "never:$i"; done >> listed.txt
expect 0 nsd-extract algonauts good --subject 1 --size 16 --test-list listed.txt --overwrite -o listed.h5
says 'listed.txt: 6 of 9 names are no image of this data set: never:1, never:2, never:3, never:4, never:5, …'
# As many images as names, and yet one name is none's: that of two sessions' pictures counts once.
session=(--images good/subj01/training_split/training_images
         --responses good/subj01/training_split/training_fmri/lh_training_fmri.npy --namespace)
printf 'train-0001_nsd-00003\nnever:1\n' > even.txt
expect 0 nsd-extract table "${session[@]}" g "${session[@]}" h --size 16 --test-list even.txt -o even.h5
says 'even.txt: 1 of 2 names are no image of this data set: never:1'
/usr/bin/python3 - <<'PY' || fail "the split does not follow the list"
import h5py
for path, rule, split in (("good.h5", "hash", None), ("listed.h5", "list", [1, 1, 1] + 9 * [0]),
                          ("even.h5", "list", 2 * ([1] + 11 * [0]))):
    with h5py.File(path) as file:
        assert file.attrs["split_rule"] == rule
        assert split is None or list(file["split"][:]) == split
PY
echo never:1 > none.txt
expect 3 nsd-extract algonauts good --subject 1 --test-list none.txt -o out.h5
says 'none.txt: none of its 1 names'
for option in --test-share --split-seed; do
    expect 2 nsd-extract algonauts good --subject 1 --test-list listed.txt $option 0 -o out.h5
    says "$option"
done
expect 2 nsd-extract algonauts good --subject 1 --test-share nan -o out.h5
absent out.h5

# Usage.
expect 2 nsd-extract algonauts good -o out.h5
says 'needs --subject'
expect 2 nsd-extract algonauts good --subject one -o out.h5
expect 2 nsd-extract algonauts good --subject 1 --namespace x -o out.h5
expect 2 nsd-extract table good -o out.h5
expect 2 nsd-extract table -o out.h5
expect 2 nsd-extract movie good -o out.h5
expect 2 nsd-extract algonauts good --subject 1
expect 3 nsd-extract algonauts good --subject 4 -o out.h5
says 'holds no subject 4'
expect 3 nsd-extract algonauts nowhere --subject 1 -o out.h5
pictures=good/subj01/training_split/training_images
responses=good/subj01/training_split/training_fmri/lh_training_fmri.npy
expect 2 nsd-extract table --images "$pictures" --responses "$responses" -o out.h5
says 'one of each per session'
expect 3 nsd-extract table --images good --responses good --namespace g -o out.h5
says 'not a file'
expect 3 nsd-extract table --images "$responses" --responses "$responses" --namespace g -o out.h5
says 'expected a folder or a zip archive'
expect 3 nsd-extract table --images "$pictures" --responses "$responses" --namespace g --orientation units-by-images -o out.h5
says 'expected 12 images'
printf 'train-0001_nsd-00003\ntrain-0002_nsd-0001\n' > names.txt
expect 3 nsd-extract table --images "$pictures" --responses "$responses" --namespace g --names names.txt -o out.h5
says "'train-0002_nsd-0001' is no picture of"
says 'nearest: train-0002_nsd-00010.png'
echo '# order of presentation' > names.txt
for i in 3 10 17 3 24 10 3; do printf '\ntrain-%04d_nsd-%05d.png\n' $((i / 7 + 1)) "$i"; done >> names.txt
expect 3 nsd-extract table --images "$pictures" --responses "$responses" --namespace g --names names.txt -o out.h5
says "names.txt: lines 3, 9, 15 repeat the picture 'train-0001_nsd-00003.png'; repeated pictures in all: 2"
says 'hint: --average-repeats takes the lines'
printf 'train-0001_nsd-00003.png\ntrain-0001_nsd-00003\n' > names.txt
expect 3 nsd-extract table --images "$pictures" --responses "$responses" --namespace g --names names.txt -o out.h5
says "names.txt: lines 1, 2 repeat the picture 'train-0001_nsd-00003.png'"
/usr/bin/python3 -c 'import numpy; numpy.save("square.npy", numpy.zeros((12, 12), "f4"))'
expect 2 nsd-extract table --images "$pictures" --responses square.npy --namespace g -o out.h5
says '--orientation says which'
absent out.h5

# Outputs.
expect 4 nsd-extract algonauts good --subject 1 --size 16 -o good.h5
says 'exists already'
expect 0 nsd-extract algonauts good --subject 1 --size 16 --overwrite -o good.h5
expect 4 nsd-extract algonauts good --subject 1 -o no/such/folder.h5
(ulimit -f 8; exec nsd-extract algonauts good --subject 1 -o full.h5) > stdout 2> stderr
[ $? = 4 ] || { cat stderr; fail "a full disk"; }
absent full.h5
no_parts

# A signal leaves nothing, be it of a user, of a cluster or of a connection that is lost.
nsd-simulate --preset tiny --images 300 --subjects 1 --seed 1 -q -o many || fail "nsd-simulate"
for signal in TERM HUP; do
    env --default-signal=HUP nsd-extract algonauts many --subject 1 --size 1500 --threads 1 -q -o killed.h5 2> stderr &
    job=$!
    for _ in $(seq 200); do ls .killed.h5.*.part > /dev/null 2>&1 && break; sleep 0.01; done
    kill -$signal "$job"
    [ $signal = TERM ] || { sleep .005; kill -$signal "$job"; } # a shell and the kernel send one each
    wait "$job"
    [ $? = $((128 + $(kill -l $signal))) ] || fail "SIG$signal"
    absent killed.h5
    no_parts
done

# Bytes: equal for equal commands; for other numbers of threads, which the provenance
# records, in all but that.
export SOURCE_DATE_EPOCH=1700000000
run() { expect 0 nsd-extract algonauts good --subject 1 --size 16 --threads "$1" -o same.h5; mv same.h5 "$2"; }
run 2 a.h5
run 2 b.h5
cmp a.h5 b.h5 || fail "two equal runs differ"
run 1 c.h5
/usr/bin/python3 - <<'PY' || fail "contents depend on the number of threads"
import h5py, numpy
def contents(path):
    found = {}
    with h5py.File(path) as file:
        file.visititems(lambda name, d: isinstance(d, h5py.Dataset) and
                        found.__setitem__(name, numpy.asarray(d[()]).tobytes() if d.dtype != object else d[()]))
        provenance = file["provenance"].asstr()[()]
        uuid = file.attrs["uuid"]
    found["provenance"] = (provenance.replace(uuid, "").replace('"threads": 2', "").replace('"threads": 1', "")
                           .replace('"--threads": "2"', "").replace('"--threads": "1"', "")
                           .replace('"--threads",\n    "2"', "").replace('"--threads",\n    "1"', ""))
    return found
a, c = contents("a.h5"), contents("c.h5")
assert a.keys() == c.keys()
for name in a:
    assert numpy.array_equal(a[name], c[name]), name
PY
echo "extract: ok"

# Memory does not grow with the pictures: 2,000 of 224 px are 290 MiB on disk.
/usr/bin/python3 - << 'PY'
import os
import numpy as np
from PIL import Image
os.mkdir("crowd")
rng = np.random.default_rng(0)
for i in range(2000):
    Image.fromarray(rng.integers(0, 256, (24, 24, 3), dtype=np.uint8)).save(f"crowd/{i:04d}.png", compress_level=0)
np.save("crowd.npy", rng.standard_normal((2000, 30)).astype(np.float32))
PY
peak=$(/usr/bin/python3 - << 'PY'
import resource, subprocess
subprocess.run("nsd-extract table --images crowd --responses crowd.npy --namespace m --size 224 -q -o crowd.h5".split(), check=True)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024)
PY
) || fail "extraction of many pictures"
[ "$(stat -c %s crowd.h5)" -gt 290000000 ] || fail "crowd.h5 is too small"
[ "$peak" -lt 120 ] || fail "extraction took $peak MiB"
