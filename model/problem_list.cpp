// SPDX-License-Identifier: MIT
#include "model/problem_list.h"

#include <fmt/format.h>

#include <algorithm>
#include <span>

namespace proxima {

namespace {
constexpr size_t kMaxShown = 5;  // per kind; the message stays one readable line
}

void ProblemList::add(const std::string& kind, std::string item) {
  auto found = std::find_if(kinds_.begin(), kinds_.end(), [&](const auto& entry) { return entry.first == kind; });
  if (found == kinds_.end()) found = kinds_.insert(kinds_.end(), {kind, {}});
  found->second.push_back(std::move(item));
}

std::string ProblemList::summary() const {
  std::string result;
  for (const auto& [kind, items] : kinds_) {
    const auto shown = std::span(items).first(std::min(items.size(), kMaxShown));
    result += fmt::format("{}{} {}: {}", result.empty() ? "" : "; ", items.size(), kind, fmt::join(shown, ", "));
    if (shown.size() < items.size()) result += fmt::format(" and {} more", items.size() - shown.size());
  }
  return result;
}

}  // namespace proxima
