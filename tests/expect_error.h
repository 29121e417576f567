// CHECK_ERROR(expression, text): the expression throws ebb::Error with exactly this text.
#pragma once

#include <doctest/doctest.h>

#include "autograd/base/error.h"

#define CHECK_ERROR(expression, text) CHECK_THROWS_WITH_AS((void)(expression), text, ebb::Error)
