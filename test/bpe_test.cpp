// SPDX-License-Identifier: MIT
#include "model/bpe.h"

#include <gtest/gtest.h>

#include <map>
#include <random>

namespace proxima {
namespace {

using Pair = std::pair<std::string, std::string>;

struct Toy {
  Vocabulary vocabulary;
  MergeTable merges;
  std::vector<Pair> ranked;
};

// Random merges over a few letters: each joins two tokens that are there.
Toy random_toy(std::mt19937& random, size_t n_merges) {
  Toy toy;
  std::vector<std::string> tokens = {"a", "b", "c"};
  while (toy.ranked.size() < n_merges) {
    const std::string left = tokens[random() % tokens.size()];
    const std::string right = tokens[random() % tokens.size()];
    if (std::find(toy.ranked.begin(), toy.ranked.end(), Pair(left, right)) != toy.ranked.end()) continue;
    if (std::find(tokens.begin(), tokens.end(), left + right) == tokens.end()) tokens.push_back(left + right);
    toy.ranked.emplace_back(left, right);
  }
  std::shuffle(toy.ranked.begin(), toy.ranked.end(), random);
  TokenId id = 0;
  for (const std::string& token : tokens) toy.vocabulary.add(token, id++, 100000);
  toy.merges.reserve(n_merges);
  uint32_t rank = 0;
  for (const auto& [left, right] : toy.ranked) {
    toy.merges.set(*toy.vocabulary.find(left), *toy.vocabulary.find(right),
                   {rank++, *toy.vocabulary.find(left + right)});
  }
  return toy;
}

// By the definition: again and again the leftmost pair of the lowest rank.
std::vector<std::string> naive(const std::string& text, const std::vector<Pair>& ranked) {
  std::map<Pair, size_t> ranks;
  for (size_t rank = 0; rank < ranked.size(); ++rank) ranks[ranked[rank]] = rank;
  std::vector<std::string> parts;
  for (const char c : text) parts.emplace_back(1, c);
  const auto rank_at = [&](size_t pos) {
    const auto found = pos + 1 < parts.size() ? ranks.find({parts[pos], parts[pos + 1]}) : ranks.end();
    return found == ranks.end() ? ranks.size() : found->second;
  };
  std::vector<size_t> at;  // [pos] rank of the pair that begins there
  for (size_t pos = 0; pos < parts.size(); ++pos) at.push_back(rank_at(pos));
  while (true) {
    const auto best = std::min_element(at.begin(), at.end());
    if (best == at.end() || *best == ranks.size()) return parts;
    const auto pos = static_cast<size_t>(best - at.begin());
    parts[pos] += parts[pos + 1];
    parts.erase(parts.begin() + static_cast<std::ptrdiff_t>(pos) + 1);
    at.erase(best + 1);
    at[pos] = rank_at(pos);
    if (pos > 0) at[pos - 1] = rank_at(pos - 1);
  }
}

std::vector<std::string> texts_of(const Bpe& bpe, const std::vector<TokenId>& ids) {
  std::vector<std::string> texts;
  for (const TokenId id : ids) texts.emplace_back(bpe.vocabulary().text(id));
  return texts;
}

std::string random_text(std::mt19937& random, size_t n_letters) {
  std::string text;
  while (text.size() < n_letters) text.append(1 + random() % 4, static_cast<char>('a' + random() % 3));
  return text.substr(0, n_letters);
}

TEST(Bpe, MergesAsTheDefinitionSays) {
  std::mt19937 random(1);
  BpeScratch scratch;
  for (size_t round = 0; round < 300; ++round) {
    Toy toy = random_toy(random, 1 + random() % 30);
    const auto ranked = toy.ranked;
    const Bpe bpe(std::move(toy.vocabulary), std::move(toy.merges), {}, false);
    const std::string text = random_text(random, random() % 60);
    std::vector<TokenId> ids;
    bpe.encode(text, scratch, ids);
    ASSERT_EQ(texts_of(bpe, ids), naive(text, ranked)) << text;
  }
}

// From 4096 symbols on the merges go rank by rank instead of through a heap.
TEST(Bpe, MergesLargePiecesAsTheDefinitionSays) {
  std::mt19937 random(2);
  BpeScratch scratch;
  for (size_t round = 0; round < 60; ++round) {
    Toy toy = random_toy(random, 2 + random() % 150);
    const auto ranked = toy.ranked;
    const Bpe bpe(std::move(toy.vocabulary), std::move(toy.merges), {}, false);
    const std::string text = round == 0 ? std::string(5000, 'a') : random_text(random, 4097 + random() % 500);
    std::vector<TokenId> ids;
    bpe.encode(text, scratch, ids);
    ASSERT_EQ(texts_of(bpe, ids), naive(text, ranked)) << "round " << round;
  }
}

Vocabulary make_vocabulary(const std::vector<std::string>& tokens) {
  Vocabulary vocabulary;
  TokenId id = 0;
  for (const std::string& token : tokens) vocabulary.add(token, id++, 100000);
  return vocabulary;
}

std::vector<TokenId> encode(const Bpe& bpe, std::string_view text) {
  BpeScratch scratch;
  std::vector<TokenId> ids;
  bpe.encode(text, scratch, ids);
  return ids;
}

TEST(Bpe, FallsBackToBytesOnlyIfAllExist) {
  const std::vector<std::string> tokens = {"<unk>", "a", "<0xC3>", "<0xA9>", "<0xE2>", "<0x82>"};
  const Bpe fused(make_vocabulary(tokens), {}, {true, true, false, 0}, false);
  EXPECT_EQ(encode(fused, "a\u00e9a"), (std::vector<TokenId>{1, 2, 3, 1}));
  EXPECT_EQ(encode(fused, "a\u20ac\u20aca"), (std::vector<TokenId>{1, 0, 1}));
  const Bpe separate(make_vocabulary(tokens), {}, {true, false, false, 0}, false);
  EXPECT_EQ(encode(separate, "a\u20ac\u20ac"), (std::vector<TokenId>{1, 0, 0}));
  const Bpe silent(make_vocabulary(tokens), {}, {}, false);
  EXPECT_EQ(encode(silent, "a\u20aca"), (std::vector<TokenId>{1, 1}));
}

TEST(Bpe, TakesWholePiecesWithIgnoreMerges) {
  const std::vector<std::string> tokens = {"a", "b", "ab", "aba"};
  const Bpe bpe(make_vocabulary(tokens), {}, {false, false, true, {}}, false);
  EXPECT_EQ(encode(bpe, "aba"), (std::vector<TokenId>{3}));
  EXPECT_EQ(encode(bpe, "abab"), (std::vector<TokenId>{0, 1, 0, 1}));
  const Bpe without(make_vocabulary(tokens), {}, {}, false);
  EXPECT_EQ(encode(without, "aba"), (std::vector<TokenId>{0, 1, 0}));
}

}  // namespace
}  // namespace proxima
