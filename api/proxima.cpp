// SPDX-License-Identifier: MIT
#include "api/proxima.h"

#include <algorithm>
#include <cstring>
#include <deque>
#include <filesystem>
#include <new>
#include <optional>
#include <vector>

#include "core/error.h"
#include "core/memory_limit.h"
#include "core/quote.h"
#include "kvcache/cache_factory.h"
#include "model/fingerprint.h"
#include "model/finite_observer.h"
#include "model/generator.h"
#include "model/memory_plan.h"
#include "model/point_layout.h"
#include "model/weights.h"

struct proxima_model {
  proxima::Model model;
};

struct proxima_result {
  struct Tensor {
    std::string name;
    std::vector<double> values;
  };
  std::deque<Tensor> storage;  // addresses stay
  std::vector<proxima_tensor> tensors;
};

namespace proxima {
namespace {

constexpr size_t kMaxThreads = 1024;
constexpr size_t kDefaultScoreRows = 16;

void say(proxima_error* error, const char* message) {
  if (error == nullptr) return;
  std::strncpy(error->message, message, sizeof error->message - 1);
  error->message[sizeof error->message - 1] = '\0';
}

// Everything that may throw runs inside.
template <class F>
proxima_status guarded(proxima_error* error, F f) noexcept {
  say(error, "");
  try {
    f();
    return PROXIMA_OK;
  } catch (const Error& problem) {
    say(error, problem.what());
    return static_cast<proxima_status>(problem.kind());
  } catch (const std::bad_alloc&) {
    say(error, "out of memory");
    return PROXIMA_MEMORY;
  } catch (const std::filesystem::filesystem_error& problem) {
    say(error, problem.what());
    return PROXIMA_INPUT;
  } catch (const std::exception& problem) {
    say(error, problem.what());
    return PROXIMA_INTERNAL;
  } catch (...) {
    say(error, "an exception of unknown type");
    return PROXIMA_INTERNAL;
  }
}

Precision precision_of(const proxima_settings& settings) {
  switch (settings.precision) {
    case PROXIMA_F64:
      return Precision::kF64;
    case PROXIMA_F32:
      return Precision::kF32;
    case PROXIMA_FAST:
      return Precision::kFast;
  }
  fail(ErrorKind::kUsage, "precision {} is none of PROXIMA_F64, PROXIMA_F32, PROXIMA_FAST",
       static_cast<int>(settings.precision));
}

Compute compute_of(const proxima_settings& settings) {
  if (settings.n_threads > kMaxThreads) {
    fail(ErrorKind::kUsage, "n_threads {} is out of range: 0 to {}", settings.n_threads, kMaxThreads);
  }
  Compute compute = default_compute();
  if (settings.n_threads > 0) compute.n_threads = static_cast<int>(settings.n_threads);
  if (settings.simd != nullptr) {
    const auto target = simd_target_from_name(settings.simd);
    if (!target) fail(ErrorKind::kUsage, "simd {} is none of scalar, avx2, avx512, neon", quote(settings.simd));
    compute.kernels = &kernels_for(*target);
  }
  return compute;
}

CacheChoice cache_of(const proxima_settings& settings, const Model& model) {
  if (settings.map == nullptr) return {};
  const CacheChoice choice{CacheKind::kPod, read_sharing_map(settings.map)};
  check_cache_choice(choice, cache_geometry(model.config), settings.map);
  check_map_fingerprint(*choice.map, model.checkpoint, settings.map);
  return choice;
}

void check_room(const Model& model, const MemoryRequest& request, size_t n_values) {
  const MemoryPlan plan = plan_memory(model.config, model.checkpoint.n_bytes(), request);
  const MemoryLimit available = available_memory();
  const size_t needed = plan.peak + n_values * sizeof(double);
  if (needed > available.bytes) {
    fail(ErrorKind::kMemory, "{} tokens need {} bytes with what is to be kept, but only {} are there ({}); give fewer",
         request.limits.max_context, needed, available.bytes, available.reason);
  }
}

// Room for each tensor, in the order of computation.
void lay_out(const ModelConfig& config, const std::vector<NamedPoint>& points, const CaptureRange& range,
             proxima_result& result) {
  for (const NamedPoint& point : points) {
    proxima_tensor tensor{};
    size_t n_values = 1;
    for (const size_t dimension : point_shape(point.point, config, range)) {
      tensor.shape[tensor.n_dims++] = dimension;
      n_values *= dimension;
    }
    auto& stored = result.storage.emplace_back();
    stored.name = point.name();
    stored.values.resize(n_values);
    tensor.name = stored.name.c_str();
    tensor.data = stored.values.data();
    result.tensors.push_back(tensor);
  }
}

size_t n_values_of(const ModelConfig& config, const std::vector<NamedPoint>& points, const CaptureRange& range) {
  size_t total = 0;
  for (const NamedPoint& point : points) {
    size_t n_values = 1;
    for (const size_t dimension : point_shape(point.point, config, range)) n_values *= dimension;
    total += n_values;
  }
  return total;
}

template <class T>
void widen_into(const std::byte* data, size_t n_values, double* values) {
  for (size_t index = 0; index < n_values; ++index) {
    T value;
    std::memcpy(&value, data + index * sizeof(T), sizeof(T));
    values[index] = static_cast<double>(value);
  }
}

std::unique_ptr<proxima_result> forward(const Model& model, std::span<const TokenId> ids,
                                        const proxima_settings& settings) {
  const ModelConfig& config = model.config;
  if (ids.empty()) fail(ErrorKind::kUsage, "there are no ids: give at least one token");
  if (ids.size() > trained_context(config)) {
    fail(ErrorKind::kContext, "{} tokens do not fit the model's context of {}", ids.size(), trained_context(config));
  }
  auto points = points_matching(config, settings.points != nullptr ? settings.points : "logits");
  const auto order = all_points(config);
  std::ranges::sort(points, {}, [&](const NamedPoint& p) { return std::ranges::find(order, p) - order.begin(); });
  const size_t score_rows = settings.score_rows > 0 ? settings.score_rows : kDefaultScoreRows;
  const CaptureRange range{ids.size(), 0, ids.size(), std::min(score_rows, ids.size())};

  const CacheGeometry geometry = cache_geometry(config);
  MemoryRequest request;
  request.precision = precision_of(settings);
  request.key_dtype = request.value_dtype = default_cache_dtype(request.precision);
  request.cache = cache_of(settings, model);
  const Compute compute = compute_of(settings);
  request.n_threads = compute.n_threads;
  request.limits = {ids.size(), settings.chunk > 0 ? std::min(settings.chunk, ids.size()) : ids.size()};
  check_room(model, request, n_values_of(config, points, range));

  auto result = std::make_unique<proxima_result>();
  lay_out(config, points, range, *result);
  const bool wide = request.precision == Precision::kF64;
  PointCapture capture(
      config, points, range, [&](const NamedPoint& point, size_t offset, const std::byte* data, size_t n) {
        const auto index = static_cast<size_t>(std::ranges::find(points, point) - points.begin());
        const size_t width = wide ? sizeof(double) : sizeof(float);
        double* values = result->storage[index].values.data() + offset / width;
        wide ? widen_into<double>(data, n / width, values) : widen_into<float>(data, n / width, values);
      });
  FiniteCheck finite_check(&capture);
  const auto transformer = Transformer::create(model, compute, request.precision, request.limits);
  const auto cache = make_cache(request.cache, geometry, cache_capacity(request));
  Generator(*transformer, *cache)
      .read_prompt(ids, 0, nullptr, settings.check_finite != 0 ? static_cast<Observer*>(&finite_check) : &capture);
  return result;
}

}  // namespace
}  // namespace proxima

