// SPDX-License-Identifier: MIT
// What each model family says in config.json beyond the common sizes, turned into values of ModelConfig.
#pragma once

#include "core/json_object.h"
#include "model/config.h"

namespace proxima {

// Throws Error(kInput) unless config.model_type (read already) is a supported family.
void check_family(const JsonObject& config, const std::string& model_type);

// Fills in everything but the common sizes and the token ids; sizes and heads must be there. Reads the family's keys
// only, so that a key which means nothing to the family stays unread and is refused.
void describe_family(JsonObject& config, ModelConfig& result);

}  // namespace proxima
