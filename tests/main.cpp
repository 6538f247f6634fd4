// SPDX-License-Identifier: MIT
#define CATCH_CONFIG_RUNNER  // Catch2 2 keeps its implementation behind this name; 3 ignores it
#include "support/catch.hpp"

int main(int argc, char* argv[]) { return Catch::Session().run(argc, argv); }
