#include "tests/operation.h"

std::vector<ebb::test::Operation> ebb::test::elementwise_operations() {
  using namespace ebb::ops;
  return operations_of<ArithmeticOps, MultivariateOps, PointwiseOps, SpecialOps, BitwiseOps, CompareOps>();
}
