// Random programs: functions of two tensors put together from many operations, with a reference that knows nothing of
// the library. A program is data; every data is a program, so that one that fails can be made smaller piece by piece.
#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "autograd/autograd.h"
#include "tests/dual.h"

namespace ebb::test {

using dual::Real;
// A value, two first derivatives, and the second one.
using Jet = dual::Dual<dual::Dual<Real>>;

// A tensor of the reference: its elements in row-major order.
struct Numbers {
  Shape shape;
  std::vector<Jet> v;
};

// Which operation, on which values so far, counted back from the last one, and two attributes; each modulo what there is.
struct Instruction {
  int op, a, b, p, q;
};
struct Program {
  std::vector<std::vector<int>> inputs;  // their sizes
  std::vector<Instruction> body;
};

// One operation of a program, three times: as a reader would write it, in the library, and in numbers.
struct Step {
  std::string code;
  std::function<Tensor(const std::vector<Tensor>&)> run;
  std::function<Numbers(const std::vector<Numbers>&)> reference;
  bool two = false;      // it uses its second operand too
  std::size_t kind = 0;  // which of makers() made it
};

// What an instruction has to choose from.
struct Choice {
  std::size_t a, b;    // places of its operands
  const Shape &x, &y;  // their shapes
  int p, q;
  int dim() const { return p % x.rank(); }
  std::string x_name() const { return "v" + std::to_string(a); }
  std::string y_name() const { return "v" + std::to_string(b); }
};
using Maker = std::function<std::optional<Step>(const Choice&)>;

// -- places

template <class F>
void for_each_place(const Shape& shape, F&& f) {
  Dims place = Dims::filled(shape.rank(), 0);
  for (std::int64_t k = 0; k < shape.numel(); ++k) {
    f(std::as_const(place));
    for (int i = shape.rank() - 1; i >= 0 && ++place[i] == shape[i]; --i) place[i] = 0;
  }
}

inline std::size_t row_major(const Shape& shape, const Dims& place) {
  std::int64_t k = 0;
  for (int i = 0; i < shape.rank(); ++i) k = k * shape[i] + place[i];
  return static_cast<std::size_t>(k);
}

// The tensor whose element at a place is x's at from(place); 0 where there is none.
template <class From>
Numbers gathered(const Numbers& x, const Shape& shape, From from) {
  Numbers y{shape, {}};
  for_each_place(shape, [&](const Dims& place) {
    const std::optional<Dims> source = from(place);
    y.v.push_back(source ? x.v[row_major(x.shape, *source)] : Jet(0));
  });
  return y;
}

inline Numbers stretched(const Numbers& x, const Shape& shape) {
  return gathered(x, shape, [&](const Dims& place) -> std::optional<Dims> {
    Dims source;
    for (int i = 0; i < x.shape.rank(); ++i)
      source.push_back(x.shape[i] == 1 ? 0 : place[place.rank() - x.shape.rank() + i]);
    return source;
  });
}

inline std::optional<Shape> joined(const Shape& a, const Shape& b) {
  Dims sizes;
  const int rank = std::max(a.rank(), b.rank());
  for (int i = 0; i < rank; ++i) {
    const int in_a = i - (rank - a.rank()), in_b = i - (rank - b.rank());
    const std::int64_t n = in_a < 0 ? 1 : a[in_a], m = in_b < 0 ? 1 : b[in_b];
    if (n != m && n != 1 && m != 1) return {};
    sizes.push_back(std::max(n, m));
  }
  return Shape(sizes);
}

// f(the elements that differ in the dimensions of `mask` only) in place of those elements.
template <class F>
Numbers reduced(const Numbers& x, unsigned mask, bool keep, F f) {
  Dims kept, sizes;
  for (int i = 0; i < x.shape.rank(); ++i) {
    const bool gone = (mask >> i & 1) != 0;
    kept.push_back(gone ? 1 : x.shape[i]);
    if (!gone || keep) sizes.push_back(gone ? 1 : x.shape[i]);
  }
  const Shape with_ones(kept);
  std::vector<std::vector<Jet>> groups(static_cast<std::size_t>(with_ones.numel()));
  for_each_place(x.shape, [&](const Dims& place) {
    Dims group = place;
    for (int i = 0; i < place.rank(); ++i) group[i] = (mask >> i & 1) != 0 ? 0 : place[i];
    groups[row_major(with_ones, group)].push_back(x.v[row_major(x.shape, place)]);
  });
  Numbers y{Shape(sizes), {}};
  for (const auto& group : groups) y.v.push_back(f(group));
  return y;
}

// f(line) in place of each line along dim.
template <class F>
Numbers along(const Numbers& x, int dim, F f) {
  Numbers y = x;
  const Shape starts = x.shape.with(dim, 1);
  for_each_place(starts, [&](const Dims& start) {
    std::vector<Jet> line;
    Dims place = start;
    for (place[dim] = 0; place[dim] < x.shape[dim]; ++place[dim]) line.push_back(x.v[row_major(x.shape, place)]);
    line = f(line);
    for (place[dim] = 0; place[dim] < x.shape[dim]; ++place[dim])
      y.v[row_major(x.shape, place)] = line[static_cast<std::size_t>(place[dim])];
  });
  return y;
}

// x [.., n, k] yᵀ, y [.., m, k], of the same leading sizes or none.
inline Numbers product(const Numbers& x, const Numbers& y, const Shape& shape) {
  const int rank = x.shape.rank();
  Numbers z{shape, {}};
  for_each_place(shape, [&](const Dims& place) {
    Dims in_x = place, in_y;
    for (int i = rank - y.shape.rank(); i < rank; ++i) in_y.push_back(place[i]);
    in_y[y.shape.rank() - 2] = place[rank - 1];
    Jet total = 0;
    for (std::int64_t k = 0; k < x.shape[rank - 1]; ++k) {
      in_x[rank - 1] = in_y[y.shape.rank() - 1] = k;
      total = total + x.v[row_major(x.shape, in_x)] * y.v[row_major(y.shape, in_y)];
    }
    z.v.push_back(total);
  });
  return z;
}

// -- programs

// All kinds of instructions: tests/program_makers.h.
inline const std::vector<Maker>& makers();

struct Compiled {
  std::vector<Tensor> inputs;        // leaves
  std::vector<Step> steps;           // value number i + inputs.size()
  std::vector<std::size_t> results;  // values that nothing uses: their weighted sum is the function

