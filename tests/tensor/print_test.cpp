// SPDX-License-Identifier: MIT
#include "tapestry/tensor/print.hpp"

#include <sstream>

#include "golden/golden.hpp"
#include "support/catch.hpp"
#include "support/devices.hpp"
#include "tapestry/tensor/creation.hpp"

using namespace tapestry;

TEST_CASE("tensors print as PyTorch prints them", "[tensor][print]") {
  test::Golden golden("print_tensor");
  const auto texts = test::golden_texts("print_tensor.txt");
  REQUIRE(texts.size() >= 50);
  for (const auto& [name, expected] : texts) {
    INFO(name);
    const AnyTensor* found = find(golden.tensors(), name);
    REQUIRE(found);
    const std::string printed = visit_dtype(found->dtype(), [&]<Scalar T>(T) { return to_string(found->as<T>()); });
    CHECK(printed == expected);
  }
}

TEST_CASE("printing is in logical order and tells of device and gradients", "[tensor][print]") {
  const auto x = arange<double>(12).with_shape({1, 3, 2, 2});
  const auto last = in_layout(x, Layout::channels_last);
  REQUIRE(last.layout() == Layout::channels_last);
  CHECK(to_string(last) == to_string(x));
  CHECK(to_string(ones({2}).requires_grad(true)) == "tensor([1., 1.], requires_grad=True)");
  CHECK(to_string(ones<double>({}).requires_grad(true)) == "tensor(1., dtype=torch.float64, requires_grad=True)");
  CHECK(to_string(ones({2}, reference())) == "tensor([1., 1.], device='reference')");
  CHECK(to_string(Tensor<float>()) == "tensor(undefined)");
  std::ostringstream out;
  out << tensor<Index>({{1, 2}, {3, 4}}) << '\n';
  CHECK(out.str() == "tensor([[1, 2],\n        [3, 4]])\n");
}

TEST_CASE("suffixes move to a line of their own where the last one is full", "[tensor][print]") {
  const auto x = full<double>({1, 7}, 10.125).requires_grad(true);
  CHECK(to_string(x) ==
        "tensor([[10.1250, 10.1250, 10.1250, 10.1250, 10.1250, 10.1250, 10.1250]],\n       dtype=torch.float64, requires_grad=True)");
}
