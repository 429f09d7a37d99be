// SPDX-License-Identifier: MIT
#include "apps/ids_file.h"

#include <nlohmann/json.hpp>

#include "core/error.h"
#include "core/json_file.h"
#include "core/quote.h"

namespace proxima {

std::vector<TokenId> read_ids(const std::string& path) {
  const nlohmann::json file = read_json_file(path);
  const bool wrapped = file.is_object() && file.contains("input_ids");
  const nlohmann::json& list = wrapped ? file["input_ids"] : file;
  if (!list.is_array()) {
    fail(ErrorKind::kInput, "{}: needs an array of token ids, or an object whose input_ids is one", path);
  }
  std::vector<TokenId> ids;
  for (const nlohmann::json& id : list) {
    if (!id.is_number_unsigned() || id.get<uint64_t>() > UINT32_MAX) {
      fail(ErrorKind::kUsage, "{}: element {} of the ids is {}, not a token id", path, ids.size(), quote(id.dump()));
    }
    ids.push_back(id.get<TokenId>());
  }
  if (ids.empty()) fail(ErrorKind::kUsage, "{}: holds no ids: the prompt is empty", path);
  return ids;
}

std::vector<TokenId> pseudo_random_ids(size_t n, size_t vocab) {
  std::vector<TokenId> ids;
  uint64_t state = 1;
  while (ids.size() < n) {
    state = state * 6364136223846793005U + 1442695040888963407U;
    ids.push_back(static_cast<TokenId>((state >> 33U) % vocab));
  }
  return ids;
}

}  // namespace proxima
