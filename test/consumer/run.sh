#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Installs into an empty prefix, builds the consumer against it out of the source tree, and compares its numbers with
# those of the installed program. usage: run.sh BUILD_DIR GENERATOR C_FLAGS
set -euo pipefail
build=$1 generator=$2 flags=$3
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cp -r "$(dirname "$0")" "$work/source"
cmake --install "$build" --prefix "$work/prefix" >/dev/null
demo=$work/prefix/share/proxima/demo
echo '[3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5, 8, 9, 7]' >"$work/ids.json"
"$work/prefix/bin/proxima" dump -m "$demo" --ids "$work/ids.json" --points 'logits,layers.1.k_rope' --precision f64 \
  --format npy -o "$work/dump"
cmake -G "$generator" -S "$work/source" -B "$work/build" -DCMAKE_PREFIX_PATH="$work/prefix" \
  -DCMAKE_C_FLAGS="-Wall -Wextra -Werror $flags"
cmake --build "$work/build"
"$work/build/consumer" "$demo" "$work/dump"
