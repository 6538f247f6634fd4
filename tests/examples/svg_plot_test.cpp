// SPDX-License-Identifier: MIT
#include "../../examples/common/svg_plot.hpp"

#include "examples/scratch.hpp"

using namespace tapestry;
using namespace tapestry::examples;

namespace {

std::vector<MetricsRow> run(int epochs) {
  std::vector<MetricsRow> rows;
  for (int i = 1; i <= epochs; ++i) rows.push_back({i, 1.2 + 1.1 / i, 1.3 + 0.9 / i, 0.6 - 0.35 / i, 1000, 10});
  return rows;
}

/// Empty if each element is closed in its turn and no bare < or & stands in a text; else what is wrong.
std::string malformed(const std::string& xml) {
  std::vector<std::string> open;
  for (std::size_t at = 0; at < xml.size();) {
    if (xml[at] == '&') {
      const std::size_t end = xml.find(';', at);
      if (end == std::string::npos || end - at > 5) return "bare & at " + xml.substr(at, 20);
      at = end + 1;
    } else if (xml[at] != '<') {
      ++at;
    } else {
      const std::size_t end = xml.find('>', at);
      const std::string tag = xml.substr(at + 1, end - at - 1);
      if (end == std::string::npos || tag.find('<') != std::string::npos) return "bare < at " + xml.substr(at, 20);
      if (std::count(tag.begin(), tag.end(), '"') % 2) return "odd quotes in " + tag;
      const std::string name = tag.substr(0, tag.find_first_of(" /", 1));
      if (tag[0] == '/') {
        if (open.empty() || "/" + open.back() != tag) return "unexpected " + tag;
        open.pop_back();
      } else if (tag.back() != '/') {
        open.push_back(name);
      }
      at = end + 1;
    }
  }
  return open.empty() ? "" : "unclosed " + open.back();
}

std::size_t count_of(const std::string& text, const std::string& part) {
  std::size_t count = 0;
  for (std::size_t at = 0; (at = text.find(part, at)) != std::string::npos; at += part.size()) ++count;
  return count;
}

struct Label {
  double x, y, left, right;
  std::string text;
};

/// The texts of the picture with their extent, 7.2 units a character being more than 12px letters take on average.
std::vector<Label> labels_of(const std::string& svg) {
  std::vector<Label> labels;
  for (std::size_t at = 0; (at = svg.find("<text x=\"", at)) != std::string::npos; ++at) {
    Label label;
    label.x = std::stod(svg.substr(at + 9));
    label.y = std::stod(svg.substr(svg.find("y=\"", at) + 3));
    const std::size_t begin = svg.find('>', at) + 1;
    label.text = svg.substr(begin, svg.find('<', begin) - begin);
    const double width = 7.2 * static_cast<double>(label.text.size());
    const std::string anchor = svg.substr(svg.find("anchor=\"", at) + 8, 3);
    label.left = label.x - (anchor == "mid" ? width / 2 : anchor == "end" ? width : 0);
    label.right = label.left + width;
    labels.push_back(label);
  }
  return labels;
}

/// The texts lie within the picture and none covers another.
void check_labels(const std::string& svg) {
  const auto labels = labels_of(svg);
  REQUIRE(labels.size() > 5);
  for (std::size_t i = 0; i < labels.size(); ++i) {
    INFO(labels[i].text);
    CHECK(labels[i].left >= 0);
    CHECK(labels[i].right <= 900);
    CHECK(labels[i].y >= 12);
    CHECK(labels[i].y <= 398);
    for (std::size_t k = 0; k < i; ++k) {
      INFO(labels[k].text);
      CHECK((std::abs(labels[i].y - labels[k].y) >= 12 || labels[i].left >= labels[k].right || labels[k].left >= labels[i].right));
    }
  }
}

/// No coordinate is anything but a number.
void check_numbers(const std::string& svg) {
  CHECK(svg.find("nan") == std::string::npos);
  CHECK(svg.find("inf") == std::string::npos);
}

}  // namespace

TEST_CASE("the curves are well-formed and readable for any number of epochs") {
  for (int epochs : {0, 1, 2, 3, 7, 10, 12, 13, 25, 30, 31, 64, 99, 100, 101, 150, 1000, 12345}) {
    INFO(epochs << " epochs");
    const std::string svg = curves_svg("cifar10_train", run(epochs));
    CHECK(malformed(svg).empty());
    check_labels(svg);
    check_numbers(svg);
    CHECK(count_of(svg, "<path") == (epochs == 0 ? 0u : 3u));
    CHECK(count_of(svg, "<circle") == (epochs <= 30 ? 3u * static_cast<unsigned>(epochs) : 0u));
    CHECK_THAT(svg, contains_text("width=\"900\" height=\"400\""));
    for (const char* part : {">loss<", ">accuracy<", ">train<", ">validation<", ">epoch<"}) CHECK_THAT(svg, contains_text(part));
  }
}

