// SPDX-License-Identifier: MIT
#include "apps/dump.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstring>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "apps/interrupt.h"
#include "apps/option_values.h"
#include "apps/session.h"
#include "apps/text_output.h"
#include "core/error.h"
#include "core/json_file.h"
#include "core/quote.h"
#include "model/fingerprint.h"
#include "model/generator.h"

namespace proxima {
namespace {

struct NamedPoint {
  Point point;
  size_t layer;
  std::string name() const { return full_point_name(point, layer); }
};

std::vector<NamedPoint> all_points(const ModelConfig& config) {
  std::vector<NamedPoint> points;
  const auto add_range = [&](Point first, Point last, size_t layer) {
    for (auto point = static_cast<int>(first); point <= static_cast<int>(last); ++point) {
      points.push_back({static_cast<Point>(point), layer});
    }
  };
  points.push_back({Point::kEmbed, 0});
  for (size_t layer = 0; layer < config.n_layers; ++layer) add_range(Point::kAttnNorm, Point::kResidPost, layer);
  add_range(Point::kFinalNorm, Point::kLogits, 0);
  return points;
}

// Heads of a point that is stored head-major, [heads, T, head_dim]; 0 for the others, [T, columns].
size_t heads_of(Point point, const ModelConfig& config) {
  if (point == Point::kQRope) return config.n_heads;
  if (point == Point::kKRope) return config.n_kv_heads;
  return 0;
}

size_t columns_of(Point point, const ModelConfig& config) {
  switch (point) {
    case Point::kQ:
    case Point::kQRope:
      return config.n_heads * config.head_dim;
    case Point::kK:
    case Point::kV:
    case Point::kKRope:
      return config.n_kv_heads * config.head_dim;
    case Point::kLogits:
      return config.vocab;
    default:
      return config.hidden;
  }
}

std::vector<size_t> shape_of(Point point, const ModelConfig& config, size_t n_tokens, size_t score_rows) {
  if (point == Point::kAttnScores) return {config.n_heads, std::min(score_rows, n_tokens), n_tokens};
  const size_t heads = heads_of(point, config);
  if (heads > 0) return {heads, n_tokens, config.head_dim};
  return {n_tokens, columns_of(point, config)};
}

std::vector<NamedPoint> chosen_points(const std::string& patterns, const ModelConfig& config) {
  const std::vector<NamedPoint> all = all_points(config);
  std::vector<NamedPoint> chosen;
  std::set<std::string> names;
  for (const std::string& pattern : CLI::detail::split(patterns, ',')) {
    bool found = false;
    for (const NamedPoint& point : all) {
      if (!matches_glob(pattern, point.name())) continue;
      found = true;
      if (names.insert(point.name()).second) chosen.push_back(point);
    }
    if (!found) {
      fail(ErrorKind::kUsage, "--points: nothing matches {}; `proxima dump --list` shows all names", quote(pattern));
    }
  }
  return chosen;
}

bool is_scores(const NamedPoint& point) {
  return point.point == Point::kAttnScores;
}

// An array of ids, or an object whose input_ids is one.
std::vector<TokenId> read_ids(const std::string& path) {
  const nlohmann::json file = read_json_file(path);
  const bool wrapped = file.is_object() && file.contains("input_ids");
  const nlohmann::json& list = wrapped ? file["input_ids"] : file;
  if (!list.is_array()) {
    fail(ErrorKind::kInput, "{}: needs an array of token ids, or an object whose input_ids is one", path);
  }
  std::vector<TokenId> ids;
  for (const nlohmann::json& id : list) {
    if (!id.is_number_unsigned() || id.get<uint64_t>() > UINT32_MAX) {
      fail(ErrorKind::kUsage, "{}: element {} of the ids is {}, not a token id", path, ids.size(), quote(id.dump()));
    }
    ids.push_back(id.get<TokenId>());
  }
  if (ids.empty()) fail(ErrorKind::kUsage, "{}: holds no ids: the prompt is empty", path);
  return ids;
}

// Writes what it sees straight to its place in the file: memory does not grow with what is dumped.
class DumpObserver final : public Observer {
 public:
  DumpObserver(SafetensorsWriter& writer, const ModelConfig& config, size_t n_tokens, size_t score_rows,
               const std::vector<NamedPoint>& points)
      : writer_(writer), config_(config), n_tokens_(n_tokens), score_rows_(std::min(score_rows, n_tokens)) {
    for (const NamedPoint& point : points) wanted_.insert({point.point, point.layer});
  }

  bool wants(Point point, size_t layer) const override { return wanted_.contains({point, layer}); }

  bool wants_scores(size_t layer, size_t query) const override {
    return query >= n_tokens_ - score_rows_ && wants(Point::kAttnScores, layer);
  }

  void observe(const Observation& seen) override {
    if (seen.point == Point::kAttnScores) return write_scores(seen);
    const size_t heads = heads_of(seen.point, config_);
    if (heads > 0) return write_by_heads(seen, heads);
    const size_t row = seen.n_columns * dtype_bytes(seen.dtype);
    writer_.write(full_point_name(seen.point, seen.layer), seen.first_position * row, seen.data, seen.n_rows * row);
  }

