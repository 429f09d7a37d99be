// SPDX-License-Identifier: MIT
#include "model/transformer.h"

#include <algorithm>
#include <cstring>
#include <stdexcept>
#include <type_traits>

#include "core/attention.h"
#include "core/error.h"
#include "core/products.h"
#include "core/threads.h"
#include "kvcache/skip_gate.h"
#include "model/activations.h"
#include "model/rotations.h"
#include "model/working_weights.h"

namespace proxima {
namespace {

// From here on the blocked attention's matrix products beat streaming the keys per few queries.
constexpr size_t kBlockedQueries = 16;

template <class T>
class TransformerOf final : public Transformer {
 public:
  TransformerOf(const Model& model, const Compute& compute, Precision precision, const TransformerLimits& limits)
      : model_(model),
        config_(model.config),
        compute_(compute),
        arithmetic_(compute.kernels->of<T>()),
        precision_(precision),
        limits_(limits),
        weights_(model, arithmetic_),
        products_(compute, precision),
        fixed_attention_(compute, precision, attention_shape(), limits.max_context),
        blocked_attention_(compute, attention_shape()),
        a_(config_, limits.max_chunk),
        views_(config_.n_kv_heads),
        rotations_(config_, limits.max_chunk) {
    last_logits_.resize(config_.vocab);
    begin_sequence(0);
  }

  const Model& model() const override { return model_; }
  Precision precision() const override { return precision_; }
  const TransformerLimits& limits() const override { return limits_; }
  std::span<const double> logits() const override { return last_logits_; }

  void begin_sequence(size_t prompt_length) override { rotations_.begin_sequence(prompt_length); }

  void forward(std::span<const TokenId> ids, KvCache& cache, bool want_logits, Observer* observer) override {
    check(ids);
    begin_chunk(ids.size(), cache, observer);
    embed(ids);
    run_layers(0, cache, want_logits);
  }

  void forward_from(size_t layer, const std::byte* residual, size_t n_rows, KvCache& cache, bool want_logits,
                    Observer* observer) override {
    begin_chunk(n_rows, cache, observer);
    std::memcpy(a_.residual.data(), residual, n_rows * config_.hidden * sizeof(T));
    run_layers(layer, cache, want_logits);
  }

 private:
  AttentionShape attention_shape() const {
    return {config_.n_heads, config_.n_kv_heads, config_.head_dim, config_.attention_scale, config_.attention_softcap};
  }

  void check(std::span<const TokenId> ids) const {
    for (const TokenId id : ids) {
      if (id >= config_.vocab) {
        fail(ErrorKind::kUsage,
             "token id {} is outside the vocabulary of {}; were the ids made with this model's tokenizer?", id,
             config_.vocab);
      }
    }
  }

  void begin_chunk(size_t n_rows, const KvCache& cache, Observer* observer) {
    if (n_rows == 0 || n_rows > limits_.max_chunk) throw std::logic_error("a chunk is 1 to max_chunk tokens");
    const size_t max_context = std::min(limits_.max_context, cache.capacity().max_context);
    if (cache.n_tokens() + n_rows > max_context) {
      fail(ErrorKind::kContext, "{} tokens do not fit the context of {}", cache.n_tokens() + n_rows, max_context);
    }
    observer_ = observer;
    n_rows_ = n_rows;
    first_ = cache.n_tokens();
    rotations_.turn(first_, n_rows_, cache.query_cap());
    a_.capped_q.resize(cache.query_cap() == SIZE_MAX ? 0 : a_.q.size());
  }

  void run_layers(size_t first_layer, KvCache& cache, bool want_logits) {
    for (size_t layer = first_layer; layer < weights_.layers.size(); ++layer) {
      attention_block(layer, cache);
      mlp_block(layer);
    }
    final_block(want_logits);
  }

  void embed(std::span<const TokenId> ids) {
    const Matrix table = Matrix::from(model_.weights.embed);
    for (size_t row = 0; row < n_rows_; ++row) {
      arithmetic_.widen(table.rows.from(ids[row]).data, table.rows.dtype, config_.hidden,
                        a_.residual.data() + row * config_.hidden);
    }
    if (config_.embed_scale != 1) {
      arithmetic_.scale(a_.residual.data(), n_rows_ * config_.hidden, static_cast<T>(config_.embed_scale));
    }
    observe(Point::kEmbed, 0, a_.residual, config_.hidden);
  }

