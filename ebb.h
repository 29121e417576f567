// ebb: neural networks with certified gradients. Everything a program needs, in one include.
#pragma once

#include "autograd/autograd.h"
#include "data/data.h"
#include "io/io.h"
#include "metrics/metrics.h"
#include "nn/nn.h"
#include "optim/optim.h"
#include "svm/svm.h"