 private:
  // [n_heads, query + 1] into [n_heads, score_rows, T], zero beyond the query.
  void write_scores(const Observation& seen) {
    const size_t element = dtype_bytes(seen.dtype);
    const size_t index = seen.first_position - (n_tokens_ - score_rows_);
    for (size_t head = 0; head < seen.n_rows; ++head) {
      gathered_.assign(n_tokens_ * element, std::byte{0});
      const size_t used = seen.n_columns * element;
      std::memcpy(gathered_.data(), static_cast<const std::byte*>(seen.data) + head * used, used);
      writer_.write(full_point_name(seen.point, seen.layer), (head * score_rows_ + index) * gathered_.size(),
                    gathered_.data(), gathered_.size());
    }
  }

  // [rows, heads * head_dim] into [heads, T, head_dim].
  void write_by_heads(const Observation& seen, size_t heads) {
    const std::string name = full_point_name(seen.point, seen.layer);
    const size_t row = config_.head_dim * dtype_bytes(seen.dtype);
    gathered_.resize(seen.n_rows * row);
    for (size_t head = 0; head < heads; ++head) {
      const auto* source = static_cast<const std::byte*>(seen.data) + head * row;
      for (size_t t = 0; t < seen.n_rows; ++t) {
        std::memcpy(gathered_.data() + t * row, source + t * heads * row, row);
      }
      writer_.write(name, (head * n_tokens_ + seen.first_position) * row, gathered_.data(), gathered_.size());
    }
  }

  SafetensorsWriter& writer_;
  const ModelConfig& config_;
  size_t n_tokens_;
  size_t score_rows_;
  std::set<std::pair<Point, size_t>> wanted_;
  std::vector<std::byte> gathered_;  // rows of one head
};

void list_points(const DumpOptions& options) {
  const ModelConfig config = read_config(model_folder(options.common));
  std::string text;
  for (const NamedPoint& point : all_points(config)) {
    if (is_layer_point(point.point) && point.layer > 0) continue;
    const std::string name = is_layer_point(point.point)
                                 ? fmt::format("layers.0..{}.{}", config.n_layers - 1, point_name(point.point))
                                 : point.name();
    const auto shape = shape_of(point.point, config, 0, 0);
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

bool matches_glob(std::string_view pattern, std::string_view name) {
  const size_t star = pattern.find('*');
  if (star == std::string_view::npos) return pattern == name;
  if (name.substr(0, star) != pattern.substr(0, star)) return false;
  const std::string_view rest = pattern.substr(star + 1);
  for (size_t begin = star; begin <= name.size(); ++begin) {
    if (matches_glob(rest, name.substr(begin))) return true;
  }
  return false;
}

void declare_dump(CLI::App& app, DumpOptions& options) {
  add_model_options(app, options.common);
  app.add_option("--ids", options.ids, "JSON array of token ids, or an object whose input_ids is one")
      ->type_name("FILE");
  app.add_option("--points", options.points, "names separated by commas, * stands for any text")
      ->type_name("LIST")
      ->capture_default_str();
  app.add_option("-o,--output", options.output, "safetensors file to write")->type_name("FILE");
  add_count(app, "--score-rows", options.score_rows, "attn.scores of the last N queries (default: 1)", {1, kMaxCount});
  app.add_flag("--list", options.list, "show the names and shapes of all points");
  add_precision_options(app, options.common);
  add_simd_option(app, options.common);
  add_cache_options(app, options.common);
  add_force_option(app, options.common);
  app.footer(
      "Example: proxima dump -m DIR --ids ids.json --points 'logits,layers.*.resid_post' --precision f64 -o "
      "out.safetensors");
}

void dump(const DumpOptions& options) {
  if (options.list) return list_points(options);
  if (options.ids.empty() || options.output.empty()) fail(ErrorKind::kUsage, "dump needs --ids FILE and -o FILE");
  const Session session(options.common);
  const ModelConfig& config = session.model().config;
  const auto points = chosen_points(options.points, config);
  const size_t score_rows = options.score_rows.value_or(1);
  if (options.score_rows && std::ranges::none_of(points, is_scores)) {
    fail(ErrorKind::kUsage, "--score-rows has no effect without attn.scores among the --points");
  }
  const auto ids = read_ids(options.ids);
  const Job job = session.start(options.ids, ids.size(), 0);

  const DType dtype = options.common.precision == Precision::kF64 ? DType::kF64 : DType::kF32;
  std::vector<TensorSpec> specs;
  for (const NamedPoint& point : points) {
    specs.push_back({point.name(), dtype, shape_of(point.point, config, ids.size(), score_rows)});
  }
  SafetensorsWriter writer(options.output, specs,
                           {{"format", "pt"},
                            {"program", "proxima " PROXIMA_VERSION},
                            {"weights", checkpoint_fingerprint(session.model().checkpoint)},
                            {"precision", std::string(precision_name(options.common.precision))},
                            {"cache", std::string(cache_kind_name(session.request().cache.kind))}});
  DumpObserver observer(writer, config, ids.size(), score_rows, points);
  try {
    Generator(*job.transformer, *job.cache)
        .read_prompt(
            ids, 0, [](const Progress&) { return !interrupted(); }, &observer);
  } catch (const Error& error) {
    if (error.kind() == ErrorKind::kNonFinite) writer.finish();  // this is what somebody looking for a NaN came for
    throw;
  }
  writer.finish();
  if (!options.common.quiet) {
    fmt::print(stderr, "proxima: {} tensors of {} tokens in {}\n", specs.size(), ids.size(), options.output);
  }
}

}  // namespace proxima
