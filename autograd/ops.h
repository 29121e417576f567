// The operations on tensors. All are differentiable in their floating inputs, to any order, unless the
// comment says otherwise; every one leaves its inputs as they are.
//
// Two tensors of different shapes broadcast as in NumPy: shapes are aligned at the last dimension, and sizes
// of 1 stretch. Dtypes are never promoted between tensors: an Error names to(dtype). Scalars take the
// tensor's dtype. A `dim` may be negative and then counts from the end. An operation that can not do what it
// is asked throws an Error that names it and says what was given.
#pragma once

#include "autograd/functions/activation.h"
#include "autograd/functions/attention.h"
#include "autograd/functions/conv.h"
#include "autograd/functions/decompose.h"
#include "autograd/functions/dropout.h"
#include "autograd/functions/image.h"
#include "autograd/functions/index.h"
#include "autograd/functions/linalg.h"
#include "autograd/functions/loss.h"
#include "autograd/functions/norm.h"
#include "autograd/functions/pairs.h"
#include "autograd/functions/pointwise.h"
#include "autograd/functions/pool.h"
#include "autograd/functions/products.h"
#include "autograd/functions/recurrent.h"
#include "autograd/functions/reduce.h"
#include "autograd/functions/resample.h"
#include "autograd/functions/scan.h"
#include "autograd/functions/shape.h"
#include "autograd/functions/sort.h"
