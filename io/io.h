// Files: tensors, checkpoints, reports.
#pragma once

#include "io/checkpoint.h"
#include "io/report.h"
#include "io/safetensors.h"
