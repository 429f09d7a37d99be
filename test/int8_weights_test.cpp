// SPDX-License-Identifier: MIT
#include "model/int8_weights.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "core/int8_matrix.h"
#include "test/run_model.h"
#include "test/tiny_model.h"

namespace proxima {
namespace {

// Mean squared error as a share of the mean square.
double relative_error(const std::vector<double>& got, const std::vector<double>& exact) {
  double error = 0, square = 0;
  for (size_t k = 0; k < exact.size(); ++k) {
    error += (got[k] - exact[k]) * (got[k] - exact[k]);
    square += exact[k] * exact[k];
  }
  return error / square;
}

TEST(Int8WeightsTest, FastMultipliesByThemAndTheOthersDoNot) {
  for (const bool tied : {false, true}) {
    const test::TemporaryFolder folder;
    test::write_tiny_model(folder.path(), {.layers = 3, .tied = tied, .dtype = DType::kBF16});
    const Model stored = open_model(folder.path());
    Model quantized = open_model(folder.path());
    std::vector<size_t> done;
    size_t total = 0;
    quantize_weights(quantized, default_compute(), [&](size_t so_far, size_t all) {
      done.push_back(so_far);
      total = all;
    });
    EXPECT_EQ(done.size(), 3 * 7 + 1U);
    EXPECT_TRUE(std::ranges::is_sorted(done));
    EXPECT_EQ(done.back(), total);

    const auto ids = test::random_ids(60, stored.config.vocab, 3);
    const auto logits = [&](const Model& model, Precision precision, SimdTarget target) {
      return test::run_model(model, ids, {.precision = precision, .chunk = 20, .n_prompt = 50, .target = target})
          .logits;
    };
    const SimdTarget best = supported_simd_targets().back();
    const auto exact = logits(stored, Precision::kF64, best);
    EXPECT_EQ(logits(quantized, Precision::kF64, best), exact);
    EXPECT_EQ(logits(quantized, Precision::kF32, best), logits(stored, Precision::kF32, best));
    for (const SimdTarget target : supported_simd_targets()) {
      const double error = relative_error(logits(quantized, Precision::kFast, target), exact);
      EXPECT_GT(error, 1e-7) << "not quantized on " << simd_target_name(target);
      EXPECT_LT(error, 1e-3) << simd_target_name(target);
    }
  }
}

TEST(Int8WeightsTest, BytesAreThoseOfTheMatrices) {
  for (const bool tied : {false, true}) {
    const test::TemporaryFolder folder;
    test::write_tiny_model(folder.path(), {.layers = 3, .tied = tied, .dtype = DType::kBF16});
    Model model = open_model(folder.path());
    const WeightBytes as_stored = weight_bytes(model.checkpoint, model.weights, false);
    EXPECT_EQ(as_stored.resident(), model.checkpoint.n_bytes());
    EXPECT_EQ(as_stored.idle + as_stored.quantized, 0U);
    const WeightBytes bytes = weight_bytes(model.checkpoint, model.weights, true);
    EXPECT_EQ(bytes.mapped + bytes.idle, model.checkpoint.n_bytes());
    // Whole groups and pages beside one byte an element.
    const auto& first = model.weights.layers.front().down.weight;
    EXPECT_GE(Int8Matrix::n_bytes(first.shape[0], first.shape[1]), first.n_elements() + 4 * first.shape[0]);
    EXPECT_GE(bytes.mapped, model.weights.embed.n_bytes());
    EXPECT_EQ(bytes.mapped < model.weights.embed.n_bytes() + 8192, true) << bytes.mapped;
    quantize_weights(model, default_compute());
    size_t n_bytes = 0;
    for (const auto& matrix : model.quantized) {
      n_bytes += ReservedMemory::whole_pages(matrix->n_groups() * matrix->groups().group_bytes());
      n_bytes += matrix->n_groups() * kInt8Lanes * sizeof(float);
    }
    EXPECT_EQ(bytes.quantized, n_bytes);
  }
}

}  // namespace
}  // namespace proxima
