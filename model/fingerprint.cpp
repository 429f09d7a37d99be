// SPDX-License-Identifier: MIT
#include "model/fingerprint.h"

#include <fmt/format.h>

#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>
#include <vector>

#include "core/error.h"
#include "core/fnv1a.h"
#include "core/mapped_file.h"
#include "core/rope.h"

namespace proxima {
namespace {

constexpr size_t kWholeBytes = 4096;
constexpr size_t kRuns = 8;
constexpr size_t kRunBytes = 64;

void add_samples(Fnv1a& hash, std::span<const std::byte> bytes) {
  if (bytes.size() <= kWholeBytes) {
    hash.add(bytes);
    return;
  }
  const size_t step = (bytes.size() - kRunBytes) / (kRuns - 1);
  for (size_t run = 0; run + 1 < kRuns; ++run) hash.add(bytes.subspan(run * step, kRunBytes));
  hash.add(bytes.last(kRunBytes));
}

}  // namespace

std::string checkpoint_fingerprint(const Checkpoint& checkpoint) {
  Fnv1a hash;
  for (const auto& [name, view] : checkpoint.tensors()) {
    hash.add(name);
    hash.add(dtype_name(view.dtype));
    hash.add(view.shape.size());
    for (const size_t dimension : view.shape) hash.add(dimension);
    add_samples(hash, {view.data, view.n_bytes()});
  }
  return hash.text();
}

std::string rope_fingerprint(const ModelConfig& config, size_t prompt_length) {
  Fnv1a hash;
  for (const LayerConfig& layer : config.layers) {
    hash.add(layer.rope.n_dims);
    if (layer.rope.n_dims == 0) continue;
    hash.add(layer.rope.attention_factor);
    for (const double frequency : rope_inverse_frequencies(layer.rope, prompt_length)) hash.add(frequency);
  }
  return hash.text();
}

std::string config_fingerprint(const ModelConfig& config) {
  Fnv1a hash;
  hash.add(config.model_type);
  for (const size_t count : {config.n_layers, config.hidden, config.n_heads, config.n_kv_heads, config.head_dim,
                             config.intermediate, config.vocab}) {
    hash.add(count);
  }
  for (const LayerConfig& layer : config.layers) hash.add(layer.window);
  for (const bool flag :
       {config.qkv_bias, config.o_bias, config.mlp_bias, config.qk_norm, config.post_norms, config.tie_embeddings}) {
    hash.add(flag);
  }
  for (const double number : {config.rms_norm_eps, config.norm_offset, config.embed_scale, config.attention_scale,
                              config.attention_softcap, config.logit_softcap}) {
    hash.add(number);
  }
  hash.add(static_cast<int>(config.activation));
  return hash.text();
}

std::string tokenizer_fingerprint(const std::filesystem::path& dir) {
  std::vector<std::string> names = {"tokenizer.json"};
  if (!std::filesystem::exists(dir / names.front())) names = {"tokenizer.model", "tokenizer_config.json"};
  Fnv1a hash;
  bool any = false;
  for (const std::string& name : names) {
    if (!std::filesystem::exists(dir / name)) continue;
    any = true;
    hash.add(name);
    hash.add(MappedFile(dir / name).bytes());
  }
  return any ? hash.text() : "none";
}

void check_map_fingerprint(const SharingMap& map, const Checkpoint& checkpoint, const std::string& origin) {
  if (map.fingerprint.empty()) return;
  const std::string fingerprint = checkpoint_fingerprint(checkpoint);
  if (map.fingerprint == fingerprint) return;
  fail(
      ErrorKind::kInput,
      "{}: the map was made for weights {}, the model's are {}; use a map made for this model, or take \"fingerprint\" "
      "out of the file if you know that it fits",
      origin, map.fingerprint, fingerprint);
}

}  // namespace proxima
