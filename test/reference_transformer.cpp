// SPDX-License-Identifier: MIT
#include "test/reference_transformer.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "test/reference_attention.h"
#include "test/stored_matrix.h"

namespace proxima::reference {
namespace {

using Numbers = std::vector<double>;

Numbers values_of(const TensorView& view) {
  Numbers values(view.empty() ? 0 : view.n_elements());
  for (size_t k = 0; k < values.size(); ++k) {
    values[k] = test::decode(view.dtype, view.data + k * dtype_bytes(view.dtype));
  }
  return values;
}

double to_bf16(double x) {
  std::byte element[2];
  test::encode(x, DType::kBF16, element);
  return test::decode(DType::kBF16, element);
}

// YaRN, of the definition in its paper's code: 0 where pair i keeps its frequency, 1 where it is stretched.
double yarn_stretch(const RopeParameters& rope, size_t i) {
  const auto n_dims = static_cast<double>(rope.n_dims);
  const auto pair_of = [&](double turns) {
    const double wavelength = static_cast<double>(rope.original_max_position) / turns;
    return n_dims / 2 * std::log(wavelength / (2 * std::acos(-1.0))) / std::log(rope.theta);
  };
  const double low = std::max(0.0, std::floor(pair_of(rope.beta_fast)));
  const double high = std::min(n_dims - 1, std::ceil(pair_of(rope.beta_slow)));
  const double width = high == low ? 0.001 : high - low;
  return std::clamp((static_cast<double>(i) - low) / width, 0.0, 1.0);
}

// The frequency of pair i; see the definitions in Hugging Face's modeling_rope_utils.
double inverse_frequency(const RopeParameters& rope, size_t i, size_t prompt_length) {
  const auto n_dims = static_cast<double>(rope.n_dims);
  const auto length = static_cast<double>(prompt_length), max_position = static_cast<double>(rope.max_position);
  double theta = rope.theta;
  if (rope.kind == RopeKind::kDynamic && length > max_position) {
    theta *= std::pow(rope.factor * length / max_position - (rope.factor - 1), n_dims / (n_dims - 2));
  }
  const double plain = std::pow(theta, -2 * static_cast<double>(i) / n_dims);
  if (rope.kind == RopeKind::kLinear) return plain / rope.factor;
  if (rope.kind == RopeKind::kYarn) return plain * (1 - yarn_stretch(rope, i) * (1 - 1 / rope.factor));
  if (rope.kind == RopeKind::kLongrope) {
    return plain / (prompt_length > rope.original_max_position ? rope.long_factors : rope.short_factors)[i];
  }
  if (rope.kind != RopeKind::kLlama3) return plain;
  const double turns = static_cast<double>(rope.original_max_position) * plain / (2 * std::acos(-1.0));
  if (turns < rope.low_freq_factor) return plain / rope.factor;
  if (turns > rope.high_freq_factor) return plain;
  const double weight = (turns - rope.low_freq_factor) / (rope.high_freq_factor - rope.low_freq_factor);
  return (1 - weight) * plain / rope.factor + weight * plain;
}

double silu(double x) {
  return x / (1 + std::exp(-x));
}

double gelu_tanh(double x) {
  return x / 2 * (1 + std::tanh(std::sqrt(2 / std::acos(-1.0)) * (x + 0.044715 * x * x * x)));
}

class Pass {
 public:
  Pass(const Model& model, std::span<const TokenId> ids, const Options& options)
      : config_(model.config), weights_(model.weights), options_(options), n_(ids.size()) {
    const Numbers table = values_of(weights_.embed);
    for (const TokenId id : ids) {
      const auto row = table.begin() + static_cast<ptrdiff_t>(id * config_.hidden);
      residual_.insert(residual_.end(), row, row + static_cast<ptrdiff_t>(config_.hidden));
    }
    for (double& x : residual_) x *= config_.embed_scale;
    if (options_.prompt_length == 0) options_.prompt_length = n_;
    if (options_.keep_scores) result_.scores.assign(config_.n_layers, Numbers(config_.n_heads * n_ * n_));
  }

