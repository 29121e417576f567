// The operations that random programs are made of (program.h), simple ones first: a program that fails shrinks to these.
// Each is smooth wherever a program may take it, so arguments are brought where they belong: log(square(x) + 1).
#pragma once

#include <cctype>
#include <string_view>

#include "tests/program_moves.h"

namespace ebb::test {

// -- element by element: one expression for tensors and for numbers

// a^b of a number b.
inline Jet pow(const Jet& a, double b) { return exp(Jet(b) * log(a)); }
template <class W>
Jet lerp(const Jet& a, const Jet& b, const W& weight) {
  return a + Jet(weight) * (b - a);
}
inline Jet tanhshrink(const Jet& x) { return x - tanh(x); }
inline Jet digamma(const Jet& x) { return dual::polygamma(0, x); }
inline Jet addcmul(const Jet& x, const Jet& a, const Jet& b, double value) { return x + Jet(value) * a * b; }
inline Jet addcdiv(const Jet& x, const Jet& a, const Jet& b) { return x + a / b; }

struct OfOne {
  std::string_view code;
  Tensor (*f)(const Tensor&);
  Jet (*reference)(const Jet&);
};
struct OfTwo {
  std::string_view code;
  Tensor (*f)(const Tensor&, const Tensor&);
  Jet (*reference)(const Jet&, const Jet&);
};

// clang-format off
#define OF_ONE(e) {#e, [](const Tensor& x) -> Tensor { return e; }, [](const Jet& x) -> Jet { return e; }}
#define OF_TWO(e) {#e, [](const Tensor& x, const Tensor& y) -> Tensor { return e; }, \
                   [](const Jet& x, const Jet& y) -> Jet { return e; }}

inline constexpr OfOne kOfOne[] = {
    OF_ONE(-x), OF_ONE(x * 0.7), OF_ONE(x + 0.3), OF_ONE(0.4 - x), OF_ONE(tanh(x)), OF_ONE(sin(x)), OF_ONE(cos(x)),
    OF_ONE(square(x)), OF_ONE(exp(x)), OF_ONE(expm1(tanh(x))), OF_ONE(exp2(x)), OF_ONE(exp(-square(x))),
    OF_ONE(log(square(x) + 1.0)), OF_ONE(log1p(square(x))), OF_ONE(log2(square(x) + 1.0)),
    OF_ONE(log10(square(x) + 0.5)), OF_ONE(logit(0.1 + 0.8 * sigmoid(x))), OF_ONE(sqrt(square(x) + 0.5)),
    OF_ONE(rsqrt(square(x) + 0.5)), OF_ONE(reciprocal(square(x) + 1.0)), OF_ONE(2.0 / (square(x) + 1.0)),
    OF_ONE(pow(square(x) + 0.5, 0.7)), OF_ONE(pow(square(x) + 0.5, -1.5)), OF_ONE(tan(tanh(x))),
    OF_ONE(asin(0.9 * tanh(x))), OF_ONE(acos(0.9 * sin(x))), OF_ONE(atan(x)), OF_ONE(sinh(tanh(x))),
    OF_ONE(cosh(tanh(x))), OF_ONE(asinh(x)), OF_ONE(acosh(square(x) + 1.5)), OF_ONE(atanh(0.9 * tanh(x))),
    OF_ONE(erf(x)), OF_ONE(erfc(x)), OF_ONE(erfinv(0.9 * tanh(x))), OF_ONE(lgamma(square(x) + 0.5)),
    OF_ONE(digamma(square(x) + 0.5)), OF_ONE(i0(tanh(x))), OF_ONE(sigmoid(x)), OF_ONE(silu(x)), OF_ONE(mish(x)),
    OF_ONE(softplus(x)), OF_ONE(logsigmoid(x)), OF_ONE(gelu(x)), OF_ONE(tanhshrink(x))};

