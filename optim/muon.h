// Muon's step, in operations on tensors.
#pragma once

#include "autograd/kernels/update.h"
#include "optim/algorithms.h"

namespace ebb::optim {

// Moves one matrix; the buffer is the momentum. See MuonOptions.
void muon(const kernels::UpdateSlot& slot, const MuonOptions& options);

}  // namespace ebb::optim
