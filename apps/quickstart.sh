#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# From a fresh Debian 12 to answers: installs what is needed, builds, and asks the bundled demo model about the sample
# documents, with the dense KV cache and with PoD. With --long it then reads the GNU GPL through a model of
# SmolLM2-135M's shape with random weights, to show what length costs.
set -euo pipefail
cd "$(dirname "$0")/.."

long=false
case "${1:-}" in
  "") ;;
  --long) long=true ;;
  *)
    echo "usage: bash apps/quickstart.sh [--long]" >&2
    exit 2
    ;;
esac

# shellcheck source=cmake/packages.sh
. cmake/packages.sh
install_packages "${build_packages[@]}"
cmake --preset release -DPROXIMA_TESTS=OFF -DPROXIMA_BENCHMARKS=OFF >build.log 2>&1 || { cat build.log; exit 1; }
echo "building ..."
cmake --build --preset release --target proxima >build.log 2>&1 || { cat build.log; exit 1; }
rm -f build.log
proxima=build/apps/proxima
"$proxima" --version

results=$(mktemp)
trap 'rm -f "$results"' EXIT

# field NAME <JSON: the value of a member of a one-line JSON object.
field() { sed -n "s/.*\"$1\":\"\{0,1\}\([^,\"}]*\).*/\1/p"; }

# record LABEL ANSWER_IS_RIGHT <JSON: one line of the table's data.
record() {
  local json
  json=$(cat)
  echo "$1 $2 $(field logical_bytes <<<"$json") $(field dense_bytes <<<"$json") $(field prompt_n <<<"$json")" \
    "$(field prompt_ms <<<"$json") $(field predicted_n <<<"$json") $(field predicted_ms <<<"$json")" >>"$results"
}

table() {
  awk -v columns="$1" '
    BEGIN { printf "%-18s %14s %8s %16s %16s %s\n", "cache", "KV bytes", "saved", "prompt tokens/s", "answer tokens/s", columns }
    !($1 in kv) { order[++n] = $1 }
    { right[$1] += $2; runs[$1]++; kv[$1] += $3; dense[$1] += $4; pn[$1] += $5; pms[$1] += $6; an[$1] += $7; ams[$1] += $8 }
    END {
      for (i = 1; i <= n; i++) {
        c = order[i]
        printf "%-18s %14d %6.1f %% %16.0f %16.0f %s\n", c, kv[c], 100 * (1 - kv[c] / dense[c]), 1000 * pn[c] / pms[c],
          1000 * an[c] / ams[c], columns == "" ? "" : right[c] " of " runs[c]
      }
    }' "$results"
}

caches=("dense|--cache dense" "pod:map-damage|--cache pod --map data/demo/map-damage.json"
  "pod:map-uniform|--cache pod --map data/demo/map-uniform.json")
questions=("harbour Selo 5283." "orchard Bodi 1647." "railway Rano 9012.")

echo
echo "The demo model, a toy of 1.6 million parameters, looks up the number planted in each sample document."
for question in "${questions[@]}"; do
  read -r document name expected <<<"$question"
  for cache in "${caches[@]}"; do
    read -r -a flags <<<"${cache#*|}"
    json=$("$proxima" run -q --json -f "data/samples/$document.txt" -e -p "Question: $name?\nAnswer: $name " -n 16 \
      "${flags[@]}")
    answer=$(field text <<<"$json")
    if [ "$answer" = "$expected" ]; then verdict=right; else verdict="wrong, it is $expected"; fi
    printf '%-8s %-6s %-16s %-8s %s\n' "$document" "$name?" "${cache%%|*}" "$answer" "$verdict"
    record "${cache%%|*}" "$([ "$verdict" = right ] && echo 1 || echo 0)" <<<"$json"
  done
done
echo
table right
[ "$long" = true ] || exit 0

text=/usr/share/common-licenses/GPL-3
folder=data/generated/random-smollm2-135m
echo
echo "A model of SmolLM2-135M's shape with RANDOM weights reads $text: what it costs is real, what it says is not."
[ -f "$folder/config.json" ] || "$proxima" synth -o "$folder" --learn "$text"
caches=("dense|--cache dense" "pod:5-layer-blocks|--cache pod --pod-uniform 5 --ns 16 --nr 1008")
"$proxima" plan -m "$folder" -f "$text" -n 32 --cache pod --pod-uniform 5 --ns 16 --nr 1008
: >"$results"
for cache in "${caches[@]}"; do
  read -r -a flags <<<"${cache#*|}"
  "$proxima" summarize --json -m "$folder" -f "$text" -n 32 "${flags[@]}" | record "${cache%%|*}" 0
done
echo
table ""
