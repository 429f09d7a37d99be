// SPDX-License-Identifier: MIT
// What a training run reports: one line of JSON a step, a curve of it all, a line of progress.
#pragma once

#include <cstddef>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

namespace proxima {

// Sums over predicted tokens of one kind.
struct TokenScore {
  double entropy = 0;  // nats
  size_t n_correct = 0;
  size_t n = 0;

  void add(const TokenScore& other);
  double mean_entropy() const { return entropy / static_cast<double>(n); }
  double accuracy() const { return static_cast<double>(n_correct) / static_cast<double>(n); }
};

struct StepReport {
  size_t step = 0;    // from 1
  size_t tokens = 0;  // read so far
  size_t stage = 0;   // from 1
  double learning_rate = 0;
  double loss = 0;  // what is minimised
  TokenScore text, first_answer, answer;
  double kl = 0;  // mean over all predicted tokens; 0 without a teacher
  double gradient_norm = 0;
  double seconds = 0;  // of the step

  std::string json() const;  // one line, kinds without tokens left out
};

class TrainLog {
 public:
  // Keeps what an earlier run reported up to `last_step`; 0 begins anew. Throws Error(kInput) for a file that is no
  // such log and Error(kOutput) for one that cannot be written.
  TrainLog(const std::filesystem::path& path, size_t last_step);

  void add(const StepReport& report);  // throws Error(kOutput)
  // Averages of the last steps, for people: "loss 2.31, first answer tokens 41 %, later ones 80 %".
  std::string recent() const;
  std::string curve(const std::string& title) const;  // SVG
  const std::vector<StepReport>& steps() const { return steps_; }

 private:
  std::filesystem::path path_;
  std::vector<StepReport> steps_;
  std::ofstream out_;
};

}  // namespace proxima
