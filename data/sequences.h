// Made-up tasks for networks that must remember. The numbers come from `generator`, or default_generator() if that is
// null.
#pragma once

#include <cstdint>

#include "autograd/base/random.h"
#include "autograd/tensor.h"

namespace ebb::data {

struct Sequences {
  Tensor inputs;        // [n, length, size]
  Tensor targets;       // [n, length, 1] for every step, or [n, 1] for the last
  Tensor lengths = {};  // int64 [n], if they differ
};

// What was heard `lag` steps ago: inputs [n, length, 1] of 0 and 1, drawn with equal probability, and as targets [n, length,
// 1] the same, lag steps later; before that 0. Error unless 0 <= lag < length.
Sequences echo(std::int64_t n, std::int64_t length, std::int64_t lag, Generator* generator = nullptr);

// The adding problem as in Le, Jaitly, Hinton: A Simple Way to Initialize Recurrent Networks of Rectified Linear Units;
// 2015. inputs [n, length, 2]: a number in [0, 1) and a mark, 1 at one step of the first half and one of the second, else
// 0. targets [n, 1]: the sum of the two marked numbers. Always to answer 1 has the squared error 1/6. length >= 2.
Sequences adding(std::int64_t n, std::int64_t length, Generator* generator = nullptr);

// As in Hochreiter, Schmidhuber: Long Short-Term Memory; 1997, §5.4. lengths are from `length` to length + length / 10,
// inputs [n, length + length / 10, 2]: a number X in [-1, 1) and a mark, 1 at one of the first ten steps and at another
// one of the first length / 2 - 1, -1 at the first and last step, else 0. targets [n, 1]: 0.5 + (X1 + X2) / 4 of the
// marked ones; if the first step is marked, its X counts as 0. An answer within 0.04 is right. length >= 22.
Sequences adding_1997(std::int64_t n, std::int64_t length, Generator* generator = nullptr);

}  // namespace ebb::data
