#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Every test, from a fresh Debian 12: installs what is needed, then release build and all tests, the tests again without
# oneDNN and under the address and undefined-behaviour sanitizers, and a few seconds of every fuzzer.
set -euo pipefail
cd "$(dirname "$0")/.."

# shellcheck source=cmake/packages.sh
. cmake/packages.sh
install_packages "${build_packages[@]}" "${test_packages[@]}"

step() { printf '\n== %s (%ds)\n' "$1" "$SECONDS"; }

step "release: build"
cmake --preset release -DPROXIMA_TESTS=ON -DPROXIMA_BENCHMARKS=ON
cmake --build --preset release
step "release: tests"
ctest --preset release -j "$(nproc)"

step "sanitizers: build"
cmake --preset debug
cmake --build --preset debug
step "sanitizers: tests"
# Left out: long repetitions of what shorter tests run through, minutes each when sanitized.
ctest --preset debug -j "$(nproc)" \
  -E 'TheBitsOfARun|TheSameBitsOver|InterruptedAndResumed|EachMethodWrites|QuestionsToASaved|AKillWhileSaving'

step "fuzzers: build"
cmake --preset fuzz
cmake --build --preset fuzz
for source in test/fuzz/fuzz_*.cpp; do
  name=$(basename "$source" .cpp)
  step "fuzzers: $name"
  corpus=$(mktemp -d)
  "build-fuzz/test/fuzz/$name" -max_total_time=5 -seed=1 -verbosity=0 -print_final_stats=1 "$corpus" \
    "test/fuzz/seeds/${name#fuzz_}"
  rm -rf "$corpus"
done
step "all passed"
