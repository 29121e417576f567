// Support vector machines.
#pragma once

#include "svm/kernel.h"
#include "svm/linear_svc.h"
#include "svm/smo.h"
#include "svm/svc.h"
