// Everything of ebb::nn.
#pragma once

#include "nn/activation.h"
#include "nn/attention.h"
#include "nn/conv.h"
#include "nn/dropout.h"
#include "nn/embedding.h"
#include "nn/image.h"
#include "nn/init.h"
#include "nn/linear.h"
#include "nn/module.h"
#include "nn/norm.h"
#include "nn/pad.h"
#include "nn/pool.h"
#include "nn/recurrent.h"
#include "nn/sequential.h"
#include "nn/transformer.h"
