// What PyTorch 2.15.0+cu132 computes: scripts/record_resnet.py.
#pragma once

#include <vector>

namespace resnet_values {

// Of steps 10, 20, … 100.
inline const std::vector<double> residual_losses = {
    1.4882194702725844, 1.5238911918206963, 1.1407160523151725, 1.5509006901098483,  1.2191320726258206,
    1.5663280039132015, 0.6117423877345198, 0.5826680060398493, 0.23562593649711053, 1.5498868483109258};
// After them, by the running statistics.
inline const std::vector<double> residual_answer = {1.8699908786592208, 0.9201585299686703, -6.340656611153762,
                                                    7.075826601356925, -5.060530167013887};
// Of steps 10, 20, … 100.
inline const std::vector<double> plain_losses = {
    1.4982978317703302, 1.5190347614503166, 1.3124084821869642, 1.6558644854000621, 0.9384165422946398,
    1.6122378532725763, 0.7903225715738685, 0.9292224165727645, 0.5529628384017089, 0.6535319342837643};
// After them, by the running statistics.
inline const std::vector<double> plain_answer = {-0.39108844756055255, 1.0980319689222302, -1.890469387494313,
                                                 1.8987542708784406, -1.2498935019472253};

}  // namespace resnet_values
