// SPDX-License-Identifier: MIT
// The rules of the house that the compiler does not check: which floor may include which, what a file must and must not contain.
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <regex>
#include <set>
#include <string>
#include <vector>

#include "support/catch.hpp"

namespace {

namespace fs = std::filesystem;

const fs::path root = TAPESTRY_SOURCE_DIR;
const fs::path library = root / "include" / "tapestry";

struct File {
  std::string name;                   // relative to include/tapestry or to the root
  std::vector<std::string> lines;
  std::vector<std::string> includes;  // of the library's own files, by name
  std::vector<std::string> system;    // what stands in angle brackets
};

File read(const fs::path& path, const fs::path& base) {
  File file{fs::relative(path, base).generic_string(), {}, {}, {}};
  static const std::regex quoted("^\\s*#\\s*include\\s*\"([^\"]+)\"");
  static const std::regex angled("^\\s*#\\s*include\\s*<([^>]+)>");
  std::ifstream in(path);
  std::smatch match;
  for (std::string line; std::getline(in, line);) {
    if (std::regex_search(line, match, quoted))
      file.includes.push_back(fs::relative((path.parent_path() / match[1].str()).lexically_normal(), base).generic_string());
    if (std::regex_search(line, match, angled)) file.system.push_back(match[1]);
    file.lines.push_back(line);
  }
  return file;
}

std::vector<File> files_under(const fs::path& folder, const fs::path& base, const std::set<std::string>& extensions) {
  std::vector<File> files;
  if (fs::exists(folder))
    for (const auto& entry : fs::recursive_directory_iterator(folder))
      if (entry.is_regular_file() && extensions.contains(entry.path().extension().string())) files.push_back(read(entry.path(), base));
  std::sort(files.begin(), files.end(), [](const File& a, const File& b) { return a.name < b.name; });
  return files;
}

const std::vector<File>& headers() {
  static const std::vector<File> files = files_under(library, library, {".hpp", ".cuh", ".h"});
  return files;
}

/// The floor of a file: its first folder, and under backend/ the second too. backend/kernels.hpp finds a device's kernels, so it stands
/// above those of the CPU.
std::string floor_of(const std::string& name) {
  if (name == "backend/kernels.hpp") return name;
  const auto first = name.find('/');
  if (first == std::string::npos) return name;
  if (!name.starts_with("backend/")) return name.substr(0, first);
  const auto second = name.find('/', first + 1);
  return second == std::string::npos ? "backend" : name.substr(0, second);
}

/// What a floor may include besides itself. optim, io and data are siblings that never include one another.
const std::map<std::string, std::set<std::string>>& allowed() {
  static const auto table = [] {
    std::map<std::string, std::set<std::string>> below;
    const auto add = [&](const std::string& floor, std::initializer_list<std::string> on) {
      for (const std::string& lower : on) {
        below[floor].insert(lower);
        below[floor].insert(below[lower].begin(), below[lower].end());
      }
      below[floor];
    };
    add("core", {});
    add("backend", {"core"});
    add("backend/reference", {"backend"});
    add("backend/cpu", {"backend/reference"});
    add("backend/cuda", {"backend/reference"});
    add("backend/meta", {"backend"});
    add("backend/kernels.hpp", {"backend/cpu"});
    add("tensor", {"backend/kernels.hpp", "backend/meta"});
    add("autograd", {"tensor"});
    add("ops", {"autograd"});
    add("nn", {"ops"});
    add("optim", {"nn"});
    add("io", {"nn"});
    add("data", {"nn"});
    add("models", {"optim", "io", "data"});
    add("compiled", {"optim"});
    add("interop", {"tensor"});
    return below;
  }();
  return table;
}

/// Of io only what a training run needs: formats of others are included by name, since not every program reads them.
bool in_umbrella(const std::string& name) {
  if (name.starts_with("models/")) return name == "models/cifar_net.hpp";  // the others cost parsing time that few want to pay
  static const std::set<std::string> io{"io/checkpoint.hpp", "io/element_type.hpp", "io/file.hpp", "io/json.hpp", "io/memory_budget.hpp", "io/safetensors.hpp"};
  if (name.starts_with("io/")) return io.contains(name);
  if (name.starts_with("data/text/")) return false;
  return name != "tapestry.hpp" && !name.starts_with("interop/") && !name.starts_with("backend/cuda/") && name != "backend/cpu/gemm_eigen.hpp";
}

}  // namespace

TEST_CASE("includes run downward, floor by floor") {
  REQUIRE(headers().size() > 10);
  for (const File& file : headers()) {
    if (file.name == "tapestry.hpp") continue;
    const std::string floor = floor_of(file.name);
    INFO(file.name << " on floor " << floor);
    REQUIRE(allowed().contains(floor));
    for (const std::string& included : file.includes) {
      INFO("includes " << included);
      CHECK(fs::exists(library / included));
      const std::string other = floor_of(included);
      CHECK((other == floor || allowed().at(floor).contains(other)));
    }
  }
}

