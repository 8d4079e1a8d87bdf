# SPDX-License-Identifier: BSD-3-Clause
# The house stands as the README draws it: includes point downward, tools that need no tensors
# load none, and an installed tree works from where it was put.
. "$CORTUNE_SOURCE/tests/support/tool_test.sh"

# Modules by floor; one includes lower floors and itself. Nothing includes cli but tools.
floors=("core" "h5 linalg" "images formats weights stats" "datasets encode features landscape salience" "surface probe" "report" "study" "nn" "train" "engine")
declare -A floor
for i in "${!floors[@]}"; do for module in ${floors[$i]}; do floor[$module]=$i; done; done
floor[cli]=10  # may bind the options of any module
for folder in "$CORTUNE_SOURCE"/lib/*/; do
    module=$(basename "$folder")
    [ -n "${floor[$module]:-}" ] || fail "lib/$module has no floor"
    for other in $(grep -rhoE '#include "[a-z0-9]+/' "$folder" | grep -oE '[a-z0-9]+/$' | tr -d / | sort -u); do
        [ "$other" = "$module" ] && continue
        [ "$other" != cli ] || fail "lib/$module includes cli"
        [ "${floor[$other]:-99}" -lt "${floor[$module]}" ] || fail "lib/$module includes $other, which is not below it"
    done
done

# LibTorch is opened when a run needs it, and by tools that compute with it alone.
for tool in "$CORTUNE_SOURCE"/tools/*.cpp; do
    name=$(basename "$tool" .cpp)
    ldd "$CORTUNE_BIN/$name" | grep -q 'libtorch' && fail "$name is linked against LibTorch"
done

# Installed somewhere else, tools find their libraries, engine, schemas and backbone.
cmake --install "$(dirname "$CORTUNE_BIN")" --prefix "$work/usr" > install.log || { cat install.log; fail "cmake --install"; }
PATH="$work/usr/bin:${PATH#*:}"
[ "$(command -v nsd-simulate)" = "$work/usr/bin/nsd-simulate" ] || fail "not the installed tool"
expect 0 nsd-simulate --preset tiny --seed 2 -o sim
expect 0 nsd-extract algonauts sim --subject 1 --size 64 -o s1.h5
expect 0 cortune-info s1.h5 # reads the schema
expect 0 cl-finetune s1.h5 --hemi lh --roi V1v --epochs 1 -o v1v.h5 # opens the engine and the shipped backbone
cortune-info v1v.h5 --json > info.json
ldd "$work/usr/bin/cl-finetune" | grep libcortune | grep -q "$work/usr" || fail "the library of the build tree was taken"
for file in share/man/man1/nsd-extract.1 share/man/man5/cortune.5 share/bash-completion/completions/cl-finetune \
            share/zsh/site-functions/_cl-finetune share/fish/vendor_completions.d/cl-finetune.fish share/cortune/models/alexnet-mini.h5; do
    [ -s "usr/$file" ] || fail "not installed: $file"
done
