// SPDX-License-Identifier: MIT
// The examples of Porter's paper, followed by hand through all steps, and NLTK's departures.
#include "apps/eval/porter_stemmer.h"

#include <gtest/gtest.h>

namespace proxima {
namespace {

struct Case {
  const char* word;
  const char* stem;
};

TEST(PorterStemmer, ExamplesOfThePaper) {
  const Case cases[] = {{"caresses", "caress"},    {"ponies", "poni"},        {"caress", "caress"},
                        {"cats", "cat"},           {"feed", "feed"},          {"agreed", "agre"},
                        {"plastered", "plaster"},  {"bled", "bled"},          {"motoring", "motor"},
                        {"sing", "sing"},          {"conflated", "conflat"},  {"troubled", "troubl"},
                        {"sized", "size"},         {"hopping", "hop"},        {"tanned", "tan"},
                        {"falling", "fall"},       {"hissing", "hiss"},       {"fizzed", "fizz"},
                        {"failing", "fail"},       {"filing", "file"},        {"happy", "happi"},
                        {"relational", "relat"},   {"conditional", "condit"}, {"rational", "ration"},
                        {"valenci", "valenc"},     {"digitizer", "digit"},    {"radicalli", "radic"},
                        {"vileli", "vile"},        {"analogousli", "analog"}, {"vietnamization", "vietnam"},
                        {"predication", "predic"}, {"operator", "oper"},      {"feudalism", "feudal"},
                        {"decisiveness", "decis"}, {"hopefulness", "hope"},   {"callousness", "callous"},
                        {"formaliti", "formal"},   {"sensitiviti", "sensit"}, {"sensibiliti", "sensibl"},
                        {"triplicate", "triplic"}, {"formative", "form"},     {"electriciti", "electr"},
                        {"electrical", "electr"},  {"goodness", "good"},      {"revival", "reviv"},
                        {"allowance", "allow"},    {"inference", "infer"},    {"airliner", "airlin"},
                        {"adjustable", "adjust"},  {"defensible", "defens"},  {"irritant", "irrit"},
                        {"replacement", "replac"}, {"adjustment", "adjust"},  {"dependent", "depend"},
                        {"adoption", "adopt"},     {"homologou", "homolog"},  {"communism", "commun"},
                        {"activate", "activ"},     {"effective", "effect"},   {"bowdlerize", "bowdler"},
                        {"probate", "probat"},     {"rate", "rate"},          {"cease", "ceas"},
                        {"controll", "control"},   {"roll", "roll"},          {"generalizations", "gener"},
                        {"oscillators", "oscil"}};
  for (const Case& each : cases) EXPECT_EQ(porter_stem(each.word), each.stem) << each.word;
}

TEST(PorterStemmer, DeparturesOfNltk) {
  const Case cases[] = {{"dying", "die"},       {"skies", "sky"},      {"news", "news"}, {"innings", "inning"},
                        {"succeed", "succeed"}, {"dies", "die"},       {"died", "die"},  {"flies", "fli"},
                        {"spied", "spi"},       {"enjoy", "enjoy"},    {"by", "by"},     {"sky", "sky"},
                        {"geologi", "geolog"},  {"hopefulli", "hope"}, {"say", "say"},   {"fly", "fli"}};
  for (const Case& each : cases) EXPECT_EQ(porter_stem(each.word), each.stem) << each.word;
}

}  // namespace
}  // namespace proxima
