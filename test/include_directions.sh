#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Includes point one way: core <- kvcache <- model <- apps, api. usage: include_directions.sh SOURCE_DIR
set -euo pipefail
cd "$1"

# forbid FOLDER PATTERN: no file of the folder includes from a folder that matches.
failed=false
forbid() {
  if grep -rnE "^#include \"($2)/" --include=*.h --include=*.cpp "$1"; then
    echo "$1 must not include from: $2" >&2
    failed=true
  fi
}
forbid core 'kvcache|model|api|apps|test|benchmarks'
forbid kvcache 'model|api|apps|test|benchmarks'
forbid model 'api|apps|test|benchmarks'
forbid api 'apps|test|benchmarks'
forbid apps 'api|test|benchmarks'
forbid benchmarks 'test'
[ "$failed" = false ]
