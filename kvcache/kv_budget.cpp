// SPDX-License-Identifier: MIT
#include "kvcache/kv_budget.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <utility>

#include "core/error.h"

namespace proxima {
namespace {

constexpr std::array<std::pair<std::string_view, double>, 7> kUnits = {
    {{"B", 1}, {"KB", 1e3}, {"MB", 1e6}, {"GB", 1e9}, {"KiB", 1024}, {"MiB", 1048576}, {"GiB", 1073741824}}};

size_t planned(const CacheChoice& choice, const CacheGeometry& geometry, const CacheCapacity& capacity,
               size_t n_prompt) {
  return planned_cache_bytes(choice, geometry, capacity, n_prompt, CachePhase::kAfterPrompt).logical;
}

size_t target_bytes(const KvBudget& budget, const CacheGeometry& geometry, const CacheCapacity& capacity,
                    size_t n_prompt) {
  if (budget.unit == KvBudget::Unit::kBytes) return static_cast<size_t>(budget.amount);
  const auto dense = static_cast<double>(planned({}, geometry, capacity, n_prompt));
  return static_cast<size_t>(std::floor(dense * budget.amount / 100));
}

}  // namespace

std::optional<KvBudget> parse_kv_budget(const std::string& text) {
  double amount = 0;
  const auto [rest, error] = std::from_chars(text.data(), text.data() + text.size(), amount);
  if (error != std::errc() || !std::isfinite(amount) || amount <= 0) return std::nullopt;
  const std::string_view unit(rest, static_cast<size_t>(text.data() + text.size() - rest));
  if (unit.empty()) {
    if (amount != std::floor(amount) || amount > 1e12) return std::nullopt;
    return KvBudget{KvBudget::Unit::kTokens, amount};
  }
  if (unit == "%") return KvBudget{KvBudget::Unit::kPercent, amount};
  for (const auto& [name, factor] : kUnits) {
    if (unit == name) return KvBudget{KvBudget::Unit::kBytes, amount * factor};
  }
  return std::nullopt;
}

CacheChoice nearest_to_budget(const CacheChoice& choice, const KvBudget& budget, const CacheGeometry& geometry,
                              const CacheCapacity& capacity, size_t n_prompt) {
  const size_t least = least_budget(choice);
  if (budget.unit == KvBudget::Unit::kTokens) {
    return with_budget(choice, std::max(least, static_cast<size_t>(budget.amount)));
  }
  const size_t target = target_bytes(budget, geometry, capacity, n_prompt);
  size_t most = least, too_many = std::max(least, n_prompt) + 1;
  while (too_many - most > 1) {
    const size_t middle = most + (too_many - most) / 2;
    const bool fits = planned(with_budget(choice, middle), geometry, capacity, n_prompt) <= target;
    (fits ? most : too_many) = middle;
  }
  return with_budget(choice, most);
}

CacheChoice apply_budget(const CacheChoice& choice, const KvBudget& budget, const CacheGeometry& geometry,
                         const CacheCapacity& capacity, size_t n_prompt) {
  const std::string_view name = cache_kind_name(choice.kind);
  if (!takes_budget(choice.kind)) fail(ErrorKind::kUsage, "--kv-budget has no effect with --cache {}", name);
  const size_t least = least_budget(choice);
  if (budget.unit == KvBudget::Unit::kTokens && budget.amount < static_cast<double>(least)) {
    fail(ErrorKind::kUsage, "--kv-budget {}: --cache {} needs at least {} tokens", budget.amount, name, least);
  }
  const bool forgets = choice.kind != CacheKind::kQuest && choice.kind != CacheKind::kPodQuest;
  if (budget.unit != KvBudget::Unit::kTokens && !forgets) {
    fail(ErrorKind::kUsage, "--cache {} forgets nothing: its --kv-budget is a number of tokens attended to", name);
  }
  const CacheChoice result = nearest_to_budget(choice, budget, geometry, capacity, n_prompt);
  if (budget.unit != KvBudget::Unit::kTokens) {
    const size_t target = target_bytes(budget, geometry, capacity, n_prompt);
    const size_t kept = planned(result, geometry, capacity, n_prompt);
    if (kept > target) {
      fail(ErrorKind::kUsage, "--kv-budget: --cache {} cannot keep as little as {} bytes of {} tokens; its least is {}",
           name, target, n_prompt, kept);
    }
  }
  return result;
}

}  // namespace proxima
