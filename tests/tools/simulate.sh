#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# nsd-simulate: same bytes for any number of threads, exit codes, nothing left behind.
set -u
tool=$CORTUNE_BIN/nsd-simulate
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1
fail() { echo "simulate: $*" >&2; exit 1; }
expect() {  # expect CODE TEXT command…
    local code=$1 text=$2 found
    shift 2
    "$@" >out.txt 2>err.txt
    found=$?
    [ "$found" = "$code" ] || { cat err.txt >&2; fail "exit $found instead of $code: $*"; }
    grep -q -- "$text" err.txt || { cat err.txt >&2; fail "no '$text' in the message: $*"; }
}
small=(--preset tiny --images 24 --test-images 6)

expect 0 wall "$tool" -o one "${small[@]}" --seed 5 --threads 1
expect 0 wall "$tool" -o three "${small[@]}" --seed 5 --threads 3
diff -r one three || fail "bytes differ with the number of threads"
expect 0 wall "$tool" -o other "${small[@]}" --seed 6 --threads 2
cmp -s one/subj01/training_split/training_fmri/lh_training_fmri.npy \
    other/subj01/training_split/training_fmri/lh_training_fmri.npy && fail "the seed changes nothing"
[ "$(ls one/subj01/training_split/training_images | wc -l)" = 24 ] || fail "training pictures"
ls one/subj01/test_split/test_images | grep -qxE 'test-0001_nsd-[0-9]{5}\.png' || fail "test names"

expect 0 wall "$tool" -o two "${small[@]}" --subjects 2 --seed 5
diff -r one/subj01 two/subj01 || fail "the number of subjects changes the first"
for f in two/subj01/test_split/test_images/*; do
    cmp "$f" "two/subj02/test_split/test_images/$(basename "$f")" || fail "shared pictures differ"
done

expect 0 wall "$tool" --labelled labels --per-class 2 --val-per-class 1 --threads 1
expect 0 wall "$tool" --labelled labels3 --per-class 2 --val-per-class 1 --threads 3
diff -r labels labels3 || fail "labelled bytes differ with the number of threads"
[ "$(find labels/train -name '*.png' | wc -l)" = 64 ] || fail "labelled training pictures"
[ "$(find labels/val -name '*.png' | wc -l)" = 32 ] || fail "labelled validation pictures"
cmp -s labels/train/plain-star/0001.png labels/val/plain-star/0001.png &&
    fail "validation shows training pictures"

expect 4 "exists already" "$tool" -o one "${small[@]}"
expect 0 wall "$tool" -o one "${small[@]}" --overwrite
echo x >one/notes.txt
expect 4 "holds notes.txt" "$tool" -o one "${small[@]}" --overwrite
rm one/notes.txt
mkdir precious && echo x >precious/file
expect 4 "not a folder that a simulation wrote" "$tool" -o precious "${small[@]}" --overwrite
[ -f precious/file ] || fail "a foreign folder was replaced"
expect 4 "does not exist" "$tool" -o absent/out "${small[@]}"
expect 4 "name too long" "$tool" -o "$(printf 'x%.0s' $(seq 260))" "${small[@]}"
expect 2 "nothing to write" "$tool"
expect 2 preset "$tool" -o x --preset huge
expect 2 "picture ids" "$tool" -o x --images 40000 --subjects 2

# Numbers that are none, targets in one another, options without effect: exit 2, and at once.
expect 2 "--noise-ceiling: expected a number from 0.02 to 0.98" timeout 10 "$tool" -o x "${small[@]}" --noise-ceiling nan
expect 2 "--roi-scale: expected a number from 0.1 to 14" timeout 10 "$tool" -o x "${small[@]}" --roi-scale nan
expect 2 "--roi-scale" timeout 10 "$tool" -o x "${small[@]}" --roi-scale inf
ln -s . here
for pair in "both both" "both both/" "both here/both" "sim sim/lab" "sim/lab sim" "x ."; do
    expect 2 "same folder" "$tool" -o "${pair% *}" --labelled "${pair#* }" "${small[@]}" --per-class 1
done
expect 2 "--preset, --subjects, --noise-ceiling: without effect" "$tool" --labelled x --preset tiny --subjects 2 \
    --noise-ceiling 0.5
expect 2 "--noise-seed: without effect" "$tool" --labelled x --noise-seed 1
expect 2 "--per-class, --val-per-class: without effect" "$tool" -o x --per-class 3 --val-per-class 3
expect 0 wall "$tool" -o beside --labelled beside2 "${small[@]}" --per-class 1 --val-per-class 0 --image-size 64
[ ! -e x ] && [ ! -e both ] && [ ! -e sim ] || fail "a refused command wrote something"
[ -d beside/subj01 ] && [ -d beside2/train ] || fail "two targets in one run"
rm here

"$tool" -o stopped --preset small --threads 2 >/dev/null 2>&1 &
pid=$!
sleep 1
kill -TERM $pid
wait $pid
[ $? = 143 ] || fail "SIGTERM: wrong exit code"
"$tool" -o stopped --preset small --threads 2 >/dev/null 2>&1 &
pid=$!
sleep 1
kill -KILL $pid
wait $pid 2>/dev/null
[ ! -e stopped ] || fail "an unfinished folder took the final name"
rm -rf .stopped.*.part
leftovers=$(find . -maxdepth 1 \( -name '.*.part' -o -name '.*.old' \))
[ -z "$leftovers" ] || fail "left behind: $leftovers"
echo ok
