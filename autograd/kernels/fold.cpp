#include "autograd/kernels/fold.h"

#include <algorithm>
#include <limits>

#include "autograd/kernels/targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "autograd/kernels/fold.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "autograd/kernels/exp-inl.h"
#include "autograd/kernels/lanes-inl.h"

HWY_BEFORE_NAMESPACE();
namespace ebb::kernels::HWY_NAMESPACE {
namespace {

// Note [Blocked sums]: floats are added in their own type for kBlock elements (rows) or kGroup rows
// (columns), shared among the lanes of four accumulators; the blocks' sums are added in double. The error of
// a float sum is that of a chain of at most a few dozen additions, whatever its length.
constexpr std::int64_t kBlock = 512;
constexpr std::int64_t kGroup = 16;

template <class Op>
using Lanes = hn::Vec<Tag<typename Op::Element>>;

template <class T>
struct Sum {
  using Element = T;
  using Acc = SumOf<T>;
  using Total = WideSum<T>;
  static constexpr bool kCheap = true;
  static constexpr T kIdentity = 0;

  static Acc combine_one(Acc a, Acc b) { return a + b; }
  template <class V>
  static HWY_INLINE V combine(V a, V b) {
    return hn::Add(a, b);
  }
  template <class V>
  static HWY_INLINE V map(V x, V shift) {
    return hn::Sub(x, shift);
  }
};

template <class T>
struct SquaredDeviation : Sum<T> {
  template <class V>
  static HWY_INLINE V map(V x, V shift) {
    const V deviation = hn::Sub(x, shift);
    return hn::Mul(deviation, deviation);
  }
};

template <class T>
struct Exponential : Sum<T> {
  static constexpr bool kCheap = false;
  template <class V>
  static HWY_INLINE V map(V x, V shift) {
    return exp_nonpositive(Tag<T>(), hn::Sub(x, shift));
  }
};

template <class T>
struct Largest {
  using Limits = std::numeric_limits<T>;
  using Element = T;
  using Acc = T;
  static constexpr bool kCheap = true;
  static constexpr T kIdentity = -Limits::infinity();

  static T combine_one(T a, T b) { return b > a || b != b ? b : a; }
  template <class V>
  static HWY_INLINE V combine(V a, V b) {
    return hn::IfThenElse(hn::Or(hn::Gt(b, a), hn::IsNaN(b)), b, a);  // never b, once a is NaN
  }
  template <class V>
  static HWY_INLINE V map(V x, V shift) {
    return hn::Xor(x, shift);
  }

  class Total {
   public:
    HWY_INLINE Total() : all_(hn::Set(Tag<T>(), kIdentity)) {}
    HWY_INLINE void add(Lanes<Largest> v) { all_ = combine(all_, v); }
    HWY_INLINE T total() const {
      const Tag<T> d;
      if (!hn::AllFalse(d, hn::IsNaN(all_))) return Limits::quiet_NaN();
      return hn::GetLane(hn::MaxOfLanes(d, all_));
    }
    static HWY_INLINE void add(T* acc, Lanes<Largest> v, std::int64_t n) {
      const Tag<T> d;
      store(combine(load(d, acc, n), v), d, acc, n);
    }

