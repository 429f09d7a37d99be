// SPDX-License-Identifier: MIT
// Small tokenizer.json texts for tests, made from their parts.
#pragma once

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "model/byte_alphabet.h"
#include "model/utf8.h"

namespace proxima::test {

using Json = nlohmann::ordered_json;

inline std::string as_token(std::string_view bytes) {
  std::string text;
  ByteAlphabet().append_text(bytes, text);
  return text;
}

inline Json added_token(size_t id, const std::string& content, bool special = true) {
  return {{"id", id},        {"content", content},  {"single_word", false}, {"lstrip", false},
          {"rstrip", false}, {"normalized", false}, {"special", special}};
}

// Byte-level BPE over all 256 bytes; merges are pairs of byte strings, each adding its token.
inline Json byte_level_tokenizer(const std::vector<std::pair<std::string, std::string>>& merges,
                                 bool use_regex = true) {
  Json vocab = Json::object();
  for (size_t byte = 0; byte < 256; ++byte) vocab[as_token(std::string(1, static_cast<char>(byte)))] = byte;
  Json list = Json::array();
  for (const auto& [left, right] : merges) {
    list.push_back(as_token(left) + " " + as_token(right));
    if (!vocab.contains(as_token(left + right))) vocab[as_token(left + right)] = vocab.size();
  }
  const Json byte_level = {
      {"type", "ByteLevel"}, {"add_prefix_space", false}, {"trim_offsets", true}, {"use_regex", use_regex}};
  return {{"version", "1.0"},
          {"truncation", nullptr},
          {"padding", nullptr},
          {"added_tokens", Json::array({added_token(vocab.size(), "<|end|>")})},
          {"normalizer", nullptr},
          {"pre_tokenizer", byte_level},
          {"post_processor", nullptr},
          {"decoder", byte_level},
          {"model",
           {{"type", "BPE"},
            {"dropout", nullptr},
            {"unk_token", nullptr},
            {"fuse_unk", false},
            {"byte_fallback", false},
            {"ignore_merges", false},
            {"vocab", vocab},
            {"merges", list}}}};
}

// Llama 2's kind: U+2581 for spaces, byte fallback, BOS by the post-processor.
inline Json sentencepiece_tokenizer(const std::vector<std::pair<std::string, std::string>>& merges,
                                    const std::string& characters = "\u2581abcdehlorw") {
  Json vocab = {{"<unk>", 0}, {"<s>", 1}, {"</s>", 2}};
  for (size_t byte = 0; byte < 256; ++byte) vocab[fmt::format("<0x{:02X}>", byte)] = vocab.size();
  for (size_t pos = 0; pos < characters.size();) {
    const size_t n_bytes = code_point_at(characters, pos).n_bytes;
    vocab[characters.substr(pos, n_bytes)] = vocab.size();
    pos += n_bytes;
  }
  Json list = Json::array();
  for (const auto& [left, right] : merges) {
    list.push_back(Json::array({left, right}));
    if (!vocab.contains(left + right)) vocab[left + right] = vocab.size();
  }
  const Json bos = {{"SpecialToken", {{"id", "<s>"}, {"type_id", 0}}}};
  const Json text = {{"Sequence", {{"id", "A"}, {"type_id", 0}}}};
  return {{"version", "1.0"},
          {"added_tokens", Json::array({added_token(0, "<unk>"), added_token(1, "<s>"), added_token(2, "</s>")})},
          {"normalizer",
           {{"type", "Sequence"},
            {"normalizers",
             {{{"type", "Prepend"}, {"prepend", "\u2581"}},
              {{"type", "Replace"}, {"pattern", {{"String", " "}}}, {"content", "\u2581"}}}}}},
          {"pre_tokenizer", nullptr},
          {"post_processor",
           {{"type", "TemplateProcessing"},
            {"single", {bos, text}},
            {"pair", Json::array()},
            {"special_tokens", {{"<s>", {{"id", "<s>"}, {"ids", {1}}, {"tokens", {"<s>"}}}}}}}},
          {"decoder",
           {{"type", "Sequence"},
            {"decoders",
             {{{"type", "Replace"}, {"pattern", {{"String", "\u2581"}}}, {"content", " "}},
              {{"type", "ByteFallback"}},
              {{"type", "Fuse"}},
              {{"type", "Strip"}, {"content", " "}, {"start", 1}, {"stop", 0}}}}}},
          {"model",
           {{"type", "BPE"},
            {"unk_token", "<unk>"},
            {"fuse_unk", true},
            {"byte_fallback", true},
            {"vocab", vocab},
            {"merges", list}}}};
}

}  // namespace proxima::test
