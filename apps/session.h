// SPDX-License-Identifier: MIT
// A model opened for work: flags checked, weights mapped (and, on demand, found finite), and for each sequence a
// transformer and a cache that have been found to fit the context and the memory before anything is allocated.
#pragma once

#include <memory>
#include <string>

#include "apps/common_options.h"
#include "model/weights.h"

namespace proxima {

// One sequence's working set.
struct Job {
  MemoryPlan plan;
  CacheChoice choice;  // any budget applied
  std::unique_ptr<Transformer> transformer;
  std::unique_ptr<KvCache> cache;
};

// Bytes for people: "1.25 MiB".
std::string format_bytes(size_t n_bytes);

class Session {
 public:
  // Opens and checks the folder; says on standard error with what it will compute.
  explicit Session(const CommonOptions& options);
  // The same model, already opened and checked, with other options: another cache, say.
  Session(const Session& opened, const CommonOptions& options);

  const CommonOptions& options() const { return options_; }
  const Model& model() const { return *model_; }
  const Compute& compute() const { return compute_; }
  const MemoryRequest& request() const { return request_; }
  // Of this session and a choice whose budget is applied.
  CacheSettings cache_settings(const CacheChoice& choice) const;

  // The longest sequence that a prompt of this length can grow to.
  size_t context_limit(size_t n_prompt) const;

  // Throws Error(kContext) if prompt and answer together exceed the context, Error(kMemory) if they do not fit this
  // machine and --force is not given. `what` names the prompt in messages, `advice` says what else would help.
  MemoryPlan check(const std::string& what, size_t n_prompt, size_t n_predict, const std::string& advice = "") const;

  // Checks and makes what the sequence needs.
  Job start(const std::string& what, size_t n_prompt, size_t n_predict) const;

 private:
  MemoryRequest request_for(size_t n_prompt, size_t n_predict) const;

  CommonOptions options_;
  std::shared_ptr<const Model> model_;
  Compute compute_;
  MemoryRequest request_;  // limits not yet set
};

// -c must cap something: throws Error(kUsage) if it is above the model's own limit.
void check_context_size(const CommonOptions& options, const ModelConfig& config);

// The check of start() for a given plan. Throws Error(kMemory).
void check_memory(const MemoryPlan& plan, const ModelConfig& config, const MemoryRequest& request);

}  // namespace proxima
