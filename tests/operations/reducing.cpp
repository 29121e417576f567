#include "tests/operation.h"

std::vector<ebb::test::Operation> ebb::test::reducing_operations() {
  using namespace ebb::ops;
  return operations_of<ReduceOps, ScanOps, SortOps>();
}
