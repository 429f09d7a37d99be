#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# From a fresh Debian 12 to answers: installs what is needed, builds, and asks the bundled demo models for notes, in a
# short sample and in the GNU GPL: with the dense KV cache, with PoD, and with a window of PoD's size. With --long it
# then reads the GPL through a model of SmolLM2-135M's shape with random weights, to show what length costs.
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

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
results=$work/results

# field NAME <JSON: the value of a member of a one-line JSON object.
field() { sed -n "s/.*\"$1\":\"\{0,1\}\([^,\"}]*\).*/\1/p"; }

# record LABEL <JSON: one line of the table's data.
record() {
  local json
  json=$(cat)
  echo "$1 $(field logical_bytes <<<"$json") $(field dense_bytes <<<"$json") $(field prompt_n <<<"$json")" \
    "$(field prompt_ms <<<"$json") $(field predicted_n <<<"$json") $(field predicted_ms <<<"$json")" >>"$results"
}

table() {
  awk '
    BEGIN { printf "%-18s %14s %8s %16s %16s\n", "cache", "KV bytes", "saved", "prompt tokens/s", "answer tokens/s" }
    { printf "%-18s %14d %6.1f %% %16.0f %16.0f\n", $1, $2, 100 * (1 - $2 / $3), 1000 * $4 / $5, 1000 * $6 / $7 }
    ' "$results"
}

text=/usr/share/common-licenses/GPL-3
adapted=(-m data/demo-adapted --cache pod --map data/demo-adapted/map.json)

# answer SAMPLE QUESTION TOKENS [FLAGS]
answer() { "$proxima" run -q -f "data/samples/$1.txt" -p "$2" -n "$3" "${@:4}"; }

echo
echo "The demo models have 6.3 million parameters and know one thing: to find notes again. Short documents first."
for name in "amber lantern" "old ferry" "quiet harbour"; do
  question="What is the number of the $name?"
  echo "$question  dense: $(answer workshop "$question" 8)  PoD: $(answer workshop "$question" 8 "${adapted[@]}")"
done
echo "A digest, dense: $(answer lighthouse "List all notes." 100)"
echo "A digest, PoD:   $(answer lighthouse "List all notes." 100 "${adapted[@]}")"

echo
echo "Then 8192 tokens of the GNU GPL with eleven notes, each asked for: answers right by depth, in per cent."
mkdir "$work/texts"
awk -v RS= '{ gsub(/[ \n]+/, " "); sub(/^ /, ""); print $0 "\n" }' "$text" >"$work/texts/gpl.txt"  # a line a paragraph
ask=(eval needle -q --style note --haystack "$work/texts" --lengths 8k --facts 11 -n 6)
"$proxima" "${ask[@]}" -m data/demo --also window=window:ns=16,kv-budget=65%
"$proxima" "${ask[@]}" "${adapted[@]}"
[ "$long" = true ] || exit 0

folder=data/generated/random-smollm2-135m
echo
echo "A model of SmolLM2-135M's shape with RANDOM weights reads $text: what it costs is real, what it says is not."
[ -f "$folder/config.json" ] || "$proxima" synth -o "$folder" --learn "$text"
caches=("dense|--cache dense" "pod:5-layer-blocks|--cache pod --pod-uniform 5 --ns 16 --nr 1008")
"$proxima" plan -m "$folder" -f "$text" -n 32 --cache pod --pod-uniform 5 --ns 16 --nr 1008
for cache in "${caches[@]}"; do
  read -r -a flags <<<"${cache#*|}"
  "$proxima" summarize --json -m "$folder" -f "$text" -n 32 "${flags[@]}" | record "${cache%%|*}"
done
echo
table
