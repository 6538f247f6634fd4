// SPDX-License-Identifier: MIT
#include "tapestry/autograd/tape.hpp"

#include <thread>

#include "support/catch.hpp"
#include "support/devices.hpp"
#include "tapestry/ops/arithmetic.hpp"
#include "tapestry/ops/convert.hpp"
#include "tapestry/ops/reduce.hpp"
#include "tapestry/ops/reshape.hpp"

using namespace tapestry;
using Values = std::vector<float>;

TEST_CASE("a tape walks back to the leaves that ask", "[autograd][tape]") {
  for (const Device device : test::devices()) {
    const auto x = tensor({1, 2, 3}, device).requires_grad(true), w = tensor({4, 5, 6}, device).requires_grad(true);
    const auto constant = tensor({2, 2, 2}, device);
    Tape tape;
    const auto loss = sum(x * w * constant);
    CHECK(loss.requires_grad());
    CHECK(tape.size() == 3);
    tape.backward(loss);
    CHECK(tape.size() == 0);
    CHECK(x.grad().to_vector() == Values{8, 10, 12});
    CHECK(w.grad().to_vector() == Values{2, 4, 6});
    CHECK(x.grad().device() == device);
    CHECK_FALSE(constant.has_grad());
    CHECK_FALSE(loss.has_grad());
  }
}

TEST_CASE("without a tape, or with nothing that asks, nothing is recorded", "[autograd][tape]") {
  const auto x = ones({2}).requires_grad(true);
  CHECK_FALSE((x * 2).requires_grad());
  Tape tape;
  CHECK_FALSE((ones({2}) * 2).requires_grad());
  CHECK_FALSE((x.detach() * 2).requires_grad());
  CHECK(tape.size() == 0);
  {
    const NoGrad no_grad;
    CHECK_FALSE((x * 2).requires_grad());
    CHECK(NoGrad::active());
    const NoGrad nested;
  }
  CHECK_FALSE(NoGrad::active());
  CHECK(tape.size() == 0);
  CHECK((x * 2).requires_grad());
  CHECK(tape.size() == 1);
}

TEST_CASE("a thread has one tape at a time", "[autograd][tape]") {
  const auto x = ones({2}).requires_grad(true);
  {
    const Tape tape;
    CHECK_THROWS_WITH(Tape(), "tape: this thread records on a tape already; close it before opening another");
    const auto y = x * 2;
    bool recorded = true, records_own = false;
    std::thread([&] {
      recorded = (x * 3).requires_grad() || (y * 3).requires_grad();
      const Tape own;
      records_own = (x * 3).requires_grad() && !(y * 3).requires_grad();
    }).join();
    CHECK_FALSE(recorded);
    CHECK(records_own);
    CHECK(y.requires_grad());
  }
  CHECK_NOTHROW(Tape());
}

TEST_CASE("a tensor of a tape that has ended is a constant", "[autograd][tape]") {
  const auto x = ones({2}).requires_grad(true);
  Tensor<float> y;
  {
    Tape tape;
    y = x * 2;
    CHECK(y.requires_grad());
    tape.backward(sum(y));
  }
  x.set_grad({});
  CHECK_FALSE(y.requires_grad());
  Tape tape;
  CHECK_FALSE((y * 3).requires_grad());
  tape.backward(sum(y * x));
  CHECK(x.grad().to_vector() == Values{2, 2});
  y.requires_grad(true);  // it may become a leaf
  tape.backward(sum(y * 3));
  CHECK(y.grad().to_vector() == Values{3, 3});
}

TEST_CASE("backward wants a recorded loss of one number, once", "[autograd][tape]") {
  const auto x = ones({2}).requires_grad(true);
  Tape tape;
  CHECK_THROWS_AS(tape.backward(sum(ones({2}))), AutogradError);
  CHECK_THROWS_AS(tape.backward(sum(x.detach())), AutogradError);
  CHECK_THROWS_WITH(tape.backward(x * 2), "backward: loss must hold one number, got shape [2]; reduce it or pass a seed gradient");
  const auto loss = sum(x * x);
  tape.backward(loss);
  CHECK_THROWS_AS(tape.backward(loss), AutogradError);
  const auto next = sum(x * 3);  // the tape records again, and the old loss stays spent
  CHECK_THROWS_AS(tape.backward(loss), AutogradError);
  CHECK(x.grad().to_vector() == Values{2, 2});
  tape.backward(next);
  CHECK(x.grad().to_vector() == Values{5, 5});
}

