// SPDX-License-Identifier: MIT
// Options that several commands share: which model, how to compute, what the cache keeps, how much to say.
#pragma once

#include <cstddef>
#include <filesystem>
#include <optional>
#include <string>

#include "core/compute.h"
#include "kvcache/cache_factory.h"
#include "kvcache/kv_budget.h"
#include "model/cache_file.h"
#include "model/memory_plan.h"

namespace CLI {
class App;
}

namespace proxima {

struct CommonOptions {
  std::string model;  // a Hugging Face folder; empty: the bundled demo
  bool verbose = false;
  bool quiet = false;

  std::optional<Precision> precision;  // fast where absent
  std::optional<bool> int8_weights;    // as stored where absent
  std::optional<size_t> n_threads;     // default_threads() where absent
  std::optional<SimdTarget> simd;      // the best one where absent
  size_t chunk = 512;                  // tokens of a prompt read at once

  std::optional<size_t> ctx_size;  // caps the model's own limit
  std::optional<DType> key_dtype;  // the precision's own where absent
  std::optional<DType> value_dtype;
  std::optional<CacheKind> cache;  // dense where absent
  std::string map;
  std::optional<size_t> ns;
  std::optional<size_t> nr;
  std::optional<size_t> pod_uniform;
  std::optional<KvBudget> kv_budget;
  std::optional<bool> window_slots;
  std::optional<size_t> observed;  // queries that snapkv and pyramidkv observe
  std::optional<size_t> kernel;
  std::optional<Pooling> pooling;
  std::optional<size_t> beta;
  std::optional<size_t> h2o_recent;
  std::optional<size_t> cla_factor;
  std::optional<double> skip_gate;
  std::optional<GateKind> gate;
  bool force = false;
  bool check_finite = false;

  std::optional<CacheSettings> saved;  // of a cache file: they stand where no flag says otherwise
};

void add_model_options(CLI::App& app, CommonOptions& options);        // -m -v -q
void add_arithmetic_options(CLI::App& app, CommonOptions& options);   // --precision --weights
void add_precision_options(CLI::App& app, CommonOptions& options);    // these, -t --chunk
void add_simd_option(CLI::App& app, CommonOptions& options);          // --simd
void add_cache_options(CLI::App& app, CommonOptions& options);        // -c -ctk -ctv, --cache and what its kinds take
void add_force_option(CLI::App& app, CommonOptions& options);         // --force
void add_check_finite_option(CLI::App& app, CommonOptions& options);  // --check-finite

// Of a command that runs sequences: precision, SIMD target, cache, --force.
void add_sequence_options(CLI::App& app, CommonOptions& options);

std::filesystem::path model_folder(const CommonOptions& options);

// Checks what the flags say together; each throws Error(kUsage) for a combination in which one has no effect.
Compute chosen_compute(const CommonOptions& options);
bool says_cache(const CommonOptions& options);  // whether a flag says anything about the kind of cache
DType checked_cache_dtype(const char* flag, std::optional<DType> chosen, Precision precision, size_t head_dim);
// Its budget is not yet applied: that needs the prompt's length.
CacheChoice chosen_cache(const CommonOptions& options, const CacheGeometry& geometry);
// Everything but the limits.
MemoryRequest memory_request(const CommonOptions& options, const CacheGeometry& geometry);

// The number of threads and why, as the log says it; warns on standard error where -t exceeds what there is.
std::string describe_threads(const CommonOptions& options);

}  // namespace proxima
