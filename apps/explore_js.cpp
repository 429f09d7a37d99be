// SPDX-License-Identifier: MIT
#include "apps/explore_js.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>

#include "apps/map_steps.h"

namespace proxima {
namespace {

constexpr size_t kPadding = 16;  // `exponentials` and `mean_entropy` take whole registers
constexpr size_t kTile = 2048;   // keys whose rows of all layers stay in the second cache level

size_t padded(size_t n) {
  return (n + kPadding - 1) / kPadding * kPadding;
}

// Positions [begin, end) of the rows that are compared.
struct Span {
  size_t begin;
  size_t end;
};

Span compared_positions(size_t query, size_t window, const SimilarityOptions& options) {
  const size_t seen = query + 1 > window ? query + 1 - window : 0;
  if (!options.distant_only) return {seen, query + 1};
  const size_t end = query + 1 > options.nr ? query + 1 - options.nr : 0;
  return {std::max(seen, options.ns), end};
}

// One thread's work: one query of one KV head, in all layers of a run.
template <class T>
class RowComparison {
 public:
  RowComparison(const DenseRun<T>& run, LayerRun layers)
      : run_(run),
        config_(run.model().config),
        arithmetic_(run.compute().kernels->template of<T>()),
        layers_(layers),
        group_(config_.n_heads / config_.n_kv_heads),
        stride_(padded(run.length())),
        rows_((layers.end - layers.begin) * group_ * stride_) {}

  // sums [n_layers of the run, likewise] get the similarities, summed over the query heads of the group.
  void compare(size_t kv_head, size_t index, Span span, bool root, double* sums) {
    const size_t n_layers = layers_.end - layers_.begin;
    for (size_t layer = 0; layer < n_layers; ++layer) make_rows(layer, kv_head, index, span);
    for (size_t head = 0; head < group_; ++head) {
      entropies_.assign(n_layers * n_layers, 0);
      for (size_t tile = 0; tile < padded(span.end - span.begin); tile += kTile) {
        const size_t count = std::min(kTile, padded(span.end - span.begin) - tile);
        for (size_t a = 0; a < n_layers; ++a) {
          for (size_t b = a; b < n_layers; ++b) {
            entropies_[a * n_layers + b] += arithmetic_.mean_entropy(row(a, head) + tile, row(b, head) + tile, count);
          }
        }
      }
      for (size_t a = 0; a < n_layers; ++a) {
        for (size_t b = a + 1; b < n_layers; ++b) {
          const double own = (entropies_[a * n_layers + a] + entropies_[b * n_layers + b]) / 2;
          const double divergence = own - entropies_[a * n_layers + b];
          const double bounded = divergence > 0 ? std::min(divergence, 1.0) : divergence * 0;  // NaN stays NaN
          sums[a * n_layers + b] += 1 - (root ? std::sqrt(bounded) : bounded);
        }
      }
    }
  }

 private:
  T* row(size_t layer, size_t head) { return rows_.data() + (layer * group_ + head) * stride_; }

  // The probabilities of all query heads of the group over the span.
  void make_rows(size_t layer, size_t kv_head, size_t index, Span span) {
    const size_t d = config_.head_dim;
    const size_t n = span.end - span.begin;
    const T* q = run_.queries(layers_.begin + layer) + index * config_.n_heads * d + kv_head * group_ * d;
    run_.cache().show(layers_.begin + layer, kv_head, 1, view_);
    const Segment& all = view_.front();  // a dense cache without windows shows one
    arithmetic_.dot(q, d, group_, all.keys.from(span.begin), n, d, row(layer, 0), stride_);
    for (size_t head = 0; head < group_; ++head) {
      T* scores = row(layer, head);
      T scale = static_cast<T>(config_.attention_scale);
      if (config_.attention_softcap > 0) {
        arithmetic_.softcap(scores, n, scale, static_cast<T>(config_.attention_softcap));
        scale = 1;
      }
      std::fill(scores + n, scores + padded(n), -std::numeric_limits<T>::infinity());
      T largest{};
      const T sum = arithmetic_.exponentials(scores, padded(n), scale, &largest);
      arithmetic_.scale(scores, padded(n), T{1} / sum);
    }
  }

