// SPDX-License-Identifier: MIT
#include "apps/damage_meter.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "apps/map_steps.h"
#include "core/error.h"

namespace proxima {
namespace {

DType activation_dtype(const MemoryRequest& request) {
  return request.precision == Precision::kF64 ? DType::kF64 : DType::kF32;
}

size_t longest(std::span<const ExploreSample> samples) {
  return std::ranges::max_element(samples, {}, [](const ExploreSample& each) { return each.ids.size(); })->ids.size();
}

TransformerLimits limits_of(const MemoryRequest& request, std::span<const ExploreSample> samples) {
  const size_t length = longest(samples);
  return {length, std::min(request.limits.max_chunk, length)};
}

CacheCapacity capacity_of(const MemoryRequest& request, size_t length) {
  return {length, std::min(request.limits.max_chunk, length), request.key_dtype, request.value_dtype};
}

// The first token that a map can change, or the first scored one if that comes earlier.
size_t first_changed(const ExploreSample& sample, size_t ns, size_t nr) {
  return std::min(ns + nr, sample.ids.size() - sample.n_scored);
}

size_t kept_residuals(size_t n_layers, size_t stride) {
  return (n_layers - 1) / stride;  // before layers stride, 2 stride, ...: before layer 0 stand the embeddings
}

}  // namespace

// What is known of one sample under the current map.
struct DamageMeter::Kept {
  KeyValueStore rows;
  std::vector<std::byte> residuals;  // [before layers stride, 2 stride, ..., tokens from the first changed on, hidden]
  std::vector<std::byte> logits;     // [n_scored, vocab] of the dense model; none for a task
};

// Takes residuals and logits of a run as the transformer hands them out.
class DamageMeter::Recorder final : public Observer {
 public:
  Recorder(DamageMeter& meter, size_t index, bool keep_residuals, bool keep_logits)
      : meter_(meter),
        sample_(meter.samples_[index]),
        kept_(meter.kept_[index]),
        index_(index),
        keep_residuals_(keep_residuals),
        keep_logits_(keep_logits),
        sums_(sample_.n_scored) {}

  bool wants(Point point, size_t layer) const override {
    if (point == Point::kLogits) return scoring_;
    return keep_residuals_ && point == Point::kResidPost && (layer + 1) % meter_.residual_stride_ == 0 &&
           layer + 1 < meter_.model_.config.n_layers;
  }

  void observe(const Observation& seen) override {
    const auto* rows = static_cast<const std::byte*>(seen.data);
    if (seen.point == Point::kLogits) return score(seen, rows);
    const size_t first = meter_.first_token(sample_);
    if (seen.first_position < first) return;  // chunks do not cross it
    const size_t row = seen.n_columns * dtype_bytes(seen.dtype);
    const size_t n_tokens = sample_.ids.size() - first;
    const size_t place = ((seen.layer + 1) / meter_.residual_stride_ - 1) * n_tokens + seen.first_position - first;
    std::memcpy(kept_.residuals.data() + place * row, rows, seen.n_rows * row);
  }

  // Logits are made only where a chunk is scored.
  void set_scoring(bool scoring) { scoring_ = scoring; }

  double sum() const {
    double total = 0;
    for (const double each : sums_) total += each;
    return total;
  }

 private:
  void score(const Observation& seen, const std::byte* rows) {
    const size_t row = seen.n_columns * dtype_bytes(seen.dtype);
    const size_t first = seen.first_position - (sample_.ids.size() - sample_.n_scored);
    if (keep_logits_) std::memcpy(kept_.logits.data() + first * row, rows, seen.n_rows * row);
#pragma omp parallel for schedule(static) num_threads(meter_.compute_.threads_for(seen.n_rows* seen.n_columns * 16))
    for (size_t i = 0; i < seen.n_rows; ++i) {
      sums_[first + i] = sample_.targets.empty() ? meter_.row_kl(index_, first + i, rows + i * row)
                                                 : meter_.row_loss(sample_, first + i, rows + i * row);
    }
  }

