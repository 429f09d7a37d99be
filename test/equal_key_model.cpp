// SPDX-License-Identifier: MIT
#include "test/equal_key_model.h"

#include <algorithm>

namespace proxima::test {

void write_equal_key_model(const std::filesystem::path& dir, bool equal_queries) {
  const TinyModelOptions options{
      .hidden = 48, .layers = 5, .head_dim = 14, .intermediate = 40, .vocab = 50, .attention_bias = true};
  write_tiny_model(dir, options);
  const auto specs = tiny_model_tensors(options);
  const auto contains = [](const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
  };
  std::vector<std::vector<double>> tensors;
  for (const TensorSpec& spec : specs) {
    TensorSpec source = spec;
    for (const std::string layer : {"1", "3", "4"}) {
      const std::string prefix = "model.layers." + layer + ".";
      if (!spec.name.starts_with(prefix)) continue;
      const bool same = contains(spec.name, "input_layernorm") || contains(spec.name, "k_proj") ||
                        (equal_queries && contains(spec.name, "q_proj"));
      if (same)
        source.name = std::string("model.layers.") + (layer == "1" ? "0." : "2.") + spec.name.substr(prefix.size());
    }
    tensors.push_back(tiny_model_values(options, source));
    // Layers 0, 2 and 3 add nothing to the residual, so the inputs of 1 and of 3, 4 are those of 0 and of 2.
    for (const std::string layer : {"0", "2", "3"}) {
      const bool adds = contains(spec.name, "o_proj") || contains(spec.name, "down_proj");
      if (adds && spec.name.starts_with("model.layers." + layer + ".")) std::ranges::fill(tensors.back(), 0);
    }
  }
  write_tensors(dir / "model.safetensors", specs, tensors);
}

}  // namespace proxima::test
