// SPDX-License-Identifier: MIT
// The trainer's forward pass against the runtime's, and its gradients against finite differences.
#include "apps/train/torch_llama.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>
#include <torch/csrc/autograd/autograd.h>

#include <cmath>

#include "apps/train/torch_loss.h"
#include "apps/train/torch_weights.h"
#include "test/expect_error.h"
#include "test/random_map.h"
#include "test/run_model.h"
#include "test/tiny_families.h"
#include "test/tiny_model.h"

namespace proxima {
namespace {

using test::Random;

at::Tensor tensor_of(const std::vector<TokenId>& ids) {
  const at::Tensor tensor = at::empty({1, static_cast<int64_t>(ids.size())}, at::kLong);
  for (size_t i = 0; i < ids.size(); ++i) tensor.data_ptr<int64_t>()[i] = ids[i];
  return tensor;
}

std::vector<double> numbers_of(const at::Tensor& tensor) {
  const at::Tensor flat = tensor.contiguous().flatten();
  return {flat.data_ptr<double>(), flat.data_ptr<double>() + flat.numel()};
}

std::vector<double> logits_of(const TorchLlama& llama, const WeightOf& weights, const std::vector<TokenId>& ids,
                              const SharingMap* map) {
  const at::NoGradGuard no_gradients;
  return numbers_of(at::mm(llama.hidden(weights, tensor_of(ids), map), llama.head(weights).t()));
}

test::TinyModelOptions tiny(uint64_t seed) {
  test::TinyModelOptions options{.hidden = 24, .layers = 4, .heads = 4, .head_dim = 6, .intermediate = 20, .vocab = 31};
  options.seed = seed;
  return options;
}

// Every family the trainer knows, each with what is its own: biases, llama3 scaling, q and k norms, tied embeddings,
// layers that do not rotate.
std::vector<test::TinyModelOptions> families() {
  auto all = test::tiny_families(7);
  std::erase_if(all,
                [](const auto& each) { return each.model_type.starts_with("gemma") || each.model_type == "phi3"; });
  for (auto& each : all) {
    if (each.model_type == "mistral") each.family_json.clear();
    if (each.model_type == "qwen2") each.family_json.clear(), each.rope_json = R"("rope_theta": 5000.0)";
  }
  return all;
}

// Rotation by positions: with frequencies divided by 4, four times the distances look alike, from wherever they count;
// rows of a batch have positions of their own.
TEST(TorchLlama, RotatesByThePositionsItIsGiven) {
  auto options = tiny(5);
  test::TemporaryFolder folder;
  test::write_tiny_model(folder.path(), options);
  const Model model = open_model(folder.path());
  const TorchWeights weights(model, std::nullopt, 1, at::kDouble);
  const TorchLlama plain(model.config, {.piece = 16});
  ModelConfig stretched_config = model.config;
  for (LayerConfig& layer : stretched_config.layers) layer.rope.kind = RopeKind::kLinear, layer.rope.factor = 4;
  const TorchLlama stretched(stretched_config, {.piece = 16});
  const at::NoGradGuard no_gradients;
  const at::Tensor ids = tensor_of(test::random_ids(70, options.vocab, 5));
  const at::Tensor expected = plain.hidden(weights.weight_of(), ids, nullptr);
  const at::Tensor steps = at::arange(70, at::kDouble).unsqueeze(0);
  const at::Tensor positions = at::cat({steps * 4 + 1000, steps});
  const at::Tensor got = stretched.hidden(weights.weight_of(), at::cat({ids, ids}), nullptr, positions);
  EXPECT_LT(test::deviation(numbers_of(got.narrow(0, 0, 70)), numbers_of(expected)).largest, 1e-10);
  EXPECT_EQ(numbers_of(got.narrow(0, 70, 70)), numbers_of(stretched.hidden(weights.weight_of(), ids, nullptr)));
  EXPECT_GT(test::deviation(numbers_of(got.narrow(0, 70, 70)), numbers_of(expected)).largest, 1e-3);
}

TEST(TorchLlama, AgreesWithTheRuntimeOnEveryFamilyItKnows) {
  Random random(3);
  for (const auto& options : families()) {
    test::TemporaryFolder folder;
    test::write_tiny_model(folder.path(), options);
    const Model model = open_model(folder.path());
    const TorchLlama llama(model.config, {.piece = 16});
    const TorchWeights weights(model, std::nullopt, 1, at::kDouble);
    const auto ids = test::random_ids(70, options.vocab, 5);
    const SharingMap map = test::random_map(cache_geometry(model.config), random);
    for (const SharingMap* used : {static_cast<const SharingMap*>(nullptr), &map}) {
      const auto expected = test::run_model(model, ids, {.map = used}).logits;
      const auto got = logits_of(llama, weights.weight_of(), ids, used);
      EXPECT_LT(test::deviation(got, expected).largest, 1e-10) << options.model_type << (used ? " shared" : " dense");
    }
  }
}

TEST(TorchLlama, AgreesWithTheRuntimeOnRandomMapsAndLengthsAroundTheWindow) {
  Random random(11);
  for (int round = 0; round < 40; ++round) {
    auto options = tiny(random.next());
    options.layers = random.between(2, 6);
    options.kv_heads = size_t{1} << random.below(3);
    test::TemporaryFolder folder;
    test::write_tiny_model(folder.path(), options);
    const Model model = open_model(folder.path());
    const TorchWeights weights(model, std::nullopt, 1, at::kDouble);
    SharingMap map = test::random_map(cache_geometry(model.config), random);
    const size_t border = map.ns + map.nr;
    const TorchLlama llama(model.config, {.piece = random.between(1, 40)});
    for (const size_t length : {border - 1, border, border + 1, border + random.between(2, 60)}) {
      if (length == 0) continue;
      const auto ids = test::random_ids(length, options.vocab, random.next());
      const auto expected = test::run_model(model, ids, {.map = &map}).logits;
      EXPECT_LT(test::deviation(logits_of(llama, weights.weight_of(), ids, &map), expected).largest, 1e-10)
          << "ns " << map.ns << ", nr " << map.nr << ", length " << length << ", round " << round;
    }
  }
}

// A loss of every kind of row on two sequences, as training computes it.
struct Problem {
  const TorchLlama& llama;
  const TorchWeights& weights;
  at::Tensor ids;  // [2, T]
  const SharingMap* map;
  LossRequest request;

