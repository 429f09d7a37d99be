#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# proxima beside a llama-bench binary (llama.cpp or a fork of it), in turns on the same weights, so that what else the
# machine does falls on both alike. For every test one run of each a round; then the medians, the median of the rounds'
# ratios with its spread, and the share of this machine's limit that proxima reached, measured in the same rounds.
set -euo pipefail

usage() {
  cat <<'TEXT'
usage: compare.sh -m HF_FOLDER -g MODEL.gguf -b LLAMA_BENCH [-p 512,8192] [-n 32] [-d 0,4096,8192] [-t 2] [-r 5] [-- FLAGS]
  -m  Hugging Face folder             -g  the same weights as GGUF
  -b  the other program's llama-bench
  -p  lengths of prompts to read      -n  tokens to generate behind each number of tokens of -d; 0 for none
  -t  threads                         -r  rounds
  FLAGS go to llama-bench (default: -fa 1 -ctk bf16 -ctv bf16)
The environment variable PROXIMA names the program to measure (default: build/apps/proxima beside this folder).
TEXT
  exit 2
}

prompts=512,8192 n_gen=32 depths=0,4096,8192 threads=2 rounds=5
hf='' gguf='' other=''
while getopts "m:g:b:p:n:d:t:r:h" flag; do
  case $flag in
    m) hf=$OPTARG ;; g) gguf=$OPTARG ;; b) other=$OPTARG ;; p) prompts=$OPTARG ;; n) n_gen=$OPTARG ;;
    d) depths=$OPTARG ;; t) threads=$OPTARG ;; r) rounds=$OPTARG ;; *) usage ;;
  esac
done
shift $((OPTIND - 1))
[[ -n $hf && -n $gguf && -n $other ]] || usage
other_flags=("$@")
[[ ${#other_flags[@]} -gt 0 ]] || other_flags=(-fa 1 -ctk bf16 -ctv bf16)
unset OMP_WAIT_POLICY  # passive waiting halves the speed of short steps
proxima=${PROXIMA:-$(dirname "$0")/../build/apps/proxima}

# llama.cpp generates at a depth with -d; forks that left it earlier read a prompt first with -gp.
if "$other" --help 2>&1 | grep -q -e '--n-depth'; then at_depth() { echo "-n $2 -d $1"; }
else at_depth() { if [[ $1 == 0 ]]; then echo "-n $2"; else echo "-n 0 -gp $1,$2"; fi; }; fi

# Of CSV: the last row's field of that name; no field of ours holds a comma before it.
field() { awk -v name="$1" -F'","|",|,"|,' 'NR == 1 { for (i = 1; i <= NF; ++i) { gsub(/"/, "", $i); if ($i == name) at = NF - i } }
  NR > 1 { value = $(NF - at) } END { gsub(/"/, "", value); print value }'; }

results=$(mktemp -d)
trap 'rm -rf "$results"' EXIT

# one_round LABEL "OUR TEST FLAGS" "THEIR TEST FLAGS": appends "ours theirs share" to the label's file.
one_round() {
  local ours theirs
  # shellcheck disable=SC2086
  ours=$("$proxima" bench -q -m "$hf" -t "$threads" -r 1 -o csv $2)
  # shellcheck disable=SC2086
  theirs=$("$other" -m "$gguf" -t "$threads" -r 1 -o csv "${other_flags[@]}" $3 2>"$results/errors" | grep -v '^[^"b]') ||
    { cat "$results/errors" >&2; exit 1; }
  echo "$(field median_ts <<<"$ours") $(field avg_ts <<<"$theirs") $(field limit_share <<<"$ours")" >>"$results/$1"
}

labels=()
for ((round = 1; round <= rounds; ++round)); do
  labels=()
  for p in ${prompts//,/ }; do
    [[ $p == 0 ]] && continue
    one_round "pp$p" "-p $p -n 0" "-p $p -n 0"
    labels+=("pp$p")
  done
  for d in ${depths//,/ }; do
    [[ $n_gen == 0 ]] && continue
    one_round "tg$n_gen@d$d" "-p 0 -n $n_gen -d $d" "-p 0 $(at_depth "$d" "$n_gen")"
    labels+=("tg$n_gen@d$d")
  done
  echo "round $round of $rounds" >&2
done

# median COLUMN-EXPRESSION FILE
sorted() { awk "{ print $1 }" "$2" | sort -g; }
median() { sorted "$1" "$2" | awk '{ v[NR] = $1 } END { print NR % 2 ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2 }'; }
echo "| test | proxima t/s | other t/s | ratio | lowest to highest | of this machine's limit |"
echo "| --- | ---: | ---: | ---: | --- | ---: |"
for label in "${labels[@]}"; do
  file=$results/$label
  printf '| %s | %.1f | %.1f | %.2f | %.2f to %.2f | %.0f %% |\n' "${label/@/ @ }" "$(median '$1' "$file")" \
    "$(median '$2' "$file")" "$(median '$1 / $2' "$file")" "$(sorted '$1 / $2' "$file" | head -1)" \
    "$(sorted '$1 / $2' "$file" | tail -1)" "$(median '100 * $3' "$file")"
done
