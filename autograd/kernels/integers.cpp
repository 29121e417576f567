#include "autograd/kernels/integers.h"

#include <algorithm>
#include <type_traits>

#include "autograd/base/fail.h"
#include "autograd/kernels/convert.h"

namespace ebb::kernels {
namespace {

// Arithmetic modulo 2^bits: signed overflow is no error here.
template <class T>
using Unsigned = std::make_unsigned_t<T>;
template <class T>
T plus(T a, T b) {
  return static_cast<T>(static_cast<Unsigned<T>>(a) + static_cast<Unsigned<T>>(b));
}
template <class T>
T minus(T a, T b) {
  return static_cast<T>(static_cast<Unsigned<T>>(a) - static_cast<Unsigned<T>>(b));
}
template <class T>
T times(T a, T b) {
  return static_cast<T>(static_cast<Unsigned<T>>(a) * static_cast<Unsigned<T>>(b));
}

[[noreturn, gnu::cold]] void zero_divisor(const char* op) {
  fail("{}: an integer is divided by 0; convert the operands by to(float32), where that is infinite or NaN", op);
}
// Truncated; the least number by -1 wraps.
template <class T>
T quotient(const char* op, T a, T b) {
  if (b == 0) zero_divisor(op);
  return std::is_signed_v<T> && b == static_cast<T>(-1) ? minus<T>(0, a) : static_cast<T>(a / b);
}
template <class T>
T remainder(const char* op, T a, T b) {
  return minus(a, times(quotient(op, a, b), b));
}
// The remainder has the sign of the divisor after one more step.
template <class T>
bool needs_step(T remainder, T divisor) {
  return remainder != 0 && (remainder < T(0)) != (divisor < T(0));
}

// A negative number of bits counts as too many.
template <class T>
bool has_bits(T count) {
  return count >= T(0) && count < static_cast<T>(8 * sizeof(T));
}
template <class T>
T shifted_left(T x, T count) {
  return has_bits(count) ? static_cast<T>(static_cast<Unsigned<T>>(x) << count) : T(0);
}
template <class T>
T shifted_right(T x, T count) {
  return has_bits(count) ? static_cast<T>(x >> count) : static_cast<T>(x < T(0) ? -1 : 0);
}

// F is a lambda without captures: (x, a, b), the parameters being of the type too, or (x0, x1).
template <class T, class F>
RunKernel unary_kernel(F) {
  return [](const Run& run) {
    const T a = convert<T>(run.p), b = convert<T>(run.q);
    const auto* x = static_cast<const T*>(run.x[0]);
    auto* y = static_cast<T*>(run.y);
    for (std::int64_t i = 0; i < run.n; ++i) y[i] = F()(x[i], a, b);
  };
}
template <class T, class F>
RunKernel binary_kernel(F) {
  return [](const Run& run) {
    const auto* x0 = static_cast<const T*>(run.x[0]);
    const auto* x1 = static_cast<const T*>(run.x[1]);
    auto* y = static_cast<T*>(run.y);
    for (std::int64_t i = 0; i < run.n; ++i) y[i] = F()(x0[i], x1[i]);
  };
}

template <class T>
RunKernel kernel_of(Unary f) {
  switch (f) {
    case Unary::neg:
      return unary_kernel<T>([](T x, T, T) { return minus<T>(0, x); });
    case Unary::abs:
      return unary_kernel<T>([](T x, T, T) { return x < T(0) ? minus<T>(0, x) : x; });
    case Unary::square:
      return unary_kernel<T>([](T x, T, T) { return times(x, x); });
    case Unary::sign:
      return unary_kernel<T>([](T x, T, T) { return static_cast<T>((x > T(0)) - (x < T(0))); });
    case Unary::floor:
    case Unary::ceil:
    case Unary::round:
    case Unary::trunc:
      return unary_kernel<T>([](T x, T, T) { return x; });
    case Unary::bitwise_not:
      return unary_kernel<T>([](T x, T, T) { return static_cast<T>(~x); });
    case Unary::add_scalar:
      return unary_kernel<T>([](T x, T a, T) { return plus(x, a); });
    case Unary::mul_scalar:
      return unary_kernel<T>([](T x, T a, T) { return times(x, a); });
    case Unary::clamp:
      return unary_kernel<T>([](T x, T a, T b) { return std::min(std::max(x, a), b); });
    default:
      return nullptr;
  }
}

template <class T>
RunKernel kernel_of(Binary f) {
  switch (f) {
    case Binary::trunc_divide:
      return binary_kernel<T>([](T a, T b) { return quotient("div", a, b); });
    case Binary::floor_divide:
      return binary_kernel<T>([](T a, T b) {
        const T q = quotient("div", a, b);
        return needs_step(minus(a, times(q, b)), b) ? minus(q, T(1)) : q;
      });
    case Binary::fmod:
      return binary_kernel<T>([](T a, T b) { return remainder("fmod", a, b); });
    case Binary::remainder:
      return binary_kernel<T>([](T a, T b) {
        const T r = remainder("remainder", a, b);
        return needs_step(r, b) ? plus(r, b) : r;
      });
    case Binary::left_shift:
      return binary_kernel<T>([](T a, T b) { return shifted_left(a, b); });
    case Binary::right_shift:
      return binary_kernel<T>([](T a, T b) { return shifted_right(a, b); });
    case Binary::bitwise_and:
      return binary_kernel<T>([](T a, T b) { return static_cast<T>(a & b); });
    case Binary::bitwise_or:
      return binary_kernel<T>([](T a, T b) { return static_cast<T>(a | b); });
    case Binary::bitwise_xor:
      return binary_kernel<T>([](T a, T b) { return static_cast<T>(a ^ b); });
    case Binary::add:
      return binary_kernel<T>([](T a, T b) { return plus(a, b); });
    case Binary::sub:
      return binary_kernel<T>([](T a, T b) { return minus(a, b); });
    case Binary::mul:
      return binary_kernel<T>([](T a, T b) { return times(a, b); });
    case Binary::maximum:
      return binary_kernel<T>([](T a, T b) { return std::max(a, b); });
    case Binary::minimum:
      return binary_kernel<T>([](T a, T b) { return std::min(a, b); });
    default:
      return nullptr;
  }
}

using Byte = std::uint8_t;  // a bool is 0 or 1

RunKernel bool_kernel(Unary f) {
  if (f != Unary::bitwise_not) return nullptr;
  return unary_kernel<Byte>([](Byte x, Byte, Byte) { return static_cast<Byte>(x ^ 1); });
}

RunKernel bool_kernel(Binary f) {
  switch (f) {
    case Binary::bitwise_and:
    case Binary::bitwise_or:
    case Binary::bitwise_xor:
      return kernel_of<Byte>(f);
    default:
      return nullptr;
  }
}

template <class Function>
RunKernel kernel_for(Function f, Dtype dtype) {
  switch (dtype) {
    case Dtype::int64:
      return kernel_of<std::int64_t>(f);
    case Dtype::int32:
      return kernel_of<std::int32_t>(f);
    case Dtype::uint8:
      return kernel_of<std::uint8_t>(f);
    case Dtype::bool_:
      return bool_kernel(f);
    default:
      return nullptr;
  }
}

}  // namespace

RunKernel integer_kernel(Unary f, Dtype dtype) { return kernel_for(f, dtype); }
RunKernel integer_kernel(Binary f, Dtype dtype) { return kernel_for(f, dtype); }

}  // namespace ebb::kernels
