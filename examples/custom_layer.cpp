// SPDX-License-Identifier: MIT
// An op and a layer of one's own: the soft threshold y = sign(x) * max(|x| - t, 0) with a learned threshold t for each channel
// (Donoho, "De-noising by soft-thresholding", 1995). The op computes forward and backward with the library's own ops, the layer owns
// the parameter, gradcheck compares the gradients with differences, and one training loop uses both.
#include <iostream>
#include <tapestry/tapestry.hpp>
using namespace tapestry;

/// x [N, C], t [C]. Where |x| > t:  dx = dy,  dt = -sum over n of sign(x) * dy;  elsewhere both are 0.
template <Floating T>
Tensor<T> soft_threshold(const Tensor<T>& x, const Tensor<T>& t) {
  if (x.rank() != 2 || t.shape() != Shape{x.dim(1)})
    throw ShapeError(message("soft_threshold: t must be [", x.dim(-1), "] for input ", x.shape(), ", got ", t.shape()));
  Tensor<T> y, keeps, side;
  {
    const NoGrad no_grad;  // in here ops only compute; the derivative is ours to record
    keeps = to<T>(abs(x) > t);
    side = sign(x) * keeps;
    y = (abs(x) - t) * side;
  }
  return record("soft_threshold", y, {x, t}, [keeps, side, x_grad = grad_of(x), t_grad = grad_of(t)](const Tensor<T>& dy) {
    if (x_grad.wanted()) x_grad.add(dy * keeps);
    if (t_grad.wanted()) t_grad.add(-sum(dy * side, 0));
  });
}

template <Floating T = float>
class SoftThreshold : public Layer<T> {
 public:
  Tensor<T> threshold;
  explicit SoftThreshold(Index channels) : threshold(full<T>({channels}, T(0.1))) { threshold.requires_grad(true); }
  Tensor<T> forward(const Tensor<T>& x) override { return soft_threshold(x, threshold); }
  void members(const Members& visit) override { visit.parameter("threshold", threshold); }
};

int main() {
  const Index compared = gradcheck([](const auto& x, const auto& t) { return soft_threshold(x, t); },
                                   {randn<double>({5, 3}), uniform<double>({3}, 0.1, 0.5)});
  std::cout << "gradcheck: " << compared << " gradients agree with differences\n";

  Sequential net(Linear(2, 16), SoftThreshold(16), Linear(16, 1));
  std::cout << net << '\n';
  Adam optimizer(parameters(net), {.lr = 0.02});
  const Tensor<> x = uniform({256, 2}, -1, 1), y = slice(x, 1, {.stop = 1}) * slice(x, 1, {.start = 1});  // learn to multiply
  for (int step = 0; step <= 400; ++step) {
    Tape tape;
    const Tensor<> loss = mse_loss(net(x), y);
    optimizer.zero_grad();
    tape.backward(loss);
    optimizer.step();
    if (step % 100 == 0) std::cout << "step " << step << "  loss " << loss.item() << '\n';
  }
}
