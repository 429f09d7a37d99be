// SPDX-License-Identifier: MIT
// The forward pass: when PoD is dense attention, what is refused, what observers see. What it promises about bits and
// numbers is shown of every family in families_test.cpp.
#include "model/transformer.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/error.h"
#include "model/generator.h"
#include "test/run_model.h"
#include "test/stored_matrix.h"
#include "test/tiny_model.h"

namespace proxima {
namespace {

using test::random_ids;
using test::same_bits;
using test::TemporaryFolder;
using test::TinyModelOptions;

// Writes a tiny model whose values `change` has had a hand in.
template <class Change>
Model changed_model(const TemporaryFolder& folder, const TinyModelOptions& options, Change change) {
  test::write_tiny_model(folder.path(), options);
  const auto specs = test::tiny_model_tensors(options);
  std::vector<std::vector<double>> values;
  for (const TensorSpec& spec : specs) {
    values.push_back(test::tiny_model_values(options, spec));
    change(spec.name, values.back());
  }
  test::write_tensors(folder.path() / "model.safetensors", specs, values);
  return open_model(folder.path());
}

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

// Everything observed, bit by bit.
void expect_same(const reference::Result& a, const reference::Result& b) {
  EXPECT_TRUE(same_bits(a.logits, b.logits));
  for (size_t layer = 0; layer < a.hidden.size(); ++layer) EXPECT_TRUE(same_bits(a.hidden[layer], b.hidden[layer]));
}

TEST(TransformerTest, PodWithoutSharingOrWithinItsWindowIsDense) {
  const TemporaryFolder folder;
  test::write_tiny_model(folder.path(), {.hidden = 32, .layers = 5, .head_dim = 8, .intermediate = 40, .vocab = 50});
  const Model model = open_model(folder.path());
  const auto ids = random_ids(700, 50, 2);
  const SharingMap identity{5, 2, 4, 30, {{0, 1, 2, 3, 4}, {0, 1, 2, 3, 4}}};
  const SharingMap one_block{5, 2, 16, 684, {{0}, {0}}};
  const SharingMap smaller{5, 2, 16, 683, {{0}, {0}}};
  for (const Precision precision : {Precision::kF64, Precision::kF32, Precision::kFast}) {
    for (const size_t chunk : {1U, 7U, 64U, 700U}) {
      const auto run = [&](const SharingMap* map) {
        return test::run_model(model, ids, {.precision = precision, .map = map, .chunk = chunk, .n_prompt = 690});
      };
      const auto dense = run(nullptr);
      expect_same(run(&identity), dense);
      if (precision == Precision::kFast) continue;  // may choose its blocks freely
      expect_same(run(&one_block), dense);
      EXPECT_FALSE(same_bits(run(&smaller).logits, dense.logits));
    }
  }
}

// Layers of a block that would compute the same keys anyway: PoD must be dense attention bit by bit, though its keys
// come from another layer's store and its rings have wrapped.
TEST(TransformerTest, PodSharingEqualKeysIsDense) {
  const TinyModelOptions options{
      .hidden = 48, .layers = 5, .head_dim = 14, .intermediate = 40, .vocab = 50, .attention_bias = true};
  const SharingMap map{5, 2, 3, 40, {{0, 2}, {0, 1, 2, 4}}};  // layers {0, 1} {2, 3, 4} and {0} {1} {2, 3} {4}
  const TemporaryFolder folder;
  // Layers 0, 2 and 3 add nothing to the residual, so the inputs of 1 and of 3, 4 are those of 0 and of 2.
  const Model model = changed_model(folder, options, [&](const std::string& name, std::vector<double>& values) {
    for (const std::string layer : {"1", "3", "4"}) {
      const std::string prefix = "model.layers." + layer + ".", lowest = layer == "1" ? "0" : "2";
      for (const std::string part : {"input_layernorm.weight", "self_attn.k_proj.weight", "self_attn.k_proj.bias"}) {
        if (name != prefix + part) continue;
        for (const TensorSpec& spec : test::tiny_model_tensors(options)) {
          if (spec.name == "model.layers." + lowest + "." + part) values = test::tiny_model_values(options, spec);
        }
      }
    }
    for (const std::string layer : {"0", "2", "3"}) {
      const std::string prefix = "model.layers." + layer + ".";
      if (contains(name, prefix) && (contains(name, "o_proj") || contains(name, "down_proj"))) {
        std::fill(values.begin(), values.end(), 0);
      }
    }
  });
  const auto ids = random_ids(730, 50, 3);
  for (const Precision precision : {Precision::kF64, Precision::kF32}) {
    for (const size_t chunk : {1U, 7U, 64U, 730U}) {
      const auto dense = test::run_model(model, ids, {.precision = precision, .chunk = chunk});
      expect_same(test::run_model(model, ids, {.precision = precision, .map = &map, .chunk = chunk}), dense);
      expect_same(test::run_model(model, ids, {.precision = precision, .map = &map, .chunk = chunk, .n_prompt = 600}),
                  dense);
    }
  }
}

class LimitsTest : public ::testing::Test {
 protected:
  LimitsTest() {
    test::write_tiny_model(folder_.path(), options_);
    model_.emplace(open_model(folder_.path()));
  }
  template <class F>
  static void expect_error(ErrorKind kind, const std::vector<std::string>& words, F f) {
    try {
      f();
      FAIL() << "accepted";
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), kind) << error.what();
      for (const auto& word : words) EXPECT_TRUE(contains(error.what(), word)) << error.what() << " lacks " << word;
      EXPECT_FALSE(contains(error.what(), "\n"));
    }
  }
  TinyModelOptions options_{.hidden = 32, .layers = 2, .head_dim = 8, .intermediate = 40, .vocab = 50};
  TemporaryFolder folder_;
  std::optional<Model> model_;
};

