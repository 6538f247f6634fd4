// SPDX-License-Identifier: MIT
// What the machine can do at most: multiply-adds in float32 on all threads, and memory bandwidth. Speeds elsewhere are shares of these.
//
// machine [--threads N]; prints {"peak": GF/s, "bandwidth": GB/s, "instructions": name}, the best of several tries
#include <cstdio>

#include "machine.hpp"

using namespace tapestry;

int main(int argc, char** argv) try {
  if (argc == 3 && argv[1] == std::string_view("--threads"))
    set_num_threads(std::atoi(argv[2]));
  else if (argc != 1)
    throw ValueError("machine: usage: machine [--threads N]");
  std::printf("{\"peak\": %.1f, \"bandwidth\": %.1f, \"instructions\": \"%s\"}\n", benchmarks::peak() * 1e-9, benchmarks::bandwidth() * 1e-9,
              name_of(instruction_set()).data());
} catch (const std::exception& error) {
  std::fprintf(stderr, "%s\n", error.what());
  return 1;
}
