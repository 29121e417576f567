// Datasets and loaders.
#pragma once

#include "data/cifar.h"
#include "data/csv.h"
#include "data/dataset.h"
#include "data/digits.h"
#include "data/idx.h"
#include "data/image_set.h"
#include "data/loader.h"
#include "data/mnist.h"
#include "data/npy.h"
#include "data/plane.h"
#include "data/position.h"
#include "data/sequences.h"
#include "data/text.h"
#include "data/transforms.h"
