// SPDX-License-Identifier: MIT
#include "common/recipe_command.hpp"

#include "support/catch.hpp"

using namespace tapestry;
using namespace tapestry::examples;

namespace {

struct Command : RecipeCommand {
  double lr = 0.5;
  Index epochs = 3;
  std::string model = "small";
  std::vector<Index> filters;
  std::string out;
  Command() : RecipeCommand("test", "test") {
    decides("lr", lr, "rate");
    decides("epochs", epochs, "passes");
    decides("model", model, "name");
    decides("filters", filters, "counts");
    app.add_option("--out", out, "folder");
  }
  bool run(std::vector<const char*> arguments) {
    arguments.insert(arguments.begin(), "test");
    return parse(static_cast<int>(arguments.size()), const_cast<char**>(arguments.data()));
  }
};

}  // namespace

TEST_CASE("recipe: what decides the result goes into the checkpoint and comes back from it") {
  Command first, second;
  REQUIRE(first.run({"--lr", "0.1", "--filters", "3,4,5", "--out", "x"}));
  const Metadata recipe = first.recipe();
  CHECK(recipe == Metadata{{"lr", "0.1"}, {"epochs", "3"}, {"model", "small"}, {"filters", "3,4,5"}});
  REQUIRE(second.run({"--epochs", "7", "--lr", "0.1"}));
  second.adopt(recipe);
  CHECK(second.lr == 0.1);
  CHECK(second.epochs == 7);  // given, and may differ
  CHECK(second.filters == std::vector<Index>{3, 4, 5});
  CHECK((second.given("lr") && !second.given("model")));
}

TEST_CASE("recipe: another value than the run's is refused by name") {
  Command first, second, third;
  REQUIRE(first.run({}));
  REQUIRE(second.run({"--filters", "1,2"}));
  CHECK_THROWS_WITH(second.adopt(first.recipe()), contains_text("--filters: the run to resume has , got 1,2"));
  REQUIRE(third.run({}));
  CHECK_THROWS_WITH(third.adopt({{"lr", "1"}}), contains_text("the checkpoint does not say its epochs"));
}