  void attention_block(size_t index, KvCache& cache) {
    const WorkingLayer<T>& layer = weights_.layers[index];
    norm(layer.attn_norm, a_.residual, a_.normed);
    observe(Point::kAttnNorm, index, a_.normed, config_.hidden);
    const bool has_keys = cache.appends(index);
    if (has_keys) {
      multiply(a_.normed, {layer.q.into(a_.q), layer.k.into(a_.k), layer.v.into(a_.v)});
    } else {
      multiply(a_.normed, {layer.q.into(a_.q)});
    }
    norm_heads(layer.q_norm, config_.n_heads, a_.q);
    observe(Point::kQ, index, a_.q, config_.n_heads * config_.head_dim);
    if (has_keys) {
      norm_heads(layer.k_norm, config_.n_kv_heads, a_.k);
      observe(Point::kK, index, a_.k, config_.n_kv_heads * config_.head_dim);
      observe(Point::kV, index, a_.v, config_.n_kv_heads * config_.head_dim);
    }
    rotate_queries(index);
    if (has_keys) remember(index, cache);
    attend(index, cache);
    multiply(a_.attended, {layer.o.into(a_.projected)});
    observe(Point::kAttnOut, index, a_.projected, config_.hidden);
    add_to_residual(layer.attn_post_norm);
    observe(Point::kResidMid, index, a_.residual, config_.hidden);
  }

  void mlp_block(size_t index) {
    const WorkingLayer<T>& layer = weights_.layers[index];
    norm(layer.mlp_norm, a_.residual, a_.normed);
    multiply(a_.normed, {layer.gate.into(a_.gate), layer.up.into(a_.up)});
    const auto gated = config_.activation == Activation::kSilu ? arithmetic_.silu_mul : arithmetic_.gelu_mul;
    for_rows([&](size_t row) {
      gated(a_.gate.data() + row * config_.intermediate, a_.up.data() + row * config_.intermediate,
            config_.intermediate);
    });
    multiply(a_.gate, {layer.down.into(a_.projected)});
    observe(Point::kMlpOut, index, a_.projected, config_.hidden);
    add_to_residual(layer.mlp_post_norm);
    observe(Point::kResidPost, index, a_.residual, config_.hidden);
  }

  void final_block(bool want_logits) {
    const bool all = observer_ != nullptr && observer_->wants(Point::kLogits, 0);
    if (!want_logits && !all && (observer_ == nullptr || !observer_->wants(Point::kFinalNorm, 0))) return;
    norm(weights_.final_norm, a_.residual, a_.normed);
    observe(Point::kFinalNorm, 0, a_.normed, config_.hidden);
    size_t row = all ? 0 : n_rows_ - 1;
    if (!want_logits && !all) return;
    for (size_t count = 0; row < n_rows_; row += count) {
      count = std::min(kLogitRows, n_rows_ - row);
      products_.linear(a_.normed.data() + row * config_.hidden, count, {weights_.lm_head.into(a_.logits)});
      if (config_.logit_softcap > 0) {
        arithmetic_.softcap(a_.logits.data(), count * config_.vocab, 1, static_cast<T>(config_.logit_softcap));
      }
      if (all) {
        observer_->observe(
            {Point::kLogits, 0, first_ + row, count, config_.vocab, DTypeOf<T>::value, a_.logits.data()});
      }
      std::copy_n(a_.logits.data() + (count - 1) * config_.vocab, config_.vocab, last_logits_.data());
    }
  }

  // ---- steps --------------------------------------------------------------------------------------------------------

  template <class F>
  void for_rows(F f) const {
    for_each_index(compute_.threads_for(n_rows_ * config_.hidden), n_rows_, f);
  }

  void multiply(const AlignedVector<T>& x, std::initializer_list<Product<T>> products) {
    products_.linear(x.data(), n_rows_, products);
  }

  void norm(const std::vector<T>& weight, const AlignedVector<T>& x, AlignedVector<T>& y) const {
    for_rows([&](size_t row) {
      arithmetic_.rmsnorm(x.data() + row * config_.hidden, weight.data(), static_cast<T>(config_.rms_norm_eps),
                          config_.hidden, y.data() + row * config_.hidden);
    });
  }

  // Normalises each head of x [C, n_heads * head_dim] in place; nothing without a weight.
  void norm_heads(const std::vector<T>& weight, size_t n_heads, AlignedVector<T>& x) const {
    if (weight.empty()) return;
    for_rows([&](size_t row) {
      for (size_t head = 0; head < n_heads; ++head) {
        T* values = x.data() + (row * n_heads + head) * config_.head_dim;
        arithmetic_.rmsnorm(values, weight.data(), static_cast<T>(config_.rms_norm_eps), config_.head_dim, values);
      }
    });
  }

