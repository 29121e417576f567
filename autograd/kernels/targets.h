// Which instruction sets the kernels are compiled for; included before Highway. On x86: SSE4, AVX2, AVX-512.
#pragma once

#define HWY_DISABLED_TARGETS (HWY_SSSE3 | HWY_AVX3_DL)