  DamageMeter& meter_;
  const ExploreSample& sample_;
  Kept& kept_;
  size_t index_;
  bool keep_residuals_;
  bool keep_logits_;
  bool scoring_ = false;
  std::vector<double> sums_;  // [n_scored], KL or loss of each row
};

DamageMeter::DamageMeter(const Model& model, const Compute& compute, const MemoryRequest& request,
                         std::span<const ExploreSample> samples, size_t ns, size_t nr, size_t residual_stride)
    : model_(model),
      compute_(compute),
      request_(request),
      samples_(samples),
      ns_(ns),
      nr_(nr),
      residual_stride_(residual_stride),
      dtype_(activation_dtype(request)),
      transformer_(Transformer::create(model, compute, request.precision, limits_of(request, samples))),
      cache_(cache_geometry(model.config), capacity_of(request, longest(samples))),
      trial_(cache_geometry(model.config), capacity_of(request, longest(samples))),
      identity_(identity_map(cache_geometry(model.config), ns, nr)) {}

DamageMeter::~DamageMeter() = default;

size_t DamageMeter::n_bytes(const ModelConfig& config, const MemoryRequest& request,
                            std::span<const ExploreSample> samples, size_t ns, size_t nr, size_t residual_stride) {
  const size_t element = dtype_bytes(activation_dtype(request));
  size_t bytes = 0;
  for (const ExploreSample& sample : samples) {
    const size_t n_tokens = sample.ids.size();
    const size_t n_changed = n_tokens - first_changed(sample, ns, nr);
    bytes += KeyValueStore::n_bytes(cache_geometry(config), capacity_of(request, n_tokens), n_tokens);
    bytes += kept_residuals(config.n_layers, residual_stride) * n_changed * config.hidden * element;
    if (sample.targets.empty()) bytes += sample.n_scored * config.vocab * element;
  }
  return bytes + static_cast<size_t>(request.n_threads) * 4 * config.vocab * sizeof(double);  // rows being compared
}

MeterPlan DamageMeter::plan(const ModelConfig& config, const MemoryRequest& request,
                            std::span<const ExploreSample> samples, size_t ns, size_t nr, size_t available) {
  MeterPlan plan;
  for (size_t stride = 1; stride <= config.n_layers; ++stride) {
    plan = {stride, n_bytes(config, request, samples, ns, nr, stride)};
    if (plan.bytes <= available) break;
  }
  return plan;
}

size_t DamageMeter::first_token(const ExploreSample& sample) const {
  return first_changed(sample, ns_, nr_);
}

double DamageMeter::layer_tokens(size_t first_layer) const {
  double sum = 0;
  for (const ExploreSample& sample : samples_) sum += static_cast<double>(sample.ids.size() - first_token(sample));
  return sum * static_cast<double>(model_.config.n_layers - entry_layer(first_layer));
}

void DamageMeter::read_dense(const GoOn& go_on, const OnProgress& on_progress) {
  const ModelConfig& config = model_.config;
  const size_t element = dtype_bytes(dtype_);
  double loss = 0, n_answer_tokens = 0, done = 0;
  kept_.clear();
  kept_.reserve(samples_.size());
  for (size_t index = 0; index < samples_.size(); ++index) {
    const ExploreSample& sample = samples_[index];
    const size_t n_changed = sample.ids.size() - first_token(sample);
    const bool is_text = sample.targets.empty();
    kept_.push_back({KeyValueStore(cache_geometry(config), capacity_of(request_, sample.ids.size())),
                     std::vector<std::byte>(kept_residuals(config.n_layers, residual_stride_) * n_changed *
                                            config.hidden * element),
                     std::vector<std::byte>(is_text ? sample.n_scored * config.vocab * element : 0)});
    Recorder recorder(*this, index, true, is_text);
    cache_.begin(identity_, kept_[index].rows, kept_[index].rows, 0, first_token(sample));
    cache_.clear();  // from token 0, but cut where later runs begin: in `fast` the cut shows in the last bits
    run_sample(index, 0, 0, recorder, go_on);
    if (!is_text) {
      loss += recorder.sum();
      n_answer_tokens += static_cast<double>(sample.n_scored);
    }
    done += static_cast<double>(sample.ids.size() * config.n_layers);
    on_progress(done);
  }
  dense_.task_loss = n_answer_tokens > 0 ? loss / n_answer_tokens : 0;
}

Damage DamageMeter::measure(const SharingMap& map, size_t first_layer, const GoOn& go_on) {
  return run_all(map, first_layer, false, go_on);
}

Damage DamageMeter::commit(const SharingMap& map, size_t first_layer, const GoOn& go_on) {
  return run_all(map, first_layer, true, go_on);
}

Damage DamageMeter::run_all(const SharingMap& map, size_t first_layer, bool keep, const GoOn& go_on) {
  const size_t entry = entry_layer(first_layer);
  double kl = 0, n_rows = 0, loss = 0, n_answer_tokens = 0;
  for (size_t index = 0; index < samples_.size(); ++index) {
    const ExploreSample& sample = samples_[index];
    KeyValueStore& base = kept_[index].rows;
    Recorder recorder(*this, index, keep, false);
    cache_.begin(map, base, keep ? base : trial_, entry, first_token(sample));
    run_sample(index, entry, first_token(sample), recorder, go_on);
    const bool is_text = sample.targets.empty();
    (is_text ? kl : loss) += recorder.sum();
    (is_text ? n_rows : n_answer_tokens) += static_cast<double>(sample.n_scored);
  }
  const Damage damage{n_rows > 0 ? kl / n_rows : 0,
                      n_answer_tokens > 0 ? loss / n_answer_tokens - dense_.task_loss : 0};
  if (!std::isfinite(damage.total())) {
    fail(ErrorKind::kNonFinite,
         "the logits of a map with s = {:.3f} are not finite; look for the first bad tensor "
         "with `dump`",
         map.borrowed_share());
  }
  return damage;
}

// Tokens from `begin` on, in chunks that end where changes and where scored positions begin.
void DamageMeter::run_sample(size_t index, size_t entry, size_t begin, Recorder& recorder, const GoOn& go_on) {
  const ExploreSample& sample = samples_[index];
  const size_t end = sample.ids.size(), first = first_token(sample), scored = end - sample.n_scored;
  const size_t row = model_.config.hidden * dtype_bytes(dtype_);
  transformer_->begin_sequence(end);
  for (size_t position = begin; position < end;) {
    if (!go_on()) fail(ErrorKind::kInterrupt, "interrupted while measuring");
    const size_t border = position < first ? first : position < scored ? scored : end;
    const size_t count = std::min(border - position, transformer_->limits().max_chunk);
    recorder.set_scoring(position >= scored);
    if (entry == 0) {
      transformer_->forward(std::span(sample.ids).subspan(position, count), cache_, false, &recorder);
    } else {
      const size_t place = (entry / residual_stride_ - 1) * (end - first) + position - first;
      transformer_->forward_from(entry, kept_[index].residuals.data() + place * row, count, cache_, false, &recorder);
    }
    position += count;
  }
}

// sum_v p_v (log p_v - log q_v) with p the dense model's distribution.
double DamageMeter::row_kl(size_t index, size_t row, const std::byte* logits) const {
  const size_t n = model_.config.vocab;
  const size_t width = (n + 15) / 16 * 16;
  const Arithmetic<double>& arithmetic = compute_.kernels->f64;
  const auto softmax = [&](const std::byte* source, std::vector<double>& x, std::vector<double>& p) {
    x.assign(width, -INFINITY);
    arithmetic.widen(source, dtype_, n, x.data());
    p = x;
    double largest = 0;
    const double sum = arithmetic.exponentials(p.data(), width, 1, &largest);
    arithmetic.scale(p.data(), n, 1 / sum);
    return largest + std::log(sum);
  };
  std::vector<double> x, p, y, q;
  const double log_p = softmax(kept_[index].logits.data() + row * n * dtype_bytes(dtype_), x, p);
  const double log_q = softmax(logits, y, q);
  double sum = 0;
  for (size_t i = 0; i < n; ++i) {
    if (p[i] > 0) sum += p[i] * ((x[i] - log_p) - (y[i] - log_q));
  }
  return sum;
}

double DamageMeter::row_loss(const ExploreSample& sample, size_t row, const std::byte* logits) const {
  const size_t n = model_.config.vocab;
  const Arithmetic<double>& arithmetic = compute_.kernels->f64;
  std::vector<double> x((n + 15) / 16 * 16, -INFINITY);
  arithmetic.widen(logits, dtype_, n, x.data());
  const double target = x[sample.targets[row]];
  double largest = 0;
  const double sum = arithmetic.exponentials(x.data(), x.size(), 1, &largest);
  return largest + std::log(sum) - target;
}

}  // namespace proxima
