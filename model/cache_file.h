// SPDX-License-Identifier: MIT
// A sequence's cache as a file, to read a document once and ask many questions of it. One safetensors file:
//   metadata      format "proxima.kv/1"; fingerprints of weights, config, rope and tokenizer; precision, cache,
//                 key_dtype, value_dtype, map (the text of a sharing map, for pod); model (the folder); add_special;
//                 weight_type "int8" where they were quantized
//   input_ids     I64 [tokens]
//   prompt.before, prompt.after   U8: the text that was read, and what a chat template puts after a question
//   NAME          [rows, columns], for each store of KvCache::save(), such as layers.3.heads.0.keys
//   NAME.ranges   I64 [runs, 2]: first position and number of rows of each run of rows
// Only valid rows are saved. The file appears complete or not at all (core/output_file.h).
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "core/safetensors.h"
#include "kvcache/cache_factory.h"
#include "model/transformer.h"

namespace proxima {

// How the rows were computed and are kept.
struct CacheSettings {
  Precision precision = Precision::kFast;
  DType key_dtype = DType::kBF16;
  DType value_dtype = DType::kBF16;
  CacheChoice cache = {};
  bool int8_weights = false;

  bool operator==(const CacheSettings&) const = default;
};

// What was read, as tokens and, for those who go on with text, as text.
struct SavedPrompt {
  std::vector<TokenId> ids;
  std::string before;
  std::string after;
  bool add_special = true;  // the tokenizer adds its special tokens to before + question + after
};

// Writes a cache outside of prompts that holds prompt.ids; runs of rows go straight to the file. Throws Error(kOutput).
// Returns the bytes of keys and values.
size_t save_cache(const std::filesystem::path& path, const Model& model, const CacheSettings& settings,
                  const SavedPrompt& prompt, const KvCache& cache);

class CacheFile {
 public:
  // Throws Error(kInput) for a file that is damaged or no cache file.
  explicit CacheFile(const std::filesystem::path& path);

  const std::filesystem::path& path() const { return file_.path(); }
  const std::filesystem::path& model_dir() const { return model_dir_; }
  const CacheSettings& settings() const { return settings_; }
  const SavedPrompt& prompt() const { return prompt_; }

  // Throws Error(kInput), saying what differs, unless the model has the weights, config, rotation and tokenizer that
  // the rows were computed with and the map fits it.
  void check_model(const Model& model) const;

  // Makes the cache what it was when it was saved. Throws Error(kInput) for rows that are not those of such a cache.
  void restore(KvCache& cache) const;

 private:
  const std::string& text(std::string_view key) const;
  void read_settings();
  void read_prompt();
  void read_stores();
  std::vector<RowRun> runs_of(const std::string& name, const TensorView& rows) const;

  SafetensorsFile file_;
  std::filesystem::path model_dir_;
  CacheSettings settings_;
  SavedPrompt prompt_;
  std::vector<KeptRows> stores_;  // their data stays in the mapped file
};

}  // namespace proxima
