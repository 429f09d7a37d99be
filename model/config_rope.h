// SPDX-License-Identifier: MIT
// The RoPE part of config.json: rope_theta with rope_scaling, or transformers 5's rope_parameters.
#pragma once

#include <cstddef>

#include "core/json_object.h"
#include "core/rope.h"

namespace proxima {

// Reads every RoPE key of `config`; one that is unknown, or that the RoPE type does not use, is an Error(kInput).
RopeParameters read_rope(JsonObject& config, size_t head_dim, size_t max_position);

}  // namespace proxima
