// SPDX-License-Identifier: MIT
#include "../../examples/common/confusion.hpp"

#include "examples/scratch.hpp"

using namespace tapestry;
using namespace tapestry::examples;

namespace {

ConfusionMatrix example() {
  ConfusionMatrix matrix({"cat", "dog", "automobile"});
  for (int i = 0; i < 8; ++i) matrix.add(0, 0);
  for (int i = 0; i < 2; ++i) matrix.add(0, 1);
  for (int i = 0; i < 3; ++i) matrix.add(1, 1);
  matrix.add(1, 2);
  return matrix;
}

}  // namespace

TEST_CASE("a confusion matrix counts true and predicted classes") {
  const ConfusionMatrix matrix = example();
  CHECK(matrix.count(0, 0) == 8);
  CHECK(matrix.count(0, 1) == 2);
  CHECK(matrix.count(1, 0) == 0);
  CHECK(matrix.correct() == 11);
  CHECK(matrix.total() == 14);
}

TEST_CASE("the table shows counts, recall and precision") {
  CHECK(example().to_table() ==
        "rows: true class, columns: predicted class\n"
        "             cat   dog autom  recall\n"
        "cat            8     2     0   80.0%\n"
        "dog            0     3     1   75.0%\n"
        "automobile     0     0     0       -\n"
        "precision   100% 60.0%  0.0%   78.6%\n");
}

TEST_CASE("a table of ten classes fits a terminal of 80 columns, and wide counts keep their columns apart") {
  ConfusionMatrix matrix({"airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"});
  for (int i = 0; i < 10000; ++i) matrix.add(i % 10, i * i % 10);
  std::string table = matrix.to_table();
  for (std::size_t begin = 0, end; (end = table.find('\n', begin)) != std::string::npos; begin = end + 1) CHECK(end - begin <= 80);

  ConfusionMatrix wide({"a", "b"});
  for (int i = 0; i < 1234567; ++i) wide.add(0, 1);
  CHECK_THAT(wide.to_table(), contains_text("a               0 1234567    0.0%\n"));
}

TEST_CASE("the CSV has names at both sides and quotes what needs it") {
  CHECK(example().to_csv() == "true/predicted,cat,dog,automobile\ncat,8,2,0\ndog,0,3,1\nautomobile,0,0,0\n");
  CHECK(ConfusionMatrix({"a,b", "say \"c\""}).to_csv() == "true/predicted,\"a,b\",\"say \"\"c\"\"\"\n\"a,b\",0,0\n\"say \"\"c\"\"\",0,0\n");
}

TEST_CASE("classes that do not exist are refused and nothing is counted") {
  ConfusionMatrix matrix({"a", "b"});
  CHECK_THAT(error_of<IndexError>([&] { matrix.add(2, 0); }), contains_text("classes must be from 0 to 1, got true 2 and predicted 0"));
  CHECK_THAT(error_of<IndexError>([&] { matrix.add(0, -1); }), contains_text("got true 0 and predicted -1"));
  CHECK_THROWS_AS(matrix.count(0, 2), IndexError);
  CHECK(matrix.total() == 0);
  CHECK_THROWS_AS(ConfusionMatrix({}), ValueError);
}
