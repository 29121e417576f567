// Faults in gradient formulas, one at a time: the tests of the tests. scripts/mutate runs them.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <map>
#include <optional>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>

#include "autograd/create.h"
#include "autograd/mutation.h"
#include "autograd/ops.h"

namespace ebb::test {

// `change` is scale (by 1.01), drop (zeros instead), negate, or shift (by 0.01).
struct Mutant {
  std::string op;
  int input = 0;
  std::string formula;  // grad or add
  std::string change;
};

inline std::optional<Mutant> read_mutant(const char* text) {
  if (text == nullptr || *text == 0) return {};
  Mutant mutant;
  std::istringstream(text) >> mutant.op >> mutant.input >> mutant.formula >> mutant.change;
  return mutant;
}

// The one that the environment variable EBB_MUTANT names, as list_mutants() prints it. None in a usual build.
#if defined(EBB_MUTATION)
inline const std::optional<Mutant>& chosen_mutant();

inline Tensor spoil(std::string_view op, int input, detail::Formula formula, Tensor gradient) {
  const Mutant& m = *chosen_mutant();
  const std::string_view name = formula == detail::Formula::grad ? "grad" : "add";
  if (m.op != op || m.input != input || m.formula != name) return gradient;
  if (m.change == "scale") return gradient * 1.01;
  if (m.change == "negate") return -gradient;
  return m.change == "drop" ? zeros_like(gradient) : gradient + 0.01;
}

inline const std::optional<Mutant>& chosen_mutant() {
  static const std::optional<Mutant> mutant = [] {
    auto chosen = read_mutant(std::getenv("EBB_MUTANT"));
    if (chosen) detail::mutation = spoil;
    return chosen;
  }();
  return mutant;
}
#else
inline std::optional<Mutant> chosen_mutant() { return {}; }
#endif

// Gradients that are 0 wherever they exist: scaled or dropped they are the same, but shifted they are not.
inline bool is_zero_by_definition(std::string_view op, int input) {
  static const std::map<std::pair<std::string_view, int>, const char*> known{
      {{"sign", 0}, "constant between its jumps"},
      {{"floor", 0}, "constant between its jumps"},
      {{"ceil", 0}, "constant between its jumps"},
      {{"round", 0}, "constant between its jumps"},
      {{"trunc", 0}, "constant between its jumps"},
      {{"div_rounded", 0}, "constant between its jumps"},
      {{"div_rounded", 1}, "constant between its jumps"},
      {{"copysign", 1}, "constant on each side of 0"},
      {{"gate", 0}, "constant in x on each side of its bounds"},
      {{"leaky_relu_backward", 0}, "constant in x on each side of 0"},
      {{"clamp_backward", 0}, "constant in x on each side of its bounds"},
  };
  return known.contains({op, input});
}

// Prints every mutant of an operation. Bit i of `differentiable`: input i has a gradient; of `parts`: also one
// that adds into a part.
inline void list_mutants(std::string_view op, int inputs, std::uint32_t differentiable, std::uint32_t parts) {
  for (int i = 0; i < inputs; ++i) {
    const auto print = [&](const char* formula, const char* change) {
      std::cout << "mutant: " << op << ' ' << i << ' ' << formula << ' ' << change << '\n';
    };
    if ((differentiable >> i & 1) == 0) continue;
    print("grad", "shift");
    if (is_zero_by_definition(op, i)) continue;
    for (const char* change : {"scale", "drop", "negate"}) {
      print("grad", change);
      if ((parts >> i & 1) != 0) print("add", change);
    }
  }
}

}  // namespace ebb::test
