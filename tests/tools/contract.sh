# SPDX-License-Identifier: BSD-3-Clause
# The file contract under stress: a full disk, kill -9, signals, streams that are closed.
. "$CORTUNE_SOURCE/tests/support/tool_test.sh"

/usr/bin/python3 "$CORTUNE_SOURCE/tests/support/mini_weights.py" mini.safetensors
expect 0 model-convert mini.safetensors -o whole.h5
expect 0 model-convert mini.safetensors --to safetensors -o whole.st
size=$(stat -c %s whole.st)

# A disk that fills up after any number of blocks (1 KiB each): exit 4, nothing left. The
# limit holds for the file behind stderr, too, so messages go through a pipe.
on_disk_of() {
    local blocks=$1
    shift
    (ulimit -f "$blocks" && exec "$@") 2>&1 | cat >&2
    return "${PIPESTATUS[0]}"
}
for blocks in 0 1 2 7 100 $((size / 2048)) $((size / 1024 - 1)); do
    for to in cortune safetensors; do
        expect 4 on_disk_of "$blocks" model-convert mini.safetensors --to "$to" -o full.out
        says 'cannot be written'
        absent full.out
        no_parts
    done
done
# A real one, where a small file system may be mounted.
mkdir small
if [ "$(id -u)" = 0 ] && mount -t tmpfs -o size=256k none small 2> /dev/null; then
    for to in cortune safetensors; do
        got=0
        model-convert mini.safetensors --to "$to" -o small/full.out 2> stderr || got=$?
        [ $got = 4 ] || { umount small; cat stderr; fail "exit $got on a full disk"; }
        says 'No space left'
        [ -z "$(ls -A small)" ] || { umount small; fail "left on the full disk"; }
    done
    # A raw NSD is written by HDF5, which crashes on a full disk unless it is kept from it.
    got=0
    nsd-simulate --layout nsd --preset tiny -o small/sim > stdout 2> stderr || got=$?
    [ $got = 4 ] || { umount small; cat stderr; fail "exit $got of a simulation on a full disk"; }
    [ -z "$(ls -A small)" ] || { umount small; fail "left on the full disk"; }
    umount small
fi
# The old file survives a failed replacement.
cp whole.h5 old.h5
expect 4 on_disk_of 100 model-convert mini.safetensors -o old.h5 --overwrite
cmp whole.h5 old.h5 || fail "a failed run damaged the old file"

# kill -9 at twenty moments of a run: what is there under the name is whole, or is not there.
start=$(date +%s%N)
expect 0 model-convert mini.safetensors -q -o unbroken.h5
whole=$(($(date +%s%N) - start))
for moment in $(seq 20); do
    rm -f .killed* killed.h5
    model-convert mini.safetensors -o killed.h5 2> /dev/null &
    job=$!
    sleep "$(awk "BEGIN { print $moment * $whole / 18e9 }")"
    kill -9 $job 2> /dev/null
    wait $job 2> /dev/null
    [ ! -e killed.h5 ] || cortune-info killed.h5 > /dev/null 2>&1 || fail "killed at moment $moment: an unfit file has the name"
    for part in .killed*.part; do
        [ ! -e "$part" ] || ! model-convert "$part" -o accepted.h5 2> /dev/null || cmp -s <(h5dump -d /backbone/classifier.6.bias "$part" | tail -n +2) \
            <(h5dump -d /backbone/classifier.6.bias whole.h5 | tail -n +2) || fail "a partial file was accepted"
        rm -f accepted.h5
    done
done
rm -f .killed*

# A number of threads that is none.
CORTUNE_THREADS=two expect 2 ridge-encode whole.h5 -o none.h5
says "CORTUNE_THREADS: expected a whole number above 0, found 'two'"
CORTUNE_THREADS=two expect 0 cortune-info whole.h5
# What was meant as a value, and what is misspelt.
expect 2 model-convert mini.safetensors --to -o none.h5
says 'expected a value, found the option -o'
expect 2 model-convert mini.safetensors --image-sise 64 -o none.h5
says 'nearest: --image-size'

# Results that cannot be delivered are an error; messages that cannot are not.
expect 4 bash -c 'cortune-info whole.h5 > /dev/full'
expect 4 bash -c 'cortune-info --help > /dev/full'
expect 0 bash -c 'cortune-info whole.h5 2>&-'
# A reader that has seen enough is told nothing.
bash -c 'trap "" PIPE; { cortune-info --json whole.h5; echo $? > code; } | true' 2> stderr
[ "$(cat code)" = 0 ] || [ "$(cat code)" = 141 ] || fail "exit $(cat code) into a closed pipe"
grep -q 'cannot be written' stderr && fail "a closed pipe is called an error"
# What may not be read, and folders, are called so.
expect 3 cortune-info .
says 'is a folder'
if [ "$(id -u)" != 0 ]; then
    cp whole.h5 locked.h5 && chmod 000 locked.h5
    expect 3 cortune-info locked.h5
    says 'Permission denied'
fi
got=$(bash -c 'cortune-info --all whole.h5 2> /dev/null; echo $?' | tail -1)
[ "$got" = 0 ] || fail "exit $got"

# Every tool: --help and --version leave 0 and say their name; an unknown option is 2.
for tool in "$CORTUNE_SOURCE"/tools/*.cpp; do
    name=$(basename "$tool" .cpp)
    expect 0 "$name" --help
    prints "$name"
    [ ! -s stderr ] || fail "$name --help writes to stderr"
    expect 0 "$name" --version
    prints "$name (cortune)"
    expect 2 "$name" --no-such-option
    says "$name: error:"
    expect 2 "$name"
done

# Numbers that are none pass every check of a range: the one main refuses them, by name.
not_finite() {  # not_finite OPTION COMMAND…
    expect 2 "${@:2}"
    says "$1"
    absent out.h5
}
for value in nan -nan inf 1e999; do
    not_finite --test-share nsd-extract algonauts . --subject 1 -o out.h5 --test-share="$value"
    not_finite --lr cl-finetune whole.h5 --hemi lh --roi V1v -o out.h5 --lr="$value"
    not_finite --alphas ridge-encode whole.h5 -o out.h5 --alphas="1,$value,10"
    not_finite --weight-decay backbone-train . -o out.h5 --weight-decay="$value"
done
# Where a file is written, nothing but a file is replaced.
mkdir folder
mkfifo pipe
for target in folder pipe; do
    expect 4 model-convert mini.safetensors --to safetensors -o "$target" --overwrite
    { [ -d folder ] && [ -p pipe ]; } || fail "$target was replaced"
done
no_parts
