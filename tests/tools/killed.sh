# SPDX-License-Identifier: BSD-3-Clause
# kill -9 at twenty moments of each kind of run: what is there afterwards under the
# output's name is whole, and what is unfinished is refused.
. "$CORTUNE_SOURCE/tests/support/tool_test.sh"

expect 0 nsd-simulate --preset tiny --subjects 1 --seed 3 -o sim
expect 0 nsd-extract algonauts sim --subject 1 --size 64 -o s1.h5

# killed NAME COMMAND…: times an unbroken run, then cuts it at k/20 of that.
killed() {
    local out=$1 start whole
    shift
    start=$(date +%s%N)
    expect 0 "$@" -o "$out"
    whole=$(($(date +%s%N) - start))
    for k in $(seq 1 20); do
        rm -f "$out"
        "$@" -o "$out" > /dev/null 2>&1 &
        local pid=$!
        sleep "$(awk -v t=$whole -v k="$k" 'BEGIN { print t / 1e9 * k / 20 }')"
        kill -9 $pid 2> /dev/null
        wait $pid 2> /dev/null
        if [ -e "$out" ]; then expect 0 cortune-info "$out"; fi
        for part in .*.part; do
            [ -e "$part" ] || continue
            # Refused, or (killed between its last byte and its new name) whole.
            cortune-info "$part" > stdout 2> stderr || [ $? = 3 ] || fail "$part: neither refused nor whole"
            rm -f "$part"
        done
    done
}
killed extracted.h5 nsd-extract algonauts sim --subject 1 --size 64 -q
killed tuned.h5 cl-finetune s1.h5 --hemi lh --roi V1v --min-voxels 5 --epochs 2 --batch 32 -q
killed encoded.h5 ridge-encode s1.h5 --hemi lh --roi V1v --min-voxels 5 -q --save-weights
