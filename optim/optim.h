// Optimizers, schedules, clipping, minimisation.
#pragma once

#include "optim/clip.h"
#include "optim/minimize.h"
#include "optim/optimizer.h"
#include "optim/schedule.h"