TEST_CASE("a gradient that would end at a freed record is refused before anything changes", "[autograd][tape]") {
  const auto x = ones({2}).requires_grad(true), w = ones({2}).requires_grad(true);
  Tape tape;
  const auto hidden = x * 2;
  tape.backward(sum(hidden));
  const auto metric = hidden * 5;  // may be computed, and does not stand in the way of another loss
  const auto loss = sum(hidden * w);
  CHECK_THROWS_WITH(tape.backward(loss),
                    "backward: multiply read a tensor computed before an earlier backward, which freed its record; use detach()");
  CHECK_FALSE(w.has_grad());
  tape.backward(sum(hidden.detach() * w));
  CHECK(w.grad().to_vector() == Values{2, 2});
  CHECK(x.grad().to_vector() == Values{2, 2});
}

TEST_CASE("backward from a given gradient", "[autograd][tape]") {
  for (const Device device : test::devices()) {
    const auto x = ones({2}, device).requires_grad(true);
    Tape tape;
    const auto y = x * 3;
    CHECK_THROWS_WITH(tape.backward(y, ones({3}, device)), "backward: gradient has shape [3] but tensor has [2]");
    const auto dy = tensor({1, 10}, device);
    tape.backward(y, dy);
    CHECK(x.grad().to_vector() == Values{3, 30});
    CHECK(dy.to_vector() == Values{1, 10});
  }
  const auto x = ones({2}).requires_grad(true);
  Tape tape;
  CHECK_THROWS_AS(tape.backward(x * 3, ones({2}, reference())), TypeError);
}

TEST_CASE("a write to what backward needs is refused, naming the op", "[autograd][tape]") {
  for (const Device device : test::devices()) {
    const auto x = ones({2}, device).requires_grad(true), w = ones({2}, device).requires_grad(true);
    const auto refused = [&](auto&& write) {
      Tape tape;
      const auto y = x * w;
      const auto loss = sum(y);
      write();
      CHECK_THROWS_WITH(tape.backward(loss), "backward: a tensor that multiply read or returned was written to after it was recorded");
      CHECK_FALSE(x.has_grad());
      CHECK_FALSE(w.has_grad());
    };
    refused([&] { w.fill(2); });
    refused([&] { w.set({0}, 2); });
    refused([&] { w.copy_from(ones({2})); });
    refused([&] { x.mutable_data(); });
    refused([&] { x.with_shape({2, 1}).fill(3); });  // the same storage
    Tape tape;
    const auto loss = sum(x * w);
    ones({2}, device).fill(2);
    w.data();
    tape.backward(loss);
    CHECK(w.has_grad());
  }
}

TEST_CASE("gradients accumulate until they are removed", "[autograd][tape]") {
  const auto x = ones({2}).requires_grad(true);
  for (float expected : {2.0f, 4.0f}) {
    Tape tape;
    tape.backward(sum(x * 2));
    CHECK(x.grad().to_vector() == Values{expected, expected});
  }
  x.set_grad({});
  CHECK_FALSE(x.has_grad());
  CHECK_FALSE(x.grad().defined());
  Tape tape;
  tape.backward(sum(x + x + x * x));  // one tensor, many uses
  CHECK(x.grad().to_vector() == Values{4, 4});
  CHECK_THROWS_WITH(x.set_grad(ones({3})), "set_grad: gradient has shape [3] but tensor has [2]");
}

TEST_CASE("gradients that pass through ops untouched are not shared by leaves", "[autograd][tape]") {
  for (const Device device : test::devices()) {
    const auto a = ones({2}, device).requires_grad(true), b = ones({2}, device).requires_grad(true),
               c = ones({2, 1}, device).requires_grad(true);
    Tape tape;
    const auto y = a + b + reshape(c, {2});
    y.retain_grad();
    const auto seed = ones({2}, device);
    tape.backward(y, seed);
    a.grad().fill(7);
    CHECK(b.grad().to_vector() == Values{1, 1});
    CHECK(c.grad().to_vector() == Values{1, 1});
    CHECK(y.grad().to_vector() == Values{1, 1});
    c.grad().fill(8);
    b.grad().fill(9);
    CHECK(a.grad().to_vector() == Values{7, 7});
    CHECK(y.grad().to_vector() == Values{1, 1});
    CHECK(seed.to_vector() == Values{1, 1});
  }
}

