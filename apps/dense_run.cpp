// SPDX-License-Identifier: MIT
#include "apps/dense_run.h"

#include <cstring>

#include "core/error.h"
#include "kvcache/dense_cache.h"
#include "model/generator.h"

namespace proxima {
namespace {

// Rows of windowed layers are kept whole: the first of the last queries looks back further than the last one.
CacheGeometry without_windows(CacheGeometry geometry) {
  geometry.layer_window.clear();
  return geometry;
}

TransformerLimits limits_of(const MemoryRequest& request, size_t length) {
  return {length, std::min(request.limits.max_chunk, length)};
}

}  // namespace

template <class T>
class DenseRun<T>::Keeper final : public Observer {
 public:
  explicit Keeper(DenseRun& run) : run_(run) {}

  bool wants(Point point, size_t /*layer*/) const override {
    return point == Point::kQRope || point == Point::kAttnOut;
  }

  void observe(const Observation& seen) override {
    const size_t first_kept = run_.length_ - run_.n_queries_;
    const size_t end = seen.first_position + seen.n_rows;
    if (end <= first_kept) return;
    const size_t begin = std::max(first_kept, seen.first_position);
    std::vector<T>& kept = seen.point == Point::kQRope ? run_.queries_ : run_.outputs_;
    T* target = kept.data() + (seen.layer * run_.n_queries_ + begin - first_kept) * seen.n_columns;
    const T* source = static_cast<const T*>(seen.data) + (begin - seen.first_position) * seen.n_columns;
    std::memcpy(target, source, (end - begin) * seen.n_columns * sizeof(T));
  }

 private:
  DenseRun& run_;
};

template <class T>
DenseRun<T>::DenseRun(const Model& model, const Compute& compute, const MemoryRequest& request, size_t length,
                      size_t n_queries)
    : compute_(compute),
      length_(length),
      n_queries_(n_queries),
      transformer_(Transformer::create(model, compute, request.precision, limits_of(request, length))),
      cache_(std::make_unique<DenseCache>(
          without_windows(cache_geometry(model.config)),
          CacheCapacity{length, limits_of(request, length).max_chunk, request.key_dtype, request.value_dtype})),
      queries_(model.config.n_layers * n_queries * model.config.n_heads * model.config.head_dim),
      outputs_(model.config.n_layers * n_queries * model.config.hidden) {}

template <class T>
size_t DenseRun<T>::n_bytes(const ModelConfig& config, const MemoryRequest& request, size_t length, size_t n_queries) {
  const CacheCapacity capacity{length, limits_of(request, length).max_chunk, request.key_dtype, request.value_dtype};
  return planned_cache_bytes({}, without_windows(cache_geometry(config)), capacity, length, CachePhase::kReadingPrompt)
             .allocated +
         config.n_layers * n_queries * (config.n_heads * config.head_dim + config.hidden) * sizeof(T);
}

template <class T>
void DenseRun<T>::read(const ExploreSample& sample, const GoOn& go_on) {
  cache_->clear();
  Keeper keeper(*this);
  Generator(*transformer_, *cache_)
      .read_prompt(
          sample.ids, 0, [&](const Progress&) { return go_on(); }, &keeper);
}

template <class T>
const T* DenseRun<T>::queries(size_t layer) const {
  return queries_.data() + layer * (queries_.size() / model().config.n_layers);
}
template <class T>
const T* DenseRun<T>::outputs(size_t layer) const {
  return outputs_.data() + layer * (outputs_.size() / model().config.n_layers);
}

template class DenseRun<float>;
template class DenseRun<double>;

}  // namespace proxima
