// SPDX-License-Identifier: MIT
// data/golden: vectors of our own, compared wherever the tests run.
#include "test/own_golden.h"

#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "test/run_model.h"
#include "test/stored_matrix.h"
#include "test/tiny_model.h"

namespace proxima {
namespace {

class OwnGoldenTest : public ::testing::Test {
 protected:
  const std::filesystem::path folder_ = PROXIMA_SOURCE_DIR "/data/golden/tiny-llama";
  const Model model_ = open_model(folder_);
  const SharingMap map_ = read_sharing_map(folder_ / "sharing-map.json");
  const SafetensorsFile golden_{folder_ / "golden.safetensors"};
  const std::vector<TokenId> ids_ =
      nlohmann::json::parse(std::ifstream(folder_ / "tokens.json")).at("input_ids").get<std::vector<TokenId>>();

  static std::vector<double> tensor(const SafetensorsFile& file, const std::string& name) {
    const TensorView& view = file.tensors().find(name)->second;
    std::vector<double> values(view.n_elements());
    for (size_t k = 0; k < values.size(); ++k) {
      values[k] = test::decode(view.dtype, view.data + k * dtype_bytes(view.dtype));
    }
    return values;
  }
  // The largest deviation of a run from the vectors of its kind; dense where pod is false.
  double error(const reference::Result& run, bool pod) const {
    const std::string kind = pod ? "pod." : "dense.";
    const auto of = [&](const std::string& name, const std::vector<double>& got) {
      return test::deviation(got, tensor(golden_, kind + name)).largest;
    };
    return std::max({of("logits", run.logits), of("hidden_states.1", run.hidden.at(1)),
                     of("hidden_states.4", run.hidden.at(4)), of("keys.3", run.keys.at(3))});
  }
};

TEST_F(OwnGoldenTest, TheRecipeGivesThem) {
  const test::TemporaryFolder fresh;
  test::write_own_golden(fresh.path());
  for (const char* name : {"config.json", "model.safetensors", "tokens.json", "sharing-map.json"}) {
    EXPECT_EQ(test::read_text(fresh.path() / name), test::read_text(folder_ / name)) << name;
  }
  const SafetensorsFile again(fresh.path() / "golden.safetensors");
  ASSERT_EQ(again.tensors().size(), golden_.tensors().size());
  for (const auto& [name, view] : golden_.tensors()) {
    EXPECT_LT(test::deviation(tensor(again, name), tensor(golden_, name)).largest, 1e-12) << name;
  }
}

TEST_F(OwnGoldenTest, EveryPrecisionAgrees) {
  for (const bool pod : {false, true}) {
    const auto run = [&](Precision precision, size_t chunk) {
      return error(
          test::run_model(model_, ids_,
                          {.precision = precision, .map = pod ? &map_ : nullptr, .chunk = chunk, .n_prompt = 60}),
          pod);
    };
    const double rounded = error(reference::run(model_, ids_, {.pod = pod ? &map_ : nullptr, .round_bf16 = true}), pod);
    for (const size_t chunk : {1U, 7U, 60U}) {
      EXPECT_LT(run(Precision::kF64, chunk), 1e-11) << "chunk " << chunk;
      EXPECT_LT(run(Precision::kF32, chunk), 5e-5) << "chunk " << chunk;
      EXPECT_LT(run(Precision::kFast, chunk), 4 * rounded) << "chunk " << chunk;
    }
    std::printf("%s: f64 %.1e, f32 %.1e, fast %.3f, bf16 oracle %.3f\n", pod ? "pod" : "dense",
                run(Precision::kF64, 60), run(Precision::kF32, 60), run(Precision::kFast, 60), rounded);
  }
}

}  // namespace
}  // namespace proxima
