// SPDX-License-Identifier: MIT
#include "apps/bench_case.h"

#include <fmt/format.h>

#include <algorithm>
#include <random>

#include "apps/ids_file.h"
#include "apps/interrupt.h"
#include "apps/reading.h"
#include "core/error.h"
#include "core/machine_limits.h"
#include "model/int8_weights.h"

namespace proxima {
namespace {

// The bytes of the largest file of weights, from its first tensor to its last.
std::span<const std::byte> mapped_weights(const Checkpoint& checkpoint) {
  std::span<const std::byte> largest;
  for (const SafetensorsFile& file : checkpoint.files()) {
    if (file.tensors().empty()) continue;
    const std::byte* begin = file.tensors().begin()->second.data;
    const std::byte* end = begin;
    for (const auto& [name, view] : file.tensors()) {
      begin = std::min(begin, view.data);
      end = std::max(end, view.data + view.n_bytes());
    }
    if (static_cast<size_t>(end - begin) > largest.size()) largest = {begin, end};
  }
  return largest;
}

std::optional<double> peak_of(Precision precision, const Model& model, int n_threads) {
  if (precision == Precision::kF64) return f64_peak(n_threads);
  const bool bf16 = precision == Precision::kFast && model.weights.layers.front().q.weight.dtype == DType::kBF16;
  const auto peak = bf16 ? bf16_peak(n_threads) : std::nullopt;
  return peak ? peak : f32_peak(n_threads);
}

// Whether steps leave out some of what the cache keeps.
bool uses_a_part(const CacheChoice& choice) {
  return choice.kind == CacheKind::kQuest || choice.kind == CacheKind::kPodQuest || choice.gate;
}

// Whether a prompt is read as dense attention reads it.
bool reads_all(const CacheChoice& choice) {
  return (choice.kind == CacheKind::kDense || choice.kind == CacheKind::kPod || choice.kind == CacheKind::kCla) &&
         !choice.gate;
}

std::vector<std::byte> random_rows(const Kernels& kernels, DType dtype, size_t n_elements) {
  std::mt19937 random(1);
  std::normal_distribution<float> normal;
  std::vector<std::byte> rows(row_bytes(dtype, n_elements));
  if (dtype == DType::kF64) {
    std::vector<double> values(n_elements);
    for (double& x : values) x = static_cast<double>(normal(random));
    kernels.f64.narrow(values.data(), n_elements, dtype, rows.data());
  } else {
    std::vector<float> values(n_elements);
    for (float& x : values) x = normal(random);
    kernels.f32.narrow(values.data(), n_elements, dtype, rows.data());
  }
  return rows;
}

// Memory shared with others changes its speed within tens of milliseconds: it is measured between every so many steps.
constexpr size_t kStepsBetween = 8;

// Of readings of the same bytes spread through a run.
class MeanBandwidth {
 public:
  MeanBandwidth(std::span<const std::byte> memory, int n_threads) : memory_(memory), n_threads_(n_threads) {}
  void measure() {
    seconds_per_byte_ += 1 / read_bandwidth(memory_, n_threads_);
    ++n_readings_;
  }
  double get() const { return n_readings_ / seconds_per_byte_; }

