// SPDX-License-Identifier: MIT
// The C functions from within; test/consumer links them from an installed package.
#include <gtest/gtest.h>

#include <cstring>
#include <string>

#include "api/proxima.h"
#include "test/planted.h"
#include "test/run_model.h"
#include "test/tiny_model.h"

namespace proxima {
namespace {

class ApiTest : public ::testing::Test {
 protected:
  ApiTest() {
    test::write_tiny_model(folder_.path(), {.layers = 3});
    EXPECT_EQ(proxima_open(folder_.path().c_str(), &model_, &error_), PROXIMA_OK) << error_.message;
  }
  ~ApiTest() override {
    proxima_release(result_);
    proxima_close(model_);
  }
  proxima_status forward(const proxima_settings* settings) {
    proxima_release(result_);
    return proxima_forward(model_, ids_.data(), ids_.size(), settings, &result_, &error_);
  }
  void expect_failure(const proxima_settings& settings, proxima_status status, const std::string& part) {
    EXPECT_EQ(forward(&settings), status) << error_.message;
    EXPECT_NE(std::string(error_.message).find(part), std::string::npos) << error_.message;
    EXPECT_EQ(result_, nullptr);
  }

  test::TemporaryFolder folder_;
  proxima_model* model_ = nullptr;
  proxima_result* result_ = nullptr;
  proxima_error error_{};
  std::vector<TokenId> ids_ = test::random_ids(33, 128, 5);
};

TEST_F(ApiTest, GivesWhatTheForwardPassComputes) {
  const Model model = open_model(folder_.path());
  const auto expected = test::run_model(model, ids_, {});
  ASSERT_EQ(forward(nullptr), PROXIMA_OK) << error_.message;
  ASSERT_EQ(proxima_n_tensors(result_), 1U);
  const proxima_tensor* logits = proxima_find_tensor(result_, "logits");
  ASSERT_NE(logits, nullptr);
  ASSERT_EQ(logits->n_dims, 2U);
  EXPECT_EQ(logits->shape[0], 33U);
  EXPECT_EQ(logits->shape[1], proxima_n_vocab(model_));
  EXPECT_EQ(std::memcmp(logits->data, expected.logits.data(), expected.logits.size() * sizeof(double)), 0);

  proxima_settings settings = proxima_default_settings();
  settings.points = "layers.2.k_rope,embed,layers.*.resid_post";
  settings.chunk = 7;
  settings.n_threads = 2;
  settings.simd = "scalar";
  settings.check_finite = 1;
  ASSERT_EQ(forward(&settings), PROXIMA_OK) << error_.message;
  std::vector<std::string> names;
  for (size_t index = 0; const proxima_tensor* tensor = proxima_tensor_at(result_, index); ++index) {
    names.emplace_back(tensor->name);
  }
  EXPECT_EQ(names, (std::vector<std::string>{"embed", "layers.0.resid_post", "layers.1.resid_post", "layers.2.k_rope",
                                             "layers.2.resid_post"}));
  const proxima_tensor* keys = proxima_find_tensor(result_, "layers.2.k_rope");
  EXPECT_EQ(keys->n_dims, 3U);
  EXPECT_EQ(std::memcmp(keys->data, expected.keys[2].data(), expected.keys[2].size() * sizeof(double)), 0);
  EXPECT_EQ(std::memcmp(proxima_find_tensor(result_, "layers.0.resid_post")->data, expected.hidden[1].data(),
                        expected.hidden[1].size() * sizeof(double)),
            0);
  EXPECT_EQ(proxima_find_tensor(result_, "logits"), nullptr);
}

TEST_F(ApiTest, PrecisionsAndMaps) {
  const Model model = open_model(folder_.path());
  test::write_text(folder_.path() / "map.json",
                   R"({"format": "proxima.sharing-map/1", "layers": 3, "kv_heads": 2, "ns": 2, "nr": 5,
 "block_starts": [[0, 2], [0, 1]]})");
  const std::string path = folder_.path() / "map.json";
  const SharingMap map = read_sharing_map(path);
  proxima_settings settings = proxima_default_settings();
  settings.precision = PROXIMA_F32;
  settings.map = path.c_str();
  settings.chunk = 4;
  ASSERT_EQ(forward(&settings), PROXIMA_OK) << error_.message;
  const auto expected = test::run_model(model, ids_, {.precision = Precision::kF32, .map = &map, .chunk = 9});
  EXPECT_EQ(
      std::memcmp(proxima_tensor_at(result_, 0)->data, expected.logits.data(), expected.logits.size() * sizeof(double)),
      0);
}

TEST_F(ApiTest, ErrorsAreStatusAndMessage) {
  proxima_settings settings = proxima_default_settings();
  settings.points = "layers.7.q";
  expect_failure(settings, PROXIMA_USAGE, "layers.7.q");
  settings = proxima_default_settings();
  settings.simd = "mmx";
  expect_failure(settings, PROXIMA_USAGE, "mmx");
  settings = proxima_default_settings();
  settings.precision = static_cast<proxima_precision>(3);
  expect_failure(settings, PROXIMA_USAGE, "precision 3");
  settings = proxima_default_settings();
  settings.map = "/nowhere.json";
  expect_failure(settings, PROXIMA_INPUT, "/nowhere.json");
  settings = proxima_default_settings();
  ids_[3] = 128;
  expect_failure(settings, PROXIMA_USAGE, "token id 128");
  ids_.assign(5000, 1);  // the model is made for 4096
  expect_failure(settings, PROXIMA_CONTEXT, "4096");
  ids_.clear();
  expect_failure(settings, PROXIMA_USAGE, "no ids");
  EXPECT_EQ(proxima_forward(nullptr, nullptr, 0, nullptr, &result_, nullptr), PROXIMA_USAGE);
  EXPECT_EQ(proxima_open(nullptr, nullptr, nullptr), PROXIMA_USAGE);
}

TEST_F(ApiTest, NonFiniteNumbersAreNamed) {
  test::plant(folder_.path() / "model.safetensors", "model.layers.1.self_attn.v_proj.weight", 0, 64,
              [](double w) { return w < 0 ? -3e38 : 3e38; });
  proxima_model* bad = nullptr;
  ASSERT_EQ(proxima_open(folder_.path().c_str(), &bad, &error_), PROXIMA_OK) << error_.message;
  proxima_settings settings = proxima_default_settings();
  settings.precision = PROXIMA_F32;
  settings.check_finite = 1;
  EXPECT_EQ(proxima_forward(bad, ids_.data(), ids_.size(), &settings, &result_, &error_), PROXIMA_NON_FINITE);
  EXPECT_EQ(std::string(error_.message).find("layers.1.v is "), 0U) << error_.message;
  proxima_close(bad);
  test::plant(folder_.path() / "model.safetensors", "model.norm.weight", 2, 1, [](double) { return 1e300 * 1e10; });
  EXPECT_EQ(proxima_open(folder_.path().c_str(), &bad, &error_), PROXIMA_INPUT);
  EXPECT_NE(std::string(error_.message).find("model.norm.weight"), std::string::npos) << error_.message;
  EXPECT_EQ(bad, nullptr);
}

}  // namespace
}  // namespace proxima
