// Sorting and searching: indices, without derivative. Values are gathered at them.
#pragma once

#include "autograd/kernels/search.h"
#include "autograd/kernels/sort.h"
#include "autograd/ops/common.h"

namespace ebb::ops {

struct Argsort {
  static constexpr std::string_view name = "argsort";
  int dim = 0;
  bool descending = false;
  Spec infer(const Tensor& x) const { return {x.shape(), int64}; }
  void forward(View y, View x) const { kernels::argsort(y, x, dim, descending); }
  static Samples<Argsort> samples(Generator& random) {
    const Tensor equals = draw_index(random, 3, {3, 300}).to(float64);
    return {
        {{1, false}, {draw_distinct(random, {3, 4})}, "torch.argsort(x[0], dim=1, stable=True)"},
        {{0, true}, {draw_distinct(random, {4, 3})}, "torch.argsort(x[0], dim=0, descending=True, stable=True)"},
        {{1, false}, {equals}, "torch.argsort(x[0], dim=1, stable=True)"},
        {{1, true}, {equals}, "torch.argsort(x[0], dim=1, descending=True, stable=True)"},
        {{0, false}, {draw(random, {3, 0})}, "torch.argsort(x[0], 0)"}};
  }
};

struct Topk {
  static constexpr std::string_view name = "topk";
  int dim = 0;
  std::int64_t k = 0;
  bool largest = true;
  Spec infer(const Tensor& x) const { return {x.shape().with(dim, k), int64}; }
  void forward(View y, View x) const { kernels::argsort(y, x, dim, largest); }
  static Samples<Topk> samples(Generator& random) {
    return {{{1, 2, true}, {draw_distinct(random, {3, 4})}, "torch.topk(x[0], 2, 1).indices"},
            {{0, 3, false}, {draw_distinct(random, {4, 3})}, "torch.topk(x[0], 3, 0, False).indices"},
            {{1, 1, true}, {draw_distinct(random, {2, 40})}, "torch.topk(x[0], 1, 1).indices"},
            {{0, 0, true}, {draw(random, {0, 3})}, "torch.topk(x[0], 0, 0).indices"}};
  }
};

// The k-th smallest, counted from 1; with `nan_first` the first NaN, if there is one.
struct Kthvalue {
  static constexpr std::string_view name = "kthvalue";
  int dim = 0;
  std::int64_t k = 1;
  bool nan_first = false;
  Spec infer(const Tensor& x) const { return {x.shape().with(dim, 1), int64}; }
  void forward(View y, View x) const { kernels::kth(y, x, dim, k - 1, nan_first); }
  static Samples<Kthvalue> samples(Generator& random) {
    return {{{1, 2}, {draw_distinct(random, {3, 4})}, "torch.kthvalue(x[0], 2, 1, keepdim=True).indices"},
            {{0, 4}, {draw_distinct(random, {4, 3})}, "torch.kthvalue(x[0], 4, 0, keepdim=True).indices"},
            {{1, 2, true}, {draw_distinct(random, {3, 4})}, "torch.median(x[0], 1, keepdim=True).indices"},
            {{0, 1}, {draw(random, {3, 0})}, "torch.kthvalue(x[0], 1, 0, keepdim=True).indices"}};
  }
};

struct Searchsorted {
  static constexpr std::string_view name = "searchsorted";
  bool right = false;
  Spec infer(const Tensor& sequence, const Tensor& values) const {
    require_same_dtype(name, sequence, values);
    bool fits = sequence.dim() == 1 || (sequence.dim() > 1 && sequence.dim() == values.dim());
    for (int d = 0; fits && d + 1 < sequence.dim(); ++d) fits = sequence.shape()[d] == values.shape()[d];
    if (!fits)
      fail(
          "searchsorted: the sequence is {}, the values {}; it must have one dimension, or all their sizes but "
          "the last",
          sequence.shape(), values.shape());
    return {values.shape(), int64};
  }
  void forward(View y, View sequence, View values) const { kernels::searchsorted(y, sequence, values, right); }
  static Samples<Searchsorted> samples(Generator& random) {
    const Tensor line = tensor({-1.5, -0.5, -0.5, 0.25, 1.0}, {.dtype = float64});
    const Tensor lines = tensor({{-1.5, -0.5, 0.5}, {-2.0, 0.0, 0.0}}, {.dtype = float64});
    const Tensor values = tensor({{-0.5, 9.0}, {0.0, 0.25}}, {.dtype = float64});
    return {{{false}, {line, draw(random, {3, 4})}, "torch.searchsorted(x[0], x[1])"},
            {{false}, {line, values}, "torch.searchsorted(x[0], x[1])"},
            {{true}, {line, values}, "torch.searchsorted(x[0], x[1], right=True)"},
            {{true}, {lines, values}, "torch.searchsorted(x[0], x[1], right=True)"},
            {{false}, {line, draw(random, {})}, "torch.searchsorted(x[0], x[1])"},
            {{false}, {draw(random, {0}), draw(random, {2})}, "torch.searchsorted(x[0], x[1])"}};
  }
};

// How many elements lie in each of `bins` bins of [low, high], or of the elements' range if these are equal.
struct Histc {
  static constexpr std::string_view name = "histc";
  std::int64_t bins = 1;
  double low = 0, high = 0;
  Spec infer(const Tensor& x) const {
    require_floating(name, x);
    return {Shape{bins}, x.dtype()};
  }
  void forward(View y, View x) const { kernels::histc(y, x, low, high); }
  static Samples<Histc> samples(Generator& random) {
    return {{{5, -1, 1}, {draw_distinct(random, {5, 5})}, "torch.histc(x[0], 5, -1, 1)"},
            {{3, 0, 0}, {draw_distinct(random, {4, 3})}, "torch.histc(x[0], 3)"},
            {{3, 0, 0}, {draw(random, {})}, "torch.histc(x[0], 3)"},
            {{3, 0, 0}, {draw(random, {0, 2})}, "torch.histc(x[0], 3)"}};
  }
};

using SortOps = OpList<Argsort, Topk, Kthvalue, Searchsorted, Histc>;

}  // namespace ebb::ops
