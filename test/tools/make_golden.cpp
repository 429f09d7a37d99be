// SPDX-License-Identifier: MIT
// Writes the vectors of data/golden again: proxima_make_golden DIR.
#include <cstdio>
#include <exception>

#include "test/own_golden.h"

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fputs("usage: proxima_make_golden DIR\n", stderr);
    return 2;
  }
  try {
    proxima::test::write_own_golden(argv[1]);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
  return 0;
}
