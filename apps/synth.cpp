// SPDX-License-Identifier: MIT
#include "apps/synth.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "apps/input.h"
#include "apps/option_values.h"
#include "apps/train/bpe_trainer.h"
#include "apps/train/tokenizer_files.h"
#include "core/error.h"
#include "core/output_file.h"
#include "core/safetensors.h"

namespace proxima {
namespace {

using nlohmann::ordered_json;

constexpr size_t kBlock = size_t{1} << 16;  // numbers made at a time
constexpr const char* kEndToken = "<|endoftext|>";
constexpr size_t kEndId = 256;

// SplitMix64 (Steele, Lea, Flood 2014).
class RandomStream {
 public:
  explicit RandomStream(uint64_t seed) : state_(seed) {}

  // Uniform with mean 0 and this standard deviation.
  float number(float deviation) {
    constexpr float kSqrt12 = 3.4641016F;
    return (static_cast<float>(next() >> 40) * 0x1.0p-24F - 0.5F) * kSqrt12 * deviation;
  }

 private:
  uint64_t next() {
    uint64_t x = state_ += 0x9E3779B97F4A7C15U;
    x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9U;
    x = (x ^ (x >> 27)) * 0x94D049BB133111EBU;
    return x ^ (x >> 31);
  }
  uint64_t state_;
};

std::vector<TensorSpec> tensors_of(const SynthOptions& options) {
  const DType dtype = options.f32 ? DType::kF32 : DType::kBF16;
  const size_t q_width = options.heads * options.head_dim;
  const size_t kv_width = options.kv_heads * options.head_dim;
  std::vector<TensorSpec> specs = {{"model.embed_tokens.weight", dtype, {options.vocab, options.hidden}}};
  for (size_t layer = 0; layer < options.layers; ++layer) {
    const auto add = [&](const char* name, std::vector<size_t> shape) {
      specs.push_back({fmt::format("model.layers.{}.{}.weight", layer, name), dtype, std::move(shape)});
    };
    add("input_layernorm", {options.hidden});
    add("self_attn.q_proj", {q_width, options.hidden});
    add("self_attn.k_proj", {kv_width, options.hidden});
    add("self_attn.v_proj", {kv_width, options.hidden});
    add("self_attn.o_proj", {options.hidden, q_width});
    add("post_attention_layernorm", {options.hidden});
    add("mlp.gate_proj", {options.intermediate, options.hidden});
    add("mlp.up_proj", {options.intermediate, options.hidden});
    add("mlp.down_proj", {options.hidden, options.intermediate});
  }
  specs.push_back({"model.norm.weight", dtype, {options.hidden}});
  return specs;
}

// Norm weights are 1, matrices random with the variance that keeps activations in range.
void write_tensor(SafetensorsWriter& writer, const TensorSpec& spec, RandomStream& random) {
  const bool norm = spec.shape.size() == 1;
  const float deviation = norm ? 0 : 1 / std::sqrt(static_cast<float>(spec.shape.back()));
  size_t left = spec.shape[0] * (norm ? 1 : spec.shape[1]);
  const size_t element = dtype_bytes(spec.dtype);
  std::vector<float> values(kBlock);
  std::vector<BF16> rounded(kBlock);
  for (size_t offset = 0; left > 0;) {
    const size_t count = std::min(left, kBlock);
    for (size_t i = 0; i < count; ++i) {
      values[i] = norm ? 1.0F : random.number(deviation);
      rounded[i] = round_to_bf16(values[i]);
    }
    const void* data = spec.dtype == DType::kF32 ? static_cast<const void*>(values.data()) : rounded.data();
    writer.write(spec.name, offset, data, count * element);
    offset += count * element;
    left -= count;
  }
}

ordered_json config_of(const SynthOptions& options) {
  return {{"_name_or_path", "random weights written by proxima synth"},
          {"architectures", {"LlamaForCausalLM"}},
          {"model_type", "llama"},
          {"hidden_size", options.hidden},
          {"num_hidden_layers", options.layers},
          {"num_attention_heads", options.heads},
          {"num_key_value_heads", options.kv_heads},
          {"head_dim", options.head_dim},
          {"intermediate_size", options.intermediate},
          {"vocab_size", options.vocab},
          {"max_position_embeddings", options.max_position},
          {"tie_word_embeddings", true},
          {"rms_norm_eps", 1e-5},
          {"rope_theta", 100000.0},
          {"hidden_act", "silu"},
          {"bos_token_id", nullptr},
          {"eos_token_id", kEndId},
          {"torch_dtype", options.f32 ? "float32" : "bfloat16"}};
}

// The 256 bytes, the end token, then what was learnt.
std::string tokenizer_of(const SynthOptions& options) {
  const std::string pre_tokenizer = byte_level_pre_tokenizer(false);
  BpeTrainer trainer(pre_tokenizer);
  if (!options.learn.empty()) trainer.add(read_document(options.learn).text);
  const std::vector<std::string> special = {kEndToken};
  return tokenizer_json(trainer.train(options.vocab - special.size()), special, pre_tokenizer);
}

}  // namespace

void declare_synth(CLI::App& app, SynthOptions& options) {
  app.add_option("-o,--output", options.output, "folder to write")->type_name("DIR")->required();
  add_count(app, "--layers", options.layers, "layers", {1, 1024});
  add_count(app, "--hidden", options.hidden, "width", {1, 65536});
  add_count(app, "--heads", options.heads, "query heads", {1, 1024});
  add_count(app, "--kv-heads", options.kv_heads, "KV heads", {1, 1024});
  add_count(app, "--head-dim", options.head_dim, "head size", {2, 1024});
  add_count(app, "--intermediate", options.intermediate, "feed-forward width", {1, 1 << 20});
  add_count(app, "--vocab", options.vocab, "vocabulary; without --learn the tokenizer uses the first 257",
            {257, 1 << 22});
  add_count(app, "--max-position", options.max_position, "longest context", {1, 1 << 24});
  add_count(app, "-s,--seed", options.seed, "of the weights");
  app.add_option("--learn", options.learn, "learn the tokenizer from this text")->type_name("FILE");
  app.add_flag("--f32", options.f32, "store float32 instead of bfloat16");
  app.footer(
      "The defaults are SmolLM2-135M's shape. The weights are random: what such a model writes means nothing.\n"
      "Example: proxima synth -o random-135m --learn book.txt && proxima summarize -m random-135m -f book.txt -n 16");
}

void synth(const SynthOptions& options) {
  const std::filesystem::path dir = options.output;
  if (options.heads % options.kv_heads != 0 || options.head_dim % 2 != 0) {
    fail(ErrorKind::kUsage, "--kv-heads must divide --heads, and --head-dim must be even");
  }
  std::error_code error;
  if (std::filesystem::exists(dir / "config.json", error)) {
    fail(ErrorKind::kUsage, "{}: holds a model already; give another folder", dir.string());
  }
  std::filesystem::create_directories(dir, error);
  if (error) fail(ErrorKind::kOutput, "{}: cannot be made: {}", dir.string(), error.message());
  const auto specs = tensors_of(options);
  SafetensorsWriter writer(dir / "model.safetensors", specs, {{"weights", "random, written by proxima synth"}});
  RandomStream random(options.seed);
  for (const TensorSpec& spec : specs) write_tensor(writer, spec, random);
  writer.finish();
  write_text_file(dir / "tokenizer.json", tokenizer_of(options));
  write_text_file(dir / "config.json", config_of(options).dump(1) + "\n");
}

}  // namespace proxima
