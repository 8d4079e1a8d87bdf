# SPDX-License-Identifier: BSD-3-Clause
# kill -9 at many moments of each kind of run: what is there afterwards under the output's
# name is whole, and part files are refused.
export SOURCE_DATE_EPOCH=1700000000
. "$CORTUNE_SOURCE/tests/support/tool_test.sh"

expect 0 nsd-simulate --preset tiny --subjects 1 --seed 3 -o sim
expect 0 nsd-extract algonauts sim --subject 1 --size 64 -o s1.h5

# killed NAME COMMAND…: times an unbroken run, then cuts others short.
killed() {
    local out=$1 start whole
    shift
    start=$(date +%s%N)
    expect 0 "$@" -o "$out"
    whole=$(($(date +%s%N) - start))
    mv "$out" "$out.whole"
    # At seven moments of the run, and at five while the part file is there.
    for k in $(seq 1 12); do
        rm -f "$out"
        "$@" -o "$out" > /dev/null 2>&1 &
        local pid=$!
        if [ "$k" -le 7 ]; then
            sleep "$(awk -v t=$whole -v k="$k" 'BEGIN { print t / 1e9 * k / 7 }')"
        else
            until compgen -G '.*.part' > /dev/null || ! kill -0 $pid 2> /dev/null; do read -rt .005 <> <(:); done
            sleep "$(awk -v k="$k" 'BEGIN { print (k - 8) / 250 }')"
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
killed extracted.h5 nsd-extract algonauts sim --subject 1 --size 64 -q
killed tuned.h5 cl-finetune s1.h5 --hemi lh --roi V1v --min-voxels 5 --epochs 2 --batch 32 -q
killed state.ckpt ./checkpointed
killed encoded.h5 ridge-encode s1.h5 --hemi lh --roi V1v --min-voxels 5 -q --save-weights --also train-cv=also.h5 --overwrite
killed evaluated.h5 encode-eval encoded.h5.whole -q
