// SPDX-License-Identifier: MIT
#include <tapestry/interop/eigen.hpp>

#include <tapestry/autograd/tape.hpp>
#include <tapestry/backend/reference/reference_backend.hpp>

#include "support/catch.hpp"

using namespace tapestry;

template <class M>
concept MakesTensor = requires(M&& m) { tensor_of(std::forward<M>(m)); };

TEST_CASE("a tensor of two axes is a matrix without a copy") {
  const Tensor<float> x = tensor<float>({1, 2, 3, 4, 5, 6}, {2, 3});
  const auto matrix = eigen_matrix(x);
  CHECK(static_cast<const void*>(matrix.data()) == x.raw_data());
  CHECK(matrix.rows() == 2);
  CHECK(matrix.cols() == 3);
  for (Index i = 0; i < 2; ++i)
    for (Index j = 0; j < 3; ++j) CHECK(matrix(i, j) == x.at(i, j));
}

TEST_CASE("a tensor of one axis is a column vector without a copy") {
  const Tensor<Index> x = tensor<Index>({7, 8, 9}, {3});
  const auto vector = eigen_vector(x);
  CHECK(static_cast<const void*>(vector.data()) == x.raw_data());
  CHECK(vector.size() == 3);
  CHECK(vector.sum() == 24);
}

TEST_CASE("what Eigen writes is in the tensor, and counts as a write") {
  const Tensor<double> x = zeros<double>({2, 2});
  const auto before = x.body().storage->version;
  mutable_eigen_matrix(x) << 1, 2, 3, 4;
  CHECK(x.to_vector() == std::vector<double>{1, 2, 3, 4});
  CHECK(x.body().storage->version > before);

  const Tensor<float> v = zeros({3});
  mutable_eigen_vector(v).setConstant(5);
  CHECK(v.to_vector() == std::vector<float>{5, 5, 5});
}

TEST_CASE("a matrix of Eigen's is a tensor without a copy") {
  EigenMatrix<float> matrix(2, 3);
  matrix << 1, 2, 3, 4, 5, 6;
  const Tensor<float> x = tensor_of(matrix);
  CHECK(x.raw_data() == matrix.data());
  CHECK(x.shape() == Shape{2, 3});
  CHECK(x.at(1, 0) == 4);
  matrix(1, 0) = -1;
  CHECK(x.at(1, 0) == -1);

  EigenVector<double> vector(3);
  vector << 1, 2, 3;
  CHECK(tensor_of(vector).shape() == Shape{3});
  CHECK(tensor_of(vector).raw_data() == vector.data());
}

TEST_CASE("a matrix that is given away lives as long as the tensor") {
  Tensor<float> x;
  const float* elements;
  {
    EigenMatrix<float> matrix = EigenMatrix<float>::Constant(50, 40, 2.5f);
    elements = matrix.data();
    x = tensor_of(std::move(matrix));
  }
  CHECK(x.raw_data() == elements);
  CHECK(x.shape() == Shape{50, 40});
  CHECK(x.at(49, 39) == 2.5f);
}

TEST_CASE("empty tensors map too") {
  CHECK(eigen_matrix(zeros({0, 4})).cols() == 4);
  CHECK(eigen_vector(zeros({0})).size() == 0);
}

TEST_CASE("a column-major matrix would come out transposed: it is no argument at all") {
  STATIC_REQUIRE_FALSE(MakesTensor<Eigen::MatrixXf&>);
  STATIC_REQUIRE_FALSE(MakesTensor<Eigen::MatrixXf>);
  STATIC_REQUIRE(MakesTensor<EigenMatrix<float>&>);
  STATIC_REQUIRE(MakesTensor<Eigen::VectorXf&>);
}

TEST_CASE("what no matrix can show is refused") {
  CHECK_THROWS_WITH(eigen_matrix(zeros({2, 3, 4})), "eigen_matrix: tensor must have 2 axes, got shape [2, 3, 4]");
  CHECK_THROWS_WITH(eigen_vector(zeros({2, 3})), "eigen_vector: tensor must have 1 axis, got shape [2, 3]");
  CHECK_THROWS_AS(mutable_eigen_matrix(zeros({2})), ShapeError);
  CHECK_THROWS_AS(mutable_eigen_vector(zeros({2, 3})), ShapeError);
  CHECK_THROWS_AS(eigen_matrix(zeros({2, 3}, reference())), TypeError);

  const Tensor<float> w = zeros({2, 2});
  w.requires_grad(true);
  const Tape tape;
  CHECK_THROWS_WITH(mutable_eigen_matrix(w), contains_text("mutable_eigen_matrix: the open tape would not see"));
  CHECK(w.to_vector() == std::vector<float>(4, 0.0f));
}