   private:
    Lanes<Largest> all_;
  };
};

// The fold of count vectors; get(i) is the i-th. Cheap ones go to four accumulators, so that an addition need
// not wait for the one before it.
template <class Op, class Get>
HWY_INLINE Lanes<Op> fold_vectors(std::int64_t count, Get&& get) {
  auto a0 = hn::Set(Tag<typename Op::Element>(), Op::kIdentity), a1 = a0, a2 = a0, a3 = a0;
  std::int64_t i = 0;
  if constexpr (Op::kCheap) {
#pragma GCC unroll 1
    for (; i + 4 <= count; i += 4) {
      a0 = Op::combine(a0, get(i));
      a1 = Op::combine(a1, get(i + 1));
      a2 = Op::combine(a2, get(i + 2));
      a3 = Op::combine(a3, get(i + 3));
    }
  }
#pragma GCC unroll 1
  for (; i < count; ++i) a0 = Op::combine(a0, get(i));
  return Op::combine(Op::combine(a0, a1), Op::combine(a2, a3));
}

// x[0 … n), lane by lane.
template <class Op, class T>
HWY_INLINE Lanes<Op> fold_block(const T* x, std::int64_t n, Lanes<Op> shift) {
  const Tag<T> d;
  const std::int64_t step = lanes(d), rest = n % step;
  auto v = fold_vectors<Op>(n / step,
                            [&](std::int64_t i) EBB_LANES { return Op::map(hn::LoadU(d, x + i * step), shift); });
  if (rest > 0) {
    const auto last = Op::map(load(d, x + n - rest, rest), shift);
    v = Op::combine(v, first_lanes(d, last, rest, hn::Set(d, Op::kIdentity)));
  }
  return v;
}

template <class Op>
void fold_rows(typename Op::Acc* acc, const typename Op::Element* x, const FoldGeometry& part,
               const typename Op::Element* shift) {
  const Tag<typename Op::Element> d;
  for (std::int64_t i = 0; i < part.outputs; ++i) {
    const auto s = shift ? hn::Set(d, shift[i]) : hn::Zero(d);
    typename Op::Total total;
    for (std::int64_t r = 0; r < part.runs; ++r) {
      const auto* run = x + i * part.output_step + r * part.run_step;
      for (std::int64_t b = 0; b < part.n; b += kBlock)
        total.add(fold_block<Op>(run + b, std::min(kBlock, part.n - b), s));
    }
    acc[i] = Op::combine_one(acc[i], total.total());
  }
}

template <class Op>
void fold_columns(typename Op::Acc* acc, const typename Op::Element* x, const FoldGeometry& part,
                  const typename Op::Element* shift) {
  const Tag<typename Op::Element> d;
  for (std::int64_t r = 0; r < part.runs; r += kGroup) {
    const auto* group = x + r * part.run_step;
    const std::int64_t rows = std::min(kGroup, part.runs - r);
    for_each_vector(d, part.outputs, [&](std::int64_t i, std::int64_t n) EBB_LANES {
      const auto s = shift ? load(d, shift + i, n) : hn::Zero(d);
      const auto row = [&](std::int64_t k)
                           EBB_LANES { return Op::map(load(d, group + k * part.run_step + i, n), s); };
      Op::Total::add(acc + i, fold_vectors<Op>(rows, row), n);
    });
  }
}

template <class Op>
constexpr Fold<typename Op::Element, typename Op::Acc> fold_of{Op::kIdentity, Op::combine_one, fold_rows<Op>,
                                                               fold_columns<Op>};
template <template <class> class Op>
constexpr std::tuple float_folds{fold_of<Op<float>>, fold_of<Op<double>>};

const FloatFolds<SumFold>& sums() { return float_folds<Sum>; }
const FloatFolds<SumFold>& squared_deviations() { return float_folds<SquaredDeviation>; }
const FloatFolds<SumFold>& exponentials() { return float_folds<Exponential>; }
const FloatFolds<ExtremeFold>& largest() { return float_folds<Largest>; }

}  // namespace
}  // namespace ebb::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace ebb::kernels {
namespace {

using Integer = std::int64_t;
using Unsigned = std::uint64_t;  // overflows without harm
using Byte = std::uint8_t;

Integer add(Integer a, Integer b) {
  return static_cast<Integer>(static_cast<Unsigned>(a) + static_cast<Unsigned>(b));
}
Integer larger(Integer a, Integer b) { return b > a ? b : a; }
Integer times(Integer a, Integer b) {
  return static_cast<Integer>(static_cast<Unsigned>(a) * static_cast<Unsigned>(b));
}
double times(double a, double b) { return a * b; }
Integer plain(Integer x, Integer) { return x; }
Integer flipped(Integer x, Integer shift) { return x ^ shift; }
double plain(double x, double) { return x; }

// Plain loops, compiled once. So many accumulators side by side, so that one need not wait for itself.
constexpr Integer kChains = 16;

template <class T, class A, A combine(A, A), A map(A, A)>
void fold_plain_rows(A* acc, const T* x, const FoldGeometry& part, const T* shift, A identity) {
  for (Integer i = 0; i < part.outputs; ++i) {
    const A s = shift ? static_cast<A>(shift[i]) : A(0);
    A chains[kChains];
    std::fill_n(chains, kChains, identity);
    for (Integer r = 0; r < part.runs; ++r) {
      const T* run = x + i * part.output_step + r * part.run_step;
      Integer j = 0;
      for (; j + kChains <= part.n; j += kChains)
        for (Integer k = 0; k < kChains; ++k) chains[k] = combine(chains[k], map(static_cast<A>(run[j + k]), s));
      for (Integer k = 0; j + k < part.n; ++k) chains[k] = combine(chains[k], map(static_cast<A>(run[j + k]), s));
    }
    for (Integer k = 0; k < std::min(kChains, part.n); ++k) acc[i] = combine(acc[i], chains[k]);
  }
}

template <class T, class A, A combine(A, A), A map(A, A)>
void fold_plain_columns(A* acc, const T* x, const FoldGeometry& part, const T* shift) {
  for (Integer r = 0; r < part.runs; ++r)
    for (Integer i = 0; i < part.outputs; ++i)
      acc[i] =
          combine(acc[i], map(static_cast<A>(x[r * part.run_step + i]), shift ? static_cast<A>(shift[i]) : A(0)));
}

// Bytes are added in 32 bits as long as they fit.
void sum_byte_rows(Integer* acc, const Byte* x, const FoldGeometry& part, const Byte*) {
  constexpr Integer kFit = 1 << 24;
  for (Integer i = 0; i < part.outputs; ++i) {
    for (Integer r = 0; r < part.runs; ++r) {
      const Byte* run = x + i * part.output_step + r * part.run_step;
      for (Integer begin = 0; begin < part.n; begin += kFit) {
        std::uint32_t sum = 0;
        for (Integer j = begin; j < std::min(part.n, begin + kFit); ++j) sum += run[j];
        acc[i] += sum;
      }
    }
  }
}

template <class T, class A, A combine(A, A), A map(A, A), auto identity>
constexpr Fold<T, A> plain_fold{static_cast<A>(identity), combine,
                                [](A* acc, const T* x, const FoldGeometry& part, const T* shift) {
                                  fold_plain_rows<T, A, combine, map>(acc, x, part, shift,
                                                                      static_cast<A>(identity));
                                },
                                fold_plain_columns<T, A, combine, map>};

}  // namespace