  std::string code() const {
    std::string text;
    for (std::size_t i = 0; i < inputs.size(); ++i)
      text += fmt::format(
          "Tensor v{} = reshape(tensor<double>({{{:.17g}}}, {{.dtype = float64}}), {{{}}}).set_requires_grad();\n",
          i, fmt::join(inputs[i].to_vector<double>(), ", "), fmt::join(inputs[i].shape(), ", "));
    for (std::size_t i = 0; i < steps.size(); ++i)
      text += fmt::format("Tensor v{} = {};\n", inputs.size() + i, steps[i].code);
    text += "Tensor loss = ";
    for (std::size_t i = 0; i < results.size(); ++i)
      text += fmt::format("{}sum(v{} * usual_cotangent(v{}))", i ? " + " : "", results[i], results[i]);
    return text + ";  // of tests/certify.h";
  }

  // The function in the library, of tensors of the inputs' shapes.
  Tensor operator()(const std::vector<Tensor>& x) const {
    std::vector<Tensor> values = x;
    for (const auto& step : steps) values.push_back(step.run(values));
    Tensor total = zeros({}, {.dtype = float64});
    for (const auto r : results) {
      const auto n = static_cast<double>(values[r].numel());
      total = total + sum(values[r] * reshape(cos(arange(1, n + 1, 1, {.dtype = float64})), values[r].shape()));
    }
    return total;
  }

  // The same in numbers.
  Jet operator()(std::vector<Numbers> values) const {
    for (const auto& step : steps) values.push_back(step.reference(values));
    Jet total = 0;
    for (const auto r : results)
      for (std::size_t k = 0; k < values[r].v.size(); ++k)
        total = total + values[r].v[k] * Jet(std::cos(static_cast<double>(k + 1)));
    return total;
  }
};

inline Numbers numbers(const Tensor& x) {
  Numbers y{x.shape(), {}};
  for (const double v : x.to_vector<double>()) y.v.push_back(Jet(v));
  return y;
}

// Values and derivatives of a size at which digits can be demanded.
inline bool is_tame(const Numbers& x) {
  if (x.shape.numel() > 48 || x.shape.numel() == 0 || x.shape.rank() > 4) return false;
  for (const auto& e : x.v)
    if (!(std::fabs(e.v.v) < 8 && std::fabs(e.v.d) < 100 && std::fabs(e.d.v) < 100 && std::fabs(e.d.d) < 1e4))
      return false;
  return true;
}

// Instructions that make no sense where they stand, or numbers that are not tame, are left out.
inline Compiled compiled(const Program& program) {
  Compiled c;
  std::vector<Numbers> values;
  std::vector<bool> used;
  Generator random{7};
  for (const auto& given : program.inputs) {
    Dims sizes;
    for (const int n : given)
      if (sizes.rank() < 3) sizes.push_back(n);
    c.inputs.push_back(
        (rand(Shape(sizes), {.dtype = float64, .generator = &random}) * 3.0 - 1.5).detach().set_requires_grad());
    values.push_back(numbers(c.inputs.back()));
    for (auto& e : values.back().v) {  // along some two directions
      e.v.d = Real(rand({}, {.dtype = float64, .generator = &random}).item() - 0.5);
      e.d.v = Real(rand({}, {.dtype = float64, .generator = &random}).item() - 0.5);
    }
    used.push_back(false);
  }
  for (const auto& [op, a, b, p, q] : program.body) {
    const auto place = [&](int back) {
      return values.size() - 1 - static_cast<std::size_t>(back) % values.size();
    };
    const std::size_t kind = static_cast<std::size_t>(op) % makers().size();
    const Choice choice{place(a), place(b), values[place(a)].shape, values[place(b)].shape, p, q};
    auto step = makers()[kind](choice);
    if (!step) continue;
    step->kind = kind;
    Numbers result = step->reference(values);
    if (!is_tame(result)) continue;
    used[choice.a] = true;
    if (step->two) used[choice.b] = true;
    values.push_back(std::move(result));
    used.push_back(false);
    c.steps.push_back(std::move(*step));
  }
  for (std::size_t i = 0; i < used.size(); ++i)
    if (!used[i]) c.results.push_back(i);
  return c;
}

}  // namespace ebb::test
