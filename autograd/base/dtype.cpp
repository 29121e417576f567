#include "autograd/base/dtype.h"

#include "autograd/base/fail.h"

namespace ebb::detail {

void refuse_dtype(Dtype dtype) {
  fail("this is computed in float32 and float64, not in {}; convert by to(float32)", dtype);
}

}  // namespace ebb::detail
