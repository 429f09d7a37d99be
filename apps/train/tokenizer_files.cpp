// SPDX-License-Identifier: MIT
#include "apps/train/tokenizer_files.h"

#include <array>
#include <nlohmann/json.hpp>

#include "core/output_file.h"
#include "model/byte_alphabet.h"

namespace proxima {
namespace {

using nlohmann::ordered_json;

constexpr size_t kBytes = 256;

ordered_json byte_level(bool use_regex = true) {
  return {{"type", "ByteLevel"}, {"add_prefix_space", false}, {"trim_offsets", true}, {"use_regex", use_regex}};
}

ordered_json added_token(size_t id, const std::string& content) {
  return {{"id", id},        {"content", content},  {"single_word", false}, {"lstrip", false},
          {"rstrip", false}, {"normalized", false}, {"special", true}};
}

constexpr const char* kChatTemplate =
    "{%- for message in messages -%}\n"
    "{{- '<|' + message['role'] + '|>' + message['content'] + '<|end|>' -}}\n"
    "{%- endfor -%}\n"
    "{%- if add_generation_prompt -%}\n"
    "{{- '<|assistant|>' -}}\n"
    "{%- endif -%}\n";

}  // namespace

std::string byte_level_pre_tokenizer(bool single_digits) {
  if (!single_digits) return byte_level().dump();
  const ordered_json digits = {{"type", "Digits"}, {"individual_digits", true}};
  return ordered_json{{"type", "Sequence"}, {"pretokenizers", ordered_json::array({digits, byte_level()})}}.dump();
}

std::string tokenizer_json(const BpeVocabulary& vocabulary, std::span<const std::string> special,
                           const std::string& pre_tokenizer) {
  std::vector<std::string> spelling(vocabulary.tokens.size());
  const ByteAlphabet alphabet;
  for (size_t index = 0; index < spelling.size(); ++index) {
    alphabet.append_text(vocabulary.tokens[index], spelling[index]);
  }
  ordered_json ids = ordered_json::object();
  ordered_json added = ordered_json::array();
  for (size_t byte = 0; byte < kBytes; ++byte) ids[spelling[byte]] = byte;
  for (const std::string& token : special) {
    added.push_back(added_token(ids.size(), token));
    ids[token] = ids.size();
  }
  for (size_t index = kBytes; index < spelling.size(); ++index) ids[spelling[index]] = index + special.size();
  ordered_json merges = ordered_json::array();
  for (const auto& [left, right] : vocabulary.merges) merges.push_back(spelling[left] + " " + spelling[right]);
  const ordered_json model = {{"type", "BPE"},
                              {"dropout", nullptr},
                              {"unk_token", nullptr},
                              {"continuing_subword_prefix", nullptr},
                              {"end_of_word_suffix", nullptr},
                              {"fuse_unk", false},
                              {"byte_fallback", false},
                              {"ignore_merges", false},
                              {"vocab", std::move(ids)},
                              {"merges", std::move(merges)}};
  const ordered_json file = {{"version", "1.0"},
                             {"truncation", nullptr},
                             {"padding", nullptr},
                             {"added_tokens", std::move(added)},
                             {"normalizer", nullptr},
                             {"pre_tokenizer", ordered_json::parse(pre_tokenizer)},
                             {"post_processor", nullptr},
                             {"decoder", byte_level()},
                             {"model", model}};
  return file.dump(1) + "\n";
}

std::span<const std::string> chat_tokens() {
  static const std::array<std::string, 5> tokens = {"<|endoftext|>", "<|system|>", "<|user|>", "<|assistant|>",
                                                    "<|end|>"};
  return tokens;
}

std::string chat_tokenizer_config() {
  const auto tokens = chat_tokens();
  const ordered_json file = {{"tokenizer_class", "PreTrainedTokenizerFast"},
                             {"bos_token", nullptr},
                             {"eos_token", tokens.back()},
                             {"pad_token", tokens.front()},
                             {"additional_special_tokens", ordered_json(tokens.subspan(1))},
                             {"add_bos_token", false},
                             {"clean_up_tokenization_spaces", false},
                             {"chat_template", kChatTemplate}};
  return file.dump(1) + "\n";
}

}  // namespace proxima
