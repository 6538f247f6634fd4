#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# What does including the library cost? Compile time and peak memory of a first user's program at -O2, best and median of five runs,
# with every installed compiler of g++ and clang++; beside it the same file with the standard headers alone that the library includes.
#   bash benchmarks/compile_cost.sh [RUNS]
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
source scripts/install_packages
install_packages g++ time

runs=${1:-5}
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

program=tests/consumer/project/first_program.cpp
# The floor below which no header-only library comes: the same standard headers and nothing else.
{
  grep -rhoE '^#include <[a-z_]+>' include/tapestry --include='*.hpp' --exclude-dir=interop --exclude-dir=cuda --exclude=gemm_eigen.hpp | sort -u
  echo '#include <iostream>'
  echo 'int main() { std::cout << 1; }'
} >"$scratch/standard_headers_only.cpp"

measure() {  # measure COMPILER FILE: the seconds and the megabytes of each run
  local i
  for ((i = 0; i < runs; ++i)); do
    /usr/bin/time -f '%e %M' -o "$scratch/cost" "$1" -std=c++20 -O2 -fopenmp -I include -c "$2" -o "$scratch/object.o"
    tail -n 1 "$scratch/cost"
  done | sort -n | awk '{ seconds[NR] = $1; if ($2 > memory) memory = $2 }
    END { printf "%6.2f s best  %6.2f s median  %5.0f MB peak\n", seconds[1], seconds[int((NR + 1) / 2)], memory / 1024 }'
}

for compiler in g++ clang++; do
  command -v "$compiler" >/dev/null || continue
  for file in "$program" "$scratch/standard_headers_only.cpp"; do
    printf '%-8s %-26s %s\n' "$compiler" "$(basename "$file")" "$(measure "$compiler" "$file")"
  done
done
