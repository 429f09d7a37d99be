# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# Sourced by apps/quickstart.sh and test/run.sh: the Debian packages the project needs, and how to get them.

build_packages=(cmake ninja-build g++ pkg-config libopenblas-openmp-dev libhwy-dev libfmt-dev nlohmann-json3-dev
  libcli11-dev libpcre2-dev libutf8proc-dev libsentencepiece-dev)
# Optional: bf16 products on x86 processors that have them.
if [ "$(dpkg --print-architecture)" = amd64 ]; then build_packages+=(libdnnl-dev ocl-icd-opencl-dev); fi
# LibTorch: `proxima train` and `proxima adapt`.
# shellcheck disable=SC2034  # used by the scripts that source this one
test_packages=(libtorch-dev libgtest-dev libbenchmark-dev clang-14 libclang-rt-14-dev)

# Installs those of the packages that are absent, and says which.
install_packages() {
  local package missing=() as_root=()
  for package in "$@"; do
    if [ "$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null)" != installed ]; then missing+=("$package"); fi
  done
  if [ ${#missing[@]} -eq 0 ]; then
    echo "packages: all $# are there"
    return
  fi
  if [ "$(id -u)" -ne 0 ]; then as_root=(sudo); fi
  echo "packages: installing ${missing[*]}"
  "${as_root[@]}" apt-get update -q
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends "${missing[@]}"
}
