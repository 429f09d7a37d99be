#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# How far the logits of a precision are from those of f64, at several depths: the mean squared error of 16 positions
# before each depth, relative to the mean square, and how often both have the same most probable token.
set -euo pipefail

usage() {
  cat <<'TEXT'
usage: error.sh -m HF_FOLDER [-d 512,4096,8192] [-- FLAGS]
  -m  Hugging Face folder; it reads random tokens
  -d  depths: numbers of tokens read, 16 or more
  FLAGS go to the run that is judged (default: --precision fast)
The environment variable PROXIMA names the program (default: build/apps/proxima beside this folder).
TEXT
  exit 2
}

depths=512,4096,8192 model=''
while getopts "m:d:h" flag; do
  case $flag in
    m) model=$OPTARG ;; d) depths=$OPTARG ;; *) usage ;;
  esac
done
shift $((OPTIND - 1))
[[ -n $model ]] || usage
judged=("$@")
[[ ${#judged[@]} -gt 0 ]] || judged=(--precision fast)
proxima=${PROXIMA:-$(dirname "$0")/../build/apps/proxima}

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
vocab=$(sed -n 's/.*"vocab_size": *\([0-9]*\).*/\1/p' "$model/config.json" | head -n 1)

echo "| depth | NMSE | same top |"
echo "| --- | --- | --- |"
for depth in ${depths//,/ }; do
  awk -v n="$depth" -v vocab="$vocab" 'BEGIN { srand(1); printf "["
    for (i = 0; i < n; ++i) printf "%s%d", i ? "," : "", int(rand() * vocab); print "]" }' >"$folder/ids.json"
  dump=("$proxima" dump -q -m "$model" --ids "$folder/ids.json" --points logits --tokens "$((depth - 16)):$depth")
  "${dump[@]}" --precision f64 -o "$folder/exact"
  "${dump[@]}" "${judged[@]}" -o "$folder/judged"
  "$proxima" compare "$folder/exact" "$folder/judged" --nmse 1 --json |
    awk -v depth="$depth" -F'[:,]' '/"nmse"/ { nmse = $2 } /"top1"/ { top = $2 }
      END { printf "| %d | %.1e | %.0f %% |\n", depth, nmse, 100 * top }'
done
