#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Makes man/man1 and share/completions from the tools' own declarations.
#   share/setup/docs.sh BIN            rewrites them
#   share/setup/docs.sh --check BIN    only compares; exit 1 and a diff where they drifted
# BIN is the folder of the built tools.
set -euo pipefail
check=0
if [ "${1:-}" = --check ]; then
    check=1
    shift
fi
if [ $# != 1 ] || [ ! -d "$1" ]; then
    echo "usage: docs.sh [--check] BIN" >&2
    exit 2
fi
bin=$(cd "$1" && pwd)
root=$(cd "$(dirname "$0")/../.." && pwd)

fresh=$(mktemp -d)
trap 'rm -rf "$fresh"' EXIT
mkdir -p "$fresh"/man/man1 "$fresh"/share/completions/{bash,zsh,fish}
for source in "$root"/tools/*.cpp; do
    tool=$(basename "$source" .cpp)
    if [ ! -x "$bin/$tool" ]; then
        echo "docs: error: $bin/$tool is missing; build first" >&2
        exit 1
    fi
    "$bin/$tool" --manual > "$fresh/man/man1/$tool.1"
    "$bin/$tool" --completion bash > "$fresh/share/completions/bash/$tool"
    "$bin/$tool" --completion zsh > "$fresh/share/completions/zsh/_$tool"
    "$bin/$tool" --completion fish > "$fresh/share/completions/fish/$tool.fish"
done

drifted=0
for part in man/man1 share/completions; do
    if [ $check = 1 ]; then
        diff -ruN "$root/$part" "$fresh/$part" || drifted=1
    else
        # Pages of tools that are gone go, too.
        rm -rf "${root:?}/$part"
        mkdir -p "$(dirname "$root/$part")"
        cp -r "$fresh/$part" "$root/$part"
    fi
done
if [ $drifted = 1 ]; then
    echo "docs: error: the committed pages are not what the tools say; run share/setup/docs.sh $1" >&2
    exit 1
fi
