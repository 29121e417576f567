#include "autograd/kernels/conv_winograd_runs.h"

#include "autograd/kernels/targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "autograd/kernels/conv_winograd_runs.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "autograd/kernels/lanes-inl.h"

HWY_BEFORE_NAMESPACE();
namespace ebb::kernels::conv::HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;
using namespace ebb::kernels::HWY_NAMESPACE;
using Vector = hn::Vec<Tag<float>>;

HWY_INLINE Vector half(Vector v) { return hn::Mul(v, hn::Set(Tag<float>(), 0.5f)); }

// Each is a matrix L: to = L from.
struct Input {  // Bᵀ
  static constexpr int kFrom = 4, kTo = 4;
  static HWY_INLINE void apply(Vector* to, const Vector* from) {
    to[0] = hn::Sub(from[0], from[2]);
    to[1] = hn::Add(from[1], from[2]);
    to[2] = hn::Sub(from[2], from[1]);
    to[3] = hn::Sub(from[1], from[3]);
  }
};
struct Filter {  // G
  static constexpr int kFrom = 3, kTo = 4;
  static HWY_INLINE void apply(Vector* to, const Vector* from) {
    const auto even = half(hn::Add(from[0], from[2])), odd = half(from[1]);
    to[0] = from[0];
    to[1] = hn::Add(even, odd);
    to[2] = hn::Sub(even, odd);
    to[3] = from[2];
  }
};
struct Output {  // Aᵀ
  static constexpr int kFrom = 4, kTo = 2;
  static HWY_INLINE void apply(Vector* to, const Vector* from) {
    to[0] = hn::Add(from[0], hn::Add(from[1], from[2]));
    to[1] = hn::Sub(hn::Sub(from[1], from[2]), from[3]);
  }
};
struct FilterGradient {  // Gᵀ
  static constexpr int kFrom = 4, kTo = 3;
  static HWY_INLINE void apply(Vector* to, const Vector* from) {
    const auto sum = half(hn::Add(from[1], from[2]));
    to[0] = hn::Add(from[0], sum);
    to[1] = half(hn::Sub(from[1], from[2]));
    to[2] = hn::Add(sum, from[3]);
  }
};
struct OutputGradient {  // A
  static constexpr int kFrom = 2, kTo = 4;
  static HWY_INLINE void apply(Vector* to, const Vector* from) {
    to[0] = from[0];
    to[1] = hn::Add(from[0], from[1]);
    to[2] = hn::Sub(from[0], from[1]);
    to[3] = hn::Neg(from[1]);
  }
};

template <class Map>
void transform(Square<float> to, Square<const float> from, std::int64_t count) {
  const Tag<float> d;
  for_each_vector(d, count, [&](std::int64_t c, std::int64_t n) EBB_LANES {
    Vector columns[Map::kTo][Map::kFrom];  // L from
    HWY_UNROLL(4)
    for (int j = 0; j < Map::kFrom; ++j) {
      Vector in[Map::kFrom], out[Map::kTo];
      HWY_UNROLL(4)
      for (int i = 0; i < Map::kFrom; ++i) in[i] = load(d, from.data + i * from.row + j * from.column + c, n);
      Map::apply(out, in);
      HWY_UNROLL(4)
      for (int i = 0; i < Map::kTo; ++i) columns[i][j] = out[i];
    }
    HWY_UNROLL(4)
    for (int i = 0; i < Map::kTo; ++i) {
      Vector out[Map::kTo];
      Map::apply(out, columns[i]);
      HWY_UNROLL(4)
      for (int j = 0; j < Map::kTo; ++j) store(out[j], d, to.data + i * to.row + j * to.column + c, n);
    }
  });
}

const WinogradRuns& all() {
  static constexpr WinogradRuns kAll{
      .input = transform<Input>,
      .filter = transform<Filter>,
      .output = transform<Output>,
      .filter_gradient = transform<FilterGradient>,
      .output_gradient = transform<OutputGradient>,
  };
  return kAll;
}

}  // namespace
}  // namespace ebb::kernels::conv::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace ebb::kernels::conv {

HWY_EXPORT(all);
const WinogradRuns& winograd_runs() { return HWY_DYNAMIC_DISPATCH(all)(); }

}  // namespace ebb::kernels::conv
#endif
