// SPDX-License-Identifier: MIT
// Prefill and decode speed at depths, beside what this machine can do: decode against the time of reading weights and
// KV bytes at the bandwidth measured over the mapped weights between the runs, prefill against the multiply-add peak.
// The cache below the measured tokens holds random keys and values: the same work as after a real document.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <random>

#include "benchmarks/limits.h"
#include "core/error.h"
#include "kvcache/dense_cache.h"
#include "kvcache/pod_cache.h"
#include "model/generator.h"

namespace proxima {
namespace {

struct Options {
  std::string model;
  std::string cache = "dense";
  std::string map;
  size_t pod_uniform = 5;
  std::vector<size_t> depths = {0, 4096, 8192};
  size_t n_prompt = 512;
  size_t n_generate = 16;
  size_t n_runs = 5;
  int n_threads = default_threads().n_threads;
};

double seconds_of(const std::function<void()>& work) {
  const auto start = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

double median(std::vector<double> values) {
  std::ranges::sort(values);
  return values[values.size() / 2];
}

std::unique_ptr<KvCache> make_cache(const Options& options, const ModelConfig& config, const CacheCapacity& capacity) {
  const CacheGeometry geometry = cache_geometry(config);
  if (options.cache == "dense") return std::make_unique<DenseCache>(geometry, capacity);
  const SharingMap map =
      options.map.empty() ? uniform_sharing_map(geometry, options.pod_uniform) : read_sharing_map(options.map);
  map.validate(geometry, options.map);
  return std::make_unique<PodCache>(geometry, capacity, map);
}

// Random bf16 keys and values of about unit size for n_tokens.
void fill(KvCache& cache, size_t n_tokens) {
  const CacheGeometry& geometry = cache.geometry();
  const size_t row = geometry.n_kv_heads * geometry.head_dim;
  std::mt19937 random(1);
  std::normal_distribution<float> normal;
  std::vector<BF16> rows(cache.capacity().max_chunk * row);
  for (BF16& x : rows) x = round_to_bf16(normal(random));
  cache.begin_prompt(n_tokens);
  for (size_t done = 0; done < n_tokens;) {
    const size_t count = std::min(cache.capacity().max_chunk, n_tokens - done);
    for (size_t layer = 0; layer < geometry.n_layers; ++layer) {
      cache.append(layer, count, reinterpret_cast<const std::byte*>(rows.data()),
                   reinterpret_cast<const std::byte*>(rows.data()));
    }
    done += count;
  }
  cache.end_prompt();
}

// Multiply-adds count two; causal attention counts the visible half of the chunk.
double prefill_operations(const ModelConfig& config, size_t depth, size_t n_tokens) {
  const auto n = static_cast<double>(n_tokens);
  const auto q_width = static_cast<double>(config.n_heads * config.head_dim);
  const auto kv_width = static_cast<double>(config.n_kv_heads * config.head_dim);
  const auto hidden = static_cast<double>(config.hidden);
  const double weights = hidden * (2 * q_width + 2 * kv_width + 3 * static_cast<double>(config.intermediate));
  const double keys = n * static_cast<double>(depth) + n * (n + 1) / 2;
  return static_cast<double>(config.n_layers) * (2 * weights * n + 4 * keys * q_width) +
         2 * hidden * static_cast<double>(config.vocab);
}

// The bytes one decode step must read: every weight once (the embedding only as the output head) and all of the KV.
double decode_bytes(const Model& model, const KvCache& cache) {
  const TensorView& embed = model.weights.embed;
  const double untied_embedding = model.config.tie_embeddings ? 0 : static_cast<double>(embed.n_bytes());
  return static_cast<double>(model.checkpoint.n_bytes()) - untied_embedding +
         static_cast<double>(cache.total_bytes().logical);
}

void measure_depth(const Options& options, const Model& model, size_t depth) {
  const TransformerLimits limits{depth + options.n_prompt + options.n_generate * options.n_runs, options.n_prompt};
  const CacheCapacity capacity{limits.max_context, limits.max_chunk, DType::kBF16, DType::kBF16};
  const Compute compute{&kernels_for(supported_simd_targets().back()), options.n_threads};
  const auto transformer = Transformer::create(model, compute, Precision::kFast, limits);
  const auto bytes = model.checkpoint.files().front().tensors().begin()->second;
  const std::span<const std::byte> weights{bytes.data, bytes.n_bytes()};
  const std::vector<TokenId> prompt(options.n_prompt, 7);

  std::vector<double> prefill_speed;
  for (size_t run = 0; run < options.n_runs; ++run) {
    const auto cache = make_cache(options, model.config, capacity);
    fill(*cache, depth);
    cache->begin_prompt(options.n_prompt);
    const double time = seconds_of([&] { transformer->forward(prompt, *cache, true); });
    prefill_speed.push_back(static_cast<double>(options.n_prompt) / time);
  }

  const auto cache = make_cache(options, model.config, capacity);
  fill(*cache, depth);
  std::vector<double> decode_speed;
  std::vector<double> share;
  for (size_t run = 0; run < options.n_runs; ++run) {
    const double bandwidth = read_bandwidth(weights, options.n_threads);
    const double least = decode_bytes(model, *cache) / bandwidth;
    const double time = seconds_of([&] {
                          for (size_t n = 0; n < options.n_generate; ++n)
                            transformer->forward({prompt.data(), 1}, *cache, true);
                        }) /
                        static_cast<double>(options.n_generate);
    decode_speed.push_back(1 / time);
    share.push_back(least / time);
  }

  const double peak = bf16_peak(options.n_threads).value_or(f32_peak(options.n_threads).value_or(0));
  const double operations =
      prefill_operations(model.config, depth, options.n_prompt) / static_cast<double>(options.n_prompt);
  const double prefill = median(prefill_speed);
  std::printf("| %6zu | %8.1f | %5.1f %% | %8.2f | %5.1f %% | %9.2f |\n", depth, prefill,
              100 * prefill * operations / peak, median(decode_speed), 100 * median(share),
              static_cast<double>(cache->total_bytes().logical) / (1 << 20));
  std::fflush(stdout);
}

}  // namespace
}  // namespace proxima

int main(int argc, char** argv) {
  using namespace proxima;
  Options options;
  CLI::App app("Prefill and decode speed at depths, beside this machine's bandwidth and peak");
  app.add_option("-m,--model", options.model, "Hugging Face folder")->required();
  app.add_option("-p,--n-prompt", options.n_prompt, "tokens of the measured prefill chunk");
  app.add_option("-n,--n-gen", options.n_generate, "tokens decoded per run");
  app.add_option("-d,--depths", options.depths, "tokens already in the cache")->delimiter(',');
  app.add_option("-r,--runs", options.n_runs, "runs; medians are printed");
  app.add_option("-t,--threads", options.n_threads);
  app.add_option("--cache", options.cache)->check(CLI::IsMember({"dense", "pod"}));
  app.add_option("--map", options.map, "sharing map for pod");
  app.add_option("--pod-uniform", options.pod_uniform, "layers a block, where there is no map");
  CLI11_PARSE(app, argc, argv);
  try {
    const Model model = open_model(options.model);
    const int n_threads = options.n_threads;
    std::printf("bandwidth %.1f GB/s, f32 peak %.0f GFLOP/s, bf16 peak %.0f GFLOP/s, %d threads, cache %s\n",
                fresh_memory_bandwidth(n_threads) / 1e9, f32_peak(n_threads).value_or(0) / 1e9,
                bf16_peak(n_threads).value_or(0) / 1e9, n_threads, options.cache.c_str());
    std::printf("|  depth | prefill/s | of peak | decode/s | of limit |    KV MiB |\n");
    for (const size_t depth : options.depths) measure_depth(options, model, depth);
  } catch (const Error& error) {
    std::fprintf(stderr, "end_to_end: %s\n", error.what());
    return static_cast<int>(error.kind());
  }
}
