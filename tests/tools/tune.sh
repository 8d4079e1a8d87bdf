# SPDX-License-Identifier: BSD-3-Clause
# cl-finetune: what it writes, repeatability, resume, refusals, interruption.
. "$CORTUNE_SOURCE/tests/support/tool_test.sh"

expect 0 nsd-simulate --preset tiny --subjects 1 --seed 3 -o sim
expect 0 nsd-extract algonauts sim --subject 1 --size 64 -o s1.h5
common=(s1.h5 --hemi lh --roi V1v --min-voxels 5 --batch 32 --threads 1 --seed 5 -q)
export SOURCE_DATE_EPOCH=1700000000

expect 0 cl-finetune "${common[@]}" --epochs 4 -o a.h5 --loss-curve a.tsv --overwrite
expect 0 cortune-info a.h5
[ "$(wc -l < a.tsv)" = 5 ] || fail "loss curve has $(wc -l < a.tsv) lines"
awk 'NR == 2 { first = $2 } END { exit !($2 < first) }' a.tsv || fail "the loss did not fall"

# The same command gives the same bytes, also with threads.
cp a.h5 again.h5
expect 0 cl-finetune "${common[@]}" --epochs 4 -o a.h5 --loss-curve a.tsv --overwrite
cmp a.h5 again.h5 || fail "two equal runs differ"
expect 0 cl-finetune "${common[@]}" --epochs 2 --threads 2 -o two.h5 --overwrite
cp two.h5 again.h5
expect 0 cl-finetune "${common[@]}" --epochs 2 --threads 2 -o two.h5 --overwrite
cmp two.h5 again.h5 || fail "two equal runs of two threads differ"

# Stopped after two epochs and resumed: the same network, bit for bit.
tuned=(backbone heads history)
expect 0 cl-finetune "${common[@]}" --epochs 2 --checkpoint run.ckpt -o half.h5
expect 0 cl-finetune "${common[@]}" --epochs 4 --checkpoint run.ckpt --resume -o resumed.h5
same_data a.h5 resumed.h5 "${tuned[@]}" || fail "a resumed run differs from an unbroken one"
expect 3 cl-finetune "${common[@]}" --epochs 4 --lr 1e-3 --checkpoint run.ckpt --resume -o other.h5
says 'this checkpoint is of a run with lr'
expect 3 cl-finetune "${common[@]}" --epochs 2 --checkpoint run.ckpt --resume -o other.h5
says '4 epochs are done'
expect 0 cortune-info resumed.h5
prints 'roi: V1v'

# The same with what else a checkpoint has to carry, and after a kill in the middle of an epoch.
resumed() { # NAME EPOCHS OPTION…
    local name=$1 epochs=$2
    shift 2
    expect 0 cl-finetune "${common[@]}" --epochs "$epochs" "$@" -o "$name-whole.h5"
    cl-finetune "${common[@]}" --epochs "$epochs" "$@" --checkpoint "$name.ckpt" -o "$name-cut.h5" 2> /dev/null &
    local pid=$!
    for _ in $(seq 2000); do [ -e "$name.ckpt" ] && break; sleep .005; done
    kill -9 $pid 2> /dev/null
    wait $pid 2> /dev/null
    rm -f .*.part
    [ -e "$name.ckpt" ] || fail "$name: no checkpoint was written"
    expect 0 cl-finetune "${common[@]}" --epochs "$epochs" "$@" --checkpoint "$name.ckpt" --resume -o "$name-cut.h5" --overwrite
    same_data "$name-whole.h5" "$name-cut.h5" "${tuned[@]}" || fail "$name: a killed and resumed run differs"
}
resumed patient 6 --patience 1 --validation-share .2 --lr 3e-3
resumed warm 4 --warmup-epochs 3 --loss clip
resumed regression 3 --loss mse --freeze features.0 --batch 16
resumed bfloat 2 --precision bfloat16
expect 3 ridge-encode s1.h5 run.ckpt -o enc.h5 # a checkpoint is no model
says "kind 'checkpoint'"

# Streaming from the file and holding the pictures are the same.
expect 0 cl-finetune "${common[@]}" --epochs 4 --memory 1K -o streamed.h5
same_data a.h5 streamed.h5 "${tuned[@]}" || fail "streamed pictures give another network"

# A frozen module stays, the others move.
expect 0 cl-finetune "${common[@]}" --epochs 1 --freeze features -o frozen.h5
start=$CORTUNE_SOURCE/share/models/alexnet-mini.h5
same_data "$start" frozen.h5 backbone/features.0.weight || fail "frozen weights moved"
same_data "$start" frozen.h5 backbone/classifier.6.weight 2> /dev/null && fail "free weights stayed"

expect 2 cl-finetune "${common[@]}" --loss mse --temperature 3 -o idle.h5
says '--temperature: without effect with --loss mse'
expect 2 cl-finetune "${common[@]}" --validation-share .3 -o idle.h5
expect 2 cl-finetune "${common[@]}" --checkpoint-every 3 -o idle.h5
expect 2 cl-finetune "${common[@]}" --memory 0 -o idle.h5
expect 2 cl-finetune "${common[@]}" --lr 0 -o idle.h5
says "expected a number above 0, found '0'"
absent idle.h5
for loss in clip mse; do expect 0 cl-finetune "${common[@]}" --epochs 1 --loss $loss -o $loss.h5; done
expect 0 cl-finetune "${common[@]}" --patience 1 --epochs 6 --validation-share .2 --loss-curve p.tsv -o patient.h5
awk 'NR > 1 && $3 == "nan" { exit 1 }' p.tsv || fail "no validation loss"