 private:
  std::span<const std::byte> memory_;
  int n_threads_;
  double seconds_per_byte_ = 0, n_readings_ = 0;
};

}  // namespace

std::string BenchTest::name() const {
  const std::string name = n_prompt > 0 ? fmt::format("pp{}", n_prompt) : fmt::format("tg{}", n_generate);
  return depth == 0 ? name : fmt::format("{} @ d{}", name, depth);
}

BenchCase::BenchCase(const Session& session, const CacheSpec& cache, const BenchTest& test)
    : session_(session, cache.options), cache_name_(cache.name), test_(test) {
  session_.check(test.name(), std::max<size_t>(test.depth + test.n_prompt, 1), test.n_generate);
}

BenchSample BenchCase::run() {
  const int n_threads = session_.compute().n_threads;
  const Model& model = session_.model();
  Job job = session_.start(test_.name(), std::max<size_t>(test_.depth + test_.n_prompt, 1), test_.n_generate);
  job.transformer->begin_sequence(test_.depth + test_.n_prompt);
  fill(job);
  const auto ids = pseudo_random_ids(test_.n_generate, model.config.vocab);

  BenchSample sample;
  MeanBandwidth bandwidth(mapped_weights(model.checkpoint), n_threads);
  bandwidth.measure();
  // Of products of bytes no peak is measured.
  const bool int8 = session_.request().int8_weights;
  if (test_.n_prompt > 0 && !int8) sample.peak = peak_of(job.transformer->precision(), model, n_threads);
  if (test_.n_prompt > 0) {
    const Stopwatch watch;
    read(job, test_.n_prompt);
    sample.seconds = watch.seconds();
  }
  double bytes = 0;
  for (size_t step = 0; step < ids.size(); ++step) {
    if (step > 0 && step % kStepsBetween == 0) bandwidth.measure();
    const Stopwatch watch;
    job.transformer->forward({&ids[step], 1}, *job.cache, true);
    sample.seconds += watch.seconds();
    bytes += decode_bytes(*job.cache);
    if (interrupted()) fail(ErrorKind::kInterrupt, "interrupted");
  }
  bandwidth.measure();
  sample.bandwidth = bandwidth.get();

  kv_bytes_ = job.cache->total_bytes().logical;
  if (test_.n_prompt > 0 && sample.peak && reads_all(job.choice)) {
    sample.least_seconds = prefill_operations(model.config, test_.depth, test_.n_prompt) / *sample.peak;
  }
  if (test_.n_generate > 0 && !uses_a_part(job.choice)) sample.least_seconds = bytes / sample.bandwidth;
  return sample;
}

void BenchCase::fill(Job& job) const {
  if (test_.depth == 0) return;
  if (selection_method(job.choice.kind)) return read(job, test_.depth);
  KvCache& cache = *job.cache;
  const CacheGeometry& geometry = cache.geometry();
  const size_t row = geometry.n_kv_heads * geometry.head_dim;
  const Kernels& kernels = *session_.compute().kernels;
  const auto keys = random_rows(kernels, cache.capacity().key_dtype, cache.max_append() * row);
  const auto values = random_rows(kernels, cache.capacity().value_dtype, cache.max_append() * row);
  cache.begin_prompt(test_.depth);
  for (size_t done = 0; done < test_.depth;) {
    const size_t count = std::min(cache.max_append(), test_.depth - done);
    for (size_t layer = 0; layer < geometry.n_layers; ++layer) {
      if (!cache.appends(layer)) continue;
      if (cache.wants_unrotated_keys()) cache.append_unrotated(layer, count, keys.data());
      cache.append(layer, count, keys.data(), values.data());
    }
    done += count;
  }
  cache.end_prompt();
}

void BenchCase::read(Job& job, size_t n_tokens) const {
  const auto ids = pseudo_random_ids(n_tokens, session_.model().config.vocab);
  job.cache->begin_prompt(n_tokens);
  for (size_t done = 0; done < n_tokens;) {
    const size_t count = std::min({job.cache->max_append(), job.transformer->limits().max_chunk, n_tokens - done});
    job.transformer->forward({ids.data() + done, count}, *job.cache, done + count == n_tokens);
    done += count;
    if (interrupted()) fail(ErrorKind::kInterrupt, "interrupted");
  }
  job.cache->end_prompt();
}

// The bytes that one step must read: every weight once (the embedding only as the output head) and all of the KV.
double BenchCase::decode_bytes(const KvCache& cache) const {
  const Model& model = session_.model();
  const bool int8 = session_.request().int8_weights;
  const bool reads_embedding = model.config.tie_embeddings && !int8;
  const WeightBytes weights = weight_bytes(model.checkpoint, model.weights, int8);
  return static_cast<double>(weights.resident() - (reads_embedding ? 0 : model.weights.embed.n_bytes()) +
                             cache.total_bytes().logical);
}

double prefill_operations(const ModelConfig& config, size_t depth, size_t n_tokens) {
  const auto q_width = static_cast<double>(config.n_heads * config.head_dim);
  const auto kv_width = static_cast<double>(config.n_kv_heads * config.head_dim);
  const auto hidden = static_cast<double>(config.hidden);
  const auto n = static_cast<double>(n_tokens);
  const double weights = hidden * (2 * q_width + 2 * kv_width + 3 * static_cast<double>(config.intermediate));
  double operations = 2 * hidden * static_cast<double>(config.vocab);
  for (const LayerConfig& layer : config.layers) {
    double n_keys = 0;
    for (size_t token = depth; token < depth + n_tokens; ++token) {
      n_keys += static_cast<double>(std::min(token + 1, layer.window));
    }
    operations += 2 * weights * n + 4 * n_keys * q_width;
  }
  return operations;
}

}  // namespace proxima
