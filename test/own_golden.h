// SPDX-License-Identifier: MIT
// The recipe of data/golden: a random tiny Llama, token ids, a sharing map, and what the reference computes of them.
#pragma once

#include <filesystem>

namespace proxima::test {

// Writes config.json, model.safetensors, tokens.json, sharing-map.json and golden.safetensors into dir.
void write_own_golden(const std::filesystem::path& dir);

}  // namespace proxima::test