TEST_F(LimitsTest, RefusesBeforeAnythingChanges) {
  const auto transformer = Transformer::create(*model_, default_compute(), Precision::kF32, {20, 8});
  const auto cache = test::make_cache(*model_, 20, {.precision = Precision::kF32, .chunk = 8});
  const auto ids = random_ids(8, 50, 4);
  transformer->forward(ids, *cache, true);
  const std::vector<double> before(transformer->logits().begin(), transformer->logits().end());
  auto bad = ids;
  bad[7] = 50;
  expect_error(ErrorKind::kUsage, {"50"}, [&] { transformer->forward(bad, *cache, true); });
  EXPECT_EQ(cache->n_tokens(), 8U);
  transformer->forward(ids, *cache, false);
  expect_error(ErrorKind::kContext, {"24", "20"}, [&] { transformer->forward(ids, *cache, true); });
  EXPECT_EQ(cache->n_tokens(), 16U);
  EXPECT_TRUE(same_bits(std::vector<double>(transformer->logits().begin(), transformer->logits().end()), before));
  transformer->forward(std::span(ids).first(4), *cache, true);  // exactly full
  EXPECT_EQ(cache->n_tokens(), 20U);
}

// A cache made for less than the transformer must not be written beyond its end.
TEST_F(LimitsTest, RefusesToOverfillASmallerCache) {
  const auto transformer = Transformer::create(*model_, default_compute(), Precision::kF32, {20, 8});
  const auto cache = test::make_cache(*model_, 12, {.precision = Precision::kF32, .chunk = 8});
  const auto ids = random_ids(8, 50, 4);
  transformer->forward(ids, *cache, false);
  expect_error(ErrorKind::kContext, {"16", "12"}, [&] { transformer->forward(ids, *cache, false); });
  EXPECT_EQ(cache->n_tokens(), 8U);
}

TEST_F(LimitsTest, GeneratorRefusesWhatDoesNotFit) {
  const auto transformer = Transformer::create(*model_, default_compute(), Precision::kF32, {20, 8});
  const auto cache = test::make_cache(*model_, 20, {.precision = Precision::kF32, .chunk = 8});
  Generator generator(*transformer, *cache);
  const auto ids = random_ids(19, 50, 5);
  expect_error(ErrorKind::kUsage, {"empty"}, [&] { generator.read_prompt({}, 1); });
  expect_error(ErrorKind::kContext, {"19", "2", "20"}, [&] { generator.read_prompt(ids, 2); });
  EXPECT_EQ(cache->n_tokens(), 0U);
  generator.read_prompt(ids, 1);
  EXPECT_EQ(cache->n_tokens(), 19U);
  expect_error(ErrorKind::kContext, {"20"}, [&] { generator.read_prompt(ids, 0); });
}

