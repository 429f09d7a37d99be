// SPDX-License-Identifier: MIT
// The RoPE part of config.json: rope_theta with rope_scaling, or transformers 5's rope_parameters.
#pragma once

#include <cstddef>
#include <utility>

#include "core/json_object.h"
#include "core/rope.h"

namespace proxima {

// Reads every RoPE key of `config`; one that is unknown, or that the RoPE type does not use, is an Error(kInput).
RopeParameters read_rope(JsonObject& config, size_t head_dim, size_t max_position);

// Gemma 3: the global layers' rotation, and the local ones', whose base is rope_local_base_freq and never scaled; or
// transformers 5's rope_parameters with one object for each type of layer.
std::pair<RopeParameters, RopeParameters> read_global_and_local_rope(JsonObject& config, size_t head_dim,
                                                                     size_t max_position);

}  // namespace proxima
