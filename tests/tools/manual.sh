# SPDX-License-Identifier: BSD-3-Clause
# Manual pages are sound roff, completions load, and both say what --help says.
. "$CORTUNE_SOURCE/tests/support/tool_test.sh"

# The date of a generated page would change with the day: it has none, and that is the one
# warning allowed.
lint() {
    mandoc -T lint -W warning "$1" > lint.out 2>&1
    ! grep -v 'missing date' lint.out || fail "$1"
}
lint "$CORTUNE_SOURCE/man/man5/cortune.5"
for tool in "$CORTUNE_SOURCE"/tools/*.cpp; do
    name=$(basename "$tool" .cpp)
    "$name" --manual > "$name.1" || fail "$name --manual"
    lint "$name.1"
    "$name" --manual | cmp - "$name.1" || fail "$name --manual differs from run to run"
    "$name" --completion bash > "$name.bash" || fail "$name --completion bash"
    bash -n "$name.bash" || fail "$name: its bash completion does not parse"
    # Every option of --help is in the manual and completes in bash.
    source "$name.bash"
    function=$(complete -p "$name" | sed 's/.* -F \([^ ]*\) .*/\1/')
    for option in $("$name" --help | grep -oE '^ +(-[a-z],)?--[a-z0-9-]+' | grep -oE -- '--[a-z0-9-]+'); do
        grep -qF -- "${option//-/\\-}" "$name.1" || fail "$name.1 lacks $option"
        COMP_WORDS=("$name" "$option") COMP_CWORD=1
        "$function"
        printf '%s\n' "${COMPREPLY[@]}" | grep -qxF -- "$option" || fail "$name does not complete $option"
    done
    "$name" --completion zsh | grep -q "#compdef $name" || fail "$name --completion zsh"
    "$name" --completion fish | grep -q "complete -c $name" || fail "$name --completion fish"
    # Flags do not swallow the next word.
    for flag in help version quiet; do
        "$name" --completion fish | grep -q -- "-l $flag -d " || fail "$name: --$flag takes a value in fish"
        "$name" --completion zsh | grep -q -- "'--$flag\[[^]]*\]'" || fail "$name: --$flag takes a value in zsh"
    done
done

# The pages that are committed come from docs.sh, which sees drift.
mkdir -p copy/share/setup copy/tools
cp "$CORTUNE_SOURCE/share/setup/docs.sh" copy/share/setup/
cp "$CORTUNE_SOURCE"/tools/*.cpp copy/tools/
expect 1 copy/share/setup/docs.sh --check "$CORTUNE_BIN"
expect 0 copy/share/setup/docs.sh "$CORTUNE_BIN"
expect 0 copy/share/setup/docs.sh --check "$CORTUNE_BIN"
echo drift >> copy/man/man1/cortune-info.1
expect 1 copy/share/setup/docs.sh --check "$CORTUNE_BIN"
prints '-drift'