  // Of row -> angles.
  template <class AnglesOf>
  void rotate(size_t n_heads, AlignedVector<T>& x, AnglesOf angles_of) const {
    for_rows([&](size_t row) {
      const auto [cosines, sines, half] = angles_of(row);
      for (size_t head = 0; head < n_heads; ++head) {
        arithmetic_.rotate(x.data() + (row * n_heads + head) * config_.head_dim, cosines, sines, half);
      }
    });
  }

  void rotate_queries(size_t layer) {
    if (!a_.capped_q.empty()) {
      std::copy_n(a_.q.begin(), n_rows_ * config_.n_heads * config_.head_dim, a_.capped_q.begin());
      rotate(config_.n_heads, a_.capped_q, [&](size_t row) { return rotations_.capped(layer, row); });
    }
    rotate(config_.n_heads, a_.q, [&](size_t row) { return rotations_.at(layer, row); });
    observe(Point::kQRope, layer, a_.q, config_.n_heads * config_.head_dim);
  }

  // Keys and values are rounded to the cache's dtype here, and everything downstream reads them as stored.
  void remember(size_t layer, KvCache& cache) {
    const size_t n_elements = n_rows_ * config_.n_kv_heads * config_.head_dim;
    const CacheCapacity& capacity = cache.capacity();
    if (cache.wants_unrotated_keys()) {
      arithmetic_.narrow(a_.k.data(), n_elements, capacity.key_dtype, a_.stored_keys.data());
      cache.append_unrotated(layer, n_rows_, a_.stored_keys.data());
    }
    rotate(config_.n_kv_heads, a_.k, [&](size_t row) { return rotations_.at(layer, row); });
    observe(Point::kKRope, layer, a_.k, config_.n_kv_heads * config_.head_dim);
    arithmetic_.narrow(a_.k.data(), n_elements, capacity.key_dtype, a_.stored_keys.data());
    arithmetic_.narrow(a_.v.data(), n_elements, capacity.value_dtype, a_.stored_values.data());
    cache.append(layer, n_rows_, a_.stored_keys.data(), a_.stored_values.data());
  }

  void attend(size_t layer, KvCache& cache) {
    if (cache.wants_queries(layer, n_rows_)) {
      cache.take_queries(layer, {compute_.kernels, DTypeOf<T>::value, a_.q.data(), config_.n_heads});
    }
    for (size_t head = 0; head < config_.n_kv_heads; ++head) show(layer, head, cache);
    skips_.clear();
    if (SkipGate* gate = cache.skip_gate()) decide_skips(layer, cache, *gate);
    const QueryRows<T> queries = queries_of_row(0);
    if (is_blocked()) {
      if constexpr (std::is_same_v<T, float>) {
        blocked_attention_.run(queries, n_rows_, first_, views_, a_.attended.data());
      }
    } else {
      fixed_attention_.run(queries, n_rows_, first_, views_, a_.attended.data());
    }
    hand_out_probabilities(layer, cache);
  }

  bool is_blocked() const {
    return std::is_same_v<T, float> && precision_ == Precision::kFast && n_rows_ >= kBlockedQueries;
  }

  QueryRows<T> queries_of_row(size_t row) const {
    const size_t offset = row * config_.n_heads * config_.head_dim;
    return {a_.q.data() + offset, a_.capped_q.empty() ? nullptr : a_.capped_q.data() + offset,
            skips_.empty() ? nullptr : skips_.data() + row * config_.n_heads};
  }

  void decide_skips(size_t layer, const KvCache& cache, SkipGate& gate) {
    const auto sums = [&](bool distant, auto is_needed) {
      std::vector<View> parts(views_.size());
      for (size_t head = 0; head < views_.size(); ++head) {
        if (!is_needed(head)) continue;
        cache.show_to_gate(layer, head, n_rows_, parts[head]);
        std::erase_if(parts[head], [&](const Segment& segment) { return segment.distant != distant; });
        mask(layer, parts[head]);
      }
      return softmax_sums(parts);
    };
    const auto proximal = sums(false, [&](size_t head) { return gate.needs_proximal(layer, head); });
    const auto distant = sums(true, [&](size_t head) { return gate.needs_distant(layer, head); });
    skips_.resize(n_rows_ * config_.n_heads);
    gate.decide(layer, first_, n_rows_, proximal, distant, *compute_.kernels, skips_);
  }

