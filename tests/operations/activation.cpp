#include "tests/operation.h"

std::vector<ebb::test::Operation> ebb::test::activation_operations() {
  using namespace ebb::ops;
  return operations_of<ActivationOps, SoftmaxOps, AttentionOps, CtcOps>();
}
