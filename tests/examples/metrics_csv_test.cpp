// SPDX-License-Identifier: MIT
#include "../../examples/common/metrics_csv.hpp"

#include "examples/scratch.hpp"

using namespace tapestry;
using namespace tapestry::examples;

namespace {

const std::string header = "epoch,train_loss,valid_loss,valid_accuracy,images_per_second,seconds\n";

MetricsRow row(std::int64_t epoch, double loss, double seconds = 12.5) { return {epoch, loss, loss + 0.25, 0.5, 1000, seconds}; }

/// What a checkpoint knows of an epoch: no times.
MetricsRow known(std::int64_t epoch, double loss) {
  MetricsRow result = row(epoch, loss);
  result.images_per_second = result.seconds = std::numeric_limits<double>::quiet_NaN();
  return result;
}

std::vector<std::int64_t> epochs_of(const std::vector<MetricsRow>& rows) {
  std::vector<std::int64_t> epochs;
  for (const auto& r : rows) epochs.push_back(r.epoch);
  return epochs;
}

}  // namespace

TEST_CASE("each row is in the file as soon as it is appended") {
  const Scratch scratch;
  const auto path = scratch / "metrics.csv";
  MetricsCsv csv = MetricsCsv::create(path);
  CHECK(read_text(path) == header);
  csv.append({1, 1.5, 1.25, 0.375, 1234.5678, 38.12345});
  CHECK(read_text(path) == header + "1,1.5,1.25,0.375,1234.568,38.123\n");
  csv.append({2, 1e-9, std::numeric_limits<double>::quiet_NaN(), 0.1, std::numeric_limits<double>::infinity(), 0});
  CHECK(read_text(path) == header + "1,1.5,1.25,0.375,1234.568,38.123\n2,1e-09,nan,0.1,inf,0\n");
  CHECK(epochs_of(csv.rows()) == std::vector<std::int64_t>{1, 2});
  MetricsCsv::create(path);
  CHECK(read_text(path) == header);
}

TEST_CASE("losses read back as the very same numbers") {
  const Scratch scratch;
  const auto path = scratch / "metrics.csv";
  MetricsCsv csv = MetricsCsv::create(path);
  const double loss = 1.0 / 3, tiny = 4.9e-324;
  csv.append({7, loss, tiny, std::nextafter(1.0, 0.0), 1, 1});
  csv.append({8, std::numeric_limits<double>::quiet_NaN(), -std::numeric_limits<double>::infinity(), 0, 1, 1});
  const auto rows = read_metrics(path);
  REQUIRE(rows.size() == 2);
  CHECK(rows[0].epoch == 7);
  CHECK(rows[0].train_loss == loss);
  CHECK(rows[0].valid_loss == tiny);
  CHECK(rows[0].valid_accuracy == std::nextafter(1.0, 0.0));
  CHECK(std::isnan(rows[1].train_loss));
  CHECK(rows[1].valid_loss == -std::numeric_limits<double>::infinity());
}

TEST_CASE("resuming trims what the checkpoint does not know and keeps the times of what it does") {
  const Scratch scratch;
  const auto path = scratch / "metrics.csv";
  {
    MetricsCsv csv = MetricsCsv::create(path);
    for (int epoch = 1; epoch <= 4; ++epoch) csv.append(row(epoch, 2.0 / epoch, epoch));
  }
  const std::string whole = read_text(path);
  MetricsCsv csv = MetricsCsv::resume(path, {known(1, 2.0), known(2, 1.0)});
  CHECK(read_text(path) == header + "1,2,2.25,0.5,1000,1\n2,1,1.25,0.5,1000,2\n");
  csv.append(row(3, 2.0 / 3, 3));
  csv.append(row(4, 0.5, 4));
  CHECK(read_text(path) == whole);
  CHECK(csv.rows().size() == 4);
}

TEST_CASE("resuming completes what a crash kept from the file") {
  const Scratch scratch;
  const auto path = scratch / "metrics.csv";
  write_text(path, header + "1,2,2.25,0.5,1000,1\n2,1,1.2");  // the second row broke off
  MetricsCsv::resume(path, {known(1, 2.0), known(2, 1.0)});
  CHECK(read_text(path) == header + "1,2,2.25,0.5,1000,1\n2,1,1.25,0.5,nan,nan\n");

  MetricsCsv::resume(path, {known(1, 2.5), known(2, 1.0), known(3, 0.5)});  // another run's first row does not count
  CHECK(read_text(path) == header + "1,2.5,2.75,0.5,nan,nan\n2,1,1.25,0.5,nan,nan\n3,0.5,0.75,0.5,nan,nan\n");

  std::filesystem::remove(path);
  MetricsCsv csv = MetricsCsv::resume(path, {known(1, 2.0)});
  csv.append(row(2, 1.0));
  CHECK(epochs_of(read_metrics(path)) == std::vector<std::int64_t>{1, 2});
  CHECK_FALSE(std::filesystem::exists(path.string() + ".tmp"));

  write_text(path, "");  // not even the header had been written
  MetricsCsv::resume(path, {});
  CHECK(read_text(path) == header);
}

TEST_CASE("a run whose losses are not numbers resumes too") {
  const Scratch scratch;
  const auto path = scratch / "metrics.csv";
  const double nan = std::numeric_limits<double>::quiet_NaN();
  MetricsCsv::create(path).append({1, nan, nan, 0.1, 500, 3});
  MetricsCsv::resume(path, {{1, nan, nan, 0.1, nan, nan}});
  CHECK(read_text(path) == header + "1,nan,nan,0.1,500,3\n");
}

TEST_CASE("a file of another kind is refused with its line, and left as it is") {
  const Scratch scratch;
  const auto path = scratch / "metrics.csv";
  const auto refused = [&](const std::string& text) {
    write_text(path, text);
    const std::string error = error_of<FileError>([&] { MetricsCsv::resume(path, {known(1, 1)}); });
    CHECK(read_text(path) == text);
    return error;
  };
  CHECK_THAT(refused("a,b,c\n1,2,3\n"), contains_text("line 1: expects the header epoch,train_loss"));
  for (const std::string line : {"1,2,3,4,5", "1,2,3,4,5,6,7", "1,2,3,4,5,x", "1.5,2,3,4,5,6", "", "1,,3,4,5,6", "1 2 3 4 5 6"})
    CHECK_THAT(refused(header + "1,2,3,4,5,6\n" + line + "\n"), contains_text("line 3: expects an epoch and five numbers"));
  CHECK_THAT(error_of<FileError>([&] { read_metrics(scratch / "none.csv"); }), contains_text("cannot open"));
  CHECK_THAT(error_of<FileError>([&] { MetricsCsv::create(scratch / "no/such/metrics.csv"); }), contains_text("metrics: cannot write"));
  write_text(path, header + "1,2,3,4,5,6\r\n");  // as a spreadsheet may have saved it
  CHECK(read_metrics(path).size() == 1);
}
