// Datasets and loaders.
#pragma once

#include "data/csv.h"
#include "data/dataset.h"
#include "data/idx.h"
#include "data/loader.h"
#include "data/mnist.h"
#include "data/plane.h"
#include "data/position.h"
#include "data/sequences.h"
#include "data/text.h"
