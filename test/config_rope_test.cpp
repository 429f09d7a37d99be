// SPDX-License-Identifier: MIT
#include "model/config_rope.h"

#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>
#include <string>

#include "test/expect_error.h"

namespace proxima {
namespace {

RopeParameters parse(const std::string& text) {
  const auto json = nlohmann::json::parse(text);
  JsonObject config(json, "F");
  const auto rope = read_rope(config, 16, 2048);
  EXPECT_TRUE(config.unread().empty());
  return rope;
}

void refuse(const std::string& text, std::string_view message) {
  SCOPED_TRACE(text);
  test::expect_error(ErrorKind::kInput, message, [&] { parse(text); });
}

const RopeParameters kDefault{.kind = RopeKind::kDefault, .n_dims = 16, .theta = 10000.0};
const RopeParameters kLlama3{.kind = RopeKind::kLlama3,
                             .n_dims = 16,
                             .theta = 5e5,
                             .factor = 8,
                             .low_freq_factor = 1,
                             .high_freq_factor = 4,
                             .original_max_position = 512};

const std::string kLlama3Body =
    R"("factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0, "original_max_position_embeddings": 512)";

// The llama3 parameters in the old form with one member replaced.
std::string llama3_with(const std::string& from, const std::string& to) {
  std::string body = kLlama3Body;
  body.replace(body.find(from), from.size(), to);
  return R"({"rope_scaling": {"rope_type": "llama3", )" + body + "}}";
}

TEST(ConfigRope, ReadsEveryTypeInTheOldForm) {
  EXPECT_EQ(parse("{}"), kDefault);
  EXPECT_EQ(parse(R"({"rope_theta": null, "rope_scaling": null})"), kDefault);
  EXPECT_EQ(parse(R"({"rope_scaling": {"rope_type": "default"}})"), kDefault);
  const RopeParameters linear{.kind = RopeKind::kLinear, .n_dims = 16, .theta = 1e6, .factor = 4};
  EXPECT_EQ(parse(R"({"rope_theta": 1000000, "rope_scaling": {"type": "linear", "factor": 4}})"), linear);
  const RopeParameters dynamic{.kind = RopeKind::kDynamic, .n_dims = 16, .factor = 2.5, .max_position = 2048};
  EXPECT_EQ(parse(R"({"rope_scaling": {"type": "dynamic", "factor": 2.5}})"), dynamic);
  EXPECT_EQ(parse(R"({"rope_scaling": {"rope_type": "dynamic", "type": "dynamic", "factor": 2.5,
                      "original_max_position_embeddings": 2048}})"),
            dynamic);
  EXPECT_EQ(parse(R"({"rope_theta": 5e5, "rope_scaling": {"rope_type": "llama3", )" + kLlama3Body + "}}"), kLlama3);
}

TEST(ConfigRope, ReadsTheNewForm) {
  EXPECT_EQ(parse(R"({"rope_parameters": {"rope_type": "default", "rope_theta": 10000.0}})"), kDefault);
  EXPECT_EQ(parse(R"({"rope_parameters": {"rope_theta": 10000.0, "partial_rotary_factor": 1.0}})"), kDefault);
  EXPECT_EQ(parse(R"({"rope_parameters": {"rope_theta": 5e5, "rope_type": "llama3", )" + kLlama3Body + "}}"), kLlama3);
  EXPECT_EQ(parse(R"({"rope_theta": 5e5, "rope_parameters": {"rope_type": "llama3", )" + kLlama3Body + "}}"), kLlama3);
}

TEST(ConfigRope, RefusesContradictions) {
  refuse(R"({"rope_theta": 1e4, "rope_parameters": {"rope_theta": 1e6}})",
         "\"rope_theta\" is 10000 but 1000000 inside");
  refuse(R"({"rope_scaling": {"type": "linear", "factor": 2}, "rope_parameters": {"rope_theta": 1e6}})",
         "stands beside \"rope_parameters\"");
  refuse(R"({"rope_scaling": {"type": "linear", "rope_type": "dynamic", "factor": 2}})", "\"type\" is \"linear\" but");
  refuse(R"({"rope_scaling": {"type": "dynamic", "factor": 2, "original_max_position_embeddings": 512}})",
         "must equal max_position_embeddings (2048)");
}

