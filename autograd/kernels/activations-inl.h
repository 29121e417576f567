// The functions between layers and their derivatives, on vectors of float or double, once per instruction set. They
// neither overflow nor cancel: relative errors are small in the tails too, down to subnormal results. For their sizes
// see elementwise.h.
#if defined(EBB_KERNELS_ACTIVATIONS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef EBB_KERNELS_ACTIVATIONS_INL_H_
#undef EBB_KERNELS_ACTIVATIONS_INL_H_
#else
#define EBB_KERNELS_ACTIVATIONS_INL_H_
#endif

#include "autograd/kernels/math-inl.h"

HWY_BEFORE_NAMESPACE();
namespace ebb::kernels::HWY_NAMESPACE {

// ---- tanh

// tanh|x| = m / (m + 2), m = exp(2|x|) - 1 = 2^n p + (2^n - 1) as in expm1, but 2^n needs no second factor.
template <class D>
HWY_INLINE hn::Vec<D> tanh(D d, hn::Vec<D> x) {
  using F = FormatOf<D>;
  using T = hn::TFromD<D>;
  constexpr T kRound = F::kRound + static_cast<T>(F::kBias);  // the rounded number then is n + bias
  const auto a = at_most(d, hn::Abs(x), 20);                  // there it is 1
  const auto rounded = hn::MulAdd(a, hn::Set(d, static_cast<T>(0x1.71547652b82fep1)), hn::Set(d, kRound));
  const auto n = hn::Sub(rounded, hn::Set(d, kRound));
  auto r = hn::NegMulAdd(n, hn::Set(d, F::kLn2High), hn::Add(a, a));
  r = hn::NegMulAdd(n, hn::Set(d, F::kLn2Low), r);
  const auto power = power_of_two(d, bits_of(d, rounded));
  const auto m = hn::MulAdd(power, expm1_reduced(d, r, kExpFloat), hn::Sub(power, hn::Set(d, T(1))));
  return hn::CopySign(hn::Div(m, hn::Add(m, hn::Set(d, T(2)))), x);
}

// ---- the logistic function σ(x) = 1 / (1 + exp(-x))

// σ(x) as value 2^n, and σ(-x): with e = exp(x) = v 2^n they are v / (1 + e) 2^n and 1 / (1 + e). Above kHighest, where e
// would soon be infinite, σ is 1.
template <class D>
struct Logistic {
  Scaled<D> of_x;
  hn::Vec<D> of_minus_x;
};
template <class D>
HWY_INLINE Logistic<D> logistic(D d, hn::Vec<D> x) {
  using T = hn::TFromD<D>;
  constexpr T kHighest = std::is_same_v<T, float> ? 80 : 700;
  const auto e = exp_scaled(d, clamp(d, x, FormatOf<D>::kExpLowest, kHighest));
  const auto one = hn::Set(d, T(1)), sum = hn::Add(one, e.product());
  return {{hn::Div(e.value, sum), e.power}, hn::Div(one, sum)};
}

template <class D>
HWY_INLINE hn::Vec<D> sigmoid(D d, hn::Vec<D> x) {
  return logistic(d, x).of_x.product();
}

// x, or where it stands before an exponential that is 0 for it, a number with which it still is: not 0 · ∞.
template <class D>
HWY_INLINE hn::Vec<D> finite_factor(D d, hn::Vec<D> x) {
  return at_least(d, x, FormatOf<D>::kExpLowest);
}

// x σ(x)
template <class D>
HWY_INLINE hn::Vec<D> silu(D d, hn::Vec<D> x) {
  const auto sigma = logistic(d, x).of_x;
  return sigma.power.times(hn::Mul(finite_factor(d, x), sigma.value));
}

// d/dx x σ(w(x)) = σ(w) (1 + x w' σ(-w))
template <class D>
HWY_INLINE hn::Vec<D> weighted_logistic_derivative(D d, hn::Vec<D> x, hn::Vec<D> w, hn::Vec<D> slope) {
  const auto sigma = logistic(d, w);
  const auto factor = hn::MulAdd(hn::Mul(x, slope), sigma.of_minus_x, hn::Set(d, 1));
  return sigma.of_x.power.times(hn::Mul(factor, sigma.of_x.value));
}
template <class D>
HWY_INLINE hn::Vec<D> clamp_both_ways(D d, hn::Vec<D> x) {
  return clamp(d, x, FormatOf<D>::kExpLowest, -FormatOf<D>::kExpLowest);
}

template <class D>
HWY_INLINE hn::Vec<D> silu_derivative(D d, hn::Vec<D> x) {
  x = clamp_both_ways(d, x);
  return weighted_logistic_derivative(d, x, x, hn::Set(d, 1));
}

// ½ x (1 + tanh(√(2/π) (x + 0.044715 x³))) = x σ(w), w = 2 √(2/π) (x + 0.044715 x³)
constexpr double kGeluLinear = 0x1.9884533d43651p+0, kGeluCubic = 0.044715;
template <class D>
HWY_INLINE hn::Vec<D> gelu_tanh_argument(D d, hn::Vec<D> x) {
  using T = hn::TFromD<D>;
  const auto slope = hn::MulAdd(hn::Mul(x, x), hn::Set(d, static_cast<T>(kGeluLinear * kGeluCubic)),
                                hn::Set(d, static_cast<T>(kGeluLinear)));
  return hn::Mul(x, slope);
}
template <class D>
HWY_INLINE hn::Vec<D> gelu_tanh(D d, hn::Vec<D> x) {
  x = finite_factor(d, x);
  const auto sigma = logistic(d, gelu_tanh_argument(d, x)).of_x;
  return sigma.power.times(hn::Mul(x, sigma.value));
}
template <class D>
HWY_INLINE hn::Vec<D> gelu_tanh_derivative(D d, hn::Vec<D> x) {
  using T = hn::TFromD<D>;
  x = clamp_both_ways(d, x);
  const auto slope = hn::MulAdd(hn::Mul(x, x), hn::Set(d, static_cast<T>(3 * kGeluLinear * kGeluCubic)),
                                hn::Set(d, static_cast<T>(kGeluLinear)));
  return weighted_logistic_derivative(d, x, gelu_tanh_argument(d, x), slope);
}

// log(1 + exp(βx)) / β = (max(t, 0) + log1p(exp(-|t|))) / β, t = βx; x where t is above the threshold.
template <class D>
HWY_INLINE hn::Vec<D> softplus(D d, hn::Vec<D> x, hn::Vec<D> beta, hn::Vec<D> threshold) {
  const auto t = hn::Mul(x, beta);
  const auto e = exp_scaled(d, at_least(d, hn::Neg(hn::Abs(t)), FormatOf<D>::kExpLowest)).product();
  const auto sum = hn::Add(at_least(d, t, 0), log1p_of_fraction(d, e));
  return hn::IfThenElse(hn::Gt(t, threshold), x, hn::Div(sum, beta));
}
template <class D>
HWY_INLINE hn::Vec<D> softplus_derivative(D d, hn::Vec<D> x, hn::Vec<D> beta, hn::Vec<D> threshold) {
  const auto t = hn::Mul(x, beta);
  return hn::IfThenElse(hn::Gt(t, threshold), hn::Set(d, 1), sigmoid(d, t));
}

template <class D>
HWY_INLINE hn::Vec<D> elu(D d, hn::Vec<D> x, hn::Vec<D> alpha, hn::Vec<D> slope) {
  return hn::IfThenElse(hn::Gt(x, hn::Zero(d)), x, hn::Mul(alpha, expm1(d, hn::Mul(slope, x))));
}
template <class D>
HWY_INLINE hn::Vec<D> elu_derivative(D d, hn::Vec<D> x, hn::Vec<D> alpha, hn::Vec<D> slope) {
  return hn::IfThenElse(hn::Gt(x, hn::Zero(d)), hn::Set(d, 1),
                        hn::Mul(hn::Mul(alpha, slope), exp(d, hn::Mul(slope, x))));
}

// x tanh(log(1 + e)) = x n / (n + 2), n = e (e + 2), e = exp(x), which is multiplied in last as in silu(). Above
// kHighest the factor rounds to 1.
template <class D>
struct MishParts {
  static constexpr hn::TFromD<D> kHighest = std::is_same_v<hn::TFromD<D>, float> ? 20 : 25;
  Scaled<D> e;
  hn::Vec<D> exp, exp_plus_2, n_plus_2;

