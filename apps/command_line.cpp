// SPDX-License-Identifier: MIT
#include "apps/command_line.h"

#include <fmt/ranges.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <cctype>
#include <functional>
#include <memory>
#include <type_traits>
#include <utility>

#include "apps/bench.h"
#include "apps/compare.h"
#include "apps/dump.h"
#include "apps/eval/kld.h"
#include "apps/eval/needle.h"
#include "apps/eval/ppl.h"
#include "apps/eval/ruler.h"
#include "apps/eval/table.h"
#include "apps/eval/tasks.h"
#include "apps/explore.h"
#include "apps/inspect.h"
#include "apps/plan.h"
#include "apps/prefill.h"
#include "apps/run.h"
#include "apps/selfcheck.h"
#include "apps/summarize.h"
#include "apps/synth.h"
#include "apps/text_commands.h"
#include "apps/text_output.h"
#include "apps/train/adapt.h"
#include "apps/train/train.h"
#include "apps/train/train_tokenizer.h"
#include "apps/train/trainer_program.h"
#include "core/error.h"
#include "core/int8_kernels.h"
#include "core/onednn_gemm.h"

namespace proxima {
namespace {

constexpr std::array<std::pair<std::string_view, std::string_view>, 4> kRewritten = {{
    {"-ctk", "--cache-type-k"},
    {"-ctv", "--cache-type-v"},
    {"-sys", "--system"},
    {"-sysf", "--system-file"},
}};
constexpr std::array<std::string_view, 4> kTakeAnyText = {"-p", "--prompt", "-sys", "--system"};

struct Command {
  CLI::App* app;
  std::function<void()> execute;
  std::function<bool()> verbose;
};

std::string environment_name(const CLI::Option& option) {
  std::string name = "PROXIMA_";
  for (const char letter : option.get_lnames().front()) {
    name += letter == '-' ? '_' : static_cast<char>(std::toupper(static_cast<unsigned char>(letter)));
  }
  return name;
}

std::vector<CLI::Option*> settable_options(CLI::App& app) {
  return app.get_options([](const CLI::Option* option) {
    return !option->get_lnames().empty() && option->get_lnames().front() != "help";
  });
}

// The options of a new subcommand, declared and settable in the environment.
template <class Options>
std::pair<CLI::App*, std::shared_ptr<Options>> declared(CLI::App& app, const std::string& name, const std::string& help,
                                                        void (*declare)(CLI::App&, Options&)) {
  CLI::App* sub = app.add_subcommand(name, help);
  const auto options = std::make_shared<Options>();
  declare(*sub, *options);
  for (CLI::Option* option : settable_options(*sub)) option->envname(environment_name(*option));
  return {sub, options};
}

template <class Options>
void add_command(CLI::App& app, std::vector<Command>& commands, const std::string& name, const std::string& help,
                 void (*declare)(CLI::App&, Options&), void (*execute)(const Options&)) {
  const auto [sub, options] = declared(app, name, help, declare);
  const auto run = [=, options = options] {
    if constexpr (std::is_base_of_v<EvalOptions, Options>) {
      with_results(*options, [&] { execute(*options); });
    } else {
      execute(*options);
    }
  };
  commands.push_back({sub, run, [options = options] { return options->common.verbose; }});
}

// Training is done by the program that was given a trainer.
template <class Options>
void add_training(CLI::App& app, std::vector<Command>& commands, const std::string& name, const std::string& help,
                  void (*declare)(CLI::App&, Options&), void (*execute)(const Options&, TrainFunction),
                  const std::vector<std::string>& arguments, TrainFunction trainer) {
  const auto [sub, options] = declared(app, name, help, declare);
  const auto run = [=, options = options] {
    if (trainer == nullptr) become_trainer(arguments);
    execute(*options, trainer);
  };
  commands.push_back({sub, run, [=, options = options] { return options->common.verbose && trainer != nullptr; }});
}

std::vector<Command> add_commands(CLI::App& app, const std::vector<std::string>& arguments, TrainFunction trainer) {
  std::vector<Command> commands;
  add_command(app, commands, "run", "complete or answer a prompt", declare_run, run);
  add_command(app, commands, "summarize", "answer an instruction about long documents", declare_summarize, summarize);
  add_command(app, commands, "prefill", "read a document once and save its cache for run --kv", declare_prefill,
              prefill);
  add_command(app, commands, "plan", "what a run will need, from the headers alone", declare_plan, plan);
  add_command(app, commands, "inspect", "what is in a checkpoint", declare_inspect, inspect);
  add_command(app, commands, "tokenize", "text to token ids and back", declare_tokenize, tokenize);
  add_command(app, commands, "template", "what the chat template makes of a message", declare_template,
              render_template);
  add_command(app, commands, "explore", "find which layers may share keys, write the sharing map", declare_explore,
              explore);
  add_command(app, commands, "dump", "named activations to a safetensors file", declare_dump, dump);
  add_command(app, commands, "compare", "the first divergent tensor of two dumps, and a verdict", declare_compare,
              compare);
  add_command(app, commands, "selfcheck", "prove on this model what the precisions promise", declare_selfcheck,
              selfcheck);
  add_command(app, commands, "bench", "how fast prompts are read and tokens generated, beside this machine's limits",
              declare_bench, bench);
  CLI::App& eval = *app.add_subcommand("eval", "what a cache costs in quality");
  eval.require_subcommand(1);
  add_command(eval, commands, "ppl", "perplexity of texts, inside the prompt and after it", declare_ppl, eval_ppl);
  add_command(eval, commands, "kld", "how far a cache's predictions are from the dense cache's", declare_kld, eval_kld);
  add_command(eval, commands, "needle", "whether planted facts are found again, over lengths and depths",
              declare_needle, eval_needle);
  add_command(eval, commands, "ruler", "RULER's synthetic tasks", declare_ruler, eval_ruler);
  add_command(eval, commands, "tasks", "LongBench, LEval and InfiniteBench from your files", declare_tasks, eval_tasks);
  add_command(eval, commands, "table", "many caches in one table: bytes, scores, what they lose, speed", declare_table,
              eval_table);
  add_training(app, commands, "train", "train a small model from scratch", declare_train, train, arguments, trainer);
  add_training(app, commands, "adapt", "train a model lightly, so that it is at home under its sharing map",
               declare_adapt, adapt, arguments, trainer);
  add_command(app, commands, "train-tokenizer", "learn a byte-level BPE tokenizer from texts", declare_train_tokenizer,
              train_tokenizer);
  add_command(app, commands, "synth", "write a checkpoint of random weights, to measure what a shape costs",
              declare_synth, synth);
  return commands;
}

std::string version_text() {
  std::vector<std::string_view> targets;
  for (const SimdTarget target : supported_simd_targets()) targets.push_back(simd_target_name(target));
  return fmt::format("proxima {}\nSIMD targets: {}\nbf16 products: {}\nint8 products: {}\noneDNN: {}\n",
                     PROXIMA_VERSION, fmt::join(targets, " "), has_bf16_products() ? "yes" : "no",
                     vnni_multiply(supported_simd_targets().back()) != nullptr ? "yes" : "no",
                     OneDnnGemm::built_in() ? "yes" : "no");
}

bool on_command_line(const std::vector<std::string>& arguments, const CLI::Option& option) {
  return std::ranges::any_of(arguments, [&](const std::string& argument) {
    const auto is_long = [&](const std::string& name) {
      return argument == "--" + name || argument.starts_with("--" + name + "=");
    };
    const auto is_short = [&](const std::string& name) { return argument.starts_with("-" + name); };
    return std::ranges::any_of(option.get_lnames(), is_long) || std::ranges::any_of(option.get_snames(), is_short);
  });
}

// With -v: every option with its value and where the value comes from.
void print_configuration(CLI::App& app, const std::vector<std::string>& arguments) {
  for (const CLI::Option* option : settable_options(app)) {
    const bool given = option->count() > 0;
    const std::string value = given ? fmt::format("{}", fmt::join(option->results(), " ")) : option->get_default_str();
    const std::string origin = !given                                ? "default"
                               : on_command_line(arguments, *option) ? "flag"
                                                                     : option->get_envname();
    fmt::print(stderr, "proxima: --{} = {} ({})\n", option->get_lnames().front(), value.empty() ? "unset" : value,
               origin);
  }
}

// The first line of a CLI11 message; it appends advice of its own.
std::string first_line(const std::string& text) {
  return text.substr(0, text.find('\n'));
}

std::string with_long_name(const std::string& argument) {
  const size_t name_end = std::min(argument.find('='), argument.size());
  for (const auto& [short_name, long_name] : kRewritten) {
    if (argument.substr(0, name_end) == short_name) return std::string(long_name) + argument.substr(name_end);
  }
  return argument;
}

}  // namespace

std::vector<std::string> rewrite_arguments(const std::vector<std::string>& arguments) {
  std::vector<std::string> rewritten;
  bool literal = false;   // behind --
  bool is_value = false;  // of the option before
  for (const std::string& argument : arguments) {
    rewritten.push_back(literal || is_value ? argument : with_long_name(argument));
    literal = literal || (!is_value && argument == "--");
    is_value = !literal && !is_value && std::ranges::find(kTakeAnyText, argument) != kTakeAnyText.end();
  }
  return rewritten;
}

void run_command_line(const std::vector<std::string>& given, TrainFunction trainer) {
  CLI::App app("Reads long documents on a processor and answers, with the KV cache kept small by PoD.", "proxima");
  app.footer(
      "Exit codes: 0 ok, 1 a check failed, 2 usage, 3 model or input file, 4 does not fit the context,\n"
      "5 does not fit memory, 6 not finite, 7 output not written, 130 interrupted.\n"
      "Each option can be set in the environment as PROXIMA_<LONG_NAME>; a flag wins.");
  bool version = false;
  app.add_flag("--version", version, "version, SIMD targets, oneDNN");
  const std::vector<Command> commands = add_commands(app, given, trainer);
  const std::vector<std::string> arguments = rewrite_arguments(given);
  try {
    app.parse(std::vector<std::string>(arguments.rbegin(), arguments.rend()));  // CLI11 takes them from the back
  } catch (const CLI::CallForHelp&) {
    return write_output(app.help());
  } catch (const CLI::ParseError& error) {
    const auto chosen = app.get_subcommands();
    fail(ErrorKind::kUsage, "{}; see `proxima {}--help`", first_line(error.what()),
         chosen.empty() ? "" : chosen.front()->get_name() + " ");
  }
  if (version) return write_output(version_text());
  for (const Command& command : commands) {
    if (!command.app->parsed()) continue;
    if (command.verbose()) print_configuration(*command.app, arguments);
    return command.execute();
  }
  fail(ErrorKind::kUsage, "which command? See `proxima --help`");
}

}  // namespace proxima
