// SPDX-License-Identifier: MIT
#include "apps/train/train_log.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <nlohmann/json.hpp>

#include "apps/plot_curve.h"
#include "core/error.h"
#include "core/json_file.h"
#include "core/output_file.h"

namespace proxima {
namespace {

using nlohmann::json;
using nlohmann::ordered_json;

constexpr size_t kRecentSteps = 20;
constexpr size_t kCurvePoints = 300;

void put(ordered_json& line, const char* name, const TokenScore& score) {
  if (score.n == 0) return;
  line[name] = {{"loss", score.mean_entropy()}, {"accuracy", score.accuracy()}, {"n", score.n}};
}

TokenScore score_of(const json& line, const char* name) {
  if (!line.contains(name)) return {};
  const json& score = line.at(name);
  const auto n = score.at("n").get<size_t>();
  const auto of_all = [&](const char* key) { return score.at(key).get<double>() * static_cast<double>(n); };
  return {of_all("loss"), static_cast<size_t>(of_all("accuracy") + 0.5), n};
}

StepReport report_of(const json& line) {
  StepReport report;
  report.step = line.at("step");
  report.tokens = line.at("tokens");
  report.stage = line.at("stage");
  report.learning_rate = line.at("learning_rate");
  report.loss = line.at("loss");
  report.text = score_of(line, "text");
  report.first_answer = score_of(line, "first_answer");
  report.answer = score_of(line, "answer");
  report.kl = line.value("kl", 0.0);
  report.gradient_norm = line.at("gradient_norm");
  report.seconds = line.at("seconds");
  return report;
}

// What stands after the last whole line is what a killed process left.
std::vector<StepReport> read_reports(const std::filesystem::path& path, size_t last_step) {
  std::vector<StepReport> reports;
  std::ifstream in(path);
  for (std::string line; std::getline(in, line) && !in.eof();) {
    const std::string where = fmt::format("{}:{}", path.string(), reports.size() + 1);
    try {
      reports.push_back(report_of(parse_json(line, where)));
    } catch (const json::exception&) {
      fail(ErrorKind::kInput, "{}: not a line that training reports; --restart begins anew", where);
    }
    if (reports.back().step >= last_step) break;
  }
  return reports;
}

// Sums of consecutive steps.
StepReport sum_of(const StepReport* first, const StepReport* last) {
  StepReport sum;
  const auto count = static_cast<double>(last - first);
  for (; first != last; ++first) {
    sum.tokens = first->tokens;
    sum.loss += first->loss / count;
    sum.text.add(first->text);
    sum.first_answer.add(first->first_answer);
    sum.answer.add(first->answer);
  }
  return sum;
}

}  // namespace

void TokenScore::add(const TokenScore& other) {
  entropy += other.entropy;
  n_correct += other.n_correct;
  n += other.n;
}

std::string StepReport::json() const {
  ordered_json line = {
      {"step", step}, {"tokens", tokens}, {"stage", stage}, {"learning_rate", learning_rate}, {"loss", loss}};
  put(line, "text", text);
  put(line, "first_answer", first_answer);
  put(line, "answer", answer);
  if (kl != 0) line["kl"] = kl;
  line["gradient_norm"] = gradient_norm;
  line["seconds"] = seconds;
  return line.dump();
}

TrainLog::TrainLog(const std::filesystem::path& path, size_t last_step) : path_(path) {
  if (last_step > 0) steps_ = read_reports(path, last_step);
  OutputFile kept(path);
  for (const StepReport& report : steps_) kept.append(report.json() + "\n");
  kept.finish();
  out_.open(path, std::ios::app);
}

void TrainLog::add(const StepReport& report) {
  steps_.push_back(report);
  out_ << report.json() + "\n" << std::flush;
  if (!out_) fail(ErrorKind::kOutput, "{}: cannot be written: {}", path_.string(), std::strerror(errno));
}

std::string TrainLog::recent() const {
  const size_t count = std::min(kRecentSteps, steps_.size());
  const StepReport sum = sum_of(steps_.data() + steps_.size() - count, steps_.data() + steps_.size());
  std::string text = fmt::format("loss {:.3f}", sum.loss);
  if (sum.text.n > 0) text += fmt::format(", text {:.3f}", sum.text.mean_entropy());
  if (sum.first_answer.n > 0) {
    text += fmt::format(", first answer tokens {:.1f} %", 100 * sum.first_answer.accuracy());
  }
  if (sum.answer.n > 0) text += fmt::format(", later ones {:.1f} %", 100 * sum.answer.accuracy());
  return text;
}

std::string TrainLog::curve(const std::string& title) const {
  CurvePlot plot;
  plot.title = title;
  plot.subtitle = "means over consecutive steps";
  plot.x_label = "tokens read, millions";
  plot.y_label = "loss, nats a token; share of answer tokens wrong";
  Series loss{"loss", {}, {}}, text{"text", {}, {}}, first{"first answer tokens wrong", {}, {}},
      later{"later answer tokens wrong", {}, {}};
  const size_t stride = steps_.size() / kCurvePoints + 1;
  for (size_t begin = 0; begin < steps_.size(); begin += stride) {
    const size_t end = std::min(begin + stride, steps_.size());
    const StepReport sum = sum_of(steps_.data() + begin, steps_.data() + end);
    const double x = static_cast<double>(sum.tokens) * 1e-6;
    loss.points.push_back({x, sum.loss});
    if (sum.text.n > 0) text.points.push_back({x, sum.text.mean_entropy()});
    if (sum.first_answer.n > 0) first.points.push_back({x, 1 - sum.first_answer.accuracy()});
    if (sum.answer.n > 0) later.points.push_back({x, 1 - sum.answer.accuracy()});
  }
  for (Series& series : {std::ref(loss), std::ref(text), std::ref(first), std::ref(later)}) {
    if (!series.points.empty()) plot.series.push_back(series);
  }
  return curve_svg(plot);
}

}  // namespace proxima
