// SPDX-License-Identifier: MIT
#include "test/tiny_model.h"

#include <fmt/format.h>
#include <stdlib.h>
#include <unistd.h>

#include <bit>
#include <cmath>
#include <cstring>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <utility>

#include "test/random.h"

namespace proxima::test {

namespace {

uint64_t stream_seed(uint64_t seed, const std::string& name) {
  uint64_t hash = 0xCBF29CE484222325U;  // FNV-1a
  for (const char character : name) hash = (hash ^ static_cast<unsigned char>(character)) * 0x100000001B3U;
  return Random(seed).next() ^ hash;
}

template <class T, class Convert>
void append_as(std::vector<std::byte>& bytes, const std::vector<double>& values, Convert convert) {
  bytes.resize(values.size() * sizeof(T));
  for (size_t index = 0; index < values.size(); ++index) {
    const T converted = convert(values[index]);
    std::memcpy(bytes.data() + index * sizeof(T), &converted, sizeof(T));
  }
}

std::vector<std::byte> encode(DType dtype, const std::vector<double>& values) {
  std::vector<std::byte> bytes;
  const auto narrow = [](double x) { return static_cast<float>(x); };
  if (dtype == DType::kF64) {
    append_as<double>(bytes, values, [](double x) { return x; });
  } else if (dtype == DType::kF32) {
    append_as<float>(bytes, values, narrow);
  } else if (dtype == DType::kF16) {
    append_as<F16>(bytes, values, [&](double x) { return round_to_f16(narrow(x)); });
  } else if (dtype == DType::kBF16) {
    append_as<BF16>(bytes, values, [&](double x) { return round_to_bf16(narrow(x)); });
  } else {
    throw std::logic_error("tiny_model: no such dtype");
  }
  return bytes;
}

bool is_gemma(const TinyModelOptions& options) {
  return options.model_type.starts_with("gemma");
}

// The keys about biases and the activation, as far as the family has them.
std::string family_keys(const TinyModelOptions& options) {
  std::string keys = options.family_json;
  if (options.model_type != "qwen2") keys += fmt::format("\"attention_bias\": {}, ", options.attention_bias);
  if (options.model_type != "qwen2" && options.model_type != "qwen3" && !is_gemma(options)) {
    keys += fmt::format("\"mlp_bias\": {}, ", options.mlp_bias);
  }
  return keys;
}

std::string config_text(const TinyModelOptions& options) {
  return fmt::format(
      R"({{"architectures": ["LlamaForCausalLM"], "model_type": "{}", "hidden_size": {}, "num_hidden_layers": {},
 "num_attention_heads": {}, "num_key_value_heads": {}, "head_dim": {}, "intermediate_size": {}, "vocab_size": {},
 "max_position_embeddings": {}, {}"tie_word_embeddings": {},
 "rms_norm_eps": 1e-05, {}, "bos_token_id": null, "eos_token_id": null, {}}}
)",
      options.model_type, options.hidden, options.layers, options.heads, options.kv_heads, options.head_dim,
      options.intermediate, options.vocab, options.max_position, family_keys(options), options.tied,
      is_gemma(options) ? R"("hidden_activation": "gelu_pytorch_tanh")" : R"("hidden_act": "silu")", options.rope_json);
}

std::string shard_name(size_t shard, size_t n_shards) {
  if (n_shards == 1) return "model.safetensors";
  return fmt::format("model-{:05}-of-{:05}.safetensors", shard + 1, n_shards);
}

}  // namespace

TemporaryFolder::TemporaryFolder() {
  std::string name = (std::filesystem::temp_directory_path() / "proxima-test-XXXXXX").string();
  if (mkdtemp(name.data()) == nullptr) throw std::runtime_error("no temporary folder: " + name);
  path_ = name;
}

TemporaryFolder::~TemporaryFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

