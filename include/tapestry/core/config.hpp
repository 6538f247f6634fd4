// SPDX-License-Identifier: MIT
#pragma once

/// The version, and the only macros of the library.
#define TAPESTRY_VERSION_MAJOR 0
#define TAPESTRY_VERSION_MINOR 1
#define TAPESTRY_VERSION_PATCH 0

// Everything lives in an inline namespace that names the version and whether OpenMP is on, so that two files
// of one program that were built differently never share an inline function whose bodies differ.
#ifdef _OPENMP
#define TAPESTRY_ABI v0_1_openmp
#else
#define TAPESTRY_ABI v0_1_serial
#endif

// Another macro is the user's: who links tapestry::compiled has TAPESTRY_COMPILED defined. All it does is to declare, by `extern template`,
// what that library holds ready, so that it is not compiled again.

// Before a loop with a fixed number of turns that work on registers, and before a long loop of few instructions.
#ifdef __clang__
#define TAPESTRY_UNROLL _Pragma("clang loop unroll(full)")
#define TAPESTRY_UNROLL_TWICE _Pragma("clang loop unroll_count(2)")
#else
#define TAPESTRY_UNROLL _Pragma("GCC unroll 16")
#define TAPESTRY_UNROLL_TWICE _Pragma("GCC unroll 2")
#endif
