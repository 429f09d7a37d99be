// SPDX-License-Identifier: MIT
// What is measured between a base's next-token distributions and another's, position by position, and its summary.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <span>
#include <vector>

namespace proxima {

struct Divergences {
  std::vector<double> kld;  // nats
  std::vector<double> base_nll;
  std::vector<double> nll;
  std::vector<int> same_top;  // 1 where both find the same token most probable

  // The next position, whose true token is `target`. Throws Error(kNonFinite) where a figure is not finite.
  void add(std::span<const double> base, std::span<const double> got, size_t target);
  void add(const Divergences& other);
};

nlohmann::ordered_json to_json(const Divergences& divergences);
Divergences divergences_from_json(const nlohmann::ordered_json& json);

// n, kld: mean, standard error, median, 99 % quantile, maximum; same_top: share and its error; ppl of both.
nlohmann::ordered_json summary_of(const Divergences& divergences);

}  // namespace proxima
