// SPDX-License-Identifier: MIT
#include "apps/selfcheck_report.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "apps/common_options.h"
#include "core/error.h"

namespace proxima {
namespace {

using nlohmann::ordered_json;

bool passes(const FastError& error, double limit) {
  return std::isfinite(error.max_abs) && error.nmse <= limit;
}

}  // namespace

size_t SelfcheckReport::n_failed() const {
  const auto bits = std::ranges::count_if(checks, [](const BitCheck& check) { return check.difference.has_value(); });
  const auto errors = std::ranges::count_if(fast, [&](const FastError& error) { return !passes(error, nmse_limit); });
  return static_cast<size_t>(bits + errors);
}

std::string report_json(const SelfcheckReport& report) {
  ordered_json json = {{"model", report.model},
                       {"tokens", report.tokens},
                       {"passed", report.n_failed() == 0},
                       {"checks", ordered_json::array()},
                       {"fast_against_f64",
                        {{"nmse_limit", report.nmse_limit},
                         {"top1", report.top.top1},
                         {"k", report.top.k},
                         {"top_k", report.top.top_k},
                         {"tensors", ordered_json::array()}}}};
  for (const BitCheck& check : report.checks) {
    ordered_json each = {{"name", check.name},
                         {"precision", precision_name(check.precision)},
                         {"tokens", check.n_tokens},
                         {"same_bits", !check.difference},
                         {"difference", nullptr}};
    if (check.difference) each["difference"] = *check.difference;
    json["checks"].push_back(each);
  }
  for (const FastError& error : report.fast) {
    const bool finite = std::isfinite(error.max_abs);
    json["fast_against_f64"]["tensors"].push_back(
        {{"name", error.name},
         {"max_abs", finite ? ordered_json(error.max_abs) : ordered_json(nullptr)},
         {"nmse", std::isfinite(error.nmse) ? ordered_json(error.nmse) : ordered_json(nullptr)},
         {"passed", passes(error, report.nmse_limit)}});
  }
  return json.dump(2) + "\n";
}

std::string report_text(const SelfcheckReport& report) {
  std::string text = fmt::format("{}: {}\n", report.model, report.tokens);
  text += fmt::format("{:<30}{:>10}{:>8}  {}\n", "logits of all positions", "precision", "tokens", "result");
  for (const BitCheck& check : report.checks) {
    text += fmt::format("{:<30}{:>10}{:>8}  {}\n", check.name, precision_name(check.precision), check.n_tokens,
                        check.difference ? "FAILED: " + *check.difference : "same bits");
  }
  text += fmt::format("{:<30}{:>12}{:>12}\n", "fast against f64", "max error", "NMSE");
  for (const FastError& error : report.fast) {
    text += fmt::format("{:<30}{:>12.3g}{:>12.3g}{}\n", error.name, error.max_abs, error.nmse,
                        passes(error, report.nmse_limit) ? "" : fmt::format("  FAILED: limit {:g}", report.nmse_limit));
  }
  text += fmt::format("top-1 {:.1f} %, top-{} {:.1f} %\n", 100 * report.top.top1, report.top.k, 100 * report.top.top_k);
  const size_t failed = report.n_failed();
  return text + (failed == 0 ? "all as promised\n" : fmt::format("{} FAILED\n", failed));
}

}  // namespace proxima
