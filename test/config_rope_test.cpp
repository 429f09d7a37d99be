// SPDX-License-Identifier: MIT
#include "model/config_rope.h"

#include <gtest/gtest.h>

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

TEST(ConfigRope, RefusesUnsupportedTypesByName) {
  for (const char* type : {"yarn", "longrope", "su", "mrope", "ntk", "Linear"}) {
    refuse(std::string(R"({"rope_scaling": {"type": ")") + type + R"(", "factor": 2}})",
           '"' + std::string(type) + "\": this RoPE scaling is not supported yet");
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
  refuse(R"({"rope_parameters": {"partial_rotary_factor": 0.25}})", "\"partial_rotary_factor\" is 0.25");
}

}  // namespace
}  // namespace proxima
