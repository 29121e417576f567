// Sums over products of tensors whose dimensions have names.
#include <algorithm>
#include <array>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "autograd/ops/common.h"

namespace ebb {
namespace {

// A tensor and a name for each dimension, none of them twice: letters, and for those of "..." small numbers.
struct Named {
  Tensor x;
  std::string names;
};
using Sizes = std::array<std::int64_t, 128>;

constexpr char kDots = '.';

bool has(const std::string& names, char name) { return names.find(name) != std::string::npos; }

// Those of `names` that `in` has, or has not.
std::string those(const std::string& names, const std::string& in, bool found) {
  std::string result;
  for (const char name : names)
    if (has(in, name) == found) result.push_back(name);
  return result;
}

// -- products of two

Tensor permuted(const Named& a, const std::string& names) {
  Dims order;
  for (const char name : names) order.push_back(static_cast<std::int64_t>(a.names.find(name)));
  return names == a.names ? a.x : permute(a.x, order);
}

Shape shape_of(const Named& a, const std::string& names) {
  Dims sizes;
  for (const char name : names) sizes.push_back(a.x.shape()[static_cast<int>(a.names.find(name))]);
  return Shape(sizes);
}

// a as [batch, rows, columns], without the first if nothing is in it.
Tensor as_matrices(const Named& a, const std::string& batch, const std::string& rows, const std::string& columns) {
  Dims sizes;
  if (!batch.empty()) sizes.push_back(shape_of(a, batch).numel());
  sizes.push_back(shape_of(a, rows).numel());
  sizes.push_back(shape_of(a, columns).numel());
  return reshape(permuted(a, batch + rows + columns), sizes);
}

// a with sizes of 1 for those of `names` that it has not.
Tensor aligned(const Named& a, const std::string& names) {
  Dims sizes;
  for (const char name : names)
    sizes.push_back(has(a.names, name) ? a.x.shape()[static_cast<int>(a.names.find(name))] : 1);
  return reshape(permuted(a, those(names, a.names, true)), sizes);
}

// The product, summed over the dimensions of both that are not to be kept.
Named contracted(std::string_view op, const Named& a, const Named& b, const std::string& keep) {
  const std::string shared = those(a.names, b.names, true), batch = those(shared, keep, true),
                    summed = those(shared, keep, false), rows = those(a.names, b.names, false),
                    columns = those(b.names, a.names, false), all = batch + rows + columns;
  if (all.size() > kMaxRank)
    fail("{}: a product of {} and {} has {} dimensions; {} are possible", op, a.x.shape(), b.x.shape(), all.size(),
         kMaxRank);
  if (summed.empty()) return {aligned(a, all) * aligned(b, all), all};
  Dims sizes = shape_of(a, batch + rows);
  for (const auto size : shape_of(b, columns)) sizes.push_back(size);
  return {reshape(matmul(as_matrices(a, batch, rows, summed), as_matrices(b, batch, summed, columns)), sizes),
          all};
}

// -- the order of products

double product_of(const std::string& names, const Sizes& sizes) {
  double product = 1;
  for (const char name : names) product *= static_cast<double>(sizes[static_cast<std::size_t>(name)]);
  return product;
}

std::string needed(const std::vector<std::string>& terms, std::size_t a, std::size_t b,
                   const std::string& output) {
  std::string names = output;
  for (std::size_t i = 0; i < terms.size(); ++i)
    if (i != a && i != b) names += terms[i];
  return names;
}

struct Choice {
  double cost;  // multiplications from here to the end
  std::size_t a = 0, b = 1;
};

// The two to multiply first: so that there are the fewest multiplications in all, or, among many, at once.
Choice best_pair(const std::vector<std::string>& terms, const std::string& output, const Sizes& sizes) {
  constexpr std::size_t kFew = 5;
  if (terms.size() == 1) return {0};
  Choice best{std::numeric_limits<double>::infinity()};
  for (std::size_t a = 0; a < terms.size(); ++a) {
    for (std::size_t b = a + 1; b < terms.size(); ++b) {
      const std::string both = terms[a] + those(terms[b], terms[a], false);
      double cost = product_of(both, sizes);
      if (terms.size() <= kFew) {
        std::vector<std::string> rest{those(both, needed(terms, a, b, output), true)};
        for (std::size_t i = 0; i < terms.size(); ++i)
          if (i != a && i != b) rest.push_back(terms[i]);
        cost += best_pair(rest, output, sizes).cost;
      }
      if (cost < best.cost) best = {cost, a, b};
    }
  }
  return best;
}

Tensor summed_product(std::vector<Named> operands, const std::string& output, const Sizes& sizes) {
  std::vector<std::string> terms;
  for (const auto& operand : operands) terms.push_back(operand.names);
  for (std::size_t i = 0; i < terms.size(); ++i) {  // what no other one has
    Dims alone;
    const std::string keep = needed(terms, i, i, output);
    for (std::size_t d = 0; d < terms[i].size(); ++d)
      if (!has(keep, terms[i][d])) alone.push_back(static_cast<std::int64_t>(d));
    if (alone.empty()) continue;
    terms[i] = operands[i].names = those(terms[i], keep, true);
    operands[i].x = sum(operands[i].x, alone);
  }
  while (terms.size() > 1) {
    const auto [cost, a, b] = best_pair(terms, output, sizes);
    operands[a] = contracted("einsum", operands[a], operands[b], needed(terms, a, b, output));
    terms[a] = operands[a].names;
    operands.erase(operands.begin() + static_cast<std::ptrdiff_t>(b));
    terms.erase(terms.begin() + static_cast<std::ptrdiff_t>(b));
  }
  return permuted(operands[0], output);
}

// -- the equation

// Its letters, and kDots for "...".
std::string names_of(std::string_view term, std::string_view equation) {
  std::string names;
  for (std::size_t i = 0; i < term.size(); ++i) {
    if (term[i] == ' ') continue;
    if (const int letter = term[i] | 0x20; letter >= 'a' && letter <= 'z') {
      names.push_back(term[i]);
    } else if (term.substr(i, 3) == "..." && !has(names, kDots)) {
      names.push_back(kDots);
      i += 2;
    } else {
      fail("einsum: '{}' in \"{}\"; a term has letters, and \"...\" once", term[i], equation);
    }
  }
  return names;
}

// names with those of the last `count` of `all` dimensions in place of kDots.
std::string with_dots(const std::string& names, int count, int all) {
  std::string result;
  for (const char name : names) {
    if (name != kDots) result.push_back(name);
    else
      for (int i = all - count; i < all; ++i) result.push_back(static_cast<char>(i + 1));
  }
  return result;
}

// Without "->": those of "...", and the letters that occur once.
std::string usual_output(const std::vector<std::string>& terms) {
  std::string all, output(1, kDots);
  for (const auto& term : terms) all += term;
  std::sort(all.begin(), all.end());
  for (const char name : all)
    if (name != kDots && std::count(all.begin(), all.end(), name) == 1) output.push_back(name);
  return output;
}

// Where a name stands that stood before; npos if none does.
std::size_t repetition(const std::string& names) {
  for (std::size_t j = 1; j < names.size(); ++j)
    if (names.find(names[j]) < j) return j;
  return std::string::npos;
}

// The diagonals of dimensions with one name.
Named without_repetition(Named a, std::string_view equation) {
  for (std::size_t j = 0; (j = repetition(a.names)) != std::string::npos;) {
    const char name = a.names[j];
    const std::size_t i = a.names.find(name);
    const int first = static_cast<int>(i), second = static_cast<int>(j);
    if (a.x.shape()[first] != a.x.shape()[second])
      fail("einsum: '{}' names sizes {} and {} of one operand in \"{}\"", name, a.x.shape()[first],
           a.x.shape()[second], equation);
    a.x = diagonal(a.x, 0, first, second);
    a.names.erase(j, 1).erase(i, 1).push_back(name);
  }
  return a;
}

// The sizes of the names. Dimensions of size 1 that broadcast are dropped.
Sizes unified(std::vector<Named>& operands, std::string_view equation) {
  Sizes sizes;
  sizes.fill(1);
  for (const auto& [x, names] : operands) {
    for (std::size_t d = 0; d < names.size(); ++d) {
      auto& known = sizes[static_cast<std::size_t>(names[d])];
      const std::int64_t size = x.shape()[static_cast<int>(d)];
      if (size == 1 || size == known) continue;
      if (known != 1) {
        const std::string name = names[d] < 'A' ? "..." : std::string(1, names[d]);
        fail("einsum: {} has the sizes {} and {} in \"{}\"", name, known, size, equation);
      }
      known = size;
    }
  }
  for (auto& [x, names] : operands)
    for (std::size_t d = names.size(); d-- > 0;)
      if (x.shape()[static_cast<int>(d)] != sizes[static_cast<std::size_t>(names[d])]) {
        x = squeeze(x, static_cast<int>(d));
        names.erase(d, 1);
      }
  return sizes;
}

}  // namespace

Tensor einsum(std::string_view equation, std::span<const Tensor> operands) {
  const std::size_t arrow = equation.find("->");
  std::vector<std::string> terms;
  for (std::string_view left = equation.substr(0, arrow); terms.size() <= operands.size();) {
    const std::size_t comma = left.find(',');
    terms.push_back(names_of(left.substr(0, comma), equation));
    if (comma == std::string_view::npos) break;
    left.remove_prefix(comma + 1);
  }
  if (terms.size() != operands.size() || operands.empty())
    fail("einsum: {} operands for \"{}\"; it must have as many terms, separated by commas", operands.size(),
         equation);
  std::string output =
      arrow == std::string_view::npos ? usual_output(terms) : names_of(equation.substr(arrow + 2), equation);

  std::vector<int> unnamed;
  int dots = 0;
  for (std::size_t i = 0; i < terms.size(); ++i) {
    ops::require_floating("einsum", operands[i], "an operand");
    ops::require_same_dtype("einsum", operands[0], operands[i]);
    const bool open = has(terms[i], kDots);
    unnamed.push_back(operands[i].dim() - static_cast<int>(terms[i].size()) + (open ? 1 : 0));
    if (unnamed[i] < 0 || (!open && unnamed[i] > 0))
      fail("einsum: operand {} is {}, but \"{}\" names {} dimensions of it", i, operands[i].shape(), equation,
           terms[i].size() - (open ? 1 : 0));
    dots = std::max(dots, unnamed[i]);
  }
  output = with_dots(output, dots, dots);

  std::vector<Named> named;
  std::string all;
  for (std::size_t i = 0; i < terms.size(); ++i) {
    named.push_back(without_repetition({operands[i], with_dots(terms[i], unnamed[i], dots)}, equation));
    all += named[i].names;
  }
  for (std::size_t i = 0; i < output.size(); ++i) {
    if (!has(all, output[i])) fail("einsum: '{}' of the result is in no operand of \"{}\"", output[i], equation);
    if (output.find(output[i]) != i) fail("einsum: '{}' is twice in the result of \"{}\"", output[i], equation);
  }
  const Sizes sizes = unified(named, equation);
  return summed_product(std::move(named), output, sizes);
}

Tensor einsum(std::string_view equation, std::initializer_list<Tensor> operands) {
  return einsum(equation, std::span(operands.begin(), operands.size()));
}

Tensor tensordot(const Tensor& a, const Tensor& b, const Dims& dims_a, const Dims& dims_b) {
  ops::require_floating("tensordot", a);
  ops::require_same_dtype("tensordot", a, b);
  if (dims_a.rank() != dims_b.rank())
    fail("tensordot: {} names {} dimensions, {} names {}", dims_a, dims_a.rank(), dims_b, dims_b.rank());
  Named left{a, {}}, right{b, {}};
  for (int d = 0; d < a.dim(); ++d) left.names.push_back(static_cast<char>('a' + d));
  for (int d = 0; d < b.dim(); ++d) right.names.push_back(static_cast<char>('A' + d));
  std::string keep = left.names + right.names;
  for (int i = 0; i < dims_a.rank(); ++i) {
    const int of_a = ops::dimension("tensordot", static_cast<int>(dims_a[i]), a.dim());
    const int of_b = ops::dimension("tensordot", static_cast<int>(dims_b[i]), b.dim());
    const char name = left.names[static_cast<std::size_t>(of_a)];
    auto& other = right.names[static_cast<std::size_t>(of_b)];
    if (!has(keep, name) || other >= 'a') fail("tensordot: a dimension appears twice in {} or {}", dims_a, dims_b);
    if (a.shape()[of_a] != b.shape()[of_b])
      fail("tensordot: dimension {} of {} has another size than dimension {} of {}", of_a, a.shape(), of_b,
           b.shape());
    other = name;
    keep = those(keep, std::string(1, name), false);
  }
  return contracted("tensordot", left, right, keep).x;
}

Tensor tensordot(const Tensor& a, const Tensor& b, int dims) {
  if (dims < 0 || dims > a.dim() || dims > b.dim())
    fail("tensordot: {} dimensions of {} and {}", dims, a.shape(), b.shape());
  Dims of_a, of_b;
  for (int i = 0; i < dims; ++i) {
    of_a.push_back(a.dim() - dims + i);
    of_b.push_back(i);
  }
  return tensordot(a, b, of_a, of_b);
}

Tensor inner(const Tensor& a, const Tensor& b) {
  if (a.dim() == 0 || b.dim() == 0) return a * b;
  return tensordot(a, b, Dims{-1}, Dims{-1});
}

}  // namespace ebb
