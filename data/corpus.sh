#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The training text of the demo model: the English prose of documentation packages from Debian's main section, one text
# a package in FOLDER/train, and one block in twenty of each package kept apart in FOLDER/held-out to measure on.
# Packages are fetched with apt and unpacked in FOLDER/packages; nothing is installed.
# usage: data/corpus.sh FOLDER   (130 MB to fetch, a few minutes)
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
folder=$(realpath -m "${1:?usage: data/corpus.sh FOLDER}")
mkdir -p "$folder/packages" "$folder/train" "$folder/held-out"

# The package and, where it holds several languages, which of its files.
packages=(
  "debian-handbook */html/en-US/*" "debian-policy" "developers-reference" "debian-reference-en" "debian-faq"
  "maint-guide" "debmake-doc" "debian-kernel-handbook" "debian-history" "apt-doc" "aptitude-doc-en" "python3.11-doc"
  "perl-doc" "git-doc" "sqlite3-doc" "postgresql-doc-15" "cmake-doc" "apache2-doc */en/*" "postfix-doc" "exim4-doc-html"
  "kicad-doc-en" "octave-doc" "gnome-user-docs */C/*" "linux-doc-6.1"
)
block_lines=200 # paragraphs and the empty lines between them

for entry in "${packages[@]}"; do
  read -r package files <<<"$entry"
  tree=$folder/packages/$package
  if [ ! -d "$tree" ]; then
    (cd "$folder/packages" && apt-get download -q -o APT::Sandbox::User=root "$package" >/dev/null)
    mkdir "$tree.part"
    dpkg-deb -x "$folder/packages/${package}"_*.deb "$tree.part"
    mv "$tree.part" "$tree"
  fi
  find "$tree" -type f \( -name '*.html' -o -name '*.html.en' -o -name '*.htm' -o -name '*.page' -o -name '*.pod' \) \
    -path "${files:-*}" | LC_ALL=C sort | "$root/data/prose.pl" |
    awk -v train="$folder/train/$package.txt" -v held="$folder/held-out/$package.txt" -v block=$block_lines '
      BEGIN { printf "" >train; printf "" >held }
      { print >(int(NR / block) % 20 == 19 ? held : train) }'
  printf '%-24s %8d KB\n' "$package" "$(($(cat "$folder"/{train,held-out}/"$package".txt | wc -c) / 1000))"
done
find "$folder/held-out" "$folder/train" -empty -delete
printf '%-24s %8d KB to train on, %d KB held out\n' all "$(($(cat "$folder"/train/*.txt | wc -c) / 1000))" \
  "$(($(cat "$folder"/held-out/*.txt | wc -c) / 1000))"
