# SPDX-License-Identifier: BSD-3-Clause
# kill -9 at many moments of each kind of run: what is there afterwards under the output's
# name is whole, and part files are refused.
export SOURCE_DATE_EPOCH=1700000000
. "$CORTUNE_SOURCE/tests/support/tool_test.sh"

expect 0 nsd-simulate --preset tiny --subjects 1 --seed 3 -o sim
expect 0 nsd-extract algonauts sim --subject 1 --size 64 -o s1.h5

# killed MOMENTS NAME COMMAND…: times an unbroken run, then cuts others short.
killed() {
    local half=$(($1 / 2)) out=$2 start whole
    shift 2
    start=$(date +%s%N)
    expect 0 "$@" -o "$out"
    whole=$(($(date +%s%N) - start))
    mv "$out" "$out.whole"
    # Half of the moments are of the whole run, half of the time that the part file is there.
    for k in $(seq 1 $((2 * half))); do
        rm -f "$out"
        "$@" -o "$out" > /dev/null 2>&1 &
        local pid=$!
        if [ "$k" -le $half ]; then
            sleep "$(awk -v t=$whole -v k="$k" -v n=$half 'BEGIN { print t / 1e9 * k / n }')"
        else
            until compgen -G '.*.part' > /dev/null || ! kill -0 $pid 2> /dev/null; do read -rt .005 <> <(:); done
            sleep "$(awk -v k=$((k - half - 1)) -v n=$half 'BEGIN { print k / n / 50 }')"
        fi
        kill -9 $pid 2> /dev/null
        wait $pid 2> /dev/null
        if [ -e "$out" ]; then
            expect 0 cortune-info "$out"
            # An earlier epoch's checkpoint is whole, too.
            [ "$out" = state.ckpt ] || cmp "$out" "$out.whole" || fail "$out is not what an unbroken run writes"
        fi
        [ ! -e also.h5 ] || expect 0 cortune-info also.h5
        for part in .*.part; do
            [ -e "$part" ] || continue
            expect 3 cortune-info "$part"
            says 'part file'
            rm -f "$part"
        done
    done
}
# A tuning whose checkpoint is what counts.
cat > checkpointed << 'SH'
#!/bin/sh
exec cl-finetune s1.h5 --hemi lh --roi V1v --min-voxels 5 --epochs 3 --batch 32 -q --overwrite -o t.h5 --checkpoint "$2"
SH
chmod +x checkpointed
killed 12 extracted.h5 nsd-extract algonauts sim --subject 1 --size 64 -q
killed 20 tuned.h5 cl-finetune s1.h5 --hemi lh --roi V1v --min-voxels 5 --epochs 2 --batch 32 -q
killed 12 state.ckpt ./checkpointed
killed 20 encoded.h5 ridge-encode s1.h5 --hemi lh --roi V1v --min-voxels 5 -q --save-weights --also train-cv=also.h5 --overwrite
killed 12 evaluated.h5 encode-eval encoded.h5.whole -q