const SumFold<Integer> kIntegerSum = plain_fold<Integer, Integer, add, plain, 0>;
const SumFold<Byte> kByteSum{0, add, sum_byte_rows, fold_plain_columns<Byte, Integer, add, plain>};
const ExtremeFold<Integer> kLargestInteger =
    plain_fold<Integer, Integer, larger, flipped, std::numeric_limits<Integer>::min()>;

template <class T>
const SumFold<T>& product_fold() {
  static constexpr SumFold<T> kProduct = plain_fold<T, SumOf<T>, times, plain, 1>;
  return kProduct;
}
template const SumFold<float>& product_fold();
template const SumFold<double>& product_fold();
template const SumFold<Integer>& product_fold();
template const SumFold<Byte>& product_fold();

HWY_EXPORT(sums);
HWY_EXPORT(squared_deviations);
HWY_EXPORT(exponentials);
HWY_EXPORT(largest);
const FloatFolds<SumFold>& sum_folds() { return HWY_DYNAMIC_DISPATCH(sums)(); }
const FloatFolds<SumFold>& squared_deviation_folds() { return HWY_DYNAMIC_DISPATCH(squared_deviations)(); }
const FloatFolds<SumFold>& exponential_folds() { return HWY_DYNAMIC_DISPATCH(exponentials)(); }
const FloatFolds<ExtremeFold>& largest_folds() { return HWY_DYNAMIC_DISPATCH(largest)(); }

}  // namespace ebb::kernels
#endif
