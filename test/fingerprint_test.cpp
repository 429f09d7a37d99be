// SPDX-License-Identifier: MIT
#include "model/fingerprint.h"

#include <gtest/gtest.h>

#include <set>

#include "test/tiny_model.h"

namespace proxima {
namespace {

class FingerprintTest : public testing::Test {
 protected:
  std::string of(const test::TinyModelOptions& options) {
    const auto dir = folder_.path() / std::to_string(n_models_++);
    write_tiny_model(dir, options);
    return checkpoint_fingerprint(Checkpoint(dir));
  }
  const test::TemporaryFolder folder_;
  int n_models_ = 0;
};

TEST_F(FingerprintTest, DependsOnTheTensorsOnly) {
  const test::TinyModelOptions plain;
  const std::string fingerprint = of(plain);
  EXPECT_EQ(fingerprint.size(), 16U);
  EXPECT_EQ(fingerprint.find_first_not_of("0123456789abcdef"), std::string::npos);
  test::TinyModelOptions moved;
  moved.n_shards = 3;
  moved.header_padding = 5;
  moved.max_position = 99;
  EXPECT_EQ(of(moved), fingerprint);
}

TEST_F(FingerprintTest, ChangesWithSeedDtypeAndShape) {
  std::set<std::string> seen;
  test::TinyModelOptions options;
  seen.insert(of(options));
  options.seed = 2;
  seen.insert(of(options));
  options.dtype = DType::kBF16;
  seen.insert(of(options));
  options.tied = true;
  seen.insert(of(options));
  options.layers = 3;
  seen.insert(of(options));
  options.heads = 8;
  seen.insert(of(options));
  EXPECT_EQ(seen.size(), 6U);
}

// Written down once: results and saved caches of an older build must still be recognised.
TEST_F(FingerprintTest, StaysTheSameOverTime) {
  const auto dir = folder_.path() / "fixed";
  std::filesystem::create_directories(dir);
  std::vector<double> values(3000);
  for (size_t index = 0; index < values.size(); ++index) values[index] = static_cast<double>(index);
  test::write_tensors(dir / "model.safetensors", {{"long", DType::kF32, {30, 100}}, {"short", DType::kF32, {2}}},
                      {values, {1.0, 2.0}});
  EXPECT_EQ(checkpoint_fingerprint(Checkpoint(dir)), "46245c153a491dc7");
}

// The ends of a long tensor are always among the samples.
TEST_F(FingerprintTest, SeesBothEndsOfALongTensor) {
  std::set<std::string> seen;
  for (const size_t changed : {SIZE_MAX, size_t{0}, size_t{2999}}) {
    const auto dir = folder_.path() / std::to_string(changed);
    std::filesystem::create_directories(dir);
    std::vector<double> values(3000, 1.0);
    if (changed < values.size()) values[changed] = 2.0;
    test::write_tensors(dir / "model.safetensors", {{"long", DType::kF32, {3000}}}, {values});
    seen.insert(checkpoint_fingerprint(Checkpoint(dir)));
  }
  EXPECT_EQ(seen.size(), 3U);
}

}  // namespace
}  // namespace proxima
