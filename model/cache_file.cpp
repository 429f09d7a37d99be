// SPDX-License-Identifier: MIT
#include "model/cache_file.h"

#include <algorithm>
#include <cstring>

#include "core/error.h"
#include "core/quote.h"
#include "model/fingerprint.h"

namespace proxima {
namespace {

constexpr const char* kFormat = "proxima.kv/1";
constexpr const char* kIds = "input_ids";
constexpr const char* kBefore = "prompt.before";
constexpr const char* kAfter = "prompt.after";
constexpr const char* kInt8 = "int8";
constexpr std::string_view kRanges = ".ranges";

using Metadata = std::map<std::string, std::string, std::less<>>;

Metadata metadata_of(const Model& model, const CacheSettings& settings, const SavedPrompt& prompt) {
  Metadata metadata = {{"format", kFormat},
                       {"model", std::filesystem::absolute(model.dir).lexically_normal().string()},
                       {"weights", checkpoint_fingerprint(model.checkpoint)},
                       {"config", config_fingerprint(model.config)},
                       {"rope", rope_fingerprint(model.config, prompt.ids.size())},
                       {"tokenizer", tokenizer_fingerprint(model.dir)},
                       {"precision", std::string(precision_name(settings.precision))},
                       {"key_dtype", std::string(dtype_name(settings.key_dtype))},
                       {"value_dtype", std::string(dtype_name(settings.value_dtype))},
                       {"cache", std::string(cache_kind_name(settings.cache.kind))},
                       {"cache_settings", cache_settings_text(settings.cache)},
                       {"add_special", prompt.add_special ? "true" : "false"}};
  if (settings.int8_weights) metadata["weight_type"] = kInt8;
  if (settings.cache.map) metadata["map"] = sharing_map_text(*settings.cache.map);
  return metadata;
}

std::string ranges_name(const std::string& store) {
  return store + std::string(kRanges);
}

void write_text(SafetensorsWriter& writer, const char* name, const std::string& text) {
  writer.write(name, 0, text.data(), text.size());
}

void write_integers(SafetensorsWriter& writer, const std::string& name, const std::vector<int64_t>& values) {
  writer.write(name, 0, values.data(), values.size() * sizeof(int64_t));
}

void write_store(SafetensorsWriter& writer, const KeptRows& store) {
  std::vector<int64_t> ranges;
  for (const RowRun& range : ranges_of(store.runs)) {
    ranges.push_back(static_cast<int64_t>(range.first));
    ranges.push_back(static_cast<int64_t>(range.count));
  }
  write_integers(writer, ranges_name(store.name), ranges);
  size_t offset = 0;
  for (const RowRun& run : store.runs) {
    writer.write(store.name, offset, run.data, run.count * store.row_bytes());
    offset += run.count * store.row_bytes();
  }
}

int64_t integer_at(const TensorView& view, size_t index) {
  int64_t value;
  std::memcpy(&value, view.data + index * sizeof value, sizeof value);
  return value;
}

// The index of a word; throws for one that is not there.
template <class Words>
size_t index_of(const Words& words, const std::string& word, std::string_view key, const std::string& origin) {
  const auto found = std::ranges::find(words, word);
  if (found == words.end()) fail(ErrorKind::kInput, "{}: {} is {}, which is unknown here", origin, key, quote(word));
  return static_cast<size_t>(found - words.begin());
}

const TensorView& member(const SafetensorsFile& file, const std::string& name, DType dtype, size_t n_axes) {
  const auto found = file.tensors().find(name);
  if (found == file.tensors().end()) {
    fail(ErrorKind::kInput, "{}: no tensor {}: not a cache file", file.path().string(), name);
  }
  if (found->second.dtype != dtype || found->second.shape.size() != n_axes) {
    fail(ErrorKind::kInput, "{}: {} must be {} of {} axes", file.path().string(), name, dtype_name(dtype), n_axes);
  }
  return found->second;
}

std::string text_of(const SafetensorsFile& file, const std::string& name) {
  const TensorView& view = member(file, name, DType::kU8, 1);
  return {reinterpret_cast<const char*>(view.data), view.n_bytes()};
}

}  // namespace

size_t save_cache(const std::filesystem::path& path, const Model& model, const CacheSettings& settings,
                  const SavedPrompt& prompt, const KvCache& cache) {
  const std::vector<KeptRows> stores = cache.save();
  std::vector<TensorSpec> specs = {{kIds, DType::kI64, {prompt.ids.size()}},
                                   {kBefore, DType::kU8, {prompt.before.size()}},
                                   {kAfter, DType::kU8, {prompt.after.size()}}};
  size_t n_bytes = 0;
  for (const KeptRows& store : stores) {
    specs.push_back({store.name, store.dtype, {store.n_rows(), store.n_columns}});
    specs.push_back({ranges_name(store.name), DType::kI64, {ranges_of(store.runs).size(), 2}});
    n_bytes += store.n_rows() * store.row_bytes();
  }
  SafetensorsWriter writer(path, specs, metadata_of(model, settings, prompt));
  write_integers(writer, kIds, {prompt.ids.begin(), prompt.ids.end()});
  write_text(writer, kBefore, prompt.before);
  write_text(writer, kAfter, prompt.after);
  for (const KeptRows& store : stores) write_store(writer, store);
  writer.finish();
  return n_bytes;
}

CacheFile::CacheFile(const std::filesystem::path& path) : file_(path) {
  const auto format = file_.metadata().find("format");
  if (format == file_.metadata().end() || format->second != kFormat) {
    fail(ErrorKind::kInput, "{}: not a cache file of this version ({}); write one with `proxima prefill`",
         path.string(), kFormat);
  }
  read_settings();
  read_prompt();
  read_stores();
}

const std::string& CacheFile::text(std::string_view key) const {
  const auto found = file_.metadata().find(key);
  if (found == file_.metadata().end()) fail(ErrorKind::kInput, "{}: its metadata has no {}", path().string(), key);
  return found->second;
}

void CacheFile::read_settings() {
  const std::string origin = path().string();
  model_dir_ = text("model");
  settings_.precision = static_cast<Precision>(index_of(kPrecisionNames, text("precision"), "precision", origin));
  for (const auto& [key, dtype] :
       {std::pair{"key_dtype", &settings_.key_dtype}, std::pair{"value_dtype", &settings_.value_dtype}}) {
    const auto named = dtype_from_name(text(key));
    if (!named) fail(ErrorKind::kInput, "{}: {} is {}, which is unknown here", origin, key, quote(text(key)));
    *dtype = *named;
  }
  if (file_.metadata().contains("weight_type")) {
    const std::string& type = text("weight_type");
    if (type != kInt8) fail(ErrorKind::kInput, "{}: weight_type is {}, which is unknown here", origin, quote(type));
    settings_.int8_weights = true;
  }
  const auto kind = static_cast<CacheKind>(index_of(kCacheKindNames, text("cache"), "cache", origin));
  settings_.cache = parse_cache_settings(kind, text("cache_settings"), origin + ": cache_settings");
  if (uses_map(kind)) settings_.cache.map = parse_sharing_map(text("map"), origin + ": map");
}

void CacheFile::read_prompt() {
  const TensorView& ids = member(file_, kIds, DType::kI64, 1);
  for (size_t index = 0; index < ids.n_elements(); ++index) {
    const int64_t id = integer_at(ids, index);
    if (id < 0 || id > UINT32_MAX) fail(ErrorKind::kInput, "{}: {} is not a token id", path().string(), id);
    prompt_.ids.push_back(static_cast<TokenId>(id));
  }
  if (prompt_.ids.empty()) fail(ErrorKind::kInput, "{}: holds no tokens", path().string());
  prompt_.before = text_of(file_, kBefore);
  prompt_.after = text_of(file_, kAfter);
  prompt_.add_special = text("add_special") == "true";
}

void CacheFile::read_stores() {
  for (const auto& [name, view] : file_.tensors()) {
    if (name == kIds || name == kBefore || name == kAfter) continue;
    if (name.ends_with(kRanges)) {
      const std::string store = name.substr(0, name.size() - kRanges.size());
      if (!file_.tensors().contains(store)) fail(ErrorKind::kInput, "{}: {} without {}", path().string(), name, store);
      continue;
    }
    if (view.shape.size() != 2) fail(ErrorKind::kInput, "{}: {} must have 2 axes", path().string(), name);
    stores_.push_back({name, view.dtype, view.shape[1], runs_of(name, view)});
  }
}

std::vector<RowRun> CacheFile::runs_of(const std::string& name, const TensorView& rows) const {
  const TensorView& ranges = member(file_, ranges_name(name), DType::kI64, 2);
  if (ranges.shape[1] != 2) fail(ErrorKind::kInput, "{}: {}.ranges must have 2 columns", path().string(), name);
  const size_t row_bytes = rows.shape[1] * dtype_bytes(rows.dtype);
  std::vector<RowRun> runs;
  size_t n_rows = 0, end = 0;
  for (size_t index = 0; index + 1 < ranges.n_elements(); index += 2) {
    const auto first = static_cast<size_t>(integer_at(ranges, index));
    const auto count = static_cast<size_t>(integer_at(ranges, index + 1));
    const size_t room = rows.shape[0] - n_rows;
    if (first < end || first >= prompt_.ids.size() || count == 0 ||
        count > std::min(room, prompt_.ids.size() - first)) {
      fail(ErrorKind::kInput, "{}: the ranges of {} are not ascending positions of its rows", path().string(), name);
    }
    runs.push_back({first, count, rows.data + n_rows * row_bytes});
    n_rows += count;
    end = first + count;
  }
  if (n_rows != rows.shape[0]) {
    fail(ErrorKind::kInput, "{}: {} has {} rows but ranges for {}", path().string(), name, rows.shape[0], n_rows);
  }
  return runs;
}

void CacheFile::check_model(const Model& model) const {
  const auto check = [&](const char* key, const std::string& own, const char* what) {
    if (text(key) == own) return;
    fail(ErrorKind::kInput, "{}: was saved with {} than {} has (fingerprint {}, not {}); prefill with this model again",
         path().string(), what, model.dir.string(), text(key), own);
  };
  check("weights", checkpoint_fingerprint(model.checkpoint), "other weights");
  check("config", config_fingerprint(model.config), "another config.json");
  check("rope", rope_fingerprint(model.config, prompt_.ids.size()), "another rotation (RoPE)");
  check("tokenizer", tokenizer_fingerprint(model.dir), "another tokenizer");
  if (std::ranges::any_of(prompt_.ids, [&](TokenId id) { return id >= model.config.vocab; })) {
    fail(ErrorKind::kInput, "{}: holds token ids outside the model's vocabulary", path().string());
  }
  if (settings_.cache.map) settings_.cache.map->validate(cache_geometry(model.config), path().string() + ": map");
}

void CacheFile::restore(KvCache& cache) const {
  cache.restore(prompt_.ids.size(), stores_, path().string());
}

}  // namespace proxima
