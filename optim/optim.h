// Optimizers, schedules, averages, clipping, minimisation.
#pragma once

#include "optim/average.h"
#include "optim/clip.h"
#include "optim/gauss_newton.h"
#include "optim/lbfgs.h"
#include "optim/line_search.h"
#include "optim/minimize.h"
#include "optim/newton.h"
#include "optim/optimizer.h"
#include "optim/schedule.h"
