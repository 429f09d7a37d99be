// SPDX-License-Identifier: MIT
// Cheap names for what determines a run's numbers, kept with results and saved caches to tell what made them: 16
// hexadecimal digits each, of a 64-bit FNV-1a. No protection against intent.
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>

#include "kvcache/sharing_map.h"
#include "model/weights.h"

namespace proxima {

// Over, for each tensor in the order of names, its name, dtype, shape and sampled
// bytes (all bytes up to 4 KiB, otherwise 8 runs of 64 bytes spread evenly from the first byte to the last). How the
// tensors are cut into shards, header padding and metadata do not matter. Training or converting a model changes it;
// an edit of single elements may not. Reads a few pages per tensor.
std::string checkpoint_fingerprint(const Checkpoint& checkpoint);

// The rotation of every layer for a prompt of prompt_length tokens: frequencies and attention factor.
std::string rope_fingerprint(const ModelConfig& config, size_t prompt_length);

// Every other number of the config that the forward pass uses: shapes, windows, norms, scales, caps, activation.
std::string config_fingerprint(const ModelConfig& config);

// All bytes of tokenizer.json, or of tokenizer.model and tokenizer_config.json where that is what Tokenizer opens;
// "none" for a folder without a tokenizer.
std::string tokenizer_fingerprint(const std::filesystem::path& dir);

// Throws Error(kInput) if the map says that it was made for other weights. `origin` names the map in the message.
void check_map_fingerprint(const SharingMap& map, const Checkpoint& checkpoint, const std::string& origin);

}  // namespace proxima