  std::vector<SoftmaxSums> softmax_sums(const std::vector<View>& views) {
    if (std::ranges::all_of(views, &View::empty)) return std::vector<SoftmaxSums>(n_rows_ * config_.n_heads);
    std::vector<T> max(n_rows_ * config_.n_heads), sum(max.size());
    fixed_attention_.softmax_sums({a_.q.data()}, n_rows_, first_, views, max.data(), sum.data());
    std::vector<SoftmaxSums> sums(max.size());
    for (size_t k = 0; k < sums.size(); ++k) sums[k] = {static_cast<double>(max[k]), static_cast<double>(sum[k])};
    return sums;
  }

  // The model's own mask comes first: the cache only chooses which key a visible position uses.
  void show(size_t layer, size_t head, const KvCache& cache) {
    cache.show(layer, head, n_rows_, views_[head]);
    mask(layer, views_[head]);
  }

  void mask(size_t layer, View& view) const {
    for (Segment& segment : view) segment.max_age = std::min(segment.max_age, config_.layers[layer].window);
  }

  void hand_out_probabilities(size_t layer, KvCache& cache) {
    for (size_t row = 0; row < n_rows_; ++row) {
      const size_t query = first_ + row;
      const bool to_observer = observer_ != nullptr && observer_->wants_scores(layer, query);
      const bool to_cache = cache.wants_probabilities(layer, query);
      if (!to_observer && !to_cache) continue;
      std::vector<T> scores(config_.n_heads * (query + 1));
      fixed_attention_.probabilities(queries_of_row(row), query, views_, scores.data());
      if (to_observer) {
        observer_->observe(
            {Point::kAttnScores, layer, query, config_.n_heads, query + 1, DTypeOf<T>::value, scores.data()});
      }
      if (to_cache) cache.take_probabilities(layer, query, std::vector<double>(scores.begin(), scores.end()));
    }
  }

  void add_to_residual(const std::vector<T>& post_norm) {
    if (!post_norm.empty()) norm(post_norm, a_.projected, a_.projected);
    for_rows([&](size_t row) {
      arithmetic_.add(a_.residual.data() + row * config_.hidden, a_.projected.data() + row * config_.hidden,
                      config_.hidden);
    });
  }

  void observe(Point point, size_t layer, const AlignedVector<T>& rows, size_t n_columns) {
    if (observer_ == nullptr || !observer_->wants(point, layer)) return;
    observer_->observe({point, layer, first_, n_rows_, n_columns, DTypeOf<T>::value, rows.data()});
  }

  const Model& model_;
  const ModelConfig& config_;
  Compute compute_;
  const Arithmetic<T>& arithmetic_;
  Precision precision_;
  TransformerLimits limits_;
  WorkingWeights<T> weights_;

  Products products_;
  FixedAttention<T> fixed_attention_;
  BlockedAttention blocked_attention_;
  Activations<T> a_;
  std::vector<View> views_;     // [n_kv_heads]
  std::vector<uint8_t> skips_;  // [C, n_heads], empty where the cache has no gate
  Rotations<T> rotations_;
  std::vector<double> last_logits_;

  // Of the chunk being run.
  Observer* observer_ = nullptr;
  size_t n_rows_ = 0;
  size_t first_ = 0;
};

}  // namespace

CacheGeometry cache_geometry(const ModelConfig& config) {
  CacheGeometry geometry{config.n_layers, config.n_kv_heads, config.head_dim, {}, {}};
  for (const LayerConfig& layer : config.layers) {
    const auto same = std::ranges::find(config.layers, layer);
    geometry.layer_class.push_back(static_cast<size_t>(same - config.layers.begin()));
    geometry.layer_window.push_back(layer.window);
  }
  return geometry;
}

DType default_cache_dtype(Precision precision) {
  switch (precision) {
    case Precision::kF64:
      return DType::kF64;
    case Precision::kF32:
      return DType::kF32;
    case Precision::kFast:
      return DType::kBF16;
  }
  return DType::kF32;
}

std::unique_ptr<Transformer> Transformer::create(const Model& model, const Compute& compute, Precision precision,
                                                 const TransformerLimits& limits) {
  if (precision == Precision::kF64) return std::make_unique<TransformerOf<double>>(model, compute, precision, limits);
  return std::make_unique<TransformerOf<float>>(model, compute, precision, limits);
}

}  // namespace proxima
