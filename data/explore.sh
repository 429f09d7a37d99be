#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Explores the model of data/toy by all three methods on the texts and questions of data/explore, writes the pictures of
# data/figures and the tables and maps to a folder, and asks the questions of data/toy/samples with each map.
# usage: data/explore.sh [PROGRAM] [FOLDER]   (a few minutes)
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
program=$(realpath "${1:-$root/build/apps/proxima}")
folder=${2:-$(mktemp -d)}
mkdir -p "$folder" "$root/data/figures"
cd "$root/data"
export PROXIMA_MODEL=$root/data/toy

common=(--text explore/prose.txt --task explore/tasks.jsonl --length 512 --ns 4 --nr 64 --target-saving 30% -q --restart)
"$program" explore "${common[@]}" --by js --scope full --measure 14 -o "$folder/js.json"
"$program" explore "${common[@]}" --by local --measure 14 -o "$folder/local.json"
"$program" explore "${common[@]}" --by kld --whole-curve -o "$folder/kld.json"
for by in js local kld; do cp "$folder/$by.curve.svg" "figures/explore-$by.svg"; done
cp "$folder/js.similarity.svg" figures/explore-similarity.svg

ask() { # document name arguments...
  "$program" run -q -n 8 -f "toy/samples/$1.txt" -e -p "Question: $2?\nAnswer: $2 " "${@:3}"
}
for by in dense js local kld; do
  cache=()
  [ "$by" = dense ] || cache=(--cache pod --map "$folder/$by.json")
  printf '%-6s harbour %s  orchard %s  railway %s\n' "$by" "$(ask harbour Selo "${cache[@]}")" \
    "$(ask orchard Bodi "${cache[@]}")" "$(ask railway Rano "${cache[@]}")"
done
echo "expected: harbour 5283.  orchard 1647.  railway 9012.   maps and tables: $folder"