  HWY_INLINE MishParts(D d, hn::Vec<D> x)
      : e(exp_scaled(d, clamp(d, x, FormatOf<D>::kExpLowest, kHighest))), exp(e.product()) {
    exp_plus_2 = hn::Add(exp, hn::Set(d, 2));
    n_plus_2 = hn::MulAdd(exp, exp_plus_2, hn::Set(d, 2));
  }
};
template <class D>
HWY_INLINE hn::Vec<D> mish(D d, hn::Vec<D> x) {
  const MishParts<D> of(d, x);
  const auto factor = hn::Div(hn::Mul(of.e.value, of.exp_plus_2), of.n_plus_2);
  return of.e.power.times(hn::Mul(finite_factor(d, x), factor));
}
// e ((e + 2) (n + 2) + 4 x (1 + e)) / (n + 2)²
template <class D>
HWY_INLINE hn::Vec<D> mish_derivative(D d, hn::Vec<D> x) {
  const MishParts<D> of(d, x);
  const auto four_x =
      hn::Mul(clamp(d, x, FormatOf<D>::kExpLowest, MishParts<D>::kHighest), hn::Set(d, hn::TFromD<D>(4)));
  const auto sum = hn::MulAdd(four_x, hn::Add(of.exp, hn::Set(d, 1)), hn::Mul(of.exp_plus_2, of.n_plus_2));
  return of.e.power.times(hn::Div(hn::Mul(of.e.value, sum), hn::Mul(of.n_plus_2, of.n_plus_2)));
}

// ---- the normal distribution: Φ(-t) = M(t) exp(-t²/2)

// The coefficients of e^r for r = -c z as a polynomial in z.
template <class T, std::size_t N>
struct ExpOfNegative {
  T coefficient[N + 2];
  constexpr ExpOfNegative(const T (&expm1)[N], T c) : coefficient{1, -c} {
    T power = c * c;
    for (std::size_t i = 0; i < N; ++i, power *= -c) coefficient[i + 2] = power * expm1[i];
  }
};

// exp(-c x²) for c = 1 / kInverse = ½ or 1 and x >= 0. A rounded x² would cost many digits where it is large, so the
// exponent has a second part: the rounding error of x², by FMA; or x = h + l, h so short that h² is exact, x² = h² +
// l (x + h). It is n ln 2 - c z, and what -c does to exact numbers is done to the constants.
template <int kInverse, class D>
HWY_INLINE Scaled<D> exp_minus_square(D d, hn::Vec<D> x) {
  using T = hn::TFromD<D>;
  using F = FormatOf<D>;
  static constexpr ExpOfNegative kFloat(kExpFloat, 1.0F / kInverse);
  static constexpr ExpOfNegative kDouble(kExpm1Double, 1.0 / kInverse);
#if HWY_NATIVE_FMA
  const auto high = hn::Mul(x, x), low = hn::MulSub(x, x, high);
#else
  constexpr int kCut = FormatOf<D>::kMantissa / 2 + 1;
  const auto h = hn::BitCast(d, hn::ShiftLeft<kCut>(hn::ShiftRight<kCut>(bits_of(d, x))));
  const auto high = hn::Mul(h, h), low = hn::Mul(hn::Sub(x, h), hn::Add(x, h));
#endif
  const auto minus_c_log2_e = hn::Set(d, static_cast<T>(-0x1.71547652b82fep0 / kInverse));
  const auto rounded = hn::MulAdd(high, minus_c_log2_e, hn::Set(d, F::kRound));
  const auto n = hn::Sub(rounded, hn::Set(d, F::kRound));
  auto z = hn::MulAdd(n, hn::Set(d, kInverse * F::kLn2High), high);
  z = hn::Add(hn::MulAdd(n, hn::Set(d, kInverse * F::kLn2Low), z), low);
  return {polynomial(d, z, kFloat.coefficient, kDouble.coefficient), PowerOfTwo<D>(d, rounded)};
}

constexpr float kMillsFloat[] = {0x1.82b4bcp-1F,  -0x1.373e3ap-1F, 0x1.8c6d7ap-2F,  -0x1.7dff6cp-3F,
                                 0x1.eedecep-5F,  -0x1.ed8740p-8F, -0x1.cebf4ap-9F, 0x1.9c642ap-10F,
                                 0x1.a66b04p-13F, -0x1.00282cp-13F};
constexpr double kMillsDouble[] = {
    0x1.82b4bb8c94dcep-1,  -0x1.373e3a893c28ap-1,  0x1.8c6dbf2cfc30cp-2,   -0x1.7dff2bff6844dp-3,
    0x1.eec4cc3e43c58p-5,  -0x1.ee276104499ffp-8,  -0x1.c81719c8cea71p-9,  0x1.ab825fb480c31p-10,
    0x1.17a4a5a5f7f7dp-13, -0x1.e4a422b640401p-13, -0x1.00109795a65b5p-19, 0x1.26d077a0dc5c1p-15,
    0x1.7fd438df72989p-21, -0x1.8d4b08f6ae4b3p-18, -0x1.4fa1cf9b4b737p-21, 0x1.125de8bcbe20ep-20,
    0x1.1b95ee6bd8161p-22, -0x1.50ebeecf18c38p-23, -0x1.4bbacbccc4082p-24, 0x1.17ada1ae835aap-26,
    0x1.f8760aa2a5573p-27, -0x1.ba5f2b596cf84p-32, -0x1.50e92eed2d35ap-30};

// (t + k) M(t) for s = t / (t + k), 0 <= t <= 40: M is Mills' ratio over √(2π). The polynomial's variable is
// (t - k) / (t + k) = 2 s - 1, from -1 to 1.
constexpr int kMillsScale = 4;  // k
template <class D>
HWY_INLINE hn::Vec<D> mills_polynomial(D d, hn::Vec<D> s) {
  return polynomial(d, hn::MulSub(s, hn::Set(d, 2), hn::Set(d, 1)), kMillsFloat, kMillsDouble);
}
template <class D>
HWY_INLINE hn::Vec<D> mills(D d, hn::Vec<D> t) {
  const auto r = hn::Div(hn::Set(d, 1), hn::Add(t, hn::Set(d, kMillsScale)));
  return hn::Mul(r, mills_polynomial(d, hn::Mul(t, r)));
}
template <class D>
HWY_INLINE hn::Vec<D> t_mills(D d, hn::Vec<D> t) {
  const auto s = hn::Div(t, hn::Add(t, hn::Set(d, kMillsScale)));
  return hn::Mul(s, mills_polynomial(d, s));
}

// |x|, but not so large that exp(-x²/2) differs from 0.
template <class D>
HWY_INLINE hn::Vec<D> normal_argument(D d, hn::Vec<D> x) {
  using T = hn::TFromD<D>;
  return at_most(d, hn::Abs(x), std::is_same_v<T, float> ? T(15) : T(40));
}

// x Φ(x) = max(x, 0) - t Φ(-t), t = |x|
template <class D>
HWY_INLINE hn::Vec<D> gelu(D d, hn::Vec<D> x) {
  const auto t = normal_argument(d, x);
  const auto e = exp_minus_square<2>(d, t);
  const auto tail = hn::Mul(t_mills(d, t), e.value);
  return hn::Sub(at_least(d, x, 0), e.power.times(tail));
}

// Φ(x) + x φ(x) = h for x <= 0 and 1 - h above, h = exp(-t²/2) (M(t) - t / √(2π))
template <class D>
HWY_INLINE hn::Vec<D> gelu_derivative(D d, hn::Vec<D> x) {
  using T = hn::TFromD<D>;
  const auto t = normal_argument(d, x);
  const auto e = exp_minus_square<2>(d, t);
  const auto factor = hn::NegMulAdd(t, hn::Set(d, static_cast<T>(0x1.9884533d43651p-2)), mills(d, t));
  const auto h = e.power.times(hn::Mul(factor, e.value));
  return hn::IfThenElse(hn::Gt(x, hn::Zero(d)), hn::Sub(hn::Set(d, T(1)), h), h);
}

constexpr float kErfFloat[] = {0x1.06eba8p-3F, -0x1.81273ep-2F,  0x1.ce2cf8p-4F, -0x1.b7f90ep-6F,
                               0x1.5405b2p-8F, -0x1.a3f704p-11F, 0x1.496a42p-14F};
constexpr double kErfDouble[] = {0x1.06eba8214db69p-3,   -0x1.812746b0379e6p-2,  0x1.ce2f21a042b2p-4,
                                 -0x1.b82ce3128499cp-6,  0x1.565bcd0db02dbp-8,   -0x1.c02db3d8ed07ep-11,
                                 0x1.f9a321a11a838p-14,  -0x1.f4d1df390b539p-17, 0x1.b9def19ab4682p-20,
                                 -0x1.5f1d36a635fe1p-23, 0x1.f7a410f7d9dc4p-27,  -0x1.386abce304f28p-30,
                                 0x1.05799fc6bd33dp-34};

// 2 Φ(-√2 a) for 0 <= a <= 28
template <class D>
HWY_INLINE hn::Vec<D> erfc_of_abs(D d, hn::Vec<D> a) {
  const auto m = mills(d, hn::Mul(a, hn::Set(d, static_cast<hn::TFromD<D>>(0x1.6a09e667f3bcdp0))));
  const auto e = exp_minus_square<1>(d, a);
  return e.power.times(hn::Mul(hn::Add(m, m), e.value));
}

// x + x P(x²) for |x| < 1, else ±(1 - erfc(|x|)).
template <class D>
HWY_INLINE hn::Vec<D> erf(D d, hn::Vec<D> x) {
  using T = hn::TFromD<D>;
  const auto a = at_most(d, hn::Abs(x), 7);  // there it is 1
  const auto one = hn::Set(d, T(1));
  const auto near = hn::MulAdd(a, polynomial(d, hn::Mul(a, a), kErfFloat, kErfDouble), a);
  const auto far = hn::Sub(one, erfc_of_abs(d, a));
  return hn::CopySign(hn::IfThenElse(hn::Lt(a, one), near, far), x);
}
template <class D>
HWY_INLINE hn::Vec<D> erfc(D d, hn::Vec<D> x) {
  using T = hn::TFromD<D>;
  const auto y =
      erfc_of_abs(d, at_most(d, hn::Abs(x), std::is_same_v<T, float> ? T(11) : T(28)));  // there it is 0
  return hn::IfThenElse(hn::Lt(x, hn::Zero(d)), hn::Sub(hn::Set(d, T(2)), y), y);
}

}  // namespace ebb::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // per-target guard
