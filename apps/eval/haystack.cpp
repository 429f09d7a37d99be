// SPDX-License-Identifier: MIT
#include "apps/eval/haystack.h"

#include <algorithm>
#include <filesystem>

#include "apps/eval/settings.h"
#include "apps/eval/word_lists.h"
#include "apps/input.h"
#include "core/error.h"

namespace proxima {
namespace {

constexpr size_t kPieceBytes = size_t{1} << 16;  // of prose made at once

}  // namespace

std::string read_text_folder(const std::string& folder) {
  std::error_code error;
  std::vector<std::string> paths;
  for (const auto& entry : std::filesystem::directory_iterator(folder, error)) {
    if (entry.path().extension() == ".txt") paths.push_back(entry.path().string());
  }
  if (error)
    fail(ErrorKind::kInput, "{}: cannot be read: {}; it must be a folder of .txt files", folder, error.message());
  std::ranges::sort(paths);
  std::string text;
  for (const std::string& path : paths) text = join_texts(text, read_document(path).text);
  if (text.empty()) fail(ErrorKind::kInput, "{}: holds no text in .txt files", folder);
  return text;
}

Haystack::Haystack(const Tokenizer& tokenizer, const std::string& folder, uint64_t seed)
    : tokenizer_(tokenizer), text_(folder.empty() ? "" : read_text_folder(folder)), seed_(seed) {}

std::span<const TokenId> Haystack::tokens(size_t n_tokens, size_t copy) {
  const bool synthetic = text_.empty();
  std::vector<TokenId>& ids = copies_[synthetic ? copy : 0];
  if (ids.size() < n_tokens) {
    std::string text = text_;
    RandomStream random(seed_, fmt::format("haystack {}", copy));
    // From the beginning, so that a longer haystack begins with the shorter one.
    for (size_t aim = kPieceBytes; ids.size() < n_tokens; aim *= 2) {
      while (text.size() < aim) {
        if (synthetic) {
          if (!text.empty()) text += ' ';
          text += random_sentence(random);
        } else {
          text = join_texts(text, text_);
        }
      }
      ids = tokenizer_.encode(text, {.add_special = false});
    }
  }
  return std::span(ids).first(n_tokens);
}

std::string Haystack::digest() const {
  return text_.empty() ? "synthetic" : text_digest(text_);
}

}  // namespace proxima
