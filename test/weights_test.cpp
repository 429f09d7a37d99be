// SPDX-License-Identifier: MIT
// Tiny checkpoints made whole and then damaged in one way each.
#include "model/weights.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <string>

#include "test/expect_error.h"
#include "test/shared.h"
#include "test/tiny_model.h"

namespace proxima {
namespace {

using test::expect_error;
using test::TinyModelOptions;
using test::write_tensors;

TinyModelOptions small() {
  TinyModelOptions options;
  options.hidden = 12;
  options.layers = 3;
  options.heads = 3;
  options.kv_heads = 1;
  options.head_dim = 6;
  options.intermediate = 10;
  options.vocab = 20;
  return options;
}

class WeightsTest : public testing::Test {
 protected:
  const std::filesystem::path& dir() const { return folder_.path(); }

  // Writes the model as one file after `edit` changed its list of tensors.
  template <class Edit>
  void write_edited(const TinyModelOptions& options, Edit edit) {
    write_tiny_model(dir(), options);
    auto tensors = tiny_model_tensors(options);
    edit(tensors);
    std::vector<std::vector<double>> values;
    for (const TensorSpec& spec : tensors) values.push_back(values_of(options, spec));
    write_tensors(dir() / "model.safetensors", tensors, values);
  }

  void refuse(std::string_view message) {
    expect_error(ErrorKind::kInput, message, [&] { open_model(dir()); });
    expect_error(ErrorKind::kInput, dir().string(), [&] { open_model(dir()); });
  }

  static std::vector<double> values_of(const TinyModelOptions& options, const TensorSpec& spec) {
    if (spec.shape.size() == 2 || spec.name.find("norm") != std::string::npos) return tiny_model_values(options, spec);
    return std::vector<double>(TensorView{spec.dtype, spec.shape, nullptr}.n_elements());
  }

  static TensorSpec& named(std::vector<TensorSpec>& tensors, std::string_view name) {
    for (TensorSpec& spec : tensors) {
      if (spec.name == name) return spec;
    }
    throw std::logic_error("no such tensor");
  }

