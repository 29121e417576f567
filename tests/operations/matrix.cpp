#include "tests/operation.h"

std::vector<ebb::test::Operation> ebb::test::matrix_operations() {
  using namespace ebb::ops;
  return operations_of<DecomposeOps, DistanceOps, LinearOps, PartOps>();
}
