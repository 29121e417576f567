#include "tests/operation.h"

std::vector<ebb::test::Operation> ebb::test::layer_operations() {
  using namespace ebb::ops;
  return operations_of<ConvOps, PoolOps, NormOps, RecurrentOps, GridSampleOps, ResampleOps>();
}
