// SPDX-License-Identifier: MIT
#include "apps/comparison.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <set>

#include "core/error.h"
#include "core/quote.h"
#include "model/point_layout.h"

namespace proxima {
namespace {

constexpr size_t kTopK = 10;

// About ten times what a correct run in the coarser of the two types is off by in a small model.
ElementLimit default_limit(DType dtype) {
  if (dtype == DType::kF64) return {1e-8, 1e-8};
  if (dtype == DType::kF32) return {1e-4, 1e-4};
  return {2e-2, 2e-2};
}

ElementLimit element_limit(const CompareLimits& limits, DType ref, DType got) {
  if (limits.atol || limits.rtol) return {limits.atol.value_or(0), limits.rtol.value_or(0)};
  if (limits.nmse) return {std::numeric_limits<double>::infinity(), 0};
  return default_limit(dtype_bytes(ref) < dtype_bytes(got) ? ref : got);
}

// [T, H * d] as [H, T, d], as the other file has it.
void split_heads(RowsView& rows, const RowsView& other) {
  if (rows.n_heads != 1 || other.n_heads == 1 || rows.n_columns != other.n_heads * other.n_columns) return;
  rows.n_heads = other.n_heads;
  rows.n_columns = other.n_columns;
  rows.head_stride = other.n_columns;
}

void keep_rows(RowsView& rows, size_t first, size_t count) {
  rows.data += first * rows.row_stride * dtype_bytes(rows.dtype);
  rows.n_rows = count;
}

// The two tensors cut to the positions that both have; a reason where that is not possible.
struct Aligned {
  RowsView ref, got;
  size_t first_row = 0;
  std::string problem;
};

std::string describe_rows(const StoredActivation& a) {
  return fmt::format("{}..{}", a.first_row, a.first_row + a.rows->n_rows - 1);
}

Aligned align(const StoredActivation& ref, const StoredActivation& got) {
  Aligned result;
  for (const StoredActivation* each : {&ref, &got}) {
    if (each->rows) continue;
    result.problem = fmt::format("{} holds no activation: empty, more than 3 axes, or not floating-point",
                                 each == &ref ? "REF" : "GOT");
    return result;
  }
  result.ref = *ref.rows;
  result.got = *got.rows;
  split_heads(result.ref, result.got);
  split_heads(result.got, result.ref);
  const size_t first = std::max(ref.first_row, got.first_row);
  const size_t end = std::min(ref.first_row + ref.rows->n_rows, got.first_row + got.rows->n_rows);
  // A file that says which positions it holds may hold a part of the other's; otherwise the lengths must be equal.
  const StoredActivation& smaller = result.got.n_rows <= result.ref.n_rows ? got : ref;
  const bool same_rows = ref.first_row == got.first_row && result.ref.n_rows == result.got.n_rows;
  const bool part = smaller.states_positions && first < end && end - first == smaller.rows->n_rows;
  if (result.ref.n_heads != result.got.n_heads || result.ref.n_columns != result.got.n_columns) {
    result.problem = "the shapes differ";
  } else if (!same_rows && !part) {
    result.problem = fmt::format("REF holds positions {}, GOT {}", describe_rows(ref), describe_rows(got));
  } else {
    keep_rows(result.ref, first - ref.first_row, end - first);
    keep_rows(result.got, first - got.first_row, end - first);
    result.first_row = first;
  }
  return result;
}

bool within(const TensorError& error, const CompareLimits& limits) {
  const bool any_nan = error.ref.n_nan + error.got.n_nan > 0;
  const bool nmse_fits = !limits.nmse || error.nmse <= *limits.nmse;
  return !any_nan && error.n_unlike == 0 && error.n_beyond == 0 && nmse_fits;
}

TensorResult compare_tensor(const StoredActivation& ref, const StoredActivation& got, const CompareLimits& limits) {
  TensorResult result;
  result.name = ref.name;
  result.ref_shape = ref.shape;
  result.got_shape = got.shape;
  const Aligned pair = align(ref, got);
  if (!pair.problem.empty()) {
    result.status = TensorStatus::kMisshapen;
    result.note = pair.problem;
    return result;
  }
  result.first_row = pair.first_row;
  result.n_rows = pair.ref.n_rows;
  if (pair.ref.n_rows != ref.rows->n_rows || pair.got.n_rows != got.rows->n_rows) {
    result.note = fmt::format("positions {}..{} only", pair.first_row, pair.first_row + pair.ref.n_rows - 1);
  }
  result.error = measure_error(pair.ref, pair.got, element_limit(limits, pair.ref.dtype, pair.got.dtype));
  if (ref.name == point_name(Point::kLogits)) result.top = measure_top(pair.ref, pair.got, kTopK);
  result.status = within(*result.error, limits) ? TensorStatus::kAgrees : TensorStatus::kDiverges;
  return result;
}

void compare_ids(const ActivationFile& ref, const ActivationFile& got, Comparison& comparison) {
  if (!ref.ids() || !got.ids()) {
    comparison.ids_note = fmt::format("not compared: {} no input_ids", !ref.ids() && !got.ids() ? "both files have"
                                                                       : !ref.ids()             ? "REF has"
                                                                                                : "GOT has");
    return;
  }
  comparison.ids_compared = true;
  const auto [a, b] = std::ranges::mismatch(*ref.ids(), *got.ids());
  if (a == ref.ids()->end() && b == got.ids()->end()) return;
  comparison.ids_differ = true;
  const auto position = a - ref.ids()->begin();
  comparison.ids_note =
      a != ref.ids()->end() && b != got.ids()->end()
          ? fmt::format("token {} is {} in REF and {} in GOT", position, *a, *b)
          : fmt::format("REF has {} tokens and GOT {}, equal so far", ref.ids()->size(), got.ids()->size());
}

std::string some_names(const ActivationFile& file) {
  std::vector<std::string> names;
  for (const StoredActivation& a : file.activations()) {
    if (names.size() < 3) names.push_back(quote(a.name));
  }
  const size_t n = file.activations().size();
  return n == 0 ? "nothing" : fmt::format("{}{}", fmt::join(names, ", "), n > 3 ? ", ..." : "");
}

// Names of both files that a pattern chooses, in the order of computation.
std::vector<std::pair<size_t, std::string>> chosen_names(const ActivationFile& ref, const ActivationFile& got,
                                                         const std::string& patterns) {
  std::set<std::pair<size_t, std::string>> chosen;
  for (const std::string& pattern : split_patterns(patterns)) {
    bool found = false;
    for (const ActivationFile* file : {&ref, &got}) {
      for (const StoredActivation& a : file->activations()) {
        if (!matches_glob(pattern, a.name)) continue;
        found = true;
        chosen.insert({a.order, a.name});
      }
    }
    if (!found && pattern != "*")
      fail(ErrorKind::kUsage, "--points: neither file has a tensor like {}", quote(pattern));
  }
  return {chosen.begin(), chosen.end()};
}

std::string describe_failure(const TensorResult& tensor) {
  if (!tensor.compared()) return tensor.note;
  const TensorError& error = *tensor.error;
  std::string text = fmt::format("max error {:.3g}, NMSE {:.3g}", error.max_abs, error.nmse);
  const auto& where = error.first ? error.first : error.worst;
  if (where) {
    text += fmt::format("; first at position {}", tensor.first_row + where->row);
    if (tensor.ref_shape.size() > 2 || tensor.got_shape.size() > 2) text += fmt::format(", head {}", where->head);
    text += fmt::format(", column {}: {:.9g} in REF, {:.9g} in GOT", where->column, where->ref, where->got);
  }
  return text;
}

}  // namespace

std::string_view tensor_status_name(TensorStatus status) {
  constexpr std::array<std::string_view, 6> kNames = {"agrees",         "diverges",   "misshapen",
                                                      "missing in GOT", "not in REF", "unknown name"};
  return kNames[static_cast<size_t>(status)];
}

const TensorResult* Comparison::first_divergent() const {
  const auto found = std::ranges::find_if(tensors, [](const TensorResult& tensor) {
    return tensor.status == TensorStatus::kDiverges || tensor.status == TensorStatus::kMisshapen;
  });
  return found == tensors.end() ? nullptr : &*found;
}

bool Comparison::agrees() const {
  return !ids_differ && std::ranges::none_of(tensors, &TensorResult::failed);
}

std::string Comparison::verdict() const {
  if (ids_differ) return fmt::format("the runs read different tokens ({}); no tensor was compared", *ids_note);
  std::vector<std::string> missing;
  size_t n_agreeing = 0;
  for (const TensorResult& tensor : tensors) {
    if (tensor.status == TensorStatus::kMissing) missing.push_back(tensor.name);
    if (tensor.status == TensorStatus::kAgrees) ++n_agreeing;
  }
  if (const TensorResult* first = first_divergent()) {
    const auto before = std::count_if(tensors.data(), first, [](const TensorResult& t) { return t.compared(); });
    return fmt::format("the first divergent tensor is {} ({}); {} before it agree", first->name,
                       describe_failure(*first), before);
  }
  if (missing.empty()) return fmt::format("{} tensors agree", n_agreeing);
  return fmt::format("GOT lacks {} of REF's tensors, the first is {}; {} agree (--points narrows what is compared)",
                     missing.size(), missing.front(), n_agreeing);
}

Comparison compare_activations(const ActivationFile& ref, const ActivationFile& got, const CompareLimits& limits,
                               const std::string& patterns) {
  const auto names = chosen_names(ref, got, patterns);
  if (std::ranges::none_of(names, [&](const auto& name) { return ref.find(name.second) && got.find(name.second); })) {
    fail(ErrorKind::kInput, "{} and {} have no tensor in common that could be compared: one holds {}, the other {}",
         ref.path().string(), got.path().string(), some_names(ref), some_names(got));
  }
  Comparison comparison;
  compare_ids(ref, got, comparison);
  if (comparison.ids_differ) return comparison;
  for (const auto& [order, name] : names) {
    const StoredActivation* a = ref.find(name);
    const StoredActivation* b = got.find(name);
    if (a != nullptr && b != nullptr) {
      comparison.tensors.push_back(compare_tensor(*a, *b, limits));
      continue;
    }
    TensorResult result;
    result.name = name;
    result.status = a == nullptr ? TensorStatus::kExtra
                    : a->known   ? TensorStatus::kMissing
                                 : TensorStatus::kUnknownName;
    (a != nullptr ? result.ref_shape : result.got_shape) = (a != nullptr ? a : b)->shape;
    comparison.tensors.push_back(std::move(result));
  }
  return comparison;
}

}  // namespace proxima
