// Sine, cosine and tangent on vectors of float or double, once per instruction set; for their errors see elementwise.h.
#if defined(EBB_KERNELS_TRIGONOMETRY_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef EBB_KERNELS_TRIGONOMETRY_INL_H_
#undef EBB_KERNELS_TRIGONOMETRY_INL_H_
#else
#define EBB_KERNELS_TRIGONOMETRY_INL_H_
#endif

#include <cmath>

#include "autograd/kernels/math-inl.h"

HWY_BEFORE_NAMESPACE();
namespace ebb::kernels::HWY_NAMESPACE {

// π/2 in parts; and the largest |x| that they serve.
template <class T>
struct HalfPi;
template <>
struct HalfPi<float> {
  static constexpr float kParts[] = {0x1.921fb6p+0F, -0x1.777a5cp-25F, -0x1.ee59dap-50F}, kLimit = 131072;
};
template <>
struct HalfPi<double> {
  static constexpr double kParts[] = {0x1.921fb544p+0, 0x1.0b4611a6p-34, 0x1.3198a2e037073p-69}, kLimit = 1048576;
};

constexpr float kSinFloat[] = {-0x1.555546p-3F, 0x1.110772p-7F, -0x1.9950ccp-13F};
constexpr double kSinDouble[] = {-0x1.5555555555548p-3, 0x1.111111110f73p-7,    -0x1.a01a019be9226p-13,
                                 0x1.71de35552ce4p-19,  -0x1.ae5e4b85958b9p-26, 0x1.5d8b562be1dfdp-33};
constexpr float kCosFloat[] = {0x1.55554ap-5F, -0x1.6c0c26p-10F, 0x1.99e714p-16F};
constexpr double kCosDouble[] = {0x1.555555555554ap-5,   -0x1.6c16c16c14e0p-10, 0x1.a01a019c5c38fp-16,
                                 -0x1.27e4f7cd3126bp-22, 0x1.1ee9c334fa515p-29, -0x1.8f99cb2001e22p-37};

// x = n π/2 + r, |r| <= π/4, for 0 <= x <= HalfPi::kLimit. The lowest bits of `quadrant` hold n.
template <class D>
struct Angle {
  hn::Vec<D> r;
  BitsVec<D> quadrant;
};
template <class D>
HWY_INLINE Angle<D> reduce_angle(D d, hn::Vec<D> x) {
  using F = FormatOf<D>;
  const auto two_over_pi = hn::Set(d, static_cast<hn::TFromD<D>>(0x1.45f306dc9c883p-1));
  const auto rounded = hn::MulAdd(x, two_over_pi, hn::Set(d, F::kRound));
  const auto n = hn::Sub(rounded, hn::Set(d, F::kRound));
  auto r = x;
  for (const auto part : HalfPi<hn::TFromD<D>>::kParts) r = hn::NegMulAdd(n, hn::Set(d, part), r);
  return {r, bits_of(d, rounded)};
}
#if !HWY_NATIVE_FMA
// Without FMA, products of floats with n are not exact: in double they are.
template <class D>
HWY_INLINE Angle<D> reduce_floats(D d, hn::Vec<D> x) {
  const Tag<double> wide;
  const hn::Half<D> half;
  const auto low = reduce_angle(wide, low_half(d, x)), high = reduce_angle(wide, high_half(d, x));
  const auto count = [&](const auto& a) EBB_LANES {
    return hn::Sub(hn::BitCast(wide, a.quadrant), hn::Set(wide, Format<double>::kRound));
  };
  const auto join = [&](auto l, auto h)
                        EBB_LANES { return hn::Combine(d, hn::DemoteTo(half, h), hn::DemoteTo(half, l)); };
  const auto n = join(count(low), count(high));
  return {join(low.r, high.r), bits_of(d, hn::Add(n, hn::Set(d, Format<float>::kRound)))};
}
#endif

template <class D>
HWY_INLINE Angle<D> reduced_angle(D d, hn::Vec<D> x) {
#if !HWY_NATIVE_FMA
  if constexpr (std::is_same_v<hn::TFromD<D>, float>) { return reduce_floats(d, x); }
#endif
  return reduce_angle(d, x);
}

template <class D>
struct SinCos {
  hn::Vec<D> sin, cos;
};

// Of |x|; right for |x| <= HalfPi::kLimit and NaN.
template <class D>
HWY_INLINE SinCos<D> sin_cos_of_abs(D d, hn::Vec<D> x) {
  using T = hn::TFromD<D>;
  const auto angle = reduced_angle(d, hn::Abs(x));
  const auto r = angle.r, z = hn::Mul(r, r);
  const auto half = hn::Mul(z, hn::Set(d, T(0.5))), one = hn::Set(d, T(1));
  const auto rounded = hn::Sub(one, half),
             lost = hn::Sub(hn::Sub(one, rounded), half);  // 1 - z/2 = rounded + lost
  const auto s = hn::MulAdd(hn::Mul(r, z), polynomial(d, z, kSinFloat, kSinDouble), r);
  const auto c = hn::Add(rounded, hn::MulAdd(hn::Mul(z, z), polynomial(d, z, kCosFloat, kCosDouble), lost));

  const BitsTag<D> bits;
  constexpr int kTop = FormatOf<D>::kMantissa == 23 ? 30 : 62;
  const auto sign = hn::SignBit(d);
  const auto flip = [&](auto v, auto n)
                        EBB_LANES { return hn::Xor(v, hn::And(sign, hn::BitCast(d, hn::ShiftLeft<kTop>(n)))); };
  const auto swapped =
      hn::MaskFromVec(hn::BitCast(d, hn::VecFromMask(bits, hn::TestBit(angle.quadrant, hn::Set(bits, 1)))));
  return {flip(hn::IfThenElse(swapped, c, s), angle.quadrant),
          flip(hn::IfThenElse(swapped, s, c), hn::Add(angle.quadrant, hn::Set(bits, 1)))};
}

// f(x) lane by lane where `wanted`, else y: the way out for arguments that are too rare for vector code.
template <class D, class F>
HWY_NOINLINE hn::Vec<D> replace_lanes(D d, hn::Mask<D> wanted, hn::Vec<D> x, hn::Vec<D> y, F f) {
  constexpr std::size_t kLanes = hn::MaxLanes(D());
  HWY_ALIGN hn::TFromD<D> in[kLanes], out[kLanes];
  hn::Store(x, d, in);
  for (std::size_t i = 0; i < hn::Lanes(d); ++i) out[i] = f(in[i]);
  return hn::IfThenElse(wanted, hn::Load(d, out), y);
}

template <class D, class F>
HWY_INLINE hn::Vec<D> beyond_angle_limit(D d, hn::Vec<D> x, hn::Vec<D> y, F f) {
  const auto far = hn::Gt(hn::Abs(x), hn::Set(d, HalfPi<hn::TFromD<D>>::kLimit));
  if (HWY_LIKELY(hn::AllFalse(d, far))) return y;
  return replace_lanes(d, far, x, y, f);
}

template <class D>
HWY_INLINE hn::Vec<D> sin(D d, hn::Vec<D> x) {
  const auto y = hn::Xor(sin_cos_of_abs(d, x).sin, hn::And(x, hn::SignBit(d)));
  return beyond_angle_limit(d, x, y, [](auto v) { return std::sin(v); });
}

template <class D>
HWY_INLINE hn::Vec<D> cos(D d, hn::Vec<D> x) {
  return beyond_angle_limit(d, x, sin_cos_of_abs(d, x).cos, [](auto v) { return std::cos(v); });
}

template <class D>
HWY_INLINE hn::Vec<D> tan(D d, hn::Vec<D> x) {
  const auto of_abs = sin_cos_of_abs(d, x);
  const auto y = hn::Xor(hn::Div(of_abs.sin, of_abs.cos), hn::And(x, hn::SignBit(d)));
  return beyond_angle_limit(d, x, y, [](auto v) { return std::tan(v); });
}

}  // namespace ebb::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // per-target guard
