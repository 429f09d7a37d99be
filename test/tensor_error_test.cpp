// SPDX-License-Identifier: MIT
#include "apps/tensor_error.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

#include "test/random.h"

namespace proxima {
namespace {

constexpr double kInf = std::numeric_limits<double>::infinity();
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

// Rows of doubles at an odd address.
class Stored {
 public:
  Stored(size_t n_rows, const std::vector<double>& values) : bytes_(values.size() * sizeof(double) + 1) {
    std::memcpy(bytes_.data() + 1, values.data(), values.size() * sizeof(double));
    const size_t n_columns = values.size() / n_rows;
    view_ = {bytes_.data() + 1, DType::kF64, 1, n_rows, n_columns, 0, n_columns};
  }
  const RowsView& view() const { return view_; }

 private:
  std::vector<std::byte> bytes_;
  RowsView view_;
};

TensorError measure(const std::vector<double>& ref, const std::vector<double>& got, ElementLimit limit = {}) {
  const Stored a(1, ref), b(1, got);
  return measure_error(a.view(), b.view(), limit);
}

TEST(TensorError, EqualTensorsHaveNone) {
  const auto e = measure({1, -2, 0}, {1, -2, 0});
  EXPECT_EQ(e.max_abs, 0);
  EXPECT_EQ(e.mean_abs, 0);
  EXPECT_EQ(e.nmse, 0);
  EXPECT_DOUBLE_EQ(e.cosine, 1);
  EXPECT_EQ(e.n_beyond, 0U);
}

TEST(TensorError, NumbersByHand) {
  const auto e = measure({3, 4, 0, 0}, {3, 0, 0, 2}, {1, 0.1});
  EXPECT_EQ(e.max_abs, 4);
  EXPECT_EQ(e.mean_abs, 1.5);
  EXPECT_DOUBLE_EQ(e.nmse, 20.0 / 25);
  EXPECT_DOUBLE_EQ(e.cosine, 9 / (5 * std::sqrt(13.0)));
  EXPECT_EQ(e.n_beyond, 2U);
  ASSERT_TRUE(e.first && e.worst);
  EXPECT_EQ(e.first->column, 1U);
  EXPECT_EQ(e.worst->column, 1U);
  EXPECT_EQ(e.worst->ref, 4);
  EXPECT_EQ(e.worst->got, 0);
}

TEST(TensorError, TheLimitIncludesItsBorder) {
  EXPECT_EQ(measure({8}, {8.5}, {0.25, 0.03125}).n_beyond, 0U);
  EXPECT_EQ(measure({8}, {8.5}, {0.25, 0.03}).n_beyond, 1U);
}

TEST(TensorError, AllZeroReference) {
  EXPECT_EQ(measure({0, 0}, {0, 0}).nmse, 0);
  EXPECT_EQ(measure({0, 0}, {0, 0}).cosine, 1);
  EXPECT_EQ(measure({0, 0}, {0, 1}).nmse, kInf);
  EXPECT_EQ(measure({0, 0}, {0, 1}).cosine, 0);
}

TEST(TensorError, InfinitiesAgreeOnlyWithTheirSign) {
  const auto same = measure({-kInf, 1}, {-kInf, 1});
  EXPECT_EQ(same.n_unlike, 0U);
  EXPECT_EQ(same.n_beyond, 0U);
  EXPECT_EQ(same.ref.n_infinite, 1U);
  EXPECT_EQ(same.got.n_infinite, 1U);
  EXPECT_EQ(measure({-kInf, 1}, {kInf, 1}, {kInf, 0}).n_unlike, 1U);
  EXPECT_EQ(measure({1, 1}, {kInf, 1}, {kInf, 0}).n_beyond, 1U);
}

TEST(TensorError, NanIsCountedAndNeverAgrees) {
  const auto e = measure({kNan, 1, 2}, {kNan, kNan, 2.5}, {kInf, 0});
  EXPECT_EQ(e.ref.n_nan, 1U);
  EXPECT_EQ(e.got.n_nan, 2U);
  EXPECT_EQ(e.n_unlike, 2U);
  EXPECT_EQ(e.n_beyond, 2U);
  EXPECT_EQ(e.max_abs, 0.5);  // of what is finite
  EXPECT_EQ(e.first->column, 0U);
}

TEST(TensorError, FirstIsTheLowestRowWhateverTheHead) {
  // [2 heads, 2 rows, 1 column]: head 0 row 1 and head 1 row 0 differ; the row counts.
  const Stored ref(4, {0, 0, 0, 0}), got(4, {0, 9, 1, 0});
  RowsView a = ref.view(), b = got.view();
  for (RowsView* view : {&a, &b}) {
    view->n_heads = 2;
    view->n_rows = 2;
    view->head_stride = 2;
  }
  const auto e = measure_error(a, b, {});
  EXPECT_EQ(e.first->head, 1U);
  EXPECT_EQ(e.first->row, 0U);
  EXPECT_EQ(e.worst->head, 0U);
  EXPECT_EQ(e.worst->row, 1U);
}

TEST(TensorError, DtypesAreWidenedExactly) {
  const std::vector<float> f32 = {0.1F, -3.25F};
  const std::vector<uint16_t> bf16 = {0x3DCD, 0xC050}, f16 = {0x2E66, 0xC280};
  const auto view = [](const auto& values, DType dtype) {
    return RowsView{reinterpret_cast<const std::byte*>(values.data()), dtype, 1, 1, 2, 0, 2};
  };
  EXPECT_EQ(measure_error(view(f32, DType::kF32), view(f32, DType::kF32), {}).max_abs, 0);
  EXPECT_NEAR(measure_error(view(f32, DType::kF32), view(bf16, DType::kBF16), {}).max_abs, 0.1 - 0.10009765625, 2e-4);
  EXPECT_EQ(measure_error(view(f32, DType::kF32), view(bf16, DType::kBF16), {}).worst->got, 0.10009765625);
  EXPECT_EQ(measure_error(view(f32, DType::kF32), view(f16, DType::kF16), {}).worst->got, 0.0999755859375);
}

TEST(TopAgreement, CountsRowsAndSets) {
  const Stored ref(2, {5, 4, 3, 1, /**/ 1, 2, 3, 4});
  const Stored got(2, {5, 1, 3, 4, /**/ 1, 2, 4, 3});
  const auto top = measure_top(ref.view(), got.view(), 2);
  EXPECT_EQ(top.k, 2U);
  EXPECT_DOUBLE_EQ(top.top1, 0.5);
  EXPECT_DOUBLE_EQ(top.top_k, 0.75);
  EXPECT_EQ(measure_top(ref.view(), got.view(), 10).k, 4U);
  EXPECT_DOUBLE_EQ(measure_top(ref.view(), got.view(), 10).top_k, 1);
}

TEST(TopAgreement, ANanIsNeverOnTop) {
  const Stored ref(1, {1, 2, 3}), got(1, {kNan, 2, 3});
  EXPECT_DOUBLE_EQ(measure_top(ref.view(), got.view(), 1).top1, 1);
}

}  // namespace
}  // namespace proxima
