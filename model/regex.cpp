// SPDX-License-Identifier: MIT
#include "model/regex.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include <algorithm>
#include <new>

#include "core/error.h"
#include "core/quote.h"

namespace proxima {
namespace {

constexpr size_t kJitStackStart = size_t{32} << 10;
constexpr size_t kJitStackMax = size_t{64} << 20;
constexpr size_t kHeapLimitKib = size_t{128} << 10;
// A match may backtrack over its whole subject a few times (a run of spaces does) but not exponentially.
constexpr size_t kMatchLimitBase = 1000000;
constexpr size_t kMatchLimitPerByte = 16;

std::string message_of(int code) {
  PCRE2_UCHAR buffer[256];
  if (pcre2_get_error_message(code, buffer, sizeof(buffer)) < 0) return fmt::format("error {}", code);
  return reinterpret_cast<const char*>(buffer);
}

template <class T>
T* require(T* pointer) {
  if (pointer == nullptr) throw std::bad_alloc();
  return pointer;
}

}  // namespace

struct RegexScratch::Impl {
  pcre2_match_context* context = require(pcre2_match_context_create(nullptr));
  pcre2_match_data* data = require(pcre2_match_data_create(1, nullptr));
  pcre2_jit_stack* stack = pcre2_jit_stack_create(kJitStackStart, kJitStackMax, nullptr);

  Impl() {
    if (stack != nullptr) pcre2_jit_stack_assign(context, nullptr, stack);
    pcre2_set_heap_limit(context, kHeapLimitKib);
  }
  ~Impl() {
    if (stack != nullptr) pcre2_jit_stack_free(stack);
    pcre2_match_data_free(data);
    pcre2_match_context_free(context);
  }
};

RegexScratch::RegexScratch() : impl_(std::make_unique<Impl>()) {}
RegexScratch::~RegexScratch() = default;

struct Regex::Impl {
  std::string pattern;
  pcre2_code* code = nullptr;

  ~Impl() { pcre2_code_free(code); }
};

Regex::Regex(std::string_view pattern) : impl_(std::make_unique<Impl>()) {
  impl_->pattern = pattern;
  const std::string translated = translate_pattern(pattern);
  int error = 0;
  PCRE2_SIZE offset = 0;
  impl_->code = pcre2_compile(reinterpret_cast<PCRE2_SPTR>(translated.data()), translated.size(),
                              PCRE2_UTF | PCRE2_UCP | PCRE2_NEVER_BACKSLASH_C, &error, &offset, nullptr);
  if (impl_->code == nullptr) {
    fail(ErrorKind::kInput, "the regular expression {} does not compile: {}", quote(pattern), message_of(error));
  }
  pcre2_jit_compile(impl_->code, PCRE2_JIT_COMPLETE);  // without it pcre2_match interprets: the same result, slower
}
Regex::~Regex() = default;
Regex::Regex(Regex&&) noexcept = default;
Regex& Regex::operator=(Regex&&) noexcept = default;

std::optional<RegexMatch> Regex::find(std::string_view text, size_t from, RegexScratch& scratch) const {
  const size_t limit = kMatchLimitBase + kMatchLimitPerByte * std::min(text.size(), size_t{1} << 27);
  pcre2_set_match_limit(scratch.impl_->context, static_cast<uint32_t>(limit));
  const int n_groups = pcre2_match(impl_->code, reinterpret_cast<PCRE2_SPTR>(text.data()), text.size(), from,
                                   PCRE2_NO_UTF_CHECK, scratch.impl_->data, scratch.impl_->context);
  if (n_groups == PCRE2_ERROR_NOMATCH) return std::nullopt;
  if (n_groups < 0) {
    fail(ErrorKind::kInput, "the regular expression {} gives up on this text: {}", quote(impl_->pattern),
         message_of(n_groups));
  }
  const PCRE2_SIZE* offsets = pcre2_get_ovector_pointer(scratch.impl_->data);
  return RegexMatch{offsets[0], offsets[1]};
}

}  // namespace proxima
