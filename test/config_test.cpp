// SPDX-License-Identifier: MIT
#include "model/config.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>
#include <string>

#include "test/expect_error.h"
#include "test/real_configs.h"
#include "test/shared.h"
#include "test/tiny_model.h"

namespace proxima {
namespace {

using nlohmann::json;
using Ids = std::vector<TokenId>;

const char* const kBase = R"({"model_type": "llama", "hidden_size": 48, "num_hidden_layers": 3,
  "num_attention_heads": 6, "num_key_value_heads": 2, "intermediate_size": 99, "vocab_size": 100,
  "max_position_embeddings": 512, "rms_norm_eps": 1e-5})";

// The base config with members replaced; a null pointer in place of the value removes the key.
struct Change {
  const char* key;
  const char* value;
};

std::string changed(const std::vector<Change>& changes) {
  json config = json::parse(kBase);
  for (const Change& change : changes) {
    if (change.value == nullptr) {
      config.erase(change.key);
    } else {
      config[change.key] = json::parse(change.value);
    }
  }
  return config.dump();
}

ModelConfig parse(const std::vector<Change>& changes, const char* generation = "{}") {
  return parse_config("D", changed(changes), generation);
}

void refuse(const std::vector<Change>& changes, std::string_view message) {
  SCOPED_TRACE(changed(changes));
  test::expect_error(ErrorKind::kInput, message, [&] { parse(changes); });
  test::expect_error(ErrorKind::kInput, "D/config.json: ", [&] { parse(changes); });
}

TEST(Config, ReadsEveryKeyItUses) {
  const auto config = parse({{"head_dim", "10"},
                             {"attention_bias", "true"},
                             {"mlp_bias", "true"},
                             {"tie_word_embeddings", "true"},
                             {"hidden_act", "\"silu\""},
                             {"bos_token_id", "7"},
                             {"eos_token_id", "8"},
                             {"rope_theta", "5e5"}});
  EXPECT_EQ(config.model_type, "llama");
  EXPECT_EQ(config.n_layers, 3U);
  EXPECT_EQ(config.hidden, 48U);
  EXPECT_EQ(config.n_heads, 6U);
  EXPECT_EQ(config.n_kv_heads, 2U);
  EXPECT_EQ(config.head_dim, 10U);
  EXPECT_EQ(config.intermediate, 99U);
  EXPECT_EQ(config.vocab, 100U);
  EXPECT_EQ(config.max_position, 512U);
  EXPECT_EQ(config.rms_norm_eps, 1e-5);
  EXPECT_TRUE(config.qkv_bias && config.o_bias && config.mlp_bias && config.tie_embeddings);
  EXPECT_EQ(config.bos_id, 7U);
  EXPECT_EQ(config.eos_ids, Ids{8});
  EXPECT_EQ(config.layers[0].rope, (RopeParameters{.kind = RopeKind::kDefault, .n_dims = 10, .theta = 5e5}));
}

TEST(Config, AbsentKeysMeanWhatTheReferenceMeans) {
  const auto config = parse({{"num_key_value_heads", nullptr}});
  EXPECT_EQ(config.n_kv_heads, 6U);
  EXPECT_EQ(config.head_dim, 8U);
  EXPECT_FALSE(config.qkv_bias || config.o_bias || config.mlp_bias || config.tie_embeddings);
  EXPECT_FALSE(config.bos_id);
  EXPECT_TRUE(config.eos_ids.empty());
  EXPECT_EQ(config.layers[0].rope.theta, 10000.0);
  EXPECT_EQ(parse({{"head_dim", "null"}, {"num_key_value_heads", "null"}}).head_dim, 8U);
}

TEST(Config, UnitesTheEndTokensOfBothFiles) {
  EXPECT_EQ(parse({{"eos_token_id", "[9, 3]"}}, R"({"eos_token_id": [4, 9], "temperature": 0.6})").eos_ids,
            (Ids{3, 4, 9}));
  EXPECT_EQ(parse({{"eos_token_id", "null"}}, R"({"eos_token_id": 5})").eos_ids, Ids{5});
  EXPECT_EQ(parse({{"eos_token_id", "5"}}, R"({"eos_token_id": null})").eos_ids, Ids{5});
  for (const char* bad : {"100", "-1", "1.5", "true", "\"2\"", "[1, [2]]"}) {
    refuse({{"eos_token_id", bad}}, "\"eos_token_id\" holds");
  }
  refuse({{"bos_token_id", "100"}}, "not a token id below vocab_size (100)");
  test::expect_error(ErrorKind::kInput, "D/generation_config.json: \"eos_token_id\" holds",
                     [] { parse({}, R"({"eos_token_id": 100})"); });
  test::expect_error(ErrorKind::kInput, "D/generation_config.json: not valid JSON", [] { parse({}, "{"); });
  test::expect_error(ErrorKind::kInput, "must be a JSON object", [] { parse({}, "[]"); });
}

