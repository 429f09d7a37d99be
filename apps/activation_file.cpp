// SPDX-License-Identifier: MIT
#include "apps/activation_file.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <nlohmann/json.hpp>

#include "core/error.h"
#include "core/json_file.h"
#include "core/quote.h"
#include "model/observer.h"

namespace proxima {
namespace {

constexpr size_t kUnknownOrder = SIZE_MAX;
constexpr std::array<std::string_view, 4> kStacks = {"hidden_states", "keys", "values", "attentions"};
constexpr std::string_view kLastHidden = "last_hidden_state";
constexpr std::string_view kIds = "input_ids";

std::optional<size_t> parse_index(std::string_view text) {
  size_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value > UINT32_MAX) return std::nullopt;
  return value;
}

// Where in the order of computation a full point name stands; kUnknownOrder for any other name.
size_t order_of(std::string_view name) {
  const size_t n_points = kPointNames.size();
  size_t layer = 0;
  std::string_view point_text = name;
  constexpr std::string_view kPrefix = "layers.";
  const bool in_layer = name.starts_with(kPrefix);
  if (in_layer) {
    const size_t dot = name.find('.', kPrefix.size());
    if (dot == std::string_view::npos) return kUnknownOrder;
    const auto index = parse_index(name.substr(kPrefix.size(), dot - kPrefix.size()));
    if (!index) return kUnknownOrder;
    layer = *index;
    point_text = name.substr(dot + 1);
  }
  const auto found = std::ranges::find(kPointNames, point_text);
  if (found == kPointNames.end()) return kUnknownOrder;
  const auto point = static_cast<Point>(found - kPointNames.begin());
  if (is_layer_point(point) != in_layer || full_point_name(point, layer) != name) return kUnknownOrder;
  if (point == Point::kEmbed) return 0;
  if (!in_layer) return kUnknownOrder - n_points + static_cast<size_t>(point);
  return 1 + layer * n_points + static_cast<size_t>(point);
}

bool means_activation(std::string_view name) {
  return order_of(name) != kUnknownOrder || name == kLastHidden || name == kIds ||
         std::ranges::find(kStacks, name) != kStacks.end();
}

bool is_float(DType dtype) {
  return dtype == DType::kF64 || dtype == DType::kF32 || dtype == DType::kF16 || dtype == DType::kBF16;
}

std::optional<RowsView> rows_of(const TensorView& view) {
  const auto& shape = view.shape;
  if (!is_float(view.dtype) || shape.size() > 3 || view.n_elements() == 0) return std::nullopt;
  const size_t n_columns = shape.empty() ? 1 : shape.back();
  const size_t n_rows = shape.size() < 2 ? 1 : shape[shape.size() - 2];
  const size_t n_heads = shape.size() < 3 ? 1 : shape.front();
  return RowsView{view.data, view.dtype, n_heads, n_rows, n_columns, n_rows * n_columns, n_columns};
}

void drop_batch_axis(TensorView& view, size_t rank) {
  if (view.shape.size() == rank + 1 && view.shape.front() == 1) view.shape.erase(view.shape.begin());
}

TensorView slice(const TensorView& view, size_t index) {
  TensorView part{view.dtype, {view.shape.begin() + 1, view.shape.end()}, nullptr};
  part.data = view.data + index * part.n_bytes();
  return part;
}

// "first:end"
std::optional<std::pair<size_t, size_t>> parse_range(std::string_view text) {
  const size_t colon = text.find(':');
  if (colon == std::string_view::npos) return std::nullopt;
  const auto first = parse_index(text.substr(0, colon)), end = parse_index(text.substr(colon + 1));
  if (!first || !end || *first >= *end) return std::nullopt;
  return std::pair(*first, *end);
}

template <class T>
std::vector<int64_t> integers(const TensorView& view) {
  std::vector<int64_t> values;
  for (size_t index = 0; index < view.n_elements(); ++index) {
    T value;
    std::memcpy(&value, view.data + index * sizeof(T), sizeof(T));
    values.push_back(static_cast<int64_t>(value));
  }
  return values;
}

}  // namespace

NameMap read_name_map(const std::string& path) {
  const nlohmann::json file = read_json_file(path);
  if (!file.is_object()) {
    fail(ErrorKind::kInput, "{}: needs a JSON object from names of tensors to names of points", path);
  }
  NameMap names;
  for (const auto& [name, point] : file.items()) {
    if (!point.is_string() || !means_activation(point.get<std::string>())) {
      fail(ErrorKind::kInput, "{}: {} is to mean {}, which is no point; `proxima dump --list` shows their names", path,
           quote(name), quote(point.dump()));
    }
    names[name] = point.get<std::string>();
  }
  return names;
}

