// SPDX-License-Identifier: MIT
#include "apps/eval/edit_similarity.h"

#include <cmath>
#include <string>
#include <vector>

#include "apps/eval/words.h"
#include "model/utf8.h"

namespace proxima {
namespace {

std::string code_line(std::string_view prediction) {
  prediction.remove_prefix(std::min(prediction.find_first_not_of('\n'), prediction.size()));
  for (const std::string& line : split_at(prediction, '\n')) {
    const bool is_comment = line.find_first_of("`#") != line.npos || line.find("//") != line.npos;
    if (!is_comment) return line;
  }
  return "";
}

std::vector<char32_t> characters(std::string_view text) {
  std::vector<char32_t> points;
  for (size_t pos = 0; pos < text.size();) {
    const CodePoint point = code_point_at(text, pos);
    points.push_back(point.value);
    pos += point.n_bytes;
  }
  return points;
}

// Two rows of the table: lines of code may be long.
size_t common_length(const std::vector<char32_t>& a, const std::vector<char32_t>& b) {
  std::vector<size_t> above(b.size() + 1);
  std::vector<size_t> row(b.size() + 1);
  for (const char32_t letter : a) {
    for (size_t j = 1; j <= b.size(); ++j) {
      row[j] = letter == b[j - 1] ? above[j - 1] + 1 : std::max(above[j], row[j - 1]);
    }
    std::swap(above, row);
  }
  return above.back();
}

}  // namespace

double edit_similarity(std::string_view prediction, std::string_view expected) {
  const auto got = characters(code_line(prediction));
  const auto wanted = characters(expected);
  if (got == wanted) return 1;
  if (got.empty() || wanted.empty()) return 0;
  const double ratio =
      2 * static_cast<double>(common_length(got, wanted)) / static_cast<double>(got.size() + wanted.size());
  return std::nearbyint(100 * ratio) / 100;  // half to even, as Python rounds
}

}  // namespace proxima
