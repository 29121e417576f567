// Files: tensors, checkpoints, reports; and the progress bar.
#pragma once

#include "io/checkpoint.h"
#include "io/progress.h"
#include "io/report.h"
#include "io/safetensors.h"