# Patience stops when nothing is gained and keeps the best epoch, not the last.
awk -F '\t' 'NR > 1 { if (best == "" || $3 < best) best = $3; n++ } END { exit !(n >= 2) }' p.tsv || fail "patience stopped at once"
/usr/bin/python3 - << 'PY' || fail "patience did not stop after the best epoch"
import h5py, numpy as np
whole = h5py.File("patient-whole.h5")
v = whole["history/validation_loss"][:]
assert len(v) < 6 and v.argmin() < len(v) - 1, v  # it stopped early, after the best epoch
open("best", "w").write(str(v.argmin() + 1))
PY
# The weights kept are those of a run that ends at the best epoch.
expect 0 cl-finetune "${common[@]}" --patience 100 --validation-share .2 --lr 3e-3 --epochs "$(cat best)" -o best.h5
for tensor in backbone/features.0.weight backbone/classifier.6.weight heads/head.6.weight heads/head.1.running_var; do
    same_data patient-whole.h5 best.h5 $tensor || fail "the best epoch was not put back: $tensor"
done

# Divergence: exit 1, no model, and the checkpoint is that of the last good epoch. With one
# batch an epoch the step that ruins the weights is the epoch's last.
one=(s1.h5 --hemi lh --roi V1v --min-voxels 5 --batch 4096 --seed 5 -q)
expect 1 cl-finetune "${one[@]}" --epochs 1 --loss mse --lr 1e30 --checkpoint div.ckpt -o div.h5
says 'after epoch 1'
absent div.h5 div.ckpt
# A read-out whose steps grow until the squares overflow, some twenty epochs on.
expect 1 cl-finetune "${one[@]}" --epochs 60 --loss mse --warmup-epochs 1e6 --lr 3e21 --freeze features,classifier \
    --checkpoint div2.ckpt -o div.h5
says 'div2.ckpt'
expect 0 cortune-info div2.ckpt
/usr/bin/python3 - << 'PY' || fail "the checkpoint holds ruins"
import h5py, numpy as np
def check(name, d):
    if isinstance(d, h5py.Dataset) and d.dtype.kind == "f": assert np.isfinite(d[:]).all(), name
h5py.File("div2.ckpt")["state"].visititems(check)
PY
absent div.h5

# Targets that would destroy one another or an input.
cp s1.h5 precious.h5
expect 2 cl-finetune precious.h5 "${common[@]:1}" --epochs 1 --checkpoint precious.h5 -o x.h5
expect 2 cl-finetune "${common[@]}" --epochs 1 --checkpoint x.h5 -o x.h5
expect 2 cl-finetune "${common[@]}" --epochs 1 --loss-curve x.h5 -o x.h5 --overwrite
expect 4 cl-finetune "${common[@]}" --epochs 1 --checkpoint precious.h5 -o x.h5 --overwrite
says "of kind 'dataset', so it is not replaced"
expect 4 cl-finetune "${common[@]}" --epochs 1 --loss-curve precious.h5 -o x.h5 --overwrite
# What cannot be written is known before the tuning, not after it.
expect 4 cl-finetune "${common[@]}" --epochs 1000000 --loss-curve nowhere/l.tsv -o x.h5
says 'nowhere'
expect 2 cl-finetune "${common[@]}" --roi V1d --epochs 1 -o x.h5
expect 4 cl-finetune "${common[@]}" --epochs 1 --checkpoint run.ckpt -o x.h5
says '--resume goes on'
expect 4 cl-finetune "${common[@]}" --epochs 1 --checkpoint nowhere/x.ckpt -o x.h5
cmp s1.h5 precious.h5 || fail "an input was touched"

# Refusals.
expect 4 cl-finetune "${common[@]}" --epochs 4 -o a.h5
says '--overwrite replaces it'
expect 3 cl-finetune s1.h5 --hemi lh --roi V1w -o x.h5
says 'V1v'
expect 3 cl-finetune s1.h5 --hemi xx --roi V1v -o x.h5
says 'lh'
expect 3 cl-finetune missing.h5 --hemi lh --roi V1v -o x.h5
expect 2 cl-finetune s1.h5 --hemi lh -o x.h5
expect 2 cl-finetune "${common[@]}" --epochs 4 --freeze nothing -o x.h5
expect 2 cl-finetune "${common[@]}" --epochs 4 --resume -o x.h5
expect 5 cl-finetune "${common[@]}" --epochs 4 --device cuda:99 -o x.h5
expect 3 cl-finetune s1.h5 --hemi lh --roi V1v --min-voxels 100000 -o x.h5
expect 0 nsd-extract algonauts sim --subject 1 --size 80 -o big.h5
expect 3 cl-finetune big.h5 --hemi lh --roi V1v -o x.h5
says 'nsd-extract --size 64'

# A signal stops between steps; the checkpoint is kept, the model is not there.
cl-finetune "${common[@]}" --epochs 100000 --checkpoint int.ckpt -o int.h5 2> stderr &
pid=$!
for _ in $(seq 100); do [ -e int.ckpt ] && break; sleep .1; done
kill -INT $pid
wait $pid
[ $? = 130 ] || fail "SIGINT did not end with 130"
says 'is in int.ckpt; --resume goes on from it'
absent int.h5 x.h5
[ -e int.ckpt ] || fail "the checkpoint is gone"
no_parts
