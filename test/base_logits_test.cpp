// SPDX-License-Identifier: MIT
#include "apps/eval/base_logits.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "test/expect_error.h"
#include "test/tiny_model.h"

namespace proxima {
namespace {

using nlohmann::ordered_json;
using test::expect_error;

class BaseLogits : public ::testing::Test {
 protected:
  static LogitRows rows_of(size_t window) {
    LogitRows rows(DType::kF32, 3);
    for (size_t row = 0; row < 2; ++row) {
      const double x = static_cast<double>(10 * window + row);
      rows.add(std::vector<double>{x, x + 0.5, -x});
    }
    return rows;
  }
  test::TemporaryFolder folder_;
  const std::string path_ = (folder_.path() / "base.safetensors").string();
  const BaseShape shape_{DType::kF32, 2, 4, 2, 3};
  const ordered_json settings_ = {{"cache", "dense"}};
  const std::vector<TokenId> ids_[2] = {{1, 2, 3, 4}, {5, 6, 7, 8}};
};

TEST_F(BaseLogits, AnInterruptedBaseGoesOn) {
  {
    BaseWriter writer(path_, shape_, settings_);
    writer.write(0, ids_[0], rows_of(0));
  }
  EXPECT_FALSE(std::filesystem::exists(path_));
  BaseWriter writer(path_, shape_, settings_);
  EXPECT_TRUE(writer.has(0, ids_[0]));
  EXPECT_FALSE(writer.has(0, ids_[1]));  // another text
  EXPECT_FALSE(writer.has(1, ids_[1]));
  EXPECT_FALSE(BaseWriter(path_, shape_, {{"cache", "pod"}}).has(0, ids_[0]));  // another run
  writer.write(1, ids_[1], rows_of(1));
  writer.finish();
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder_.path()), {}), 1) << "the parts are gone";

  const BaseFile file(path_);
  EXPECT_EQ(file.settings(), settings_.dump());
  LogitRows rows = file.rows(1, ids_[1], 2, 3);
  const auto row = rows.row(1);
  EXPECT_EQ(std::vector<double>(row.begin(), row.end()), (std::vector<double>{11, 11.5, -11}));
}

TEST_F(BaseLogits, WhatDiffersIsRefused) {
  BaseWriter writer(path_, shape_, settings_);
  for (size_t window = 0; window < 2; ++window) writer.write(window, ids_[window], rows_of(window));
  writer.finish();
  const BaseFile file(path_);
  expect_error(ErrorKind::kInput, "ids of window 0 differ", [&] { file.rows(0, ids_[1], 2, 3); });
  expect_error(ErrorKind::kInput, "has no window 2", [&] { file.rows(2, ids_[1], 2, 3); });
  expect_error(ErrorKind::kInput, "is not [3, 3]", [&] { file.rows(0, ids_[0], 3, 3); });
  expect_error(ErrorKind::kInput, "is not [2, 4]", [&] { file.rows(0, ids_[0], 2, 4); });
  expect_error(ErrorKind::kOutput, "nowhere", [&] { BaseWriter("/nowhere/base", shape_, settings_); });
}

}  // namespace
}  // namespace proxima
