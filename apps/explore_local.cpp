// SPDX-License-Identifier: MIT
#include "apps/explore_local.h"

#include <algorithm>

#include "core/attention.h"
#include "core/matrix.h"

namespace proxima {
namespace {

constexpr size_t kOutputRows = 64;  // of o_proj for one task

AttentionShape shape_of(const ModelConfig& config) {
  return {config.n_heads, config.n_kv_heads, config.head_dim, config.attention_scale, config.attention_softcap};
}

template <class T>
class LocalErrors {
 public:
  LocalErrors(const DenseRun<T>& run, size_t ns, size_t nr)
      : run_(run),
        config_(run.model().config),
        ns_(ns),
        nr_(nr),
        width_(config_.n_heads * config_.head_dim),
        attention_(run.compute(), kFixedOrder<T>, shape_of(config_), run.length()),
        own_(run.n_queries() * width_),
        shared_(run.n_queries() * width_),
        views_(config_.n_kv_heads) {}

  void add(PairTable& errors) {
    for (const LayerRun& layers : layer_runs(cache_geometry(config_))) {
      for (size_t layer = layers.begin + 1; layer < layers.end; ++layer) {
        measure_outputs(layer);
        attend(layer, layer, own_);
        for (size_t donor = layers.begin; donor < layer; ++donor) {
          attend(layer, donor, shared_);
          for (size_t i = 0; i < shared_.size(); ++i) shared_[i] -= own_[i];
          add_pair(donor, layer, errors);
        }
      }
    }
  }

 private:
  void measure_outputs(size_t layer) {
    own_squares_.assign(run_.n_queries(), 0);
    const T* outputs = run_.outputs(layer);
    for (size_t query = 0; query < run_.n_queries(); ++query) {
      for (size_t i = 0; i < config_.hidden; ++i) {
        const auto o = static_cast<double>(outputs[query * config_.hidden + i]);
        own_squares_[query] += o * o;
      }
    }
  }

  // What the last queries of a layer attend to with the distant keys of the donor. With the layer itself as donor this
  // is the same arithmetic, so that equal keys give a difference of exactly 0.
  void attend(size_t layer, size_t donor, std::vector<T>& out) {
    const size_t window = config_.layers[layer].window;
    const size_t n = run_.length();
    View own, lower;
    for (size_t head = 0; head < config_.n_kv_heads; ++head) {
      run_.cache().show(layer, head, run_.n_queries(), own);
      run_.cache().show(donor, head, run_.n_queries(), lower);
      const Segment& mine = own.front();  // a dense cache without windows shows one
      const size_t first = std::min(ns_, n);
      const StoredRows keys = mine.keys.from(first), values = mine.values.from(first);
      views_[head] = {
          {mine.keys, mine.values, 0, first, 0, window},
          {lower.front().keys.from(first), values, first, n - first, nr_, window},
          {keys, values, first, n - first, 0, std::min(nr_, window)},
      };
    }
    attention_.run(run_.queries(layer), run_.n_queries(), n - run_.n_queries(), views_, out.data());
  }