const char* proxima_version(void) {
  return PROXIMA_VERSION;
}

proxima_status proxima_open(const char* folder, proxima_model** model, proxima_error* error) {
  if (model != nullptr) *model = nullptr;
  return proxima::guarded(error, [&] {
    if (folder == nullptr || model == nullptr)
      proxima::fail(proxima::ErrorKind::kUsage, "proxima_open: a null pointer");
    auto opened = std::make_unique<proxima_model>(proxima_model{proxima::open_model(folder)});
    proxima::check_weights_finite(opened->model.checkpoint);
    *model = opened.release();
  });
}

void proxima_close(proxima_model* model) {
  delete model;
}

size_t proxima_n_layers(const proxima_model* model) {
  return model->model.config.n_layers;
}

size_t proxima_n_vocab(const proxima_model* model) {
  return model->model.config.vocab;
}

proxima_settings proxima_default_settings(void) {
  return {};
}

proxima_status proxima_forward(const proxima_model* model, const uint32_t* ids, size_t n_ids,
                               const proxima_settings* settings, proxima_result** result, proxima_error* error) {
  if (result != nullptr) *result = nullptr;
  return proxima::guarded(error, [&] {
    if (model == nullptr || result == nullptr || (ids == nullptr && n_ids > 0)) {
      proxima::fail(proxima::ErrorKind::kUsage, "proxima_forward: a null pointer");
    }
    const proxima_settings chosen = settings != nullptr ? *settings : proxima_settings{};
    *result = proxima::forward(model->model, {ids, n_ids}, chosen).release();
  });
}

void proxima_release(proxima_result* result) {
  delete result;
}

size_t proxima_n_tensors(const proxima_result* result) {
  return result->tensors.size();
}

const proxima_tensor* proxima_tensor_at(const proxima_result* result, size_t index) {
  return index < result->tensors.size() ? &result->tensors[index] : nullptr;
}

const proxima_tensor* proxima_find_tensor(const proxima_result* result, const char* name) {
  const auto found =
      std::ranges::find_if(result->tensors, [&](const proxima_tensor& t) { return std::strcmp(t.name, name) == 0; });
  return found == result->tensors.end() ? nullptr : &*found;
}
