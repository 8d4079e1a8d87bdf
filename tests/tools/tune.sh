# SPDX-License-Identifier: BSD-3-Clause
# cl-finetune: what it writes, repeatability, resume, refusals, interruption.
. "$CORTUNE_SOURCE/tests/support/tool_test.sh"

expect 0 nsd-simulate --preset tiny --subjects 1 --seed 3 -o sim
expect 0 nsd-extract algonauts sim --subject 1 --size 64 -o s1.h5
common=(s1.h5 --hemi lh --roi V1v --min-voxels 5 --batch 32 --threads 2 --seed 5 -q)
export SOURCE_DATE_EPOCH=1700000000

expect 0 cl-finetune "${common[@]}" --epochs 4 -o a.h5 --loss-curve a.tsv
expect 0 cortune-info a.h5
[ "$(wc -l < a.tsv)" = 5 ] || fail "loss curve has $(wc -l < a.tsv) lines"
awk 'NR == 2 { first = $2 } END { exit !($2 < first) }' a.tsv || fail "the loss did not fall"

# The same command gives the same bytes; another seed does not.
expect 0 cl-finetune "${common[@]}" --epochs 4 -o a.h5 --loss-curve a.tsv --overwrite
cp a.h5 again.h5
expect 0 cl-finetune "${common[@]}" --epochs 4 -o a.h5 --loss-curve a.tsv --overwrite
cmp a.h5 again.h5 || fail "two equal runs differ"

# Stopped after two epochs and resumed: the same network, bit for bit.
tuned=(backbone heads history)
expect 0 cl-finetune "${common[@]}" --epochs 2 --checkpoint run.ckpt -o half.h5
expect 0 cl-finetune "${common[@]}" --epochs 4 --checkpoint run.ckpt --resume -o resumed.h5
same_data a.h5 resumed.h5 "${tuned[@]}" || fail "a resumed run differs from an unbroken one"
expect 3 cl-finetune "${common[@]}" --epochs 4 --lr 1e-3 --checkpoint run.ckpt --resume -o other.h5
says 'this checkpoint is of a run with lr'
expect 3 ridge-encode s1.h5 run.ckpt -o enc.h5 # a checkpoint is no model
says "kind 'checkpoint'"

# Streaming from the file and holding the pictures are the same.
expect 0 cl-finetune "${common[@]}" --epochs 4 --memory 1K -o streamed.h5
same_data a.h5 streamed.h5 "${tuned[@]}" || fail "streamed pictures give another network"

# A frozen module stays, the others move.
expect 0 cl-finetune "${common[@]}" --epochs 4 --freeze features -o frozen.h5
start=$CORTUNE_SOURCE/share/models/alexnet-mini.h5
same_data "$start" frozen.h5 backbone/features.0.weight || fail "frozen weights moved"
same_data "$start" frozen.h5 backbone/classifier.6.weight 2> /dev/null && fail "free weights stayed"

for loss in clip mse; do expect 0 cl-finetune "${common[@]}" --epochs 4 --loss $loss -o $loss.h5; done
expect 0 cl-finetune "${common[@]}" --epochs 4 --precision bfloat16 -o bf16.h5
expect 0 cl-finetune "${common[@]}" --patience 1 --epochs 6 --validation-share .2 --loss-curve p.tsv -o patient.h5
awk 'NR > 1 && $3 == "nan" { exit 1 }' p.tsv || fail "no validation loss"

# Divergence: exit 1, the checkpoint stays, no model.
expect 1 cl-finetune "${common[@]}" --epochs 4 --loss mse --lr 1e18 --checkpoint div.ckpt -o div.h5
says 'the loss is'
absent div.h5

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
absent int.h5 x.h5
[ -e int.ckpt ] || fail "the checkpoint is gone"
no_parts