  Result run() {
    result_.hidden.push_back(residual_);
    for (size_t layer = 0; layer < config_.n_layers; ++layer) {
      attention_block(layer);
      mlp_block(layer);
      if (layer + 1 < config_.n_layers) result_.hidden.push_back(residual_);
    }
    const Numbers last = norm(residual_, weights_.final_norm);
    result_.hidden.push_back(last);
    result_.logits = linear(last, weights_.lm_head);
    for (double& x : result_.logits) {
      if (config_.logit_softcap > 0) x = config_.logit_softcap * std::tanh(x / config_.logit_softcap);
    }
    return std::move(result_);
  }

 private:
  // Of each row of as many elements as there are weights: a token's, or a head's; x itself without weights.
  Numbers norm(Numbers x, const TensorView& stored_weight) const {
    const Numbers weight = values_of(stored_weight);
    const size_t width = weight.size();
    for (size_t begin = 0; width > 0 && begin < x.size(); begin += width) {
      double squares = 0;
      for (size_t i = 0; i < width; ++i) squares += x[begin + i] * x[begin + i];
      const double root = std::sqrt(squares / static_cast<double>(width) + config_.rms_norm_eps);
      for (size_t i = 0; i < width; ++i) x[begin + i] *= (config_.norm_offset + weight[i]) / root;
    }
    return x;
  }

  Numbers linear(const Numbers& x, const LinearWeights& stored) const {
    const Numbers weight = values_of(stored.weight), bias = values_of(stored.bias);
    const size_t n_out = stored.weight.shape[0], n_in = stored.weight.shape[1];
    Numbers input = x;
    for (double& element : input) element = options_.round_bf16 ? to_bf16(element) : element;
    Numbers y(n_ * n_out);
    for (size_t t = 0; t < n_; ++t) {
      for (size_t o = 0; o < n_out; ++o) {
        double sum = 0;
        for (size_t i = 0; i < n_in; ++i) sum += weight[o * n_in + i] * input[t * n_in + i];
        y[t * n_out + o] = sum + (bias.empty() ? 0 : bias[o]);
      }
    }
    return y;
  }

  void rotate(Numbers& x, size_t n_heads, const RopeParameters& rope) const {
    const size_t half = rope.n_dims / 2;
    for (size_t t = 0; t < n_; ++t) {
      for (size_t i = 0; i < half; ++i) {
        const double angle = static_cast<double>(t) * inverse_frequency(rope, i, options_.prompt_length);
        const double cosine = rope.attention_factor * std::cos(angle), sine = rope.attention_factor * std::sin(angle);
        for (size_t head = 0; head < n_heads; ++head) {
          double* pair = x.data() + (t * n_heads + head) * config_.head_dim + i;
          const double a = pair[0], b = pair[half];
          pair[0] = a * cosine - b * sine;
          pair[half] = b * cosine + a * sine;
        }
      }
    }
  }

  // [T, n_kv_heads, head_dim] -> [n_kv_heads, T, head_dim], rounded where the cache rounds.
  Numbers stored(const Numbers& x) const {
    const size_t heads = config_.n_kv_heads, width = config_.head_dim;
    Numbers y(x.size());
    for (size_t t = 0; t < n_; ++t) {
      for (size_t head = 0; head < heads; ++head) {
        const double* source = x.data() + (t * heads + head) * width;
        double* kept = y.data() + (head * n_ + t) * width;
        std::copy_n(source, width, kept);
        const auto dtype = options_.kv_dtype     ? options_.kv_dtype
                           : options_.round_bf16 ? std::optional(DType::kBF16)
                                                 : std::nullopt;
        if (!dtype) continue;
        std::vector<std::byte> row(row_bytes(*dtype, width));
        test::encode_row(source, width, *dtype, row.data());
        std::ranges::copy(test::decode_row(*dtype, row.data(), width), kept);
      }
    }
    return y;
  }

  const double* row(const std::vector<Numbers>& cache, size_t layer, size_t head, size_t position) const {
    return cache[layer].data() + (head * n_ + position) * config_.head_dim;
  }

