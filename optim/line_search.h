// A step length along a direction.
#pragma once

#include <functional>

#include "autograd/tensor.h"

namespace ebb::optim {

// A function along a direction d: at x + t d it has this value, this gradient, and the slope gradient · d.
struct LinePoint {
  double t, value, slope;
  Tensor gradient;
};

struct WolfeOptions {
  double c1 = 1e-4, c2 = 0.9;
  double tolerance = 1e-9;  // of the distance between two points, in the direction's largest element
  int max_evaluations = 25;
};

// A point that meets the strong Wolfe conditions
//
//   value ≤ start.value + c1 t start.slope  and  |slope| ≤ c2 |start.slope|,
//
// from start.t = 0, a negative slope, and a first guess t; or the best that is found. Steps grow until they enclose such a
// point, by cubic interpolation, and then close in on it (Nocedal, Wright: Numerical Optimization, 2006, algorithms 3.5
// and 3.6; the safeguards are those of Schmidt's minFunc, 2005, and so of PyTorch). `size` is |d|'s largest element.
LinePoint strong_wolfe(const std::function<LinePoint(double t)>& at, const LinePoint& start, double t, double size,
                       const WolfeOptions& options = {});

}  // namespace ebb::optim