  at::Tensor loss() const {
    LossReport report;
    const WeightOf weight = weights.weight_of();
    return torch_loss(llama.hidden(weight, ids, map), llama.head(weight), request, report);
  }
};

at::Tensor token_matrix(size_t rows, size_t columns, size_t vocab, uint64_t seed) {
  const auto ids = test::random_ids(rows * columns, vocab, seed);
  return tensor_of(ids).view({static_cast<int64_t>(rows), static_cast<int64_t>(columns)});
}

std::vector<at::Tensor> gradients_of(const Problem& problem) {
  return torch::autograd::grad({problem.loss()}, problem.weights.leaves());
}

// Central differences along random directions of every trained tensor, which no wrong element escapes, and of some
// single numbers; relative to the largest gradient of the tensor, which small ones drown in.
void check_gradients(const Problem& problem) {
  const auto gradients = gradients_of(problem);
  const at::NoGradGuard no_gradients;
  constexpr double kStep = 1e-5;
  for (size_t leaf = 0; leaf < gradients.size(); ++leaf) {
    const at::Tensor values = problem.weights.leaves()[leaf].detach().view({-1}), gradient = gradients[leaf].flatten();
    const double scale = gradient.abs().max().item<double>() + 1e-4;
    const auto check = [&](const at::Tensor& direction, double tolerance) {
      values.add_(direction, kStep);
      const double above = problem.loss().item<double>();
      values.add_(direction, -2 * kStep);
      const double below = problem.loss().item<double>();
      values.add_(direction, kStep);
      ASSERT_NEAR(at::dot(gradient, direction).item<double>(), (above - below) / (2 * kStep), tolerance)
          << problem.weights.leaf_names()[leaf];
    };
    const auto n = values.numel();
    for (int round = 0; round < 2; ++round) check(at::randn({n}, at::kDouble), 1e-5 * scale);
    for (const int64_t index : {int64_t{0}, n / 2, n - 1}) {
      const at::Tensor unit = at::zeros({n}, at::kDouble);
      unit[index] = 1;
      check(unit, 1e-6 * scale);
    }
  }
}

class Gradients : public testing::TestWithParam<std::tuple<bool, bool, double>> {};

TEST_P(Gradients, AgreeWithFiniteDifferences) {
  const auto [shares, with_lora, teacher] = GetParam();
  for (auto options : {families()[0], families()[3], tiny(2)}) {
    options.dtype = DType::kF32;
    test::TemporaryFolder folder;
    test::write_tiny_model(folder.path(), options);
    const Model model = open_model(folder.path());
    const std::optional<LoraSettings> lora =
        with_lora ? std::optional(LoraSettings{3, 5, {"q_proj", "k_proj", "down_proj"}}) : std::nullopt;
    TorchWeights weights(model, lora, 1, at::kDouble);
    if (lora) weights.flat().add_(at::full_like(weights.flat(), 0.05));  // B is 0 at first, which hides A's gradient
    const TorchLlama llama(model.config, {.piece = 5});
    const size_t length = 19;
    SharingMap map{model.config.n_layers, model.config.n_kv_heads, 2, 4, {}};
    map.block_starts = {{0, 2}, {0, 1, 3}};
    if (options.model_type == "smollm3") map.block_starts = {{0, 2, 3}, {0, 1, 2, 3}};
    Problem problem{llama, weights, token_matrix(2, length, options.vocab, 4), shares ? &map : nullptr, {}};
    problem.request.targets = token_matrix(2, length, options.vocab, 9).flatten();
    problem.request.weights = at::remainder(at::arange(2 * static_cast<int64_t>(length), at::kDouble), 3);
    problem.request.truth = 1 - teacher / 2;
    problem.request.teacher = teacher;
    if (teacher > 0) {
      const TorchWeights other(model.config, 0.3, 77, at::kDouble);
      const at::NoGradGuard no_gradients;
      problem.request.teacher_hidden = llama.hidden(other.weight_of(), problem.ids, nullptr);
      problem.request.teacher_head = llama.head(other.weight_of()).detach().clone();
    }
    check_gradients(problem);
  }
}

INSTANTIATE_TEST_SUITE_P(All, Gradients, testing::Combine(testing::Bool(), testing::Bool(), testing::Values(0.0, 0.7)));

TEST(TorchAttention, PiecesOfAnySizeGiveTheSameResultAndGradients) {
  const at::Tensor q = at::rand({2, 4, 45, 6}, at::kDouble).sub_(0.5),
                   k = at::rand({2, 2, 45, 6}, at::kDouble).sub_(0.5), v = at::rand({2, 2, 45, 6}, at::kDouble),
                   shared = at::rand({2, 2, 45, 6}, at::kDouble).sub_(0.5);
  const at::Tensor upstream = at::rand({2, 45, 24}, at::kDouble);
  const auto run = [&](size_t ns, size_t nr, size_t piece, size_t tile) {
    std::vector<at::Tensor> inputs;
    for (const at::Tensor& each : {q, k, v, shared}) inputs.push_back(each.detach().clone().requires_grad_());
    const auto pieces = std::make_shared<AttentionPieces>(45, ns, nr, 2, piece, q.options(), tile);
    const at::Tensor y = torch_attention(inputs[0], inputs[1], inputs[2], inputs[3], pieces, 2, ProductType::kOwn);
    auto results = torch::autograd::grad({y}, inputs, {upstream}, c10::nullopt, false, true);
    results.push_back(y.detach());
    return results;
  };
  for (const auto& [ns, nr] : {std::pair<size_t, size_t>{0, 1}, {3, 7}, {20, 2}, {44, 1}, {0, 45}, {100, 100}}) {
    const auto whole = run(ns, nr, 45, AttentionPieces::kTile);
    for (const size_t piece : std::initializer_list<size_t>{1, 2, 7, 16, 44, 64}) {
      const auto cut = run(ns, nr, piece, piece * 60);  // some heads at a time
      for (size_t i = 0; i < whole.size(); ++i) {
        EXPECT_LT(at::abs(at::sub(whole[i], cut[i])).max().item<double>(), 1e-13)
            << "ns " << ns << ", nr " << nr << ", piece " << piece << ", tensor " << i;
      }
    }
  }
}

TEST(TorchLlama, RefusesWhatItDoesNotKnowByName) {
  for (const auto& options : test::tiny_families()) {
    test::TemporaryFolder folder;
    test::write_tiny_model(folder.path(), options);
    const ModelConfig config = read_config(folder.path());
    const auto make = [&] { TorchLlama(config, {}); };
    if (options.model_type.starts_with("gemma") || options.model_type == "phi3") {
      test::expect_error(ErrorKind::kInput, options.model_type, make);
    } else if (options.model_type == "mistral") {
      test::expect_error(ErrorKind::kInput, "sliding windows", make);
    } else if (options.model_type == "qwen2") {
      test::expect_error(ErrorKind::kInput, "does not know", make);
    } else {
      make();
    }
  }
}

}  // namespace
}  // namespace proxima
