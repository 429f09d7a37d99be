// SPDX-License-Identifier: MIT
#include "kvcache/kept_rows.h"

#include <fmt/ranges.h>

#include <algorithm>

#include "core/error.h"

namespace proxima {
namespace {

std::string describe(const std::vector<RowRun>& ranges) {
  constexpr size_t kShown = 4;
  if (ranges.empty()) return "none";
  std::vector<std::string> parts;
  for (const RowRun& range : ranges) {
    if (parts.size() < kShown) parts.push_back(fmt::format("{}..{}", range.first, range.first + range.count - 1));
  }
  return fmt::format("{}{}", fmt::join(parts, ", "), ranges.size() > kShown ? ", ..." : "");
}

}  // namespace

size_t KeptRows::n_rows() const {
  size_t n = 0;
  for (const RowRun& run : runs) n += run.count;
  return n;
}

KeptRows KeptRows::of(std::string name, DType dtype, size_t n_elements) {
  const bool blocks = block_elements(dtype) > 1;
  return {
      std::move(name), blocks ? DType::kU8 : dtype, blocks ? proxima::row_bytes(dtype, n_elements) : n_elements, {}};
}

std::vector<RowRun> ranges_of(const std::vector<RowRun>& runs) {
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

const KeptRows& find_rows(const std::vector<KeptRows>& stores, const std::string& name, DType dtype, size_t n_columns,
                          const std::string& origin) {
  const auto found = std::ranges::find(stores, name, &KeptRows::name);
  if (found == stores.end()) fail(ErrorKind::kInput, "{}: holds no {}, which this cache needs", origin, name);
  if (found->dtype != dtype || found->n_columns != n_columns) {
    fail(ErrorKind::kInput, "{}: {} is {} of {} columns, this cache needs {} of {}", origin, name,
         dtype_name(found->dtype), found->n_columns, dtype_name(dtype), n_columns);
  }
  return *found;
}

void check_positions(const KeptRows& store, const std::vector<RowRun>& expected, const std::string& origin) {
  const auto held = ranges_of(store.runs), needed = ranges_of(expected);
  const auto same = [](const RowRun& a, const RowRun& b) { return a.first == b.first && a.count == b.count; };
  if (std::ranges::equal(held, needed, same)) return;
  fail(ErrorKind::kInput, "{}: {} holds positions {}, this cache needs {}", origin, store.name, describe(held),
       describe(needed));
}

const KeptRows& find_same_rows(const std::vector<KeptRows>& stores, const KeptRows& expected,
                               const std::string& origin) {
  const KeptRows& found = find_rows(stores, expected.name, expected.dtype, expected.n_columns, origin);
  check_positions(found, expected.runs, origin);
  return found;
}

SplitStores split_stores(const std::vector<KeptRows>& stores, std::string_view ending) {
  SplitStores split;
  for (const KeptRows& store : stores) (store.name.ends_with(ending) ? split.matching : split.others).push_back(store);
  return split;
}

}  // namespace proxima
