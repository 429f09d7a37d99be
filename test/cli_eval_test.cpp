// SPDX-License-Identifier: MIT
// `proxima eval ppl` and `kld` against the slow forward pass in double, and what becomes of interrupts and bad input.
#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "model/tokenizer.h"
#include "model/transformer.h"
#include "test/cli.h"
#include "test/reference_transformer.h"

namespace proxima {
namespace {

using nlohmann::json;

const std::string kText =
    "The boats came back at noon with little to show for the night. Somebody had seen a light on the far shore, and "
    "nobody could say whose it was. By evening the wind had turned and the harbour was quiet again, as it had been.";

// -log p of the logits' row for one token, without any trick.
double slow_nll(const double* logits, size_t vocab, size_t token) {
  long double sum = 0;
  for (size_t i = 0; i < vocab; ++i) sum += std::exp(static_cast<long double>(logits[i]));
  return static_cast<double>(std::log(sum) - static_cast<long double>(logits[token]));
}

double slow_kld(const double* base, const double* got, size_t vocab) {
  double sum = 0;
  for (size_t i = 0; i < vocab; ++i) {
    const double log_p = -slow_nll(base, vocab, i);
    sum += std::exp(log_p) * (log_p + slow_nll(got, vocab, i));
  }
  return sum;
}

class CliEval : public ::testing::Test {
 protected:
  CliEval() {
    test::TinyModelOptions options;
    options.vocab = 300;
    options.layers = 4;
    test::write_tiny_model(cli_.path("tiny"), options);
    std::filesystem::copy(PROXIMA_SOURCE_DIR "/data/toy/tokenizer.json", cli_.path("tiny"));
    cli_.write("text.txt", kText);
  }

  json run(const std::string& arguments) const {
    const auto result = cli_.run("eval " + arguments + " -m tiny -q --json");
    EXPECT_EQ(result.exit_code, 0) << result.err;
    return result.exit_code == 0 ? json::parse(result.out) : json();
  }
  void expect_failure(const std::string& arguments, int exit_code, const std::string& part) const {
    const auto result = cli_.run("eval " + arguments);
    EXPECT_EQ(result.exit_code, exit_code) << result.err;
    EXPECT_NE(result.err.find(part), std::string::npos) << result.err << "\nlacks: " << part;
    EXPECT_EQ(std::ranges::count(result.err, '\n'), 1) << result.err;
  }

