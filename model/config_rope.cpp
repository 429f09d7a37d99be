// SPDX-License-Identifier: MIT
#include "model/config_rope.h"

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "core/error.h"
#include "core/quote.h"

namespace proxima {

namespace {

constexpr double kDefaultTheta = 10000.0;  // what the reference assumes where a Llama config does not say

RopeKind kind_from_name(const JsonObject& object, std::string_view key, std::string_view name) {
  if (name == "default") return RopeKind::kDefault;
  if (name == "linear") return RopeKind::kLinear;
  if (name == "dynamic") return RopeKind::kDynamic;
  if (name == "llama3") return RopeKind::kLlama3;
  object.fail_at(key,
                 fmt::format("is {}: this RoPE scaling is not supported yet (only default, linear, dynamic, llama3)",
                             quote(name)));
}

// Both spellings occur, in some files side by side.
RopeKind read_kind(JsonObject& scaling, bool required) {
  const auto new_name = scaling.find_text("rope_type");
  const auto old_name = scaling.find_text("type");
  if (new_name && old_name && *new_name != *old_name) {
    scaling.fail_at("type", fmt::format("is {} but \"rope_type\" is {}", quote(*old_name), quote(*new_name)));
  }
  if (new_name) return kind_from_name(scaling, "rope_type", *new_name);
  if (old_name) return kind_from_name(scaling, "type", *old_name);
  if (required) scaling.fail_at("rope_type", "is missing");
  return RopeKind::kDefault;
}

double read_factor(JsonObject& scaling) {
  const double factor = scaling.number("factor");
  if (!(factor >= 1.0)) scaling.fail_at("factor", fmt::format("is {}; it must be at least 1", factor));
  return factor;
}

void read_llama3(JsonObject& scaling, RopeParameters& rope) {
  rope.factor = read_factor(scaling);
  rope.low_freq_factor = scaling.number("low_freq_factor");
  rope.high_freq_factor = scaling.number("high_freq_factor");
  if (!(rope.low_freq_factor > 0.0 && rope.low_freq_factor < rope.high_freq_factor)) {
    scaling.fail_at("low_freq_factor", fmt::format("is {} and \"high_freq_factor\" {}: 0 < low < high must hold",
                                                   rope.low_freq_factor, rope.high_freq_factor));
  }
  rope.original_max_position = scaling.size("original_max_position_embeddings");
  if (rope.original_max_position == 0) scaling.fail_at("original_max_position_embeddings", "must not be 0");
}

void read_dynamic(JsonObject& scaling, size_t max_position, RopeParameters& rope) {
  rope.factor = read_factor(scaling);
  rope.max_position = max_position;
  // Versions of the reference disagree on which of the two lengths counts; where they are equal it does not matter.
  const auto original = scaling.find_size("original_max_position_embeddings");
  if (original && *original != max_position) {
    scaling.fail_at(
        "original_max_position_embeddings",
        fmt::format("is {}, for dynamic scaling it must equal max_position_embeddings ({})", *original, max_position));
  }
}

void read_scaling(JsonObject& scaling, bool kind_required, size_t max_position, RopeParameters& rope) {
  rope.kind = read_kind(scaling, kind_required);
  if (rope.kind == RopeKind::kLinear) rope.factor = read_factor(scaling);
  if (rope.kind == RopeKind::kDynamic) read_dynamic(scaling, max_position, rope);
  if (rope.kind == RopeKind::kLlama3) read_llama3(scaling, rope);
  if (const auto unread = scaling.unread(); !unread.empty()) {
    scaling.fail_at(unread.front(),
                    "is not read for this RoPE type and may change the computation: "
                    "use another model, or remove the key if it has no effect");
  }
}

// Rotating only a part of each head belongs to other families.
void check_whole_rotary(JsonObject& object) {
  const double partial = object.find_number("partial_rotary_factor").value_or(1.0);
  if (partial != 1.0) object.fail_at("partial_rotary_factor", fmt::format("is {}; only 1 is supported", partial));
}

}  // namespace

RopeParameters read_rope(JsonObject& config, size_t head_dim, size_t max_position) {
  RopeParameters rope;
  rope.head_dim = head_dim;
  check_whole_rotary(config);
  std::optional<double> theta = config.find_number("rope_theta");
  const auto* old_form = config.find("rope_scaling");
  const auto* new_form = config.find("rope_parameters");
  if (old_form != nullptr && new_form != nullptr) {
    config.fail_at("rope_scaling", "stands beside \"rope_parameters\": keep the one that is meant");
  }
  if (old_form != nullptr) {
    JsonObject scaling(*old_form, config.where() + ": \"rope_scaling\"");
    read_scaling(scaling, true, max_position, rope);
  }
  if (new_form != nullptr) {
    JsonObject scaling(*new_form, config.where() + ": \"rope_parameters\"");
    check_whole_rotary(scaling);
    const auto inner_theta = scaling.find_number("rope_theta");
    if (theta && inner_theta && *theta != *inner_theta) {
      config.fail_at("rope_theta", fmt::format("is {} but {} inside \"rope_parameters\"", *theta, *inner_theta));
    }
    if (inner_theta) theta = inner_theta;
    read_scaling(scaling, false, max_position, rope);
  }
  rope.theta = theta.value_or(kDefaultTheta);
  if (!(rope.theta >= 1.0)) config.fail_at("rope_theta", fmt::format("is {}; it must be at least 1", rope.theta));
  return rope;
}

}  // namespace proxima
