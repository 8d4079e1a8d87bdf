# SPDX-License-Identifier: BSD-3-Clause
# Sourced by the scripts in tests/tools: a scratch folder that goes away, and checks.
set -uo pipefail
PATH="$CORTUNE_BIN:$PATH"
export PYTHONPATH="$CORTUNE_SOURCE/tests/support"
work=$(mktemp -d)
trap 'chmod -R u+w "$work" 2> /dev/null; rm -rf "$work"' EXIT
cd "$work" || exit 1

fail() { echo "FAILED: $*" >&2; exit 1; }

# expect CODE COMMAND…: runs it, keeps stdout and stderr, demands the exit code.
expect() {
    local code=$1 got=0
    shift
    "$@" > stdout 2> stderr || got=$?
    [ "$got" = "$code" ] || { cat stderr >&2; fail "exit $got, expected $code: $*"; }
}
# says TEXT: the last command's stderr has it.
says() { grep -qF -- "$1" stderr || { cat stderr >&2; fail "stderr lacks: $1"; }; }
prints() { grep -qF -- "$1" stdout || { cat stdout >&2; fail "stdout lacks: $1"; }; }
absent() { for f in "$@"; do [ ! -e "$f" ] || fail "$f was left behind"; done; }
no_parts() { [ -z "$(find . -name '*.part')" ] || fail "left behind: $(find . -name '*.part')"; }
# same_data A B PATH…: the data sets have the same bytes.
same_data() { /usr/bin/python3 "$CORTUNE_SOURCE/tests/support/same_data.py" "$@"; }
