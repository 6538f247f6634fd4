// SPDX-License-Identifier: MIT
#include "tapestry/data/text/delimited_text.hpp"

#include "support/catch.hpp"

using namespace tapestry;

namespace {

using Columns = std::vector<std::string>;

std::vector<Columns> columns_of(std::string_view text, const DelimitedTextOptions& options = {}) {
  std::vector<Columns> all;
  for (const DelimitedRow& row : parse_delimited(text, "file", options)) all.push_back(row.columns);
  return all;
}

}  // namespace

TEST_CASE("delimited text: tabs, both line ends, empty lines, no line break at the end") {
  CHECK(columns_of("a\tb\nc\td") == std::vector<Columns>{{"a", "b"}, {"c", "d"}});
  CHECK(columns_of("\xEF\xBB\xBF" "a\tb\r\n\r\n\nc\t\r\n") == std::vector<Columns>{{"a", "b"}, {"c", ""}});
  CHECK(columns_of("").empty());
  CHECK(columns_of("\n\n").empty());
  CHECK(columns_of("\"a\tb\"") == std::vector<Columns>{{"\"a", "b\""}});  // quotes mean nothing unless asked for
  CHECK(parse_delimited("a\n\nb\n", "file")[1].line == 3);
}

TEST_CASE("delimited text: quotes as in CSV") {
  const DelimitedTextOptions csv{.separator = ',', .quotes = true};
  CHECK(columns_of("\"a, \"\"b\"\"\",c\n\"two\nlines\",d\r\n", csv) == std::vector<Columns>{{"a, \"b\"", "c"}, {"two\nlines", "d"}});
  CHECK(columns_of("\"\",\"x\"\r\ny\"z,w", csv) == std::vector<Columns>{{"", "x"}, {"y\"z", "w"}});
  CHECK(parse_delimited("\"a\nb\",c\nd,e", "file", csv)[1].line == 3);
  CHECK_THROWS_WITH(columns_of("a,b\nc,\"d\ne", csv), "file: line 2, column 2: expects a closing quote");
  CHECK_THROWS_WITH(columns_of("\"a\"b,c", csv), "file: line 1, column 1: expects a separator after the closing quote");
}

TEST_CASE("labelled texts: numbers by name, invalid bytes replaced and counted") {
  const LabelledTexts data = parse_labelled_texts("wort\tde\nword\ten\nna\xFFme\tde\n", "words.tsv");
  CHECK(data.texts == Columns{"wort", "word", "na\uFFFDme"});
  CHECK(data.classes == Columns{"de", "en"});
  CHECK(data.labels == std::vector<Index>{0, 1, 0});
  CHECK(data.lines == std::vector<Index>{1, 2, 3});
  CHECK(data.replaced == 1);
  const LabelledTexts other = parse_labelled_texts("7,en,word\n", "f", {.format = {.separator = ','}, .text_column = 3, .classes = {"en", "de"}});
  CHECK((other.texts == Columns{"word"} && other.labels == std::vector<Index>{0}));
}

TEST_CASE("labelled texts: what is refused is named by line and column") {
  const auto says = [](std::string_view text, const LabelledTextOptions& options, const std::string& expected) {
    CHECK_THROWS_WITH(parse_labelled_texts(text, "words.tsv", options), expected);
  };
  says("", {}, "words.tsv: expects lines of text and label, but there are none");
  says("\n\n", {}, "words.tsv: expects lines of text and label, but there are none");
  says("a\tx\nb\n", {}, "words.tsv: line 2: expects the label in column 2, but there is 1 column");
  says("a\tx\n", {.label_column = 4}, "words.tsv: line 1: expects the label in column 4, but there are 2 columns");
  says("a\tx\n\n\tx\n", {}, "words.tsv: line 3, column 1: the text must not be empty");
  says("a\t\n", {}, "words.tsv: line 1, column 2: the label must not be empty");
  says("a\tx\nb\ty\n", {.classes = {"x", "z"}}, "words.tsv: line 2, column 2: label 'y' is none of the 2 known ones");
  CHECK_THROWS_AS(parse_labelled_texts("a\tx", "f", {.text_column = 0}), ValueError);
  CHECK_THROWS_WITH(read_labelled_texts("/nowhere/words.tsv"), "cannot read /nowhere/words.tsv");
}
