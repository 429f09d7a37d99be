// SPDX-License-Identifier: MIT
// What text costs: opening a folder's tokenizer, and encoding 10 KB to 10 MB of prose, of one word and of white space.
// Usage: text DIR...
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <random>
#include <string>

#include "core/error.h"
#include "model/tokenizer.h"

namespace {

using namespace proxima;

constexpr size_t kLargest = 10'000'000;

template <class Call>
double seconds(const Call& call) {
  const auto begin = std::chrono::steady_clock::now();
  call();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

// Words of random length from a skewed alphabet, with punctuation and numbers: many different ones, as in prose.
std::string prose() {
  static constexpr std::string_view kLetters = "eeeeetttaaaooiinnsshhrrdlucmwfgypbvk";
  std::mt19937 random(1);
  std::string text;
  while (text.size() < kLargest) {
    for (size_t count = 1 + random() % 9; count > 0; --count) text += kLetters[random() % kLetters.size()];
    const auto ending = random() % 40;
    text += ending == 0 ? ".\n\n" : ending == 1 ? ", " : ending == 2 ? " 1984 " : " ";
  }
  return text;
}

std::string one_word() {
  std::mt19937 random(2);
  std::string text(kLargest, 'a');
  for (char& letter : text) letter = static_cast<char>('a' + random() % 26);
  return text;
}

void measure(const Tokenizer& tokenizer, const char* name, const std::string& text) {
  fmt::print("  {:<11}", name);
  for (size_t n_bytes = 10'000; n_bytes <= kLargest; n_bytes *= 10) {
    const std::string part = text.substr(0, n_bytes);
    double best = 1e9;
    for (size_t round = 0; round < (n_bytes < kLargest ? 3U : 1U); ++round) {
      best = std::min(best, seconds([&] { tokenizer.encode(part, {true, false}); }));
    }
    fmt::print("  {:>8.1f} ms {:>4.0f} ns/B", 1e3 * best, 1e9 * best / static_cast<double>(n_bytes));
  }
  fmt::print("\n");
}

void measure(const char* dir) {
  double best = 1e9;
  for (size_t round = 0; round < 5; ++round) best = std::min(best, seconds([&] { Tokenizer::open(dir); }));
  fmt::print("{}: opened in {:.1f} ms; 10 KB, 100 KB, 1 MB, 10 MB:\n", dir, 1e3 * best);
  const Tokenizer tokenizer = Tokenizer::open(dir);
  measure(tokenizer, "prose", prose());
  measure(tokenizer, "one word", one_word());
  measure(tokenizer, "one letter", std::string(kLargest, 'a'));
  measure(tokenizer, "spaces", std::string(kLargest, ' '));
  measure(tokenizer, "newlines", std::string(kLargest, '\n'));
}

}  // namespace

int main(int argc, char** argv) {
  try {
    for (int index = 1; index < argc; ++index) measure(argv[index]);
    return 0;
  } catch (const Error& error) {
    fmt::print(stderr, "text: {}\n", error.what());
    return static_cast<int>(error.kind());
  }
}
