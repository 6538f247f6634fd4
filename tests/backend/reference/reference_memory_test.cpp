// SPDX-License-Identifier: MIT
#include <tapestry/backend/reference/reference_memory.hpp>

#include <cmath>
#include <vector>

#include "support/catch.hpp"

#if defined(__unix__) || defined(__APPLE__)
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#define TAPESTRY_TEST_HAS_FORK
#endif

using namespace tapestry;

TEST_CASE("reference memory copies to, from and within itself") {
  ReferenceMemory<> memory;
  CHECK(memory.name() == "reference");
  CHECK_FALSE(memory.host_readable());
  void* a = memory.allocate(24);
  void* b = memory.allocate(24);
  const std::vector<double> values{1, 2, 3};
  memory.copy_from_host(a, values.data(), 24);
  memory.copy(b, a, 24);
  std::vector<double> back(3);
  memory.copy_to_host(back.data(), b, 24);
  CHECK(back == values);
  memory.deallocate(a, 24);
  memory.deallocate(b, 24);
}

TEST_CASE("reference memory is aligned, starts as NaN, and allows nothing at all") {
  ReferenceMemory<> memory;
  for (std::size_t bytes : {std::size_t{8}, std::size_t{24}, std::size_t{1000}}) {
    void* data = memory.allocate(bytes);
    CHECK(reinterpret_cast<std::uintptr_t>(data) % 64 == 0);
    double first = 0;
    memory.copy_to_host(&first, data, sizeof first);
    CHECK(std::isnan(first));
    memory.deallocate(data, bytes);
  }
  void* nothing = memory.allocate(0);
  CHECK(nothing != nullptr);
  memory.copy_from_host(nothing, nullptr, 0);
  memory.deallocate(nothing, 0);
  memory.deallocate(nullptr, 0);
}

TEST_CASE("reference primitives refuse another device's pointer, and leave null alone") {
  ReferenceMemory<> memory;
  double on_host[2] = {1, 2};
  void* data = memory.allocate(16);
  CHECK_THROWS_WITH(memory.copy(data, on_host, 16), "reference: pointer must be of this device's memory, got memory of another device");
  CHECK_THROWS_AS(memory.copy(on_host, data, 16), TypeError);
  CHECK_THROWS_AS(memory.copy_to_host(on_host, on_host, 16), TypeError);
  CHECK(on_host[0] == 1);
  CHECK(detail::host(static_cast<double*>(nullptr)) == nullptr);
  memory.deallocate(data, 16);
}

#ifdef TAPESTRY_TEST_HAS_FORK
namespace {
/// The status of a child process that runs f and then leaves with 0.
template <class F>
int status_of_child(F&& f) {
  const pid_t child = fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    std::signal(SIGSEGV, SIG_DFL);  // neither the test framework nor a sanitizer shall report the fault that is wanted
    std::signal(SIGBUS, SIG_DFL);
    close(STDERR_FILENO);
    f();
    _exit(0);
  }
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  return status;
}

bool faulted(int status) {
  if (WIFSIGNALED(status)) return WTERMSIG(status) == SIGSEGV || WTERMSIG(status) == SIGBUS;
  return WIFEXITED(status) && WEXITSTATUS(status) != 0;  // how a sanitizer ends a process that faults
}
}  // namespace

TEST_CASE("the host can neither read nor write reference memory") {
  ReferenceMemory<> memory;
  auto* data = static_cast<volatile double*>(memory.allocate(16));
  CHECK(faulted(status_of_child([&] { (void)data[1]; })));
  CHECK(faulted(status_of_child([&] { data[0] = 1; })));
  // The same reads through the real address pass: it is the tag that protects.
  CHECK_FALSE(faulted(status_of_child([&] { (void)detail::host(data)[1]; })));
  memory.deallocate(const_cast<double*>(data), 16);
}
#endif
