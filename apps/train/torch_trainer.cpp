// SPDX-License-Identifier: MIT
#include "apps/train/torch_trainer.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <torch/csrc/autograd/autograd.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <exception>
#include <numbers>

#include "apps/interrupt.h"
#include "apps/job_progress.h"
#include "apps/train/torch_checkpoint.h"
#include "apps/train/torch_llama.h"
#include "apps/train/torch_loss.h"
#include "apps/train/torch_optimizer.h"
#include "apps/train/torch_weights.h"
#include "apps/train/train_log.h"
#include "core/error.h"
#include "core/output_file.h"

namespace proxima {
namespace {

// Tokens of one forward and backward pass, at least one sample: small enough for a core's cache. Each pass runs on one
// thread, several at a time, and gradients are added in the order of samples: the sum has the same bits for any number
// of threads.
constexpr size_t kPassTokens = 512;

// What one pass finds beside gradients.
struct PassReport {
  double loss = 0;
  double kl = 0;
  TokenScore text, first_answer, answer;

  void add(const PassReport& other) {
    loss += other.loss;
    kl += other.kl;
    text.add(other.text);
    first_answer.add(other.first_answer);
    answer.add(other.answer);
  }
  TokenScore* of(TokenRole role) {
    switch (role) {
      case TokenRole::kContext:
        return nullptr;
      case TokenRole::kText:
        return &text;
      case TokenRole::kFirstAnswer:
        return &first_answer;
      case TokenRole::kAnswer:
        return &answer;
    }
    return nullptr;
  }
};

class TrainingRun {
 public:
  explicit TrainingRun(const TrainingJob& job)
      : job_(job),
        settings_(job.settings),
        products_(settings_.bf16 ? ProductType::kBf16 : ProductType::kOwn),
        llama_(job.config, {products_, products_}),
        weights_(job.model != nullptr ? TorchWeights(*job.model, job.lora, settings_.seed, at::kFloat)
                                      : TorchWeights(job.config, job.initializer_range, settings_.seed, at::kFloat)),
        optimizer_(settings_, weights_.flat(), weights_.n_decayed()),
        gradient_(at::zeros_like(weights_.flat())),
        average_(at::zeros_like(weights_.flat().narrow(0, 0, settings_.average > 0 ? weights_.flat().numel() : 0))),
        checkpoint_(job.state / "checkpoint.safetensors", job.identity) {
    if (settings_.teacher > 0 && !job.lora) teacher_.emplace(*job.model, std::nullopt, settings_.seed, at::kFloat);
    if (weights_.leaves().empty()) fail(ErrorKind::kUsage, "nothing is trained: no matrix has one of the LoRA modules");
    for (const TrainStage& stage : settings_.stages) {
      n_steps_ += stage.n_steps();
      n_tokens_ += stage.n_steps() * stage.tokens_per_step();
    }
  }

  TrainingResult run(const std::filesystem::path& weights) {
    restore();
    TrainLog log(training_log(job_.state), state_.step);
    JobProgress progress(job_.quiet ? ProgressMode::kNone : job_.progress, "training");
    const auto show = [&] {
      progress.update(static_cast<double>(state_.tokens), static_cast<double>(n_tokens_), detail(log));
    };
    show();
    auto saved = Clock::now();
    while (state_.step < n_steps_) {
      log.add(step());
      show();
      const bool stop = interrupted();
      if (!stop && state_.step < n_steps_ && seconds_since(saved) < settings_.save_seconds) continue;
      save(log);
      saved = Clock::now();
      if (stop && state_.step < n_steps_) {
        fail(ErrorKind::kInterrupt, "interrupted after step {} of {}, {} tokens; the same command goes on from there",
             state_.step, n_steps_, state_.tokens);
      }
    }
    if (settings_.average > 0) {
      const at::NoGradGuard no_gradients;
      weights_.flat().copy_(average_);
    }
    weights_.write(weights, job_.dtype);
    return {state_.step, state_.tokens, static_cast<size_t>(weights_.flat().numel()), state_.seconds, log.recent()};
  }

 private:
  using Clock = std::chrono::steady_clock;
  static double seconds_since(Clock::time_point start) {
    return std::chrono::duration<double>(Clock::now() - start).count();
  }

  // All that changes from step to step.
  std::vector<TrainingTensor> tensors() {
    return {{"weights", weights_.flat()},
            {"mean", optimizer_.mean()},
            {"square", optimizer_.square()},
            {"average", average_}};
  }

  void restore() {
    if (job_.restart || !checkpoint_.exists()) return;
    state_ = checkpoint_.read(tensors());
    if (!job_.quiet) fmt::print(stderr, "proxima: goes on after step {} of {}\n", state_.step, n_steps_);
  }

