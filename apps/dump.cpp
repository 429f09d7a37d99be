// SPDX-License-Identifier: MIT
#include "apps/dump.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>

#include "apps/dump_output.h"
#include "apps/ids_file.h"
#include "apps/interrupt.h"
#include "apps/option_values.h"
#include "apps/session.h"
#include "apps/text_output.h"
#include "core/error.h"
#include "core/quote.h"
#include "model/fingerprint.h"
#include "model/finite_observer.h"
#include "model/generator.h"

namespace proxima {
namespace {

constexpr size_t kDefaultScoreRows = 16;
constexpr std::array<std::string_view, 2> kFormats = {"safetensors", "npy"};

bool is_scores(const NamedPoint& point) {
  return point.point == Point::kAttnScores;
}

// "all", "last" or "A:B", positions A to B - 1.
CaptureRange parse_token_range(const std::string& text, size_t n_tokens) {
  if (text == "all") return CaptureRange::whole(n_tokens);
  if (text == "last") return {n_tokens, n_tokens - 1, n_tokens, n_tokens};
  const size_t colon = text.find(':');
  if (colon == std::string::npos) fail(ErrorKind::kUsage, "--tokens takes all, last or A:B, not {}", quote(text));
  const size_t first = parse_count("--tokens", text.substr(0, colon), 0, kMaxCount);
  const size_t end = parse_count("--tokens", text.substr(colon + 1), 0, kMaxCount);
  if (first >= end) fail(ErrorKind::kUsage, "--tokens {} is empty: it means positions A to B - 1", text);
  if (end > n_tokens) fail(ErrorKind::kUsage, "--tokens {}: there are only {} tokens", text, n_tokens);
  return {n_tokens, first, end, n_tokens};
}

CaptureRange chosen_range(const DumpOptions& options, const std::vector<NamedPoint>& points, size_t n_tokens) {
  CaptureRange range = parse_token_range(options.tokens, n_tokens);
  range.score_rows = std::min(options.score_rows.value_or(kDefaultScoreRows), range.n_rows());
  if (options.score_rows && std::ranges::none_of(points, is_scores)) {
    fail(ErrorKind::kUsage, "--score-rows has no effect without attn.scores among the --points");
  }
  return range;
}

std::vector<TensorSpec> tensors_of(const Session& session, const std::vector<NamedPoint>& points,
                                   const CaptureRange& range) {
  const DType dtype = session.request().precision == Precision::kF64 ? DType::kF64 : DType::kF32;
  std::vector<TensorSpec> specs = {{"input_ids", DType::kI64, {range.n_tokens}}};
  for (const NamedPoint& point : points) {
    specs.push_back({point.name(), dtype, point_shape(point.point, session.model().config, range)});
  }
  return specs;
}

// What `compare` and people need to know of the run. Ranges are [first, end).
DumpMetadata metadata_of(const Session& session, const std::vector<NamedPoint>& points, const CaptureRange& range) {
  DumpMetadata metadata = {{"format", "pt"},
                           {"program", "proxima " PROXIMA_VERSION},
                           {"weights", checkpoint_fingerprint(session.model().checkpoint)},
                           {"precision", std::string(precision_name(session.request().precision))},
                           {"cache", std::string(cache_kind_name(session.request().cache.kind))},
                           {"tokens", fmt::format("{}:{}", range.first, range.end)}};
  if (std::ranges::any_of(points, is_scores)) {
    metadata["score_rows"] = fmt::format("{}:{}", range.first_score_row(), range.end);
  }
  return metadata;
}

void announce(const DumpOptions& options, const std::vector<TensorSpec>& specs, const CaptureRange& range) {
  if (options.common.quiet) return;
  size_t n_bytes = 0;
  for (const TensorSpec& spec : specs) n_bytes += spec_bytes(spec);
  fmt::print(stderr, "proxima: writing {} tensors, positions {} to {} of {} tokens, {}, to {}\n", specs.size(),
             range.first, range.end - 1, range.n_tokens, format_bytes(n_bytes), options.output);
}

void write_ids(DumpOutput& output, const std::vector<TokenId>& ids) {
  const std::vector<int64_t> stored(ids.begin(), ids.end());
  output.write("input_ids", 0, stored.data(), stored.size() * sizeof(int64_t));
}

void list_points(const DumpOptions& options) {
  const ModelConfig config = read_config(model_folder(options.common));
  std::string text;
  for (const NamedPoint& point : all_points(config)) {
    if (is_layer_point(point.point) && point.layer > 0) continue;
    const std::string name = is_layer_point(point.point)
                                 ? fmt::format("layers.0..{}.{}", config.n_layers - 1, point_name(point.point))
                                 : point.name();
    const auto shape = point_shape(point.point, config, CaptureRange::whole(0));
    if (point.point == Point::kAttnScores) {
      text += fmt::format("{:<28}[{}, --score-rows, T]\n", name, shape[0]);
    } else if (shape.size() == 3) {
      text += fmt::format("{:<28}[{}, T, {}]\n", name, shape[0], shape[2]);
    } else {
      text += fmt::format("{:<28}[T, {}]\n", name, shape[1]);
    }
  }
  write_output(text);
}

}  // namespace

void declare_dump(CLI::App& app, DumpOptions& options) {
  add_model_options(app, options.common);
  app.add_option("--ids", options.ids, "JSON array of token ids, or an object whose input_ids is one")
      ->type_name("FILE");
  app.add_option("--points", options.points, "names separated by commas, * stands for any text")
      ->type_name("LIST")
      ->capture_default_str();
  app.add_option("-o,--output", options.output, "file to write, a new folder for npy")->type_name("PATH");
  app.add_option("--tokens", options.tokens, "positions to write: all, last, or A:B for A to B - 1")
      ->type_name("all|last|A:B")
      ->capture_default_str();
  add_count(app, "--score-rows", options.score_rows, "attn.scores of the last N of these positions (default: 16)",
            {1, kMaxCount});
  const auto set_format = [&options](size_t index) { options.format = static_cast<DumpFormat>(index); };
  add_choice(app, "--format", kFormats, set_format, "npy: one file a point and manifest.json", "safetensors");
  add_check_finite_option(app, options.common);
  app.add_flag("--list", options.list, "show the names and shapes of all points");
  add_sequence_options(app, options.common);
  app.footer(
      "Example: proxima dump -m DIR --ids ids.json --points 'logits,layers.*.resid_post' --precision f64 -o "
      "out.safetensors");
}

void dump(const DumpOptions& options) {
  if (options.list) return list_points(options);
  if (options.ids.empty() || options.output.empty()) fail(ErrorKind::kUsage, "dump needs --ids FILE and -o FILE");
  const Session session(options.common);
  const ModelConfig& config = session.model().config;
  const auto points = points_matching(config, options.points);
  const auto ids = read_ids(options.ids);
  const CaptureRange range = chosen_range(options, points, ids.size());
  const Job job = session.start(options.ids, ids.size(), 0);

  const auto specs = tensors_of(session, points, range);
  announce(options, specs, range);
  const auto output = open_dump(options.format, options.output, specs, metadata_of(session, points, range));
  write_ids(*output, ids);
  PointCapture capture(config, points, range,
                       [&](const NamedPoint& point, size_t offset, const std::byte* data, size_t n_bytes) {
                         output->write(point.name(), offset, data, n_bytes);
                       });
  FiniteCheck finite_check(&capture);
  Observer& observer = options.common.check_finite ? static_cast<Observer&>(finite_check) : capture;
  try {
    Generator(*job.transformer, *job.cache)
        .read_prompt(
            ids, 0, [](const Progress&) { return !interrupted(); }, &observer);
  } catch (const Error& error) {
    // Somebody who looks for a NaN wants the file. With --check-finite the run stopped before all was written.
    if (error.kind() == ErrorKind::kNonFinite && !options.common.check_finite) output->finish();
    throw;
  }
  output->finish();
}

}  // namespace proxima