TEST_F(LimitsTest, DynamicRotationKeepsToItsLength) {
  options_.rope_json = R"("rope_theta": 10000.0, "rope_scaling": {"rope_type": "dynamic", "factor": 2.0})";
  options_.max_position = 32;
  test::write_tiny_model(folder_.path(), options_);
  const Model model = open_model(folder_.path());
  const auto transformer = Transformer::create(model, default_compute(), Precision::kF64, {100, 16});
  const auto cache = test::make_cache(model, 100, {.chunk = 16});
  Generator generator(*transformer, *cache);
  const auto ids = random_ids(50, 50, 6);
  expect_error(ErrorKind::kContext, {"20", "13", "32"}, [&] { generator.read_prompt(std::span(ids).first(20), 13); });
  expect_error(ErrorKind::kContext, {"50", "1"}, [&] { generator.read_prompt(ids, 1); });
  generator.read_prompt(ids, 0);
  const auto reference = reference::run(model, ids);
  const std::vector<double> last(reference.logits.end() - 50, reference.logits.end());
  EXPECT_LT(test::deviation({generator.logits().begin(), generator.logits().end()}, last).largest, 1e-10);
}

// NaN in each weight alone must come out as an error, whatever masks, maxima and precisions do with it on the way.
TEST_F(LimitsTest, NonFiniteWeightsEndInAnError) {
  const auto ids = random_ids(40, 50, 7);
  const SharingMap map{2, 2, 2, 10, {{0}, {0}}};
  size_t n_weights = 0;
  for (const TensorSpec& spec : test::tiny_model_tensors(options_)) {
    const Model model = changed_model(folder_, options_, [&](const std::string& name, std::vector<double>& values) {
      if (name == spec.name) std::fill(values.begin(), values.end(), std::numeric_limits<double>::quiet_NaN());
    });
    for (const Precision precision : {Precision::kF64, Precision::kF32, Precision::kFast}) {
      for (const SharingMap* with : {static_cast<const SharingMap*>(nullptr), &map}) {
        SCOPED_TRACE(spec.name);
        const auto transformer = Transformer::create(model, default_compute(), precision, {40, 20});
        const auto cache = test::make_cache(model, 40, {.precision = precision, .map = with, .chunk = 20});
        Generator generator(*transformer, *cache);
        expect_error(ErrorKind::kNonFinite, {"nan"}, [&] { generator.read_prompt(ids, 0); });
      }
    }
    ++n_weights;
  }
  EXPECT_EQ(n_weights, 21U);
}

class Watcher : public Observer {
 public:
  bool wants(Point, size_t) const override { return true; }
  void observe(const Observation& o) override {
    const std::string name = full_point_name(o.point, o.layer);
    if (names.empty() || std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
    shapes.push_back({o.first_position, o.n_rows, o.n_columns});
    if (o.point != Point::kLogits) return;
    const auto* rows = static_cast<const double*>(o.data);
    last_logits.assign(rows + (o.n_rows - 1) * o.n_columns, rows + o.n_rows * o.n_columns);
  }
  struct Shape {
    size_t first, n_rows, n_columns;
  };
  std::vector<std::string> names;
  std::vector<Shape> shapes;
  std::vector<double> last_logits;
};

TEST_F(LimitsTest, ObserversSeeEveryPointInOrderAndTheLogits) {
  const auto transformer = Transformer::create(*model_, default_compute(), Precision::kF64, {100, 50});
  const auto cache = test::make_cache(*model_, 100, {.chunk = 50});
  const auto ids = random_ids(100, 50, 8);
  Watcher watcher;
  for (const size_t first : {0U, 50U}) {
    transformer->forward(std::span(ids).subspan(first, 50), *cache, first != 0, &watcher);
  }
  std::vector<std::string> expected = {"embed"};
  for (const std::string layer : {"layers.0.", "layers.1."}) {
    for (const char* name :
         {"attn_norm", "q", "k", "v", "q_rope", "k_rope", "attn_out", "resid_mid", "mlp_out", "resid_post"}) {
      expected.push_back(layer + name);
    }
  }
  expected.insert(expected.end(), {"final_norm", "logits"});
  EXPECT_EQ(watcher.names, expected);
  for (const auto& shape : watcher.shapes) {
    EXPECT_TRUE(shape.n_columns == 32 || shape.n_columns == 16 || shape.n_columns == 50);
    EXPECT_LE(shape.n_rows, 50U);
  }
  EXPECT_TRUE(
      same_bits(watcher.last_logits, std::vector<double>(transformer->logits().begin(), transformer->logits().end())));
  // Watching changes nothing.
  const auto alone = test::make_cache(*model_, 100, {.chunk = 50});
  const auto unwatched = Transformer::create(*model_, default_compute(), Precision::kF64, {100, 50});
  for (const size_t first : {0U, 50U}) unwatched->forward(std::span(ids).subspan(first, 50), *alone, first != 0);
  EXPECT_TRUE(
      same_bits(watcher.last_logits, std::vector<double>(unwatched->logits().begin(), unwatched->logits().end())));
}

}  // namespace
}  // namespace proxima
