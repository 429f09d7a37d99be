// SPDX-License-Identifier: MIT
#include "apps/compare.h"

#include <fmt/ranges.h>

#include <CLI/CLI.hpp>
#include <cmath>
#include <nlohmann/json.hpp>

#include "apps/option_values.h"
#include "apps/text_output.h"
#include "core/error.h"
#include "core/quote.h"

namespace proxima {
namespace {

using nlohmann::ordered_json;

// JSON has no infinity and no NaN.
ordered_json number(double x) {
  return std::isfinite(x) ? ordered_json(x) : ordered_json(nullptr);
}

ordered_json as_json(const std::optional<Element>& element, size_t first_row) {
  if (!element) return nullptr;
  return {{"position", first_row + element->row},
          {"head", element->head},
          {"column", element->column},
          {"ref", number(element->ref)},
          {"got", number(element->got)}};
}

ordered_json as_json(const TensorResult& tensor) {
  ordered_json json = {{"name", tensor.name}, {"status", tensor_status_name(tensor.status)}};
  if (!tensor.note.empty()) json["note"] = tensor.note;
  if (!tensor.ref_shape.empty()) json["ref_shape"] = tensor.ref_shape;
  if (!tensor.got_shape.empty()) json["got_shape"] = tensor.got_shape;
  if (!tensor.compared()) return json;
  const TensorError& error = *tensor.error;
  json["positions"] = {tensor.first_row, tensor.first_row + tensor.n_rows};
  json["max_abs"] = number(error.max_abs);
  json["mean_abs"] = number(error.mean_abs);
  json["nmse"] = number(error.nmse);
  json["cosine"] = number(error.cosine);
  json["ref_nan"] = error.ref.n_nan;
  json["ref_inf"] = error.ref.n_infinite;
  json["got_nan"] = error.got.n_nan;
  json["got_inf"] = error.got.n_infinite;
  json["beyond_limit"] = error.n_beyond;
  json["first_beyond"] = as_json(error.first, tensor.first_row);
  json["worst"] = as_json(error.worst, tensor.first_row);
  if (tensor.top) {
    json["top1"] = tensor.top->top1;
    json["k"] = tensor.top->k;
    json["top_k"] = tensor.top->top_k;
  }
  return json;
}

std::string as_json(const CompareOptions& options, const Comparison& comparison) {
  ordered_json json = {{"ref", options.ref},
                       {"got", options.got},
                       {"agrees", comparison.agrees()},
                       {"verdict", comparison.verdict()},
                       {"first_divergent", nullptr},
                       {"ids", {{"compared", comparison.ids_compared}, {"equal", nullptr}, {"note", nullptr}}},
                       {"tensors", ordered_json::array()}};
  if (const TensorResult* first = comparison.first_divergent()) json["first_divergent"] = first->name;
  if (comparison.ids_compared) json["ids"]["equal"] = !comparison.ids_differ;
  if (comparison.ids_note) json["ids"]["note"] = *comparison.ids_note;
  for (const TensorResult& tensor : comparison.tensors) json["tensors"].push_back(as_json(tensor));
  return json.dump(2) + "\n";
}

std::string shape_text(const std::vector<size_t>& shape) {
  return fmt::format("[{}]", fmt::join(shape, ", "));
}

std::string as_text(const TensorResult& tensor) {
  std::string text = fmt::format("{:<24}", tensor.name);
  if (tensor.compared()) {
    const TensorError& e = *tensor.error;
    text +=
        fmt::format("{:>11.3g}{:>11.3g}{:>11.3g}{:>12.8f}{:>6}{:>6}  {}", e.max_abs, e.mean_abs, e.nmse, e.cosine,
                    e.ref.n_nan + e.ref.n_infinite, e.got.n_nan + e.got.n_infinite, tensor_status_name(tensor.status));
  } else {
    text += fmt::format(" {}", tensor_status_name(tensor.status));
    if (!tensor.ref_shape.empty()) text += " REF " + shape_text(tensor.ref_shape);
    if (!tensor.got_shape.empty()) text += " GOT " + shape_text(tensor.got_shape);
  }
  if (!tensor.note.empty()) text += ": " + tensor.note;
  if (tensor.top) {
    text += fmt::format(", top-1 {:.1f} %, top-{} {:.1f} %", 100 * tensor.top->top1, tensor.top->k,
                        100 * tensor.top->top_k);
  }
  return text + "\n";
}

std::string as_text(const Comparison& comparison) {
  std::string text = fmt::format("token ids: {}\n", comparison.ids_note.value_or("equal"));
  if (!comparison.tensors.empty()) {
    text += fmt::format("{:<24}{:>11}{:>11}{:>11}{:>12}{:>12}\n", "tensor", "max error", "mean error", "NMSE", "cosine",
                        "NaN/Inf R G");
  }
  for (const TensorResult& tensor : comparison.tensors) text += as_text(tensor);
  return text + comparison.verdict() + "\n";
}

}  // namespace

void declare_compare(CLI::App& app, CompareOptions& options) {
  app.add_option("REF", options.ref, "safetensors file to compare with")->required();
  app.add_option("GOT", options.got, "safetensors file to judge")->required();
  app.add_option("--points", options.points, "names separated by commas, * stands for any text")
      ->type_name("LIST")
      ->capture_default_str();
  app.add_option("--names", options.names, "JSON object that says what tensors with other names are")
      ->type_name("FILE");
  add_limit(app, "--atol", options.limits.atol, "an element may be off by this");
  add_limit(app, "--rtol", options.limits.rtol, "and by this share of the reference");
  add_limit(app, "--nmse", options.limits.nmse, "largest mean squared error of a tensor, relative to its mean square");
  app.add_flag("--json", options.json, "one JSON object on standard output");
  app.add_flag("-v,--verbose", options.common.verbose, "say on standard error what the options are");
  app.footer(
      "Without a limit, atol and rtol are 1e-8 where both are F64, 1e-4 down to F32, 2e-2 for F16 and BF16.\n"
      "Reads files of `proxima dump` and Hugging Face's stacked hidden_states, keys, values, attentions and logits;\n"
      "for others give --names, such as {\"h.0\": \"layers.0.resid_post\", \"out\": \"logits\"}.\n"
      "Exit code 0: agree, 1: diverge, a tensor is missing or misshapen, or the tokens differ.\n"
      "Example: proxima compare oracle.safetensors mine.safetensors --nmse 1e-6");
}

void compare(const CompareOptions& options) {
  const NameMap names = options.names.empty() ? NameMap() : read_name_map(options.names);
  const ActivationFile ref(options.ref, names), got(options.got, names);
  for (const auto& [name, point] : names) {
    if (ref.has_tensor(name) || got.has_tensor(name)) continue;
    fail(ErrorKind::kInput, "{}: neither file has a tensor {}", options.names, quote(name));
  }
  const Comparison comparison = compare_activations(ref, got, options.limits, options.points);
  write_output(options.json ? as_json(options, comparison) : as_text(comparison));
  if (!comparison.agrees()) fail(ErrorKind::kLimit, "{}", comparison.verdict());
}

}  // namespace proxima