TEST(ConfigRope, ReadsYarn) {
  RopeParameters yarn{.kind = RopeKind::kYarn, .n_dims = 16, .factor = 4, .original_max_position = 512};
  yarn.attention_factor = 0.1 * std::log(4.0) + 1;
  EXPECT_EQ(parse(R"({"rope_scaling": {"type": "yarn", "factor": 4, "original_max_position_embeddings": 512}})"), yarn);
  EXPECT_EQ(parse(R"({"rope_parameters": {"rope_type": "yarn", "rope_theta": 1e4, "factor": 4, "truncate": true,
                      "original_max_position_embeddings": 512}})"),
            yarn);
  yarn.original_max_position = 2048;  // of max_position_embeddings
  yarn.beta_fast = 24, yarn.beta_slow = 2, yarn.attention_factor = 1.25;
  EXPECT_EQ(parse(R"({"rope_scaling": {"type": "yarn", "factor": 4, "beta_fast": 24, "beta_slow": 2,
                      "attention_factor": 1.25}})"),
            yarn);
  const auto with = [](const std::string& more) {
    return R"({"rope_scaling": {"type": "yarn", "factor": 4, )" + more + "}}";
  };
  refuse(R"({"rope_scaling": {"type": "yarn"}})", "\"factor\" is missing");
  refuse(with(R"("original_max_position_embeddings": 0)"), "must not be 0");
  refuse(with(R"("beta_fast": 1.0)"), "0 < slow < fast must hold");
  refuse(with(R"("beta_slow": 0.0)"), "0 < slow < fast must hold");
  refuse(with(R"("truncate": false)"), "\"truncate\" is false");
  refuse(with(R"("attention_factor": 0)"), "\"attention_factor\" must be positive");
  refuse(with(R"("mscale": 1.0)"), "\"mscale\" is not read for this RoPE type");
}

TEST(ConfigRope, ReadsLongrope) {
  const std::string lists =
      R"("short_factor": [1, 1.5, 2, 2.5, 3, 3.5, 4, 4.5], "long_factor": [2, 3, 4, 5, 6, 7, 8, 9])";
  RopeParameters rope{.kind = RopeKind::kLongrope, .n_dims = 16, .original_max_position = 512};
  rope.short_factors = {1, 1.5, 2, 2.5, 3, 3.5, 4, 4.5};
  rope.long_factors = {2, 3, 4, 5, 6, 7, 8, 9};
  rope.attention_factor = std::sqrt(1 + std::log(4.0) / std::log(512.0));
  const std::string outer = R"({"original_max_position_embeddings": 512, "rope_scaling": {)" + lists;
  for (const char* name : {R"("type": "longrope")", R"("type": "su")", R"("rope_type": "longrope", "factor": 4.0)"}) {
    EXPECT_EQ(parse(outer + ", " + name + "}}"), rope);
  }
  const std::string inner = R"("rope_type": "longrope", "original_max_position_embeddings": 512, )";
  EXPECT_EQ(parse(R"({"rope_parameters": {"rope_theta": 1e4, )" + inner + lists + "}}"), rope);
  rope.attention_factor = 1.5;
  EXPECT_EQ(parse(outer + R"(, "type": "longrope", "attention_factor": 1.5}})"), rope);
  rope.attention_factor = 1;  // no stretch, no factor
  rope.original_max_position = 2048;
  EXPECT_EQ(parse(R"({"original_max_position_embeddings": 2048, "rope_scaling": {"type": "su", )" + lists + "}}"),
            rope);

  refuse(R"({"rope_scaling": {"type": "su", )" + lists + "}}", "\"original_max_position_embeddings\" is missing");
  refuse(outer + R"(, "type": "su", "factor": 5.0}})", "\"factor\" is 5, but max_position_embeddings / original is 4");
  refuse(outer + R"(, "type": "su", "original_max_position_embeddings": 256}})", "differs from the one outside");
  const auto listing = [&](const char* factors) {
    std::string text = outer + R"(, "type": "su"}})";
    return text.replace(text.find("[1, "), text.find(']') - text.find("[1, ") + 1, factors);
  };
  refuse(listing("[1, 2, 3]"), "\"short_factor\" must list 8 numbers, one per rotated pair");
  refuse(listing("7"), "\"short_factor\" must list 8 numbers");
  refuse(listing("[1, 2, 3, 4, 5, 6, 7, 0]"), "\"short_factor\" must hold positive numbers");
  refuse(listing("[1, 2, 3, 4, 5, 6, 7, \"8\"]"), "\"short_factor\" must hold positive numbers");
}

