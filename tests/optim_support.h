// What the tests of optimizers, clipping and schedules share.
#pragma once

#include <doctest/doctest.h>

#include <initializer_list>
#include <string>

#include "autograd/create.h"

namespace ebb {

inline Tensor leaf(std::initializer_list<double> values, Dtype dtype = float64) {
  return tensor(values, {.dtype = dtype, .requires_grad = true});
}

inline void give(Tensor p, std::initializer_list<double> gradient) {
  p.set_grad(tensor(gradient, {.dtype = p.dtype()}));
}

template <class F>
std::string error_of(F&& f) {
  try {
    f();
  } catch (const Error& error) { return error.what(); }
  return "no error";
}

template <class F>
void check_error(F&& f, const std::string& text) {
  const auto what = error_of(f);
  CHECK_MESSAGE(what == text, what);
}

// Does the expression throw an Error of this text?
#define CHECK_ERROR(expression, text) check_error([&] { (void)expression; }, text)

}  // namespace ebb