  const DenseRun<T>& run_;
  const ModelConfig& config_;
  const Arithmetic<T>& arithmetic_;
  LayerRun layers_;
  size_t group_;
  size_t stride_;
  std::vector<T> rows_;  // [n_layers of the run, group, stride]
  std::vector<double> entropies_;
  View view_;
};

template <class T>
void add_run(const DenseRun<T>& run, LayerRun layers, const SimilarityOptions& options, PairTable& table) {
  const ModelConfig& config = run.model().config;
  const size_t n_layers = layers.end - layers.begin;
  const size_t n_pairs = n_layers * n_layers;
  const size_t n_queries = run.n_queries();
  std::vector<double> sums(config.n_kv_heads * n_queries * n_pairs);  // apart, so that any thread may add any
  const auto span_of = [&](size_t index) {
    return compared_positions(run.length() - n_queries + index, config.layers[layers.begin].window, options);
  };
#pragma omp parallel num_threads(run.compute().n_threads)
  {
    RowComparison<T> comparison(run, layers);
#pragma omp for collapse(2) schedule(dynamic)
    for (size_t kv_head = 0; kv_head < config.n_kv_heads; ++kv_head) {
      for (size_t index = 0; index < n_queries; ++index) {
        const Span span = span_of(index);
        if (span.begin >= span.end) continue;
        comparison.compare(kv_head, index, span, options.root, sums.data() + (kv_head * n_queries + index) * n_pairs);
      }
    }
  }
  const auto group = static_cast<double>(config.n_heads / config.n_kv_heads);
  for (size_t kv_head = 0; kv_head < config.n_kv_heads; ++kv_head) {
    for (size_t index = 0; index < n_queries; ++index) {
      const Span span = span_of(index);
      if (span.begin >= span.end) continue;
      for (size_t a = 0; a < n_layers; ++a) {
        for (size_t b = a + 1; b < n_layers; ++b) {
          const size_t pair = table.index(kv_head, layers.begin + a, layers.begin + b);
          table.sums[pair] += sums[(kv_head * n_queries + index) * n_pairs + a * n_layers + b];
          table.n_rows[pair] += group;
        }
      }
    }
  }
}

bool joins(const PairTable& similarity, size_t head, size_t start, size_t layer, double delta, CompareWith compare) {
  if (compare == CompareWith::kLowest) return similarity.mean(head, start, layer) >= delta;
  if (compare == CompareWith::kPrevious) return similarity.mean(head, layer - 1, layer) >= delta;
  for (size_t member = start; member < layer; ++member) {
    if (!(similarity.mean(head, member, layer) >= delta)) return false;
  }
  return true;
}

}  // namespace

template <class T>
void add_similarities(const DenseRun<T>& run, const SimilarityOptions& options, PairTable& table) {
  for (const LayerRun& layers : layer_runs(cache_geometry(run.model().config))) add_run(run, layers, options, table);
}

template void add_similarities(const DenseRun<float>&, const SimilarityOptions&, PairTable&);
template void add_similarities(const DenseRun<double>&, const SimilarityOptions&, PairTable&);

template <class T>
size_t similarity_scratch_bytes(const ModelConfig& config, size_t length, int n_threads) {
  const size_t group = config.n_heads / config.n_kv_heads;
  return static_cast<size_t>(n_threads) * config.n_layers * group * padded(length) * sizeof(T);
}

template size_t similarity_scratch_bytes<float>(const ModelConfig&, size_t, int);
template size_t similarity_scratch_bytes<double>(const ModelConfig&, size_t, int);

SharingMap map_from_similarity(const PairTable& similarity, const CacheGeometry& geometry, double delta,
                               CompareWith compare, size_t ns, size_t nr) {
  SharingMap map = identity_map(geometry, ns, nr);
  for (size_t head = 0; head < geometry.n_kv_heads; ++head) {
    size_t start = 0;
    for (size_t layer = 1; layer < geometry.n_layers; ++layer) {
      const bool may = geometry.layer_class[layer] == geometry.layer_class[layer - 1];
      if (may && joins(similarity, head, start, layer, delta, compare)) {
        borrow(map, {layer, head, start});
      } else {
        start = layer;
      }
    }
  }
  return map;
}

std::vector<DeltaStep> maps_by_delta(const PairTable& similarity, const CacheGeometry& geometry, CompareWith compare,
                                     size_t ns, size_t nr) {
  std::set<double, std::greater<>> deltas;
  for (size_t head = 0; head < geometry.n_kv_heads; ++head) {
    for (const LayerRun& layers : layer_runs(geometry)) {
      for (size_t a = layers.begin; a < layers.end; ++a) {
        for (size_t b = a + 1; b < layers.end; ++b) {
          if (const double mean = similarity.mean(head, a, b); std::isfinite(mean)) deltas.insert(mean);
        }
      }
    }
  }
  std::vector<DeltaStep> steps;
  for (const double delta : deltas) {
    SharingMap map = map_from_similarity(similarity, geometry, delta, compare, ns, nr);
    const bool same = steps.empty() ? map.borrowed_share() == 0 : steps.back().map.block_starts == map.block_starts;
    if (!same) steps.push_back({delta, std::move(map)});
  }
  return steps;
}

double dissimilarity(const PairTable& similarity, const SharingMap& map) {
  double sum = 0;
  for (size_t head = 0; head < map.n_kv_heads; ++head) {
    for (size_t layer = 1; layer < map.n_layers; ++layer) {
      const size_t lowest = map.lowest(layer, head);
      if (lowest != layer) sum += 1 - similarity.mean(head, lowest, layer);
    }
  }
  return sum / static_cast<double>(map.n_layers * map.n_kv_heads);
}

}  // namespace proxima
