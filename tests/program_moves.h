// The operations of random programs (program.h) that put elements at other places: views and copies. The reference
// is one function from places to places.
#pragma once

#include <algorithm>

#include "tests/program.h"

namespace ebb::test {

// y[place] = x[from(place)], or 0.
using From = std::function<std::optional<Dims>(const Dims&)>;
inline Step moved(std::string code, const Choice& c, std::function<Tensor(const Tensor&)> f, const Shape& shape,
                  From from) {
  return {std::move(code), [f = std::move(f), a = c.a](const auto& v) { return f(v[a]); },
          [from = std::move(from), shape, a = c.a](const auto& v) { return gathered(v[a], shape, from); }};
}
// The place of x's element number k.
inline Dims place_of(const Shape& shape, std::int64_t k) {
  Dims place = Dims::filled(shape.rank(), 0);
  for (int i = shape.rank() - 1; i >= 0; --i) place[i] = k % shape[i], k /= shape[i];
  return place;
}
inline std::int64_t number_of(const Shape& shape, const Dims& place) {
  return static_cast<std::int64_t>(row_major(shape, place));
}
inline Dims with(Dims place, int i, std::int64_t at) {
  place[i] = at;
  return place;
}

// Makers that need a dimension, of which there are `least`.
template <class Make>
Maker of_rank(int least, Make make) {
  return [=](const Choice& c) -> std::optional<Step> {
    if (c.x.rank() < least || c.x.rank() > 3) return {};
    return make(c, c.x_name());
  };
}

inline std::vector<Maker> moving_makers() {
  using fmt::format;
  return {
      of_rank(2,
              [](const Choice& c, const auto& x) {
                const int i = c.dim(), j = c.q % c.x.rank();
                return moved(
                    fmt::format("transpose({}, {}, {})", x, i, j), c,
                    [=](const Tensor& t) { return transpose(t, i, j); }, c.x.with(i, c.x[j]).with(j, c.x[i]),
                    [=](const Dims& y) { return with(with(y, i, y[j]), j, y[i]); });
              }),
      of_rank(1,
              [](const Choice& c, const auto& x) {
                const int d = c.dim();
                const std::int64_t at = c.q % c.x[d];
                return moved(
                    fmt::format("select({}, {}, {})", x, d, at), c,
                    [=](const Tensor& t) { return select(t, d, at); }, c.x.without(d),
                    [=](Dims y) {
                      y.insert(d, at);
                      return y;
                    });
              }),
      of_rank(1,
              [](const Choice& c, const auto& x) {
                const int d = c.dim();
                const std::int64_t from = c.q % c.x[d], n = c.x[d] - from;
                return moved(
                    fmt::format("narrow({}, {}, {}, {})", x, d, from, n), c,
                    [=](const Tensor& t) { return narrow(t, d, from, n); }, c.x.with(d, n),
                    [=](const Dims& y) { return with(y, d, y[d] + from); });
              }),
      of_rank(1,
              [](const Choice& c, const auto& x) {
                const int d = c.dim();
                return moved(
                    fmt::format("slice({}, {}, 0, {{}}, 2)", x, d), c,
                    [=](const Tensor& t) { return slice(t, d, 0, {}, 2); }, c.x.with(d, (c.x[d] + 1) / 2),
                    [=](const Dims& y) { return with(y, d, 2 * y[d]); });
              }),
      of_rank(0,
              [](const Choice& c, const auto& x) {
                const Shape in = c.x, out{in.numel()};
                return moved(
                    fmt::format("reshape({}, {{-1}})", x), c, [](const Tensor& t) { return reshape(t, {-1}); },
                    out, [=](const Dims& y) { return place_of(in, y[0]); });
              }),
      of_rank(0,
              [](const Choice& c, const auto& x) -> std::optional<Step> {
                const Shape in = c.x;
                const std::int64_t n = 2 + c.p % 3;
                if (in.numel() % n != 0) return {};
                const Shape out{n, in.numel() / n};
                return moved(
                    fmt::format("reshape({}, {{{}, -1}})", x, n), c,
                    [=](const Tensor& t) {
                      return reshape(t, {n, -1});
                    },
                    out, [=](const Dims& y) { return place_of(in, number_of(out, y)); });
              }),
      of_rank(0,
              [](const Choice& c, const auto& x) {
                const int d = c.p % (c.x.rank() + 1);
                return moved(
                    fmt::format("unsqueeze({}, {})", x, d), c, [=](const Tensor& t) { return unsqueeze(t, d); },
                    c.x.inserted(d, 1),
                    [=](Dims y) {
                      y.erase(d);
                      return y;
                    });
              }),
      of_rank(0,
              [](const Choice& c, const auto& x) {
                const Shape out = c.x.inserted(0, 3);
                return moved(
                    fmt::format("expand({}, {{{}}})", x, fmt::join(out, ", ")), c,
                    [=](const Tensor& t) { return expand(t, out); }, out,
                    [](Dims y) {
                      y.erase(0);
                      return y;
                    });
              }),
      of_rank(1,
              [](const Choice& c, const auto& x) {
                const int d = c.dim();
                const std::int64_t n = c.x[d];
                return moved(
                    fmt::format("flip({}, {{{}}})", x, d), c, [=](const Tensor& t) { return flip(t, {d}); }, c.x,
                    [=](const Dims& y) { return with(y, d, n - 1 - y[d]); });
              }),
      of_rank(2,
              [](const Choice& c, const auto& x) -> std::optional<Step> {
                const std::int64_t off = c.p % 3 - 1, down = std::max<std::int64_t>(-off, 0),
                                   right = std::max<std::int64_t>(off, 0);
                const std::int64_t n = std::min(c.x[0] - down, c.x[1] - right);
                if (n < 1) return {};
                return moved(
                    fmt::format("diagonal({}, {})", x, off), c, [=](const Tensor& t) { return diagonal(t, off); },
                    c.x.without(0).without(0).inserted(c.x.rank() - 2, n),
                    [=](Dims y) {
                      const std::int64_t i = y.back();
                      y.erase(y.rank() - 1);
                      y.insert(0, i + right);
                      y.insert(0, i + down);
                      return y;
                    });
              }),
      of_rank(1,
              [](const Choice& c, const auto& x) {
                const int d = c.dim();
                const std::int64_t by = c.q % 3 - 1, n = c.x[d];
                return moved(
                    fmt::format("roll({}, {{{}}}, {{{}}})", x, by, d), c,
                    [=](const Tensor& t) { return roll(t, {by}, {d}); }, c.x,
                    [=](const Dims& y) { return with(y, d, (y[d] - by + n) % n); });
              }),
      of_rank(2,
              [](const Choice& c, const auto& x) {
                const int r = c.x.rank();
                const std::int64_t k = c.p % 3 - 1;
                const bool upper = c.q % 2 == 1;
                return moved(
                    fmt::format("{}({}, {})", upper ? "triu" : "tril", x, k), c,
                    [=](const Tensor& t) { return upper ? triu(t, k) : tril(t, k); }, c.x,
                    [=](const Dims& y) -> std::optional<Dims> {
                      const std::int64_t above = y[r - 1] - y[r - 2];
                      if (upper ? above < k : above > k) return {};
                      return y;
                    });
              }),
      of_rank(1,
              [](const Choice& c, const auto& x) -> std::optional<Step> {
                constexpr const char* kNames[] = {"constant", "reflect", "replicate", "circular"};
                const int r = c.x.rank(), m = c.p % 4;
                const auto mode = static_cast<PadMode>(m);
                const std::int64_t n = c.x[r - 1];
                if (n < 2 || (m != 0 && r < 2)) return {};  // PyTorch pads [c, w] and more
                return moved(
                    fmt::format("pad({}, {{1, 1}}, PadMode::{})", x, kNames[m]), c,
                    [=](const Tensor& t) {
                      return pad(t, {1, 1}, mode);
                    },
                    c.x.with(r - 1, n + 2),
                    [=](const Dims& y) -> std::optional<Dims> {
                      std::int64_t i = y[r - 1] - 1;
                      if ((i < 0 || i >= n) && m == 0) return {};
                      if (m == 1) i = i < 0 ? 1 : i >= n ? n - 2 : i;
                      if (m == 2) i = std::clamp<std::int64_t>(i, 0, n - 1);
                      if (m == 3) i = (i + n) % n;
                      return with(y, r - 1, i);
                    });
              }),
      of_rank(1,
              [](const Choice& c, const auto& x) {
                const int d = c.dim();
                const std::int64_t n = c.x[d];
                return moved(
                    fmt::format("cat({{{0}, {0}}}, {1})", x, d), c,
                    [=](const Tensor& t) {
                      return cat({t, t}, d);
                    },
                    c.x.with(d, 2 * n), [=](const Dims& y) { return with(y, d, y[d] % n); });
              }),
      of_rank(1,
              [](const Choice& c, const auto& x) {
                const int d = c.dim();
                return moved(
                    fmt::format("stack({{{0}, {0}}}, {1})", x, d), c,
                    [=](const Tensor& t) {
                      return stack({t, t}, d);
                    },
                    c.x.inserted(d, 2),
                    [=](Dims y) {
                      y.erase(d);
                      return y;
                    });
              }),
      of_rank(1,
              [](const Choice& c, const auto& x) {
                const int d = c.dim();
                const std::int64_t n = c.x[d], i = c.q % n;
                return moved(
                    fmt::format("index_select({}, {}, tensor<std::int64_t>({{{}, 0, {}}}))", x, d, i, i), c,
                    [=](const Tensor& t) {
                      return index_select(t, d, tensor({i, std::int64_t{0}, i}));
                    },
                    c.x.with(d, 3), [=](const Dims& y) { return with(y, d, y[d] == 1 ? 0 : i); });
              }),
      of_rank(1,
              [](const Choice& c, const auto& x) {
                const int d = c.dim();
                return moved(
                    fmt::format("repeat_interleave({}, 2, {})", x, d), c,
                    [=](const Tensor& t) { return repeat_interleave(t, 2, d); }, c.x.with(d, 2 * c.x[d]),
                    [=](const Dims& y) { return with(y, d, y[d] / 2); });
              }),
      of_rank(0,
              [](const Choice& c, const auto& x) {
                const Shape in = c.x;
                const std::int64_t i = c.p % in.numel(), j = c.q % in.numel();
                return moved(
                    fmt::format("take({}, tensor<std::int64_t>({{{}, {}, {}}}))", x, i, j, i), c,
                    [=](const Tensor& t) {
                      return take(t, tensor({i, j, i}));
                    },
                    Shape{3}, [=](const Dims& y) { return place_of(in, y[0] == 1 ? j : i); });
              }),
      of_rank(1,
              [](const Choice& c, const auto& x) {
                const int r = c.x.rank();
                return moved(
                    fmt::format("diag_embed({})", x), c, [](const Tensor& t) { return diag_embed(t); },
                    c.x.inserted(r, c.x[r - 1]),
                    [=](Dims y) -> std::optional<Dims> {
                      if (y[r] != y[r - 1]) return {};
                      y.erase(r);
                      return y;
                    });
              }),
      of_rank(0,
              [](const Choice& c, const auto& x) {
                return moved(
                    fmt::format("{}.clone()", x), c, [](const Tensor& t) { return t.clone(); }, c.x,
                    [](const Dims& y) { return y; });
              }),
  };
}

}  // namespace ebb::test
