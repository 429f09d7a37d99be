// SPDX-License-Identifier: MIT
#include "apps/answer.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "core/memory_limit.h"

namespace proxima {
namespace {

double rate(size_t n, double seconds) {
  return n > 0 && seconds > 0 ? static_cast<double>(n) / seconds : 0;
}

// Forward passes of single tokens: the first token comes with the prompt, the last one is not run.
size_t n_steps(const Answer& answer) {
  if (answer.reason == StopReason::kEndToken) return answer.n_generated;
  return answer.n_generated > 0 ? answer.n_generated - 1 : 0;
}

double saved(const Answer& answer) {
  if (answer.kv_dense == 0) return 0;
  return 1 - static_cast<double>(answer.kv.logical) / static_cast<double>(answer.kv_dense);
}

// "a layer 26.00 KiB", or of the smallest and the largest.
std::string describe_layers(const Job& job) {
  size_t least = SIZE_MAX, most = 0;
  for (size_t layer = 0; layer < job.cache->geometry().n_layers; ++layer) {
    const size_t bytes = job.cache->bytes(layer).logical;
    least = std::min(least, bytes);
    most = std::max(most, bytes);
  }
  if (least == most) return fmt::format("a layer {}", format_bytes(least));
  return fmt::format("a layer {} to {} (-v: each)", format_bytes(least), format_bytes(most));
}

std::string describe_cache(const Session& session, const Job& job, const Answer& answer) {
  const CacheChoice& choice = session.request().cache;
  const std::string settings = answer.cache_settings == "{}" ? "" : " " + answer.cache_settings;
  std::string text = fmt::format("KV cache {}{}: {} for {} tokens", cache_kind_name(choice.kind), settings,
                                 format_bytes(answer.kv.logical), answer.kv_tokens);
  if (choice.kind != CacheKind::kDense) {
    text += fmt::format(" (dense {}, saved {:.1f} %), {} while reading", format_bytes(answer.kv_dense),
                        100 * saved(answer), format_bytes(answer.reading.logical + answer.reading.slack));
    if (choice.kind == CacheKind::kPod && answer.kv.logical == answer.kv_dense) {
      text += fmt::format("; nothing was saved because no token was further away than ns + nr = {}",
                          choice.map->ns + choice.map->nr);
    } else if (selection_method(choice.kind) && answer.kv.logical == answer.kv_dense) {
      text += "; nothing was dropped because the prompt is within the budget";
    }
    text += ", " + describe_layers(job);
  }
  return text + fmt::format("; peak RSS {}", format_bytes(process_memory().peak_resident));
}

double skipped_share(const SkipCount& count) {
  return count.total == 0 ? 0 : static_cast<double>(count.skipped) / static_cast<double>(count.total);
}

std::string describe_skips(const Answer& answer) {
  SkipCount all;
  for (const SkipCount& layer : answer.skips) {
    all.skipped += layer.skipped;
    all.total += layer.total;
  }
  return fmt::format("skipped {:.1f} % of the distant dot products of borrowing layers (-v: by layer)",
                     100 * skipped_share(all));
}

const char* describe_end(StopReason reason) {
  switch (reason) {
    case StopReason::kEndToken:
      return "stopped: end token";
    case StopReason::kLength:
      return "stopped: length (-n)";
    case StopReason::kInterrupted:
      return "interrupted";
  }
  return "";
}

nlohmann::ordered_json skipped_shares(const Answer& answer) {
  nlohmann::ordered_json shares = nlohmann::ordered_json::array();
  for (const SkipCount& layer : answer.skips) shares.push_back(skipped_share(layer));
  return shares;
}

nlohmann::ordered_json sampler_json(const SamplerOptions& sampler) {
  return {{"temperature", sampler.temperature},
          {"top_k", sampler.top_k},
          {"top_p", sampler.top_p},
          {"min_p", sampler.min_p},
          {"seed", sampler.seed}};
}

}  // namespace

std::string_view finish_reason(StopReason reason) {
  switch (reason) {
    case StopReason::kEndToken:
      return "stop";
    case StopReason::kLength:
      return "length";
    case StopReason::kInterrupted:
      return "interrupted";
  }
  return "";
}

void print_statistics(const Session& session, const Job& job, const Answer& answer) {
  if (session.options().quiet) return;
  const size_t n_unread = answer.n_prompt - answer.n_cached;
  const std::string read =
      answer.n_read == n_unread ? std::to_string(n_unread) : fmt::format("{} of {}", answer.n_read, n_unread);
  const std::string reused = answer.n_cached > 0 ? fmt::format(", {} from the cache file", answer.n_cached) : "";
  fmt::print(stderr, "proxima: prompt {} tokens in {:.2f} s ({:.0f} tokens/s){}; ", read, answer.prompt_seconds,
             rate(answer.n_read, answer.prompt_seconds), reused);
  fmt::print(stderr, "answer {} tokens in {:.2f} s ({:.0f} tokens/s), {}\n", answer.n_generated,
             answer.generate_seconds, rate(n_steps(answer), answer.generate_seconds), describe_end(answer.reason));
  if (answer.n_truncated > 0) {
    fmt::print(stderr, "proxima: {} tokens of {} were cut away (--on-overflow)\n", answer.n_truncated, answer.what);
  }
  fmt::print(stderr, "proxima: {}\n", describe_cache(session, job, answer));
  if (!answer.skips.empty()) fmt::print(stderr, "proxima: {}\n", describe_skips(answer));
  if (!session.options().verbose) return;
  for (size_t layer = 0; layer < job.cache->geometry().n_layers; ++layer) {
    const CacheBytes bytes = job.cache->bytes(layer);
    fmt::print(stderr, "proxima: layer {}: KV {} B, allocated {} B, reserved {} B\n", layer, bytes.logical,
               bytes.allocated, bytes.reserved);
    if (!answer.skips.empty()) {
      fmt::print(stderr, "proxima: layer {}: skipped {:.1f} % of its distant dot products\n", layer,
                 100 * skipped_share(answer.skips[layer]));
    }
  }
  fmt::print(stderr, "proxima: seed {}, logits_digest {}\n", answer.sampler.seed, answer.digest);
}

std::string answer_json(const Session& session, const Answer& answer) {
  const nlohmann::ordered_json json = {{"input", answer.what},
                                       {"text", answer.text},
                                       {"finish_reason", finish_reason(answer.reason)},
                                       {"prompt_tokens", answer.n_prompt},
                                       {"truncated_tokens", answer.n_truncated},
                                       {"generation_tokens", answer.n_generated},
                                       {"timings",
                                        {{"cache_n", answer.n_cached},
                                         {"prompt_n", answer.n_read},
                                         {"prompt_ms", answer.prompt_seconds * 1e3},
                                         {"prompt_per_second", rate(answer.n_read, answer.prompt_seconds)},
                                         {"predicted_n", answer.n_generated},
                                         {"predicted_ms", answer.generate_seconds * 1e3},
                                         {"predicted_per_second", rate(n_steps(answer), answer.generate_seconds)}}},
                                       {"kv",
                                        {{"cache", cache_kind_name(session.request().cache.kind)},
                                         {"settings", nlohmann::ordered_json::parse(answer.cache_settings)},
                                         {"tokens", answer.kv_tokens},
                                         {"logical_bytes", answer.kv.logical},
                                         {"dense_bytes", answer.kv_dense},
                                         {"saved", saved(answer)},
                                         {"logical_bytes_reading", answer.reading.logical},
                                         {"slack_bytes_reading", answer.reading.slack},
                                         {"allocated_bytes", answer.kv.allocated},
                                         {"allocated_bytes_reading", answer.reading.allocated},
                                         {"reserved_bytes", answer.kv.reserved}}},
                                       {"skipped_share_of_layers", skipped_shares(answer)},
                                       {"peak_rss_bytes", process_memory().peak_resident},
                                       {"model", session.model().dir.string()},
                                       {"precision", precision_name(session.request().precision)},
                                       {"simd", simd_target_name(session.compute().kernels->target)},
                                       {"threads", session.compute().n_threads},
                                       {"sampler", sampler_json(answer.sampler)},
                                       {"logits_digest", answer.digest}};
  return json.dump() + "\n";
}

}  // namespace proxima