  // Of query head `head` at position i of a layer.
  Numbers attention(const double* q, size_t layer, size_t head, size_t i) {
    const size_t kv_head = head / (config_.n_heads / config_.n_kv_heads);
    const size_t window = config_.layers[layer].window;
    KeyValueRows proximal, distant;
    std::vector<size_t> near_positions, positions;
    size_t lowest = layer;
    if (options_.pod != nullptr) {
      for (const size_t start : options_.pod->block_starts[kv_head]) lowest = start <= layer ? start : lowest;
    }
    for (size_t j = i - std::min(i, window - 1); j <= i; ++j) {
      const bool is_distant = options_.pod != nullptr && j >= options_.pod->ns && j + options_.pod->nr <= i;
      const double* value = row(result_.values, layer, kv_head, j);
      if (is_distant) {
        distant.add(row(result_.keys, lowest, kv_head, j), value);
        positions.push_back(j);
      } else {
        proximal.add(row(result_.keys, layer, kv_head, j), value);
        near_positions.push_back(j);
      }
    }
    const Softmax softmax =
        attend_gated(q, proximal, distant, config_.head_dim, config_.attention_scale, config_.attention_softcap);
    positions.insert(positions.begin(), near_positions.begin(), near_positions.end());
    for (size_t key = 0; options_.keep_scores && key < positions.size(); ++key) {
      result_.scores[layer][(head * n_ + i) * n_ + positions[key]] = softmax.weights[key];
    }
    return softmax.out;
  }

  // Of all heads at position i: keys that are met at another distance than their own by turning both from the start.
  Numbers attention_by_method(const Numbers& q, const Numbers& unrotated_q, size_t layer, size_t i) {
    const size_t group = config_.n_heads / config_.n_kv_heads, width = config_.head_dim;
    Numbers attended;
    for (size_t kv_head = 0; kv_head < config_.n_kv_heads; ++kv_head) {
      QueryPlace place{
          layer, kv_head, i, {}, [this](size_t l, size_t h, size_t j) { return row(result_.keys, l, h, j); }};
      const size_t first_head = i * config_.n_heads + kv_head * group;
      for (size_t g = 0; g < group; ++g) place.q.push_back(q.data() + (first_head + g) * width);
      std::vector<UsedKey> keys = options_.method->uses(place);
      std::erase_if(keys, [&](const UsedKey& key) { return i - key.position >= config_.layers[layer].window; });
      Numbers mean(keys.size());
      for (size_t g = 0; g < group; ++g) {
        const Softmax softmax = attend_used(place, g, unrotated_q.data() + (first_head + g) * width, keys);
        attended.insert(attended.end(), softmax.out.begin(), softmax.out.end());
        for (size_t k = 0; k < keys.size(); ++k) mean[k] += softmax.weights[k] / static_cast<double>(group);
      }
      options_.method->attended(place, keys, mean);
    }
    return attended;
  }

  Softmax attend_used(const QueryPlace& place, size_t g, const double* unrotated_q,
                      const std::vector<UsedKey>& keys) const {
    Numbers scores;
    for (const UsedKey& key : keys) scores.push_back(score(place, g, unrotated_q, key));
    const std::vector<bool> left_out = options_.method->leaves_out(place, g, keys, scores);
    for (size_t k = 0; k < left_out.size(); ++k) {
      if (left_out[k]) scores[k] = -std::numeric_limits<double>::infinity();
    }
    const double largest = *std::ranges::max_element(scores);
    Softmax result{Numbers(config_.head_dim), {}, 0};
    double sum = 0;
    for (const double each : scores) sum += std::exp(each - largest);
    for (size_t k = 0; k < keys.size(); ++k) {
      result.weights.push_back(std::exp(scores[k] - largest) / sum);
      const double* value = row(result_.values, keys[k].value_layer, place.kv_head, keys[k].position);
      for (size_t c = 0; c < config_.head_dim; ++c) result.out[c] += result.weights.back() * value[c];
    }
    return result;
  }

