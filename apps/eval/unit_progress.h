// SPDX-License-Identifier: MIT
// How far an evaluation of many equal parts has come, on standard error, and what an interrupt says.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <string>

namespace proxima {

class UnitProgress {
 public:
  // `what` is the plural of the parts: "windows".
  UnitProgress(std::string what, size_t n_units, bool quiet, std::string results_path);

  // Does one part, unless `is_done` says that an earlier run did, and reports. An interrupt inside is thrown on with
  // what has been reached and how to go on.
  void run(bool is_done, const std::function<void()>& part);

 private:
  void report();

  std::string what_;
  size_t n_units_;
  bool quiet_;
  std::string results_path_;
  size_t n_done_ = 0;
  size_t n_computed_ = 0;
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
  double last_report_ = 0;
};

}  // namespace proxima