  test::Cli cli_;
};

TEST_F(CliEval, PerplexityAndDivergenceAreThoseOfTheSlowForwardPass) {
  constexpr size_t kLength = 60;
  constexpr size_t kForced = 21;
  const Model model = open_model(cli_.path("tiny"));
  const Tokenizer tokenizer = Tokenizer::open(cli_.path("tiny"));
  const auto all = tokenizer.encode(kText);
  SharingMap map = uniform_sharing_map(cache_geometry(model.config), 2);
  map.ns = 3;
  map.nr = 7;
  double dense_nll[2] = {0, 0}, pod_nll[2] = {0, 0}, kld[2] = {0, 0}, largest[2] = {0, 0};
  size_t n[2] = {0, 0}, n_same[2] = {0, 0};
  const size_t vocab = model.config.vocab;
  for (size_t window = 0; window < 3; ++window) {
    const std::span<const TokenId> ids = std::span(all).subspan(window * kLength, kLength);
    const auto dense = reference::run(model, ids);
    const auto pod = reference::run(model, ids, {.pod = &map});
    for (size_t target = 1; target < kLength; ++target) {
      const size_t part = target < kLength - kForced ? 0 : 1;
      const double* base_row = dense.logits.data() + (target - 1) * vocab;
      const double* row = pod.logits.data() + (target - 1) * vocab;
      dense_nll[part] += slow_nll(base_row, vocab, ids[target]);
      pod_nll[part] += slow_nll(row, vocab, ids[target]);
      const double divergence = slow_kld(base_row, row, vocab);
      kld[part] += divergence;
      largest[part] = std::max(largest[part], divergence);
      n_same[part] +=
          std::max_element(base_row, base_row + vocab) - base_row == std::max_element(row, row + vocab) - row;
      ++n[part];
    }
  }
  const std::string windows = "-f text.txt --length 60 --forced 21 --windows 3 --precision f64 --chunk 16 ";
  const std::string cache = "--cache pod --pod-uniform 2 --ns 3 --nr 7 ";
  const json dense_ppl = run("ppl " + windows);
  const json pod_ppl = run("ppl " + windows + cache);
  const json compared = run("kld " + windows + cache);
  const json some_rows = run("kld --prompt-rows 5 " + windows + cache);
  const char* parts[] = {"prompt", "forced"};
  for (size_t part = 0; part < 2; ++part) {
    const double count = static_cast<double>(n[part]);
    EXPECT_EQ(dense_ppl[parts[part]]["n"], n[part]);
    EXPECT_NEAR(dense_ppl[parts[part]]["ppl"], std::exp(dense_nll[part] / count), 1e-9);
    EXPECT_NEAR(pod_ppl[parts[part]]["nll"], pod_nll[part] / count, 1e-11);
    EXPECT_EQ(compared[parts[part]]["n"], n[part]);
    EXPECT_NEAR(compared[parts[part]]["kld"], kld[part] / count, 1e-11);
    EXPECT_NEAR(compared[parts[part]]["max"], largest[part], 1e-11);
    EXPECT_NEAR(compared[parts[part]]["same_top"], static_cast<double>(n_same[part]) / count, 1e-15);
    EXPECT_NEAR(compared[parts[part]]["base_ppl"], std::exp(dense_nll[part] / count), 1e-9);
    EXPECT_NEAR(compared[parts[part]]["ppl"], std::exp(pod_nll[part] / count), 1e-9);
  }
  EXPECT_EQ(some_rows["prompt"]["n"], 3 * 5);
  EXPECT_EQ(some_rows["forced"], compared["forced"]);
  EXPECT_GT(kld[1], 1e-3);  // so that the figures above mean something
  EXPECT_EQ(compared["settings"]["cache_options"], "--cache pod --pod-uniform 2 --ns 3 --nr 7");
  EXPECT_EQ(compared["settings"]["model"].get<std::string>().size(), 16U);
}

TEST_F(CliEval, BaseAcrossProcessesGivesTheSameFigures) {
  const std::string windows = "-f text.txt --length 50 --forced 20 --precision f32 --prompt-rows 9 ";
  const std::string cache = "--cache pod --pod-uniform 2 --ns 3 --nr 7 ";
  const json alone = run("kld " + windows + cache);
  const auto saved = cli_.run("eval kld -m tiny " + windows + "--save-base base.safetensors");
  ASSERT_EQ(saved.exit_code, 0) << saved.err;
  EXPECT_NE(saved.err.find("4 windows x 29 rows x 300 logits: 137.50 KiB"), std::string::npos) << saved.err;
  for (const auto& entry : std::filesystem::directory_iterator(cli_.path("."))) {
    EXPECT_EQ(entry.path().filename().string().find("window-"), std::string::npos) << entry.path();
  }
  const json other = run("kld " + windows + cache + "--base base.safetensors");
  EXPECT_EQ(other["forced"], alone["forced"]);
  EXPECT_EQ(other["prompt"], alone["prompt"]);
  const json same = run("kld " + windows + "--base base.safetensors");
  EXPECT_EQ(same["forced"]["kld"], 0);
  EXPECT_EQ(same["forced"]["same_top"], 1);

  const std::string base = " -q --base base.safetensors --precision f32 --prompt-rows 9 ";
  expect_failure("kld -m tiny -f text.txt --length 51 --forced 20" + base, 3, "another tokens: 50 there, 51 here");
  expect_failure("kld -m tiny -f text.txt --length 50 --forced 19" + base, 3, "another forced");
  std::string changed = kText;
  changed[0] = 'X';
  cli_.write("other.txt", changed);
  expect_failure("kld -m tiny -f other.txt --length 50 --forced 20" + base, 3, "another ids");
  test::write_tiny_model(cli_.path("tiny"), {.layers = 4, .vocab = 300, .seed = 77});
  expect_failure("kld -m tiny -f text.txt --length 50 --forced 20" + base, 3, "fingerprint of the weights");
  expect_failure("kld -m tiny -f text.txt --length 50 --forced 20 -q --base tiny/model.safetensors", 3,
                 "no file of base logits");
}

TEST_F(CliEval, AnInterruptedRunGoesOn) {
  const std::string command = "kld -f text.txt --length 60 --forced 20 --cache pod --pod-uniform 2 --ns 3 ";
  const json whole = run(command + "--nr 7 -o whole.jsonl");
  // A killed run: the first window is there, the second one's line is torn.
  const std::string text = cli_.read("whole.jsonl");
  const size_t second = text.find('\n', text.find('\n') + 1) + 1;
  cli_.write("part.jsonl", text.substr(0, second + 40));
  json resumed = run(command + "--nr 7 -o part.jsonl");
  EXPECT_EQ(resumed["forced"], whole["forced"]);
  // What is there is taken, not made again.
  const size_t digits = text.find("\"kld\":[", second) + 7;
  std::string changed = text;
  changed[digits] = '9';
  cli_.write("changed.jsonl", changed);
  resumed = run(command + "--nr 7 -o changed.jsonl");
  EXPECT_GT(resumed["prompt"]["max"], 8);
  // Other settings, same file: made anew, both kept.
  const json other = run(command + "--nr 9 -o whole.jsonl");
  EXPECT_NE(other["forced"], whole["forced"]);
  EXPECT_TRUE(cli_.read("whole.jsonl").starts_with(text));
}

TEST_F(CliEval, AnInterruptSaysHowFarItCame) {
  cli_.write("long.txt", kText + kText + kText + kText + kText + kText + kText + kText);
  const auto result = cli_.shell(
      "\"$P\" eval ppl -m tiny -q -f long.txt --length 200 --forced 190 --precision f64 -t 1 --simd scalar -o r.jsonl "
      "&\n"
      "for i in $(seq 500); do grep -q key r.jsonl 2>/dev/null && break; sleep 0.01; done; kill -INT $!; wait $!");
  if (result.exit_code == 0) GTEST_SKIP() << "it was done before the interrupt came";
  EXPECT_EQ(result.exit_code, 130) << result.err;
  EXPECT_NE(result.err.find("of 8 windows; the same command goes on from r.jsonl"), std::string::npos) << result.err;
}

TEST_F(CliEval, LimitsAndBadInput) {
  const std::string good = "-m tiny -q -f text.txt --length 50 --forced 20 ";
  expect_failure("ppl " + good + "--max-ppl 1 --json", 1, "above --max-ppl 1");
  EXPECT_EQ(cli_.run("eval ppl " + good + "--max-ppl 100000").exit_code, 0);
  const std::string pod = good + "--cache pod --pod-uniform 2 --ns 3 --nr 7 ";
  expect_failure("kld " + pod + "--max-kld 0.000001", 1, "above --max-kld");
  expect_failure("kld " + pod + "--min-same-top 100", 1, "below --min-same-top");
  expect_failure("ppl -m tiny -q -f text.txt --length 5000", 4, "context of 4096");
  expect_failure("ppl -m tiny -q -f text.txt --length 500", 2, "--length asks for 500");
  expect_failure("ppl -m tiny -q -f text.txt --length 50 --windows 9", 2, "--windows asks for 9");
  expect_failure("ppl -m tiny -q -f text.txt", 2, "lower --forced");
  expect_failure("ppl -m tiny -q", 2, "which text");
  expect_failure("ppl -m tiny -q -f none.txt", 3, "none.txt");
  expect_failure("ppl " + good + "-o none/r.jsonl", 7, "none/r.jsonl");
  expect_failure("ppl " + good + "-o text.txt", 3, "no line of a results file");
  expect_failure("ppl " + good + "--map m.json", 2, "--map has no effect");
  expect_failure("kld " + good + "--save-base none/b.safetensors", 7, "none");
  expect_failure("kld " + good + "--save-base b --base c", 2, "contradict");
  expect_failure("kld " + good + "--save-base b --max-kld 1", 2, "no effect");
  expect_failure("kld " + good + "--base none.safetensors", 3, "none.safetensors");
  EXPECT_EQ(cli_.read("text.txt"), kText);
  EXPECT_EQ(cli_.run("eval").exit_code, 2);
  EXPECT_NE(cli_.run("eval ppl --help").out.find("--max-ppl"), std::string::npos);
}

}  // namespace
}  // namespace proxima