  void add_pair(size_t donor, size_t layer, PairTable& errors) {
    const size_t n_queries = run_.n_queries(), columns = width_ / config_.n_kv_heads;
    const Matrix o_proj = Matrix::from(run_.model().weights.layers[layer].o.weight);
    const size_t n_blocks = (config_.hidden + kOutputRows - 1) / kOutputRows;
    squares_.assign(config_.n_kv_heads * n_blocks * n_queries, 0);
#pragma omp parallel num_threads(run_.compute().threads_for(n_queries* width_* config_.hidden))
    {
      std::vector<T> y(n_queries * kOutputRows);
#pragma omp for collapse(2) schedule(static)
      for (size_t head = 0; head < config_.n_kv_heads; ++head) {
        for (size_t block = 0; block < n_blocks; ++block) {
          const size_t first = block * kOutputRows, count = std::min(kOutputRows, config_.hidden - first);
          StoredRows rows = o_proj.rows.from(first);
          rows.data += head * columns * dtype_bytes(rows.dtype);
          run_.compute().kernels->template of<T>().dot(shared_.data() + head * columns, width_, n_queries, rows, count,
                                                       columns, y.data(), kOutputRows);
          for (size_t query = 0; query < n_queries; ++query) {
            double sum = 0;
            for (size_t i = 0; i < count; ++i) {
              const auto difference = static_cast<double>(y[query * kOutputRows + i]);
              sum += difference * difference;
            }
            squares_[(head * n_blocks + block) * n_queries + query] = sum;
          }
        }
      }
    }
    for (size_t head = 0; head < config_.n_kv_heads; ++head) {
      const size_t pair = errors.index(head, donor, layer);
      for (size_t query = 0; query < n_queries; ++query) {
        double sum = 0;
        for (size_t block = 0; block < n_blocks; ++block)
          sum += squares_[(head * n_blocks + block) * n_queries + query];
        if (sum != 0) errors.sums[pair] += sum / own_squares_[query];
      }
      errors.n_rows[pair] += static_cast<double>(n_queries);
    }
  }

  const DenseRun<T>& run_;
  const ModelConfig& config_;
  size_t ns_;
  size_t nr_;
  size_t width_;  // n_heads * head_dim
  FixedAttention<T> attention_;
  std::vector<T> own_;               // [n_queries, width]
  std::vector<T> shared_;            // [n_queries, width], then less own_
  std::vector<double> own_squares_;  // [n_queries], |o_own|^2
  std::vector<double> squares_;      // [n_kv_heads, blocks of outputs, n_queries]
  std::vector<View> views_;
};

}  // namespace

template <class T>
void add_local_errors(const DenseRun<T>& run, size_t ns, size_t nr, PairTable& errors) {
  LocalErrors<T>(run, ns, nr).add(errors);
}

template void add_local_errors(const DenseRun<float>&, size_t, size_t, PairTable&);
template void add_local_errors(const DenseRun<double>&, size_t, size_t, PairTable&);

template <class T>
size_t local_scratch_bytes(const ModelConfig& config, size_t length, size_t n_queries, int n_threads) {
  const size_t blocks = (config.hidden + kOutputRows - 1) / kOutputRows;
  return FixedAttention<T>::scratch_bytes(n_threads, shape_of(config), length) +
         2 * n_queries * config.n_heads * config.head_dim * sizeof(T) +
         static_cast<size_t>(n_threads) * n_queries * kOutputRows * sizeof(T) +
         config.n_kv_heads * blocks * n_queries * sizeof(double);
}

template size_t local_scratch_bytes<float>(const ModelConfig&, size_t, size_t, int);
template size_t local_scratch_bytes<double>(const ModelConfig&, size_t, size_t, int);

double local_increase(const PairTable& errors, const SharingMap& map, const Cell& cell) {
  double increase = errors.mean(cell.kv_head, cell.donor, cell.layer);
  for (size_t layer = cell.layer + 1; layer < block_end(map, cell); ++layer) {
    increase += errors.mean(cell.kv_head, cell.donor, layer) - errors.mean(cell.kv_head, cell.layer, layer);
  }
  return increase;
}

std::vector<LocalStep> greedy_by_local_error(const PairTable& errors, const CacheGeometry& geometry, size_t ns,
                                             size_t nr) {
  SharingMap map = identity_map(geometry, ns, nr);
  std::vector<LocalStep> steps;
  double error = 0;
  for (auto cells = borrowable_cells(map, geometry); !cells.empty(); cells = borrowable_cells(map, geometry)) {
    const auto increase = [&](const Cell& cell) { return local_increase(errors, map, cell); };
    const Cell best = *std::ranges::min_element(cells, {}, increase);
    error += increase(best) / static_cast<double>(geometry.n_layers);
    borrow(map, best);
    steps.push_back({best, error});
  }
  return steps;
}

}  // namespace proxima
