// SPDX-License-Identifier: MIT
#include "model/config_rope.h"

#include <cmath>
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
  if (name == "yarn") return RopeKind::kYarn;
  if (name == "llama3") return RopeKind::kLlama3;
  if (name == "longrope" || name == "su") return RopeKind::kLongrope;  // "su" was its first name
  object.fail_at(key,
                 fmt::format("is {}: this RoPE scaling is not supported; default, linear, dynamic, yarn, llama3 and "
                             "longrope are",
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

void read_attention_factor(JsonObject& scaling, double implied, RopeParameters& rope) {
  rope.attention_factor = scaling.find_number("attention_factor").value_or(implied);
  if (!(rope.attention_factor > 0)) scaling.fail_at("attention_factor", "must be positive");
}

void read_yarn(JsonObject& scaling, size_t max_position, RopeParameters& rope) {
  rope.factor = read_factor(scaling);
  rope.original_max_position = scaling.find_size("original_max_position_embeddings").value_or(max_position);
  if (rope.original_max_position == 0) scaling.fail_at("original_max_position_embeddings", "must not be 0");
  rope.beta_fast = scaling.find_number("beta_fast").value_or(rope.beta_fast);
  rope.beta_slow = scaling.find_number("beta_slow").value_or(rope.beta_slow);
  if (!(rope.beta_slow > 0 && rope.beta_slow < rope.beta_fast)) {
    scaling.fail_at("beta_slow", fmt::format("is {} and \"beta_fast\" {}: 0 < slow < fast must hold", rope.beta_slow,
                                             rope.beta_fast));
  }
  if (!scaling.find_bool("truncate").value_or(true)) scaling.fail_at("truncate", "is false: only true is supported");
  read_attention_factor(scaling, 0.1 * std::log(rope.factor) + 1, rope);
}

std::vector<double> read_factors(JsonObject& scaling, std::string_view key, size_t count) {
  const auto* list = scaling.find(key);
  if (list == nullptr || !list->is_array() || list->size() != count) {
    scaling.fail_at(key, fmt::format("must list {} numbers, one per rotated pair", count));
  }
  std::vector<double> factors;
  for (const auto& value : *list) {
    if (!value.is_number() || !(value.get<double>() > 0)) scaling.fail_at(key, "must hold positive numbers");
    factors.push_back(value.get<double>());
  }
  return factors;
}

// The stretch is max_position_embeddings over the original length, which Phi-3 gives beside the scaling object.
void read_longrope(JsonObject& scaling, std::optional<size_t> outer_original, size_t max_position,
                   RopeParameters& rope) {
  rope.short_factors = read_factors(scaling, "short_factor", rope.n_dims / 2);
  rope.long_factors = read_factors(scaling, "long_factor", rope.n_dims / 2);
  const auto inner_original = scaling.find_size("original_max_position_embeddings");
  if (inner_original && outer_original && *inner_original != *outer_original) {
    scaling.fail_at("original_max_position_embeddings", "differs from the one outside");
  }
  const auto original = inner_original ? inner_original : outer_original;
  if (!original || *original < 2) scaling.fail_at("original_max_position_embeddings", "is missing or below 2");
  rope.original_max_position = *original;
  const double stretch = static_cast<double>(max_position) / static_cast<double>(*original);
  const double implied = stretch <= 1 ? 1 : std::sqrt(1 + std::log(stretch) / std::log(static_cast<double>(*original)));
  if (const auto factor = scaling.find_number("factor"); factor && *factor != stretch) {
    scaling.fail_at("factor", fmt::format("is {}, but max_position_embeddings / original is {}", *factor, stretch));
  }
  read_attention_factor(scaling, implied, rope);
}

void read_scaling(JsonObject& scaling, bool kind_required, std::optional<size_t> outer_original, size_t max_position,
                  RopeParameters& rope) {
  rope.kind = read_kind(scaling, kind_required);
  switch (rope.kind) {
    case RopeKind::kDefault:
      break;
    case RopeKind::kLinear:
      rope.factor = read_factor(scaling);
      break;
    case RopeKind::kDynamic:
      read_dynamic(scaling, max_position, rope);
      break;
    case RopeKind::kYarn:
      read_yarn(scaling, max_position, rope);
      break;
    case RopeKind::kLlama3:
      read_llama3(scaling, rope);
      break;
    case RopeKind::kLongrope:
      read_longrope(scaling, outer_original, max_position, rope);
      break;
  }
  if (const auto unread = scaling.unread(); !unread.empty()) {
    scaling.fail_at(unread.front(),
                    "is not read for this RoPE type and may change the computation: "
                    "use another model, or remove the key if it has no effect");
  }
}

// The first part of each head that rotates, as a number of dimensions.
size_t rotated_dims(JsonObject& object, double partial, size_t head_dim) {
  const auto n_dims = static_cast<size_t>(static_cast<double>(head_dim) * partial);
  if (!(partial > 0 && partial <= 1) || n_dims == 0 || n_dims % 2 != 0) {
    object.fail_at("partial_rotary_factor",
                   fmt::format("is {}; it must leave an even number of {} dimensions", partial, head_dim));
  }
  return n_dims;
}

void check_theta(const JsonObject& object, std::string_view key, double theta) {
  if (!(theta >= 1.0)) object.fail_at(key, fmt::format("is {}; it must be at least 1", theta));
}

}  // namespace

RopeParameters read_rope(JsonObject& config, size_t head_dim, size_t max_position) {
  RopeParameters rope;
  std::optional<double> theta = config.find_number("rope_theta");
  const auto partial = config.find_number("partial_rotary_factor");
  const auto original = config.find_size("original_max_position_embeddings");
  const auto* old_form = config.find("rope_scaling");
  const auto* new_form = config.find("rope_parameters");
  if (old_form != nullptr && new_form != nullptr) {
    config.fail_at("rope_scaling", "stands beside \"rope_parameters\": keep the one that is meant");
  }
  rope.n_dims = rotated_dims(config, partial.value_or(1), head_dim);
  if (old_form != nullptr) {
    JsonObject scaling(*old_form, config.where() + ": \"rope_scaling\"");
    read_scaling(scaling, true, original, max_position, rope);
  }
  if (new_form != nullptr) {
    JsonObject scaling(*new_form, config.where() + ": \"rope_parameters\"");
    const auto inner_theta = scaling.find_number("rope_theta");
    const auto inner_partial = scaling.find_number("partial_rotary_factor");
    if (theta && inner_theta && *theta != *inner_theta) {
      config.fail_at("rope_theta", fmt::format("is {} but {} inside \"rope_parameters\"", *theta, *inner_theta));
    }
    if (partial && inner_partial && *partial != *inner_partial) {
      config.fail_at("partial_rotary_factor",
                     fmt::format("is {} but {} inside \"rope_parameters\"", *partial, *inner_partial));
    }
    if (inner_theta) theta = inner_theta;
    if (inner_partial) rope.n_dims = rotated_dims(scaling, *inner_partial, head_dim);
    read_scaling(scaling, false, original, max_position, rope);
  }
  rope.theta = theta.value_or(kDefaultTheta);
  check_theta(config, "rope_theta", rope.theta);
  return rope;
}

std::pair<RopeParameters, RopeParameters> read_global_and_local_rope(JsonObject& config, size_t head_dim,
                                                                     size_t max_position) {
  if (const auto* by_type = config.find("rope_parameters"); by_type != nullptr && by_type->contains("full_attention")) {
    const auto read = [&](const char* type) {
      JsonObject object(by_type->at(type), config.where() + ": \"rope_parameters\": " + quote(type));
      RopeParameters rope;
      rope.n_dims = head_dim;
      rope.theta = object.number("rope_theta");
      check_theta(object, "rope_theta", rope.theta);
      read_scaling(object, false, std::nullopt, max_position, rope);
      return rope;
    };
    JsonObject types(*by_type, config.where() + ": \"rope_parameters\"");
    if (types.find("full_attention") == nullptr || types.find("sliding_attention") == nullptr ||
        !types.unread().empty()) {
      types.fail_at("full_attention", "and \"sliding_attention\" must stand there, and nothing else");
    }
    return {read("full_attention"), read("sliding_attention")};
  }
  const RopeParameters global = read_rope(config, head_dim, max_position);
  RopeParameters local;
  local.n_dims = head_dim;
  local.theta = config.find_number("rope_local_base_freq").value_or(kDefaultTheta);
  check_theta(config, "rope_local_base_freq", local.theta);
  return {global, local};
}

}  // namespace proxima