  const test::TemporaryFolder folder_;
};

void expect_shape(const TensorView& view, const std::vector<size_t>& shape) {
  EXPECT_FALSE(view.empty());
  EXPECT_EQ(view.shape, shape);
}

double element(const TensorView& view, size_t index) {
  const auto* bytes = view.data + index * dtype_bytes(view.dtype);
  if (view.dtype == DType::kF32) {
    float x;
    std::memcpy(&x, bytes, sizeof(x));
    return static_cast<double>(x);
  }
  uint16_t bits;
  std::memcpy(&bits, bytes, sizeof(bits));
  return static_cast<double>(view.dtype == DType::kF16 ? widen(F16{bits}) : widen(BF16{bits}));
}

TEST_F(WeightsTest, BindsEveryTensorToItsPlace) {
  TinyModelOptions options = small();
  options.attention_bias = options.mlp_bias = true;
  write_tiny_model(dir(), options);
  const Model model = open_model(dir());
  EXPECT_EQ(model.dir, dir());
  expect_shape(model.weights.embed, {20, 12});
  expect_shape(model.weights.final_norm, {12});
  expect_shape(model.weights.lm_head.weight, {20, 12});
  EXPECT_TRUE(model.weights.lm_head.bias.empty());
  ASSERT_EQ(model.weights.layers.size(), 3U);
  size_t n_bytes = model.weights.embed.n_bytes() * 2 + model.weights.final_norm.n_bytes();
  for (size_t layer = 0; layer < 3; ++layer) {
    const LayerWeights& weights = model.weights.layers[layer];
    expect_shape(weights.attn_norm, {12});
    expect_shape(weights.mlp_norm, {12});
    const std::string prefix = "model.layers." + std::to_string(layer) + ".";
    const auto check = [&](const LinearWeights& linear, const std::string& name, size_t n_out, size_t n_in) {
      expect_shape(linear.weight, {n_out, n_in});
      expect_shape(linear.bias, {n_out});
      const auto& tensors = model.checkpoint.tensors();
      EXPECT_EQ(linear.weight.data, tensors.at(prefix + name + ".weight").data);
      EXPECT_EQ(linear.bias.data, tensors.at(prefix + name + ".bias").data);
      n_bytes += linear.weight.n_bytes() + linear.bias.n_bytes();
    };
    check(weights.q, "self_attn.q_proj", 18, 12);
    check(weights.k, "self_attn.k_proj", 6, 12);
    check(weights.v, "self_attn.v_proj", 6, 12);
    check(weights.o, "self_attn.o_proj", 12, 18);
    check(weights.gate, "mlp.gate_proj", 10, 12);
    check(weights.up, "mlp.up_proj", 10, 12);
    check(weights.down, "mlp.down_proj", 12, 10);
    EXPECT_EQ(weights.attn_norm.data, model.checkpoint.tensors().at(prefix + "input_layernorm.weight").data);
    EXPECT_EQ(weights.mlp_norm.data, model.checkpoint.tensors().at(prefix + "post_attention_layernorm.weight").data);
    n_bytes += weights.attn_norm.n_bytes() + weights.mlp_norm.n_bytes();
  }
  EXPECT_EQ(model.checkpoint.n_bytes(), n_bytes);
}

// Shards, header padding and dtype change where the numbers lie, never which they are.
TEST_F(WeightsTest, HoldsTheSameNumbersHoweverTheyAreStored) {
  const TinyModelOptions plain = small();
  const auto tensors = tiny_model_tensors(plain);
  for (const DType dtype : {DType::kF32, DType::kF16, DType::kBF16}) {
    for (const size_t n_shards : {1U, 4U}) {
      for (const size_t padding : {0U, 1U, 7U}) {
        TinyModelOptions options = plain;
        options.dtype = dtype;
        options.n_shards = n_shards;
        options.header_padding = padding;
        const auto subfolder = dir() / fmt::format("{}-{}-{}", dtype_name(dtype), n_shards, padding);
        write_tiny_model(subfolder, options);
        const Model model = open_model(subfolder);
        EXPECT_EQ(model.checkpoint.files().size(), n_shards);
        check_weights_finite(model.checkpoint);
        for (const TensorSpec& spec : tensors) {
          const auto values = tiny_model_values(plain, spec);
          const TensorView& view = model.checkpoint.tensors().at(spec.name);
          ASSERT_EQ(view.n_elements(), values.size());
          for (size_t index = 0; index < values.size(); ++index) {
            ASSERT_NEAR(element(view, index), values[index], std::abs(values[index]) / 256 + 1e-7) << spec.name;
          }
        }
      }
    }
  }
}

TEST_F(WeightsTest, OpensTheGoldenFolders) {
  PROXIMA_NEEDS_SHARED("golden");
  size_t n_opened = 0;
  for (const auto& entry : std::filesystem::directory_iterator(test::shared_folder() / "golden")) {
    if (!entry.is_directory()) continue;
    SCOPED_TRACE(entry.path().filename());
    const Model model = open_model(entry.path());
    check_weights_finite(model.checkpoint);
    EXPECT_EQ(model.weights.layers.size(), model.config.n_layers);
    ++n_opened;
  }
  EXPECT_EQ(n_opened, 20U);
}

TEST_F(WeightsTest, ReportsEverythingThatDoesNotFitInOneMessage) {
  write_edited(small(), [](auto& tensors) {
    named(tensors, "model.layers.0.self_attn.q_proj.weight").shape = {12, 18};
    named(tensors, "model.layers.2.mlp.up_proj.weight").dtype = DType::kF64;
    named(tensors, "model.norm.weight").name = "model.final.weight";
    std::erase_if(tensors, [](const TensorSpec& spec) { return spec.name.starts_with("model.layers.1."); });
  });
  const std::string folder = dir().string();
  refuse(folder + ": the tensors do not fit config.json: ");
  refuse("1 of another shape than config.json implies: model.layers.0.self_attn.q_proj.weight [12, 18] for [18, 12]");
  refuse("1 of an unsupported dtype (BF16, F16, F32 are): model.layers.2.mlp.up_proj.weight F64");
  refuse("10 missing: model.layers.1.input_layernorm.weight, ");
  refuse(" and 5 more");
  refuse("1 unexpected: \"model.final.weight\"");
}

TEST_F(WeightsTest, RefusesBiasesTheConfigDoesNotName) {
  write_edited(small(), [](auto& tensors) {
    tensors.push_back({"model.layers.0.self_attn.q_proj.bias", DType::kF32, {18}});
  });
  refuse("1 unexpected: \"model.layers.0.self_attn.q_proj.bias\"");
}

TEST_F(WeightsTest, RefusesAnUntiedHeadThatIsMissing) {
  write_edited(small(), [](auto& tensors) { tensors.pop_back(); });
  refuse("1 missing: lm_head.weight");
}

TEST_F(WeightsTest, TiedHeadMustBeTheEmbedding) {
  TinyModelOptions options = small();
  options.tied = true;
  write_tiny_model(dir(), options);
  const Model plain = open_model(dir());
  EXPECT_EQ(plain.weights.lm_head.weight.data, plain.weights.embed.data);
  auto tensors = tiny_model_tensors(options);
  std::vector<std::vector<double>> values;
  for (const TensorSpec& spec : tensors) values.push_back(tiny_model_values(options, spec));
  tensors.push_back({"lm_head.weight", options.dtype, tensors.front().shape});
  values.push_back(values.front());
  write_tensors(dir() / "model.safetensors", tensors, values);
  open_model(dir());
  values.back().back() += 1e-3;
  write_tensors(dir() / "model.safetensors", tensors, values);
  refuse("lm_head.weight differs from model.embed_tokens.weight although config.json ties them");
  values.back() = values.front();
  tensors.back().dtype = DType::kBF16;
  write_tensors(dir() / "model.safetensors", tensors, values);
  refuse("lm_head.weight differs");
  // The same bytes, but not the same type.
  for (TensorSpec& spec : tensors) spec.dtype = DType::kBF16;
  tensors.back().dtype = DType::kF16;
  values.front().assign(values.front().size(), 0.0);
  values.back() = values.front();
  write_tensors(dir() / "model.safetensors", tensors, values);
  refuse("lm_head.weight differs");
}

TEST_F(WeightsTest, AcceptsRotaryBuffersOfOldCheckpoints) {
  write_edited(small(), [](auto& tensors) {
    tensors.push_back({"model.layers.0.self_attn.rotary_emb.inv_freq", DType::kF32, {3}});
  });
  open_model(dir());
  write_edited(small(), [](auto& tensors) {
    tensors.push_back({"encoder.layers.0.self_attn.rotary_emb.inv_freq", DType::kF32, {3}});
  });
  refuse("1 unexpected");
}

// Every value that is not finite, in every dtype, at the ends and around block borders of a long tensor.
TEST_F(WeightsTest, FindsNonFiniteWeights) {
  TinyModelOptions options = small();
  options.vocab = 6000;  // 72000 elements in the embedding: more than one block
  options.layers = 1;
  for (const DType dtype : {DType::kF32, DType::kF16, DType::kBF16}) {
    options.dtype = dtype;
    write_tiny_model(dir(), options);
    const auto tensors = tiny_model_tensors(options);
    std::vector<std::vector<double>> values;
    for (const TensorSpec& spec : tensors) values.push_back(tiny_model_values(options, spec));
    const auto path = dir() / "model.safetensors";
    const double infinity = std::numeric_limits<double>::infinity();
    const std::pair<size_t, double> cases[] = {
        {0, NAN}, {65535, infinity}, {65536, -infinity}, {71999, NAN}, {12 * 41 + 7, -NAN}};
    for (const auto& [index, bad] : cases) {
      auto damaged = values;
      damaged[0][index] = bad;
      write_tensors(path, tensors, damaged);
      test::pad_header(path, index % 3);
      const Checkpoint checkpoint(dir());
      const auto where = fmt::format("{}: tensor \"model.embed_tokens.weight\" holds NaN or infinity at [{}, {}]",
                                     path.string(), index / 12, index % 12);
      expect_error(ErrorKind::kInput, where, [&] { check_weights_finite(checkpoint); });
    }
    auto extreme = values;
    extreme[0][5] = dtype == DType::kF16 ? 65504.0 : 3.38e38;
    extreme[0][6] = -extreme[0][5];
    write_tensors(path, tensors, extreme);
    check_weights_finite(Checkpoint(dir()));
  }
}

// Seven blocks, so that each of a few threads sees several.
TEST_F(WeightsTest, NamesTheFirstOfSeveralNonFiniteWeights) {
  const TensorSpec spec{"w", DType::kF32, {200, 2000}};
  const std::pair<std::vector<size_t>, const char*> cases[] = {
      {{399999, 131072, 70001}, "at [35, 1]"}, {{7}, "at [0, 7]"}, {{200000, 2001}, "at [1, 1]"}};
  for (const auto& [bad, where] : cases) {
    std::vector<double> values(400000);
    for (const size_t index : bad) values[index] = NAN;
    write_tensors(dir() / "model.safetensors", {spec}, {values});
    const Checkpoint checkpoint(dir());
    expect_error(ErrorKind::kInput, where, [&] { check_weights_finite(checkpoint); });
  }
}

}  // namespace
}  // namespace proxima
