// SPDX-License-Identifier: MIT
#include "apps/eval/divergence.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "apps/eval/distribution.h"
#include "core/error.h"

namespace proxima {
namespace {

template <class T>
void append(std::vector<T>& to, const std::vector<T>& from) {
  to.insert(to.end(), from.begin(), from.end());
}

template <class Values>
MeanError mean_of(const Values& values) {
  MeanError mean;
  for (const auto value : values) mean.add(static_cast<double>(value));
  return mean;
}

}  // namespace

void Divergences::add(std::span<const double> base, std::span<const double> got, size_t target) {
  kld.push_back(kl_divergence(base, got));
  base_nll.push_back(negative_log_likelihood(base, target));
  nll.push_back(negative_log_likelihood(got, target));
  same_top.push_back(top_token(base) == top_token(got) ? 1 : 0);
  if (!std::isfinite(kld.back()) || !std::isfinite(base_nll.back()) || !std::isfinite(nll.back())) {
    fail(ErrorKind::kNonFinite, "the logits of scored position {} are not finite", kld.size() - 1);
  }
}

void Divergences::add(const Divergences& other) {
  append(kld, other.kld);
  append(base_nll, other.base_nll);
  append(nll, other.nll);
  append(same_top, other.same_top);
}

nlohmann::ordered_json to_json(const Divergences& divergences) {
  return {{"kld", divergences.kld},
          {"base_nll", divergences.base_nll},
          {"nll", divergences.nll},
          {"same_top", divergences.same_top}};
}

Divergences divergences_from_json(const nlohmann::ordered_json& json) {
  return {json.at("kld"), json.at("base_nll"), json.at("nll"), json.at("same_top")};
}

nlohmann::ordered_json summary_of(const Divergences& divergences) {
  if (divergences.kld.empty()) return {{"n", 0}};
  const MeanError kld = mean_of(divergences.kld);
  const MeanError same_top = mean_of(divergences.same_top);
  return {{"n", kld.n()},
          {"kld", kld.mean()},
          {"kld_error", kld.error()},
          {"median", quantile(divergences.kld, 0.5)},
          {"p99", quantile(divergences.kld, 0.99)},
          {"max", std::ranges::max(divergences.kld)},
          {"same_top", same_top.mean()},
          {"same_top_error", same_top.error()},
          {"base_ppl", std::exp(mean_of(divergences.base_nll).mean())},
          {"ppl", std::exp(mean_of(divergences.nll).mean())}};
}

}  // namespace proxima
