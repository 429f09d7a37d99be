// SPDX-License-Identifier: MIT
// The commands train and adapt, as a shell runs them.
#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "kvcache/sharing_map.h"
#include "model/fingerprint.h"
#include "model/weights.h"
#include "test/cli.h"
#include "test/random_map.h"
#include "test/run_model.h"

namespace proxima {
namespace {

using test::CliResult;

constexpr const char* kToy = PROXIMA_SOURCE_DIR "/data/toy";

class CliTrain : public testing::Test {
 protected:
  CliTrain() {
    std::string text, tasks;
    test::Random random(3);
    for (int i = 0; i < 400; ++i) text += "The mill of " + std::to_string(random.below(90)) + " grinds by the river. ";
    for (int i = 0; i < 6; ++i) {
      tasks += R"({"context": "Question: mill )" + std::to_string(i) + R"(? ", "answer": ")" +
               std::to_string(i * 1234) + "\"}\n";
    }
    cli_.write("text.txt", text);
    cli_.write("tasks.jsonl", tasks);
    cli_.write("run.json", config());
  }

  static std::string config(const std::string& more = "", size_t tokens = 2000) {
    const std::string stage_tokens = std::to_string(tokens);
    return R"({"model": {"model_type": "llama", "hidden_size": 32, "num_hidden_layers": 3, "num_attention_heads": 4,
 "num_key_value_heads": 2, "intermediate_size": 48, "max_position_embeddings": 256, "tie_word_embeddings": true,
 "rms_norm_eps": 1e-5, "rope_theta": 10000.0, "hidden_act": "silu"}, "tokenizer": ")" +
           std::string(kToy) + R"(", "products": "f32",
 "sources": [{"kind": "text", "files": ["text.txt"], "share": 2}, {"kind": "tasks", "file": "tasks.jsonl"}],
 "stages": [{"length": 24, "tokens": )" +
           stage_tokens + R"(, "batch_tokens": 200, "learning_rate": 0.003},
            {"length": 70, "tokens": )" +
           stage_tokens + R"(, "batch_tokens": 200, "learning_rate": 0.002}])" + more + "}";
  }

  void expect(const CliResult& result, int exit_code, const std::string& part) const {
    EXPECT_EQ(result.exit_code, exit_code) << result.err;
    EXPECT_NE(result.err.find(part), std::string::npos) << result.err << "\nshould contain: " << part;
    EXPECT_TRUE(exit_code == 0 || std::ranges::count(result.err, '\n') == 1) << result.err;
  }
  void refuse(const std::string& arguments, int exit_code, const std::string& part) const {
    expect(cli_.run(arguments + " --progress none"), exit_code, part);
    EXPECT_FALSE(std::filesystem::exists(cli_.path("out")));
  }
  std::string weights(const std::string& folder) const { return cli_.read(folder + "/model.safetensors"); }
  nlohmann::json json(const std::string& file) const { return nlohmann::json::parse(cli_.read(file)); }
  std::vector<nlohmann::json> log(const std::string& file) const {
    std::vector<nlohmann::json> lines;
    std::istringstream in(cli_.read(file));
    for (std::string line; std::getline(in, line);) lines.push_back(nlohmann::json::parse(line));
    return lines;
  }

