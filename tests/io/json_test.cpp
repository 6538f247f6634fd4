// SPDX-License-Identifier: MIT
#include "tapestry/io/json.hpp"

#include "support/catch.hpp"

using namespace tapestry;
using JsonKind = json::Value::Kind;

namespace {

/// Parses text that must be refused, and returns the message.
std::string json_refusal(const std::string& text) {
  try {
    json::parse(text);
  } catch (const FileError& error) {
    return error.what();
  }
  return "accepted: " + text;
}

std::string nested(int depth) {
  return std::string(static_cast<std::size_t>(depth), '[') + "1" + std::string(static_cast<std::size_t>(depth), ']');
}

std::string list_of(int count) {
  std::string text = "[0";
  for (int i = 1; i < count; ++i) text += ",0";
  return text + "]";
}

}  // namespace

TEST_CASE("values of each kind, members in their order, spaces anywhere") {
  const json::Value root = json::parse(" { \"b\" : [ 1 , \"two\" , [ ] , { } ] ,\r\n\t\"a\":\"\" , \"big\":9223372036854775807, \"zero\":0 } \n");
  REQUIRE(root.kind == JsonKind::object);
  REQUIRE(root.members.size() == 4);
  CHECK(root.members[0].name == "b");
  CHECK(root.members[1].name == "a");
  const json::Value& list = *root.find("b");
  REQUIRE(list.kind == JsonKind::array);
  REQUIRE(list.elements.size() == 4);
  CHECK(list.elements[0].kind == JsonKind::integer);
  CHECK(list.elements[0].number == 1);
  CHECK(list.elements[1].kind == JsonKind::string);
  CHECK(list.elements[1].text == "two");
  CHECK(list.elements[2].kind == JsonKind::array);
  CHECK(list.elements[3].kind == JsonKind::object);
  CHECK(root.find("a")->text.empty());
  CHECK(root.find("big")->number == std::numeric_limits<Index>::max());
  CHECK(root.find("zero")->number == 0);
  CHECK(root.find("c") == nullptr);
}

TEST_CASE("escapes, surrogate pairs and UTF-8") {
  CHECK(json::parse(R"("\"\\\/\b\f\n\r\t")").text == "\"\\/\b\f\n\r\t");
  CHECK(json::parse(R"("\u0041\u00e9\u00E9\u20ac\u0000")").text == std::string("A\xC3\xA9\xC3\xA9\xE2\x82\xAC\0", 9));
  CHECK(json::parse(R"("\ud83d\ude00")").text == "\xF0\x9F\x98\x80");
  CHECK(json::parse(R"("\udbff\udfff")").text == "\xF4\x8F\xBF\xBF");
  CHECK(json::parse("\"\xC3\xA9 \xF0\x9F\x98\x80\"").text == "\xC3\xA9 \xF0\x9F\x98\x80");
  for (const char* half : {R"("\ud83d")", R"("\ude00")", R"("\ud83dx")", R"("\ud83d\n")", R"("\ud83d\u0041")", R"("\ud83d\ud83d")"})
    CHECK_THAT(json_refusal(half), contains_text("half of a surrogate pair"));
  for (const char* digits : {R"("\u12")", R"("\u12g4")", R"("\u-123")", R"("\u+123")", R"("\u)", R"("\ud83d\u12)", R"("\u 123")"})
    CHECK_THAT(json_refusal(digits), contains_text("four hexadecimal digits"));
  // Stray continuation, cut off, longer than needed, surrogate, beyond the last code point, no lead byte.
  for (const char* bytes : {"\x80", "\xC3", "\xE2\x82", "\xC0\xAF", "\xE0\x80\xAF", "\xF0\x80\x80\xAF", "\xED\xA0\x80", "\xF4\x90\x80\x80", "\xF5\x80\x80\x80", "\xFF"}) {
    CHECK_FALSE(json::is_utf8(bytes));
    CHECK_THAT(json_refusal("\"" + std::string(bytes) + "\""), contains_text("not UTF-8"));
  }
}

TEST_CASE("what is not of the subset is refused, the byte and the cause named") {
  const auto check = [](const std::string& text, const std::string& cause) {
    INFO(text);
    CHECK_THAT(json_refusal(text), contains_text(cause));
    CHECK_THAT(json_refusal(text), contains_text("json: byte "));
  };
  for (const char* cut : {"", " ", "{", "[", "[1", "[1,", "{\"a\"", "{\"a\":", "{\"a\":1", "{\"a\":1,"}) check(cut, "text ends in the middle of a value");
  for (const char* open : {"\"", "\"abc", "\"abc\\", "{\"a"}) check(open, "string without end");
  for (const char* no_name : {"{1:2}", "{a:1}", "{\"a\":1,}", "{,}"}) check(no_name, "expected a name in quotes");
  for (const char* value : {"true", "false", "null", "NaN", "-1", "-0", "+1", ".5", "[1,]", "[,]", "'a'", "x", "9223372036854775808", "--1", "}"})
    check(value, "expected an object, an array, a string or an integer from 0");
  for (const char* fraction : {"1.5", "1e3", "1E3", "[0.0]"}) check(fraction, "got a fraction");
  for (const char* zero : {"00", "01", "[007]"}) check(zero, "leading 0");
  for (const char* behind : {"1 2", "{} {}", "[]]", "\"a\"b", "0x10"}) check(behind, "text behind the value");
  check(std::string("1\0", 2), "text behind the value");
  check("{\"a\" 1}", "expected ':', got '1'");
  check("{\"a\":1 \"b\":2}", "expected '}', got '\"'");
  check("[1 2]", "expected ']', got '2'");
  check("[1}", "expected ']', got '}'");
  check("\"\\x\"", "unknown escape");
  check("\"a\nb\"", "control character");
  check("{\"a\":1,\"b\":2,\"a\":3}", "name \"a\" stands twice");
  check("{\"a\":1,\"\\u0061\":2}", "name \"a\" stands twice");
  CHECK(json_refusal("[1, x]") == "json: byte 4: expected an object, an array, a string or an integer from 0");
}

TEST_CASE("depth and length have limits, whatever the text claims") {
  CHECK(json::parse(nested(8)).kind == JsonKind::array);
  CHECK_THAT(json_refusal(nested(9)), contains_text("nesting deeper than 8"));
  CHECK_THAT(json_refusal(std::string(1'000'000, '[')), contains_text("nesting deeper than 8"));
  std::string objects;
  for (int i = 0; i < 100'000; ++i) objects += "{\"a\":";
  CHECK_THAT(json_refusal(objects), contains_text("nesting deeper than 8"));
  CHECK(json::parse(list_of(64)).elements.size() == 64);
  CHECK_THAT(json_refusal(list_of(65)), contains_text("array longer than 64"));
}

TEST_CASE("what quoted() writes reads back the same") {
  std::string every;
  for (char c = 0; c < 127; ++c) every += c;
  every += "\xC3\xA9\xF0\x9F\x98\x80";
  CHECK(json::parse(json::quoted(every)).text == every);
  CHECK(json::quoted("a\"b\\c\n\x1f") == "\"a\\\"b\\\\c\\u000a\\u001f\"");
  CHECK(json::quoted("") == "\"\"");
}
