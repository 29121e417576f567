// Tensors, operations on them, and their gradients.
#pragma once

#include "autograd/base/error.h"
#include "autograd/base/memory.h"
#include "autograd/base/parallel.h"
#include "autograd/base/random.h"
#include "autograd/base/strict.h"
#include "autograd/checkpoint.h"
#include "autograd/create.h"
#include "autograd/draw.h"
#include "autograd/engine.h"
#include "autograd/functional.h"
#include "autograd/gradcheck.h"
#include "autograd/node.h"
#include "autograd/op.h"
#include "autograd/ops.h"
#include "autograd/replay.h"
#include "autograd/tensor.h"
