// What the programs that certify public functions of more than one operation share.
#pragma once

#include <array>
#include <initializer_list>
#include <vector>

#include "autograd/ops/common.h"
#include "tests/certify.h"

namespace ebb::test {

// Whatever a function returns, as what it is compared by.
inline Tensors listed(const Tensor& x) { return {x}; }
inline Tensors listed(Tensors x) { return x; }
inline Tensors listed(const ValuesIndices& x) { return {x.values, x.indices}; }
template <std::size_t N>
Tensors listed(const std::array<Tensor, N>& x) {
  return {x.begin(), x.end()};
}

// A function of the inputs x[0], x[1], …
#define F(expression) [](const Tensors& x) { return listed(expression); }

inline std::vector<Case> together(std::initializer_list<std::vector<Case>> groups) {
  std::vector<Case> cases;
  for (const auto& group : groups) cases.insert(cases.end(), group.begin(), group.end());
  return cases;
}

}  // namespace ebb::test
