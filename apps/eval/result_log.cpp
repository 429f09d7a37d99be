// SPDX-License-Identifier: MIT
#include "apps/eval/result_log.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <nlohmann/json.hpp>

#include "apps/eval/settings.h"
#include "core/error.h"
#include "core/json_file.h"
#include "core/mapped_file.h"

namespace proxima {
namespace {

using nlohmann::ordered_json;

constexpr std::string_view kLineBegin = "{\"run\":\"";

[[noreturn]] void fail_at_line(const std::string& path, size_t number) {
  fail(ErrorKind::kInput, "{}:{}: is no line of a results file; name another file, this one is left as it is", path,
       number);
}

std::string dump(const ordered_json& value) {
  return value.dump(-1, ' ', false, ordered_json::error_handler_t::replace);
}

}  // namespace

ResultLog::ResultLog(const std::string& path) : path_(path) {
  if (path.empty()) return;
  descriptor_ = open(path.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
  if (descriptor_ < 0) fail(ErrorKind::kOutput, "{}: cannot be opened for writing: {}", path, std::strerror(errno));
  try {
    read_lines();
  } catch (...) {
    close(descriptor_);
    throw;
  }
}

ResultLog::~ResultLog() {
  if (descriptor_ >= 0) close(descriptor_);
}

void ResultLog::read_lines() {
  struct stat status {};
  if (fstat(descriptor_, &status) != 0 || !S_ISREG(status.st_mode)) {
    fail(ErrorKind::kOutput, "{}: results can be kept in a regular file only", path_);
  }
  if (status.st_size == 0) return;
  const MappedFile file(path_);
  const std::string_view text(reinterpret_cast<const char*>(file.bytes().data()), file.bytes().size());
  size_t number = 0;
  size_t begin = 0;
  for (size_t end = text.find('\n'); end != text.npos; begin = end + 1, end = text.find('\n', begin)) {
    ++number;
    const auto line = ordered_json::parse(text.substr(begin, end - begin), nullptr, false);
    const bool is_ours = line.is_object() && line.contains("run") && line["run"].is_string();
    const bool is_result = is_ours && line.contains("key") && line["key"].is_string() && line.contains("result");
    if (!is_result && !(is_ours && line.contains("settings"))) fail_at_line(path_, number);
    const std::string run = line["run"];
    if (is_result) {
      results_[{run, line.at("key").get<std::string>()}] = dump(line["result"]);
    } else {
      known_runs_.insert(run);
    }
  }
  if (begin == text.size()) return;
  const std::string_view rest = text.substr(begin, kLineBegin.size());
  if (begin == 0 ? rest != kLineBegin : !kLineBegin.starts_with(rest)) fail_at_line(path_, number + 1);
  fmt::print(stderr, "proxima: warning: {}: the last line is unfinished, its result is made again\n", path_);
  if (ftruncate(descriptor_, static_cast<off_t>(begin)) != 0) {
    fail(ErrorKind::kOutput, "{}: cannot be written: {}", path_, std::strerror(errno));
  }
}

const std::string& ResultLog::use(const ordered_json& settings) {
  run_ = text_digest(dump(settings));
  if (known_runs_.insert(run_).second) append(dump({{"run", run_}, {"settings", settings}}));
  return run_;
}

const std::string* ResultLog::find(const std::string& key) const {
  const auto found = results_.find({run_, key});
  return found == results_.end() ? nullptr : &found->second;
}

void ResultLog::add(const std::string& key, const ordered_json& result) {
  append(dump({{"run", run_}, {"key", key}, {"result", result}}));
  results_[{run_, key}] = dump(result);
}

void ResultLog::append(const std::string& line) {
  if (descriptor_ < 0) return;
  const std::string bytes = line + "\n";
  const off_t before = lseek(descriptor_, 0, SEEK_END);
  const ssize_t written = write(descriptor_, bytes.data(), bytes.size());
  if (written == static_cast<ssize_t>(bytes.size())) return;
  const int error = written < 0 ? errno : ENOSPC;
  [[maybe_unused]] const int cut = ftruncate(descriptor_, before);  // half a line is worse than none
  fail(ErrorKind::kOutput, "{}: could not be written: {}; the results before are kept", path_, std::strerror(error));
}

}  // namespace proxima
