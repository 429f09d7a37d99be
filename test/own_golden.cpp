// SPDX-License-Identifier: MIT
#include "test/own_golden.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <string>
#include <vector>

#include "model/weights.h"
#include "test/random.h"
#include "test/reference_transformer.h"
#include "test/tiny_model.h"

namespace proxima::test {
namespace {

TinyModelOptions recipe() {
  TinyModelOptions options;
  options.hidden = 24;
  options.layers = 4;
  options.heads = 4;
  options.kv_heads = 2;
  options.head_dim = 10;
  options.intermediate = 37;
  options.vocab = 61;
  options.attention_bias = true;
  options.mlp_bias = true;
  options.tied = true;
  options.dtype = DType::kBF16;
  options.rope_json = R"("rope_theta": 5000.0, "rope_scaling": {"rope_type": "llama3", "factor": 8.0,
  "low_freq_factor": 1.0, "high_freq_factor": 4.0, "original_max_position_embeddings": 64})";
  options.header_padding = 1;  // every tensor at an odd address
  options.seed = 2024;
  return options;
}

constexpr size_t kTokens = 72;
constexpr const char* kMap =
    R"({"format": "proxima.sharing-map/1", "layers": 4, "kv_heads": 2, "ns": 3, "nr": 11,
 "block_starts": [[0, 2], [0, 1]]}
)";

}  // namespace

void write_own_golden(const std::filesystem::path& dir) {
  write_tiny_model(dir, recipe());
  write_text(dir / "sharing-map.json", kMap);
  const Model model = open_model(dir);
  const SharingMap map = read_sharing_map(dir / "sharing-map.json");
  Random random(recipe().seed);
  std::vector<TokenId> ids(kTokens);
  for (TokenId& id : ids) id = static_cast<TokenId>(random.below(recipe().vocab));
  write_text(dir / "tokens.json", fmt::format("{{\"input_ids\": [{}]}}\n", fmt::join(ids, ", ")));

  std::vector<TensorSpec> specs;
  std::vector<std::vector<double>> values;
  for (const bool pod : {false, true}) {
    const auto result = reference::run(model, ids, {.pod = pod ? &map : nullptr});
    const auto add = [&](const std::string& name, const std::vector<size_t>& shape, const std::vector<double>& of) {
      specs.push_back({(pod ? "pod." : "dense.") + name, DType::kF64, shape});
      values.push_back(of);
    };
    add("logits", {kTokens, recipe().vocab}, result.logits);
    for (const size_t layer : {size_t{1}, recipe().layers}) {
      add(fmt::format("hidden_states.{}", layer), {kTokens, recipe().hidden}, result.hidden[layer]);
    }
    add("keys.3", {recipe().kv_heads, kTokens, recipe().head_dim}, result.keys[3]);
  }
  write_tensors(dir / "golden.safetensors", specs, values);
}

}  // namespace proxima::test