TEST_CASE("no header includes itself by a detour") {
  std::map<std::string, const File*> by_name;
  for (const File& file : headers()) by_name[file.name] = &file;
  std::set<std::string> done;
  std::vector<std::string> path;
  const auto visit = [&](const auto& self, const std::string& name) -> void {
    if (done.contains(name) || !by_name.contains(name)) return;
    INFO("include chain ends at " << name);
    const bool on_path = std::find(path.begin(), path.end(), name) != path.end();
    CHECK_FALSE(on_path);
    if (on_path) return;
    path.push_back(name);
    for (const std::string& included : by_name.at(name)->includes) self(self, included);
    path.pop_back();
    done.insert(name);
  };
  for (const File& file : headers()) visit(visit, file.name);
}

TEST_CASE("the library stands on the standard library and OpenMP alone, and on its light headers") {
  const std::set<std::string> heavy{"iostream", "format", "regex", "ranges"};
  for (const File& file : headers()) {
    const bool optional = !in_umbrella(file.name) && file.name != "tapestry.hpp";
    for (const std::string& header : file.system) {
      INFO(file.name << " includes <" << header << ">");
      CHECK_FALSE(heavy.contains(header));
      if (optional || !header.ends_with(".h")) {
        CHECK((optional || header.find('/') == std::string::npos));
        continue;
      }
      // Of the C headers only what has no C++ form: OpenMP, CPU features, names of types, and the system calls of files and memory.
      const std::set<std::string> system{"omp.h", "cxxabi.h", "immintrin.h", "cpuid.h", "unistd.h", "fcntl.h", "sys/mman.h", "sys/stat.h"};
      CHECK(system.contains(header));
    }
  }
}

TEST_CASE("the umbrella includes every header of its floors and nothing else") {
  const File umbrella = read(library / "tapestry.hpp", library);
  const std::set<std::string> included(umbrella.includes.begin(), umbrella.includes.end());
  CHECK(included.size() == umbrella.includes.size());
  for (const File& file : headers()) {
    if (!in_umbrella(file.name)) continue;
    INFO(file.name);
    CHECK(included.contains(file.name));
  }
  for (const std::string& name : umbrella.includes) {
    INFO(name);
    CHECK((in_umbrella(name) && fs::exists(library / name)));
  }
  for (const std::string& line : umbrella.lines) {
    INFO(line);
    CHECK((line.empty() || line.starts_with("//") || line == "#pragma once" || line.starts_with("#include \"")));
  }
}

TEST_CASE("no macro but those of core/config.hpp outlives its file, and only kernels of the CPU ask for compiler flags") {
  static const std::regex define("^\\s*#\\s*define\\s+(\\w+)"), condition("^\\s*#\\s*(if|ifdef|ifndef|elif)\\b");
  for (const File& file : headers()) {
    if (file.name == "core/config.hpp" || file.name == "compiled/layers.hpp") continue;
    std::smatch match;
    for (const std::string& line : file.lines) {
      INFO(file.name << ": " << line);
      if (std::regex_search(line, match, define)) {
        CHECK(match[1].str().starts_with("TAPESTRY_"));
        CHECK(std::find(file.lines.begin(), file.lines.end(), "#undef " + match[1].str()) != file.lines.end());
      }
      if (line == "#ifdef TAPESTRY_COMPILED") continue;  // declares what is compiled already
      if (floor_of(file.name) != "backend/cpu") CHECK_FALSE(std::regex_search(line, condition));
    }
  }
}

TEST_CASE("every source file names its licence, every header is included once, none is called utils") {
  std::vector<File> files;
  for (const char* folder : {"include", "tests", "examples", "benchmarks"})
    for (File& file : files_under(root / folder, root, {".hpp", ".cpp", ".cuh", ".cu"})) files.push_back(std::move(file));
  REQUIRE(files.size() > 20);
  for (const File& file : files) {
    INFO(file.name);
    REQUIRE_FALSE(file.lines.empty());
    CHECK(file.lines.front() == "// SPDX-License-Identifier: MIT");
    CHECK(file.name.find("util") == std::string::npos);
    CHECK(file.name.find("helper") == std::string::npos);
    if (file.name.ends_with(".hpp")) CHECK(std::find(file.lines.begin(), file.lines.end(), "#pragma once") != file.lines.end());
  }
}

TEST_CASE("a layer's file is a lesson: under 150 lines, for a reader with one screen") {
  for (const File& file : headers()) {
    INFO(file.name << " has " << file.lines.size() << " lines");
    const std::string floor = floor_of(file.name);
    if (floor == "ops" || floor == "nn") CHECK(file.lines.size() < 150);
    if (file.lines.size() > 200) WARN(file.name << " has " << file.lines.size() << " lines");
  }
}

TEST_CASE("every header lives in the namespace of its version") {
  for (const File& file : headers()) {
    const auto outermost = std::find_if(file.lines.begin(), file.lines.end(), [](const std::string& line) { return line.starts_with("namespace "); });
    if (outermost == file.lines.end()) continue;  // nothing but includes or macros
    INFO(file.name << ": " << *outermost);
    CHECK(outermost->starts_with("namespace tapestry::inline TAPESTRY_ABI"));
  }
}