TEST_CASE("accumulating in one place does not change another", "[autograd][tape]") {
  for (const Device device : test::devices()) {
    const auto x = ones({2}, device).requires_grad(true);
    Tape tape;
    const auto p = clone(x), q = clone(x);
    p.retain_grad();
    q.retain_grad();
    const auto y = p + q;       // p and q get one and the same gradient,
    const auto z = y + p * 10;  // and p gets more
    z.retain_grad();
    tape.backward(z, ones({2}, device));
    CHECK(z.grad().to_vector() == Values{1, 1});
    CHECK(p.grad().to_vector() == Values{11, 11});
    CHECK(q.grad().to_vector() == Values{1, 1});
    CHECK(x.grad().to_vector() == Values{12, 12});
  }
}

TEST_CASE("gradients of results are freed unless they are retained", "[autograd][tape]") {
  const auto x = ones({2}).requires_grad(true);
  Tape tape;
  const auto kept = x * 2, freed = kept * 3;
  kept.retain_grad();
  tape.backward(sum(freed));
  CHECK(kept.grad().to_vector() == Values{3, 3});
  CHECK_FALSE(freed.has_grad());
}

TEST_CASE("activations are freed on the way back and with the tape", "[autograd][tape]") {
  const auto x = ones({2}).requires_grad(true);
  std::weak_ptr<detail::TensorBody> hidden;
  {
    Tape tape;
    const auto loss = [&] {
      const auto h = x * 2;
      hidden = h.handle();
      return sum(h * h);
    }();
    CHECK_FALSE(hidden.expired());
    tape.backward(loss);
    CHECK(hidden.expired());
    const auto h = x * x;
    hidden = (h * h).handle();
    CHECK(hidden.expired());  // the square's values are needed by nobody
  }
}

TEST_CASE("closures may use tensor ops, and a failing one leaves an empty tape", "[autograd][tape]") {
  const auto x = ones({2}).requires_grad(true);
  Tape tape;
  const auto cubed = record("cube", x.detach() * x.detach() * x.detach(), {x}, [x_grad = grad_of(x), x](const Tensor<float>& dy) {
    CHECK(NoGrad::active());
    x_grad.add(3 * x * x * dy);
  });
  tape.backward(sum(cubed));
  CHECK(x.grad().to_vector() == Values{3, 3});
  CHECK_FALSE(NoGrad::active());

  const auto y = record("broken", ones({2}), {x}, [x_grad = grad_of(x)](const Tensor<float>&) { x_grad.add(ones({5})); });
  CHECK_THROWS_WITH(tape.backward(sum(y)), "backward: gradient has shape [5] but tensor has [2]");
  CHECK(tape.size() == 0);
  CHECK_FALSE(NoGrad::active());
  tape.backward(sum(x * 2));
  CHECK(x.grad().to_vector() == Values{5, 5});
}

TEST_CASE("entries of one tape may mix scalar types", "[autograd][tape]") {
  const auto x = ones<float>({2}).requires_grad(true);
  const auto w = full<double>({2}, 3).requires_grad(true);
  Tape tape;
  tape.backward(sum(to<double>(x * 2) * w));
  CHECK(x.grad().to_vector() == Values{6, 6});
  CHECK(w.grad().to_vector() == std::vector<double>{2, 2});
}

TEST_CASE("what asks for gradients can be switched", "[autograd][tape]") {
  const auto x = ones({2}).requires_grad(true);
  CHECK(x.requires_grad());
  x.requires_grad(false);
  CHECK_FALSE(x.requires_grad());
  x.requires_grad(true);
  Tape tape;
  const auto y = x * 2;
  CHECK_THROWS_AS(y.requires_grad(false), AutogradError);
}