inline constexpr OfTwo kOfTwo[] = {
    OF_TWO(x + y), OF_TWO(x - y), OF_TWO(x * y), OF_TWO(x / (square(y) + 0.5)), OF_TWO(pow(square(x) + 0.5, tanh(y))),
    OF_TWO(atan2(x, square(y) + 0.5)), OF_TWO(hypot(x, square(y) + 0.5)), OF_TWO(xlogy(x, square(y) + 0.5)),
    OF_TWO(logaddexp(x, y)), OF_TWO(lerp(x, y, 0.3)), OF_TWO(lerp(x, y, x)), OF_TWO(addcmul(x, y, y, 0.5)),
    OF_TWO(addcdiv(x, y, square(y) + 0.5))};
// clang-format on

// `code` with other names for x and y.
inline std::string renamed(std::string_view code, const std::string& x, const std::string& y = "") {
  const auto letter = [&](std::size_t i) { return i < code.size() && (std::isalnum(code[i]) || code[i] == '_'); };
  std::string text;
  for (std::size_t i = 0; i < code.size(); ++i) {
    const bool alone = !letter(i + 1) && (i == 0 || !letter(i - 1));
    if (alone && code[i] == 'x') text += x;
    else if (alone && code[i] == 'y') text += y;
    else text += code[i];
  }
  return text;
}

inline Step step_of(const OfOne& f, const Choice& c) {
  return {renamed(f.code, c.x_name()), [f, a = c.a](const auto& v) { return f.f(v[a]); },
          [f, a = c.a](const auto& v) {
            Numbers y = v[a];
            for (auto& e : y.v) e = f.reference(e);
            return y;
          }};
}

// The second operand is taken by its mean where shapes do not go together.
inline Step step_of(const OfTwo& f, const Choice& c) {
  const auto shape = joined(c.x, c.y);
  const bool whole = shape.has_value();
  return {renamed(f.code, c.x_name(), whole ? c.y_name() : "mean(" + c.y_name() + ")"),
          [f, whole, a = c.a, b = c.b](const auto& v) { return f.f(v[a], whole ? v[b] : mean(v[b])); },
          [f, shape, a = c.a, b = c.b](const auto& v) {
            Numbers x = v[a], y = v[b];
            if (!shape) {
              Jet total = 0;
              for (const auto& e : y.v) total = total + e;
              y = {{}, {total / Jet(static_cast<double>(y.v.size()))}};
            }
            x = stretched(x, shape.value_or(x.shape)), y = stretched(y, x.shape);
            for (std::size_t k = 0; k < x.v.size(); ++k) x.v[k] = f.reference(x.v[k], y.v[k]);
            return x;
          },
          true};
}

// -- reductions and lines

using Line = std::vector<Jet>;
inline Jet total_of(const Line& x) {
  Jet total = 0;
  for (const auto& e : x) total = total + e;
  return total;
}
inline Jet mean_of(const Line& x) { return total_of(x) / Jet(static_cast<double>(x.size())); }
inline Jet var_of(const Line& x) {
  const Jet m = mean_of(x);
  Line d;
  for (const auto& e : x) d.push_back((e - m) * (e - m));
  return mean_of(d);
}
inline Jet product_of(const Line& x) {
  Jet all = 1;
  for (const auto& e : x) all = all * e;
  return all;
}
inline Jet logsumexp_of(const Line& x) {
  Jet total = 0;
  for (const auto& e : x) total = total + exp(e);
  return log(total);
}
inline Line normalised(const Line& x, double eps) {
  const Jet m = mean_of(x), s = sqrt(var_of(x) + Jet(eps));
  Line y;
  for (const auto& e : x) y.push_back((e - m) / s);
  return y;
}

// Reduces the dimensions of the bits of p, or all.
inline Maker reduction(std::string_view code, Tensor (*f)(const Tensor&, const Dims&, bool),
                       Jet (*of)(const Line&)) {
  return [=](const Choice& c) -> std::optional<Step> {
    Dims dims;
    unsigned mask = 0;
    for (int i = 0; i < c.x.rank(); ++i)
      if ((c.p >> i & 1) != 0) dims.push_back(i), mask |= 1u << i;
    if (mask == 0) mask = (1u << c.x.rank()) - 1;
    const bool keep = c.q % 2 == 1;
    return Step{fmt::format(fmt::runtime(code), c.x_name(), fmt::join(dims, ", "), keep),
                [=, a = c.a](const auto& v) { return f(v[a], dims, keep); },
                [=, a = c.a](const auto& v) { return reduced(v[a], mask, keep, of); }};
  };
}