  void save(const TrainLog& log) {
    checkpoint_.write(state_, tensors());
    write_text_file(training_curve(job_.state), log.curve("Training"));
  }

  std::string detail(const TrainLog& log) const {
    const double speed = state_.seconds > 0 ? static_cast<double>(state_.tokens) / state_.seconds : 0;
    return fmt::format("step {} of {}, {}, {:.0f} tokens/s", state_.step, n_steps_,
                       log.steps().empty() ? "begins" : log.recent(), speed);
  }

  // The stage of the next step.
  const TrainStage& stage(size_t& number) const {
    size_t step = state_.step;
    number = 0;
    while (step >= settings_.stages[number].n_steps()) step -= settings_.stages[number++].n_steps();
    return settings_.stages[number];
  }

  // A linear rise, then half a cosine down to final_rate, over all stages.
  double rate(const TrainStage& stage) const {
    const double at = static_cast<double>(state_.step), total = static_cast<double>(n_steps_);
    const double rise = std::floor(settings_.warm_up * total);
    if (at < rise) return stage.learning_rate * (at + 1) / (rise + 1);
    const double way = (at - rise) / std::max(total - rise, 1.0);
    const double height = (1 + std::cos(std::numbers::pi * way)) / 2;
    return stage.learning_rate * (settings_.final_rate + (1 - settings_.final_rate) * height);
  }

  StepReport step() {
    const auto start = Clock::now();
    StepReport report;
    const TrainStage& stage = this->stage(report.stage);
    const auto samples = draw(stage);
    const PassReport sums = passes(samples, stage);
    if (!std::isfinite(sums.loss)) {
      fail(ErrorKind::kNonFinite,
           "the loss is no number in step {}; the last checkpoint is intact: lower the learning rate and use --restart",
           state_.step + 1);
    }
    report.learning_rate = rate(stage);
    report.gradient_norm = optimizer_.step(weights_.flat(), gradient_, state_.step + 1, report.learning_rate);
    ++state_.step;
    average_weights();
    state_.tokens += stage.tokens_per_step();
    state_.samples += samples.size();
    report.step = state_.step;
    report.tokens = state_.tokens;
    ++report.stage;
    report.loss = sums.loss;
    report.kl = sums.kl / static_cast<double>(std::max<size_t>(sums.text.n + sums.first_answer.n + sums.answer.n, 1));
    report.text = sums.text;
    report.first_answer = sums.first_answer;
    report.answer = sums.answer;
    report.seconds = seconds_since(start);
    state_.seconds += report.seconds;
    return report;
  }

  // Stochastic weight averaging (Izmailov et al., arXiv 1803.05407): the mean of the weights after the last steps.
  void average_weights() {
    const auto first = static_cast<size_t>((1 - settings_.average) * static_cast<double>(n_steps_));
    if (settings_.average == 0 || state_.step <= first) return;
    const at::NoGradGuard no_gradients;
    average_.lerp_(weights_.flat(), 1 / static_cast<double>(state_.step - first));
  }

  std::vector<Sample> draw(const TrainStage& stage) const {
    std::vector<Sample> samples(stage.samples_per_step());
    const auto draw_one = [&](size_t i) {
      const size_t index = state_.samples + i;
      samples[i] = stage.source->sample(index, stage.length);
      if (stage.positions == 0) return;
      RandomStream random(settings_.seed, fmt::format("positions {}", index));
      samples[i].positions = spread_positions(random, stage.length, stage.positions);
    };
    in_parallel(samples.size(), draw_one, [](size_t) {});
    return samples;
  }

  // Gradients of the weighted mean loss, into gradient_.
  PassReport passes(const std::vector<Sample>& samples, const TrainStage& stage) {
    const size_t per_pass = std::max<size_t>(kPassTokens / stage.length, 1);
    const size_t n_passes = (samples.size() + per_pass - 1) / per_pass;
    double total = 0;
    for (const Sample& sample : samples) {
      for (const TokenRole role : sample.roles) total += stage.roles.of(role);
    }
    gradient_.zero_();
    PassReport sums;
    std::vector<PassReport> reports(n_passes);
    std::vector<std::vector<at::Tensor>> gradients(n_passes);
    const auto add = [&](size_t i) {
      sums.add(reports[i]);
      int64_t offset = 0;
      for (at::Tensor& part : gradients[i]) {
        gradient_.narrow(0, offset, part.numel()).add_(part.view({-1}));
        offset += part.numel();
      }
      gradients[i].clear();
    };
    in_parallel(
        n_passes,
        [&](size_t i) {
          const size_t first = i * per_pass, count = std::min(per_pass, samples.size() - first);
          gradients[i] = pass({samples.data() + first, count}, stage, std::max(total, 1e-30), reports[i]);
        },
        add);
    return sums;
  }

