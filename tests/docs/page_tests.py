# SPDX-License-Identifier: MIT
"""page_tests.py PAGE.md TESTS.cpp: turns the programs of a page into tests.

A program is a block of C++ with `int main()`. The block of text right after it, if there is one, is what the program prints. Programs stand in
the generated file as they stand on the page, each in a namespace of its own; their includes come first, once for all. A block that begins with
```cpp compile is compiled and not run, since it needs what a test does not have.
"""
import pathlib
import re
import sys

page, out = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
text = page.read_text(encoding="utf-8")
includes, tests = [], []
for block in re.finditer(r"^```cpp( compile)?\n(.*?)^```\n(?:\s*^```text\n(.*?)^```\n)?", text, re.M | re.S):
    only_compile, code, printed = block.groups()
    if "int main()" not in code:
        continue
    line = text.count("\n", 0, block.start()) + 2
    if len(code.splitlines()) > 22:
        sys.exit(f"{page.name}, line {line}: a program of {len(code.splitlines())} lines; ten are enough")
    includes += [include for include in re.findall(r"^#include .*$", code, re.M) if include not in includes]
    body = re.sub(r"^#include .*$", "", code, flags=re.M).replace("int main()", "void run()")
    name = f"program_{line}"
    check = f"CHECK(printed_by({name}::run) ==\n        R\"page({printed})page\");" if printed is not None else f"printed_by({name}::run);"
    if only_compile:
        check = f"CHECK(&{name}::run != nullptr);"
    tests.append(f'namespace {name} {{\n#line {line} "{page.name}"\n{body}}}\nTEST_CASE("{page.name}, program of line {line}") {{\n  {check}\n}}\n')
if not tests:
    sys.exit(f"{page.name}: holds no program")

out.write_text("\n".join(includes) + """
#include <sstream>
#include "support/catch.hpp"

static std::string printed_by(void (*run)()) {
  std::ostringstream text;
  std::streambuf* const outer = std::cout.rdbuf(text.rdbuf());
  try {
    run();
  } catch (...) {
    std::cout.rdbuf(outer);
    throw;
  }
  std::cout.rdbuf(outer);
  return text.str();
}

""" + "\n".join(tests), encoding="utf-8")