TEST(ConfigRope, ReadsPartialRotation) {
  RopeParameters partial = kDefault;
  partial.n_dims = 12;
  EXPECT_EQ(parse(R"({"partial_rotary_factor": 0.75})"), partial);
  EXPECT_EQ(parse(R"({"rope_parameters": {"rope_theta": 1e4, "partial_rotary_factor": 0.75}})"), partial);
  refuse(R"({"partial_rotary_factor": 0.75, "rope_parameters": {"rope_theta": 1e4, "partial_rotary_factor": 0.5}})",
         "\"partial_rotary_factor\" is 0.75 but 0.5 inside");
  for (const char* bad : {"0", "1.2", "-0.5", "0.07", "0.2"}) {  // of 16 dimensions: 1, and 3
    refuse(std::string(R"({"partial_rotary_factor": )") + bad + "}", "it must leave an even number of 16 dimensions");
  }
}

TEST(ConfigRope, RefusesUnsupportedTypesByName) {
  for (const char* type : {"mrope", "ntk", "Linear", "proportional", ""}) {
    refuse(std::string(R"({"rope_scaling": {"type": ")") + type + R"(", "factor": 2}})",
           '"' + std::string(type) +
               "\": this RoPE scaling is not supported; default, linear, dynamic, yarn, llama3 and longrope are");
  }
  refuse(R"({"rope_scaling": {"factor": 2}})", "F: \"rope_scaling\": \"rope_type\" is missing");
  refuse(R"({"rope_scaling": {}})", "\"rope_type\" is missing");
  refuse(R"({"rope_scaling": "linear"})", "F: \"rope_scaling\": must be a JSON object");
  refuse(R"({"rope_scaling": {"type": 3}})", "\"type\" must be a string");
}

TEST(ConfigRope, RefusesKeysThatTheTypeDoesNotRead) {
  refuse(R"({"rope_scaling": {"type": "linear", "factor": 2, "attention_factor": 1.2}})",
         "\"attention_factor\" is not read for this RoPE type");
  refuse(R"({"rope_scaling": {"rope_type": "default", "factor": 2}})", "\"factor\" is not read");
  refuse(R"({"rope_scaling": {"type": "linear", "factor": 2, "rope_theta": 1e6}})", "\"rope_theta\" is not read");
  refuse(R"({"rope_scaling": {"type": "linear", "factor": 2, "low_freq_factor": null}})", "\"low_freq_factor\"");
  refuse(R"({"rope_parameters": {"rope_theta": 1e6, "beta_fast": 32}})", "\"beta_fast\" is not read");
  refuse(R"({"rope_parameters": {"full_attention": {"rope_theta": 1e6}}})", "\"full_attention\" is not read");
}

TEST(ConfigRope, RefusesValuesOutOfRange) {
  refuse(R"({"rope_theta": 0})", "\"rope_theta\" is 0");
  refuse(R"({"rope_theta": -10000.0})", "\"rope_theta\" is -10000");
  refuse(R"({"rope_theta": "1e6"})", "\"rope_theta\" must be a number");
  refuse(R"({"rope_scaling": {"type": "linear"}})", "\"factor\" is missing");
  refuse(R"({"rope_scaling": {"type": "linear", "factor": 0.5}})", "\"factor\" is 0.5; it must be at least 1");
  refuse(R"({"rope_scaling": {"type": "dynamic", "factor": "2"}})", "\"factor\" must be a number");
  refuse(llama3_with("\"factor\": 8.0", "\"factor\": 0"), "\"factor\" is 0");
  refuse(llama3_with("\"low_freq_factor\": 1.0", "\"low_freq_factor\": 4.0"), "0 < low < high must hold");
  refuse(llama3_with("\"low_freq_factor\": 1.0", "\"low_freq_factor\": 0.0"), "0 < low < high must hold");
  refuse(llama3_with("\"high_freq_factor\": 4.0", "\"high_freq_factor\": null"), "\"high_freq_factor\" is missing");
  refuse(llama3_with("_embeddings\": 512", "_embeddings\": 0"), "must not be 0");
  refuse(llama3_with("_embeddings\": 512", "_embeddings\": 512.5"), "must be a whole number");
}

}  // namespace
}  // namespace proxima
