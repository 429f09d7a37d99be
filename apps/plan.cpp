// SPDX-License-Identifier: MIT
#include "apps/plan.h"

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "apps/input.h"
#include "apps/option_values.h"
#include "apps/session.h"
#include "apps/text_output.h"
#include "core/error.h"
#include "core/memory_limit.h"
#include "model/fingerprint.h"
#include "model/int8_weights.h"
#include "model/tokenizer.h"

namespace proxima {
namespace {

using nlohmann::ordered_json;

constexpr size_t kDefaultPredict = 256;  // as `run` has it

// One cache, planned.
struct Row {
  CacheKind kind;
  MemoryPlan plan;
  size_t largest;
};

size_t tokens_of(const PlanOptions& options) {
  const Tokenizer tokenizer = Tokenizer::open(model_folder(options.common));
  size_t longest = 0;
  for (const Document& document : read_documents(options.files)) {
    longest = std::max(longest, tokenizer.encode(document.text).size());
  }
  return longest + options.n_predict.value_or(kDefaultPredict);
}

size_t planned_context(const PlanOptions& options, const ModelConfig& config) {
  const size_t limit = std::min(options.common.ctx_size.value_or(SIZE_MAX), trained_context(config));
  if (!options.n_tokens && options.files.empty()) return limit;
  const size_t n_tokens = options.n_tokens ? *options.n_tokens : tokens_of(options);
  if (n_tokens > limit) {
    fail(ErrorKind::kContext, "{} tokens do not fit the context of {} ({})", n_tokens, limit,
         limit == options.common.ctx_size ? "-c" : "the model's limit");
  }
  return n_tokens;
}

std::vector<Row> rows_of(const ModelConfig& config, size_t weights_bytes, const MemoryRequest& request,
                         const MemoryLimit& available) {
  std::vector<Row> rows;
  const auto add = [&](const CacheChoice& cache) {
    MemoryRequest each = request;
    each.cache = cache;
    if (cache.kind == CacheKind::kDense) each.budget.reset();
    rows.push_back({cache.kind, plan_memory(config, weights_bytes, each),
                    largest_context(config, weights_bytes, each, trained_context(config), available.bytes)});
  };
  add({});
  if (request.cache.kind != CacheKind::kDense) add(request.cache);
  return rows;
}

double saved_percent(const MemoryPlan& plan) {
  return 100 * (1 - static_cast<double>(plan.kv.logical) / static_cast<double>(plan.kv_dense));
}

ordered_json as_json(const Row& row, size_t available) {
  const MemoryPlan& plan = row.plan;
  return {{"cache", cache_kind_name(row.kind)},    {"weights_bytes", plan.weights},
          {"kv_bytes", plan.kv.logical},           {"kv_dense_bytes", plan.kv_dense},
          {"kv_slack_bytes", plan.reading.slack},  {"kv_allocated_bytes", plan.kv.allocated},
          {"kv_reserved_bytes", plan.kv.reserved}, {"scratch_bytes", plan.scratch},
          {"program_bytes", plan.program},         {"peak_bytes", plan.peak},
          {"fits", plan.peak <= available},        {"largest_context", row.largest}};
}

std::string as_text(const Row& row, size_t available) {
  const MemoryPlan& plan = row.plan;
  std::string text = fmt::format("{:<13}{:>14}", cache_kind_name(row.kind), format_bytes(plan.kv.logical));
  text += fmt::format("{:>9.1f} %{:>14}{:>14}{:>12}{:>16}\n", saved_percent(plan), format_bytes(plan.reading.slack),
                      format_bytes(plan.peak), plan.peak <= available ? "yes" : "no", row.largest);
  return text;
}

}  // namespace

void declare_plan(CLI::App& app, PlanOptions& options) {
  add_model_options(app, options.common);
  app.add_option("-f,--file", options.files, "plan for this document; may be repeated, - is standard input")
      ->type_name("FILE");
  add_count(app, "--tokens", options.n_tokens, "plan for a context of N tokens (default: the model's limit)",
            {1, kMaxCount});
  add_count(app, "-n,--predict,--n-predict,--max-tokens", options.n_predict,
            "tokens to generate, added to -f (default: 256)");
  add_precision_options(app, options.common);
  add_cache_options(app, options.common);
  app.add_flag("--json", options.json, "one JSON object on standard output");
  app.footer("Example: proxima plan -m DIR -f book.txt --cache pod --map map.json");
}

void plan(const PlanOptions& options) {
  if (options.n_tokens && !options.files.empty()) {
    fail(ErrorKind::kUsage, "--tokens and -f both say how long the context is; give one of them");
  }
  if (options.n_predict && options.files.empty()) fail(ErrorKind::kUsage, "-n has no effect without -f");
  const auto dir = model_folder(options.common);
  const ModelConfig config = read_config(dir);
  check_context_size(options.common, config);
  const Checkpoint checkpoint(dir);
  const Weights weights = bind_weights(config, checkpoint);
  MemoryRequest request = memory_request(options.common, cache_geometry(config));
  if (request.cache.map) check_map_fingerprint(*request.cache.map, checkpoint, options.common.map);
  const size_t n_tokens = planned_context(options, config);
  request.limits = {n_tokens, std::min(options.common.chunk, n_tokens)};
  const MemoryLimit available = available_memory();
  const WeightBytes bytes = weight_bytes(checkpoint, weights, request.int8_weights);
  const auto rows = rows_of(config, bytes.resident(), request, available);
  const MemoryPlan& first = rows.front().plan;
  if (options.json) {
    ordered_json json = {{"model", dir.string()},
                         {"precision", precision_name(request.precision)},
                         {"threads", request.n_threads},
                         {"context", n_tokens},
                         {"model_context", trained_context(config)},
                         {"int8_weights_bytes", bytes.quantized},
                         {"available_bytes", available.bytes},
                         {"available_reason", available.reason},
                         {"plans", ordered_json::array()}};
    for (const Row& row : rows) json["plans"].push_back(as_json(row, available.bytes));
    return write_output(json.dump(2) + "\n");
  }
  std::string text = fmt::format("{}: {} of {} tokens, {}\n", dir.string(), n_tokens, trained_context(config),
                                 precision_name(request.precision));
  const std::string kind = !request.int8_weights
                               ? "mapped"
                               : fmt::format("{} mapped, {} int8; {} are read once", format_bytes(bytes.mapped),
                                             format_bytes(bytes.quantized), format_bytes(bytes.idle));
  text += fmt::format("weights {} ({}), scratch {}, program {}; available {} ({})\n", format_bytes(first.weights), kind,
                      format_bytes(first.scratch), format_bytes(first.program), format_bytes(available.bytes),
                      available.reason);
  text += fmt::format("{:<13}{:>14}{:>11}{:>14}{:>14}{:>12}{:>16}\n", "cache", "KV", "saved", "ring slack", "peak",
                      "fits", "largest context");
  for (const Row& row : rows) text += as_text(row, available.bytes);
  write_output(text);
}

}  // namespace proxima