  std::vector<at::Tensor> pass(std::span<const Sample> samples, const TrainStage& stage, double total,
                               PassReport& report) const {
    const auto n = static_cast<int64_t>(samples.size()), columns = static_cast<int64_t>(stage.length) - 1;
    const at::Tensor ids = at::empty({n, columns}, at::kLong), targets = at::empty({n * columns}, at::kLong),
                     weights = at::empty({n * columns}, at::kFloat);
    const at::Tensor positions = stage.positions > 0 ? at::empty({n, columns}, at::kDouble) : at::Tensor();
    std::vector<TokenRole> roles;
    for (size_t row = 0; row < samples.size(); ++row) {
      for (size_t i = 1; i < stage.length; ++i) {
        const size_t at = roles.size();
        ids.data_ptr<int64_t>()[at] = samples[row].ids[i - 1];
        targets.data_ptr<int64_t>()[at] = samples[row].ids[i];
        if (positions.defined()) positions.data_ptr<double>()[at] = static_cast<double>(samples[row].positions[i - 1]);
        roles.push_back(samples[row].roles[i]);
        weights.data_ptr<float>()[at] = static_cast<float>(stage.roles.of(roles.back()) / total);
      }
    }
    LossRequest request{targets, weights, settings_.truth, settings_.teacher, {}, {}, products_};
    if (settings_.teacher > 0) {
      const at::NoGradGuard no_gradients;
      const WeightOf frozen = job_.lora ? weights_.frozen() : teacher_->weight_of();
      request.teacher_hidden = llama_.hidden(frozen, ids, nullptr, positions);
      request.teacher_head = llama_.head(frozen);
    }
    const WeightOf weight = weights_.weight_of();
    LossReport found;
    const SharingMap* map = job_.map ? &*job_.map : nullptr;
    const at::Tensor loss = torch_loss(llama_.hidden(weight, ids, map, positions), llama_.head(weight), request, found);
    score(found, roles, loss, report);
    return torch::autograd::grad({loss}, weights_.leaves(), {}, c10::nullopt, false, true);
  }

  static void score(const LossReport& found, const std::vector<TokenRole>& roles, const at::Tensor& loss,
                    PassReport& report) {
    report.loss = loss.item<double>();
    if (found.kl.defined()) report.kl = found.kl.sum().item<double>();
    const auto* rows = found.rows.data_ptr<int64_t>();
    for (int64_t i = 0; i < found.rows.numel(); ++i) {
      TokenScore* score = report.of(roles[static_cast<size_t>(rows[i])]);
      if (score == nullptr) continue;
      score->add(
          {static_cast<double>(found.entropy.data_ptr<float>()[i]), found.correct.data_ptr<bool>()[i] ? 1U : 0U, 1});
    }
  }

  // Calls work(i) on several threads and then(i) one after the other in the order of i.
  template <class Work, class Then>
  void in_parallel(size_t n, const Work& work, const Then& then) const {
    std::exception_ptr failure;
    const int n_threads = static_cast<int>(std::min(settings_.n_threads, n));
#pragma omp parallel for ordered schedule(dynamic, 1) num_threads(n_threads)
    for (size_t i = 0; i < n; ++i) {
      std::exception_ptr own;
      try {
        work(i);
      } catch (...) {
        own = std::current_exception();
      }
#pragma omp ordered
      {
        if (own && !failure) failure = own;
        if (!failure) then(i);
      }
    }
    if (failure) std::rethrow_exception(failure);
  }

  const TrainingJob& job_;
  const TrainSettings& settings_;
  ProductType products_;
  TorchLlama llama_;
  TorchWeights weights_;
  std::optional<TorchWeights> teacher_;  // where the weights themselves change
  FlatAdamW optimizer_;
  at::Tensor gradient_;
  at::Tensor average_;  // of the weights; empty where none is asked for
  TorchCheckpoint checkpoint_;
  TrainingState state_;
  size_t n_steps_ = 0;
  size_t n_tokens_ = 0;
};

}  // namespace

TrainingResult torch_train(const TrainingJob& job, const std::filesystem::path& weights) {
  at::set_num_threads(1);  // of each operation; passes run beside each other
  try {
    return TrainingRun(job).run(weights);
  } catch (const c10::Error& error) {
    const std::string message = error.what_without_backtrace();
    if (message.find("memory") == std::string::npos) throw std::logic_error(message);
    fail(ErrorKind::kMemory, "out of memory while training; use shorter samples or fewer threads (-t)");
  }
}

}  // namespace proxima