  test::Cli cli_;
};

TEST_F(CliTrain, TrainsAModelThatLoadsAndPredictsItsText) {
  expect(cli_.run("train --config run.json -o out --f32"), 0, "written to out");
  const Model model = open_model(cli_.path("out"));
  EXPECT_EQ(model.config.n_layers, 3U);
  const auto lines = log("out/training.jsonl");
  ASSERT_EQ(lines.size(), 11U + 15U);
  std::vector<double> losses;  // of steps with text
  for (const auto& line : lines) {
    if (line.contains("text")) losses.push_back(line["text"]["loss"].get<double>());
  }
  ASSERT_GT(losses.size(), 5U);
  EXPECT_NEAR(losses.front(), std::log(static_cast<double>(model.config.vocab)), 0.3);
  EXPECT_LT(losses.back(), 0.75 * losses.front());
  EXPECT_EQ(json("out/training.json")["tokens"], lines.back()["tokens"]);
  EXPECT_NE(cli_.read("out/training.svg").find("<svg"), std::string::npos);
  EXPECT_FALSE(std::filesystem::exists(cli_.path("out.training")));
  expect(cli_.run("run -m out -p hello -n 4 --raw"), 0, "tokens");
}

// A stage's roles stand instead of the run's: what is nowhere weighed is not in the log, and not learnt from.
TEST_F(CliTrain, AStageMayWeighRolesOtherwise) {
  std::string text = config(R"(, "roles": {"text": 1, "first_answer": 0, "answer": 0})");
  text.insert(text.find("\"length\": 70"),
              R"("roles": {"text": 0, "first_answer": 2, "answer": 1}, "positions": 256, )");
  cli_.write("run.json", text);
  expect(cli_.run("train --config run.json -o out --f32"), 0, "written to out");
  size_t n_text = 0, n_answers = 0;
  for (const auto& line : log("out/training.jsonl")) {
    EXPECT_FALSE(line.contains(line["stage"] == 1 ? "first_answer" : "text")) << line;
    n_text += line.contains("text") ? 1U : 0U;
    n_answers += line.contains("first_answer") ? 1U : 0U;
  }
  EXPECT_GT(n_text, 5U);
  EXPECT_GT(n_answers, 5U);
}

// At a constant rate a shorter run has the first weights of a longer one.
TEST_F(CliTrain, AveragesTheWeightsOfTheLastSteps) {
  const auto values = [&](const std::string& out, const std::string& average, size_t steps_of_last_stage) {
    std::string text = config(R"(, "optimizer": {"warm_up": 0, "final_rate": 1, "average": )" + average + "}");
    const std::string tokens = "\"tokens\": 2000";
    text.replace(text.rfind(tokens), tokens.size(), "\"tokens\": " + std::to_string(140 * steps_of_last_stage));
    cli_.write("run.json", text);
    expect(cli_.run("train --config run.json -o " + out + " --f32"), 0, "written to " + out);
    const Model model = open_model(cli_.path(out));
    std::vector<float> all;
    for (const auto& [name, view] : model.checkpoint.tensors()) {
      const auto* begin = reinterpret_cast<const float*>(view.data);
      all.insert(all.end(), begin, begin + view.n_bytes() / sizeof(float));
    }
    return all;
  };
  // 11 steps of the first stage and 10 of the second: the last three.
  const auto found = values("averaged", "0.1", 10);
  const auto a = values("a", "0", 8), b = values("b", "0", 9), c = values("c", "0", 10);
  EXPECT_NE(a, c);
  ASSERT_EQ(found.size(), a.size());
  for (size_t i = 0; i < found.size(); ++i) {
    ASSERT_NEAR(found[i], (a[i] + b[i] + c[i]) / 3,
                4 * std::numeric_limits<float>::epsilon() * std::abs(found[i]) + 1e-9F);
  }
}

TEST_F(CliTrain, ResumesAfterAKillToTheSameBits) {
  cli_.write("run.json", config(R"(, "optimizer": {"average": 0.9})", 6000));
  cli_.run("train --config run.json -o whole --f32 -t 1 --progress none");
  // Killed somewhere in its second half, where checkpoints are written after every step.
  const CliResult killed = cli_.shell(
      "OMP_WAIT_POLICY=passive \"$P\" train --config run.json -o out --f32 -t 1 --save-every 0 --progress none & "
      "pid=$!\n"
      "for i in $(seq 2000); do [ \"$(wc -l <out.training/log.jsonl 2>/dev/null || echo 0)\" -ge 13 ] && break; "
      "sleep 0.005; done\nkill -9 $pid\nwait $pid");
  ASSERT_FALSE(std::filesystem::exists(cli_.path("out"))) << "too quick to be killed";
  EXPECT_TRUE(std::filesystem::exists(cli_.path("out.training/checkpoint.safetensors")));
  expect(cli_.run("train --config run.json -o out --f32 -t 1 --progress none"), 0, "goes on after step 1");
  EXPECT_EQ(weights("out"), weights("whole"));
  EXPECT_EQ(log("out/training.jsonl").size(), log("whole/training.jsonl").size());
}

TEST_F(CliTrain, FirstInterruptSavesAndTheSameCommandGoesOn) {
  cli_.write("run.json", config("", 15000));
  cli_.run("train --config run.json -o whole --f32 --progress none");
  const CliResult stopped = cli_.shell(
      "\"$P\" train --config run.json -o out --f32 --progress none & pid=$!\n"
      "for i in $(seq 2000); do [ -s out.training/log.jsonl ] && break; sleep 0.005; done\n"
      "kill -INT $pid\nwait $pid");
  expect(stopped, 130, "the same command goes on");
  cli_.write("run.json", config(R"(, "seed": 2)", 15000));
  expect(cli_.run("train --config run.json -o out --f32 --progress none"), 3, "samples");
  cli_.write("run.json", config("", 15000));
  expect(cli_.run("train --config run.json -o out --f32 --progress none"), 0, "goes on after step");
  EXPECT_EQ(weights("out"), weights("whole"));
}

TEST_F(CliTrain, AnyNumberOfThreadsGivesTheSameBits) {
  cli_.run("train --config run.json -o one -t 1 --f32 --progress none");
  cli_.run("train --config run.json -o three -t 3 --f32 --progress none");
  EXPECT_EQ(weights("one"), weights("three"));
}

TEST_F(CliTrain, FullDiskLeavesTheCheckpointBefore) {
  cli_.write("run.json", config("", 15000));
  const CliResult stopped = cli_.shell(
      "\"$P\" train --config run.json -o out --progress none --save-every 0 & pid=$!\n"
      "for i in $(seq 2000); do [ -s out.training/checkpoint.safetensors ] && break; sleep 0.005; done\n"
      "kill -INT $pid\nwait $pid");
  expect(stopped, 130, "the same command goes on");
  const std::string before = cli_.read("out.training/checkpoint.safetensors");
  // A limit on file size stands for the full disk: the log fits, a checkpoint does not.
  const CliResult full =
      cli_.shell("trap '' XFSZ; ulimit -f 64; \"$P\" train --config run.json -o out -q --save-every 0");
  expect(full, 7, "checkpoint.safetensors");
  EXPECT_EQ(cli_.read("out.training/checkpoint.safetensors"), before);
  expect(cli_.run("train --config run.json -o out --progress none"), 0, "goes on after step");
}

TEST_F(CliTrain, RefusesConfigsThatSayWhatNobodyKnows) {
  const auto refused = [&](const std::string& text, int exit_code, const std::string& part) {
    cli_.write("bad.json", text);
    refuse("train --config bad.json -o out", exit_code, part);
  };
  refused(config(R"(, "learning_rate": 3)"), 3, R"(bad.json: "learning_rate" is not known here)");
  refused(config(R"(, "optimizer": {"momentum": 1})"), 3, R"("momentum" is not known here)");
  refused(config(R"(, "optimizer": {"beta1": 1})"), 3, R"("beta1" is 1)");
  refused(config(R"(, "optimizer": {"average": 2})"), 3, R"("average" is 2)");
  refused(config(R"(, "lora": {"rank": 2, "modules": ["q_proj"]})"), 3, "proxima adapt");
  refused(config(R"(, "loss": {"teacher": 1})"), 3, "proxima adapt");
  refused(R"({"model": 3})", 3, "\"tokenizer\" must name");
  std::string long_stage = config();
  long_stage.replace(long_stage.find("\"length\": 70"), 12, "\"length\": 700");
  refused(long_stage, 4, "700 tokens do not fit the model's context of 256");
  const auto with_stage = [](const std::string& more) {
    std::string text = config();
    return text.insert(text.find("\"length\": 70"), more);
  };
  refused(with_stage("\"positions\": 69, "), 3, R"("positions" is 69; it must lie between the length, 70, and)");
  refused(with_stage("\"positions\": 257, "), 3, "and the model's context, 256");
  refused(with_stage(R"("roles": {"answer": -1}, )"), 3, R"("answer" is -1)");
  refused(with_stage(R"("roles": {"answers": 1}, )"), 3, R"("answers" is not known here)");
  std::string gemma = config();
  gemma.replace(gemma.find("\"llama\""), 7, "\"gpt_bigcode\"");
  refused(gemma, 3, "gpt_bigcode");
}

class CliAdapt : public CliTrain {
 protected:
  CliAdapt() {
    test::TinyModelOptions options{.hidden = 32, .layers = 4, .head_dim = 8, .intermediate = 40, .vocab = 512};
    options.max_position = 512;
    test::write_tiny_model(cli_.path("tiny"), options);
    for (const char* file : {"tokenizer.json", "tokenizer_config.json"}) {
      std::filesystem::copy_file(std::filesystem::path(kToy) / file, cli_.path("tiny") / file);
    }
    const SharingMap map{4, 2, 2, 8, {{0, 2}, {0, 1}}, checkpoint_fingerprint(Checkpoint(cli_.path("tiny")))};
    cli_.write("map.json", sharing_map_text(map));
  }
  std::string adapt(const std::string& more) const {
    return "adapt -m tiny --map map.json --text text.txt --length 48 --tokens 1500 --batch-tokens 300 --products f32 " +
           more;
  }
};

TEST_F(CliAdapt, WritesAFolderWithItsMapBoundToTheNewWeights) {
  expect(cli_.run("adapt -m tiny --map map.json --text text.txt --length 32,64 --tokens 1500 --batch-tokens 300 -o out "
                  "--f32 --tasks tasks.jsonl --teacher 0.5 --answer-weight 3"),
         0, "written to out");
  const Model model = open_model(cli_.path("out"));
  const SharingMap map = read_sharing_map(cli_.path("out/map.json"));
  EXPECT_EQ(map.fingerprint, checkpoint_fingerprint(model.checkpoint));
  EXPECT_EQ(map.block_starts, (std::vector<std::vector<size_t>>{{0, 2}, {0, 1}}));
  const auto record = json("out/training.json");
  EXPECT_EQ(record["config"]["stages"].size(), 2U);
  EXPECT_EQ(record["from"], checkpoint_fingerprint(Checkpoint(cli_.path("tiny"))));
  EXPECT_GT(log("out/training.jsonl").back()["kl"].get<double>(), 0);
  expect(cli_.run("run -m out -p 'the mill' -n 3 --raw --cache pod --map out/map.json"), 0, "KV cache pod");
  expect(cli_.run("run -m tiny -p 'the mill' -n 3 --raw --cache pod --map out/map.json"), 3, "map.json");
}

// What is written is what was trained: the runtime's loss on the text under the map has fallen.
TEST_F(CliAdapt, LowersTheRuntimesLossAndLoraOnlyMovesItsTargets) {
  expect(cli_.run(adapt("-o out --f32 --lora-rank 4 --lora-modules q_proj,down_proj --lr 0.01")), 0, "written");
  const Model before = open_model(cli_.path("tiny")), after = open_model(cli_.path("out"));
  for (const auto& [name, view] : before.checkpoint.tensors()) {
    const TensorView& now = after.checkpoint.tensors().at(name);
    const bool same = std::equal(view.data, view.data + view.n_bytes(), now.data, now.data + now.n_bytes());
    const bool target = name.ends_with("q_proj.weight") || name.ends_with("down_proj.weight");
    EXPECT_EQ(same, !target) << name;
  }
  const auto lines = log("out/training.jsonl");
  EXPECT_LT(lines.back()["loss"].get<double>(), lines.front()["loss"].get<double>());
  const auto loss = [&](const std::string& model, const std::string& map) {
    const CliResult result =
        cli_.run("eval ppl -m " + model + " -f text.txt --length 300 --windows 2 --precision f32 " +
                 "--cache pod --map " + map + " --json");
    const auto at = result.out.find("\"ppl\"");
    EXPECT_NE(at, std::string::npos) << result.out << result.err;
    return at == std::string::npos ? 0 : std::stod(result.out.substr(result.out.find(':', at) + 1));
  };
  EXPECT_LT(loss("out", "out/map.json"), loss("tiny", "map.json"));
}

TEST_F(CliAdapt, DenseTwinTrainsOnTheSameSamplesWithoutTheMap) {
  cli_.run(adapt("-o shared --f32 --progress none"));
  cli_.run(adapt("-o twin --f32 --dense-twin --progress none"));
  EXPECT_NE(weights("shared"), weights("twin"));
  EXPECT_FALSE(std::filesystem::exists(cli_.path("twin/map.json")));
  EXPECT_EQ(json("twin/training.json")["map"], "none: dense");
  EXPECT_EQ(json("twin/training.json")["config"], json("shared/training.json")["config"]);
}

TEST_F(CliAdapt, RefusesWhatCannotBe) {
  refuse("adapt -m tiny --text text.txt -o out", 2, "--map FILE");
  refuse("adapt -m tiny --map map.json -o out", 2, "needs --text");
  refuse(adapt("-o tiny"), 2, "exists already");
  cli_.write("short.txt", "A few words.");
  refuse("adapt -m tiny --map map.json --text short.txt --length 48 -o out", 2, "too short for samples of 48");
  refuse("adapt -m tiny --map map.json --text text.txt --length 4096 -o out", 4, "context of 512");
  const SharingMap other{5, 2, 2, 8, {{0, 2}, {0, 1}}};
  cli_.write("other.json", sharing_map_text(other));
  refuse("adapt -m tiny --map other.json --text text.txt --length 48 -o out", 3, "other.json");
  refuse("adapt --map map.json --text text.txt --length 48 -o out", 3, "map.json");  // of the demo
  test::TinyModelOptions gemma{.hidden = 32, .layers = 4, .head_dim = 8, .intermediate = 40, .vocab = 512};
  gemma.model_type = "gemma2", gemma.tied = true;
  gemma.family_json = R"("sliding_window": 33, "attn_logit_softcapping": 5.0, "final_logit_softcapping": 3.0,
 "query_pre_attn_scalar": 6, "layer_types": ["sliding_attention", "sliding_attention", "full_attention",
 "full_attention"], )";
  test::write_tiny_model(cli_.path("gemma"), gemma);
  std::filesystem::copy_file(std::filesystem::path(kToy) / "tokenizer.json", cli_.path("gemma/tokenizer.json"));
  refuse("adapt -m gemma --dense-twin --text text.txt --length 48 -o out", 3, "gemma2");
  cli_.write("bad.jsonl", "{\"context\": \"a\"}\n");
  refuse(adapt("--tasks bad.jsonl -o out"), 3, "bad.jsonl:1");
  refuse(adapt("--config run.json -o out"), 2, "--config describes the whole run");
  refuse(adapt("--lora-alpha 3 -o out"), 2, "--lora-rank");
  refuse(adapt("--lora-rank 3 --lora-modules qproj -o out"), 3, "qproj");
}

TEST_F(CliAdapt, WithoutTheTrainerItSaysWhatToInstall) {
  std::filesystem::copy_file(PROXIMA_PROGRAM, cli_.path("alone"));
  expect(cli_.shell("./alone " + adapt("-o out")), 2, "apt install libtorch-dev");
  EXPECT_NE(cli_.shell("./alone adapt --help").out.find("--lora-rank"), std::string::npos);
}

}  // namespace
}  // namespace proxima