TEST(Config, RefusesOtherFamiliesByName) {
  for (const char* family : {"gemma", "gemma3", "gemma3n", "qwen2_moe", "phi", "mixtral", "gpt2", "Llama", ""}) {
    const std::string text = '"' + std::string(family) + '"';
    refuse({{"model_type", text.c_str()}},
           "\"model_type\" is " + text +
               ": this family is not supported; these are: llama, mistral, qwen2, qwen3, phi3, gemma2, gemma3_text, "
               "smollm3");
  }
  refuse({{"model_type", nullptr}}, "\"model_type\" is missing");
}

TEST(Config, NamesEachMissingSize) {
  for (const char* key : {"hidden_size", "num_hidden_layers", "num_attention_heads", "intermediate_size", "vocab_size",
                          "max_position_embeddings", "rms_norm_eps"}) {
    refuse({{key, nullptr}}, '"' + std::string(key) + "\" is missing");
    refuse({{key, "null"}}, '"' + std::string(key) + "\" is missing");
    refuse({{key, "\"8\""}}, '"' + std::string(key) + "\" must be");
    refuse({{key, "0"}}, '"' + std::string(key) + "\" is 0");
    refuse({{key, "18446744073709551615"}},
           '"' + std::string(key) + "\" is 1");  // 2^64-1, or 1.8e+19 where a fraction may stand
    refuse({{key, "-1"}}, '"' + std::string(key) + "\" ");
  }
}

TEST(Config, RefusesHeadsThatDoNotFit) {
  refuse({{"num_key_value_heads", "4"}}, "is 4, which does not divide num_attention_heads (6)");
  refuse({{"num_key_value_heads", "12"}}, "does not divide");
  refuse({{"num_key_value_heads", "0"}}, "\"num_key_value_heads\" is 0");
  refuse({{"head_dim", "9"}}, "\"head_dim\" is 9; it must be even");
  refuse({{"head_dim", "0"}}, "\"head_dim\" is 0");
  refuse({{"hidden_size", "50"}}, "\"head_dim\" is missing, and hidden_size / num_attention_heads (50 / 6)");
  refuse({{"hidden_size", "42"}}, "\"head_dim\" is 7; it must be even");
}

TEST(Config, RefusesSwitchesItDoesNotKnow) {
  refuse({{"hidden_act", "\"gelu\""}}, "\"hidden_act\" is \"gelu\"; only \"silu\"");
  refuse({{"attention_bias", "1"}}, "\"attention_bias\" must be true or false");
  refuse({{"tie_word_embeddings", "\"no\""}}, "\"tie_word_embeddings\" must be");
  refuse({{"rms_norm_eps", "1.0"}}, "\"rms_norm_eps\" is 1");
  refuse({{"pretraining_tp", "2"}}, "\"pretraining_tp\" must be 1");
  refuse({{"rope_interleaved", "true"}}, "\"rope_interleaved\" is true");
  refuse({{"max_sequence_length", "1024"}}, "contradicts max_position_embeddings");
  for (const char* bad : {"0", "-0.5", "1.5", "0.4", "0.1"}) {  // of 8: 3 dimensions, none
    refuse({{"partial_rotary_factor", bad}}, "it must leave an even number of 8 dimensions");
  }
  refuse({{"quantization_config", R"({"quant_method": "gptq"})"}}, "quantized checkpoints are not supported");
  refuse({{"layer_types", R"(["full_attention", "full_attention"])"}}, "\"layer_types\" must list one type per layer");
  refuse({{"layer_types", "{}"}}, "\"layer_types\" must list one type per layer");
  refuse({{"layer_types", R"(["full_attention", "sliding_attention", "full_attention"])"}},
         "\"layer_types\" names sliding_attention, but no sliding_window is set");
}

TEST(Config, RefusesUnknownKeysByName) {
  for (const char* key : {"attn_logit_softcapping", "query_pre_attn_scalar", "mlp_quant", "num_local_experts", "Rope",
                          "use_sliding_window", "sliding_window", "no_rope_layers", "max_window_layers",
                          "rope_local_base_freq", "embedding_multiplier", "auto_map"}) {
    refuse({{key, "false"}}, '"' + std::string(key) + "\" is an unknown key");
    refuse({{key, "null"}}, '"' + std::string(key) + "\" is an unknown key");
  }
}

