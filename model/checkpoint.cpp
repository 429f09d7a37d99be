// SPDX-License-Identifier: MIT
// Checkpoint: which files a folder's checkpoint consists of, and that they agree with the index.
#include <nlohmann/json.hpp>
#include <set>
#include <system_error>

#include "core/error.h"
#include "core/json_file.h"
#include "core/json_object.h"
#include "core/quote.h"
#include "model/problem_list.h"
#include "model/weights.h"

namespace proxima {

namespace {

constexpr const char* kSingleFile = "model.safetensors";
constexpr const char* kIndexFile = "model.safetensors.index.json";

using ShardOfTensor = std::map<std::string, std::string, std::less<>>;

bool is_there(const std::filesystem::path& path) {
  std::error_code ignored;  // an unreadable folder shows when a file in it is opened
  return std::filesystem::exists(path, ignored);
}

// A name that leads out of the folder would let a downloaded index open any file of the machine.
bool is_plain_name(const std::string& name) {
  return !name.empty() && name != "." && name != ".." && name.find_first_of(std::string_view("/\\\0", 3)) == name.npos;
}

ShardOfTensor read_index(const std::filesystem::path& path) {
  const auto json = read_json_file(path);
  JsonObject index(json, path.string());
  const auto* weight_map = index.find("weight_map");
  if (weight_map == nullptr) index.fail_at("weight_map", "is missing");
  if (!weight_map->is_object() || weight_map->empty()) {
    index.fail_at("weight_map", "must be an object that maps at least one tensor to its file");
  }
  ShardOfTensor shard_of;
  for (const auto& [tensor, shard] : weight_map->items()) {
    if (!shard.is_string() || !is_plain_name(shard.get_ref<const std::string&>())) {
      fail(ErrorKind::kInput, "{}: \"weight_map\": tensor {}: {} is not the name of a file in this folder",
           path.string(), quote(tensor), quote(shard.dump(-1, ' ', true)));
    }
    shard_of.emplace(tensor, shard.get<std::string>());
  }
  return shard_of;
}

std::set<std::string> find_shards(const std::filesystem::path& dir, const ShardOfTensor& shard_of) {
  std::set<std::string> shards;
  for (const auto& [tensor, shard] : shard_of) shards.insert(shard);
  ProblemList problems;
  for (const std::string& shard : shards) {
    if (!is_there(dir / shard)) problems.add("missing", quote(shard));
  }
  if (!problems.empty()) {
    fail(ErrorKind::kInput, "{}: files that the index names: {}. Get the complete checkpoint", dir.string(),
         problems.summary());
  }
  return shards;
}

void check_index(const std::filesystem::path& index_path, const ShardOfTensor& shard_of,
                 const std::vector<SafetensorsFile>& files) {
  ProblemList problems;
  std::set<std::pair<std::string_view, std::string>> found;
  for (const SafetensorsFile& file : files) {
    const std::string shard = file.path().filename().string();
    for (const auto& [tensor, view] : file.tensors()) {
      found.emplace(tensor, shard);
      const auto listed = shard_of.find(tensor);
      if (listed == shard_of.end()) {
        problems.add("in a file but not in the index", fmt::format("{} ({})", quote(tensor), shard));
      } else if (listed->second != shard) {
        problems.add("in another file than the index says",
                     fmt::format("{} ({}, not {})", quote(tensor), shard, listed->second));
      }
    }
  }
  for (const auto& [tensor, shard] : shard_of) {
    if (!found.contains({tensor, shard})) {
      problems.add("in the index but not in the file it names", fmt::format("{} ({})", quote(tensor), shard));
    }
  }
  if (!problems.empty()) {
    fail(ErrorKind::kInput, "{}: the index does not fit the files (stale?): tensors {}", index_path.string(),
         problems.summary());
  }
}

}  // namespace

Checkpoint::Checkpoint(const std::filesystem::path& dir) {
  const auto index_path = dir / kIndexFile;
  const bool has_single = is_there(dir / kSingleFile);
  if (!is_there(index_path)) {
    if (!has_single) {
      fail(ErrorKind::kInput, "{}: holds neither {} nor {}; other checkpoint formats are not read", dir.string(),
           kSingleFile, kIndexFile);
    }
    files_.emplace_back(dir / kSingleFile);
  } else {
    const auto shard_of = read_index(index_path);
    const auto shards = find_shards(dir, shard_of);
    if (has_single && !shards.contains(kSingleFile)) {
      fail(ErrorKind::kInput, "{}: holds both {} and an index that does not name it: remove the one that is not meant",
           dir.string(), kSingleFile);
    }
    for (const std::string& shard : shards) files_.emplace_back(dir / shard);
    check_index(index_path, shard_of, files_);
  }
  for (const SafetensorsFile& file : files_) tensors_.insert(file.tensors().begin(), file.tensors().end());
}

size_t Checkpoint::n_bytes() const {
  size_t total = 0;
  for (const auto& [name, view] : tensors_) total += view.n_bytes();
  return total;
}

}  // namespace proxima