ActivationFile::ActivationFile(const std::filesystem::path& path, const NameMap& names) : file_(path) {
  for (const auto& [own_name, view] : file_.tensors()) {
    const auto mapped = names.find(own_name);
    const std::string& name = mapped == names.end() ? own_name : mapped->second;
    if (name == kIds) {
      read_ids(view);
    } else {
      add(name, view);
    }
  }
  std::ranges::stable_sort(activations_, {}, &StoredActivation::order);
  for (size_t index = 1; index < activations_.size(); ++index) {
    if (activations_[index].name == activations_[index - 1].name) {
      fail(ErrorKind::kInput, "{}: two tensors mean {}, one by its own name and one stacked; which is it?",
           path.string(), activations_[index].name);
    }
  }
  set_positions();
}

const StoredActivation* ActivationFile::find(const std::string& name) const {
  const auto found = std::ranges::find(activations_, name, &StoredActivation::name);
  return found == activations_.end() ? nullptr : &*found;
}

void ActivationFile::read_ids(const TensorView& given) {
  TensorView view = given;
  drop_batch_axis(view, 1);
  if (view.shape.size() == 1 && view.dtype == DType::kI64) {
    ids_ = integers<int64_t>(view);
  } else if (view.shape.size() == 1 && view.dtype == DType::kI32) {
    ids_ = integers<int32_t>(view);
  } else if (view.shape.size() == 1 && view.dtype == DType::kU32) {
    ids_ = integers<uint32_t>(view);
  } else {
    fail(ErrorKind::kInput, "{}: input_ids is {} of {} axes; it must be I64, I32 or U32 [tokens]", path().string(),
         dtype_name(view.dtype), view.shape.size());
  }
}

void ActivationFile::add(const std::string& name, const TensorView& view) {
  constexpr std::string_view kProbabilities = "attn_probs.";
  if (std::ranges::find(kStacks, name) != kStacks.end()) return add_stack(name, view);
  if (name == kLastHidden) return add_one(full_point_name(Point::kFinalNorm, 0), view);
  if (name.starts_with(kProbabilities)) {
    if (const auto layer = parse_index(std::string_view(name).substr(kProbabilities.size()))) {
      return add_one(full_point_name(Point::kAttnScores, *layer), view);
    }
  }
  add_one(name, view);
}

void ActivationFile::add_stack(const std::string& name, const TensorView& view) {
  const bool hidden = name == "hidden_states";
  if (view.shape.size() < (hidden ? 3 : 4) || view.shape.front() < (hidden ? 2 : 1)) {
    fail(ErrorKind::kInput, "{}: {} has {} axes; stack the layers: [{}]", path().string(), name, view.shape.size(),
         hidden ? "layers + 1, tokens, hidden" : "layers, heads, tokens, columns");
  }
  const size_t n = view.shape.front();
  for (size_t index = 0; index < n; ++index) {
    if (!hidden) {
      const Point point = name == "keys" ? Point::kKRope : name == "values" ? Point::kV : Point::kAttnScores;
      add_one(full_point_name(point, index), slice(view, index));
    } else if (index == 0) {
      add_one(full_point_name(Point::kEmbed, 0), slice(view, 0));
    } else {
      add_one(index + 1 == n ? full_point_name(Point::kFinalNorm, 0) : full_point_name(Point::kResidPost, index - 1),
              slice(view, index));
    }
  }
}

void ActivationFile::add_one(const std::string& name, TensorView view) {
  if (view.shape.size() > 3) drop_batch_axis(view, 3);
  const size_t order = order_of(name);
  activations_.push_back({name, order, order != kUnknownOrder, view.shape, rows_of(view), 0, false});
}

// Only our own files say which positions they hold; in others rows count from 0.
void ActivationFile::set_positions() {
  const auto& metadata = file_.metadata();
  const auto program = metadata.find("program");
  if (program == metadata.end() || !program->second.starts_with("proxima ")) return;
  for (StoredActivation& activation : activations_) {
    const bool scores = activation.name.ends_with(point_name(Point::kAttnScores));
    const std::string_view key = scores ? "score_rows" : "tokens";
    const auto text = metadata.find(key);
    if (text == metadata.end() || !activation.known || !activation.rows) continue;
    const auto range = parse_range(text->second);
    if (!range || range->second - range->first != activation.rows->n_rows) {
      fail(ErrorKind::kInput, "{}: its metadata says {} = {} but {} has {} rows", path().string(), key,
           quote(text->second), quote(activation.name), activation.rows->n_rows);
    }
    activation.first_row = range->first;
    activation.states_positions = true;
  }
}

}  // namespace proxima
