// What a kernel sees of a tensor: where its elements are. No ownership, no graph.
#pragma once

#include "autograd/base/dtype.h"
#include "autograd/base/shape.h"

namespace ebb {

// Element [i, j, …] is at data + i·strides[0] + j·strides[1] + …, counted in elements. A stride may be 0
// (an expanded dimension) or negative. `shape` and `strides` belong to the caller, who keeps them alive for
// the call.
struct View {
  void* data;
  const Shape* shape;
  const Dims* strides;
  Dtype dtype;
  bool contiguous;  // is_contiguous(*shape, *strides)

  std::int64_t numel() const { return shape->numel(); }
  int rank() const { return shape->rank(); }
  std::int64_t size(int dim) const { return (*shape)[dim]; }
  std::int64_t stride(int dim) const { return (*strides)[dim]; }
  template <class T>
  T* as() const {
    return static_cast<T*>(data);
  }
};

}  // namespace ebb
