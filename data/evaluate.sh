#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# What each cache costs the model of data/toy: what explore.sh finds, the needle heatmap data/figures/needle.svg, and two tables, one with every cache
# at the bytes of PoD (CLA at its own, Quest keeps everything), one at 10 % of a dense cache for those that can.
# usage: data/evaluate.sh [PROGRAM] [FOLDER]   (some minutes; with the same folder it goes on where it was interrupted)
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
program=$(realpath "${1:-$root/build/apps/proxima}")
folder=$(realpath -m "${2:-$(mktemp -d)}")
mkdir -p "$folder" "$root/data/figures"
cd "$root/data"
export PROXIMA_MODEL=$root/data/toy PROXIMA_STYLE=toy

"$root/data/explore.sh" "$program" "$folder"  # its maps and pictures first
js=$folder/js.json
kld=$folder/kld.json

"$program" eval needle --lengths 256:640:128 --depths 0:100:20 --repeats 6 -n 8 -q --cache dense \
  --also "pod-js=pod:map=$js" --also "pod-kld=pod:map=$kld" --also window=window:ns=4,kv-budget=67% \
  --trained-length 640 --svg figures/needle.svg -o "$folder/needle.jsonl"

table() { # caches...
  local each flags=()
  for each in "$@"; do flags+=(--cache "$each"); done
  "$program" eval table -f explore/prose.txt --length 640 --windows 6 --forced 64 --lengths 384,640 --depths 0:100:20 \
    --repeats 4 -n 8 -q "${flags[@]}" -o "$folder/table-$#.jsonl"
}
printf '\nat the bytes of PoD\n\n'
table dense "pod-js=pod:map=$js" "pod-kld=pod:map=$kld" window=window:ns=4,kv-budget=67% \
  lm-infinite=lm-infinite:ns=4,kv-budget=67% h2o=h2o:kv-budget=67% snapkv=snapkv:kv-budget=67% \
  pyramidkv=pyramidkv:kv-budget=67% quest=quest:kv-budget=256 cla=cla
printf '\nat 10 %% of a dense cache\n\n'
table dense window=window:ns=4,kv-budget=10% lm-infinite=lm-infinite:ns=4,kv-budget=10% h2o=h2o:kv-budget=10% \
  snapkv=snapkv:observe=16,kv-budget=10% pyramidkv=pyramidkv:observe=16,kv-budget=10% \
  "pod+h2o=pod+h2o:map=$kld,kv-budget=10%" "pod+snapkv=pod+snapkv:map=$kld,observe=16,kv-budget=10%" \
  "pod+pyramidkv=pod+pyramidkv:map=$kld,observe=16,kv-budget=10%"
