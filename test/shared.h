// SPDX-License-Identifier: MIT
// Where the fixtures that are not part of the project lie: PROXIMA_SHARED, or shared/ beside the source folder.
#pragma once

#include <cstdlib>
#include <filesystem>

namespace proxima::test {

inline std::filesystem::path shared_folder() {
  const char* given = std::getenv("PROXIMA_SHARED");
  return given != nullptr ? std::filesystem::path(given) : std::filesystem::path(PROXIMA_SOURCE_DIR "/../shared");
}

}  // namespace proxima::test

// Inside a test: skips it, and says why, where shared/<path> is absent.
#define PROXIMA_NEEDS_SHARED(path)                                       \
  if (!std::filesystem::exists(proxima::test::shared_folder() / (path))) \
  GTEST_SKIP() << (proxima::test::shared_folder() / (path)).string() << " is absent (set PROXIMA_SHARED)"
