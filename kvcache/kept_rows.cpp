// SPDX-License-Identifier: MIT
#include "kvcache/kept_rows.h"

#include <fmt/ranges.h>

#include <algorithm>

#include "core/error.h"

namespace proxima {
namespace {

std::string describe(const std::vector<RowRun>& ranges) {
  std::vector<std::string> parts;
  for (const RowRun& range : ranges) parts.push_back(fmt::format("{}..{}", range.first, range.first + range.count - 1));
  return parts.empty() ? "none" : fmt::format("{}", fmt::join(parts, ", "));
}

bool same_positions(const std::vector<RowRun>& a, const std::vector<RowRun>& b) {
  return std::ranges::equal(a, b,
                            [](const RowRun& x, const RowRun& y) { return x.first == y.first && x.count == y.count; });
}

}  // namespace

size_t KeptRows::n_rows() const {
  size_t n = 0;
  for (const RowRun& run : runs) n += run.count;
  return n;
}

std::vector<RowRun> KeptRows::ranges() const {
  std::vector<RowRun> merged;
  for (const RowRun& run : runs) {
    if (!merged.empty() && merged.back().first + merged.back().count == run.first) {
      merged.back().count += run.count;
    } else {
      merged.push_back({run.first, run.count, nullptr});
    }
  }
  return merged;
}

const KeptRows& find_rows(const std::vector<KeptRows>& stores, const KeptRows& expected, const std::string& origin) {
  const auto found = std::ranges::find(stores, expected.name, &KeptRows::name);
  if (found == stores.end()) fail(ErrorKind::kInput, "{}: holds no {}, which this cache needs", origin, expected.name);
  if (found->dtype != expected.dtype || found->n_columns != expected.n_columns) {
    fail(ErrorKind::kInput, "{}: {} is {} of {} columns, this cache needs {} of {}", origin, expected.name,
         dtype_name(found->dtype), found->n_columns, dtype_name(expected.dtype), expected.n_columns);
  }
  if (!same_positions(found->ranges(), expected.ranges())) {
    fail(ErrorKind::kInput, "{}: {} holds positions {}, this cache needs {}", origin, expected.name,
         describe(found->ranges()), describe(expected.ranges()));
  }
  return *found;
}

}  // namespace proxima
