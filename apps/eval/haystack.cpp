// SPDX-License-Identifier: MIT
#include "apps/eval/haystack.h"

#include <algorithm>
#include <cmath>
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

// The line nearest behind a multiple of the golden ratio, which spreads any number of copies evenly.
size_t Haystack::copy_begin(size_t copy) const {
  constexpr double kGolden = 0.6180339887498949;
  const double turns = static_cast<double>(copy) * kGolden;
  const auto near = static_cast<size_t>((turns - std::floor(turns)) * static_cast<double>(text_.size()));
  const size_t line_end = near == 0 ? text_.npos : text_.find('\n', near);
  const size_t begin = line_end == text_.npos ? text_.npos : text_.find_first_not_of('\n', line_end);
  return begin == text_.npos ? 0 : begin;
}

std::span<const TokenId> Haystack::tokens(size_t n_tokens, size_t copy) {
  const bool synthetic = text_.empty();
  std::vector<TokenId>& ids = copies_[copy];
  if (ids.size() < n_tokens) {
    const size_t line = copy_begin(copy);
    std::string text = text_.substr(line);
    if (line > 0) text = join_texts(text, text_.substr(0, line));
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