  double score(const QueryPlace& place, size_t g, const double* unrotated_q, const UsedKey& key) const {
    double product = 0;
    if (key.distance == place.query - key.position) {
      const double* k = row(result_.keys, key.key_layer, place.kv_head, key.position);
      for (size_t c = 0; c < config_.head_dim; ++c) product += place.q[g][c] * k[c];
    } else {
      const RopeParameters& rope = config_.layers[place.layer].rope;
      const Numbers q = rotated(unrotated_q, rope, key.distance);
      const Numbers k = rotated(row(unrotated_keys_, key.key_layer, place.kv_head, key.position), rope, 0);
      for (size_t c = 0; c < config_.head_dim; ++c) product += q[c] * k[c];
    }
    const double scaled = config_.attention_scale * product;
    return config_.attention_softcap > 0 ? config_.attention_softcap * std::tanh(scaled / config_.attention_softcap)
                                         : scaled;
  }

  Numbers rotated(const double* x, const RopeParameters& rope, size_t position) const {
    Numbers y(x, x + config_.head_dim);
    const size_t half = rope.n_dims / 2;
    for (size_t c = 0; c < half; ++c) {
      const double angle = static_cast<double>(position) * inverse_frequency(rope, c, options_.prompt_length);
      const double cosine = rope.attention_factor * std::cos(angle), sine = rope.attention_factor * std::sin(angle);
      y[c] = x[c] * cosine - x[c + half] * sine;
      y[c + half] = x[c + half] * cosine + x[c] * sine;
    }
    return y;
  }

  void attention_block(size_t index) {
    const LayerWeights& layer = weights_.layers[index];
    const Numbers x = norm(residual_, layer.attn_norm);
    Numbers q = norm(linear(x, layer.q), layer.q_norm), k = norm(linear(x, layer.k), layer.k_norm);
    const Numbers v = linear(x, layer.v);
    const Numbers unrotated_q = q;
    unrotated_keys_.push_back(stored(k));
    rotate(q, config_.n_heads, config_.layers[index].rope);
    rotate(k, config_.n_kv_heads, config_.layers[index].rope);
    result_.keys.push_back(stored(k));
    result_.values.push_back(stored(v));
    Numbers attended;
    for (size_t i = 0; options_.method != nullptr && i < n_; ++i) {
      const Numbers out = attention_by_method(q, unrotated_q, index, i);
      attended.insert(attended.end(), out.begin(), out.end());
    }
    for (size_t i = 0; options_.method == nullptr && i < n_; ++i) {
      for (size_t head = 0; head < config_.n_heads; ++head) {
        const Numbers out = attention(q.data() + (i * config_.n_heads + head) * config_.head_dim, index, head, i);
        attended.insert(attended.end(), out.begin(), out.end());
      }
    }
    result_.queries.push_back(q);
    result_.attention.push_back(linear(attended, layer.o));
    add_to_residual(norm(result_.attention.back(), layer.attn_post_norm));
  }

  void mlp_block(size_t index) {
    const LayerWeights& layer = weights_.layers[index];
    const Numbers x = norm(residual_, layer.mlp_norm);
    Numbers gate = linear(x, layer.gate);
    const Numbers up = linear(x, layer.up);
    const auto activation = config_.activation == Activation::kSilu ? silu : gelu_tanh;
    for (size_t k = 0; k < gate.size(); ++k) gate[k] = activation(gate[k]) * up[k];
    add_to_residual(norm(linear(gate, layer.down), layer.mlp_post_norm));
  }

  void add_to_residual(const Numbers& x) {
    for (size_t k = 0; k < x.size(); ++k) residual_[k] += x[k];
  }

  const ModelConfig& config_;
  const Weights& weights_;
  Options options_;
  size_t n_;
  Numbers residual_;
  std::vector<Numbers> unrotated_keys_;  // as result_.keys
  Result result_;
};

}  // namespace

Result run(const Model& model, std::span<const TokenId> ids, const Options& options) {
  return Pass(model, ids, options).run();
}

}  // namespace proxima::reference