TEST(Config, TrainedContextIsTheStretchedOne) {
  EXPECT_EQ(trained_context(parse({})), 512U);
  const auto with = [](const char* scaling) { return trained_context(parse({{"rope_scaling", scaling}})); };
  EXPECT_EQ(with(R"({"type": "linear", "factor": 4.0})"), 2048U);
  EXPECT_EQ(with(R"({"type": "dynamic", "factor": 2.5})"), 1280U);
  EXPECT_EQ(with(R"({"type": "yarn", "factor": 4.0})"), 2048U);
  EXPECT_EQ(with(R"({"type": "yarn", "factor": 4.0, "original_max_position_embeddings": 128})"), 512U);
  EXPECT_EQ(with(R"({"type": "yarn", "factor": 4.0, "original_max_position_embeddings": 400})"), 1600U);  // as Qwen3
  EXPECT_EQ(with(R"({"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
                     "original_max_position_embeddings": 64})"),
            512U);
}

TEST(Config, AcceptsHarmlessKeys) {
  parse({{"transformers_version", "\"5.0\""},
         {"use_cache", "false"},
         {"initializer_range", "0.1"},
         {"attention_dropout", "0.1"},
         {"architectures", "[]"},
         {"_name_or_path", "\"x\""},
         {"torch_dtype", "\"float16\""},
         {"dtype", "\"float32\""},
         {"pad_token_id", "-1"},
         {"is_llama_config", "true"},
         {"rope_interleaved", "false"},
         {"pretraining_tp", "1"},
         {"quantization_config", "null"},
         {"partial_rotary_factor", "1.0"},
         {"layer_types", R"(["full_attention", "full_attention", "full_attention"])"}});
}

TEST(Config, ReadsTheFormsOfWellKnownCheckpoints) {
  for (const auto& real : test::kRealConfigs) {
    SCOPED_TRACE(real.name);
    const auto config = parse_config("D", real.text);
    EXPECT_EQ(config.head_dim, real.head_dim);
    EXPECT_EQ(config.n_kv_heads, real.n_kv_heads);
    const auto global = std::ranges::find_if(
        config.layers, [](const LayerConfig& layer) { return layer.window == SIZE_MAX && layer.rope.n_dims > 0; });
    EXPECT_EQ((global == config.layers.end() ? config.layers.front() : *global).rope.theta, real.theta);
    EXPECT_EQ(config.tie_embeddings, real.tied);
    EXPECT_FALSE(config.eos_ids.empty());
    size_t n_windowed = 0;
    for (const LayerConfig& layer : config.layers) {
      if (layer.window == SIZE_MAX) continue;
      EXPECT_EQ(layer.window, real.window);
      ++n_windowed;
    }
    EXPECT_EQ(n_windowed, real.n_windowed);
    EXPECT_EQ(trained_context(config), real.context);
  }
}

TEST(Config, ReadsTheGoldenFolders) {
  PROXIMA_NEEDS_SHARED("golden");
  std::set<std::string> families;
  size_t n_read = 0;
  for (const auto& entry : std::filesystem::directory_iterator(test::shared_folder() / "golden")) {
    if (!entry.is_directory()) continue;
    SCOPED_TRACE(entry.path().filename());
    const ModelConfig config = read_config(entry.path());
    families.insert(config.model_type);
    const auto meta = json::parse(test::read_text(entry.path() / "meta.json"));
    const json& windows = meta.at("windows_per_layer");  // or null
    ASSERT_TRUE(windows.is_null() || windows.size() == config.n_layers);
    for (size_t layer = 0; layer < config.n_layers; ++layer) {
      const bool whole = windows.is_null() || windows[layer].is_null();
      const size_t expected = whole ? SIZE_MAX : windows[layer].get<size_t>();
      EXPECT_EQ(config.layers[layer].window, expected);
    }
    ++n_read;
  }
  EXPECT_EQ(n_read, 20U);
  EXPECT_EQ(families.size(), 7U);  // none of SmolLM3
}

TEST(Config, ReadsTheFolder) {
  const test::TemporaryFolder folder;
  test::expect_error(ErrorKind::kInput, (folder.path() / "config.json").string() + ": cannot be opened",
                     [&] { read_config(folder.path()); });
  test::write_text(folder.path() / "config.json", kBase);
  EXPECT_TRUE(read_config(folder.path()).eos_ids.empty());
  test::write_text(folder.path() / "generation_config.json", R"({"eos_token_id": 3})");
  EXPECT_EQ(read_config(folder.path()).eos_ids, Ids{3});
  test::write_text(folder.path() / "config.json", "");
  test::expect_error(ErrorKind::kInput, "not valid JSON", [&] { read_config(folder.path()); });
}

}  // namespace
}  // namespace proxima
