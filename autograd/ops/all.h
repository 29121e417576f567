// Every operation of the library, for the tests, the benchmarks and the table in the documentation. One that
// is applied somewhere and missing here fails a test.
#pragma once

#include <tuple>

#include "autograd/ops/activation.h"
#include "autograd/ops/arithmetic.h"
#include "autograd/ops/attention.h"
#include "autograd/ops/compare.h"
#include "autograd/ops/conv.h"
#include "autograd/ops/index.h"
#include "autograd/ops/linear.h"
#include "autograd/ops/norm.h"
#include "autograd/ops/pointwise.h"
#include "autograd/ops/pool.h"
#include "autograd/ops/recurrent.h"
#include "autograd/ops/reduce.h"
#include "autograd/ops/shape.h"
#include "autograd/ops/softmax.h"

namespace ebb::ops {

using All =
    std::tuple<Add, Sub, Mul, Div, AddScalar, MulScalar, Pow, PowScalar,               // arithmetic.h
               Neg, Exp, Log, Sqrt, Rsqrt, Reciprocal, Square, Abs, Sign, Sin, Cos,    // pointwise.h
               Eq, Ne, Lt, Le, Gt, Ge, Where, Maximum, Minimum, Clamp, ClampBackward,  // compare.h
               Tanh, TanhBackward, Sigmoid, SigmoidBackward, Relu, LeakyRelu, LeakyReluBackward, Elu, EluBackward,
               Softplus, SoftplusBackward, GeluOp, GeluBackward, Silu, SiluBackward,
               Dropout,                                                                           // activation.h
               Sum, Var, Amax, Amin, Logsumexp, LogsumexpBackward, Argmax, Argmin,                // reduce.h
               Identity, Reshape, Permute, Expand, Slice, SliceBackward, Select, Cat, Clone, To,  // shape.h
               IndexSelect, IndexAdd, Gather, ScatterAdd,                                         // index.h
               Matmul, Linear,                                                                    // linear.h
               Conv2d, Conv2dBackwardInput, Conv2dBackwardWeight,                                 // conv.h
               MaxPool2d, MaxPool2dBackward, MaxPool2dGather, AvgPool2d, AvgPool2dBackward, AdaptiveAvgPool2d,
               AdaptiveAvgPool2dBackward,  // pool.h
               LayerNorm, BatchNorm,       // norm.h
               Lstm, Gru, Rnn,             // recurrent.h
               Softmax, SoftmaxBackward, LogSoftmax, LogSoftmaxBackward, CrossEntropy,
               CrossEntropyBackward,  // softmax.h
               Attention>;            // attention.h

}  // namespace ebb::ops
