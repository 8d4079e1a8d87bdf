# SPDX-License-Identifier: BSD-3-Clause
# examples/quickstart on the smallest preset: the chain that make -n shows, the tables of the
# three protocols, and what a second make and another seed do.
. "$CORTUNE_SOURCE/tests/support/tool_test.sh"

quick=(make --no-print-directory -C "$CORTUNE_SOURCE/examples/quickstart" BIN="$CORTUNE_BIN" OUT="$PWD/out" PRESET="tiny --images 300" EPOCHS=2 ROIS=V1v)
expect 0 "${quick[@]}" -n
for tool in nsd-simulate nsd-extract cl-finetune ridge-encode encode-eval; do prints "$tool"; done
absent out
expect 0 "${quick[@]}" -j2
for text in '== held-out' '== paper' '== train-cv' contrastive regression; do prints "$text"; done
[ "$(grep -c 'contrastive' stdout)" -ge 6 ] || fail "the tables lack rows"
awk '$1 == "==" { optimistic = $2 != "held-out" } /contrastive/ && $1 ~ /^subj/ && ($NF == "yes") != optimistic { exit 1 }' stdout \
    || fail "the marks of the protocols are wrong"
expect 0 "${quick[@]}"
grep -qE '^(cl-finetune|ridge-encode|encode-eval)' stdout && fail "a second make computes again"
expect 0 "${quick[@]}" -n
grep -q nsd-simulate stdout && fail "make -n would do what is done"
expect 0 "${quick[@]}" -q "$PWD/out/held-out.tsv"
expect 1 "${quick[@]}" -q "$PWD/out/held-out.tsv" EPOCHS=3 # another number of epochs is another run
expect 0 "${quick[@]}" EPOCHS=3 -n
prints cl-finetune
expect 0 "${quick[@]}" -q "$PWD/out/held-out.tsv" # which has not begun
no_parts