// Lines along a dimension, each by itself.
inline Maker lines(std::string_view code, Tensor (*f)(const Tensor&, int), Line (*of)(const Line&)) {
  return [=](const Choice& c) -> std::optional<Step> {
    if (c.x.rank() == 0) return {};
    const int dim = c.dim();
    return Step{fmt::format(fmt::runtime(code), c.x_name(), dim),
                [=, a = c.a](const auto& v) { return f(v[a], dim); },
                [=, a = c.a](const auto& v) { return along(v[a], dim, of); }};
  };
}
template <class Combine>
Line running(const Line& x, Combine combine) {
  Line y;
  for (const auto& e : x) y.push_back(y.empty() ? e : combine(y.back(), e));
  return y;
}

// -- products, and what is fused

inline std::vector<Maker> product_makers() {
  return {
      // x yᵀ where that is a product, else x xᵀ.
      of_rank(2,
              [](const Choice& c, const auto& x) {
                const int r = c.x.rank();
                const bool other = c.y.rank() == 2 && c.y[1] == c.x[r - 1];
                const std::size_t b = other ? c.b : c.a;
                const Shape out = c.x.with(r - 1, other ? c.y[0] : c.x[r - 2]);
                const bool fused = other && c.p % 2 == 1;
                const auto y = other ? c.y_name() : x;
                return Step{fused ? fmt::format("linear({}, {})", x, y)
                                  : fmt::format("matmul({}, transpose({}, -2, -1))", x, y),
                            [=, a = c.a](const auto& v) {
                              return fused ? linear(v[a], v[b]) : matmul(v[a], transpose(v[b], -2, -1));
                            },
                            [=, a = c.a](const auto& v) { return product(v[a], v[b], out); }, true};
              }),
      of_rank(2,
              [](const Choice& c, const auto& x) -> std::optional<Step> {
                if (c.x.rank() != 2) return {};
                return Step{fmt::format("scaled_dot_product_attention({0}, {0}, {0})", x),
                            [a = c.a](const auto& v) { return scaled_dot_product_attention(v[a], v[a], v[a]); },
                            [a = c.a](const auto& v) {
                              const Numbers& q = v[a];
                              Numbers scores = product(q, q, Shape{q.shape[0], q.shape[0]});
                              for (auto& e : scores.v) e = e / sqrt(Jet(static_cast<double>(q.shape[1])));
                              scores = along(scores, 1, [](const Line& s) {
                                Line p;
                                const Jet whole = logsumexp_of(s);
                                for (const auto& e : s) p.push_back(exp(e - whole));
                                return p;
                              });
                              const Numbers columns = gathered(q, Shape{q.shape[1], q.shape[0]},
                                                               [](const Dims& y) -> std::optional<Dims> {
                                                                 return Dims{y[1], y[0]};
                                                               });
                              return product(scores, columns, q.shape);
                            }};
              }),
      // The element number 0 of each row is its class.
      of_rank(2,
              [](const Choice& c, const auto& x) -> std::optional<Step> {
                if (c.x.rank() != 2) return {};
                return Step{fmt::format("cross_entropy({0}, zeros({{{1}}}, {{.dtype = int64}}))", x, c.x[0]),
                            [a = c.a](const auto& v) {
                              return cross_entropy(v[a], zeros({v[a].size(0)}, {.dtype = int64}));
                            },
                            [a = c.a](const auto& v) {
                              const Numbers losses =
                                  reduced(v[a], 2, false, [](const Line& s) { return logsumexp_of(s) - s[0]; });
                              return Numbers{{}, {mean_of(losses.v)}};
                            }};
              }),
      of_rank(2,
              [](const Choice& c, const auto& x) -> std::optional<Step> {
                if (c.x.rank() != 2 || c.x[0] < 2) return {};
                return Step{fmt::format("batch_norm({}, {{}}, {{}}, {{}}, {{}}, true, 0.1, 0.5)", x),
                            [a = c.a](const auto& v) { return batch_norm(v[a], {}, {}, {}, {}, true, 0.1, 0.5); },
                            [a = c.a](const auto& v) {
                              return along(v[a], 0, [](const Line& s) { return normalised(s, 0.5); });
                            }};
              }),
  };
}

