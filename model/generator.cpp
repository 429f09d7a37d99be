// SPDX-License-Identifier: MIT
#include "model/generator.h"

#include <algorithm>
#include <cmath>

#include "core/error.h"

namespace proxima {

void Generator::read_prompt(std::span<const TokenId> ids, size_t reserve,
                            const std::function<bool(const Progress&)>& progress, Observer* observer) {
  if (ids.empty()) fail(ErrorKind::kUsage, "the prompt is empty; give at least one token");
  // A cache that already holds tokens keeps the rotation of its prompt.
  const size_t rotated_for = cache_.n_tokens() == 0 ? ids.size() : cache_.n_tokens();
  const size_t end = cache_.n_tokens() + ids.size();
  const size_t limit =
      std::min(transformer_.limits().max_context, rotation_limit(transformer_.model().config, rotated_for));
  if (end + reserve > limit) {
    fail(ErrorKind::kContext, "a prompt of {} tokens and {} to generate do not fit the limit of {} tokens", end,
         reserve, limit);
  }
  transformer_.begin_sequence(rotated_for);
  cache_.begin_prompt(ids.size());
  for (size_t done = 0; done < ids.size();) {
    const size_t count = std::min({transformer_.limits().max_chunk, cache_.max_append(), ids.size() - done});
    const bool last = done + count == ids.size();
    transformer_.forward(ids.subspan(done, count), cache_, last, observer);
    done += count;
    if (progress && !progress({done, ids.size()}) && !last)
      fail(ErrorKind::kInterrupt, "interrupted while reading the prompt");
  }
  cache_.end_prompt();
  check_logits();
}

StopReason Generator::generate(size_t n_predict, Sampler& sampler, std::span<const TokenId> end_ids,
                               const std::function<bool(TokenId)>& emit, Observer* observer) {
  for (size_t n = 0; n < n_predict; ++n) {
    const TokenId id = sampler.pick(logits());
    if (std::ranges::find(end_ids, id) != end_ids.end()) return StopReason::kEndToken;
    if (!emit(id)) return StopReason::kInterrupted;
    if (n + 1 == n_predict) break;
    take(id, observer);
  }
  return StopReason::kLength;
}

void Generator::take(TokenId id, Observer* observer) {
  transformer_.forward({&id, 1}, cache_, true, observer);
  check_logits();
}

void Generator::check_logits() const {
  const auto values = logits();
  const auto bad = std::ranges::find_if(values, [](double x) { return !std::isfinite(x); });
  if (bad == values.end()) return;
  fail(ErrorKind::kNonFinite,
       "the logit of token {} is {} after position {}; --check-finite finds the first bad tensor", bad - values.begin(),
       *bad, cache_.n_tokens() - 1);
}

}  // namespace proxima
