// Whether products may be regrouped for speed.
#pragma once

namespace ebb {

// Strict: every product is summed as its formula says; algorithms that regroup arithmetic for speed (Winograd's, for
// convolutions of float32; distances by products of matrices) are off. Initially false. For the whole process, from the next
// operation on. A seed gives the same bits at any number of threads either way, but not the same ones.
bool strict();
void set_strict(bool on);

}  // namespace ebb
