// SPDX-License-Identifier: MIT
#include "apps/summarize.h"

#include <gtest/gtest.h>

#include <numeric>

#include "test/expect_error.h"

namespace proxima {
namespace {

using Ids = std::vector<TokenId>;

// 0 is BOS, 1..10 the document, 11..13 the instruction.
Ids cut(size_t limit, Overflow overflow) {
  Ids ids(14);
  std::iota(ids.begin(), ids.end(), 0U);
  const size_t n_cut = cut_document(ids, 1, 3, limit, overflow);
  EXPECT_EQ(n_cut + ids.size(), 14U);
  return ids;
}

TEST(CutDocument, TakesTokensOutOfTheDocumentOnly) {
  EXPECT_EQ(cut(14, Overflow::kHead).size(), 14U);
  EXPECT_EQ(cut(8, Overflow::kHead), (Ids{0, 7, 8, 9, 10, 11, 12, 13}));
  EXPECT_EQ(cut(8, Overflow::kTail), (Ids{0, 1, 2, 3, 4, 11, 12, 13}));
  EXPECT_EQ(cut(8, Overflow::kMiddle), (Ids{0, 1, 2, 9, 10, 11, 12, 13}));
  EXPECT_EQ(cut(5, Overflow::kMiddle), (Ids{0, 10, 11, 12, 13}));
}

TEST(CutDocument, RefusesToLoseTheWholeDocument) {
  test::expect_error(ErrorKind::kContext, "no room", [] { cut(4, Overflow::kHead); });
}

}  // namespace
}  // namespace proxima
