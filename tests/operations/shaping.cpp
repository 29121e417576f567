#include "tests/operation.h"

std::vector<ebb::test::Operation> ebb::test::shaping_operations() {
  using namespace ebb::ops;
  return operations_of<ShapeOps, RearrangeOps, IndexOps, ScatterOps>();
}