TEST_CASE("values lie where the axes say") {
  // Losses from 1 to 2: the axis runs from 1 to 2, top at y = 96, bottom at 343; epochs 1 and 3 at its left and right end.
  const std::vector<MetricsRow> rows = {{1, 2, 1.5, 0, 1, 1}, {2, 1.75, 1.5, 0.5, 1, 1}, {3, 1, 1.5, 1, 1, 1}};
  const std::string svg = curves_svg("t", rows);
  CHECK_THAT(svg, contains_text("d=\"M64.0,96.0 L247.0,157.8 L430.0,343.0\""));
  CHECK_THAT(svg, contains_text("d=\"M64.0,219.5 L247.0,219.5 L430.0,219.5\""));
  CHECK_THAT(svg, contains_text("d=\"M514.0,343.0 L697.0,219.5 L880.0,96.0\""));
  CHECK_THAT(svg, contains_text("validation (best 1.000, epoch 3)"));
}

TEST_CASE("what is not finite leaves a gap, and a point alone is a dot") {
  const double nan = std::numeric_limits<double>::quiet_NaN(), inf = std::numeric_limits<double>::infinity();
  auto rows = run(40);
  rows[3].train_loss = nan;
  rows[5].train_loss = inf;
  rows[10].valid_loss = -inf;
  rows[20].valid_accuracy = nan;
  const std::string svg = curves_svg("gaps", rows);
  CHECK(malformed(svg).empty());
  check_numbers(svg);
  CHECK(count_of(svg, " M") == 4);      // the lines begin anew after each gap
  CHECK(count_of(svg, "<circle") == 1);  // epoch 5 stands between two gaps

  for (auto& r : rows) r.train_loss = r.valid_loss = r.valid_accuracy = nan;
  const std::string empty = curves_svg("nothing known", rows);
  CHECK(malformed(empty).empty());
  check_numbers(empty);
  check_labels(empty);
  CHECK(count_of(empty, "<path") == 0);

  auto missing = run(5);  // a row that is missing moves no other
  missing.erase(missing.begin() + 2);
  CHECK(count_of(curves_svg("", missing), " M") == 3);
}

TEST_CASE("axes end at nice ticks around all values, however large, small or alike") {
  using examples::detail::nice_axis;
  const double inf = std::numeric_limits<double>::infinity();
  for (const auto& [low, high] : std::vector<std::pair<double, double>>{
           {0, 1}, {1.29, 2.31}, {0.57, 0.574}, {1, 1}, {0, 0}, {-3, -3}, {1e-9, 2e-9}, {1e6, 3e9}, {-5, 7}, {1e300, 1e300}, {0.1, 1e5}}) {
    INFO(low << " to " << high);
    const auto axis = nice_axis(low, high, -inf, inf, 5);
    CHECK(axis.low <= low + 1e-6 * axis.step);
    CHECK(axis.high >= high - 1e-6 * axis.step);
    CHECK(axis.ticks() >= 2);
    CHECK(axis.ticks() <= 11);
    const double digit = axis.step / std::pow(10, std::floor(std::log10(axis.step) + 1e-9));
    CHECK((std::abs(digit - 1) < 1e-6 || std::abs(digit - 2) < 1e-6 || std::abs(digit - 5) < 1e-6));
  }
  CHECK(nice_axis(0, 1, 0, 1, 5).low == 0);
  CHECK(nice_axis(1, 1, 0, 1, 5).high <= 1.0 + 1e-9);
  CHECK(nice_axis(0, 0, 0, 1, 5).low >= -1e-9);
  CHECK(examples::detail::tick_text(0.35, 0.05) == "0.35");
  CHECK(examples::detail::tick_text(2, 0.5) == "2.0");
  CHECK(examples::detail::tick_text(30, 10) == "30");
  CHECK(examples::detail::tick_text(-1e-17, 0.2) == "0.0");
  CHECK(examples::detail::tick_text(2.5e5, 5e4) == "2.5e5");
  CHECK(examples::detail::tick_text(3e-10, 1e-10) == "3e-10");
  CHECK(examples::detail::tick_text(3e-9, 1e-9) == "3e-9");
  for (double scale : {1e-12, 1e-3, 1e4, 1e20, 1e300}) {
    auto rows = run(3);
    for (auto& r : rows) r.train_loss *= scale, r.valid_loss *= scale;
    const std::string svg = curves_svg("", rows);
    check_labels(svg);
    check_numbers(svg);
  }
}

TEST_CASE("titles may hold any characters") {
  const std::string svg = curves_svg("a < b & \"c\" > d\n\x01", run(2));
  CHECK(malformed(svg).empty());
  CHECK_THAT(svg, contains_text("a &lt; b &amp; &quot;c&quot; &gt; d  <"));
}

TEST_CASE("the file is written whole, or the old one stays") {
  const Scratch scratch;
  write_curves(scratch / "curves.svg", "t", run(3));
  CHECK(read_text(scratch / "curves.svg") == curves_svg("t", run(3)));
  CHECK_FALSE(std::filesystem::exists(scratch / "curves.svg.tmp"));
  CHECK_THAT(error_of<FileError>([&] { write_curves(scratch / "no/curves.svg", "t", run(3)); }), contains_text("curves: cannot write"));
  CHECK_THROWS_AS(curves_svg("t", {run(1)[0], {2'000'002, 1, 1, 1, 1, 1}}), ValueError);
}
