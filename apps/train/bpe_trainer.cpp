// SPDX-License-Identifier: MIT
#include "apps/train/bpe_trainer.h"

#include <algorithm>
#include <queue>

#include "core/error.h"

namespace proxima {
namespace {

constexpr size_t kBytes = 256;
constexpr uint64_t kRare = 2;  // a pair must occur this often
constexpr size_t kStretch = size_t{1} << 16;

struct Pair {
  TokenId left;
  TokenId right;
  bool operator==(const Pair&) const = default;
};

struct PairHash {
  size_t operator()(const Pair& pair) const {
    const uint64_t key = (uint64_t{pair.left} << 32 | pair.right) * 0x9E3779B97F4A7C15U;
    return static_cast<size_t>(key ^ (key >> 32));
  }
};

struct Word {
  std::vector<TokenId> tokens;
  uint64_t count;
};

struct PairUse {
  uint64_t count = 0;
  std::vector<uint32_t> words;  // that have held the pair, some perhaps twice
};

struct Candidate {
  uint64_t count;
  Pair pair;
  bool operator<(const Candidate& other) const {
    if (count != other.count) return count < other.count;
    if (pair.left != other.pair.left) return pair.left > other.pair.left;
    return pair.right > other.pair.right;
  }
};

class Learner {
 public:
  explicit Learner(std::vector<Word> words) : words_(std::move(words)) {
    for (size_t index = 0; index < words_.size(); ++index) {
      const Word& word = words_[index];
      for (size_t i = 1; i < word.tokens.size(); ++i) use({word.tokens[i - 1], word.tokens[i]}, index);
    }
    for (const auto& [pair, pair_use] : uses_) heap_.push({pair_use.count, pair});
    for (size_t byte = 0; byte < kBytes; ++byte) add_token(std::string(1, static_cast<char>(byte)));
  }

  bool merge_next() {
    while (!heap_.empty()) {
      const Candidate candidate = heap_.top();
      heap_.pop();
      const auto found = uses_.find(candidate.pair);
      const uint64_t count = found == uses_.end() ? 0 : found->second.count;
      if (count < kRare) continue;
      if (count != candidate.count) {  // has changed since; counts that grow are offered again when they do
        if (count < candidate.count) heap_.push({count, candidate.pair});
        continue;
      }
      merge(candidate.pair);
      return true;
    }
    return false;
  }

  const BpeVocabulary& vocabulary() const { return vocabulary_; }

 private:
  TokenId add_token(std::string token) {
    const auto [place, is_new] = ids_.emplace(token, static_cast<TokenId>(vocabulary_.tokens.size()));
    if (is_new) vocabulary_.tokens.push_back(std::move(token));
    return place->second;
  }

  void use(const Pair& pair, size_t word) {
    PairUse& pair_use = uses_[pair];
    pair_use.count += words_[word].count;
    if (pair_use.words.empty() || pair_use.words.back() != word) pair_use.words.push_back(static_cast<uint32_t>(word));
  }

  void merge(const Pair& pair) {
    const TokenId id = add_token(vocabulary_.tokens[pair.left] + vocabulary_.tokens[pair.right]);
    vocabulary_.merges.emplace_back(pair.left, pair.right);
    const std::vector<uint32_t> holders = std::move(uses_.at(pair).words);
    grown_.clear();
    for (const uint32_t word : holders) merge_in(word, pair, id);
    uses_.erase(pair);
    const auto before = [](const Pair& a, const Pair& b) {
      return a.left != b.left ? a.left < b.left : a.right < b.right;
    };
    std::ranges::sort(grown_, before);
    grown_.erase(std::unique(grown_.begin(), grown_.end()), grown_.end());
    for (const Pair& grown : grown_) {
      if (const auto found = uses_.find(grown); found != uses_.end()) heap_.push({found->second.count, grown});
    }
  }

  // Only pairs with a merged token on a side go and come.
  void merge_in(uint32_t index, const Pair& pair, TokenId id) {
    std::vector<TokenId>& old = words_[index].tokens;
    merged_.clear();
    is_new_.clear();
    bool after_merge = false;
    for (size_t i = 0; i < old.size();) {
      const bool here = i + 1 < old.size() && old[i] == pair.left && old[i + 1] == pair.right;
      if (i > 0 && (here || after_merge)) release({old[i - 1], old[i]}, index);
      if (here) release(pair, index);
      merged_.push_back(here ? id : old[i]);
      is_new_.push_back(here);
      after_merge = here;
      i += here ? 2 : 1;
    }
    for (size_t i = 1; i < merged_.size(); ++i) {
      if (!is_new_[i - 1] && !is_new_[i]) continue;
      use({merged_[i - 1], merged_[i]}, index);
      grown_.push_back({merged_[i - 1], merged_[i]});
    }
    old.assign(merged_.begin(), merged_.end());
  }

  void release(const Pair& pair, uint32_t index) { uses_.at(pair).count -= words_[index].count; }

  std::vector<Word> words_;
  std::unordered_map<Pair, PairUse, PairHash> uses_;
  std::priority_queue<Candidate> heap_;
  std::unordered_map<std::string, TokenId> ids_;
  BpeVocabulary vocabulary_;
  std::vector<Pair> grown_;  // by the merge in hand
  std::vector<TokenId> merged_;
  std::vector<bool> is_new_;
};

bool is_letter(char byte) {
  return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z');
}

// The end of a stretch of at least kStretch bytes, between a line's end and a letter, where words end.
size_t stretch_end(std::string_view text, size_t begin) {
  for (size_t line = text.find('\n', begin + std::min(kStretch, text.size() - begin)); line != text.npos;
       line = text.find('\n', line + 1)) {
    if (line + 1 < text.size() && is_letter(text[line + 1])) return line + 1;
  }
  return text.size();
}

}  // namespace

BpeTrainer::BpeTrainer(std::string_view pre_tokenizer) : pre_tokenizer_(PreTokenizer::parse(pre_tokenizer)) {}

void BpeTrainer::add(std::string_view text) {
  for (size_t begin = 0; begin < text.size();) {
    const size_t end = stretch_end(text, begin);
    for (std::string_view word : pre_tokenizer_.split(text.substr(begin, end - begin), scratch_)) {
      for (; !word.empty(); word.remove_prefix(std::min(word.size(), kLongestWord))) {
        ++counts_[std::string(word.substr(0, kLongestWord))];
      }
    }
    begin = end;
  }
}

BpeVocabulary BpeTrainer::train(size_t n_tokens) const {
  std::vector<Word> words;
  for (const auto& [bytes, count] : counts_) {
    Word& word = words.emplace_back(Word{{}, count});
    for (const char byte : bytes) word.tokens.push_back(static_cast<unsigned char>(byte));
  }
  if (words.size() > UINT32_MAX) fail(ErrorKind::kUsage, "the texts have too many different words");
  Learner learner(std::move(words));
  while (learner.vocabulary().tokens.size() < n_tokens && learner.merge_next()) {
  }
  return learner.vocabulary();
}

}  // namespace proxima
