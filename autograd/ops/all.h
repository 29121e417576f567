// Every operation of the library, for the tests, the benchmarks and the table in the documentation. One that
// is applied somewhere and missing here fails a test.
#pragma once

#include "autograd/ops/activation.h"
#include "autograd/ops/arithmetic.h"
#include "autograd/ops/attention.h"
#include "autograd/ops/bitwise.h"
#include "autograd/ops/compare.h"
#include "autograd/ops/conv.h"
#include "autograd/ops/ctc.h"
#include "autograd/ops/decompose.h"
#include "autograd/ops/distance.h"
#include "autograd/ops/grid_sample.h"
#include "autograd/ops/index.h"
#include "autograd/ops/linear.h"
#include "autograd/ops/multivariate.h"
#include "autograd/ops/norm.h"
#include "autograd/ops/part.h"
#include "autograd/ops/pointwise.h"
#include "autograd/ops/pool.h"
#include "autograd/ops/rearrange.h"
#include "autograd/ops/recurrent.h"
#include "autograd/ops/reduce.h"
#include "autograd/ops/resample.h"
#include "autograd/ops/scan.h"
#include "autograd/ops/scatter.h"
#include "autograd/ops/shape.h"
#include "autograd/ops/softmax.h"
#include "autograd/ops/sort.h"
#include "autograd/ops/special.h"

namespace ebb::ops {

using All = decltype(ArithmeticOps() + MultivariateOps() + PointwiseOps() + SpecialOps() + BitwiseOps() +
                     CompareOps() + ActivationOps() + ReduceOps() + ScanOps() + SortOps() + ShapeOps() +
                     RearrangeOps() + IndexOps() + ScatterOps() + DecomposeOps() + DistanceOps() +
                     GridSampleOps() + PartOps() + ResampleOps() + LinearOps() + ConvOps() + PoolOps() +
                     NormOps() + RecurrentOps() + SoftmaxOps() + AttentionOps() + CtcOps());

}  // namespace ebb::ops