// All of them.
inline const std::vector<Maker>& makers() {
  static const std::vector<Maker> all = [] {
    std::vector<Maker> m;
    for (const auto& f : kOfOne) m.push_back([&f](const Choice& c) { return step_of(f, c); });
    for (int again = 0; again < 3; ++again)
      for (const auto& f : kOfTwo) m.push_back([&f](const Choice& c) { return step_of(f, c); });
    m.push_back(reduction(
        "sum({}, {{{}}}, {})", [](const Tensor& x, const Dims& d, bool k) { return sum(x, d, k); }, total_of));
    m.push_back(reduction(
        "mean({}, {{{}}}, {})", [](const Tensor& x, const Dims& d, bool k) { return mean(x, d, k); }, mean_of));
    m.push_back(reduction("logsumexp({}, {{{}}}, {})", logsumexp, logsumexp_of));
    m.push_back(reduction(
        "var({}, {{{}}}, 0, {})", [](const Tensor& x, const Dims& d, bool k) { return var(x, d, 0, k); }, var_of));
    m.push_back(reduction(
        "norm(exp({}), 2, {{{}}}, {})",
        [](const Tensor& x, const Dims& d, bool k) { return norm(exp(x), 2, d, k); },
        [](const Line& x) {
          Jet total = 0;
          for (const auto& e : x) total = total + exp(e) * exp(e);
          return sqrt(total);
        }));
    m.push_back(of_rank(1, [](const Choice& c, const auto& x) {
      const int d = c.dim();
      return Step{fmt::format("prod({}, {})", x, d), [d, a = c.a](const auto& v) { return prod(v[a], d); },
                  [d, a = c.a](const auto& v) { return reduced(v[a], 1u << d, false, product_of); }};
    }));
    m.push_back(lines("softmax({}, {})", softmax, [](const Line& x) {
      Line y;
      const Jet whole = logsumexp_of(x);
      for (const auto& e : x) y.push_back(exp(e - whole));
      return y;
    }));
    m.push_back(lines("log_softmax({}, {})", log_softmax, [](const Line& x) {
      Line y;
      const Jet whole = logsumexp_of(x);
      for (const auto& e : x) y.push_back(e - whole);
      return y;
    }));
    m.push_back(lines(
        "cumsum({}, {})", [](const Tensor& x, int d) { return cumsum(x, d); },
        [](const Line& x) { return running(x, [](const Jet& a, const Jet& b) { return a + b; }); }));
    m.push_back(lines(
        "cumprod({}, {})", [](const Tensor& x, int d) { return cumprod(x, d); },
        [](const Line& x) { return running(x, [](const Jet& a, const Jet& b) { return a * b; }); }));
    m.push_back(lines("logcumsumexp({}, {})", logcumsumexp, [](const Line& x) {
      return running(x, [](const Jet& a, const Jet& b) { return log(exp(a) + exp(b)); });
    }));
    m.push_back(of_rank(1, [](const Choice& c, const auto& x) {
      const std::int64_t n = c.x.back();
      return Step{fmt::format("layer_norm({}, {{{}}}, {{}}, {{}}, 0.5)", x, n),
                  [n, a = c.a](const auto& v) { return layer_norm(v[a], {n}, {}, {}, 0.5); },
                  [a = c.a](const auto& v) {
                    return along(v[a], v[a].shape.rank() - 1, [](const Line& s) { return normalised(s, 0.5); });
                  }};
    }));
    for (auto& maker : moving_makers()) m.push_back(std::move(maker));
    for (auto& maker : product_makers()) m.push_back(std::move(maker));
    return m;
  }();
  return all;
}

}  // namespace ebb::test
