// SPDX-License-Identifier: MIT
// The scripts of data/ that make texts and tasks for the demo model's training.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <regex>
#include <set>
#include <sstream>

#include "test/cli.h"

namespace proxima {
namespace {

const std::string kData = PROXIMA_SOURCE_DIR "/data/";

TEST(CorpusScripts, ProseIsWhatIsLeftOfMarkup) {
  const test::Cli cli;
  cli.write(
      "a.html",
      "<html><head><title>The title of the page is not a sentence that anyone would read.</title></head><body>\n"
      "<p>The <b>first</b> paragraph of the page\n goes on &amp; on, and it&#8217;s a &#x201c;long&#x201d; one.</p>"
      "<pre>The code of the example is not prose, even if it reads as a sentence does.</pre>"
      "<p>Too short.</p><p>Ein anderer Absatz, der zwar lang genug ist, aber nicht auf Englisch steht.</p>"
      "<ul><li>In a list there can be sentences, and this is one of those that are kept.<li>x = y + 1;</ul>"
      "<p>The <b>first</b> paragraph of the page goes on &amp; on, and it's a \"long\" one.</p></body></html>");
  cli.write(
      "b.pod",
      "=head1 NAME\n\nThe C<< $x >> is the L<name|perlvar/x> of a variable that is not in the list of I<names>.\n\n"
      "  The code of the example is not prose, even if it reads as a sentence does.\n\n=cut\n");
  EXPECT_EQ(cli.shell("perl " + kData + "prose.pl a.html b.pod").out,
            "The first paragraph of the page goes on & on, and it's a \"long\" one.\n\n"
            "In a list there can be sentences, and this is one of those that are kept.\n\n"
            "The $x is the name of a variable that is not in the list of names.\n\n");
  EXPECT_EQ(cli.shell("echo b.pod | perl " + kData + "prose.pl").out,
            "The $x is the name of a variable that is not in the list of names.\n\n");
}

TEST(CorpusScripts, TasksAskForAPlantedNote) {
  const test::Cli cli;
  std::string text;
  for (int i = 0; i < 300; ++i) text += "Paragraph " + std::to_string(i) + " says \"this\" with a \\ in it.\n\n";
  cli.write("a.txt", text);
  const auto made =
      cli.shell("awk -v documents=5 -v bytes=1000 -v notes=4 -v seed=1 -f " + kData + "plant_notes.awk a.txt");
  std::istringstream lines(made.out);
  size_t n_lines = 0;
  for (std::string line; std::getline(lines, line); ++n_lines) {
    const auto task = nlohmann::json::parse(line);
    const std::string context = task.at("context");
    std::smatch question;
    ASSERT_TRUE(std::regex_search(
        context, question,
        std::regex(
            R"(^<\|user\|>Paragraph[^]*\nWhat is the number of the ([a-z]+ [a-z]+)\?<\|end\|><\|assistant\|>$)")))
        << context;
    const std::string note =
        " Note: the number of the " + question[1].str() + " is " + task.at("answer").get<std::string>();
    EXPECT_NE(context.find(note + "."), context.npos) << context;
    const std::regex any(" Note: the number of the (\\w+ \\w+) is \\d{4}\\.");
    std::set<std::string> names;
    for (std::sregex_iterator it(context.begin(), context.end(), any), end; it != end; ++it) names.insert((*it)[1]);
    EXPECT_EQ(names.size(), 4U);
  }
  EXPECT_EQ(n_lines, 5U);
}

}  // namespace
}  // namespace proxima
