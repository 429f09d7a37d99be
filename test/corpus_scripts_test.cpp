// SPDX-License-Identifier: MIT
// The scripts of data/ that make texts for the demo model's training.
#include <gtest/gtest.h>

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

}  // namespace
}  // namespace proxima