std::vector<TensorSpec> tiny_model_tensors(const TinyModelOptions& options) {
  std::vector<TensorSpec> tensors;
  const auto add = [&](const std::string& name, std::vector<size_t> shape) {
    tensors.push_back({name, options.dtype, std::move(shape)});
  };
  const auto add_linear = [&](const std::string& name, size_t n_out, size_t n_in, bool bias) {
    add(name + ".weight", {n_out, n_in});
    if (bias) add(name + ".bias", {n_out});
  };
  const size_t q_width = options.heads * options.head_dim;
  const size_t kv_width = options.kv_heads * options.head_dim;
  const bool phi3 = options.model_type == "phi3", gemma = is_gemma(options);
  const bool qkv_bias = options.attention_bias || options.model_type == "qwen2";
  add("model.embed_tokens.weight", {options.vocab, options.hidden});
  for (size_t layer = 0; layer < options.layers; ++layer) {
    const std::string prefix = fmt::format("model.layers.{}.", layer);
    add(prefix + "input_layernorm.weight", {options.hidden});
    if (phi3) {
      add_linear(prefix + "self_attn.qkv_proj", q_width + 2 * kv_width, options.hidden, false);
    } else {
      add_linear(prefix + "self_attn.q_proj", q_width, options.hidden, qkv_bias);
      add_linear(prefix + "self_attn.k_proj", kv_width, options.hidden, qkv_bias);
      add_linear(prefix + "self_attn.v_proj", kv_width, options.hidden, qkv_bias);
    }
    if (options.model_type == "qwen3" || options.model_type == "gemma3_text") {
      add(prefix + "self_attn.q_norm.weight", {options.head_dim});
      add(prefix + "self_attn.k_norm.weight", {options.head_dim});
    }
    add_linear(prefix + "self_attn.o_proj", options.hidden, q_width, options.attention_bias);
    add(prefix + "post_attention_layernorm.weight", {options.hidden});
    if (gemma) add(prefix + "pre_feedforward_layernorm.weight", {options.hidden});
    if (phi3) {
      add_linear(prefix + "mlp.gate_up_proj", 2 * options.intermediate, options.hidden, false);
    } else {
      add_linear(prefix + "mlp.gate_proj", options.intermediate, options.hidden, options.mlp_bias);
      add_linear(prefix + "mlp.up_proj", options.intermediate, options.hidden, options.mlp_bias);
    }
    add_linear(prefix + "mlp.down_proj", options.hidden, options.intermediate, options.mlp_bias);
    if (gemma) add(prefix + "post_feedforward_layernorm.weight", {options.hidden});
  }
  add("model.norm.weight", {options.hidden});
  if (!options.tied) add("lm_head.weight", {options.vocab, options.hidden});
  return tensors;
}

std::vector<double> tiny_model_values(const TinyModelOptions& options, const TensorSpec& spec) {
  Random random(stream_seed(options.seed, spec.name));
  const auto named = [&](const char* part) { return spec.name.find(part) != std::string::npos; };
  double center = 0.0;
  double reach = 0.0;  // uniform on center +- reach: variance reach^2 / 3
  if (named("norm")) {
    center = is_gemma(options) ? 0.0 : 1.0;
    reach = 0.5;
  } else if (named(".bias")) {
    reach = 0.3;
  } else if (named("embed_tokens")) {
    reach = std::sqrt(3.0);
  } else {
    const double gain = named("q_proj") || named("k_proj") ? 2.0 : 1.0;
    reach = std::sqrt(3.0 * gain / static_cast<double>(spec.shape.at(1)));
  }
  size_t n_values = 1;
  for (const size_t dimension : spec.shape) n_values *= dimension;
  std::vector<double> values(n_values);
  for (double& value : values) value = center + reach * random.symmetric();
  return values;
}

void write_tiny_model(const std::filesystem::path& dir, const TinyModelOptions& options) {
  std::filesystem::create_directories(dir);
  write_text(dir / "config.json", config_text(options));
  const auto tensors = tiny_model_tensors(options);
  std::vector<std::vector<TensorSpec>> shards(options.n_shards);
  std::string weight_map;
  for (size_t index = 0; index < tensors.size(); ++index) {
    const size_t shard = index * options.n_shards / tensors.size();
    shards[shard].push_back(tensors[index]);
    weight_map += fmt::format("{}\"{}\": \"{}\"", index == 0 ? "" : ",\n  ", tensors[index].name,
                              shard_name(shard, options.n_shards));
  }
  for (size_t shard = 0; shard < options.n_shards; ++shard) {
    std::vector<std::vector<double>> values;
    for (const TensorSpec& spec : shards[shard]) values.push_back(tiny_model_values(options, spec));
    const auto path = dir / shard_name(shard, options.n_shards);
    write_tensors(path, shards[shard], values);
    pad_header(path, options.header_padding);
  }
  if (options.n_shards > 1) {
    write_text(dir / "model.safetensors.index.json",
               fmt::format("{{\"metadata\": {{}}, \"weight_map\": {{\n  {}}}}}\n", weight_map));
  }
}

void write_tensors(const std::filesystem::path& path, const std::vector<TensorSpec>& tensors,
                   const std::vector<std::vector<double>>& values) {
  SafetensorsWriter writer(path, tensors, {{"format", "pt"}});
  for (size_t index = 0; index < tensors.size(); ++index) {
    const auto bytes = encode(tensors[index].dtype, values.at(index));
    writer.write(tensors[index].name, 0, bytes.data(), bytes.size());
  }
  writer.finish();
}

void pad_header(const std::filesystem::path& path, size_t n_spaces) {
  if (n_spaces == 0) return;
  std::string text = read_text(path);
  uint64_t n_header = 0;  // little endian, as this machine
  static_assert(std::endian::native == std::endian::little);
  std::memcpy(&n_header, text.data(), sizeof(n_header));
  text.insert(sizeof(n_header) + n_header, n_spaces, ' ');
  n_header += n_spaces;
  std::memcpy(text.data(), &n_header, sizeof(n_header));
  write_text(path, text);
}

std::string read_text(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) throw std::runtime_error("cannot read " + path.string());
  return {std::istreambuf_iterator<char>(file), {}};
}

void write_text(const std::filesystem::path& path, const std::string& text) {
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file.write(text.data(), static_cast<std::streamsize>(text.size()));
  if (!file.flush()) throw std::runtime_error("cannot write " + path.string());
}

}  // namespace proxima::test
